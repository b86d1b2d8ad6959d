"""The exit: every table as CSV with a manifest, in one snapshot, and the way back.

What comes back into an empty installation is the same to the last digest, so exporting it again
gives the same files. Left out, and named in the manifest, is what only this machine can use:
secrets, and work that is under way.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from psycopg import Connection, Cursor, sql
from sqlalchemy import Column, Computed, Engine, ForeignKeyConstraint, Table, text

from models.base import Base, BusinessError, said

FORMAT = "regulars-export-1"
MANIFEST = "manifest.json"
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
BLOCK_BYTES = 1 << 20
ROWS_AT_ONCE = 2_000
LONGEST_STATEMENT = "2h"
"""A table of ten million rows takes longer than a page's statement may."""

LEFT_OUT = {
    "outbox": "messages under way, with the keys under which LINE knows them",
    "line_event": "webhook events with reply tokens, worked within seconds",
    "text_message": "codes on their way to phones",
    "approval": "codes by which a second person approves, good for minutes",
    "device_code": "codes that enrol a device, good for minutes",
    "staff_invitation": "links by which people choose a password, good for days",
    "transfer": "files that come in and go out, also this export",
    "transfer_part": "what those files hold",
    "channel_check": "what LINE said of this installation's channel",
    "import_row": "rows of an import under way",
    "job_run": "what this machine's clock has done",
    "api_call": "answers kept for a week, of calls by keys that stay behind too",
    "line_channel": "tokens of the LINE channel",
    "rich_menu": "ids of this channel's menus; `rich-menu sync` makes them anew",
    "webhook_endpoint": "other systems that listen here; another installation must not call them",
    "webhook_event": "what they were told",
    "webhook_delivery": "what they were told",
    "webhook_cursor": "how far they were told",
    "engagement_mark": "how far this installation has read; another reads all of it again",
    "line_pace": "when this installation may call LINE next",
    "journey_mark": "how far this installation has looked for causes; another looks again",
}
"""Tables that stay behind, and why."""
SECRET = re.compile(r"(^|_)(api_key|apikey|otp|one_time|token|secret)s?(_|$)")
"""A table or column whose name says so is a secret of this installation, whoever adds it."""
NO_SECRETS = {("import_batch", "run_token")}
"""Names that only look like one: which run works on a batch."""

Tell = Callable[[str, int], None]
"""Told of each table as it is done, with its rows."""


class ExportRefused(BusinessError):
    """The folder is no place for an export; the facts carry `reason`, in three languages."""

    code = "export_refused"


class RestoreRefused(BusinessError):
    """The export cannot be restored here; the facts carry `reason`, in three languages."""

    code = "restore_refused"


@dataclass(frozen=True)
class Part:
    """One table of an export."""

    table: Table
    columns: tuple[str, ...]
    nulled: tuple[str, ...]
    """Columns that name rows which stay behind, or secrets; empty in the export."""


def plan_export() -> tuple[list[Part], dict[str, str]]:
    """Return the tables in the order in which they can be loaded, and what stays behind, why."""
    left_out = {name: why for name, why in LEFT_OUT.items() if name in Base.metadata.tables}
    for table in Base.metadata.tables.values():
        if SECRET.search(table.name) and table.name not in left_out:
            left_out[table.name] = "secrets of this installation"
    tables = in_order(
        table for table in Base.metadata.tables.values() if table.name not in left_out
    )
    parts = []
    for table in tables:
        columns = tuple(column.name for column in table.columns if not _is_computed(column))
        nulled = tuple(
            column.name for column in table.columns if _stays_behind(column, set(left_out))
        )
        left_out |= {f"{table.name}.{name}": "names what stays behind" for name in nulled}
        parts.append(Part(table, columns, nulled))
    return parts, left_out


def in_order(tables: Iterable[Table]) -> list[Table]:
    """Sort tables so that each comes after those it names; of a circle the first by name leads."""
    waiting = {table.name: table for table in tables}
    done: list[Table] = []
    while waiting:
        ready = [
            table
            for table in waiting.values()
            if not any(
                key.referred_table.name in waiting and key.referred_table is not table
                for key in table.foreign_key_constraints
            )
        ]
        chosen = sorted(ready or waiting.values(), key=lambda table: table.name)
        done += [waiting.pop(table.name) for table in (chosen if ready else chosen[:1])]
    return done


def _is_computed(column: Column[Any]) -> bool:
    return isinstance(column.server_default, Computed)


def _stays_behind(column: Column[Any], left_out: set[str]) -> bool:
    names_gone = any(key.column.table.name in left_out for key in column.foreign_keys)
    table_name = column.table.name
    is_secret = bool(SECRET.search(column.name)) and (table_name, column.name) not in NO_SECRETS
    if (names_gone or is_secret) and not column.nullable:
        raise AssertionError(f"{table_name}.{column.name} can neither be exported nor left out")
    return names_gone or is_secret


# --- out ---


def export_all(engine: Engine, folder: Path, *, now: datetime, tell: Tell) -> dict[str, Any]:
    """Write every table into the folder, with a manifest, from one snapshot; return the manifest.

    Files are readable by their owner only. Raises ExportRefused where the folder holds anything.
    """
    make_folder(folder)
    parts, left_out = plan_export()
    with engine.connect() as connection:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        connection.execute(text(f"SET LOCAL statement_timeout = '{LONGEST_STATEMENT}'"))
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        driver = _driver(connection.connection.driver_connection)
        tables = []
        for part in parts:
            with driver.cursor() as cursor:
                tables.append(_export_part(cursor, part, folder))
            tell(part.table.name, tables[-1]["rows"])
    manifest = {
        "format": FORMAT,
        "revision": revision,
        "exported_at": now.astimezone(UTC).isoformat(),
        "tables": tables,
        "left_out": left_out,
    }
    with _open_private(folder / MANIFEST) as file:
        file.write(json.dumps(manifest, ensure_ascii=False, indent=2).encode() + b"\n")
    return manifest


def make_folder(folder: Path) -> None:
    """Make an empty folder that only its owner may look into. Raises ExportRefused."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ExportRefused(
            reason=said(
                f"{folder} 已經有東西；請指定新的資料夾",
                f"{folder} is not empty; name a new folder.",
                f"{folder} は空ではありません。新しいフォルダーを指定してください。",
            )
        )
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(PRIVATE_FOLDER)


def _open_private(path: Path) -> IO[bytes]:
    path.touch(mode=PRIVATE_FILE)
    return path.open("wb")


def _driver(connection: object) -> Connection[Any]:
    assert isinstance(connection, Connection)
    return connection


def _export_part(cursor: Cursor[Any], part: Part, folder: Path) -> dict[str, Any]:
    name, digest = f"{part.table.name}.csv", hashlib.sha256()
    chosen = [
        sql.SQL("NULL AS {}").format(sql.Identifier(column))
        if column in part.nulled
        else sql.Identifier(column)
        for column in part.columns
    ]
    statement = sql.SQL(
        "COPY (SELECT {} FROM {} ORDER BY {}) TO STDOUT (FORMAT csv, HEADER true)"
    ).format(
        sql.SQL(", ").join(chosen),
        sql.Identifier(part.table.name),
        sql.SQL(", ").join(map(sql.Identifier, _order_of(part.table))),
    )
    with _open_private(folder / name) as file, cursor.copy(statement) as copy:
        for block in copy:
            digest.update(block)
            file.write(block)
    return {
        "name": part.table.name,
        "file": name,
        "columns": list(part.columns),
        "rows": max(cursor.rowcount, 0),
        "sha256": digest.hexdigest(),
    }


def _order_of(table: Table) -> list[str]:
    return [column.name for column in table.primary_key.columns]


# --- back ---


def restore_all(engine: Engine, folder: Path, *, tell: Tell) -> dict[str, Any]:
    """Load an export into this empty installation, in one transaction; return its manifest.

    Rows come as they were, hashes and all: our own triggers are put aside for the load, by the
    tables' owner, which a managed PostgreSQL allows too. Foreign keys and checks hold as ever.
    Raises RestoreRefused, and then nothing has changed.
    """
    manifest = _read_manifest(folder)
    parts = _check_parts(folder, manifest)
    with engine.begin() as connection:
        revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if revision != manifest["revision"]:
            raise RestoreRefused(
                reason=said(
                    f"匯出檔是資料庫版本 {manifest['revision']}，這裡是 {revision}；"
                    "請先升級到同一版本",
                    f"The export is of schema {manifest['revision']}, this is {revision}; upgrade "
                    "to the same one first.",
                    f"書き出しはスキーマ {manifest['revision']}、ここは {revision} です。"
                    "先に同じ版へ更新してください。",
                )
            )
        driver = _driver(connection.connection.driver_connection)
        with driver.cursor() as cursor:
            _check_empty(cursor, parts)
            circles = _open_circles(cursor, [part.table for part, _ in parts])
            for part, told in parts:
                rows = _load_part(cursor, part, folder / told["file"])
                if rows != told["rows"]:
                    raise RestoreRefused(
                        reason=said(
                            f"{told['file']} 應有 {told['rows']:,} 列，讀到 {rows:,}",
                            f"{told['file']} should hold {told['rows']:,} rows; {rows:,} came.",
                            f"{told['file']} は {told['rows']:,} 行のはずが {rows:,} 行でした。",
                        )
                    )
                tell(part.table.name, rows)
            for statement in circles:
                cursor.execute(statement)
            set_sequences(cursor, [part.table for part, _ in parts])
    return manifest


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RestoreRefused(
            reason=said(
                f"{folder} 沒有讀得懂的 {MANIFEST}",
                f"{folder} has no {MANIFEST} that can be read.",
                f"{folder} に読み取れる {MANIFEST} がありません。",
            )
        ) from error
    if manifest.get("format") != FORMAT:
        told = manifest.get("format")
        raise RestoreRefused(
            reason=said(
                f"不認得的匯出格式：{told}",
                f"This format of export is not known: {told}.",
                f"知らない書き出し形式です：{told}。",
            )
        )
    return manifest


def _check_parts(folder: Path, manifest: dict[str, Any]) -> list[tuple[Part, dict[str, Any]]]:
    """Return the parts with what the manifest tells of them, all files verified."""
    parts, _ = plan_export()
    told = {table["name"]: table for table in manifest["tables"]}
    if set(told) != {part.table.name for part in parts}:
        raise RestoreRefused(
            reason=said(
                "匯出檔的資料表與這個版本不同",
                "The export holds other tables than this version.",
                "書き出しの表がこの版と違います。",
            )
        )
    found = []
    for part in parts:
        table = told[part.table.name]
        if tuple(table["columns"]) != part.columns or table["file"] != f"{part.table.name}.csv":
            raise RestoreRefused(
                reason=said(
                    f"{part.table.name} 的欄位與這個版本不同",
                    f"{part.table.name} has other columns than this version.",
                    f"{part.table.name} の列がこの版と違います。",
                )
            )
        if _digest(folder / table["file"]) != table["sha256"]:
            raise RestoreRefused(
                reason=said(
                    f"{table['file']} 的檢查碼不符；檔案可能損壞或被改過",
                    f"The checksum of {table['file']} is wrong; it may be broken or changed.",
                    f"{table['file']} の検査値が違います。壊れたか、変更された可能性があります。",
                )
            )
        found.append((part, table))
    return found


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise RestoreRefused(
            reason=said(
                f"{path.name} 讀不到",
                f"{path.name} cannot be read.",
                f"{path.name} を読み取れません。",
            )
        ) from error
    return digest.hexdigest()


def _check_empty(cursor: Cursor[Any], parts: list[tuple[Part, dict[str, Any]]]) -> None:
    """Make sure that nothing is overwritten: every table that the export fills is empty."""
    for part, _ in parts:
        table = sql.Identifier(part.table.name)
        found = cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(table)).fetchone()
        if found is None or not found[0]:
            continue
        raise RestoreRefused(
            reason=said(
                f"這裡已經有資料（{part.table.name}）；"
                "只能還原到剛建立、只跑過 db upgrade 的空資料庫",
                f"There are data here already ({part.table.name}); restore into a new database "
                "that only db upgrade has seen.",
                f"ここにはすでにデータがあります（{part.table.name}）。"
                "db upgrade だけを済ませた空のデータベースに復元してください。",
            )
        )


def _open_circles(cursor: Cursor[Any], tables: list[Table]) -> list[sql.Composed]:
    """Drop the foreign keys that point forward in this order; return what puts them back."""
    seen: set[str] = set()
    again = []
    for table in tables:
        again += [
            _drop_key(cursor, table, key)
            for key in sorted(table.foreign_key_constraints, key=lambda key: str(key.name))
            if key.referred_table.name not in seen and key.referred_table is not table
        ]
        seen.add(table.name)
    return again


def _drop_key(cursor: Cursor[Any], table: Table, key: ForeignKeyConstraint) -> sql.Composed:
    name, owner = sql.Identifier(str(key.name)), sql.Identifier(table.name)
    cursor.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conname = %s AND connamespace = current_schema()::regnamespace",
        [str(key.name)],
    )
    found = cursor.fetchone()
    assert found is not None, "models equal migrations"
    cursor.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(owner, name))
    return sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(owner, name, sql.SQL(found[0]))


def _load_part(cursor: Cursor[Any], part: Part, path: Path) -> int:
    table = sql.Identifier(part.table.name)
    cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(table))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER true)").format(
        table, sql.SQL(", ").join(map(sql.Identifier, part.columns))
    )
    with path.open("rb") as file, cursor.copy(statement) as copy:
        while block := file.read(BLOCK_BYTES):
            copy.write(block)
    rows = cursor.rowcount
    cursor.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(table))
    return rows


def set_sequences(cursor: Cursor[Any], tables: list[Table]) -> None:
    """Let numbering go on after the highest number there is."""
    for table in tables:
        for column in table.columns:
            if column.identity is None:
                continue
            cursor.execute(
                sql.SQL(
                    "SELECT setval(pg_get_serial_sequence({}, {}), coalesce(max({}), 1),"
                    " max({}) IS NOT NULL) FROM {}"
                ).format(
                    sql.Literal(table.name),
                    sql.Literal(column.name),
                    sql.Identifier(column.name),
                    sql.Identifier(column.name),
                    sql.Identifier(table.name),
                )
            )

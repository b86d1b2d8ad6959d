"""U18, X14: everything goes out, and comes back the same to the last digest."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

import migrations
from models.base import Base
from models.database import create_database, drop_database, make_engine, make_sessions
from models.exchange import (
    MEMBERS,
    ExportRefused,
    Findings,
    MemberOptions,
    RestoreRefused,
    export_all,
    export_readable,
    get_layout,
    import_members,
    open_source,
    plan_export,
    restore_all,
)
from models.member import Member
from models.points import PointsEntry, post_points, verify_ledger
from models.shop import Store
from tests.conftest import NOON, Committed


def nobody(_name: str, _rows: int) -> None:
    """Take no notice."""


@pytest.fixture
def empty(server_url: str) -> Iterator[Engine]:
    """Yield an installation that only `db upgrade` has seen."""
    name = f"regulars_empty_{uuid4().hex[:12]}"
    engine = make_engine(create_database(server_url, name))
    migrations.upgrade(engine)
    yield engine
    engine.dispose()
    drop_database(server_url, name)


@pytest.fixture
def shop(committed_demo: Committed) -> Committed:
    """Return the demo shop with its past."""
    return committed_demo


def digests(manifest: dict[str, object]) -> dict[str, str]:
    tables = manifest["tables"]
    assert isinstance(tables, list)
    return {table["name"]: table["sha256"] for table in tables}


def test_an_export_restored_and_exported_again_is_the_same(
    shop: Committed, empty: Engine, tmp_path: Path
) -> None:
    """U18, X14: export → empty install → import → same checksums; the ledger's chain holds."""
    first = export_all(shop.engine, tmp_path / "one", now=NOON, tell=nobody)
    restore_all(empty, tmp_path / "one", tell=nobody)
    second = export_all(empty, tmp_path / "two", now=NOON, tell=nobody)

    assert digests(second) == digests(first)
    rows = {table["name"]: table["rows"] for table in first["tables"]}
    assert rows["member"] > 100
    assert rows["points_entry"] > 1_000
    with Session(empty) as session:
        assert list(verify_ledger(session)) == []


def test_business_goes_on_after_a_restore(shop: Committed, empty: Engine, tmp_path: Path) -> None:
    """X14: numbers go on where they were, and the guards are back."""
    export_all(shop.engine, tmp_path / "one", now=NOON, tell=nobody)
    restore_all(empty, tmp_path / "one", tell=nobody)

    with make_sessions(empty).begin() as session:
        member = session.scalars(select(Member).where(Member.erased_at.is_(None)).limit(1)).one()
        entry = post_points(
            session, member, 5, reason="adjustment", idempotency_key="after", now=NOON
        )
        assert entry.id == session.scalar(select(func.max(PointsEntry.id)))
        assert entry.seq > 0
    with pytest.raises(Exception, match="append-only"), empty.begin() as connection:
        connection.execute(text("UPDATE points_entry SET points = points"))


def test_a_house_that_is_lived_in_is_not_overwritten(shop: Committed, tmp_path: Path) -> None:
    """X14: restore refuses anything but an empty installation."""
    export_all(shop.engine, tmp_path / "one", now=NOON, tell=nobody)

    with pytest.raises(RestoreRefused, match="已經有資料"):
        restore_all(shop.engine, tmp_path / "one", tell=nobody)


@pytest.mark.parametrize("harm", ["changed", "missing", "revision", "manifest"])
def test_a_damaged_export_changes_nothing(
    committed: Committed, empty: Engine, tmp_path: Path, harm: str
) -> None:
    """X14: checksums and revision are verified before the first row."""
    folder = tmp_path / "one"
    export_all(committed.engine, folder, now=NOON, tell=nobody)
    manifest = folder / "manifest.json"
    if harm == "changed":
        store = folder / "store.csv"
        store.write_text(store.read_text().replace("TP01", "TP09"))
    elif harm == "missing":
        (folder / "store.csv").unlink()
    elif harm == "revision":
        told = json.loads(manifest.read_text())
        manifest.write_text(json.dumps(told | {"revision": "0001"}))
    else:
        manifest.write_text("{}")

    with pytest.raises(RestoreRefused):
        restore_all(empty, folder, tell=nobody)
    with Session(empty) as session:
        assert session.scalar(select(func.count()).select_from(Store)) == 0


def test_secrets_stay_behind_and_the_manifest_says_so(committed: Committed, tmp_path: Path) -> None:
    """U18, X14: what is left out is named, with the reason."""
    manifest = export_all(committed.engine, tmp_path / "one", now=NOON, tell=nobody)

    names = {table["name"] for table in manifest["tables"]}
    assert not names & set(manifest["left_out"])
    assert {"outbox", "line_event"} <= set(manifest["left_out"])
    assert all(manifest["left_out"].values())
    assert names | {name for name in manifest["left_out"] if "." not in name} == set(
        Base.metadata.tables
    )


def test_every_table_has_its_place(session: Session) -> None:
    """X14: each exported table can be loaded after those it names, or its circle is opened."""
    parts, left_out = plan_export()

    assert len(parts) == len({part.table.name for part in parts})
    assert all(part.columns for part in parts)
    assert not any(procrastinate.startswith("procrastinate") for procrastinate in left_out)
    assert session.scalar(text("SELECT count(*) FROM alembic_version")) == 1


def test_only_the_owner_may_read_an_export(committed: Committed, tmp_path: Path) -> None:
    folder = tmp_path / "one"
    export_all(committed.engine, folder, now=NOON, tell=nobody)

    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    with pytest.raises(ExportRefused):
        export_all(committed.engine, folder, now=NOON, tell=nobody)


def test_readable_files_can_be_read_and_brought_back(
    committed: Committed, tmp_path: Path, maker_of: Callable[..., Member]
) -> None:
    """U18: files for people, which another installation of ours can import."""
    member = maker_of(name="=HYPERLINK(1)", points=25)
    rows = export_readable(committed.engine, tmp_path / "out", tell=nobody)

    file = tmp_path / "out" / "members.csv"
    assert (rows["members.csv"], file.stat().st_mode & 0o777) == (1, 0o600)
    with file.open(encoding="utf-8-sig") as opened:
        (row,) = csv.DictReader(opened)
    assert (row["會員編號"], row["點數"]) == (member.number, "25")
    assert row["姓名"] == "'=HYPERLINK(1)"
    assert row["手機號碼"].replace("-", "") == "0" + str(member.phone).removeprefix("+886")

    with committed.sessions.begin() as session:
        session.get_one(Member, member.id).phone = None
    findings = Findings()
    summary = import_members(
        committed.sessions,
        open_source(file),
        get_layout(MEMBERS, None),
        MemberOptions(is_dry_run=True),
        findings=findings,
        now=NOON,
    )
    assert summary.counts["new"] == 1


@pytest.fixture
def maker_of(committed: Committed) -> Callable[..., Member]:
    """Return a maker of members that are really there."""

    def make(**told: object) -> Member:
        with committed.sessions.begin() as session:
            return committed.maker.member(session, **told)  # type: ignore[arg-type]  # As there.

    return make

"""Import and export: a file is uploaded, its columns chosen, checked, brought in, taken back."""

import tempfile
from functools import partial
from pathlib import Path
from typing import IO

import structlog
from flask import g, request, send_file, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from handlers.console import form, views
from handlers.console.door import (
    ConsoleDoor,
    NotAllowed,
    console_texts,
    current_staff,
    may,
)
from handlers.console.noting import note_deed
from handlers.console.settings.transfer_words import (
    field_words,
    outcome_words,
    platform_words,
    problem_words,
)
from models.exchange.headings import REQUIRED
from models.shop import list_stores
from models.transfer import (
    EVERYTHING,
    EXPORTS,
    IMPORTS,
    LARGEST_UPLOAD_BYTES,
    PLATFORMS,
    REPORT,
    RESULT,
    FileHead,
    Told,
    Transfer,
    ask_export,
    drop_transfer,
    get_transfer,
    head_of,
    layout_for,
    list_transfers,
    read_parts,
    set_options,
    stop_transfer,
    suggest_columns,
    upload_file,
    want_step,
)
from models.transfer.options import EARNINGS, FIELDS, LINES, MAPPED

UPLOAD_ENDPOINT = "console.settings_transfers_upload"
OWNERS = "settings.change"
FORM_BYTES = 1 << 20
"""What a form has beside its file."""
DEEDS = ("check", "write", "undo", "stop", "drop")

log = structlog.get_logger()


def show_imports() -> ResponseReturnValue:
    """Show the files that came in, and take another."""
    return views.show(
        "settings/imports",
        fragment="settings/_import_list",
        transfers=list_transfers(g.session, IMPORTS),
        kinds=IMPORTS,
        platforms=platform_words(console_texts()),
        largest_bytes=LARGEST_UPLOAD_BYTES,
    )


def upload() -> ResponseReturnValue:
    """Take a file; nothing is written before it was checked."""
    kind = form.needed_choice("kind", IMPORTS)
    platform = form.needed_choice("platform", PLATFORMS)
    file, staff = request.files.get("file"), current_staff()
    if file is None or not file.filename:
        raise form.FieldRefused(field="file", why="missing")
    head = _head(file, kind)
    columns = suggest_columns(kind, platform, head.headings)
    transfer = upload_file(
        g.session,
        kind,
        file.filename,
        file.stream,
        head=head.to_words(),
        options=Told(platform, columns).to_words(),
        key=form.page_key(),
        by=staff,
        now=g.now,
    )
    log.info("import_uploaded", transfer=transfer.id, bytes=transfer.size_bytes, by=staff.id)
    return views.go(_address(transfer.id))


def show_import(transfer_id: int) -> ResponseReturnValue:
    """Show a file: its columns, what a check found, how far it is, and what it brought."""
    transfer, t = get_transfer(g.session, transfer_id), console_texts()
    head = FileHead.from_words(transfer.head) if transfer.head else None
    return views.show(
        "settings/import",
        fragment="settings/_import_state",
        transfer=transfer,
        head=head,
        fields=[(name, field_words(t, transfer.kind)[name]) for name in _fields(transfer)],
        required={name for group in REQUIRED.get(transfer.kind, ()) for name in group},
        platforms=platform_words(t),
        mapped=MAPPED,
        stores=list_stores(g.session),
        outcomes=outcome_words(t),
        problem_words=partial(problem_words, t),
    )


def choose(transfer_id: int) -> ResponseReturnValue:
    """Keep how a file is to be read, and have it checked."""
    transfer = get_transfer(g.session, transfer_id, is_locked=True)
    told = _told(transfer).to_words()
    layout_for(transfer.kind, told)
    set_options(g.session, transfer, told)
    want_step(g.session, transfer, "check", by=current_staff(), now=g.now)
    return views.go(_address(transfer_id))


def do(transfer_id: int, deed: str) -> ResponseReturnValue:
    """Have a file checked, brought in, taken back, left alone or thrown away."""
    t = console_texts()
    transfer, staff = get_transfer(g.session, transfer_id, is_locked=True), current_staff()
    log.info("transfer_deed", transfer=transfer_id, deed=deed, by=staff.id)
    if deed == "stop":
        stop_transfer(g.session, transfer, by=staff, now=g.now)
    elif deed == "drop":
        drop_transfer(g.session, transfer, by=staff, now=g.now)
        where = "imports" if transfer.is_import else "exports"
        told = t("檔案已刪除")
        return views.go(url_for(f"console.settings_transfers_show_{where}"), told)
    else:
        want_step(g.session, transfer, deed, by=staff, now=g.now)
    return views.go(_address(transfer_id) if transfer.is_import else _exports())


def show_exports() -> ResponseReturnValue:
    """Show what was written out, how far one is, and offer another."""
    return views.show(
        "settings/exports",
        fragment="settings/_export_list",
        transfers=list_transfers(g.session, EXPORTS),
        is_busy=any(each.is_wanted for each, _ in list_transfers(g.session, EXPORTS)),
    )


def export() -> ResponseReturnValue:
    """Have everything written out."""
    kind = form.needed_choice("kind", EXPORTS)
    _check_theirs(kind)
    transfer = ask_export(g.session, kind, by=current_staff(), now=g.now)
    log.info("export_asked", transfer=transfer.id, kind=kind, by=current_staff().id)
    return views.go(_exports())


def fetch(transfer_id: int, role: str) -> ResponseReturnValue:
    """Hand a file over; who fetched an export is written down."""
    t = console_texts()
    transfer = get_transfer(g.session, transfer_id)
    _check_theirs(transfer.kind)
    if transfer.file_gone_at is not None and role == RESULT:
        return views.go(_exports(), t("檔案已經刪除，請重新匯出"))
    _note_fetched(transfer, role)
    name = transfer.file_name if role == RESULT else f"import-{transfer.id}-problems.csv"
    kind = "application/zip" if role == RESULT else "text/csv; charset=utf-8"
    answer = send_file(_whole(transfer.id, role), kind, as_attachment=True, download_name=name)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def add_routes(blueprint: ConsoleDoor) -> None:
    """Add the addresses of import and export."""
    one = "/settings/imports/<int:transfer_id>"
    deeds = ", ".join(DEEDS)
    blueprint.before_request(allow_large_upload)
    blueprint.get("/settings/imports", right="exchange")(show_imports)
    blueprint.post("/settings/imports", right="exchange")(upload)
    blueprint.get(one, right="exchange")(show_import)
    blueprint.post(one, right="exchange")(choose)
    blueprint.post(f"/settings/transfers/<int:transfer_id>/<any({deeds}):deed>", right="exchange")(
        do
    )
    blueprint.get("/settings/exports", right="exchange")(show_exports)
    blueprint.post("/settings/exports", right="exchange")(export)
    roles = ", ".join((REPORT, RESULT))
    blueprint.get(f"/settings/transfers/<int:transfer_id>/<any({roles}):role>", right="exchange")(
        fetch
    )


def allow_large_upload() -> None:
    """Let the one form that brings a file be as large as a file may be."""
    if request.endpoint == UPLOAD_ENDPOINT:
        request.max_content_length = LARGEST_UPLOAD_BYTES + FORM_BYTES


def _head(file: FileStorage, kind: str) -> FileHead:
    """Look at a file's first rows, through a file of its own kind. Raises FileRefused."""
    with tempfile.TemporaryDirectory(prefix="regulars-") as folder:
        path = Path(folder) / f"upload{Path(file.filename or '').suffix.lower()[:8]}"
        file.save(path)
        file.stream.seek(0)
        return head_of(path, kind)


def _told(transfer: Transfer) -> Told:
    """Return what the form says of how a file is to be read. Raises FieldRefused."""
    platform = form.needed_choice("platform", PLATFORMS)
    stores = {store.code: store.id for store in list_stores(g.session)}
    store = form.choice("store", stores)
    points_until, tier_until = form.day("points_until"), form.day("tier_until")
    columns = {
        name: request.form[f"column.{name}"]
        for name in _fields(transfer)
        if request.form.get(f"column.{name}")
    }
    return Told(
        platform=platform,
        columns=columns if platform == MAPPED else None,
        lines=form.choice("lines", LINES) or LINES[0],
        store_id=stores[store] if store else None,
        earn=form.choice("earn", EARNINGS) or EARNINGS[0],
        is_stamping=form.flag("is_stamping"),
        points_until=points_until.isoformat() if points_until else None,
        tier_until=tier_until.isoformat() if tier_until else None,
    )


def _fields(transfer: Transfer) -> tuple[str, ...]:
    return FIELDS.get(transfer.kind, ())


def _check_theirs(kind: str) -> None:
    """Keep the whole database, which holds everybody's password hashes, to the owner."""
    if kind == EVERYTHING and not may(OWNERS):
        raise NotAllowed(right=OWNERS, role=current_staff().role)


def _whole(transfer_id: int, role: str) -> IO[bytes]:
    """Write a file whole before its first byte is sent: a slow reader holds no transaction."""
    file = tempfile.TemporaryFile(prefix="regulars-")  # noqa: SIM115  # Closed with the answer.
    file.writelines(read_parts(g.session, transfer_id, role))
    file.seek(0)
    return file


def _note_fetched(transfer: Transfer, role: str) -> None:
    if role != RESULT:
        return
    note_deed("exchange.fetch", f"transfer:{transfer.id}", after={"kind": transfer.kind})
    log.info("export_fetched", transfer=transfer.id, by=current_staff().id)


def _address(transfer_id: int) -> str:
    return url_for("console.settings_transfers_show_import", transfer_id=transfer_id)


def _exports() -> str:
    return url_for("console.settings_transfers_show_exports")

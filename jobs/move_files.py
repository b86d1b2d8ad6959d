"""Files in and out: checking, bringing in, taking back, writing everything out; rung by a page.

A worker takes one file at a time, works on it in a folder of its own, and keeps what came of it.
Killed, it leaves a claim that lapses; the next one goes on with the same file, for what was brought
in is known by its rows.
"""

import csv
import io
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Engine

from jobs.context import JobContext
from models.base import BusinessError, Sessions, most_first
from models.exchange import (
    KINDS,
    MEMBERS,
    REPORT_HEADINGS,
    Findings,
    Problem,
    Summary,
    export_all,
    export_readable,
    import_members,
    import_purchases,
    open_source,
    plan_export,
    report_row,
    undo_import,
)
from models.exchange.readable import BYTE_ORDER_MARK, HEADINGS
from models.transfer import (
    CHECK,
    EVERYTHING,
    EXPORT,
    REPORT,
    RESULT,
    UNDO,
    UPLOAD,
    Claim,
    TransferStopped,
    claim_transfer,
    conclude_transfer,
    fail_transfer,
    forget_old_files,
    has_waiting,
    layout_for,
    member_options,
    note_step,
    purchase_options,
    read_parts,
    write_parts,
)

MOST_FILES = 20
TOLD_EVERY_SECONDS = 1.0
PART_BYTES = 1 << 20
MOST_REPORTED = 100_000
"""Problems beyond these are counted and not written down one by one."""

Clock = Callable[[], datetime]
log = structlog.get_logger()


def move_files(sessions: Sessions, clock: Clock) -> int:
    """Work on the files that wait, longest waiting first; return how many were worked on."""
    for done in range(MOST_FILES):
        with sessions.begin() as session:
            claim = claim_transfer(session, clock())
        if claim is None:
            return done
        _work(sessions, claim, clock)
    return MOST_FILES


async def sweep_files(context: JobContext) -> int:
    """Take away the files that nobody needs any more, and have those worked on that wait.

    Returns how many went. A wake-up lost with its process is made good here.
    """
    now = context.clock()
    with context.sessions.begin() as session:
        gone = forget_old_files(session, now)
        is_waiting = has_waiting(session, now)
    if is_waiting:
        context.ring("move_files")
    return gone


def _work(sessions: Sessions, claim: Claim, clock: Clock) -> None:
    """Do one step of one file, and keep what came of it or why it could not be."""
    do = {CHECK: _import, UNDO: _undo, EXPORT: _export}.get(claim.step, _import)
    try:
        with tempfile.TemporaryDirectory(prefix="regulars-") as folder:
            do(sessions, claim, clock, Path(folder))
    except TransferStopped:
        log.info("transfer_stopped", transfer=claim.transfer_id, step=claim.step)
    except BusinessError as error:
        with sessions.begin() as session:
            fail_transfer(session, claim, error.code, error.facts.get("reason"))
        log.info("transfer_refused", transfer=claim.transfer_id, code=error.code)
    else:
        log.info("transfer_done", transfer=claim.transfer_id, step=claim.step)


def _teller(sessions: Sessions, claim: Claim, clock: Clock) -> Callable[[str, int, float], None]:
    """Return what notes progress, at most once a second, in transactions of its own."""
    told_at = 0.0

    def tell(phase: str, rows: int, share: float) -> None:
        nonlocal told_at
        if time.monotonic() - told_at < TOLD_EVERY_SECONDS:
            return
        told_at = time.monotonic()
        with sessions.begin() as session:
            note_step(session, claim, phase, rows, share, clock())

    return tell


# --- in ---


def _import(sessions: Sessions, claim: Claim, clock: Clock, folder: Path) -> None:
    """Check a file, or bring it in; keep the counts and the problems found."""
    path = folder / "upload"
    with sessions() as session, path.open("wb") as file:
        file.writelines(read_parts(session, claim.transfer_id, UPLOAD))
    named = path.with_suffix(Path(claim.file_name).suffix.lower())
    path.rename(named)
    report = _Report()
    findings = Findings(report.add)
    summary = _run(sessions, claim, clock, named, findings)
    told = _told(summary, findings) | {"reported": report.rows}
    with sessions.begin() as session:
        write_parts(session, claim.transfer_id, REPORT, report.parts())
        conclude_transfer(session, claim, told, clock(), batch_id=summary.batch_id)


def _run(sessions: Sessions, claim: Claim, clock: Clock, path: Path, findings: Findings) -> Summary:
    is_dry_run = claim.step == CHECK
    source, layout = open_source(path), layout_for(claim.kind, claim.options)
    tell = _teller(sessions, claim, clock)
    if claim.kind == MEMBERS:
        return import_members(
            sessions,
            source,
            layout,
            member_options(claim.options, is_dry_run=is_dry_run),
            findings=findings,
            now=clock(),
            tell=tell,
        )
    return import_purchases(
        sessions,
        source,
        layout,
        purchase_options(claim.options, is_dry_run=is_dry_run),
        findings=findings,
        now=clock(),
        tell=tell,
    )


def _told(summary: Summary, findings: Findings) -> dict[str, Any]:
    """Return what came of a file as its row keeps it: counts, columns, problems by kind."""
    return {
        "counts": summary.counts,
        "columns": summary.columns,
        "same_as_batch": summary.same_as_batch,
        "problems": [
            {"code": code, "severity": KINDS[code].severity, "count": count}
            for code, count in most_first(findings.by_code)
        ],
        "first": [problem.to_words() for problem in findings.first],
    }


class _Report:
    """All problems of a file as CSV, for the spreadsheet's keeper."""

    def __init__(self) -> None:
        self.rows = 0
        self._text = io.StringIO(newline="")
        self._text.write(BYTE_ORDER_MARK)
        self._writer = csv.writer(self._text)
        self._writer.writerow(REPORT_HEADINGS)

    def add(self, problem: Problem) -> None:
        """Write a problem down."""
        if self.rows == MOST_REPORTED:
            return
        self.rows += 1
        self._writer.writerow(report_row(problem))

    def parts(self) -> Iterator[bytes]:
        """Yield the file piece by piece."""
        whole = io.BytesIO(self._text.getvalue().encode())
        return iter(lambda: whole.read(PART_BYTES), b"")


def _undo(sessions: Sessions, claim: Claim, clock: Clock, _folder: Path) -> None:
    assert claim.batch_id is not None, "what is undone was brought in"
    tell = _teller(sessions, claim, clock)
    taken = undo_import(sessions, claim.batch_id, now=clock(), tell=tell)
    with sessions.begin() as session:
        conclude_transfer(session, claim, asdict(taken), clock())


# --- out ---


def _export(sessions: Sessions, claim: Claim, clock: Clock, folder: Path) -> None:
    """Write everything into one packed file and keep it to be fetched."""
    engine = sessions.kw["bind"]
    assert isinstance(engine, Engine), "a process's sessions are bound to its engine"
    rows: dict[str, int] = {}
    is_all = claim.kind == EVERYTHING
    tables = len(plan_export()[0]) if is_all else len(HEADINGS)
    tell = _teller(sessions, claim, clock)

    def note_table(name: str, count: int) -> None:
        rows[name] = count
        tell("write", sum(rows.values()), len(rows) / (tables + 1))

    if is_all:
        export_all(engine, folder / "files", now=clock(), tell=note_table)
    else:
        export_readable(engine, folder / "files", tell=note_table)
    packed = folder / "packed.zip"
    _pack(folder / "files", packed)
    with sessions.begin() as session, packed.open("rb") as file:
        parts = iter(lambda: file.read(PART_BYTES), b"")
        size = write_parts(session, claim.transfer_id, RESULT, parts)
        told = {"tables": len(rows), "rows": sum(rows.values())}
        conclude_transfer(session, claim, told, clock(), size_bytes=size)


def _pack(folder: Path, packed: Path) -> None:
    """Pack the files of a folder, deleting each, so that they lie on the disk once."""
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
            path.unlink()

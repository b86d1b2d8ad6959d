"""Keeping files: what is brought and made, piece by piece, and for how long."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import IO, Any

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from models.audit import note
from models.base import BusinessError, find_made, wake
from models.staff import Staff
from models.transfer.table import (
    EXPORT,
    EXPORTS,
    IMPORTS,
    REPORT,
    RESULT,
    UPLOAD,
    Transfer,
    TransferPart,
)

TASK = "move_files"
PART_BYTES = 1 << 20
LARGEST_UPLOAD_BYTES = 200 * PART_BYTES
LONGEST_NAME = 120
MOST_LISTED = 50
UPLOADS_KEPT = timedelta(days=7)
"""An upload that was not brought in; one that was goes at once with its writing."""
RESULTS_KEPT = timedelta(days=1)
"""All of a shop's people are in an export: it lies ready no longer than needed to fetch it."""


class NoSuchTransfer(BusinessError):
    """No file has this number, or it is gone."""

    code = "no_such_transfer"


class TransferBusy(BusinessError):
    """A worker is at it, or what was asked cannot follow on what was done."""

    code = "transfer_busy"


class UploadTooLarge(BusinessError):
    """The file is larger than `largest` bytes, or empty."""

    code = "upload_too_large"


def upload_file(
    session: Session,
    kind: str,
    file_name: str,
    file: IO[bytes],
    *,
    head: dict[str, Any],
    options: dict[str, Any],
    key: str,
    by: Staff,
    now: datetime,
) -> Transfer:
    """Keep a file that is to be brought in; a key seen before keeps none. Raises UploadTooLarge."""
    assert kind in IMPORTS, "members and purchases can be brought in"
    known = find_made(session, Transfer, key)
    if known is not None:
        return known
    transfer = Transfer(
        kind=kind,
        file_name=file_name[-LONGEST_NAME:] or kind,
        size_bytes=0,
        head=head,
        options=options,
        idempotency_key=key,
        made_by=by.id,
        made_at=now,
    )
    session.add(transfer)
    session.flush()
    size = write_parts(session, transfer.id, UPLOAD, iter(lambda: file.read(PART_BYTES), b""))
    if not 0 < size <= LARGEST_UPLOAD_BYTES:
        raise UploadTooLarge(largest=LARGEST_UPLOAD_BYTES)
    transfer.size_bytes = size
    _note(session, "upload", transfer, by, now)
    return transfer


def ask_export(session: Session, kind: str, *, by: Staff, now: datetime) -> Transfer:
    """Have everything written out soon, to be fetched. Raises TransferBusy while one is made."""
    assert kind in EXPORTS, "everything, or what people read"
    under_way = select(Transfer.id).where(Transfer.kind == kind, Transfer.step == EXPORT)
    if session.scalar(under_way.limit(1)) is not None:
        raise TransferBusy(step=EXPORT)
    transfer = Transfer(
        kind=kind,
        file_name=f"regulars-{kind}-{now:%Y%m%d-%H%M}.zip",
        size_bytes=0,
        options={},
        made_by=by.id,
        made_at=now,
        step=EXPORT,
        wanted_at=now,
    )
    session.add(transfer)
    session.flush()
    _note(session, "export", transfer, by, now)
    wake(session, TASK)
    return transfer


def get_transfer(session: Session, transfer_id: int, *, is_locked: bool = False) -> Transfer:
    """Return a file's row. Raises NoSuchTransfer."""
    found = session.get(
        Transfer, transfer_id, with_for_update=is_locked or None, populate_existing=True
    )
    if found is None:
        raise NoSuchTransfer
    return found


def list_transfers(session: Session, kinds: Sequence[str]) -> Sequence[tuple[Transfer, str]]:
    """Return the newest files of these kinds with who made them."""
    rows = session.execute(
        select(Transfer, Staff.name)
        .join(Staff, Staff.id == Transfer.made_by)
        .where(Transfer.kind.in_(kinds))
        .order_by(Transfer.id.desc())
        .limit(MOST_LISTED)
    )
    return [(transfer, name) for transfer, name in rows]


def set_options(session: Session, transfer: Transfer, options: dict[str, Any]) -> None:
    """Say anew how a file is to be read; what was checked before counts no more.

    Raises TransferBusy where it is being worked on, or is in.
    """
    if transfer.is_wanted or transfer.written is not None or transfer.file_gone_at is not None:
        raise TransferBusy(step=transfer.step)
    transfer.options, transfer.checked, transfer.failed = options, None, None
    session.execute(_parts(transfer.id, REPORT))
    session.flush()


def want_step(session: Session, transfer: Transfer, step: str, *, by: Staff, now: datetime) -> None:
    """Have a worker check, write or undo a file. Raises TransferBusy where that cannot follow."""
    is_there = transfer.file_gone_at is None
    follows = {
        "check": is_there and transfer.written is None,
        "write": is_there and transfer.checked is not None and transfer.written is None,
        "undo": transfer.batch_id is not None and transfer.undone is None,
    }
    if transfer.is_wanted or not follows[step]:
        raise TransferBusy(step=transfer.step)
    transfer.step, transfer.wanted_at, transfer.begun_at = step, now, None
    transfer.progress, transfer.rows, transfer.phase, transfer.failed = 0, 0, "", None
    session.flush()
    if step != "check":
        _note(session, step, transfer, by, now)
    wake(session, TASK)


def stop_transfer(session: Session, transfer: Transfer, *, by: Staff, now: datetime) -> None:
    """Have a worker leave a file where it is; asked again, it goes on from there."""
    if transfer.is_wanted:
        transfer.step = transfer.wanted_at = transfer.begun_at = None
        _note(session, "stop", transfer, by, now)


def drop_transfer(session: Session, transfer: Transfer, *, by: Staff, now: datetime) -> None:
    """Take a file away at once; what was brought in by it stays. Raises TransferBusy."""
    if transfer.is_wanted:
        raise TransferBusy(step=transfer.step)
    _take_away(session, [transfer.id], now)
    session.refresh(transfer)
    _note(session, "drop", transfer, by, now)


def write_parts(session: Session, transfer_id: int, role: str, parts: Iterable[bytes]) -> int:
    """Keep a file in the place of what was there; return its bytes."""
    session.execute(_parts(transfer_id, role))
    size = 0
    for place, body in enumerate(parts):
        size += len(body)
        if role == UPLOAD and size > LARGEST_UPLOAD_BYTES:
            raise UploadTooLarge(largest=LARGEST_UPLOAD_BYTES)
        row = {"transfer_id": transfer_id, "role": role, "place": place, "body": body}
        session.execute(insert(TransferPart).values(row))
    return size


def read_parts(session: Session, transfer_id: int, role: str) -> Iterator[bytes]:
    """Yield a file piece by piece; each is a question of its own, so none is held by a reader."""
    place = 0
    while True:
        body = session.scalar(
            select(TransferPart.body).where(
                TransferPart.transfer_id == transfer_id,
                TransferPart.role == role,
                TransferPart.place == place,
            )
        )
        if body is None:
            return
        yield body
        place += 1


def forget_old_files(session: Session, now: datetime) -> int:
    """Take away files that nobody needs any more; return how many."""
    old = session.scalars(
        select(Transfer.id).where(
            Transfer.file_gone_at.is_(None),
            Transfer.step.is_(None),
            or_(
                Transfer.kind.in_(IMPORTS) & (Transfer.made_at < now - UPLOADS_KEPT),
                Transfer.kind.in_(EXPORTS)
                & (func.coalesce(Transfer.finished_at, Transfer.made_at) < now - RESULTS_KEPT),
            ),
        )
    ).all()
    _take_away(session, old, now)
    return len(old)


def forget_upload(session: Session, transfer: Transfer, now: datetime) -> None:
    """Take away a file that is in: what it told stands in the members' rows now."""
    session.execute(_parts(transfer.id, UPLOAD))
    transfer.head, transfer.file_gone_at = None, now


def _take_away(session: Session, ids: Sequence[int], now: datetime) -> None:
    for role in (UPLOAD, REPORT, RESULT):
        session.execute(
            delete(TransferPart).where(TransferPart.transfer_id.in_(ids), TransferPart.role == role)
        )
    session.execute(
        update(Transfer).where(Transfer.id.in_(ids)).values(file_gone_at=now, head=None)
    )


def _parts(transfer_id: int, role: str) -> Any:
    return delete(TransferPart).where(
        TransferPart.transfer_id == transfer_id, TransferPart.role == role
    )


def _note(session: Session, what: str, transfer: Transfer, by: Staff, now: datetime) -> None:
    note(
        session,
        f"exchange.{what}",
        f"transfer:{transfer.id}",
        now=now,
        staff_id=by.id,
        after={"kind": transfer.kind, "size_bytes": transfer.size_bytes},
    )

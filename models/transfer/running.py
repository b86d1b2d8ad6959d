"""Working on a file: one worker at a time, which says how far it is and may be stopped."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from models.base import Texts
from models.transfer.keeping import forget_upload
from models.transfer.table import CHECK, LEASE, UNDO, WHOLE, WRITE, Transfer


class TransferStopped(Exception):
    """Somebody asked the worker to leave the file where it is, or another worker has it."""


@dataclass(frozen=True)
class Claim:
    """A file that a worker took upon itself, and what is to be done with it."""

    transfer_id: int
    kind: str
    step: str
    options: dict[str, Any]
    file_name: str
    batch_id: int | None


def claim_transfer(session: Session, now: datetime) -> Claim | None:
    """Take the file that waits longest, or None where none waits."""
    row = session.scalars(
        select(Transfer)
        .where(_waits(now))
        .order_by(Transfer.wanted_at, Transfer.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is None:
        return None
    row.begun_at = now
    assert row.step is not None, "what is wanted has a step"
    return Claim(row.id, row.kind, row.step, row.options, row.file_name, row.batch_id)


def has_waiting(session: Session, now: datetime) -> bool:
    """Tell whether a file waits that no worker is at."""
    return session.scalar(select(Transfer.id).where(_waits(now)).limit(1)) is not None


def _waits(now: datetime) -> ColumnElement[bool]:
    return and_(
        Transfer.wanted_at.is_not(None),
        or_(Transfer.begun_at.is_(None), Transfer.begun_at < now - LEASE),
    )


def note_step(
    session: Session, claim: Claim, phase: str, rows: int, share: float, now: datetime
) -> None:
    """Say how far the worker is; `share` is from 0 to 1. Raises TransferStopped."""
    still = session.execute(
        update(Transfer)
        .where(Transfer.id == claim.transfer_id, Transfer.step == claim.step)
        .values(phase=phase, rows=rows, progress=_percent(share), begun_at=now)
        .returning(Transfer.id)
    ).one_or_none()
    if still is None:
        raise TransferStopped


def conclude_transfer(
    session: Session,
    claim: Claim,
    told: dict[str, Any],
    now: datetime,
    *,
    batch_id: int | None = None,
    size_bytes: int | None = None,
) -> None:
    """Keep what came of a step; a file that is in is taken away."""
    transfer = session.get_one(Transfer, claim.transfer_id, with_for_update=True)
    if claim.step == CHECK:
        transfer.checked = told
    elif claim.step == UNDO:
        transfer.undone = told
    else:
        transfer.written, transfer.finished_at = told, now
    if claim.step == WRITE:
        transfer.batch_id = batch_id
        forget_upload(session, transfer, now)
    if size_bytes is not None:
        transfer.size_bytes = size_bytes
    transfer.step = transfer.wanted_at = transfer.begun_at = None
    transfer.progress = WHOLE


def fail_transfer(session: Session, claim: Claim, code: str, reason: Texts | None) -> None:
    """Keep why a step could not be done."""
    transfer = session.get_one(Transfer, claim.transfer_id, with_for_update=True)
    transfer.failed = {"code": code, "reason": reason, "step": claim.step}
    transfer.step = transfer.wanted_at = transfer.begun_at = None


def _percent(share: float) -> int:
    return min(max(int(share * WHOLE), 0), WHOLE)

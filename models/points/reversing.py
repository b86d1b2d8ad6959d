"""Reversing: undoing an entry by hand, and telling the member plainly what was done and why."""

from datetime import datetime

from sqlalchemy.orm import Session

from models.member import Member
from models.points.news import tell_reversed
from models.points.table import PointsEntry
from models.points.undoing import TakenBack, undo


def reverse_entry(
    session: Session,
    member: Member,
    entry: PointsEntry,
    *,
    note: str,
    idempotency_key: str,
    now: datetime,
    staff_id: int | None = None,
) -> TakenBack:
    """Undo what is left of an earning or a spending; the member is told once, with the `note`.

    Of a spending `taken` is below zero: that much was given back. A key seen before returns its
    first answer. Raises NotReversible, also where nothing is left to undo.
    """
    done = undo(
        session,
        member,
        entry,
        idempotency_key=idempotency_key,
        now=now,
        staff_id=staff_id,
        note=note,
    )
    if done.is_new and done.entry is not None:
        tell_reversed(session, member, entry, done.entry)
        session.flush()
    return done

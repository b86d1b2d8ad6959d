"""Posting: the verb by which points move, whoever asks."""

from datetime import date, datetime

from sqlalchemy.orm import Session

from models.local_day import first_of_month_after, local_day
from models.member import Member
from models.points.entry import Cause, Lot, earn, find_entry, lock, move
from models.points.lots import note_takes, pay_from, settle_lots
from models.points.table import InsufficientPoints, PointsEntry
from models.shop import get_shop


def post_points(
    session: Session,
    member: Member,
    points: int,
    *,
    reason: str,
    idempotency_key: str,
    now: datetime,
    expires_on: date | None = None,
    pending_until: date | None = None,
    tier_points: int = 0,
    purchase_id: int | None = None,
    answers_id: int | None = None,
    staff_id: int | None = None,
    store_id: int | None = None,
    note: str | None = None,
) -> PointsEntry:
    """Move `points` (whole, signed) and return the entry; the caller's transaction keeps it.

    An earning ends with the shop's rule unless told when (`expires_on`, the first day without it),
    and cannot be spent before `pending_until`. `tier_points` go to the second wallet; with no
    `points` they go there alone. A key seen before returns its first entry and moves nothing.
    Raises InsufficientPoints, or IdempotencyKeyReused when the key meant something else.
    """
    lock(session, member)
    posted = find_entry(session, idempotency_key)
    if posted is not None:
        return posted.or_refuse(member, points, tier_points)
    cause = Cause(reason, idempotency_key, now, purchase_id, answers_id, staff_id, store_id, note)
    if member.tier_points + tier_points < 0:
        raise InsufficientPoints(balance=member.tier_points, needed=-tier_points)
    if points < 0:
        entry_id = spend(session, member, -points, cause, tier_points=tier_points)
    elif points == 0:
        entry_id = move(session, member, cause, tier_points=tier_points)
    else:
        ends_on = expires_on or _usual_end(session, local_day(now))
        entry_id = earn(
            session, member, Lot(points, ends_on, pending_until), cause, tier_points=tier_points
        )
    return session.get_one(PointsEntry, entry_id)


def _usual_end(session: Session, today: date) -> date:
    return first_of_month_after(today, get_shop(session).points_valid_months + 1)


def spend(
    session: Session, member: Member, points: int, cause: Cause, *, tier_points: int = 0
) -> int:
    """Take `points` from what ends first; return the entry's id. The caller holds the lock.

    Points whose day has come are gone, and those whose return window is over are there, even
    before the night's jobs have said so. Raises InsufficientPoints.
    """
    lots = settle_lots(session, member, cause.now)
    if member.points < points:
        raise InsufficientPoints(balance=member.points, needed=points)
    takes = pay_from(lots, points)
    entry_id = move(session, member, cause, points=-points, tier_points=tier_points)
    note_takes(session, entry_id, takes)
    return entry_id

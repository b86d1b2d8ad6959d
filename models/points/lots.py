"""Lots: what is left of each earning, and what happens to it as days come."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.local_day import local_day
from models.member import Member
from models.points.entry import Cause, lock, move, repaid_by
from models.points.table import PointsEntry, PointsLot, PointsTake

Takes = list[tuple[PointsLot, int]]
"""So many points out of each of these lots."""


def open_lots(session: Session, member_id: int) -> Sequence[PointsLot]:
    """Return the lots that still hold something, pending ones too, those that end first, first."""
    return session.scalars(
        select(PointsLot)
        .where(PointsLot.member_id == member_id, PointsLot.remaining > 0)
        .order_by(PointsLot.expires_on, PointsLot.entry_id)
        .execution_options(populate_existing=True)
    ).all()


def settle_lots(session: Session, member: Member, now: datetime) -> list[PointsLot]:
    """Do what the days up to `now` ask of a locked member's lots; return those open and active."""
    lots = open_lots(session, member.id)
    settle(session, member, lots, local_day(now), now)
    return [lot for lot in lots if lot.remaining and lot.pending_until is None]


def settle(
    session: Session, member: Member, lots: Sequence[PointsLot], today: date, now: datetime
) -> tuple[int, int]:
    """Activate and end what is due of these lots; return how many points of each."""
    activated = sum(
        _activate(session, member, lot, now)
        for lot in lots
        if lot.pending_until is not None and lot.pending_until <= today
    )
    expired = sum(
        _expire(session, member, lot, now)
        for lot in lots
        if lot.remaining and lot.expires_on <= today
    )
    return activated, expired


def _activate(session: Session, member: Member, lot: PointsLot, now: datetime) -> int:
    points, repaid = lot.remaining, repaid_by(member.points, lot.remaining)
    lot.pending_until = None
    lot.remaining -= repaid
    lot.repaid += repaid
    earning = session.get_one(PointsEntry, lot.entry_id)
    cause = Cause(
        "activation",
        f"activate:{lot.entry_id}",
        now,
        purchase_id=earning.purchase_id,
        store_id=earning.store_id,
    )
    move(session, member, cause, points=points, pending=-points)
    return points


def _expire(session: Session, member: Member, lot: PointsLot, now: datetime) -> int:
    points, lot.remaining = lot.remaining, 0
    lot.expired += points
    cause = Cause("expiry", f"expire:{lot.entry_id}", now)
    entry_id = move(session, member, cause, points=-points)
    note_takes(session, entry_id, [(lot, points)])
    return points


def pay_from(lots: Sequence[PointsLot], points: int) -> Takes:
    """Take `points` from these lots in their order; return what each gave."""
    takes = take_up_to(lots, points)
    assert sum(taken for _, taken in takes) == points, "the lots hold what the balance says"
    return takes


def take_up_to(lots: Sequence[PointsLot], points: int) -> Takes:
    """Take as much of `points` as these lots hold, in their order; return what each gave."""
    takes = []
    for lot in lots:
        taken = min(lot.remaining, points)
        if taken:
            lot.remaining -= taken
            points -= taken
            takes.append((lot, taken))
    return takes


def note_takes(session: Session, entry_id: int, takes: Takes) -> None:
    """Keep what the entry took out of each lot; below zero what it gave back."""
    session.add_all(
        PointsTake(entry_id=entry_id, lot_id=lot.entry_id, points=points) for lot, points in takes
    )
    session.flush()


def activate_due(session: Session, member_id: int, today: date, now: datetime) -> int:
    """Make spendable what of the member's pending points is due; return how many points."""
    return _settle_member(session, member_id, today, now)[0]


def expire_member_points(session: Session, member_id: int, today: date, now: datetime) -> int:
    """End the member's lots whose day has come; return how many points that took."""
    return _settle_member(session, member_id, today, now)[1]


def activate_early(session: Session, member: Member, earning_id: int, now: datetime) -> int:
    """Make one earning spendable before its day, such as on delivery; return how many points.

    Nothing where it is active already. The lot's row must be the member's.
    """
    lock(session, member)
    lot = session.get_one(PointsLot, earning_id, populate_existing=True)
    assert lot.member_id == member.id
    if lot.pending_until is None or not lot.remaining:
        return 0
    return _activate(session, member, lot, now)


def _settle_member(session: Session, member_id: int, today: date, now: datetime) -> tuple[int, int]:
    member = session.get_one(Member, member_id, populate_existing=True, with_for_update=True)
    return settle(session, member, open_lots(session, member_id), today, now)


def list_members_with_ended_lots(session: Session, today: date, limit: int) -> list[int]:
    """Return ids of up to `limit` members who hold a lot whose day has come."""
    due = select(PointsLot.member_id).where(PointsLot.remaining > 0, PointsLot.expires_on <= today)
    return list(session.scalars(due.distinct().limit(limit)))


def list_members_with_due_lots(session: Session, today: date, limit: int) -> list[int]:
    """Return ids of up to `limit` members who hold pending points whose day has come."""
    due = select(PointsLot.member_id).where(
        PointsLot.remaining > 0, PointsLot.pending_until <= today
    )
    return list(session.scalars(due.distinct().limit(limit)))

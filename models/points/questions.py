"""What may be asked of a member's points."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import column, func, or_, select, table
from sqlalchemy.orm import Session

from models.points.table import PointsEntry, PointsLot
from models.shop import Store

_PURCHASE = table("purchase", column("id"), column("store_id"))
"""By name, for its module stands above us: the rules know plans, and plans know points."""
SHOWN_EXPIRIES = 3
SHOWN_PENDING = 3


@dataclass(frozen=True)
class Expiring:
    """So many points are gone from `expires_on` on."""

    expires_on: date
    points: int


@dataclass(frozen=True)
class Pending:
    """So many points can be spent from `active_on` on."""

    active_on: date
    points: int


@dataclass(frozen=True)
class Line:
    """One entry as its owner is shown it, with the store it came about in."""

    entry: PointsEntry
    store: Store | None


def list_lines(
    session: Session, member_id: int, *, limit: int, before_seq: int | None = None
) -> list[Line]:
    """Return up to `limit` entries with their stores, newest first, older than one of them."""
    store_id = func.coalesce(PointsEntry.store_id, _PURCHASE.c.store_id)
    lines = (
        select(PointsEntry, Store)
        .join(_PURCHASE, _PURCHASE.c.id == PointsEntry.purchase_id, isouter=True)
        .join(Store, Store.id == store_id, isouter=True)
        .where(PointsEntry.member_id == member_id)
        .order_by(PointsEntry.seq.desc())
        .limit(limit)
    )
    if before_seq is not None:
        lines = lines.where(PointsEntry.seq < before_seq)
    return [Line(entry, store) for entry, store in session.execute(lines)]


def list_expiring(session: Session, member_id: int) -> list[Expiring]:
    """Return what of the spendable points the member loses next and when, earliest first."""
    rows = session.execute(
        select(PointsLot.expires_on, func.sum(PointsLot.remaining))
        .where(
            PointsLot.member_id == member_id,
            PointsLot.remaining > 0,
            PointsLot.pending_until.is_(None),
        )
        .group_by(PointsLot.expires_on)
        .order_by(PointsLot.expires_on)
        .limit(SHOWN_EXPIRIES)
    )
    return [Expiring(expires_on, int(points)) for expires_on, points in rows]


def list_pending(session: Session, member_id: int) -> list[Pending]:
    """Return what becomes spendable next and when, earliest first."""
    rows = session.execute(
        select(PointsLot.pending_until, func.sum(PointsLot.remaining))
        .where(
            PointsLot.member_id == member_id,
            PointsLot.remaining > 0,
            PointsLot.pending_until.is_not(None),
        )
        .group_by(PointsLot.pending_until)
        .order_by(PointsLot.pending_until)
        .limit(SHOWN_PENDING)
    )
    return [Pending(active_on, int(points)) for active_on, points in rows if active_on is not None]


def spendable_points(session: Session, member_id: int, balance: int, today: date) -> int:
    """Return what a member with this kept `balance` can spend on a day.

    Points whose day has come are gone, and those whose return window is over are there, even
    before the night's jobs have said so.
    """
    held = session.scalar(
        select(func.coalesce(func.sum(PointsLot.remaining), 0)).where(
            PointsLot.member_id == member_id,
            PointsLot.remaining > 0,
            PointsLot.expires_on > today,
            or_(PointsLot.pending_until.is_(None), PointsLot.pending_until <= today),
        )
    )
    return max(int(held or 0) + min(balance, 0), 0)

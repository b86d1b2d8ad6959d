"""Entries: one movement written down, with its lot where it is an earning.

An earning in one statement, for whoever writes its own (`models/checkout/`): INSERT into
`points_entry` member_id, points, balance_after, reason, idempotency_key, posted_at, and as they
apply pending, pending_after, tier_points, tier_points_after, purchase_id, store_id, staff_id; each
`…_after` is the member's figure after the movement. Then into `points_lot` entry_id, member_id,
granted, remaining, expires_on, and as they apply pending_until and repaid, where `repaid_by` says
what a balance below zero keeps of it. `seq` and `hash` are the database's own.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Insert, insert, literal, select, text
from sqlalchemy.orm import Session

from models.base import find_made
from models.member import Member
from models.points.table import PointsEntry, PointsLot
from models.shop import Shop


@dataclass(frozen=True)
class Cause:
    """Why points move: for what, under which key, when, and by whom and where."""

    reason: str
    idempotency_key: str
    now: datetime
    purchase_id: int | None = None
    answers_id: int | None = None
    staff_id: int | None = None
    store_id: int | None = None
    note: str | None = None


@dataclass(frozen=True)
class Lot:
    """What an earning opens: points good until a day, and perhaps not yet spendable."""

    points: int
    expires_on: date
    pending_until: date | None = None
    repaid: int = 0


def lock(session: Session, member: Member) -> None:
    """Lock the member's row and read it anew: two tills, one member: the second waits."""
    session.flush()  # What the caller changed on it is not to be lost by reading it again.
    session.refresh(member, with_for_update=True)


def find_entry(session: Session, idempotency_key: str) -> PointsEntry | None:
    """Return the entry posted under this key, or None."""
    return find_made(session, PointsEntry, idempotency_key)


def pending_until(shop: Shop, today: date) -> date | None:
    """Return the first day on which points earned `today` may be spent; None: at once."""
    return today + timedelta(days=shop.return_days) if shop.return_days else None


def repaid_by(balance: int, points: int) -> int:
    """Return how many of `points` a balance below zero keeps, so that no lot holds them."""
    return min(points, max(-balance, 0))


def earn(session: Session, member: Member, lot: Lot, cause: Cause, *, tier_points: int = 0) -> int:
    """Write an earning and open its lot, in one statement; return the entry's id."""
    is_pending = lot.pending_until is not None
    repaid = 0 if is_pending else repaid_by(member.points, lot.points)
    entry = entry_of(
        member,
        cause,
        points=0 if is_pending else lot.points,
        pending=lot.points if is_pending else 0,
        tier_points=tier_points,
    )
    opened = Lot(lot.points, lot.expires_on, lot.pending_until, repaid)
    return write(session, with_lot(entry, member.id, opened))


def move(
    session: Session,
    member: Member,
    cause: Cause,
    *,
    points: int = 0,
    pending: int = 0,
    tier_points: int = 0,
    forgiven: int = 0,
) -> int:
    """Write an entry without a lot; return its id. The caller has seen to lots and balance."""
    entry = entry_of(
        member, cause, points=points, pending=pending, tier_points=tier_points, forgiven=forgiven
    )
    return write(session, entry)


def entry_of(
    member: Member,
    cause: Cause,
    *,
    points: int = 0,
    pending: int = 0,
    tier_points: int = 0,
    forgiven: int = 0,
) -> Insert:
    """Move the member's figures and return the INSERT of the entry that says so."""
    member.points += points
    member.points_pending += pending
    member.tier_points += tier_points
    return (
        insert(PointsEntry)
        .values(
            member_id=member.id,
            points=points,
            balance_after=member.points,
            pending=pending,
            pending_after=member.points_pending,
            tier_points=tier_points,
            tier_points_after=member.tier_points,
            forgiven=forgiven,
            reason=cause.reason,
            purchase_id=cause.purchase_id,
            answers_id=cause.answers_id,
            staff_id=cause.staff_id,
            store_id=cause.store_id,
            note=cause.note,
            idempotency_key=cause.idempotency_key,
            posted_at=cause.now,
        )
        .returning(PointsEntry.id)
    )


def with_lot(entry: Insert, member_id: int, lot: Lot) -> Insert:
    """Return one statement that writes the entry and opens its lot."""
    born = entry.cte("born")
    values = {
        "member_id": member_id,
        "granted": lot.points,
        "remaining": lot.points - lot.repaid,
        "expires_on": lot.expires_on,
        "pending_until": lot.pending_until,
        "repaid": lot.repaid,
    }
    columns = PointsLot.__table__.c
    return (
        insert(PointsLot)
        .from_select(
            ["entry_id", *values],
            select(
                born.c.id, *(literal(told, columns[name].type) for name, told in values.items())
            ),
            include_defaults=False,
        )
        .returning(PointsLot.entry_id)
    )


def write(session: Session, statement: Insert) -> int:
    """Execute one of these INSERTs; return the entry's id."""
    entry_id: int = session.execute(statement).scalar_one()
    return entry_id


def reserve_entry_ids(session: Session, count: int) -> list[int]:
    """Draw `count` ids for entries that are copied in bulk, rising.

    The seal waits for who holds this table's lock: none of these ids falls below a seal.
    """
    session.execute(text("LOCK TABLE points_entry IN ROW EXCLUSIVE MODE"))
    drawn = text("SELECT nextval('points_entry_id_seq') FROM generate_series(1, :count)")
    return sorted(session.scalars(drawn, {"count": count}))

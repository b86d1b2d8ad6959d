"""Points: an append-only ledger in lots. No balance below zero; no entry is changed.

Every earning opens a lot that ends on a day; spending takes from the lots that end first. At any
moment the member's balance, the sum of their entries and the sum of what their lots still hold
are the same number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, func, insert, literal, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Day, Identifier, Moment
from models.local_day import local_day
from models.member import Member

SHOWN_ENTRIES = 5
SHOWN_EXPIRIES = 3

REASONS = ("purchase", "welcome", "birthday", "adjustment", "expiry", "refund", "redemption")


class PointsEntry(Base):
    """One movement of a member's points: above zero earned, below zero taken. Never changed."""

    __tablename__ = "points_entry"
    __table_args__ = (
        CheckConstraint("points <> 0", name="moves_points"),
        CheckConstraint("balance_after >= 0", name="balance_not_negative"),
        CheckConstraint(
            "reason IN ('" + "', '".join(REASONS) + "')",
            name="reason_known",
        ),
        Index(None, "member_id", "id"),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    points: Mapped[int]
    balance_after: Mapped[int]
    reason: Mapped[str]
    purchase_id: Mapped[int | None] = mapped_column(ForeignKey("purchase.id"))
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    posted_at: Mapped[Moment]

    def or_refuse(self, member: Member, points: int) -> Self:
        """Return this entry as the answer to a repeated key. Raises IdempotencyKeyReused."""
        if (self.member_id, self.points) != (member.id, points):
            raise IdempotencyKeyReused
        return self


class PointsLot(Base):
    """What is left of one earning. `remaining` only ever falls; the lot ends with `expires_on`."""

    __tablename__ = "points_lot"
    __table_args__ = (
        CheckConstraint("remaining >= 0 AND remaining <= granted", name="remaining_within_granted"),
        Index("ix_points_lot_open", "member_id", "expires_on", postgresql_where="remaining > 0"),
        Index("ix_points_lot_expiring", "expires_on", postgresql_where="remaining > 0"),
    )

    entry_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("points_entry.id"), primary_key=True, autoincrement=False
    )
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    granted: Mapped[int]
    remaining: Mapped[int]
    expires_on: Mapped[Day]
    """The first Taipei day on which the points are gone."""


class InsufficientPoints(BusinessError):
    """The movement would take more than the member has."""

    code = "insufficient_points"


class IdempotencyKeyReused(BusinessError):
    """The key came before with other content."""

    code = "idempotency_key_reused"


@dataclass(frozen=True)
class Expiring:
    """So many points are gone from `expires_on` on."""

    expires_on: date
    points: int


def post_points(
    session: Session,
    member: Member,
    points: int,
    *,
    reason: str,
    idempotency_key: str,
    now: datetime,
    expires_on: date | None = None,
) -> PointsEntry:
    """Move `points` (whole, signed) and return the entry; the caller's transaction keeps it.

    An earning needs the day it `expires_on`. A key seen before returns its first entry and moves
    nothing. Raises InsufficientPoints, or IdempotencyKeyReused when the key meant something else.
    """
    session.refresh(member, with_for_update=True)  # Two tills, one member: the second waits.
    posted = find_entry(session, idempotency_key)
    if posted is not None:
        return posted.or_refuse(member, points)
    if points < 0:
        # Points whose day has come are gone, even before the night's job has said so.
        expire_member_points(session, member.id, local_day(now), now)
        if member.points + points < 0:
            raise InsufficientPoints(balance=member.points, needed=-points)
        take_from_lots(session, member.id, -points)
    entry_id = add_entry(
        session, member, points, reason, idempotency_key, now, expires_on=expires_on
    )
    return session.get_one(PointsEntry, entry_id)


def find_entry(session: Session, idempotency_key: str) -> PointsEntry | None:
    """Return the entry posted under this key, or None."""
    return session.scalars(
        select(PointsEntry).where(PointsEntry.idempotency_key == idempotency_key)
    ).one_or_none()


def add_entry(
    session: Session,
    member: Member,
    points: int,
    reason: str,
    idempotency_key: str,
    now: datetime,
    *,
    expires_on: date | None = None,
    purchase_id: int | None = None,
) -> int:
    """Write an entry, with its lot where it is an earning, in one statement; return its id.

    The caller holds the member's lock and has checked the balance.
    """
    member.points += points
    entry = insert(PointsEntry).values(
        member_id=member.id,
        points=points,
        balance_after=member.points,
        reason=reason,
        purchase_id=purchase_id,
        idempotency_key=idempotency_key,
        posted_at=now,
    )
    entry = entry.returning(PointsEntry.id)
    if points < 0:
        return session.execute(entry).scalar_one()
    assert expires_on is not None, "an earning has a day on which it ends"
    born = entry.cte("born")
    lot = insert(PointsLot).from_select(
        ["entry_id", "member_id", "granted", "remaining", "expires_on"],
        select(
            born.c.id, literal(member.id), literal(points), literal(points), literal(expires_on)
        ),
    )
    return session.execute(lot.returning(PointsLot.entry_id)).scalar_one()


def take_from_lots(session: Session, member_id: int, points: int) -> None:
    """Take `points` from the member's open lots, those that end first, first."""
    open_lots = session.scalars(
        select(PointsLot)
        .where(PointsLot.member_id == member_id, PointsLot.remaining > 0)
        .order_by(PointsLot.expires_on, PointsLot.entry_id)
        .execution_options(populate_existing=True)
    )
    for lot in open_lots:
        taken = min(lot.remaining, points)
        lot.remaining -= taken
        points -= taken
    assert points == 0, "the lots hold what the balance says"


def expire_member_points(session: Session, member_id: int, today: date, now: datetime) -> int:
    """End the member's lots whose day has come; return how many points that took."""
    member = session.get_one(Member, member_id, populate_existing=True, with_for_update=True)
    ended = session.scalars(
        select(PointsLot)
        .where(
            PointsLot.member_id == member_id, PointsLot.remaining > 0, PointsLot.expires_on <= today
        )
        .order_by(PointsLot.expires_on, PointsLot.entry_id)
        .execution_options(populate_existing=True)
    ).all()
    total = 0
    for lot in ended:
        taken, lot.remaining = lot.remaining, 0
        total += taken
        add_entry(session, member, -taken, "expiry", f"expire:{lot.entry_id}", now)
    return total


def list_members_with_ended_lots(session: Session, today: date, limit: int) -> list[int]:
    """Return ids of up to `limit` members who hold a lot whose day has come."""
    return list(
        session.scalars(
            select(PointsLot.member_id)
            .where(PointsLot.remaining > 0, PointsLot.expires_on <= today)
            .distinct()
            .limit(limit)
        )
    )


def list_recent_entries(session: Session, member_id: int) -> Sequence[PointsEntry]:
    """Return the member's newest entries, newest first."""
    return session.scalars(
        select(PointsEntry)
        .where(PointsEntry.member_id == member_id)
        .order_by(PointsEntry.id.desc())
        .limit(SHOWN_ENTRIES)
    ).all()


def list_expiring(session: Session, member_id: int) -> list[Expiring]:
    """Return what the member loses next and when, earliest first."""
    rows = session.execute(
        select(PointsLot.expires_on, func.sum(PointsLot.remaining))
        .where(PointsLot.member_id == member_id, PointsLot.remaining > 0)
        .group_by(PointsLot.expires_on)
        .order_by(PointsLot.expires_on)
        .limit(SHOWN_EXPIRIES)
    )
    return [Expiring(expires_on, int(points)) for expires_on, points in rows]

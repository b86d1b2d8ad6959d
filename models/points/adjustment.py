"""Adjustments: points moved by hand, with a reason, and by two people above the shop's limit.

An adjustment's life: asked → posted or refused. Up to the limit of what one person may post in a
Taipei day it is posted at once; above it somebody else, a manager or the owner, decides.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.audit import note
from models.base import Base, BusinessError, Identifier, Moment, find_made, one_of
from models.fraud import SecondPersonNeeded, check_own_card
from models.local_day import day_start, local_day
from models.member import Member, get_member
from models.points.entry import lock
from models.points.news import tell_adjusted
from models.points.posting import post_points
from models.points.table import IdempotencyKeyReused
from models.shop import get_shop
from models.staff import Staff

STATES = ("asked", "posted", "refused")
DECIDING_ROLES = ("owner", "manager")
ASKING_ROLES = ("owner", "manager", "clerk")
LONGEST_REASON = 200
LARGEST_ADJUSTMENT = 1_000_000
MOST_SHOWN = 50


class PointsAdjustment(Base):
    """One wish to move a member's points by hand, who had it and who decided. Kept for good."""

    __tablename__ = "points_adjustment"
    __table_args__ = (
        CheckConstraint("points <> 0", name="moves_points"),
        CheckConstraint("reason <> ''", name="has_reason"),
        CheckConstraint(one_of("state", STATES), name="state_known"),
        CheckConstraint("(state = 'asked') = (decided_at IS NULL)", name="decided_when"),
        CheckConstraint("(state = 'posted') = (entry_id IS NOT NULL)", name="posted_as"),
        CheckConstraint("asked_by <> decided_by", name="decided_by_another"),
        CheckConstraint(
            "state <> 'posted' OR NOT needs_second OR decided_by IS NOT NULL",
            name="second_person_decides",
        ),
        Index("ix_points_adjustment_asked", "asked_at", postgresql_where="state = 'asked'"),
        Index(None, "asked_by", "asked_at"),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    points: Mapped[int]
    reason: Mapped[str]
    """As the staff wrote it; the member reads it."""
    needs_second: Mapped[bool]
    state: Mapped[str] = mapped_column(default="asked")
    asked_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[Moment]
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    entry_id: Mapped[int | None] = mapped_column(ForeignKey("points_entry.id"))
    idempotency_key: Mapped[str] = mapped_column(unique=True)


class AdjustmentRefused(BusinessError):
    """The adjustment has no reason, moves nothing, or moves more than any adjustment may."""

    code = "adjustment_refused"


class AdjustmentSettled(BusinessError):
    """Somebody has decided already, or there is no such adjustment."""

    code = "adjustment_settled"


def ask_adjustment(
    session: Session,
    member: Member,
    points: int,
    *,
    reason: str,
    asked_by: Staff,
    idempotency_key: str,
    now: datetime,
) -> PointsAdjustment:
    """Adjust a member's points, or keep the wish until a second person decides.

    Posted at once up to what one person may post in a day, and the member is told. A key seen
    before returns its first adjustment. Raises AdjustmentRefused, OwnCard, SecondPersonNeeded (for
    a role that may not even ask), InsufficientPoints, or IdempotencyKeyReused.
    """
    why = " ".join(reason.split())
    if not why or len(why) > LONGEST_REASON or not 0 < abs(points) <= LARGEST_ADJUSTMENT:
        raise AdjustmentRefused(longest=LONGEST_REASON, largest=LARGEST_ADJUSTMENT)
    if asked_by.role not in ASKING_ROLES:
        raise SecondPersonNeeded
    check_own_card(asked_by, member)
    lock(session, member)
    first = find_made(session, PointsAdjustment, idempotency_key)
    if first is not None:
        if (first.member_id, first.points) != (member.id, points):
            raise IdempotencyKeyReused
        return first
    limit = get_shop(session).adjust_limit_points
    wish = PointsAdjustment(
        member_id=member.id,
        points=points,
        reason=why,
        needs_second=_posted_alone(session, asked_by, now) + abs(points) > limit,
        state="asked",
        asked_by=asked_by.id,
        asked_at=now,
        idempotency_key=idempotency_key,
    )
    session.add(wish)
    session.flush()
    if wish.needs_second:
        _note(session, wish, asked_by, now)
    else:
        _post(session, wish, member, asked_by, now)
    return wish


def approve_adjustment(
    session: Session, adjustment_id: int, *, decided_by: Staff, now: datetime
) -> PointsAdjustment:
    """Post what somebody else asked for, and tell the member.

    Raises SecondPersonNeeded, OwnCard, AdjustmentSettled, or InsufficientPoints, which leaves it
    asked.
    """
    wish = _waiting(session, adjustment_id, decided_by)
    member = get_member(session, wish.member_id)
    wish.decided_by = decided_by.id
    _post(session, wish, member, decided_by, now)
    return wish


def refuse_adjustment(
    session: Session, adjustment_id: int, *, decided_by: Staff, now: datetime
) -> PointsAdjustment:
    """End a wish without moving anything. Raises SecondPersonNeeded or AdjustmentSettled."""
    wish = _waiting(session, adjustment_id, decided_by)
    wish.state, wish.decided_by, wish.decided_at = "refused", decided_by.id, now
    _note(session, wish, decided_by, now)
    session.flush()
    return wish


def list_asked(session: Session, limit: int = MOST_SHOWN) -> Sequence[PointsAdjustment]:
    """Return the adjustments that wait for a second person, oldest first."""
    return session.scalars(
        select(PointsAdjustment)
        .where(PointsAdjustment.state == "asked")
        .order_by(PointsAdjustment.asked_at, PointsAdjustment.id)
        .limit(limit)
    ).all()


def list_waiting(session: Session, member_id: int) -> Sequence[PointsAdjustment]:
    """Return a member's adjustments that wait for a second person, oldest first."""
    return session.scalars(
        select(PointsAdjustment)
        .where(PointsAdjustment.member_id == member_id, PointsAdjustment.state == "asked")
        .order_by(PointsAdjustment.id)
    ).all()


def _posted_alone(session: Session, staff: Staff, now: datetime) -> int:
    """Return what a person has posted today without a second one, up or down.

    Their row is locked first: many small wishes at once are still one sum.
    """
    session.execute(select(Staff.id).where(Staff.id == staff.id).with_for_update())
    posted = session.scalar(
        select(func.coalesce(func.sum(func.abs(PointsAdjustment.points)), 0)).where(
            PointsAdjustment.asked_by == staff.id,
            PointsAdjustment.asked_at >= day_start(local_day(now)),
            PointsAdjustment.state == "posted",
            ~PointsAdjustment.needs_second,
        )
    )
    return int(posted or 0)


def _waiting(session: Session, adjustment_id: int, decided_by: Staff) -> PointsAdjustment:
    """Lock a wish that waits, for somebody who may decide on it; its member's row first."""
    wish = session.get(PointsAdjustment, adjustment_id)
    if wish is None:
        raise AdjustmentSettled
    member = get_member(session, wish.member_id)
    lock(session, member)
    session.refresh(wish, with_for_update=True)
    if wish.state != "asked":
        raise AdjustmentSettled
    if decided_by.role not in DECIDING_ROLES or decided_by.id == wish.asked_by:
        raise SecondPersonNeeded
    check_own_card(decided_by, member)
    return wish


def _post(
    session: Session, wish: PointsAdjustment, member: Member, by: Staff, now: datetime
) -> None:
    entry = post_points(
        session,
        member,
        wish.points,
        reason="adjustment",
        idempotency_key=f"adjustment:{wish.id}",
        now=now,
        staff_id=by.id,
        note=wish.reason,
    )
    wish.state, wish.decided_at, wish.entry_id = "posted", now, entry.id
    tell_adjusted(session, member, entry)
    _note(session, wish, by, now)
    session.flush()


def _note(session: Session, wish: PointsAdjustment, by: Staff, now: datetime) -> None:
    note(
        session,
        f"points.adjustment_{wish.state}",
        f"adjustment:{wish.id}",
        now=now,
        staff_id=by.id,
        member_id=wish.member_id,
        after={"points": wish.points, "state": wish.state},
        reason=wish.reason,
    )

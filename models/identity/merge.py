"""Merges: the journal of two cards made one, exact enough to take it back for 30 days."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Identifier, Moment
from models.coupon import Coupon
from models.local_day import local_day
from models.member import Member
from models.programme import get_programme
from models.purchase import Purchase, lock_member, roll_window, standing_of
from models.stamp_card import StampCard, StampProgramme

UNDO_FOR = timedelta(days=30)


class MemberMerge(Base):
    """One card that went into another. `moved` is its journal; `personal` is emptied in time."""

    __tablename__ = "member_merge"
    __table_args__ = (
        CheckConstraint("kept_id <> dropped_id", name="of_two"),
        CheckConstraint("(undone_at IS NULL) = (undone_by IS NULL)", name="undone_by_whom"),
        Index("ix_member_merge_kept_id", "kept_id"),
        Index(
            "uq_member_merge_dropped",
            "dropped_id",
            unique=True,
            postgresql_where="undone_at IS NULL",
        ),
    )

    id: Mapped[Identifier]
    kept_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    dropped_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str]
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    merged_at: Mapped[Moment]
    undo_until: Mapped[Moment]
    moved: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """Ids and figures, nothing that names a person."""
    personal: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """What the closed card had of a person; gone once the merge cannot be undone."""
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class MergeRefused(BusinessError):
    """These two cards cannot be made one; `why` says what stands against it."""

    code = "merge_refused"


class MergeOver(BusinessError):
    """The merge was undone before, or is too old to be."""

    code = "merge_over"


@dataclass(frozen=True)
class Side:
    """One card's figures, as a clerk compares them."""

    points: int
    points_pending: int
    tier_points: int
    tier_rank: int
    spend_twd: int
    stamps: int
    coupons: int
    purchases: int
    has_line: bool
    has_phone: bool


@dataclass(frozen=True)
class Preview:
    """What a merge would bring. `conflicts` names what only one of the two can keep."""

    keep: Side
    drop: Side
    after: Side
    conflicts: tuple[str, ...]


@dataclass(frozen=True)
class Spent:
    """What purchases count for: in 365 days, in the calendar year, and ever."""

    window_twd: int
    year_twd: int
    lifetime_twd: int


def preview_merge(session: Session, keep: Member, drop: Member, now: datetime) -> Preview:
    """Return what merging `drop` into `keep` would bring; writes nothing. Raises MergeRefused."""
    refuse_unfit(keep, drop)
    kept, dropped = _side(session, keep, now), _side(session, drop, now)
    after = Side(
        points=kept.points + dropped.points,
        points_pending=kept.points_pending + dropped.points_pending,
        tier_points=kept.tier_points + dropped.tier_points,
        tier_rank=max(kept.tier_rank, dropped.tier_rank),
        spend_twd=kept.spend_twd + dropped.spend_twd,
        stamps=kept.stamps + dropped.stamps,
        coupons=kept.coupons + dropped.coupons,
        purchases=kept.purchases + dropped.purchases,
        has_line=kept.has_line or dropped.has_line,
        has_phone=kept.has_phone or dropped.has_phone,
    )
    return Preview(kept, dropped, after, tuple(_conflicts(keep, drop)))


def refuse_unfit(keep: Member, drop: Member) -> None:
    """Refuse cards that cannot be merged. Raises MergeRefused."""
    if keep.id == drop.id:
        raise MergeRefused(why="same_card")
    if keep.erased_at is not None or drop.erased_at is not None:
        raise MergeRefused(why="erased")
    if keep.merged_into_id is not None or drop.merged_into_id is not None:
        raise MergeRefused(why="merged_before")
    if drop.points < 0:
        raise MergeRefused(why="debt")
    if keep.frozen_at is not None or drop.frozen_at is not None:
        raise MergeRefused(why="frozen")
    if keep.plan_code is not None and drop.plan_code is not None:
        raise MergeRefused(why="two_plans")


def bring_to_today(session: Session, member: Member, today: date) -> None:
    """Lock a member and bring the figures of window and year to `today`."""
    locked, _ = lock_member(session, member.id, today)
    if member.spend_on.year < today.year:
        member.year_twd = 0
    roll_window(locked, today)
    session.flush()


def list_undoable(session: Session, member_id: int, now: datetime) -> Sequence[MemberMerge]:
    """Return the merges into a member's card that can still be taken back, newest first."""
    return session.scalars(
        select(MemberMerge)
        .where(
            MemberMerge.kept_id == member_id,
            MemberMerge.undone_at.is_(None),
            MemberMerge.undo_until > now,
            MemberMerge.personal.is_not(None),
        )
        .order_by(MemberMerge.id.desc())
    ).all()


def spent_in(session: Session, purchase_ids: Sequence[int], today: date) -> Spent:
    """Return what these purchases count for `today`."""
    net = Purchase.paid_twd - Purchase.refunded_twd
    in_window = Purchase.purchased_on > today - timedelta(days=365)
    in_year = Purchase.purchased_on >= date(today.year, 1, 1)
    row = session.execute(
        select(
            func.coalesce(func.sum(net).filter(in_window), 0),
            func.coalesce(func.sum(net).filter(in_year), 0),
            func.coalesce(func.sum(net), 0),
        ).where(Purchase.id == func.any(list(purchase_ids)))
    ).one()
    return Spent(*(int(value) for value in row))


def forget_personal(session: Session, now: datetime) -> int:
    """Empty what merges too old to be undone still hold of a person; return how many."""
    emptied = session.scalars(
        update(MemberMerge)
        .where(MemberMerge.personal.is_not(None), MemberMerge.undo_until <= now)
        .values(personal=None)
        .returning(MemberMerge.id)
    )
    return len(emptied.all())


def forget_merged_person(session: Session, member_id: int) -> None:
    """Empty what merges into a leaving member's card hold of them: they cannot be undone then."""
    session.execute(
        update(MemberMerge).where(MemberMerge.kept_id == member_id).values(personal=None)
    )


def _side(session: Session, member: Member, now: datetime) -> Side:
    programme = get_programme(session)
    stamps = session.scalar(
        select(func.coalesce(func.sum(StampCard.stamps % StampProgramme.size), 0))
        .join(StampProgramme, StampProgramme.id == StampCard.programme_id)
        .where(StampCard.member_id == member.id)
    )
    coupons = session.scalar(
        select(func.count()).where(
            Coupon.member_id == member.id, Coupon.state == "issued", Coupon.expires_at > now
        )
    )
    return Side(
        points=member.points,
        points_pending=member.points_pending,
        tier_points=member.tier_points,
        tier_rank=programme.tier(member.tier_id).rank,
        spend_twd=standing_of(session, member, programme, local_day(now)).spend_twd,
        stamps=int(stamps or 0),
        coupons=coupons or 0,
        purchases=member.purchase_count,
        has_line=member.line_user_id is not None,
        has_phone=member.phone is not None,
    )


def _conflicts(keep: Member, drop: Member) -> list[str]:
    """Name what both cards have and only one keeps; the kept card's own always stays."""
    both = {
        "name": (keep.name, drop.name),
        "phone": (keep.phone, drop.phone),
        "birthday": (keep.birthday, drop.birthday),
        "line": (keep.line_user_id, drop.line_user_id),
    }
    return [
        what
        for what, (kept, dropped) in both.items()
        if kept is not None and dropped is not None and kept != dropped
    ]

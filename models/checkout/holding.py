"""What a member holds, before and after: the difference is what a deed at the counter did."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.coupon import Coupon
from models.member import Member
from models.stamp_card import StampCard
from models.tier import Tier


@dataclass(frozen=True)
class Holding:
    """Points, tier, stamps and coupons of one member at one moment."""

    points: int
    points_pending: int
    tier_id: int
    stamps: dict[int, int]
    """By programme."""
    coupons: dict[int, str]
    """State by id."""


@dataclass(frozen=True)
class Effect:
    """What changed between two moments; names are in every language the shop wrote them in."""

    points_before: int
    points_after: int
    pending_moved: int
    stamps_moved: int
    tier_before: dict[str, str] | None
    """The tier's name, where it changed."""
    tier_after: dict[str, str] | None
    coupons_back: list[dict[str, str]]
    """Coupons that can be used again."""
    coupons_gone: list[dict[str, str]]
    """Coupons that were taken back."""

    @property
    def points_moved(self) -> int:
        """Return how many points came (above zero) or went."""
        return self.points_after - self.points_before


def read_holding(session: Session, member_id: int) -> Holding:
    """Return what a member holds now."""
    session.flush()
    member: Any = session.execute(
        select(Member.points, Member.points_pending, Member.tier_id).where(Member.id == member_id)
    ).one()
    stamps = select(StampCard.programme_id, StampCard.stamps).where(
        StampCard.member_id == member_id
    )
    coupons = select(Coupon.id, Coupon.state).where(Coupon.member_id == member_id)
    return Holding(
        points=member.points,
        points_pending=member.points_pending,
        tier_id=member.tier_id,
        stamps=dict(session.execute(stamps).all()),
        coupons=dict(session.execute(coupons).all()),
    )


def compare(session: Session, before: Holding, after: Holding) -> Effect:
    """Return what changed from one moment to the other, with the names of what did."""
    moved = {
        coupon_id: state
        for coupon_id, state in after.coupons.items()
        if state != before.coupons.get(coupon_id, state)
    }
    names = _coupon_names(session, list(moved)) if moved else {}
    fell = before.tier_id != after.tier_id
    return Effect(
        points_before=before.points,
        points_after=after.points,
        pending_moved=after.points_pending - before.points_pending,
        stamps_moved=sum(after.stamps.values()) - sum(before.stamps.values()),
        tier_before=session.get_one(Tier, before.tier_id).name if fell else None,
        tier_after=session.get_one(Tier, after.tier_id).name if fell else None,
        coupons_back=[names[one] for one, state in moved.items() if state == "issued"],
        coupons_gone=[names[one] for one, state in moved.items() if state == "void"],
    )


def _coupon_names(session: Session, coupon_ids: list[int]) -> dict[int, dict[str, str]]:
    found = session.scalars(select(Coupon).where(Coupon.id.in_(coupon_ids)))
    return {coupon.id: coupon.template.name for coupon in found}

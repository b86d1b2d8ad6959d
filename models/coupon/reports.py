"""What a pack of coupons brought about (C-01)."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.coupon.table import Coupon, CouponTemplate
from models.purchase.table import Purchase

STABLE_ORDERS = 3
"""After so many orders the articles call a repeat stable."""


@dataclass(frozen=True)
class PackReport:
    """How far the members who were given a pack have come."""

    given: int
    """Members with the pack."""
    used: tuple[int, ...]
    """How many used its first, second, … coupon."""
    reached: tuple[int, ...]
    """How many have made one, two and three orders since."""
    repeated: int
    """How many of those with three have ordered again."""

    @property
    def repeat_rate(self) -> float | None:
        """Return the share that ordered again after three, 0 to 1; None before anybody has three.

        A figure to be shown, not an amount: the only place where a coupon meets a float.
        """
        return self.repeated / self.reached[-1] if self.reached[-1] else None


def pack_report(session: Session, pack_code: str) -> PackReport:
    """Report on a pack: orders count from its day on, and not where wholly refunded."""
    given = (
        select(Coupon.member_id, func.min(Coupon.issued_at).label("given_at"))
        .join(CouponTemplate, CouponTemplate.id == Coupon.template_id)
        .where(CouponTemplate.pack_code == pack_code, Coupon.pack_place == 1)
        .group_by(Coupon.member_id)
        .subquery()
    )
    orders = (
        select(given.c.member_id, func.count(Purchase.id).label("orders"))
        .join(
            Purchase,
            (Purchase.member_id == given.c.member_id)
            & (Purchase.purchased_at >= given.c.given_at)
            & Purchase.undone_at.is_(None),
            isouter=True,
        )
        .group_by(given.c.member_id)
        .subquery()
    )
    steps = [func.count().filter(orders.c.orders >= n) for n in range(STABLE_ORDERS + 2)]
    counts = tuple(session.execute(select(*steps).select_from(orders)).one())
    given_to, *reached, again = counts
    return PackReport(given_to, _used(session, pack_code), tuple(reached), again)


def _used(session: Session, pack_code: str) -> tuple[int, ...]:
    rows = session.execute(
        select(CouponTemplate.pack_place, func.count(Coupon.id).filter(Coupon.state == "redeemed"))
        .join(
            Coupon,
            (Coupon.template_id == CouponTemplate.id) & Coupon.pack_key.is_not(None),
            isouter=True,
        )
        .where(CouponTemplate.pack_code == pack_code)
        .group_by(CouponTemplate.pack_place)
        .order_by(CouponTemplate.pack_place)
    )
    return tuple(count for _, count in rows)

"""Previewing a sale: what recording it now would bring, by the same steps, with nothing written."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.checkout.closing import Sold
from models.checkout.opening import open_sale
from models.checkout.pace import judge_pace
from models.checkout.reckoning import Reckoning, Sale
from models.coupon import NO_COUPONS, Coupon, CouponNotUsable, Picked, pricing
from models.earn_rule import Earned
from models.fraud import refuse_if_frozen
from models.fraud.checking import Verdict
from models.local_day import local_day
from models.programme import get_programme
from models.purchase.table import LARGEST_AMOUNT_TWD, AmountRefused
from models.stamp_card import Stamped
from models.tier import Standing, Tier


@dataclass(frozen=True)
class Preview:
    """What a sale would come to. It promises nothing: somebody may use the coupon first."""

    sold: Sold
    priced: tuple[tuple[Coupon, int], ...]
    """Each coupon with the NT$ it would take off."""
    refused: tuple[tuple[Coupon, BusinessError], ...]
    """Each coupon that cannot be used, with why; only of a `lenient` preview."""
    member_discount_twd: int
    """What the member's tier or plan takes off by itself."""
    most_points: int
    """So many points could pay for what is left."""
    earned: Earned
    stamped: tuple[Stamped, ...]
    standing: Standing
    """Where the member would stand after it."""
    lifted_to: Tier | None
    verdict: Verdict
    """What the limits of pace would say."""


def preview_purchase(
    session: Session, sale: Sale, now: datetime, *, lenient: bool = False
) -> Preview:
    """Return what recording the sale now would bring; nothing is locked and nothing written.

    A `lenient` one goes on without coupons that cannot be used, and says why. Raises what
    `record_purchase` raises for amount, member, coupons and points.
    """
    if not 0 < sale.amount_twd <= LARGEST_AMOUNT_TWD:
        raise AmountRefused(largest_twd=LARGEST_AMOUNT_TWD)
    session.flush()
    sold_on = local_day(sale.sold_at or now)
    opened = open_sale(session, sale.member_id, "", local_day(now), sold_on=sold_on, lock=False)
    programme = get_programme(session, opened.programme_version)
    made = Reckoning(session, sale, opened, programme, now)
    if sale.points_to_use or sale.coupon_ids:
        refuse_if_frozen(opened)
    picked, refused = _picked(made, lenient=lenient)
    made.pay(picked)
    earned = made.earn()
    verdict = judge_pace(made, earned.points)
    made.count(earned)
    standing = made.standing()
    worth_twd = programme.shop.point_value_twd
    return Preview(
        sold=made.sold(earned),
        priced=made.picked.priced,
        refused=refused,
        member_discount_twd=made.member_discount_twd,
        most_points=max(min(opened.points, (made.paid_twd + made.points_twd) // worth_twd), 0),
        earned=earned,
        stamped=tuple(made.stamped),
        standing=standing,
        lifted_to=standing.tier if made.steps else None,
        verdict=verdict,
    )


Refused = tuple[tuple[Coupon, BusinessError], ...]


def _picked(made: Reckoning, *, lenient: bool) -> tuple[Picked, Refused]:
    """Price the coupons without locking them, and say which cannot be used, and why."""
    ids = set(made.sale.coupon_ids)
    if not ids:
        return NO_COUPONS, ()
    found = made.session.scalars(
        select(Coupon).where(Coupon.id.in_(ids), Coupon.member_id == made.opened.id)
    ).all()
    if len(found) < len(ids):
        raise CouponNotUsable(state="unknown")
    if not lenient:
        return Picked(tuple(pricing.price_basket(found, made.basket, made.at))), ()
    weighed = pricing.weigh(found, made.basket, made.at)
    fitting = tuple((one.coupon, one.discount_twd) for one in weighed if one.refusal is None)
    return Picked(fitting), tuple((one.coupon, one.refusal) for one in weighed if one.refusal)

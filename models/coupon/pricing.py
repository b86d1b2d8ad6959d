"""What coupons take off a basket: a pure reckoning, the same whatever the order they come in."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from models.base import BusinessError
from models.coupon.refusals import (
    CouponNeedsMore,
    CouponNotHere,
    CouponNotUsable,
    CouponsDoNotCombine,
)
from models.coupon.table import ALONE, TILL, WITH_OTHERS, Coupon, CouponTemplate


class Line(Protocol):
    """One item of a basket: so many of a thing, and what they cost together (NT$)."""

    @property
    def sku(self) -> str | None: ...
    @property
    def quantity(self) -> int: ...
    @property
    def amount_twd(self) -> int: ...


@dataclass(frozen=True)
class Basket:
    """What coupons must know of a sale; `amount_twd` holds everything, shipping too."""

    amount_twd: int
    store_code: str | None
    tier_code: str
    channel: str = TILL
    lines: Sequence[Line] = ()
    shipping_twd: int = 0


@dataclass(frozen=True)
class Weighed:
    """One of several coupons on a basket: what it takes off (NT$), or why it cannot be used."""

    coupon: Coupon
    discount_twd: int
    refusal: BusinessError | None = None


def weigh(coupons: Iterable[Coupon], basket: Basket, now: datetime) -> list[Weighed]:
    """Return what each coupon does beside the others, in the order in which they are taken off.

    Of those that do not go together the one that is taken off first counts; the rest are refused.
    """
    fitting: list[Coupon] = []
    refused: list[Weighed] = []
    for coupon in sorted(coupons, key=lambda coupon: (coupon.template.priority, coupon.id)):
        refusal = find_obstacle(coupon, basket, now) or _clash(fitting, coupon)
        if refusal is None:
            fitting.append(coupon)
        else:
            refused.append(Weighed(coupon, 0, refusal))
    return [Weighed(*priced) for priced in price_basket(fitting, basket, now)] + refused


def _clash(others: Sequence[Coupon], coupon: Coupon) -> CouponsDoNotCombine | None:
    try:
        check_combination([*others, coupon])
    except CouponsDoNotCombine as clash:
        return clash
    return None


def price_basket(
    coupons: Iterable[Coupon], basket: Basket, now: datetime
) -> list[tuple[Coupon, int]]:
    """Return each coupon with the NT$ it takes off, in the order in which they are taken off.

    The lowest priority first, equals by id; a percent is of what the ones before have left, and
    together they never take more than the amount. Raises what stands in the way of any of them:
    CouponNotUsable, CouponNotHere, CouponNeedsMore or CouponsDoNotCombine.
    """
    ordered = sorted(coupons, key=lambda coupon: (coupon.template.priority, coupon.id))
    for coupon in ordered:
        refusal = find_obstacle(coupon, basket, now)
        if refusal is not None:
            raise refusal
    check_combination(ordered)
    left_twd, taken_units = basket.amount_twd, Counter[str]()
    priced = []
    for coupon in ordered:
        discount_twd = min(_discount(coupon.template, basket, left_twd, taken_units), left_twd)
        left_twd -= discount_twd
        priced.append((coupon, discount_twd))
    return priced


def find_obstacle(coupon: Coupon, basket: Basket, now: datetime) -> BusinessError | None:
    """Return why this coupon alone cannot be used on the basket, or None where it can."""
    if not coupon.is_usable(now):
        return CouponNotUsable(state=_state_in_the_way(coupon, now))
    template = coupon.template
    if not template.admits(
        tier_code=basket.tier_code, store_code=basket.store_code, channel=basket.channel
    ):
        return CouponNotHere(
            stores=template.store_codes, tiers=template.tier_codes, channels=template.channels
        )
    if basket.amount_twd < template.min_spend_twd:
        return CouponNeedsMore(min_spend_twd=template.min_spend_twd)
    return None


def _state_in_the_way(coupon: Coupon, now: datetime) -> str:
    if coupon.state != "issued":
        return coupon.state
    return "expired" if now >= coupon.expires_at else "later"


def check_combination(coupons: Sequence[Coupon]) -> None:
    """Let pass what may be used together.

    Refused: another beside one that stands alone, two of one group, two of one pack (C-01), or
    one coupon twice. Raises CouponsDoNotCombine with the names of what is in the way.
    """
    if len(coupons) < 2:
        return
    rules = [coupon.template.combines for coupon in coupons]
    groups = [f"group:{rule}" for rule in rules if rule not in (ALONE, WITH_OTHERS)]
    packs = [f"pack:{coupon.pack_key}" for coupon in coupons if coupon.pack_key]
    ids = [f"coupon:{coupon.id}" for coupon in coupons]
    twice = [name for name, count in Counter(groups + packs + ids).items() if count > 1]
    if twice or ALONE in rules:
        raise CouponsDoNotCombine(twice=twice, alone=ALONE in rules)


def _discount(
    template: CouponTemplate, basket: Basket, left_twd: int, taken_units: Counter[str]
) -> int:
    if template.kind == "free_shipping":
        return basket.shipping_twd
    if template.kind in ("item", "gift"):
        return _free_item(template.item_sku, basket, taken_units)
    return template.discount_on(left_twd)


def _free_item(sku: str | None, basket: Basket, taken_units: Counter[str]) -> int:
    """Return the price of one of `sku` that no other coupon made free; 0 where there is none."""
    if sku is None:
        return 0
    place = taken_units[sku]
    taken_units[sku] += 1
    lines = [line for line in basket.lines if line.sku == sku]
    for line in sorted(lines, key=lambda line: line.amount_twd // line.quantity, reverse=True):
        if place < line.quantity:
            return line.amount_twd // line.quantity
        place -= line.quantity
    return 0

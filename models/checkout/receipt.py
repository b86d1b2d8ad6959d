"""The receipt: a purchase as the facts its owner is shown."""

from datetime import datetime
from typing import Any, Protocol

from models import stamp_card, tier
from models.base import in_language
from models.coupon import CouponTemplate
from models.programme import Programme
from models.shop import Store
from models.tier import Standing


class Sold(Protocol):
    """What a receipt tells of a purchase: the row itself, or what is about to become one."""

    @property
    def amount_twd(self) -> int: ...
    @property
    def discount_twd(self) -> int: ...
    @property
    def paid_twd(self) -> int: ...
    @property
    def points_earned(self) -> int: ...
    @property
    def stamps_added(self) -> int: ...
    @property
    def purchased_at(self) -> datetime: ...


def receipt_words(
    sold: Sold,
    store: Store,
    standing: Standing,
    *,
    language: str,
    points_balance: int,
    programme: Programme,
    coupon: CouponTemplate | None = None,
    stamps: int = 0,
    reward: CouponTemplate | None = None,
    lifted_from: tier.Tier | None = None,
) -> dict[str, Any]:
    """Put a purchase into the facts its receipt shows, in the member's language; times are ISO."""
    size = programme.stamp_programme.size
    return {
        "store_name": in_language(store.name, language),
        "amount_twd": sold.amount_twd,
        "discount_twd": sold.discount_twd,
        "paid_twd": sold.paid_twd,
        "coupon_name": in_language(coupon.name, language) if coupon else None,
        "points_earned": sold.points_earned,
        "points_balance": points_balance,
        "stamps_added": sold.stamps_added,
        "stamps": stamp_card.shown_stamps(stamps, size),
        "stamp_size": size,
        "at": sold.purchased_at.isoformat(),
        "standing": standing.words(language),
        "upgraded_to": (
            standing.tier.words(language, at_rank=standing.tier.rank) if lifted_from else None
        ),
        "upgraded_from": in_language(lifted_from.name, language) if lifted_from else None,
        "reward_name": in_language(reward.name, language) if reward else None,
    }

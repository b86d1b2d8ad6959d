"""The receipt: a purchase as the facts its owner is shown."""

from typing import Any

from models import stamp_card, tier
from models.base import in_language
from models.coupon import CouponTemplate
from models.member import Member
from models.programme import Programme
from models.purchase.table import Purchase
from models.shop import Store
from models.tier import Standing


def receipt_words(
    purchase: Purchase,
    member: Member,
    store: Store,
    standing: Standing,
    *,
    programme: Programme,
    coupon: CouponTemplate | None = None,
    stamps: int | None = None,
    reward: CouponTemplate | None = None,
    lifted_from: tier.Tier | None = None,
) -> dict[str, Any]:
    """Put a purchase into the facts its receipt shows, in the member's language; times are ISO."""
    language = member.language
    size = programme.stamp_programme.size
    return {
        "store_name": in_language(store.name, language),
        "amount_twd": purchase.amount_twd,
        "discount_twd": purchase.discount_twd,
        "paid_twd": purchase.paid_twd,
        "coupon_name": in_language(coupon.name, language) if coupon else None,
        "points_earned": purchase.points_earned,
        "points_balance": member.points,
        "stamps_added": purchase.stamps_added,
        "stamps": stamp_card.shown_stamps(stamps or 0, size),
        "stamp_size": size,
        "at": purchase.purchased_at.isoformat(),
        "standing": standing.words(language),
        "upgraded_to": (
            standing.tier.words(language, at_rank=standing.tier.rank) if lifted_from else None
        ),
        "upgraded_from": in_language(lifted_from.name, language) if lifted_from else None,
        "reward_name": in_language(reward.name, language) if reward else None,
    }

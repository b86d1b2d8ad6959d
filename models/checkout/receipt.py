"""The receipt: a purchase as the facts its owner is shown."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Protocol

from models import tier
from models.base import in_language
from models.coupon import CouponTemplate
from models.programme import Programme
from models.shop import Store
from models.stamp_card import StampProgramme
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
    def points_used(self) -> int: ...
    @property
    def points_twd(self) -> int: ...
    @property
    def purchased_at(self) -> datetime: ...


class Carded(Protocol):
    """What a sale made of one stamp card."""

    @property
    def programme(self) -> StampProgramme: ...
    @property
    def added(self) -> int: ...
    @property
    def shown(self) -> int: ...
    @property
    def filled(self) -> range: ...


def receipt_words(
    sold: Sold,
    store: Store,
    standing: Standing,
    *,
    language: str,
    points_balance: int,
    programme: Programme,
    coupons: Sequence[CouponTemplate] = (),
    coupon_twd: int = 0,
    stamped: Sequence[Carded] = (),
    rules: Sequence[str] = (),
    pending_until: date | None = None,
    lifted_from: tier.Tier | None = None,
    is_shop_discount: bool = False,
) -> dict[str, Any]:
    """Put a purchase into the facts its receipt shows, in the member's language; times are ISO."""
    names = {rule.code: rule.name for rule in programme.earn_rules}
    return {
        "store_name": in_language(store.name, language),
        "amount_twd": sold.amount_twd,
        "discount_twd": sold.discount_twd,
        "member_discount_twd": sold.discount_twd - coupon_twd,
        "is_shop_discount": is_shop_discount,
        "points_used": sold.points_used,
        "points_twd": sold.points_twd,
        "paid_twd": sold.paid_twd,
        "redeems": bool(coupons) or sold.points_used > 0,
        "coupon_names": [in_language(coupon.name, language) for coupon in coupons],
        "points_earned": sold.points_earned,
        "points_balance": points_balance,
        "points_usable_on": pending_until.isoformat() if pending_until else None,
        "bonus_names": [in_language(names[code], language) for code in rules if code in names],
        "stamp_cards": [_stamp_words(card, language) for card in stamped],
        "at": sold.purchased_at.isoformat(),
        "standing": standing.words(language),
        "upgraded_to": (
            standing.tier.words(language, at_rank=standing.tier.rank) if lifted_from else None
        ),
        "upgraded_from": in_language(lifted_from.name, language) if lifted_from else None,
    }


def _stamp_words(card: Carded, language: str) -> dict[str, Any]:
    programme = card.programme
    return {
        "name": in_language(programme.name, language),
        "added": card.added,
        "stamps": card.shown,
        "size": programme.size,
        "reward_name": in_language(programme.reward.name, language) if card.filled else None,
    }

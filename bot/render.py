"""Draw a message we owe: the words of an outbox row become LINE's messages when it is sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bot import Message
from bot.activity_views import ReferralRewardedView
from bot.cards import (
    birthday_gift,
    coupon_expiry_reminder,
    coupon_redeemed,
    gathering_moved_up,
    greeting,
    plan_ended,
    plan_ending,
    plan_renewed,
    plan_started,
    points_adjusted_card,
    points_reversed_card,
    receipt_card,
    refund_card,
    stamps_ending,
    tier_down_notice,
    tier_warning_card,
    upgrade_card,
    win_back,
)
from bot.cards.connections import endpoint_disabled
from bot.cards.identity import line_moved, member_merged
from bot.cards.referral import referral_rewarded
from bot.cards.security import card_unfrozen
from bot.content import Address, draw_content
from bot.plan_views import PlanNewsView
from bot.texts import Texts
from bot.views import (
    CouponView,
    GatheringView,
    PointsAdjustedView,
    PointsReversedView,
    ReceiptView,
    RefundView,
    StampView,
    StandingView,
    TierStep,
    TierWarningView,
    View,
)

CONTENT_KIND: Final = "content"
"""Words of this kind are `bot.content.draw_content`'s."""


class UnknownMessageKind(KeyError):
    """No card is known for the kind of an outbox row."""


@dataclass(frozen=True)
class BirthdayGift(View):
    """Words of kind `birthday_gift`."""

    name: str
    coupon: CouponView


@dataclass(frozen=True)
class CouponExpiry(View):
    """Words of kind `coupon_expiry`: at least one coupon."""

    coupons: tuple[CouponView, ...]


@dataclass(frozen=True)
class CouponRedeemed(View):
    """Words of kind `coupon_redeemed`: a coupon used without a sale, where, when and by whom."""

    redemption_id: int
    coupon_name: str
    value_text: str
    store_name: str
    at: datetime
    staff_id: int | None = None


@dataclass(frozen=True)
class WinBack(View):
    """Words of kind `win_back`."""

    name: str
    days: int
    coupon: CouponView | None = None


@dataclass(frozen=True)
class TierDown(View):
    """Words of kind `tier_down_notice`: the tier left, and the standing now."""

    previous: str
    standing: StandingView


@dataclass(frozen=True)
class TierUp(View):
    """Words of kind `tier_up_notice`: the tier left, and the step reached."""

    previous: str
    step: TierStep


@dataclass(frozen=True)
class WelcomeBack(View):
    """Words of kind `welcome_back`."""

    shop_name: str
    is_member: bool = True


@dataclass(frozen=True)
class MemberMerged(View):
    """Words of kind `member_merged`: the kept card's number and balance."""

    points: int
    number: str


@dataclass(frozen=True)
class WebhookDisabled(View):
    """Words of kind `webhook_disabled`: whose address, and why (`gone` or `failing`)."""

    host: str
    because: str


@dataclass(frozen=True)
class Reply(View):
    """Words of kind `reply`: messages already drawn, which found no reply token in time."""

    messages: tuple[Message, ...]


def render(
    kind: str, words: Mapping[str, Any], t: Texts, address: Address | None = None
) -> list[Message]:
    """Return the messages of an outbox row of `kind` in the language of `t`.

    `address` writes counted links; without it content names the shop's own addresses. Raises
    UnknownMessageKind, and pydantic's ValidationError where `words` miss something.
    """
    if kind == CONTENT_KIND:
        return draw_content(words, t.language, address)
    draw = _DRAWERS.get(kind)
    if draw is None:
        raise UnknownMessageKind(kind)
    return draw(t, dict(words))


def _receipt(t: Texts, words: dict[str, Any]) -> list[Message]:
    return receipt_card(t, ReceiptView.from_words(words))


def _refund(t: Texts, words: dict[str, Any]) -> list[Message]:
    return refund_card(t, RefundView.from_words(words))


def _birthday_gift(t: Texts, words: dict[str, Any]) -> list[Message]:
    owed = BirthdayGift.from_words(words)
    return birthday_gift(t, owed.coupon, owed.name)


def _coupon_expiry(t: Texts, words: dict[str, Any]) -> list[Message]:
    return coupon_expiry_reminder(t, CouponExpiry.from_words(words).coupons)


def _coupon_redeemed(t: Texts, words: dict[str, Any]) -> list[Message]:
    owed = CouponRedeemed.from_words(words)
    return coupon_redeemed(
        t,
        redemption_id=owed.redemption_id,
        name=owed.coupon_name,
        value_text=owed.value_text,
        store_name=owed.store_name,
        at=owed.at,
        staff_id=owed.staff_id,
    )


def _win_back(t: Texts, words: dict[str, Any]) -> list[Message]:
    owed = WinBack.from_words(words)
    return win_back(t, owed.coupon, owed.name, owed.days)


def _tier_down(t: Texts, words: dict[str, Any]) -> list[Message]:
    owed = TierDown.from_words(words)
    return tier_down_notice(t, owed.standing, owed.previous)


def _tier_up(t: Texts, words: dict[str, Any]) -> list[Message]:
    owed = TierUp.from_words(words)
    return upgrade_card(t, owed.step, owed.previous)


def _tier_warning(t: Texts, words: dict[str, Any]) -> list[Message]:
    return tier_warning_card(t, TierWarningView.from_words(words))


def _moved_up(t: Texts, words: dict[str, Any]) -> list[Message]:
    return gathering_moved_up(t, GatheringView.from_words(words))


def _welcome_back(t: Texts, words: dict[str, Any]) -> list[Message]:
    owed = WelcomeBack.from_words(words)
    return greeting(t, owed.shop_name, is_back=True, is_member=owed.is_member)


def _points_adjusted(t: Texts, words: dict[str, Any]) -> list[Message]:
    return points_adjusted_card(t, PointsAdjustedView.from_words(words))


def _points_reversed(t: Texts, words: dict[str, Any]) -> list[Message]:
    return points_reversed_card(t, PointsReversedView.from_words(words))


def _referral_rewarded(t: Texts, words: dict[str, Any]) -> list[Message]:
    return referral_rewarded(t, ReferralRewardedView.from_words(words))


def _plan_news(
    draw: Callable[[Texts, PlanNewsView], list[Message]],
) -> Callable[[Texts, dict[str, Any]], list[Message]]:
    return lambda t, words: draw(t, PlanNewsView.from_words(words))


def _stamps_ending(t: Texts, words: dict[str, Any]) -> list[Message]:
    return stamps_ending(t, StampView.from_words(words))


def _reply(_t: Texts, words: dict[str, Any]) -> list[Message]:
    return list(Reply.from_words(words).messages)


def _line_moved(t: Texts, _words: dict[str, Any]) -> list[Message]:
    return line_moved(t)


def _member_merged(t: Texts, words: dict[str, Any]) -> list[Message]:
    owed = MemberMerged.from_words(words)
    return member_merged(t, points=owed.points, number=owed.number)


def _card_unfrozen(t: Texts, _words: dict[str, Any]) -> list[Message]:
    return card_unfrozen(t)


def _webhook_disabled(t: Texts, words: dict[str, Any]) -> list[Message]:
    owed = WebhookDisabled.from_words(words)
    return endpoint_disabled(t, host=owed.host, because=owed.because)


_OWED_BEFORE_JOURNEYS: Final[Mapping[str, Callable[[Texts, dict[str, Any]], list[Message]]]] = {
    "birthday_gift": _birthday_gift,
    "coupon_expiry": _coupon_expiry,
    "win_back": _win_back,
    "plan_ending": _plan_news(plan_ending),
    "stamps_ending": _stamps_ending,
}
"""What jobs owed before journeys did (0031): rows of a shop just upgraded may still wait, three
days at most. A later release drops them with their cards."""
_DRAWERS: Final[Mapping[str, Callable[[Texts, dict[str, Any]], list[Message]]]] = {
    **_OWED_BEFORE_JOURNEYS,
    "receipt": _receipt,
    "points_adjusted": _points_adjusted,
    "points_reversed": _points_reversed,
    "refund": _refund,
    "referral_rewarded": _referral_rewarded,
    "coupon_redeemed": _coupon_redeemed,
    "tier_down_notice": _tier_down,
    "tier_up_notice": _tier_up,
    "tier_warning": _tier_warning,
    "gathering_moved_up": _moved_up,
    "welcome_back": _welcome_back,
    "plan_started": _plan_news(plan_started),
    "plan_renewed": _plan_news(plan_renewed),
    "plan_ended": _plan_news(plan_ended),
    "reply": _reply,
    "line_moved": _line_moved,
    "member_merged": _member_merged,
    "card_unfrozen": _card_unfrozen,
    "webhook_disabled": _webhook_disabled,
}

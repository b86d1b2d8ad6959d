"""Draw a message we owe: the words of an outbox row become LINE's messages when it is sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot import Message
from bot.cards import (
    birthday_gift,
    coupon_expiry_reminder,
    greeting,
    receipt_card,
    tier_down_notice,
    upgrade_card,
    win_back,
)
from bot.texts import Texts
from bot.views import CouponView, ReceiptView, StandingView, TierStep, View


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
class Reply(View):
    """Words of kind `reply`: messages already drawn, which found no reply token in time."""

    messages: tuple[Message, ...]


def render(kind: str, words: Mapping[str, Any], t: Texts) -> list[Message]:
    """Return the messages of an outbox row of `kind` in the language of `t`.

    Raises UnknownMessageKind, and pydantic's ValidationError where `words` miss something.
    """
    draw = _DRAWERS.get(kind)
    if draw is None:
        raise UnknownMessageKind(kind)
    return draw(t, dict(words))


def _receipt(t: Texts, words: dict[str, Any]) -> list[Message]:
    return receipt_card(t, ReceiptView.from_words(words))


def _birthday_gift(t: Texts, words: dict[str, Any]) -> list[Message]:
    owed = BirthdayGift.from_words(words)
    return birthday_gift(t, owed.coupon, owed.name)


def _coupon_expiry(t: Texts, words: dict[str, Any]) -> list[Message]:
    return coupon_expiry_reminder(t, CouponExpiry.from_words(words).coupons)


def _win_back(t: Texts, words: dict[str, Any]) -> list[Message]:
    owed = WinBack.from_words(words)
    return win_back(t, owed.coupon, owed.name, owed.days)


def _tier_down(t: Texts, words: dict[str, Any]) -> list[Message]:
    owed = TierDown.from_words(words)
    return tier_down_notice(t, owed.standing, owed.previous)


def _tier_up(t: Texts, words: dict[str, Any]) -> list[Message]:
    owed = TierUp.from_words(words)
    return upgrade_card(t, owed.step, owed.previous)


def _welcome_back(t: Texts, words: dict[str, Any]) -> list[Message]:
    owed = WelcomeBack.from_words(words)
    return greeting(t, owed.shop_name, is_back=True, is_member=owed.is_member)


def _reply(_t: Texts, words: dict[str, Any]) -> list[Message]:
    return list(Reply.from_words(words).messages)


_DRAWERS: Final[Mapping[str, Callable[[Texts, dict[str, Any]], list[Message]]]] = {
    "receipt": _receipt,
    "birthday_gift": _birthday_gift,
    "coupon_expiry": _coupon_expiry,
    "win_back": _win_back,
    "tier_down_notice": _tier_down,
    "tier_up_notice": _tier_up,
    "welcome_back": _welcome_back,
    "reply": _reply,
}

"""Messages a member did not ask for: gifts and reminders, each with a way to stop them.

Article 20 of the Personal Data Protection Act: who refuses marketing is left alone at once, and
the refusal is free of charge: hence the last button of every card here.
"""

from collections.abc import Sequence
from typing import Final

from bot import Message
from bot.cards.colour import QUIET
from bot.cards.coupons import MAX_COUPONS, coupon_bubble, coupon_face
from bot.cards.parts import (
    NAME_LENGTH,
    Part,
    bubble,
    button,
    carousel,
    clip,
    column,
    flex_message,
    footer,
    link_button,
    member_replies,
    paragraph,
    postback,
    text,
    with_quick_replies,
)
from bot.postback import Action
from bot.texts import Texts
from bot.views import CouponView

MAX_REMINDED: Final = MAX_COUPONS - 1
"""One bubble of the carousel is the one with the button to stop."""


def birthday_gift(t: Texts, coupon: CouponView, name: str) -> list[Message]:
    """Wish a happy birthday, with the gift."""
    title = t("{name}，生日快樂！🎂", name=clip(name, NAME_LENGTH))
    words = t("謝謝您這一年的陪伴，這份小禮物送給您。")
    return _gift(t, title, words, coupon)


def coupon_expiry_reminder(t: Texts, coupons: Sequence[CouponView]) -> list[Message]:
    """Remind of coupons that end soon; at least one is given, and up to 11 are drawn."""
    title = t("您有 {count} 張優惠券快到期了", count=t.number(len(coupons)))
    first = bubble(
        column(
            text("⏰", size="3xl"),
            paragraph(title, size="lg", weight="bold"),
            paragraph(t("別讓好康溜走，找個時間來坐坐吧。"), color=QUIET),
            paddingAll="20px",
            spacing="md",
        ),
        footer=footer(_stop_button(t)),
        size="kilo",
    )
    shown = [coupon_bubble(t, coupon) for coupon in coupons[:MAX_REMINDED]]
    message = flex_message(title, carousel([first, *shown]))
    return with_quick_replies([message], member_replies(t))


def win_back(t: Texts, coupon: CouponView | None, name: str, days: int) -> list[Message]:
    """Invite a member back who has not come for `days`, with a gift where there is one."""
    title = t("{name}，好久不見", name=clip(name, NAME_LENGTH))
    if coupon is not None:
        words = t("已經 {days} 天沒見到您了。準備了一份小禮物，等您回來。", days=days)
        return _gift(t, title, words, coupon)
    words = t("已經 {days} 天沒見到您了，最近好嗎？有空回來坐坐，您的點數都還在。", days=days)
    body = column(*_opening(title, words), paddingAll="20px", spacing="md")
    buttons = footer(button(postback(t("出示會員條碼"), Action.SHOW_CARD)), _stop_button(t))
    message = flex_message(title, bubble(body, footer=buttons))
    return with_quick_replies([message], member_replies(t))


def _gift(t: Texts, title: str, words: str, coupon: CouponView) -> list[Message]:
    """Return a letter with a coupon below it."""
    valid = t("有效至 {date}", date=t.date(coupon.valid_until))
    body = column(
        column(*_opening(title, words), paddingAll="20px", spacing="md"),
        coupon_face(t, coupon),
        column(
            paragraph(coupon.name, NAME_LENGTH, weight="bold"),
            paragraph(valid, size="xs", color=QUIET),
            paddingAll="20px",
            spacing="xs",
        ),
        paddingAll="0px",
    )
    show = button(postback(t("查看優惠券"), Action.SHOW_COUPON, coupon=coupon.id))
    message = flex_message(title, bubble(body, footer=footer(show, _stop_button(t))))
    return with_quick_replies([message], member_replies(t))


def _opening(title: str, words: str) -> list[Part]:
    return [paragraph(title, size="lg", weight="bold"), paragraph(words)]


def _stop_button(t: Texts) -> Part:
    return link_button(postback(t("停止行銷訊息"), Action.STOP_MARKETING), color=QUIET)

"""Coupons: the wallet to swipe through, and the one to show at the counter."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from bot import Message
from bot.cards.colour import LEAF, PAPER, QUIET, TEA, WARM
from bot.cards.parts import (
    NAME_LENGTH,
    Part,
    bubble,
    button,
    carousel,
    clip,
    column,
    fact,
    flex_message,
    footer,
    link_button,
    member_replies,
    panel,
    paragraph,
    postback,
    qr_image,
    text,
    titled,
    with_quick_replies,
)
from bot.limits import utf16_length
from bot.postback import Action
from bot.texts import Texts
from bot.views import CouponView

MAX_COUPONS: Final = 12
"""LINE's most bubbles in one carousel."""

_SPENT: Final = "#77716A"
"""The ground of a coupon that cannot be used now; white text on it can still be read."""
_VALUE_LENGTH: Final = 40
_LARGE_VALUE: Final = 10
_CODE_LENGTH: Final = 40
_WALLET_TEXT: Final = 120
_QR_SIZE: Final = "190px"


def coupon_carousel(t: Texts, coupons: Sequence[CouponView]) -> list[Message]:
    """Draw up to 12 coupons in the order given; without any, say how to get one."""
    if not coupons:
        return _no_coupons(t)
    shown = carousel([coupon_bubble(t, coupon) for coupon in coupons[:MAX_COUPONS]])
    alt_text = t("您有 {count} 張優惠券", count=t.number(len(coupons)))
    return with_quick_replies([flex_message(alt_text, shown)], member_replies(t))


def welcome_pack(t: Texts, coupons: Sequence[CouponView]) -> list[Message]:
    """Draw the coupons a newcomer gets, the usable one first; one alone is drawn large."""
    if len(coupons) == 1:
        return coupon_card(t, coupons[0])
    shown = carousel([coupon_bubble(t, coupon) for coupon in coupons[:MAX_COUPONS]])
    alt_text = t("入會禮：{count} 張優惠券", count=t.number(len(coupons)))
    return with_quick_replies([flex_message(alt_text, shown)], member_replies(t))


def coupon_redeemed(
    t: Texts,
    *,
    redemption_id: int,
    name: str,
    value_text: str,
    store_name: str,
    at: datetime,
    staff_id: int | None,
) -> list[Message]:
    """Tell at once of a coupon used without a sale, with the button for whom it was not (U12)."""
    title = t("優惠券已使用")
    clerk = t("{number} 號店員", number=staff_id) if staff_id is not None else None
    body = column(
        column(
            text(title, size="xs", color=PAPER),
            text(value_text, _VALUE_LENGTH, size="xl", weight="bold", color=PAPER, wrap=True),
            backgroundColor=TEA,
            paddingAll="16px",
            spacing="xs",
        ),
        column(
            paragraph(name, NAME_LENGTH, weight="bold", size="md"),
            fact(t("門市"), store_name),
            fact(t("時間"), t.moment(at)),
            fact(t("經手"), clerk) if clerk else None,
            panel(
                paragraph(
                    t("不是您本人使用的嗎？請按「不是我」，我們會先凍結會員卡，再與您聯絡。"),
                    size="xs",
                ),
                margin="md",
            ),
            paddingAll="20px",
            spacing="md",
        ),
        paddingAll="0px",
    )
    not_me = link_button(postback(t("不是我"), Action.NOT_ME, redemption=redemption_id), color=WARM)
    alt_text = t(
        "{store} 使用了優惠券：{name}",
        store=clip(store_name, NAME_LENGTH),
        name=clip(name, NAME_LENGTH),
    )
    message = flex_message(alt_text, bubble(body, footer=footer(not_me)))
    return with_quick_replies([message], member_replies(t))


def coupon_card(t: Texts, view: CouponView) -> list[Message]:
    """Draw one coupon large enough to be read and scanned at the counter."""
    is_usable = view.state == "usable"
    code = column(
        qr_image(view.qr_url, _QR_SIZE) if view.qr_url and is_usable else None,
        paragraph(_code_words(view), _CODE_LENGTH, size="xl", weight="bold", align="center"),
        text(_how_to_use(t, view), size="xs", color=QUIET, align="center", wrap=True, margin="xs"),
        backgroundColor=LEAF,
        cornerRadius="10px",
        paddingAll="14px",
    )
    body = column(
        coupon_face(t, view),
        column(
            paragraph(view.name, NAME_LENGTH, weight="bold", size="md"),
            paragraph(view.description, color=QUIET) if view.description.strip() else None,
            *_conditions(t, view),
            code,
            paddingAll="20px",
            spacing="md",
        ),
        paddingAll="0px",
    )
    back = link_button(postback(t("看全部優惠券"), Action.SHOW_COUPONS))
    alt_text = t("優惠券：{name}", name=clip(view.name, NAME_LENGTH))
    card = flex_message(alt_text, bubble(body, footer=footer(back)))
    return with_quick_replies([card], member_replies(t))


def coupon_bubble(t: Texts, view: CouponView) -> Part:
    """Return one coupon as a ticket of the wallet."""
    body = column(
        coupon_face(t, view),
        column(
            text(view.name, _WALLET_TEXT, weight="bold", wrap=True, maxLines=2),
            *_conditions(t, view),
            column(
                paragraph(
                    t("🔒 用完上一張就解鎖") if view.state == "locked" else grouped(view.code),
                    _CODE_LENGTH,
                    weight="bold",
                    align="center",
                ),
                backgroundColor=LEAF,
                cornerRadius="8px",
                paddingAll="8px",
                margin="md",
            ),
            paddingAll="16px",
            spacing="sm",
        ),
        paddingAll="0px",
    )
    if view.state != "usable":
        return bubble(body, size="kilo")
    show = postback(t("出示優惠券"), Action.SHOW_COUPON, coupon=view.id)
    return bubble(body, footer=footer(button(show)), size="kilo")


def coupon_face(t: Texts, view: CouponView) -> Part:
    """Return the coloured end of the ticket with the benefit in large letters."""
    is_usable = view.state == "usable"
    return column(
        text(_state_words(t, view), size="xs", color=PAPER),
        text(
            view.value_text,
            _VALUE_LENGTH,
            size="xxl" if utf16_length(view.value_text) <= _LARGE_VALUE else "lg",
            weight="bold",
            color=PAPER,
            wrap=True,
            maxLines=2,
        ),
        backgroundColor=TEA if is_usable else _SPENT,
        paddingAll="16px",
        spacing="xs",
    )


def _no_coupons(t: Texts) -> list[Message]:
    title = t("目前沒有可用的優惠券")
    body = titled(
        title,
        paragraph(t("想拿到優惠券，可以這樣做：")),
        paragraph(t("・消費累積集點，集滿就換一張")),
        paragraph(t("・用點數兌換好禮")),
        paragraph(t("・升級會員等級，享更多權益")),
        paragraph(t("・生日當月，記得來看看")),
    )
    more = footer(
        link_button(postback(t("兌換好禮"), Action.SHOW_REWARDS)),
        link_button(postback(t("看我的等級"), Action.SHOW_TIER)),
    )
    message = flex_message(title, bubble(body, footer=more))
    return with_quick_replies([message], member_replies(t))


def _state_words(t: Texts, view: CouponView) -> str:
    return {
        "usable": _kind_words(t, view),
        "later": t("尚未開始"),
        "locked": t("尚未解鎖"),
        "used": t("已使用"),
        "expired": t("已過期"),
        "void": t("已作廢"),
    }[view.state]


def _kind_words(t: Texts, view: CouponView) -> str:
    return {
        "amount": t("折價券"),
        "percent": t("折扣券"),
        "item": t("兌換券"),
        "free_shipping": t("免運券"),
        "gift": t("贈品券"),
    }[view.kind]


def _conditions(t: Texts, view: CouponView) -> list[Part]:
    lines = []
    if view.pack_place is not None:
        lines.append(t("這組優惠券的第 {place} 張，每次消費限用一張", place=view.pack_place))
    if view.state == "later" and view.valid_from is not None:
        lines.append(t("{date} 起可使用", date=t.date(view.valid_from)))
    if view.state != "locked":
        lines.append(_lifetime(t, view))
    if view.min_spend_twd:
        lines.append(t("單筆滿 {money} 可用", money=t.money(view.min_spend_twd)))
    if view.cap_twd:
        lines.append(t("最高折抵 {money}", money=t.money(view.cap_twd)))
    if view.stores:
        lines.append(t("限 {stores} 使用", stores=t("、").join(view.stores)))
    if view.combines:
        lines.append(t("可與其他優惠券一起使用"))
    return [paragraph(line, size="xs", color=QUIET) for line in lines]


def _lifetime(t: Texts, view: CouponView) -> str:
    until = t.date(view.valid_until)
    if view.days_after_opening is None:
        return t("有效至 {date}", date=until)
    days = t.number(view.days_after_opening)
    return t("打開後 {days} 天內有效；請於 {date} 前打開", days=days, date=until)


def _how_to_use(t: Texts, view: CouponView) -> str:
    return {
        "usable": t("結帳時請出示給店員"),
        "later": t("時間到了就能使用"),
        "locked": t("用完上一張就解鎖"),
        "used": t("這張優惠券已經使用過了"),
        "expired": t("這張優惠券已經過期了"),
        "void": t("這張優惠券已經作廢了"),
    }[view.state]


def _code_words(view: CouponView) -> str:
    return "🔒" if view.state == "locked" else grouped(view.code)


def grouped(code: str) -> str:
    """Return a code as a person reads it aloud, in groups of four: `ABCD EFGH JKLM`."""
    return " ".join(code[start : start + 4] for start in range(0, len(code), 4))

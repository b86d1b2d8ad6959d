"""What a member hears right after paying."""

from bot import Message
from bot.cards.colour import INK, QUIET, SUN, TEA, theme_for
from bot.cards.member_card import progress
from bot.cards.parts import (
    NAME_LENGTH,
    Part,
    bubble,
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
    row,
    rule,
    text,
    titled,
    with_quick_replies,
)
from bot.cards.tiers import upgrade_card
from bot.postback import Action
from bot.texts import Texts
from bot.views import ReceiptView


def receipt_card(t: Texts, view: ReceiptView) -> list[Message]:
    """Draw what a purchase moved; a purchase that lifted the tier adds the new tier's card."""
    theme = theme_for(view.standing.tier_colour)
    title = t("謝謝光臨！")
    where = f"{clip(view.store_name, NAME_LENGTH)}　{t.moment(view.at)}"
    body = titled(
        title,
        *_amounts(t, view),
        rule(),
        _points(t, view),
        _stamps(t, view) if view.stamp_size else None,
        _reward(t, view.reward_name) if view.reward_name else None,
        panel(*progress(t, view.standing, theme), backgroundColor="#F7F5F1"),
        note=where,
    )
    more = footer(link_button(postback(t("出示會員條碼"), Action.SHOW_CARD)))
    alt_text = t(
        "消費 {paid}，獲得 {points} 點",
        paid=t.money(view.paid_twd),
        points=t.number(view.points_earned),
    )
    messages = [flex_message(alt_text, bubble(body, footer=more))]
    if view.upgraded_to is not None:
        messages += upgrade_card(t, view.upgraded_to, view.upgraded_from)
    return with_quick_replies(messages, member_replies(t))


def _amounts(t: Texts, view: ReceiptView) -> list[Part]:
    paid = row(
        text(t("實付"), weight="bold", flex=4, gravity="bottom"),
        text(t.money(view.paid_twd), size="xxl", weight="bold", color=INK, align="end", flex=6),
    )
    if not view.discount_twd:
        return [paid]
    saved = t.money(-view.discount_twd)
    return [
        fact(t("消費金額"), t.money(view.amount_twd)),
        fact(view.coupon_name or t("折抵"), saved, color=TEA),
        paid,
    ]


def _points(t: Texts, view: ReceiptView) -> Part:
    return column(
        fact(
            t("獲得點數"),
            t("+{points} 點", points=t.number(view.points_earned)),
            color=TEA,
            weight="bold",
        ),
        fact(t("目前點數"), t("{points} 點", points=t.number(view.points_balance)), color=QUIET),
        spacing="xs",
    )


def _stamps(t: Texts, view: ReceiptView) -> Part:
    count = t("{stamps} / {size} 格", stamps=view.stamps, size=view.stamp_size)
    value = f"+{view.stamps_added}　{count}" if view.stamps_added else count
    return fact(t("集點卡"), value, weight="bold")


def _reward(t: Texts, reward: str) -> Part:
    words = t("🎁 集點卡集滿了！{reward}已放進您的優惠券。", reward=clip(reward, NAME_LENGTH))
    return panel(
        paragraph(words, weight="bold"),
        backgroundColor=SUN,
        action=postback(t("看我的優惠券"), Action.SHOW_COUPONS),
    )

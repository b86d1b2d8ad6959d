"""What a member hears right after paying."""

from typing import Final

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
from bot.views import ReceiptView, StampedCard

MAX_CARDS: Final = 4
MAX_BONUSES: Final = 3


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
        *(_stamps(t, card) for card in view.stamp_cards[:MAX_CARDS]),
        *(
            _reward(t, card.reward_name)
            for card in view.stamp_cards[:MAX_CARDS]
            if card.reward_name
        ),
        panel(*progress(t, view.standing, theme), backgroundColor="#F7F5F1"),
        note=where,
    )
    more = footer(
        link_button(postback(t("出示會員條碼"), Action.SHOW_CARD)),
        *(_about(t, view.purchase_id, redeems=view.redeems) if view.purchase_id else ()),
    )
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
    if view.paid_twd == view.amount_twd:
        return [paid]
    own_twd = view.member_discount_twd
    coupon_twd = view.discount_twd - own_twd
    coupons = clip(t("、").join(view.coupon_names), NAME_LENGTH)
    points = t("折抵 {points} 點", points=t.number(view.points_used))
    own = t("折扣") if view.is_shop_discount else t("會員折扣")
    return [
        fact(t("消費金額"), t.money(view.amount_twd)),
        *([fact(coupons, t.money(-coupon_twd), color=TEA)] if view.coupon_names else ()),
        *([fact(own, t.money(-own_twd), color=TEA)] if own_twd else ()),
        *([fact(points, t.money(-view.points_twd), color=TEA)] if view.points_twd else ()),
        paid,
    ]


def _points(t: Texts, view: ReceiptView) -> Part:
    earned = t("+{points} 點", points=t.number(view.points_earned))
    return column(
        fact(t("獲得點數"), earned, color=TEA, weight="bold"),
        *_why(t, view),
        fact(t("目前點數"), t("{points} 點", points=t.number(view.points_balance)), color=QUIET),
        spacing="xs",
    )


def _why(t: Texts, view: ReceiptView) -> list[Part]:
    """Say what multiplied the points, and from when they can be used."""
    lines = [clip(name, NAME_LENGTH) for name in view.bonus_names[:MAX_BONUSES]]
    if view.points_usable_on is not None:
        lines.append(t("{date} 起可以使用", date=t.date(view.points_usable_on)))
    return [paragraph(line, size="xs", color=QUIET, align="end") for line in lines]


def _stamps(t: Texts, card: StampedCard) -> Part:
    count = t("{stamps} / {size} 格", stamps=card.stamps, size=card.size)
    return fact(clip(card.name, NAME_LENGTH), f"+{card.added}　{count}", weight="bold")


def _reward(t: Texts, reward: str) -> Part:
    words = t("🎁 集點卡集滿了！{reward}已放進您的優惠券。", reward=clip(reward, NAME_LENGTH))
    return panel(
        paragraph(words, weight="bold"),
        backgroundColor=SUN,
        action=postback(t("看我的優惠券"), Action.SHOW_COUPONS),
    )


def _about(t: Texts, purchase_id: int, *, redeems: bool) -> list[Part]:
    """Offer to rate the purchase and, where something was used on it, to freeze the card.

    What was used may have been used by somebody else.
    """
    rate = postback(t("為這次評分"), Action.SHOW_PURCHASE, purchase=purchase_id)
    not_me = postback(t("不是我"), Action.NOT_ME, purchase=purchase_id)
    return [
        link_button(rate, color=QUIET),
        *([link_button(not_me, color=QUIET)] if redeems else ()),
    ]

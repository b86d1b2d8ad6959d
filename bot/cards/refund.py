"""What a member hears right after a purchase was taken back, whole or in part."""

from bot import Message
from bot.cards.colour import INK, QUIET, TEA, WARM, theme_for
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
from bot.postback import Action
from bot.texts import Texts
from bot.views import RefundView


def refund_card(t: Texts, view: RefundView) -> list[Message]:
    """Draw what was given back and what it moved: points both ways, and the tier where it fell."""
    theme = theme_for(view.standing.tier_colour)
    where = f"{clip(view.store_name, NAME_LENGTH)}　{t.moment(view.at)}"
    body = titled(
        t("已為您退款"),
        *_amounts(t, view),
        rule(),
        _points(t, view),
        _tier(t, view, view.tier_before) if view.tier_before else None,
        panel(*progress(t, view.standing, theme), backgroundColor="#F7F5F1"),
        paragraph(t("若不是您本人退款，請告訴我們，我們會馬上查明。"), size="xs", color=QUIET),
        note=where,
    )
    more = footer(link_button(postback(t("看點數明細"), Action.SHOW_POINTS)))
    alt_text = t(
        "退款 {amount}，目前 {points} 點",
        amount=t.money(view.amount_twd),
        points=t.number(view.points_balance),
    )
    return with_quick_replies(
        [flex_message(alt_text, bubble(body, footer=more))], member_replies(t)
    )


def _amounts(t: Texts, view: RefundView) -> list[Part]:
    back = row(
        text(t("退款金額"), weight="bold", flex=4, gravity="bottom"),
        text(t.money(view.amount_twd), size="xxl", weight="bold", color=INK, align="end", flex=6),
    )
    left = t.money(view.left_twd) if view.left_twd else t("整筆已退")
    return [
        back,
        fact(t("消費時間"), t.moment(view.purchased_at), color=QUIET),
        fact(t("這筆消費剩餘"), left, color=QUIET),
    ]


def _points(t: Texts, view: RefundView) -> Part:
    taken, back = view.points_taken, view.points_given_back
    return column(
        fact(
            t("退還折抵點數"),
            t("+{points} 點", points=t.number(back)),
            color=TEA,
            weight="bold",
        )
        if back
        else None,
        fact(t("收回消費點數"), t("{points} 點", points=t.number(-taken)), color=WARM)
        if taken
        else None,
        fact(t("目前點數"), t("{points} 點", points=t.number(view.points_balance)), color=QUIET),
        spacing="xs",
    )


def _tier(t: Texts, view: RefundView, before: str) -> Part:
    words = t(
        "退款後的等級：{before} → {now}",
        before=clip(before, NAME_LENGTH),
        now=clip(view.standing.tier_name, NAME_LENGTH),
    )
    return paragraph(words, 3 * NAME_LENGTH, weight="bold")

"""A member's points: the balance, what lapses soon, what moved, how to earn."""

from typing import Final

from bot import Message
from bot.cards.colour import QUIET, SUN, TEA, WARM
from bot.cards.parts import (
    NAME_LENGTH,
    Part,
    bubble,
    clip,
    column,
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
from bot.views import PointsLine, PointsReason, PointsView

MAX_LINES: Final = 6
MAX_EXPIRING: Final = 3


def points_card(t: Texts, view: PointsView) -> list[Message]:
    """Draw the balance, the points that lapse soonest and the newest movements."""
    title = t("我的點數")
    balance = row(
        text(t.number(view.balance), size="4xl", weight="bold", color=TEA, flex=0),
        text(t("點"), color=QUIET, gravity="bottom", margin="sm", offsetBottom="8px"),
    )
    body = titled(
        title,
        balance,
        _expiring(t, view) if view.expiring else None,
        paragraph(earn_words(t, view), size="xs", color=QUIET),
        rule(),
        *_movements(t, view),
    )
    more = footer(
        link_button(postback(t("看我的優惠券"), Action.SHOW_COUPONS)),
    )
    alt_text = t("您目前有 {points} 點", points=t.number(view.balance))
    card = bubble(body, footer=more)
    return with_quick_replies([flex_message(alt_text, card)], member_replies(t))


def earn_words(t: Texts, view: PointsView) -> str:
    """Say how points are earned, with the tier's rate where it is not one for one."""
    base = t("每消費 {money} 累積 1 點", money=t.money(view.earn_per_twd))
    if view.multiplier_percent == 100:
        return base
    rate = f"{view.multiplier_percent / 100:g}"
    return t("{base}，您的等級享 {rate} 倍", base=base, rate=rate)


def reason_words(t: Texts, reason: PointsReason) -> str:
    """Name the reason of a movement."""
    return {
        "purchase": t("消費累點"),
        "welcome": t("入會禮"),
        "birthday": t("生日禮"),
        "adjustment": t("點數調整"),
        "expiry": t("點數到期"),
        "refund": t("退貨收回"),
        "redemption": t("點數折抵"),
    }[reason]


def _expiring(t: Texts, view: PointsView) -> Part:
    lines = [
        row(
            text(t("{date} 到期", date=t.date(day)), size="xs", flex=6),
            text(
                t("{points} 點", points=t.number(points)),
                size="xs",
                weight="bold",
                color=WARM,
                align="end",
                flex=4,
            ),
        )
        for day, points in view.expiring[:MAX_EXPIRING]
    ]
    title = text(t("即將到期，記得先使用"), size="xs", weight="bold", color=WARM)
    return panel(title, *lines, backgroundColor=SUN, spacing="xs")


def _movements(t: Texts, view: PointsView) -> list[Part]:
    if not view.lines:
        return [paragraph(t("還沒有點數紀錄，下次消費就會開始累積。"), color=QUIET)]
    return [_movement(t, line) for line in view.lines[:MAX_LINES]]


def _movement(t: Texts, line: PointsLine) -> Part:
    where = clip(line.store_name, NAME_LENGTH) if line.store_name else ""
    sign = "+" if line.points > 0 else ""
    return row(
        column(
            paragraph(reason_words(t, line.reason)),
            paragraph(
                f"{t.date(line.at)}　{where}" if where else t.date(line.at),
                size="xxs",
                color=QUIET,
            ),
            flex=7,
        ),
        text(
            f"{sign}{t.number(line.points)}",
            weight="bold",
            color=TEA if line.points > 0 else WARM,
            align="end",
            gravity="center",
            flex=3,
        ),
        alignItems="center",
    )

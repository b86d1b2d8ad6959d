"""Missions: what to do, how far one is and what it brings; the badges won by them."""

from collections.abc import Sequence
from typing import Final

from bot import Message
from bot.activity_views import BadgeView, MissionsView, MissionView
from bot.cards.activity import activity_replies, reward_line
from bot.cards.colour import EDGE, INK, LEAF, PAPER, QUIET, SUN, TEA, WARM
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
    panel,
    paragraph,
    postback,
    progress_bar,
    row,
    text,
    text_message,
    titled,
    with_quick_replies,
)
from bot.postback import Action
from bot.texts import Texts

MAX_MISSIONS: Final = 10
MAX_BADGES: Final = 18
OFTEN: Final = 50
"""A mission that can be done more often than this is told as one without an end."""
_BADGES_PER_ROW: Final = 3
_NOT_WON: Final = "🔒"
_SIGNS: Final = {
    "visit_store": "📍",
    "category": "🍵",
    "review": "✍️",
    "profile_complete": "📝",
    "referral": "🤝",
    "survey": "🗒️",
    "rsvp": "🎪",
    "checkin": "📅",
}


def mission_carousel(t: Texts, view: MissionsView) -> list[Message]:
    """Draw the missions to swipe through; without any, say that there are none now."""
    if not view.missions:
        words = t("目前沒有進行中的任務，有新任務會在這裡看到。")
        return with_quick_replies([text_message(words)], activity_replies(t))
    bubbles = [
        _mission(t, mission, checked_in=view.checked_in) for mission in view.missions[:MAX_MISSIONS]
    ]
    alt_text = t("進行中的任務：{count} 項", count=len(view.missions))
    return with_quick_replies([flex_message(alt_text, carousel(bubbles))], activity_replies(t))


def checked_in(t: Texts, view: MissionsView, *, is_first: bool) -> list[Message]:
    """Confirm the day's check-in and show the missions it counts for."""
    words = t("簽到完成，今天也要喝杯好茶 🍵") if is_first else t("今天已經簽到過了，明天再來！")
    counting = tuple(mission for mission in view.missions if mission.event == "checkin")
    shown = mission_carousel(t, MissionsView(counting, checked_in=True)) if counting else []
    return with_quick_replies([text_message(words), *shown], activity_replies(t))


def check_in_closed(t: Texts) -> list[Message]:
    """Say that there is nothing to check in for."""
    words = t("目前沒有簽到活動，看看其他任務吧！")
    return with_quick_replies([text_message(words)], activity_replies(t))


def badge_card(t: Texts, badges: Sequence[BadgeView]) -> list[Message]:
    """Draw all badges, those won in colour; the others keep their secret."""
    title = t("我的徽章")
    won = sum(1 for badge in badges if badge.won_on is not None)
    if not badges:
        words = t("目前還沒有徽章可以收集。")
        return with_quick_replies([text_message(words)], activity_replies(t))
    cells = [_badge(t, badge) for badge in badges[:MAX_BADGES]]
    cells += [column(flex=1)] * (-len(cells) % _BADGES_PER_ROW)
    rows = [
        row(*cells[first : first + _BADGES_PER_ROW], spacing="sm")
        for first in range(0, len(cells), _BADGES_PER_ROW)
    ]
    count = t("已收集 {won} / {all} 枚", won=won, all=len(badges))
    body = titled(title, *rows, note=count)
    more = footer(link_button(postback(t("看任務"), Action.SHOW_MISSIONS)))
    message = flex_message(f"{title}　{count}", bubble(body, footer=more))
    return with_quick_replies([message], activity_replies(t))


def _mission(t: Texts, view: MissionView, *, checked_in: bool) -> Part:
    is_finished = view.rounds_done >= view.rounds
    head = column(
        row(
            text(_SIGNS.get(view.event, "🧋"), size="xxl", flex=0),
            text(
                t("已完成") if is_finished else _progress_words(t, view),
                color=PAPER,
                size="sm",
                weight="bold",
                align="end",
                gravity="center",
            ),
        ),
        progress_bar(view.done * 100 // view.goal, PAPER, "#7FA894", margin="md"),
        backgroundColor=TEA,
        paddingAll="16px",
    )
    body = column(
        head,
        column(
            paragraph(view.name, NAME_LENGTH, weight="bold", size="md", color=INK, maxLines=2),
            panel(
                text(t("完成可得"), size="xxs", color=QUIET),
                paragraph(reward_line(t, view.reward), weight="bold", color=WARM, maxLines=3),
                backgroundColor=SUN,
                spacing="xs",
            ),
            *(paragraph(line, size="xxs", color=QUIET) for line in _small_print(t, view)),
            paddingAll="16px",
            spacing="md",
        ),
        paddingAll="0px",
    )
    return bubble(body, footer=_way_on(t, view, is_finished, checked_in=checked_in), size="kilo")


def _progress_words(t: Texts, view: MissionView) -> str:
    facts = {"done": view.done, "goal": view.goal}
    if view.kind == "streak":
        return (
            t("連續 {done} / {goal} 天", **facts)
            if view.period == "day"
            else t("連續 {done} / {goal} 週", **facts)
        )
    if view.kind == "set":
        return (
            t("{done} / {goal} 家門市", **facts)
            if view.event == "visit_store"
            else t("{done} / {goal} 種", **facts)
        )
    return t("{done} / {goal} 次", **facts)


def _small_print(t: Texts, view: MissionView) -> list[str]:
    lines = []
    if view.rounds > OFTEN:
        lines.append(t("可重複完成，已完成 {count} 次", count=t.number(view.rounds_done)))
    elif view.rounds > 1:
        lines.append(
            t("可完成 {rounds} 次，已完成 {count} 次", rounds=view.rounds, count=view.rounds_done)
        )
    if view.ends_at is not None:
        lines.append(t("到 {moment} 為止", moment=t.moment(view.ends_at)))
    return lines


def _way_on(t: Texts, view: MissionView, is_finished: bool, *, checked_in: bool) -> Part | None:
    if is_finished:
        return None
    if view.event == "checkin":
        if checked_in:
            return footer(text(t("今天已簽到 ✓"), align="center", color=TEA, weight="bold"))
        return footer(button(postback(t("每日簽到"), Action.CHECK_IN)))
    ways = {
        "referral": (t("推薦好友"), Action.SHOW_REFERRAL),
        "review": (t("寫評論"), Action.SHOW_PURCHASES),
    }
    label, action = ways.get(view.event, (t("出示會員條碼"), Action.SHOW_CARD))
    return footer(link_button(postback(label, action)))


def _badge(t: Texts, view: BadgeView) -> Part:
    is_won = view.won_on is not None
    circle = column(
        text(clip(view.sign, 16) if is_won else _NOT_WON, align="center", size="xl"),
        width="56px",
        height="56px",
        cornerRadius="28px",
        backgroundColor=SUN if is_won else LEAF,
        borderColor=WARM if is_won else EDGE,
        borderWidth="2px",
        justifyContent="center",
    )
    when = t.date(view.won_on) if view.won_on is not None else t("尚未獲得")
    return column(
        circle,
        text(view.name, NAME_LENGTH, size="xs", align="center", wrap=True, maxLines=2),
        text(when, size="xxs", align="center", color=QUIET),
        flex=1,
        alignItems="center",
        spacing="xs",
    )

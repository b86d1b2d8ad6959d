"""Stamp cards, drawn stamp by stamp, each with its rule in words."""

from collections.abc import Iterator, Sequence
from typing import Final

from bot import Message
from bot.cards.colour import EDGE, LEAF, PAPER, QUIET, SUN, TEA, WARM
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
    member_replies,
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
from bot.views import StampBonusView, StampView

STAMPS_PER_ROW: Final = 5
MAX_DRAWN_STAMPS: Final = 40
"""A larger card is drawn as a bar: a bubble has 30 KB and a phone one screen."""
MAX_CARDS: Final = 5
MAX_DRAWN_TOGETHER: Final = 15
"""Beside other cards a larger one is drawn as a bar: a carousel has 50 KB."""
MAX_BONUSES: Final = 4

_RULE_LENGTH: Final = 120
_CATEGORY_LENGTH: Final = 40
_DIAMETER: Final = 44
_STAMP: Final = "🧋"
_REWARD: Final = "🎁"


def stamp_card(t: Texts, view: StampView | None) -> list[Message]:
    """Draw one stamp card; None where the shop runs no stamp programme."""
    return stamp_carousel(t, () if view is None else (view,))


def stamp_carousel(t: Texts, views: Sequence[StampView]) -> list[Message]:
    """Draw all of a member's stamp cards, in the order given, to swipe through."""
    if not views:
        words = t("目前沒有進行中的集點活動，有新活動會在這裡看到。")
        return with_quick_replies([text_message(words)], member_replies(t))
    shown = views[:MAX_CARDS]
    most = MAX_DRAWN_STAMPS if len(shown) == 1 else MAX_DRAWN_TOGETHER
    bubbles = [bubble(_body(t, view, most)) for view in shown]
    contents = bubbles[0] if len(bubbles) == 1 else carousel(bubbles)
    alt_text = "\n".join(_alt_text(t, view) for view in shown)
    return with_quick_replies([flex_message(alt_text, contents)], member_replies(t))


def stamps_ending(t: Texts, view: StampView) -> list[Message]:
    """Tell a member that the stamps on a card are about to lapse."""
    assert view.expires_on is not None, "a card that ends has its day"
    left = max(0, view.size - view.stamps)
    title = t("您的集點卡快到期了")
    body = titled(
        title,
        paragraph(
            t(
                "「{programme}」的 {stamps} 格集點，用到 {date} 為止。",
                programme=clip(view.programme_name, NAME_LENGTH),
                stamps=view.stamps,
                date=t.day(view.expires_on),
            )
        ),
        stamps_drawn(view),
        panel(
            paragraph(
                t(
                    "再集 {left} 格，就送{reward}",
                    left=left,
                    reward=clip(view.reward_name, NAME_LENGTH),
                )
            ),
            backgroundColor=SUN,
        ),
    )
    more = footer(button(postback(t("出示會員條碼"), Action.SHOW_CARD)))
    return with_quick_replies([flex_message(title, bubble(body, footer=more))], member_replies(t))


def _body(t: Texts, view: StampView, most: int) -> Part:
    count = t("{stamps} / {size} 格", stamps=view.stamps, size=view.size)
    return titled(
        view.programme_name,
        text(count, weight="bold", color=TEA, size="md"),
        stamps_drawn(view, most),
        panel(paragraph(_reward_words(t, view)), backgroundColor=SUN),
        column(
            *(paragraph(f"・{line}", _RULE_LENGTH, size="xs") for line in _rules(t, view)),
            spacing="xs",
        ),
        _small_print(t, view),
    )


def _alt_text(t: Texts, view: StampView) -> str:
    return t(
        "{programme}：已集 {stamps} / {size} 格",
        programme=clip(view.programme_name, NAME_LENGTH),
        stamps=view.stamps,
        size=view.size,
    )


def stamps_drawn(view: StampView, most: int = MAX_DRAWN_STAMPS) -> Part:
    """Return the stamps in rows of five, the reward on the last; a bar for a very large card."""
    if view.size > most:
        return progress_bar(view.stamps * 100 // view.size, TEA, EDGE)
    circles = list(_circles(view))
    rows = [
        row(*circles[first : first + STAMPS_PER_ROW], spacing="sm")
        for first in range(0, len(circles), STAMPS_PER_ROW)
    ]
    return column(*rows, spacing="sm")


def _circles(view: StampView) -> Iterator[Part]:
    for place in range(1, view.size + 1):
        is_reward = place == view.size
        if place <= view.stamps:
            yield _circle(_STAMP, ground=LEAF, edge=TEA)
        elif is_reward:
            yield _circle(_REWARD, ground=SUN, edge=WARM)
        else:
            yield _circle(str(place), ground=PAPER, edge=EDGE)


def _circle(sign: str, *, ground: str, edge: str) -> Part:
    return column(
        text(sign, size="md", align="center", color=QUIET),
        width=f"{_DIAMETER}px",
        height=f"{_DIAMETER}px",
        cornerRadius=f"{_DIAMETER // 2}px",
        backgroundColor=ground,
        borderColor=edge,
        borderWidth="2px",
        justifyContent="center",
    )


def _reward_words(t: Texts, view: StampView) -> str:
    reward = clip(view.reward_name, NAME_LENGTH)
    left = max(0, view.size - view.stamps)
    if left == 0:
        return t("集滿了！{reward}已放進您的優惠券。", reward=reward)
    return t("再集 {left} 格，就送{reward}", left=left, reward=reward)


def _rules(t: Texts, view: StampView) -> list[str]:
    """Return what earns stamps, in words."""
    if view.per_twd:
        own = t("每滿 {money} 集 1 格", money=t.money(view.per_twd))
    elif view.min_spend_twd:
        own = t("單筆滿 {money} 集 1 格", money=t.money(view.min_spend_twd))
    else:
        own = t("每次消費集 1 格")
    return [own, *(_bonus(t, bonus) for bonus in view.bonuses[:MAX_BONUSES])]


def _bonus(t: Texts, bonus: StampBonusView) -> str:
    gain = t("多集 {stamps} 格", stamps=bonus.stamps)
    when = {
        "weekday": t("、").join(weekday(t, day) for day in bonus.weekdays),
        "first_visit": t("首次消費"),
        "category": t("點{category}", category=clip(bonus.category or "", _CATEGORY_LENGTH)),
        "window": t("活動期間"),
    }[bonus.kind]
    days = _window(t, bonus)
    return f"{when} {gain}{days}"


def weekday(t: Texts, day: int) -> str:
    """Return a day of the week; 1 is Monday."""
    return (t("週一"), t("週二"), t("週三"), t("週四"), t("週五"), t("週六"), t("週日"))[day - 1]


def _window(t: Texts, bonus: StampBonusView) -> str:
    if bonus.starts_on and bonus.ends_on:
        return t("（{first} 到 {last}）", first=t.date(bonus.starts_on), last=t.date(bonus.ends_on))
    if bonus.ends_on:
        return t("（到 {last} 為止）", last=t.date(bonus.ends_on))
    if bonus.starts_on:
        return t("（{first} 起）", first=t.date(bonus.starts_on))
    return ""


def _small_print(t: Texts, view: StampView) -> Part | None:
    lines = []
    if view.filled_cards > 0:
        lines.append(t("已集滿 {cards} 張", cards=view.filled_cards))
    if view.expires_on is not None:
        lines.append(t("這張集點卡有效至 {date}", date=t.date(view.expires_on)))
    elif view.card_days is not None:
        lines.append(t("集第一格後 {days} 天內有效", days=view.card_days))
    if view.ends_on is not None:
        lines.append(t("活動到 {date} 為止", date=t.date(view.ends_on)))
    if not lines:
        return None
    return panel(
        *(paragraph(line, size="xs", color=QUIET) for line in lines),
        backgroundColor=LEAF,
        spacing="xs",
    )

"""The stamp card, drawn stamp by stamp."""

from collections.abc import Iterator
from typing import Final

from bot import Message
from bot.cards.colour import EDGE, LEAF, PAPER, QUIET, SUN, TEA, WARM
from bot.cards.parts import (
    NAME_LENGTH,
    Part,
    bubble,
    clip,
    column,
    flex_message,
    member_replies,
    panel,
    paragraph,
    progress_bar,
    row,
    text,
    text_message,
    titled,
    with_quick_replies,
)
from bot.texts import Texts
from bot.views import StampView

STAMPS_PER_ROW: Final = 5
MAX_DRAWN_STAMPS: Final = 40
"""A larger card is drawn as a bar: a bubble has 30 KB and a phone one screen."""

_DIAMETER: Final = 44
_STAMP: Final = "🧋"
_REWARD: Final = "🎁"


def stamp_card(t: Texts, view: StampView | None) -> list[Message]:
    """Draw the current stamp card; None where the shop runs no stamp programme."""
    if view is None:
        words = t("目前沒有進行中的集點活動，有新活動會在這裡看到。")
        return with_quick_replies([text_message(words)], member_replies(t))
    count = t("{stamps} / {size} 格", stamps=view.stamps, size=view.size)
    body = titled(
        view.programme_name,
        text(count, weight="bold", color=TEA, size="md"),
        stamps_drawn(view),
        panel(paragraph(_reward_words(t, view)), backgroundColor=SUN),
        _small_print(t, view),
    )
    alt_text = t(
        "{programme}：已集 {stamps} / {size} 格",
        programme=clip(view.programme_name, NAME_LENGTH),
        stamps=view.stamps,
        size=view.size,
    )
    return with_quick_replies([flex_message(alt_text, bubble(body))], member_replies(t))


def stamps_drawn(view: StampView) -> Part:
    """Return the stamps in rows of five, the reward on the last; a bar for a very large card."""
    if view.size > MAX_DRAWN_STAMPS:
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


def _small_print(t: Texts, view: StampView) -> Part | None:
    lines = []
    if view.filled_cards > 0:
        lines.append(t("已集滿 {cards} 張", cards=view.filled_cards))
    if view.expires_on is not None:
        lines.append(t("這張集點卡有效至 {date}", date=t.date(view.expires_on)))
    if not lines:
        return None
    return panel(
        *(paragraph(line, size="xs", color=QUIET) for line in lines),
        backgroundColor=LEAF,
        spacing="xs",
    )

"""News: an announcement, a new product, a story over a full picture."""

from collections.abc import Mapping

from bot import Message
from bot.cards.colour import PAPER, TEA, theme_for
from bot.cards.parts import NAME_LENGTH, Part, bubble, button, column, flex_message, row, text
from bot.gallery.parts import (
    PADDING,
    SQUARE,
    Filled,
    card,
    eyebrow,
    heading,
    picture,
    pill,
    prose,
    stop_line,
)
from bot.texts import Texts

_SHADE = "#000000"


def announcement(
    t: Texts, filled: Filled, _signs: Mapping[str, str], stop: Message | None
) -> Message:
    """Draw news with a picture; without one a band in the shop's colour."""
    color = theme_for(filled.get("colour", TEA)).accent
    return card(
        t,
        filled["title"],
        eyebrow(filled.get("label"), color),
        heading(filled["title"]),
        prose(filled["body"]),
        head=picture(filled.get("image")) or column(height="8px", backgroundColor=color),
        action=filled.get("button"),
        stop=stop,
        color=color,
    )


def new_product(
    t: Texts, filled: Filled, _signs: Mapping[str, str], stop: Message | None
) -> Message:
    """Draw something new: its picture large, a flag on it, name and price."""
    price = filled.get("price")
    name = row(
        heading(filled["title"], size="lg", flex=1),
        text(price, NAME_LENGTH, size="lg", weight="bold", color=TEA, flex=0) if price else None,
        spacing="md",
        alignItems="flex-end",
    )
    return card(
        t,
        filled["title"],
        name,
        prose(filled.get("body")),
        head=_flagged(filled["image"], filled.get("label")),
        action=filled.get("button"),
        stop=stop,
    )


def _flagged(url: str, label: str | None) -> Part:
    place = {"position": "absolute", "offsetTop": "16px", "offsetStart": "16px"}
    flag = pill(label, TEA, PAPER, **place) if label else None
    return column(picture(url, SQUARE), flag, paddingAll="0px")


def story(_t: Texts, filled: Filled, _signs: Mapping[str, str], stop: Message | None) -> Message:
    """Draw a picture from edge to edge with the words over its lower half."""
    words = column(
        eyebrow(filled.get("label"), PAPER),
        heading(filled["title"], size="xxl", color=PAPER),
        prose(filled.get("body"), PAPER),
        _plain_button(filled.get("button")),
        stop_line(stop, PAPER),
        position="absolute",
        offsetBottom="0px",
        offsetStart="0px",
        offsetEnd="0px",
        paddingAll=PADDING,
        paddingTop="80px",
        spacing="md",
        background={
            "type": "linearGradient",
            "angle": "0deg",
            "startColor": f"{_SHADE}E6",
            "centerColor": f"{_SHADE}99",
            "endColor": f"{_SHADE}00",
        },
    )
    body = column(picture(filled["image"], "2:3"), words, paddingAll="0px")
    return flex_message(filled["title"], bubble(body))


def _plain_button(action: Message | None) -> Part | None:
    if action is None:
        return None
    return button(action, style="secondary", color=PAPER, height="md")

"""What the cards of the gallery share: pictures, headings, buttons, the line that stops them."""

from typing import Any, Final

from bot import Message
from bot.cards.colour import INK, LEAF, PAPER, QUIET, TEA, mix, theme_for
from bot.cards.coupons import coupon_face
from bot.cards.parts import (
    NAME_LENGTH,
    Part,
    bubble,
    button,
    clip,
    column,
    flex_message,
    paragraph,
    row,
    text,
)
from bot.texts import Texts
from bot.views import CouponView

Filled = dict[str, Any]
"""A card's slots, filled: texts in one language, addresses, actions, coupons with their taps."""

WIDE: Final = "20:13"
SQUARE: Final = "1:1"
PADDING: Final = "20px"
_LINE_SPACING: Final = "6px"


def picture(url: str | None, ratio: str = WIDE) -> Part | None:
    """Return a picture over the card's whole width, or nothing without one."""
    if url is None:
        return None
    return {
        "type": "image",
        "url": url,
        "size": "full",
        "aspectRatio": ratio,
        "aspectMode": "cover",
    }


def heading(title: str, *, size: str = "xl", color: str = INK, **style: object) -> Part:
    """Return a card's title."""
    return paragraph(title) | {"size": size, "weight": "bold", "color": color} | style


def eyebrow(words: str | None, color: str = TEA) -> Part | None:
    """Return the small line above a title, where there is one."""
    if words is None:
        return None
    return text(words, NAME_LENGTH, size="xs", weight="bold", color=color)


def prose(words: str | None, color: str = INK) -> Part | None:
    """Return a card's text in lines that breathe, where there is one."""
    if words is None:
        return None
    return paragraph(words, color=color, lineSpacing=_LINE_SPACING)


def pill(words: str, ground: str, ink: str, **style: object) -> Part:
    """Return a few words on a rounded ground."""
    look = {"cornerRadius": "20px", "paddingAll": "4px", "paddingStart": "12px"}
    return column(
        text(words, NAME_LENGTH, size="xs", weight="bold", color=ink, align="center"),
        backgroundColor=ground,
        paddingEnd="12px",
        **(look | style),
    )


def ticket(t: Texts, coupon: tuple[CouponView, Message] | None) -> Part | None:
    """Return a coupon as a ticket with its code, where there is one."""
    if coupon is None:
        return None
    view, _ = coupon
    until = t("有效至 {date}", date=t.date(view.valid_until))
    facts = [until]
    if view.min_spend_twd:
        facts.append(t("單筆滿 {money} 可用", money=t.money(view.min_spend_twd)))
    return column(
        coupon_face(t, view),
        column(
            paragraph(view.name, NAME_LENGTH, weight="bold"),
            *(paragraph(fact, size="xs", color=QUIET) for fact in facts),
            {"type": "separator", "color": mix(TEA, PAPER, 0.7), "margin": "md"},
            text(view.code, size="md", weight="bold", color=TEA, align="center", margin="md"),
            paddingAll="16px",
            spacing="xs",
        ),
        backgroundColor=LEAF,
        cornerRadius="12px",
        margin="lg",
    )


def card(
    t: Texts,
    title: str,
    *contents: Part | None,
    head: Part | None = None,
    action: Message | None = None,
    stop: Message | None = None,
    color: str = TEA,
    size: str = "mega",
) -> Message:
    """Return a card: a head from edge to edge, contents with room around, its button, the stop."""
    body = column(
        head,
        column(*contents, paddingAll=PADDING, spacing="md"),
        paddingAll="0px",
    )
    return flex_message(title, bubble(body, footer=closing(t, action, stop, color), size=size))


def closing(
    t: Texts, action: Message | None, stop: Message | None, color: str = TEA
) -> Part | None:
    """Return a card's end: its main button, and small below it how to stop such messages."""
    if action is None and stop is None:
        return None
    ground = theme_for(color).accent
    return column(
        button(action, color=ground, height="md") if action is not None else None,
        stop_line(stop),
        spacing="md",
        paddingAll=PADDING,
        paddingTop="0px",
    )


def stop_line(stop: Message | None, color: str = QUIET) -> Part | None:
    """Return the line that stops marketing: small, and yet wide enough for a thumb."""
    if stop is None:
        return None
    label = clip(stop["label"], NAME_LENGTH)
    words = text(label, size="xxs", color=color, align="center", decoration="underline")
    return column(words, action=stop, paddingTop="6px", paddingBottom="6px")


def detail(sign: str, words: str | None) -> Part | None:
    """Return a line of facts that begins with an emoji, where there is one."""
    if words is None:
        return None
    return row(
        text(sign, size="sm", flex=0),
        paragraph(words, size="sm", weight="bold"),
        spacing="md",
        alignItems="center",
    )

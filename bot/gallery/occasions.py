"""Occasions: a festival's greeting, an invitation to an event."""

from collections.abc import Mapping

from bot import Message
from bot.cards.colour import TEA, WARM, theme_for
from bot.cards.parts import column, gradient, panel, text
from bot.gallery.gifts import action_of
from bot.gallery.parts import Filled, card, detail, heading, picture, prose, ticket
from bot.texts import Texts


def festival(t: Texts, filled: Filled, _signs: Mapping[str, str], stop: Message | None) -> Message:
    """Greet at a festival in its colour."""
    theme = theme_for(filled.get("colour", WARM))
    greeting = column(
        text(filled["symbol"], size="4xl", align="center") if "symbol" in filled else None,
        heading(filled["title"], color=theme.ink, align="center", size="xxl", margin="md"),
        background=gradient(theme),
        paddingAll="28px",
    )
    photo = picture(filled.get("image"))
    return card(
        t,
        filled["title"],
        prose(filled["body"]),
        ticket(t, filled.get("coupon")),
        head=column(photo, greeting, paddingAll="0px") if photo else greeting,
        action=action_of(filled),
        stop=stop,
        color=theme.accent,
    )


def event(t: Texts, filled: Filled, _signs: Mapping[str, str], stop: Message | None) -> Message:
    """Invite to an event: when, where, how many seats."""
    facts = panel(
        detail("🗓️", filled["when"]),
        detail("📍", filled["where"]),
        detail("👥", filled.get("seats")),
        spacing="sm",
        paddingAll="16px",
    )
    return card(
        t,
        filled["title"],
        heading(filled["title"]),
        facts,
        prose(filled.get("body")),
        head=picture(filled.get("image")) or column(height="8px", backgroundColor=TEA),
        action=filled.get("button"),
        stop=stop,
    )

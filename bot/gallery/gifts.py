"""Gifts: a coupon, a birthday, and a word to who has not come for long."""

from collections.abc import Mapping

from bot import Message
from bot.cards.colour import LEAF, PAPER, TEA, theme_for
from bot.cards.parts import Part, column, gradient, text
from bot.gallery.parts import PADDING, Filled, card, heading, picture, prose, ticket
from bot.texts import Texts

_ROSE = "#C2577A"


def coupon(t: Texts, filled: Filled, _signs: Mapping[str, str], stop: Message | None) -> Message:
    """Draw a coupon of the member's own, with its code and the button that shows it."""
    view, show = filled["coupon"]
    title = filled.get("title") or t("送您一張優惠券")
    return card(
        t,
        title,
        heading(title, size="lg"),
        prose(filled.get("body")),
        ticket(t, (view, show)),
        head=picture(filled.get("image")),
        action=show,
        stop=stop,
    )


def birthday(t: Texts, filled: Filled, _signs: Mapping[str, str], stop: Message | None) -> Message:
    """Wish a happy birthday, with a gift where there is one."""
    return card(
        t,
        filled["title"],
        prose(filled["body"]),
        ticket(t, filled.get("coupon")),
        head=(picture(filled.get("image")) and _titled_picture(filled)) or _cake(filled["title"]),
        action=action_of(filled),
        stop=stop,
        color=_ROSE,
    )


def _titled_picture(filled: Filled) -> Part:
    title = column(heading(filled["title"]), paddingAll=PADDING, paddingBottom="0px")
    return column(picture(filled["image"]), title, paddingAll="0px")


def _cake(title: str) -> Part:
    theme = theme_for(_ROSE)
    return column(
        text("🎂", size="4xl", align="center"),
        heading(title, color=theme.ink, align="center", margin="md"),
        background=gradient(theme),
        paddingAll="28px",
    )


def win_back(t: Texts, filled: Filled, _signs: Mapping[str, str], stop: Message | None) -> Message:
    """Greet who has not come for long, quietly, with a gift where there is one."""
    top = column(
        text("🍃", size="xxl", flex=0),
        heading(filled["title"], color=TEA, margin="md"),
        backgroundColor=LEAF,
        paddingAll="24px",
    )
    photo = picture(filled.get("image"))
    return card(
        t,
        filled["title"],
        prose(filled["body"]),
        ticket(t, filled.get("coupon")),
        head=column(photo, top, paddingAll="0px", backgroundColor=PAPER) if photo else top,
        action=action_of(filled),
        stop=stop,
    )


def action_of(filled: Filled) -> Message | None:
    """Return the card's own button, else the one that shows its coupon."""
    own: Message | None = filled.get("button")
    if own is None and "coupon" in filled:
        own = filled["coupon"][1]
    return own

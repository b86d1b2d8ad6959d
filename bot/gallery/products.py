"""Products to swipe through."""

from collections.abc import Mapping

from bot import Message
from bot.cards.colour import QUIET, TEA, theme_for
from bot.cards.parts import (
    NAME_LENGTH,
    Part,
    bubble,
    button,
    carousel,
    column,
    flex_message,
    gradient,
    paragraph,
    text,
)
from bot.gallery.parts import SQUARE, Filled, heading, picture, stop_line
from bot.texts import Texts

_SIZE = "kilo"


def products(t: Texts, filled: Filled, _signs: Mapping[str, str], stop: Message | None) -> Message:
    """Draw up to eleven products, each a bubble, after one that says what they are."""
    shown = [_lead(t, filled["title"], stop), *(_product(item) for item in filled["items"])]
    return flex_message(filled["title"], carousel(shown))


def _lead(t: Texts, title: str, stop: Message | None) -> Part:
    theme = theme_for(TEA)
    body = column(
        column(
            heading(title, size="xxl", color=theme.ink),
            text(t("滑動看更多 →"), size="sm", color=theme.faint, margin="md"),
            flex=1,
            justifyContent="center",
        ),
        stop_line(stop, theme.faint),
        background=gradient(theme),
        paddingAll="24px",
    )
    return bubble(body, size=_SIZE)


def _product(item: Filled) -> Part:
    price, note, action = item.get("price"), item.get("note"), item.get("button")
    body = column(
        picture(item["image"], SQUARE),
        column(
            paragraph(item["name"], NAME_LENGTH, size="md", weight="bold", maxLines=2),
            paragraph(note, NAME_LENGTH, size="xs", color=QUIET, maxLines=2) if note else None,
            text(price, NAME_LENGTH, size="lg", weight="bold", color=TEA) if price else None,
            paddingAll="16px",
            spacing="xs",
        ),
        paddingAll="0px",
    )
    end = column(button(action), paddingAll="16px", paddingTop="0px") if action else None
    return bubble(body, footer=end, size=_SIZE)

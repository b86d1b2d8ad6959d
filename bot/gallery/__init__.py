"""The gallery: how each card of `models.content.GALLERY` looks, filled in by a shop.

Each takes the texts of the language, its slots filled, the signs of the facts it always shows, and
the tap that stops marketing (None on a service message), and returns one message.
"""

from collections.abc import Callable, Mapping
from typing import Final

from bot import Message
from bot.gallery.gifts import birthday, coupon, win_back
from bot.gallery.news import announcement, new_product, story
from bot.gallery.occasions import event, festival
from bot.gallery.parts import Filled
from bot.gallery.products import products
from bot.gallery.progress import points
from bot.texts import Texts

__all__ = ["CARDS", "Filled", "draw_card"]

Draw = Callable[[Texts, Filled, Mapping[str, str], Message | None], Message]

CARDS: Final[Mapping[str, Draw]] = {
    "announcement": announcement,
    "new_product": new_product,
    "story": story,
    "coupon": coupon,
    "points": points,
    "birthday": birthday,
    "festival": festival,
    "event": event,
    "win_back": win_back,
    "products": products,
}


def draw_card(
    t: Texts, code: str, filled: Filled, signs: Mapping[str, str], stop: Message | None
) -> Message:
    """Return the card of this code as one message."""
    return CARDS[code](t, filled, signs, stop)

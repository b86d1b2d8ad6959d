"""The building blocks of cards: Flex parts, actions and quick replies as LINE's JSON.

Limits are LINE's, Messaging API reference, read 2026-08: an empty text is refused, labels count
grapheme clusters, everything else UTF-16 code units.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import regex

from bot import Message
from bot.cards.colour import EDGE, INK, LEAF, PAPER, QUIET, TEA, Theme
from bot.limits import utf16_length
from bot.postback import Action, postback_data
from bot.texts import Texts

Part = dict[str, Any]
"""A Flex component, an action or a quick reply item."""

MAX_FLEX_LABEL: Final = 40
MAX_QUICK_REPLY_LABEL: Final = 20
MAX_SHOWN: Final = 300
MAX_ALT_TEXT: Final = 1500
MAX_TEXT: Final = 5000
NAME_LENGTH: Final = 240
"""Room for a person's or a thing's name in a card, in UTF-16 code units."""
SENTENCE_LENGTH: Final = 600
"""Room for a sentence a shop writes, in UTF-16 code units."""

_NOTHING: Final = "－"
_BRINGS_A_CODE: Final = frozenset({Action.SHOW_CARD, Action.SHOW_COUPON})
_CLUSTER: Final = regex.compile(r"\X")


# --- texts


def clip(words: str, most: int) -> str:
    """Return `words` within `most` UTF-16 code units, cut between grapheme clusters with "…"."""
    if utf16_length(words) <= most:
        return words
    kept, room = [], most - 1
    for cluster in _CLUSTER.findall(words):
        room -= utf16_length(cluster)
        if room < 0:
            break
        kept.append(cluster)
    return "".join(kept) + "…"


def clip_clusters(words: str, most: int) -> str:
    """Return `words` within `most` grapheme clusters, as LINE counts labels."""
    clusters = _CLUSTER.findall(words)
    return words if len(clusters) <= most else "".join(clusters[: most - 1]) + "…"


def text(words: str, most: int = SENTENCE_LENGTH, **style: object) -> Part:
    """Return a Flex text; blank words become a dash, for LINE refuses an empty text."""
    shown = clip(words, most) if words.strip() else _NOTHING
    return {"type": "text", "text": shown, "size": "sm", "color": INK} | style


def paragraph(words: str, most: int = SENTENCE_LENGTH, **style: object) -> Part:
    """Return a Flex text that wraps."""
    return text(words, most, **({"wrap": True} | style))


# --- boxes


def column(*contents: Part | None, **style: object) -> Part:
    """Return a vertical box of the parts that are there."""
    return _box("vertical", contents, style)


def row(*contents: Part | None, **style: object) -> Part:
    """Return a horizontal box of the parts that are there."""
    return _box("horizontal", contents, style)


def panel(*contents: Part | None, **style: object) -> Part:
    """Return a rounded, softly tinted box."""
    look = {"backgroundColor": LEAF, "cornerRadius": "10px", "paddingAll": "12px"}
    return column(*contents, **(look | style))


def fact(label: str, value: str, **style: object) -> Part:
    """Return one line of a table: what on the left, its value on the right."""
    return row(
        text(label, color=QUIET, flex=4, wrap=True),
        text(value, NAME_LENGTH, **({"align": "end", "flex": 6, "wrap": True} | style)),
        spacing="md",
    )


def bullet(sign: str, words: str) -> Part:
    """Return a line that begins with a `sign` (one emoji) in a tinted circle."""
    circle = column(
        text(sign, align="center", size="md"),
        width="36px",
        height="36px",
        cornerRadius="18px",
        backgroundColor=LEAF,
        justifyContent="center",
    )
    return row(circle, paragraph(words, gravity="center"), spacing="md", alignItems="center")


def rule(**style: object) -> Part:
    """Return a thin line between two parts."""
    return {"type": "separator", "color": EDGE, "margin": "md"} | style


def progress_bar(percent: int, fill: str, track: str, **style: object) -> Part:
    """Return a bar filled by whole `percent`; anything outside 0 to 100 is brought inside."""
    width = max(0, min(100, percent))
    # LINE does not document a width of 0%, so an empty bar has no inner box.
    filled = [column(width=f"{width}%", height="8px", backgroundColor=fill, cornerRadius="4px")]
    look = {"height": "8px", "backgroundColor": track, "cornerRadius": "4px"}
    return column(*(filled if width else []), **(look | style))


def gradient(theme: Theme) -> Part:
    """Return the background of a card in the colours of `theme`."""
    return {
        "type": "linearGradient",
        "angle": "145deg",
        "startColor": theme.start,
        "centerColor": theme.centre,
        "endColor": theme.end,
    }


def qr_image(url: str, size: str) -> Part:
    """Return a QR code, square and unscaled by the shape of its box."""
    return {"type": "image", "url": url, "size": size, "aspectRatio": "1:1", "aspectMode": "fit"}


# --- actions and buttons


def postback(label: str, action: Action, **fields: object) -> Part:
    """Return a postback whose tap shows `label` in the chat as the person's own words.

    A tap that brings a code to scan closes the rich menu: it would cover half of the code.
    """
    tap = {
        "type": "postback",
        "label": clip_clusters(label, MAX_FLEX_LABEL),
        "data": postback_data(action, **fields),
        "displayText": clip_clusters(label, MAX_SHOWN),
    }
    return tap | {"inputOption": "closeRichMenu"} if action in _BRINGS_A_CODE else tap


def date_picker(label: str, action: Action, *, initial: date, earliest: date, latest: date) -> Part:
    """Return a date picker; LINE wants `earliest` before `latest` and `initial` between them."""
    return {
        "type": "datetimepicker",
        "label": clip_clusters(label, MAX_FLEX_LABEL),
        "data": postback_data(action),
        "mode": "date",
        "initial": min(max(initial, earliest), latest).isoformat(),
        "min": earliest.isoformat(),
        "max": latest.isoformat(),
    }


def button(action: Part, **style: object) -> Part:
    """Return the main button of a card."""
    look = {"style": "primary", "color": TEA, "height": "sm", "adjustMode": "shrink-to-fit"}
    return {"type": "button", "action": action} | look | style


def link_button(action: Part, **style: object) -> Part:
    """Return a button of less weight."""
    return button(action, **({"style": "link"} | style))


# --- messages


def text_message(words: str) -> Message:
    """Return a plain text message, cut at LINE's length."""
    return {"type": "text", "text": clip(words, MAX_TEXT) if words.strip() else _NOTHING}


def bubble(body: Part, *, footer: Part | None = None, size: str = "mega") -> Part:
    """Return a bubble of a body and, where given, a footer."""
    blocks = {"body": body} if footer is None else {"body": body, "footer": footer}
    return {"type": "bubble", "size": size} | blocks


def titled(title: str, *contents: Part | None, note: str = "") -> Part:
    """Return a bubble's body under a title, with a `note` in small letters below the title."""
    heading = column(
        text(title, NAME_LENGTH, size="lg", weight="bold", color=TEA, wrap=True),
        paragraph(note, size="xs", color=QUIET, margin="xs") if note else None,
    )
    return column(heading, *contents, spacing="md", paddingAll="20px", backgroundColor=PAPER)


def footer(*buttons: Part | None, **style: object) -> Part:
    """Return a footer of buttons, one below the other."""
    look = {"spacing": "sm", "paddingAll": "20px", "paddingTop": "0px"}
    return column(*buttons, **(look | style))


def flex_message(alt_text: str, contents: Part) -> Message:
    """Return a Flex message; `alt_text` stands in the chat list and is read aloud."""
    shown = clip(alt_text, MAX_ALT_TEXT) if alt_text.strip() else _NOTHING
    return {"type": "flex", "altText": shown, "contents": contents}


def carousel(bubbles: Sequence[Part]) -> Part:
    """Return a row of bubbles to swipe; LINE takes 12 of one size."""
    return {"type": "carousel", "contents": list(bubbles)}


def quick_reply(action: Part) -> Part:
    """Return one quick reply, its label brought within LINE's shorter length."""
    label = clip_clusters(action["label"], MAX_QUICK_REPLY_LABEL)
    return {"type": "action", "action": action | {"label": label}}


def with_quick_replies(messages: Sequence[Message], items: Sequence[Part]) -> list[Message]:
    """Return `messages` with quick replies on the last, the only ones LINE shows."""
    *before, last = messages
    return [*before, last | {"quickReply": {"items": list(items)}}] if items else list(messages)


def member_replies(t: Texts) -> list[Part]:
    """Return the quick replies every answer to a member ends with."""
    return [
        quick_reply(postback(t("會員卡"), Action.SHOW_CARD)),
        quick_reply(postback(t("點數"), Action.SHOW_POINTS)),
        quick_reply(postback(t("優惠券"), Action.SHOW_COUPONS)),
        quick_reply(postback(t("等級"), Action.SHOW_TIER)),
        quick_reply(postback(t("使用說明"), Action.SHOW_HELP)),
    ]


def guest_replies(t: Texts) -> list[Part]:
    """Return the quick replies for a person who has not joined."""
    return [
        quick_reply(postback(t("加入會員"), Action.JOIN)),
        quick_reply(postback(t("使用說明"), Action.SHOW_HELP)),
    ]


def cancel_reply(t: Texts) -> Part:
    """Return the quick reply that leaves a conversation half way."""
    return quick_reply(postback(t("取消"), Action.CANCEL))


def _box(layout: str, contents: Sequence[Part | None], style: dict[str, object]) -> Part:
    present = [part for part in contents if part is not None]
    return {"type": "box", "layout": layout, "contents": present} | style

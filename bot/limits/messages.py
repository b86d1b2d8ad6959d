"""Messages: every kind LINE lets an account send, with its limits.

Source: LINE, "Message objects", read 2026-11.
"""

from __future__ import annotations

import re
from typing import Any

from .actions import image_carousel_action, quick_reply_action, template_action
from .checking import (
    Found,
    Node,
    Rule,
    Shape,
    action_uri,
    add,
    file_url,
    graphemes,
    integer,
    join,
    keyword,
    list_of,
    matching,
    number,
    one_of,
    text,
)
from .flex import flex_container
from .recipients import user_id

MAX_TEXT_LENGTH = 5000
MAX_ALT_TEXT_LENGTH = 1500
MAX_QUICK_REPLIES = 13
MAX_EMOJIS = 20
MAX_MENTIONS = 20
MAX_SUBSTITUTIONS = 100
IMAGEMAP_WIDTH = 1040
MAX_IMAGEMAP_ACTIONS = 50
MAX_COLUMNS = 10
MAX_BUTTONS = 4
MAX_COLUMN_BUTTONS = 3
CONFIRM_BUTTONS = 2
BUTTONS_TEXT_LENGTH = 160
COLUMN_TEXT_LENGTH = 120
TEXT_LENGTH_BESIDE_IMAGE_OR_TITLE = 60
CONFIRM_TEXT_LENGTH = 240
TITLE_LENGTH = 40
PLACE_LENGTH = 100
SENDER_NAME_LENGTH = 20
_MAX_TOKEN_LENGTH = 1000
_MAX_PIXELS = 2**31 - 1
_MAX_MILLISECONDS = 2**53

_alt_text = text(MAX_ALT_TEXT_LENGTH)
_id = matching(r"[0-9A-Za-z]+", "invalid id")
_rgb = matching(r"#[0-9A-Fa-f]{6}", "invalid color code")
_token = text(_MAX_TOKEN_LENGTH)


def _sender_name(value: Any) -> str | None:
    complaint = text(SENDER_NAME_LENGTH)(value)
    if complaint is None and "LINE" in value:
        return "may not contain LINE"
    return complaint


_QUICK_REPLY = Shape(
    {},
    {
        "items": list_of(
            Shape(
                {"type": keyword("action"), "imageUrl": file_url},
                {"action": quick_reply_action},
                required=("type", "action"),
            ),
            1,
            MAX_QUICK_REPLIES,
        )
    },
    required=("items",),
)
_SENDER = Shape({"name": _sender_name, "iconUrl": file_url})


def _message(
    name: str,
    rules: dict[str, Rule],
    nodes: dict[str, Node] | None = None,
    *,
    optional: tuple[str, ...] = (),
    together: tuple[Node, ...] = (),
) -> Shape:
    """Return the shape of a kind of message: all its own properties are required but `optional`."""
    own = (*rules, *(nodes or {}))
    return Shape(
        {"type": keyword(name), **rules},
        {"quickReply": _QUICK_REPLY, "sender": _SENDER, **(nodes or {})},
        required=[property_ for property_ in own if property_ not in optional],
        together=together,
    )


def _check_emojis(message: Any, path: str, found: Found) -> None:
    """Each emoji stands at a `$`, its index counted in UTF-16 code units."""
    units = message["text"].encode("utf-16-le", "surrogatepass")
    for place, emoji in enumerate(message.get("emojis", ())):
        start = emoji["index"] * 2
        if units[start : start + 2] != b"$\x00":
            add(found, f"{path}.emojis[{place}].index", "must be the position of a $ in the text")


_PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_KEY = re.compile(r"[0-9A-Za-z_]{1,20}")


def _check_substitution(message: Any, path: str, found: Found) -> None:
    """Each {key} of the text is explained, braces come in pairs, and nothing is overdone."""
    substitution = message.get("substitution", {})
    used = {"emoji": 0, "mention": 0}
    for match in _PLACEHOLDER.finditer(message["text"]):
        if match[0] in ("{", "}"):
            add(found, join(path, "text"), "{ and } must be used in pairs")
            return
        if match[1] is not None:
            if match[1] not in substitution:
                add(found, join(path, "text"), "a substitution is not specified")
                return
            used[substitution[match[1]]["type"]] += 1
    if used["emoji"] > MAX_EMOJIS or used["mention"] > MAX_MENTIONS:
        add(found, join(path, "text"), "at most 20 emojis and 20 mentions can be substituted")


_SUBSTITUTE = one_of(
    {
        "mention": Shape(
            {"type": keyword("mention")},
            {
                "mentionee": one_of(
                    {
                        "user": Shape(
                            {"type": keyword("user"), "userId": user_id}, required=("userId",)
                        ),
                        "all": Shape({"type": keyword("all")}),
                    }
                )
            },
            required=("mentionee",),
        ),
        "emoji": Shape(
            {"type": keyword("emoji"), "productId": _id, "emojiId": _id},
            required=("productId", "emojiId"),
        ),
    }
)


def _substitution(value: Any, path: str, found: Found) -> None:
    if not isinstance(value, dict):
        add(found, path, "must be an object")
        return
    if len(value) > MAX_SUBSTITUTIONS:
        add(found, path, f"Size must be between 0 and {MAX_SUBSTITUTIONS}")
    for key, item in value.items():
        if not _KEY.fullmatch(key):
            add(found, join(path, key), "invalid key")
        _SUBSTITUTE(item, join(path, key), found)


_EMOJI = Shape(
    {"index": integer(0, MAX_TEXT_LENGTH), "productId": _id, "emojiId": _id},
    required=("index", "productId", "emojiId"),
)
_TEXT = _message(
    "text",
    {"text": text(MAX_TEXT_LENGTH), "quoteToken": _token},
    {"emojis": list_of(_EMOJI, 0, MAX_EMOJIS)},
    optional=("quoteToken", "emojis"),
    together=(_check_emojis,),
)
_TEXT_V2 = _message(
    "textV2",
    {"text": text(MAX_TEXT_LENGTH), "quoteToken": _token},
    {"substitution": _substitution},
    optional=("quoteToken", "substitution"),
    together=(_check_substitution,),
)
_STICKER = _message(
    "sticker",
    {
        "packageId": matching(r"\d+", "invalid packageId"),
        "stickerId": matching(r"\d+", "invalid stickerId"),
        "quoteToken": _token,
    },
    optional=("quoteToken",),
)
_IMAGE = _message("image", {"originalContentUrl": file_url, "previewImageUrl": file_url})
_VIDEO = _message(
    "video",
    {
        "originalContentUrl": file_url,
        "previewImageUrl": file_url,
        "trackingId": matching(
            r"[a-zA-Z0-9\-.=,+*()%$&;:@{}!?<>\[\]]{1,100}", "invalid trackingId"
        ),
    },
    optional=("trackingId",),
)
_AUDIO = _message(
    "audio", {"originalContentUrl": file_url, "duration": integer(1, _MAX_MILLISECONDS)}
)
_LOCATION = _message(
    "location",
    {
        "title": text(PLACE_LENGTH),
        "address": text(PLACE_LENGTH),
        "latitude": number(-90, 90),
        "longitude": number(-180, 180),
    },
)
_COUPON = _message(
    "coupon",
    {
        "couponId": _id,
        "deliveryTag": matching(r"[a-zA-Z0-9_]{1,30}", "invalid deliveryTag"),
    },
    optional=("deliveryTag",),
)

_IMAGEMAP_AREA = Shape(
    {
        "x": integer(0, _MAX_PIXELS),
        "y": integer(0, _MAX_PIXELS),
        "width": integer(1, _MAX_PIXELS),
        "height": integer(1, _MAX_PIXELS),
    },
    required=("x", "y", "width", "height"),
)


def _imagemap_action(kind: str, name: str, rule: Rule) -> Shape:
    return Shape(
        {"type": keyword(kind), "label": text(100), name: rule},
        {"area": _IMAGEMAP_AREA},
        required=(name, "area"),
    )


_IMAGEMAP = _message(
    "imagemap",
    {"baseUrl": file_url, "altText": _alt_text},
    {
        "baseSize": Shape(
            {"width": integer(IMAGEMAP_WIDTH, IMAGEMAP_WIDTH), "height": integer(1, _MAX_PIXELS)},
            required=("width", "height"),
        ),
        "video": Shape(
            {"originalContentUrl": file_url, "previewImageUrl": file_url},
            {
                "area": _IMAGEMAP_AREA,
                "externalLink": Shape(
                    {"linkUri": action_uri, "label": text(30)}, required=("linkUri", "label")
                ),
            },
            required=("originalContentUrl", "previewImageUrl", "area"),
        ),
        "actions": list_of(
            one_of(
                {
                    "uri": _imagemap_action("uri", "linkUri", action_uri),
                    "message": _imagemap_action("message", "text", text(400)),
                    "clipboard": _imagemap_action("clipboard", "clipboardText", text(1000)),
                }
            ),
            1,
            MAX_IMAGEMAP_ACTIONS,
        ),
    },
    optional=("video",),
)

_PICTURED: dict[str, Rule] = {
    "imageAspectRatio": keyword("rectangle", "square"),
    "imageSize": keyword("cover", "contain"),
}
_HEADED: dict[str, Rule] = {
    "thumbnailImageUrl": file_url,
    "imageBackgroundColor": _rgb,
    "title": graphemes(TITLE_LENGTH),
}


def _check_headed_text(part: Any, path: str, found: Found) -> None:
    """Beside an image or a title there is less room for the text."""
    if "title" in part or "thumbnailImageUrl" in part:
        complaint = graphemes(TEXT_LENGTH_BESIDE_IMAGE_OR_TITLE)(part["text"])
        if complaint:
            add(found, join(path, "text"), complaint)


def _check_columns(template: Any, path: str, found: Found) -> None:
    """All columns look alike: as many buttons, and all or none with an image or a title."""
    for index, column in enumerate(template["columns"]):
        first = template["columns"][0]
        if len(column["actions"]) != len(first["actions"]):
            add(found, f"{path}.columns[{index}].actions", "must be as many in every column")
        for name in ("title", "thumbnailImageUrl"):
            if (name in column) != (name in first):
                add(found, f"{path}.columns[{index}].{name}", "must be in every column or in none")


_TEMPLATE = _message(
    "template",
    {"altText": _alt_text},
    {
        "template": one_of(
            {
                "buttons": Shape(
                    {
                        "type": keyword("buttons"),
                        **_PICTURED,
                        **_HEADED,
                        "text": graphemes(BUTTONS_TEXT_LENGTH),
                    },
                    {
                        "defaultAction": template_action,
                        "actions": list_of(template_action, 1, MAX_BUTTONS),
                    },
                    required=("text", "actions"),
                    together=(_check_headed_text,),
                ),
                "confirm": Shape(
                    {"type": keyword("confirm"), "text": graphemes(CONFIRM_TEXT_LENGTH)},
                    {"actions": list_of(template_action, CONFIRM_BUTTONS, CONFIRM_BUTTONS)},
                    required=("text", "actions"),
                ),
                "carousel": Shape(
                    {"type": keyword("carousel"), **_PICTURED},
                    {
                        "columns": list_of(
                            Shape(
                                {**_HEADED, "text": graphemes(COLUMN_TEXT_LENGTH)},
                                {
                                    "defaultAction": template_action,
                                    "actions": list_of(template_action, 1, MAX_COLUMN_BUTTONS),
                                },
                                required=("text", "actions"),
                                together=(_check_headed_text,),
                            ),
                            1,
                            MAX_COLUMNS,
                        )
                    },
                    required=("columns",),
                    together=(_check_columns,),
                ),
                "image_carousel": Shape(
                    {"type": keyword("image_carousel")},
                    {
                        "columns": list_of(
                            Shape(
                                {"imageUrl": file_url},
                                {"action": image_carousel_action},
                                required=("imageUrl", "action"),
                            ),
                            1,
                            MAX_COLUMNS,
                        )
                    },
                    required=("columns",),
                ),
            }
        )
    },
)
_FLEX = _message("flex", {"altText": _alt_text}, {"contents": flex_container})

message_node = one_of(
    {
        "text": _TEXT,
        "textV2": _TEXT_V2,
        "sticker": _STICKER,
        "image": _IMAGE,
        "video": _VIDEO,
        "audio": _AUDIO,
        "location": _LOCATION,
        "imagemap": _IMAGEMAP,
        "template": _TEMPLATE,
        "flex": _FLEX,
        "coupon": _COUPON,
    }
)

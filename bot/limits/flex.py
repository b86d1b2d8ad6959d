"""Flex Messages: containers, blocks, components, and how large they may be.

Source: LINE, "Flex Message" in the reference and "Flex Message layout", read 2026-11. LINE does
not say how kilobytes are counted; here they are the UTF-8 bytes of the compact JSON.
"""

from __future__ import annotations

import json
import re
from typing import Any

from .actions import flex_action, flex_button_action, flex_video_action
from .checking import (
    Found,
    Node,
    Rule,
    Shape,
    add,
    boolean,
    file_url,
    integer,
    join,
    keyword,
    list_of,
    listed,
    matching,
    one_of,
    text,
)

MAX_BUBBLE_BYTES = 30 * 1024
MAX_CAROUSEL_BYTES = 50 * 1024
MAX_BUBBLES = 12
MAX_ANIMATED_IMAGES = 10
MAX_ASPECT_SIDE = 100_000
MAX_HEIGHT_TO_WIDTH = 3
DEFAULT_BUBBLE_SIZE = "mega"
BUBBLE_SIZES = ("nano", "micro", "deca", "hecto", "kilo", "mega", "giga")
_VIDEO_BUBBLE_SIZES = ("kilo", "mega", "giga")
_MAX_COMPONENTS = 5_000  # Far above what 30 KB can hold: only there to bound the walk.
_MAX_TEXT_LENGTH = MAX_CAROUSEL_BYTES
_MAX_INTEGER = 2**31 - 1

_PX = r"\d+(?:\.\d+)?px"
_PERCENT = r"\d+(?:\.\d+)?%"
_STEPS = "none|xs|sm|md|lg|xl|xxl"
_TEXT_SIZES = "xxs|xs|sm|md|lg|xl|xxl|3xl|4xl|5xl"


def _length(*forms: str) -> Rule:
    return matching("|".join(forms), "invalid size")


_colour = matching(r"#[0-9A-Fa-f]{6}(?:[0-9A-Fa-f]{2})?", "invalid color code")
_space = _length(_STEPS, _PX)
_padding = _length(_STEPS, _PX, _PERCENT)
_side = _length(_PX, _PERCENT)
_font_size = _length(_TEXT_SIZES, _PX)
_image_size = _length(_TEXT_SIZES, "full", _PX, _PERCENT)
_icon_size = _length(_TEXT_SIZES, _PX, _PERCENT)
_border = _length("none|light|normal|medium|semi-bold|bold", _PX)
_line_spacing = matching(r"(?!0+(?:\.0+)?px)" + _PX, "must be a positive number that ends in px")
_flex = integer(0, _MAX_INTEGER)
_align = keyword("start", "end", "center")
_gravity = keyword("top", "bottom", "center")
_position = keyword("relative", "absolute")
_adjust = keyword("shrink-to-fit")
_words = text(_MAX_TEXT_LENGTH)

_RATIO = re.compile(r"(\d{1,6}(?:\.\d+)?):(\d{1,6}(?:\.\d+)?)")


def _aspect_ratio(value: Any) -> str | None:
    match = _RATIO.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return "must be {width}:{height}"
    width, height = float(match[1]), float(match[2])
    if not (1 <= width <= MAX_ASPECT_SIDE and 1 <= height <= MAX_ASPECT_SIDE):
        return f"width and height must be between 1 and {MAX_ASPECT_SIDE}"
    if height > MAX_HEIGHT_TO_WIDTH * width:
        return "height can't be more than three times the width"
    return None


_PLACED: dict[str, Rule] = {
    "margin": _space,
    "position": _position,
    "offsetTop": _padding,
    "offsetBottom": _padding,
    "offsetStart": _padding,
    "offsetEnd": _padding,
}
_STYLED: dict[str, Rule] = {
    "color": _colour,
    "weight": keyword("regular", "bold"),
    "style": keyword("normal", "italic"),
    "decoration": keyword("none", "underline", "line-through"),
    "size": _font_size,
}


def _type(name: str) -> dict[str, Rule]:
    return {"type": keyword(name)}


def _check_text(component: Any, path: str, found: Found) -> None:
    if "text" not in component and not component.get("contents"):
        add(found, join(path, "text"), "either text or contents must be specified")


_SPAN = Shape({**_type("span"), **_STYLED, "text": _words}, required=("type", "text"))
_TEXT = Shape(
    {
        **_type("text"),
        **_PLACED,
        **_STYLED,
        "flex": _flex,
        "text": _words,
        "align": _align,
        "gravity": _gravity,
        "wrap": boolean,
        "lineSpacing": _line_spacing,
        "maxLines": integer(0, _MAX_INTEGER),
        "adjustMode": _adjust,
        "scaling": boolean,
    },
    {"contents": list_of(one_of({"span": _SPAN}), 1, _MAX_COMPONENTS), "action": flex_action},
    together=(_check_text,),
)
_BUTTON = Shape(
    {
        **_type("button"),
        **_PLACED,
        "flex": _flex,
        "color": _colour,
        "style": keyword("primary", "secondary", "link"),
        "gravity": _gravity,
        "height": keyword("sm", "md"),
        "adjustMode": _adjust,
        "scaling": boolean,
    },
    {"action": flex_button_action},
    required=("action",),
)
_IMAGE = Shape(
    {
        **_type("image"),
        **_PLACED,
        "url": file_url,
        "flex": _flex,
        "align": _align,
        "gravity": _gravity,
        "size": _image_size,
        "aspectRatio": _aspect_ratio,
        "aspectMode": keyword("fit", "cover"),
        "backgroundColor": _colour,
        "animated": boolean,
    },
    {"action": flex_action},
    required=("url",),
)
_ICON = Shape(
    {
        **_type("icon"),
        **_PLACED,
        "url": file_url,
        "size": _icon_size,
        "aspectRatio": _aspect_ratio,
        "scaling": boolean,
    },
    required=("url",),
)
_SEPARATOR = Shape({**_type("separator"), "margin": _space, "color": _colour})
_FILLER = Shape({**_type("filler"), "flex": _flex})
_GRADIENT = Shape(
    {
        **_type("linearGradient"),
        "angle": matching(r"(?:[0-9]|[1-9]\d|[12]\d\d|3[0-5]\d)(?:\.\d+)?deg", "invalid angle"),
        "startColor": _colour,
        "endColor": _colour,
        "centerColor": _colour,
        "centerPosition": matching(r"(?:\d{1,2}(?:\.\d+)?|100(?:\.0+)?)%", "invalid position"),
    },
    required=("angle", "startColor", "endColor"),
)
_BOX_RULES: dict[str, Rule] = {
    **_type("box"),
    **_PLACED,
    "layout": keyword("horizontal", "vertical", "baseline"),
    "flex": _flex,
    "spacing": _space,
    "backgroundColor": _colour,
    "borderColor": _colour,
    "borderWidth": _border,
    "cornerRadius": _space,
    "width": _side,
    "maxWidth": _side,
    "height": _side,
    "maxHeight": _side,
    "paddingAll": _padding,
    "paddingTop": _padding,
    "paddingBottom": _padding,
    "paddingStart": _padding,
    "paddingEnd": _padding,
    "justifyContent": keyword(
        "center", "flex-start", "flex-end", "space-between", "space-around", "space-evenly"
    ),
    "alignItems": keyword("center", "flex-start", "flex-end"),
}
_BOX_NODES: dict[str, Node] = {
    "action": flex_action,
    "background": one_of({"linearGradient": _GRADIENT}),
}


def _box(value: Any, path: str, found: Found) -> None:
    """Check a box: what it may hold depends on how it is laid out."""
    baseline = isinstance(value, dict) and value.get("layout") == "baseline"
    (_BASELINE_BOX if baseline else _STACKED_BOX)(value, path, found)


def _box_holding(kinds: dict[str, Node]) -> Shape:
    contents = list_of(one_of(kinds), 0, _MAX_COMPONENTS)
    return Shape(_BOX_RULES, {**_BOX_NODES, "contents": contents}, required=("layout", "contents"))


_BASELINE_BOX = _box_holding({"icon": _ICON, "text": _TEXT, "filler": _FILLER})
_STACKED_BOX = _box_holding(
    {
        "box": _box,
        "button": _BUTTON,
        "image": _IMAGE,
        "text": _TEXT,
        "separator": _SEPARATOR,
        "filler": _FILLER,
    }
)
_VIDEO = Shape(
    {
        **_type("video"),
        "url": file_url,
        "previewUrl": file_url,
        "aspectRatio": _aspect_ratio,
    },
    {"altContent": one_of({"box": _box, "image": _IMAGE}), "action": flex_video_action},
    required=("url", "previewUrl", "altContent"),
)
_BLOCK_STYLE = Shape({"backgroundColor": _colour, "separator": boolean, "separatorColor": _colour})
_BLOCKS = ("header", "hero", "body", "footer")


def _check_bubble(bubble: Any, path: str, found: Found) -> None:
    size = bubble.get("size", DEFAULT_BUBBLE_SIZE)
    if bubble.get("hero", {}).get("type") == "video" and size not in _VIDEO_BUBBLE_SIZES:
        add(found, join(path, "size"), listed(_VIDEO_BUBBLE_SIZES) + " where the hero is a video")
    for name in _BLOCKS:
        block = bubble.get(name, {})
        first: dict[str, Any] = next(iter(block.get("contents", ())), {})
        if block.get("position") == "absolute" or first.get("position") == "absolute":
            add(found, join(path, name), "the first component of a block can't be absolute")


_block_box = one_of({"box": _box})
_BUBBLE_RULES: dict[str, Rule] = {
    **_type("bubble"),
    "size": keyword(*BUBBLE_SIZES),
    "direction": keyword("ltr", "rtl"),
}
_BUBBLE = Shape(
    _BUBBLE_RULES,
    {
        "header": _block_box,
        "hero": one_of({"box": _box, "image": _IMAGE, "video": _VIDEO}),
        "body": _block_box,
        "footer": _block_box,
        "styles": Shape({}, dict.fromkeys(_BLOCKS, _BLOCK_STYLE)),
        "action": flex_action,
    },
    together=(_check_bubble,),
)


def _check_carousel(carousel: Any, path: str, found: Found) -> None:
    bubbles = carousel["contents"]
    if len({bubble.get("size", DEFAULT_BUBBLE_SIZE) for bubble in bubbles}) > 1:
        add(found, join(path, "contents"), "all bubbles of a carousel must have the same size")
    for index, bubble in enumerate(bubbles):
        if bubble.get("hero", {}).get("type") == "video":
            add(found, f"{path}.contents[{index}].hero", "video can't be used in a carousel")


_CAROUSEL = Shape(
    _type("carousel"),
    {"contents": list_of(one_of({"bubble": _BUBBLE}), 1, MAX_BUBBLES)},
    required=("contents",),
    together=(_check_carousel,),
)
_container_shape = one_of({"bubble": _BUBBLE, "carousel": _CAROUSEL})


def json_bytes(value: Any) -> int:
    """Return the UTF-8 bytes of `value` written as compact JSON."""
    return _utf8_length(_written(value))


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _utf8_length(written: str) -> int:
    return len(written) if written.isascii() else len(written.encode("utf-8", "surrogatepass"))


def flex_container(value: Any, path: str, found: Found) -> None:
    """Check a bubble or a carousel, its size in bytes, and how many of its images move."""
    start = len(found)
    _container_shape(value, path, found)
    if len(found) > start:
        return
    written = _written(value)
    is_carousel = value["type"] == "carousel"
    most = MAX_CAROUSEL_BYTES if is_carousel else MAX_BUBBLE_BYTES
    _check_bytes(_utf8_length(written), most, path, found)
    for index, bubble in enumerate(value["contents"] if is_carousel else ()):
        _check_bytes(json_bytes(bubble), MAX_BUBBLE_BYTES, f"{path}.contents[{index}]", found)
    # Inside a text the quotation marks are escaped, so this finds properties only.
    if written.count('"animated":true') > MAX_ANIMATED_IMAGES:
        add(found, path, f"only {MAX_ANIMATED_IMAGES} images may be animated")


def _check_bytes(size: int, most: int, path: str, found: Found) -> None:
    if size > most:
        add(found, path, f"JSON must be at most {most // 1024} KB, and is {size} bytes")

"""Actions: what a tap does, and what each place allows an action to be.

Source: LINE, "Action objects", read 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from .checking import (
    Found,
    Node,
    Rule,
    Shape,
    action_uri,
    add,
    graphemes,
    join,
    keyword,
    matching,
    one_of,
    text,
)

MAX_POSTBACK_DATA_LENGTH = 300
MAX_ACTION_TEXT_LENGTH = 300
MAX_CLIPBOARD_LENGTH = 1000
MAX_ALIAS_LENGTH = 32
LABEL_LENGTH = 20
IMAGE_CAROUSEL_LABEL_LENGTH = 12
FLEX_LABEL_LENGTH = 40

_FIRST_DAY, _LAST_DAY = "1900-01-01", "2100-12-31"
_PICKER_FORMATS = {"date": "%Y-%m-%d", "time": "%H:%M", "datetime": "%Y-%m-%dT%H:%M"}
_PICKER_VALUE = matching(r"[0-9tT:-]{5,16}", "invalid date or time")

alias_id = matching(rf"[a-z0-9_-]{{1,{MAX_ALIAS_LENGTH}}}", "invalid richMenuAliasId")

_TAPPABLE = ("postback", "message", "uri", "datetimepicker", "clipboard")
_CHAT_ONLY = ("camera", "cameraRoll", "location")


def _picker_moment(value: str, mode: str) -> datetime | None:
    """Return the moment a picker's property names, or None where it is misshapen.

    A time has no day, so it comes out on the calendar's first; only comparisons are made with it.
    """
    try:
        moment = datetime.strptime(value.upper(), _PICKER_FORMATS[mode])  # noqa: DTZ007 (LINE's pickers know no zone)
    except ValueError:
        return None
    day = moment.date().isoformat()
    return moment if mode == "time" or _FIRST_DAY <= day <= _LAST_DAY else None


def _check_picker(action: Any, path: str, found: Found) -> None:
    moments = {}
    for name in ("min", "initial", "max"):
        if name in action:
            moments[name] = _picker_moment(action[name], action["mode"])
            if moments[name] is None:
                add(found, join(path, name), f"must be a valid {action['mode']}")
    earliest, initial, latest = (moments.get(name) for name in ("min", "initial", "max"))
    if earliest and latest and earliest >= latest:
        add(found, join(path, "max"), "must be greater than min")
    elif initial and ((earliest and initial < earliest) or (latest and initial > latest)):
        add(found, join(path, "initial"), "must be between min and max")


def _check_postback(action: Any, path: str, found: Found) -> None:
    if "text" in action and "displayText" in action:
        add(found, join(path, "text"), "text and displayText can't be used at the same time")
    if "fillInText" in action and action.get("inputOption") != "openKeyboard":
        add(found, join(path, "fillInText"), "inputOption must be openKeyboard")


def _label_rules(length: int) -> dict[str, Rule]:
    return {"type": keyword(*_TAPPABLE, *_CHAT_ONLY, "richmenuswitch"), "label": graphemes(length)}


def action_node(
    kinds: Iterable[str], *, label_length: int, label_required: bool, alt_uri: bool = False
) -> Node:
    """Return the node for an action at a place that allows `kinds` and labels of that length."""
    common = _label_rules(label_length)
    required = ("label",) if label_required else ()
    desktop = Shape({"desktop": action_uri}, required=("desktop",))
    data = text(MAX_POSTBACK_DATA_LENGTH, least=0)
    words = graphemes(MAX_ACTION_TEXT_LENGTH)
    options = keyword("closeRichMenu", "openRichMenu", "openKeyboard", "openVoice")
    shapes: dict[str, Node] = {
        "postback": Shape(
            {
                **common,
                "data": data,
                "displayText": words,
                "text": words,
                "inputOption": options,
                "fillInText": words,
            },
            required=("data", *required),
            together=(_check_postback,),
        ),
        "message": Shape({**common, "text": words}, required=("text", *required)),
        "uri": Shape(
            {**common, "uri": action_uri},
            {"altUri": desktop} if alt_uri else None,
            required=("uri", *required),
        ),
        "datetimepicker": Shape(
            {
                **common,
                "data": data,
                "mode": keyword(*_PICKER_FORMATS),
                "initial": _PICKER_VALUE,
                "max": _PICKER_VALUE,
                "min": _PICKER_VALUE,
            },
            required=("data", "mode", *required),
            together=(_check_picker,),
        ),
        "clipboard": Shape(
            {**common, "clipboardText": text(MAX_CLIPBOARD_LENGTH)},
            required=("clipboardText", *required),
        ),
        "richmenuswitch": Shape(
            {**common, "richMenuAliasId": alias_id, "data": data},
            required=("richMenuAliasId", "data"),
        ),
        **{kind: Shape(common, required=("label",)) for kind in _CHAT_ONLY},
    }
    return one_of({kind: shapes[kind] for kind in kinds})


template_action = action_node(_TAPPABLE, label_length=LABEL_LENGTH, label_required=True)
image_carousel_action = action_node(
    _TAPPABLE, label_length=IMAGE_CAROUSEL_LABEL_LENGTH, label_required=False
)
quick_reply_action = action_node(
    (*_TAPPABLE, *_CHAT_ONLY), label_length=LABEL_LENGTH, label_required=True
)
rich_menu_action = action_node(
    (*_TAPPABLE, "richmenuswitch"), label_length=LABEL_LENGTH, label_required=False
)
flex_action = action_node(
    _TAPPABLE, label_length=FLEX_LABEL_LENGTH, label_required=False, alt_uri=True
)
flex_button_action = action_node(
    _TAPPABLE, label_length=FLEX_LABEL_LENGTH, label_required=True, alt_uri=True
)
flex_video_action = action_node(
    ("uri",), label_length=FLEX_LABEL_LENGTH, label_required=False, alt_uri=True
)

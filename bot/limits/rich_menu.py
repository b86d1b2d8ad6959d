"""Rich menus: the object, and the picture that must fit it.

Source: LINE, "Rich menu structure" and "Upload rich menu image", read 2026-11.
"""

from __future__ import annotations

from typing import Any

from .actions import rich_menu_action
from .checking import Found, Shape, add, boolean, graphemes, integer, join, list_of

MIN_WIDTH, MAX_WIDTH = 800, 2500
MIN_HEIGHT = 250
MIN_ASPECT_RATIO = 1.45
MAX_AREAS = 20
MAX_NAME_LENGTH = 300
MAX_CHAT_BAR_TEXT_LENGTH = 14
MAX_IMAGE_BYTES = 1024 * 1024
_MAX_PIXELS = 2**31 - 1


def _check_size(size: Any, path: str, found: Found) -> None:
    if size["width"] / size["height"] < MIN_ASPECT_RATIO:
        add(found, path, f"width / height must be at least {MIN_ASPECT_RATIO}")


_SIZE = Shape(
    {"width": integer(MIN_WIDTH, MAX_WIDTH), "height": integer(MIN_HEIGHT, _MAX_PIXELS)},
    required=("width", "height"),
    together=(_check_size,),
)
_BOUNDS = Shape(
    {
        "x": integer(0, _MAX_PIXELS),
        "y": integer(0, _MAX_PIXELS),
        "width": integer(1, _MAX_PIXELS),
        "height": integer(1, _MAX_PIXELS),
    },
    required=("x", "y", "width", "height"),
)
_AREA = Shape({}, {"bounds": _BOUNDS, "action": rich_menu_action}, required=("bounds", "action"))


def _check_areas(menu: Any, path: str, found: Found) -> None:
    """An area that leaves the picture can't be tapped there, so it is a drawing mistake."""
    for index, area in enumerate(menu["areas"]):
        bounds, size = area["bounds"], menu["size"]
        if (
            bounds["x"] + bounds["width"] > size["width"]
            or bounds["y"] + bounds["height"] > size["height"]
        ):
            add(found, join(path, f"areas[{index}].bounds"), "must be within the rich menu's size")


rich_menu_node = Shape(
    {
        "selected": boolean,
        "name": graphemes(MAX_NAME_LENGTH),
        "chatBarText": graphemes(MAX_CHAT_BAR_TEXT_LENGTH),
    },
    {"size": _SIZE, "areas": list_of(_AREA, 0, MAX_AREAS)},
    required=("size", "selected", "name", "chatBarText", "areas"),
    together=(_check_areas,),
)

"""The two rich menus: what each area does, its artwork, and a version that tells old from new.

An image of a menu cannot be replaced at LINE, so a change of area or artwork is a new menu.
The artwork is drawn from these areas by `bot/artwork/draw.py`, so a picture and its taps agree.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from bot.cards.parts import postback
from bot.postback import Action

GUEST: Final = "guest"
MEMBER: Final = "member"
MENU_NAMES: Final = (GUEST, MEMBER)

ARTWORK_FOLDER: Final = Path(__file__).parent / "artwork"

_WIDTH: Final = 2500
_FULL_HEIGHT: Final = 1686
_HALF_HEIGHT: Final = 843
_JOIN_WIDTH: Final = 1600
_VERSION_LENGTH: Final = 12


class UnknownMenu(KeyError):
    """There is no menu of this name."""


@dataclass(frozen=True)
class Tile:
    """One area of a menu; bounds in pixels of the artwork."""

    label: str
    """In zh-TW: on the picture, and in the chat as the person's words after a tap."""
    caption: str
    """In English, small on the picture."""
    action: Action
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Menu:
    """One menu: its size, the words on the bar that opens it, and its areas."""

    width: int
    height: int
    chat_bar_text: str
    tiles: tuple[Tile, ...]


def _grid(*rows: tuple[tuple[str, str, Action], ...]) -> tuple[Tile, ...]:
    """Return tiles of equal size that fill the full menu, row by row."""
    height = _FULL_HEIGHT // len(rows)
    return tuple(
        Tile(label, caption, action, left, line * height, right - left, height)
        for line, row in enumerate(rows)
        for place, (label, caption, action) in enumerate(row)
        for left, right in [(_WIDTH * place // len(row), _WIDTH * (place + 1) // len(row))]
    )


MENUS: Final[Mapping[str, Menu]] = {
    GUEST: Menu(
        _WIDTH,
        _HALF_HEIGHT,
        "加入會員",
        (
            Tile("加入會員", "Join us", Action.JOIN, 0, 0, _JOIN_WIDTH, _HALF_HEIGHT),
            Tile("使用說明", "Help", Action.SHOW_HELP, _JOIN_WIDTH, 0, 900, 421),
            Tile("聯絡門市", "Contact", Action.CONTACT_STAFF, _JOIN_WIDTH, 421, 900, 422),
        ),
    ),
    MEMBER: Menu(
        _WIDTH,
        _FULL_HEIGHT,
        "會員選單",
        _grid(
            (
                ("會員卡", "Member card", Action.SHOW_CARD),
                ("點數", "Points", Action.SHOW_POINTS),
                ("集點卡", "Stamps", Action.SHOW_STAMPS),
            ),
            (
                ("優惠券", "Coupons", Action.SHOW_COUPONS),
                ("等級", "Tier", Action.SHOW_TIER),
                ("我的資料", "My details", Action.SHOW_PROFILE),
            ),
        ),
    ),
}


def menu_definition(name: str) -> dict[str, Any]:
    """Return the menu called `name` as LINE's rich menu object; raises UnknownMenu.

    Its own name at LINE carries the version, so that a list of LINE's menus can be read.
    """
    return {**_object(_menu(name)), "name": f"regulars-{name}-{menu_version(name)}"}


@cache
def menu_image(name: str) -> bytes:
    """Return the artwork of the menu called `name`, a PNG of its size; raises UnknownMenu."""
    _menu(name)
    return (ARTWORK_FOLDER / f"{name}.png").read_bytes()


@cache
def menu_version(name: str) -> str:
    """Return a short digest of areas and artwork: another digest, another menu at LINE."""
    areas = json.dumps(_object(_menu(name)), ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(areas.encode() + menu_image(name))
    return digest.hexdigest()[:_VERSION_LENGTH]


def _menu(name: str) -> Menu:
    if name not in MENUS:
        raise UnknownMenu(name)
    return MENUS[name]


def _object(menu: Menu) -> dict[str, Any]:
    return {
        "size": {"width": menu.width, "height": menu.height},
        "selected": True,
        "chatBarText": menu.chat_bar_text,
        "areas": [_area(tile) for tile in menu.tiles],
    }


def _area(tile: Tile) -> dict[str, Any]:
    return {
        "bounds": {"x": tile.x, "y": tile.y, "width": tile.width, "height": tile.height},
        "action": postback(tile.label, tile.action),
    }

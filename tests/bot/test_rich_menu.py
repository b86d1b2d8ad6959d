"""The rich menus: areas that cover the picture, artwork LINE takes, versions that tell change."""

import io
from typing import Any

import pytest
from linebot.v3.messaging import RichMenuRequest
from PIL import Image

from bot import rich_menu
from bot.limits import MAX_IMAGE_BYTES, check_rich_menu
from bot.postback import parse_postback
from bot.rich_menu import MENU_NAMES, UnknownMenu, menu_definition, menu_image, menu_version


def covered(definition: dict[str, Any]) -> int:
    """Return the number of pixels under areas, which must not overlap."""
    boxes = [area["bounds"] for area in definition["areas"]]
    for place, one in enumerate(boxes):
        for other in boxes[place + 1 :]:
            apart_sideways = (
                one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
            )
            apart_upright = (
                one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
            )
            assert apart_sideways or apart_upright
    return sum(box["width"] * box["height"] for box in boxes)


@pytest.mark.parametrize("name", MENU_NAMES)
def test_a_menu_keeps_lines_limits(name: str) -> None:
    definition = menu_definition(name)

    assert check_rich_menu(definition) == []
    assert RichMenuRequest.from_dict(definition).to_dict() == definition


@pytest.mark.parametrize("name", MENU_NAMES)
def test_the_areas_cover_the_whole_picture_once(name: str) -> None:
    definition = menu_definition(name)

    assert covered(definition) == definition["size"]["width"] * definition["size"]["height"]


@pytest.mark.parametrize("name", MENU_NAMES)
def test_the_artwork_is_a_png_of_the_menus_size_and_small_enough(name: str) -> None:
    image = menu_image(name)
    size = menu_definition(name)["size"]

    picture = Image.open(io.BytesIO(image))

    assert len(image) <= MAX_IMAGE_BYTES
    assert picture.format == "PNG"
    assert picture.size == (size["width"], size["height"])


@pytest.mark.parametrize("name", MENU_NAMES)
def test_every_area_says_in_the_chat_what_was_tapped(name: str) -> None:
    for area in menu_definition(name)["areas"]:
        assert parse_postback(area["action"]["data"]).action
        assert area["action"]["displayText"]


def test_a_guest_can_join_and_a_member_has_six_ways() -> None:
    guest = [parse_postback(a["action"]["data"]).action for a in menu_definition("guest")["areas"]]
    member = [
        parse_postback(a["action"]["data"]).action for a in menu_definition("member")["areas"]
    ]

    assert guest[0] == "join"
    assert member == [
        "show_card",
        "show_points",
        "show_stamps",
        "show_coupons",
        "show_tier",
        "show_profile",
    ]


def test_other_artwork_is_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = menu_version("member")
    menu_version.cache_clear()
    monkeypatch.setattr(rich_menu, "menu_image", lambda _name: b"another picture")
    after = menu_version("member")
    menu_version.cache_clear()

    assert before != after
    assert len(after) == len(before)


def test_the_name_at_line_tells_menu_and_version() -> None:
    assert menu_definition("guest")["name"] == f"regulars-guest-{menu_version('guest')}"


def test_an_unknown_menu_is_refused() -> None:
    with pytest.raises(UnknownMenu):
        menu_definition("vip")
    with pytest.raises(UnknownMenu):
        menu_image("vip")

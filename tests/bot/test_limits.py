"""LINE's limits, each at its edge: the last value that passes and the first that does not."""

from __future__ import annotations

import time
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linebot.v3.messaging import Message

from bot.limits import (
    MAX_BUBBLE_BYTES,
    LineLimitExceeded,
    check_aggregation_units,
    check_message,
    check_messages,
    check_recipients,
    check_rich_menu,
    grapheme_length,
    is_alias_id,
    is_user_id,
    json_bytes,
    refuse_if_invalid,
    utf16_length,
)

URL = "https://example.com/a.png"
CAKE = "🎂"
FAMILY = "👨‍👩‍👧"
USER = "U" + "0123456789abcdef" * 2


def text(words: str = "hello", **also: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **also}


def postback(label: str | None = "Yes", **also: Any) -> dict[str, Any]:
    action = {"type": "postback", "data": "action=yes", **also}
    return action if label is None else {"label": label, **action}


def quick_replies(*actions: dict[str, Any]) -> dict[str, Any]:
    items = [{"type": "action", "action": action} for action in actions]
    return text(quickReply={"items": items})


def box(*contents: dict[str, Any], layout: str = "vertical", **also: Any) -> dict[str, Any]:
    return {"type": "box", "layout": layout, "contents": list(contents), **also}


def bubble(*contents: dict[str, Any], **also: Any) -> dict[str, Any]:
    return {"type": "bubble", "body": box(*contents), **also}


def flex(contents: dict[str, Any], alt_text: str = "card") -> dict[str, Any]:
    return {"type": "flex", "altText": alt_text, "contents": contents}


def component(**properties: Any) -> dict[str, Any]:
    """Return a Flex message whose only component has these properties."""
    return flex(bubble(properties))


def template(**properties: Any) -> dict[str, Any]:
    return {"type": "template", "altText": "choose", "template": properties}


def menu(**changes: Any) -> dict[str, Any]:
    whole = {"x": 0, "y": 0, "width": 2500, "height": 1686}
    return {
        "size": {"width": 2500, "height": 1686},
        "selected": True,
        "name": "members",
        "chatBarText": "會員選單",
        "areas": [{"bounds": whole, "action": postback(label=None)}],
        **changes,
    }


def properties_refused(message: Any) -> list[str]:
    return [violation["property"] for violation in check_message(message)]


# Counting


@pytest.mark.parametrize(
    ("words", "units", "graphemes"),
    [("", 0, 0), ("abc", 3, 3), ("會員", 2, 2), (CAKE, 2, 1), (FAMILY, 8, 1), ("e\u0301", 2, 1)],
)
def test_a_text_has_utf16_units_and_graphemes(words: Any, units: Any, graphemes: int) -> None:
    assert utf16_length(words) == units
    assert grapheme_length(words) == graphemes


def test_a_lone_surrogate_is_counted_and_does_not_raise() -> None:
    assert utf16_length("\ud83c") == 1
    assert check_message(text("\ud83c")) == []


# Text


@pytest.mark.parametrize(("words", "fits"), [("a" * 5000, True), ("a" * 5001, False)])
def test_a_text_has_at_most_5000_units(words: Any, fits: bool) -> None:
    assert (check_message(text(words)) == []) is fits


@pytest.mark.parametrize(("cakes", "fits"), [(2500, True), (2501, False)])
def test_a_cake_counts_as_two_units_of_a_text(cakes: int, fits: bool) -> None:
    assert (check_message(text(CAKE * cakes)) == []) is fits


def test_an_empty_text_is_refused_in_lines_words() -> None:
    assert check_messages([text("")]) == [
        {"property": "messages[0].text", "message": "May not be empty"}
    ]


def test_an_unknown_property_is_refused_at_every_depth() -> None:
    assert properties_refused(text(quick_reply={})) == ["message.quick_reply"]
    assert properties_refused(component(type="text", text="a", colour="#000000")) == [
        "message.contents.body.contents[0].colour"
    ]


def test_an_unknown_type_is_refused() -> None:
    assert properties_refused({"type": "poem"}) == ["message.type"]


def test_a_missing_type_must_be_specified() -> None:
    assert check_message({}) == [{"property": "message.type", "message": "must be specified"}]


@pytest.mark.parametrize("value", [None, 7, "text", [], True])
def test_what_is_no_object_is_refused(value: Any) -> None:
    assert properties_refused(value) == ["message"]


@pytest.mark.parametrize("value", [None, 7, ["a"], {"a": 1}])
def test_a_text_must_be_a_string(value: Any) -> None:
    assert properties_refused(text(value)) == ["message.text"]


def test_an_emoji_stands_at_a_dollar_counted_in_units() -> None:
    emoji = {"index": 2, "productId": "5ac1bfd5040ab15980c9b435", "emojiId": "001"}
    assert check_message(text(CAKE + "$", emojis=[emoji])) == []
    assert properties_refused(text("ab c$", emojis=[emoji])) == ["message.emojis[0].index"]


@pytest.mark.parametrize(
    ("words", "fits"),
    [
        ("hello {cup}", True),
        ("{{cup}}", True),
        ("{tea}", False),
        ("{cup", False),
        ("cup}", False),
    ],
)
def test_every_placeholder_of_a_second_text_is_explained(words: Any, fits: bool) -> None:
    cup = {"type": "emoji", "productId": "5ac1bfd5040ab15980c9b435", "emojiId": "001"}
    message = {"type": "textV2", "text": words, "substitution": {"cup": cup}}
    assert (check_message(message) == []) is fits


def test_a_senders_name_may_not_contain_line() -> None:
    assert check_message(text(sender={"name": "Tea Days", "iconUrl": URL})) == []
    assert properties_refused(text(sender={"name": "LINE Tea"})) == ["message.sender.name"]
    assert properties_refused(text(sender={"name": "a" * 21})) == ["message.sender.name"]


# A request


@pytest.mark.parametrize(("count", "fits"), [(0, False), (1, True), (5, True), (6, False)])
def test_a_request_has_one_to_five_messages(count: int, fits: bool) -> None:
    assert (check_messages([text()] * count) == []) is fits


def test_every_wrong_message_is_named() -> None:
    refused = check_messages([text(), text(""), {"type": "poem"}])
    assert [violation["property"] for violation in refused] == [
        "messages[1].text",
        "messages[2].type",
    ]


@pytest.mark.parametrize(
    ("value", "fits"),
    [(USER, True), (USER.upper(), False), (USER[:-1], False), (USER + "\n", False), (None, False)],
)
def test_a_user_id_is_u_and_32_hexadecimal_digits(value: Any, fits: bool) -> None:
    assert is_user_id(value) is fits


@pytest.mark.parametrize(("count", "fits"), [(0, False), (1, True), (500, True), (501, False)])
def test_a_batch_has_one_to_500_recipients(count: int, fits: bool) -> None:
    user_ids = [f"U{number:032x}" for number in range(count)]
    assert (check_recipients(user_ids) == []) is fits


def test_a_batch_names_the_malformed_recipient() -> None:
    assert check_recipients([USER, "me"]) == [{"property": "to[1]", "message": "invalid userId"}]


def test_a_batch_names_nobody_twice() -> None:
    assert check_recipients([USER, USER])[0]["property"] == "to"


@pytest.mark.parametrize(
    ("units", "fits"),
    [
        ([], True),
        (["campaign_1"], True),
        (["a" * 30], True),
        (["a" * 31], False),
        (["a-b"], False),
        (["a", "b"], False),
        ("a", False),
    ],
)
def test_a_unit_name_is_one_short_word(units: Any, fits: bool) -> None:
    assert (check_aggregation_units(units) == []) is fits


def test_refusing_raises_with_every_violation_and_no_words_of_the_message() -> None:
    violations = check_messages([text("secret" * 1000)])
    with pytest.raises(LineLimitExceeded) as raised:
        refuse_if_invalid(violations)
    assert raised.value.violations == violations
    assert "messages[0].text" in str(raised.value)
    assert "secret" not in str(raised.value)


def test_refusing_nothing_is_silent() -> None:
    refuse_if_invalid([])


# Quick replies and actions


@pytest.mark.parametrize(("count", "fits"), [(0, False), (13, True), (14, False)])
def test_a_message_has_at_most_13_quick_replies(count: int, fits: bool) -> None:
    assert (check_message(quick_replies(*[postback()] * count)) == []) is fits


@pytest.mark.parametrize(("label", "fits"), [("字" * 20, True), ("字" * 21, False)])
def test_a_quick_replys_label_has_at_most_20_graphemes(label: str | None, fits: bool) -> None:
    assert (check_message(quick_replies(postback(label))) == []) is fits


def test_a_family_is_one_grapheme_of_a_label() -> None:
    assert check_message(quick_replies(postback(FAMILY * 20))) == []


def test_a_quick_reply_needs_a_label() -> None:
    assert properties_refused(quick_replies(postback(label=None))) == [
        "message.quickReply.items[0].action.label"
    ]


@pytest.mark.parametrize("kind", ["camera", "cameraRoll", "location"])
def test_a_camera_is_for_quick_replies_only(kind: str) -> None:
    action = {"type": kind, "label": "Open"}
    assert check_message(quick_replies(action)) == []
    assert check_message(component(type="button", action=action)) != []


def test_a_menu_switch_is_for_rich_menus_only() -> None:
    action = {"type": "richmenuswitch", "richMenuAliasId": "gold", "data": "menu=gold"}
    assert check_message(quick_replies({**action, "label": "Gold"})) != []
    bounds = {"x": 0, "y": 0, "width": 100, "height": 100}
    assert check_rich_menu(menu(areas=[{"bounds": bounds, "action": action}])) == []


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"data": "a" * 300}, None),
        ({"data": "a" * 301}, "data"),
        ({"data": CAKE * 151}, "data"),
        ({"displayText": CAKE * 300}, None),
        ({"displayText": CAKE * 301}, "displayText"),
        ({"displayText": "a", "text": "a"}, "text"),
        ({"inputOption": "openKeyboard", "fillInText": "a"}, None),
        ({"inputOption": "openVoice", "fillInText": "a"}, "fillInText"),
        ({"inputOption": "openMind"}, "inputOption"),
    ],
)
def test_a_postback_keeps_its_limits(changes: dict[str, Any], refused: Any) -> None:
    path = "message.quickReply.items[0].action."
    expected = [path + refused] if refused else []
    assert properties_refused(quick_replies(postback(**changes))) == expected


@pytest.mark.parametrize(
    ("uri", "fits"),
    [
        ("https://example.com/", True),
        ("http://example.com/", True),
        ("line://nv/chat", True),
        ("tel:0223456789", True),
        ("https://example.com/會員", False),
        ("https://example.com/a b", False),
        ("javascript:alert(1)", False),
        ("example.com", False),
        ("https://e.tw/" + "a" * 987, True),
        ("https://e.tw/" + "a" * 988, False),
    ],
)
def test_a_uri_action_opens_web_line_and_telephone_only(uri: str, fits: bool) -> None:
    action = {"type": "uri", "label": "Open", "uri": uri}
    assert (check_message(quick_replies(action)) == []) is fits


def test_another_address_for_the_desktop_is_for_flex_only() -> None:
    action = {
        "type": "uri",
        "label": "Open",
        "uri": "https://example.com/",
        "altUri": {"desktop": "https://example.com/pc"},
    }
    assert check_message(component(type="button", action=action)) == []
    assert check_message(quick_replies(action)) != []


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({"mode": "date", "initial": "2000-02-29"}, True),
        ({"mode": "date", "initial": "2001-02-29"}, False),
        ({"mode": "date", "initial": "1899-12-31"}, False),
        ({"mode": "date", "max": "2100-12-31"}, True),
        ({"mode": "date", "max": "2101-01-01"}, False),
        ({"mode": "time", "initial": "23:59"}, True),
        ({"mode": "time", "initial": "24:00"}, False),
        ({"mode": "datetime", "initial": "2026-11-22t10:00"}, True),
        ({"mode": "datetime", "initial": "2026-11-22"}, False),
        ({"mode": "date", "min": "2026-01-02", "max": "2026-01-01"}, False),
        ({"mode": "date", "min": "2026-01-02", "initial": "2026-01-01"}, False),
        ({"mode": "week"}, False),
    ],
)
def test_a_date_picker_offers_days_that_exist(changes: dict[str, Any], fits: bool) -> None:
    action = {"type": "datetimepicker", "label": "Pick", "data": "birthday", **changes}
    assert (check_message(quick_replies(action)) == []) is fits


# Pictures, places, stickers, coupons


@pytest.mark.parametrize(
    ("url", "fits"),
    [
        (URL, True),
        ("http://example.com/a.png", False),
        ("http://127.0.0.1:8000/a.png", True),
        ("http://localhost/a.png", True),
        ("http://localhost.example.com/a.png", False),
        ("http://127.0.0.1@example.com/a.png", False),
        ("https://example.com/" + "a" * 1980, True),
        ("https://example.com/" + "a" * 1981, False),
        ("", False),
        ("data:image/png;base64,AAAA", False),
    ],
)
def test_a_picture_comes_over_https_or_from_this_machine(url: str, fits: bool) -> None:
    message = {"type": "image", "originalContentUrl": url, "previewImageUrl": URL}
    assert (check_message(message) == []) is fits


@pytest.mark.parametrize(
    "message",
    [
        {"type": "sticker", "packageId": "446", "stickerId": "1988"},
        {
            "type": "location",
            "title": "門市",
            "address": "台北市",
            "latitude": 25,
            "longitude": 121.5,
        },
        {"type": "coupon", "couponId": "01JYNW8JMQVFBNWF1APF8Z3FS7", "deliveryTag": "winter_1"},
        {"type": "video", "originalContentUrl": URL, "previewImageUrl": URL, "trackingId": "a-1"},
        {"type": "audio", "originalContentUrl": URL, "duration": 60000},
    ],
)
def test_a_plain_message_passes_and_needs_each_of_its_properties(message: Any) -> None:
    assert check_message(message) == []
    for name in set(message) - {"type", "deliveryTag", "trackingId"}:
        without = {key: value for key, value in message.items() if key != name}
        assert properties_refused(without) == [f"message.{name}"]


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({"title": "a" * 100}, True),
        ({"title": "a" * 101}, False),
        ({"address": "a" * 101}, False),
        ({"latitude": 90.1}, False),
        ({"longitude": -180.5}, False),
        ({"latitude": "25"}, False),
        ({"latitude": True}, False),
    ],
)
def test_a_place_is_on_earth(changes: dict[str, Any], fits: bool) -> None:
    place = {"type": "location", "title": "a", "address": "b", "latitude": 0, "longitude": 0}
    assert (check_message({**place, **changes}) == []) is fits


def imagemap(**changes: Any) -> dict[str, Any]:
    area = {"x": 0, "y": 0, "width": 520, "height": 520}
    action = {"type": "message", "text": "hello", "area": area}
    return {
        "type": "imagemap",
        "baseUrl": "https://example.com/map",
        "altText": "map",
        "baseSize": {"width": 1040, "height": 1040},
        "actions": [action],
        **changes,
    }


def test_an_imagemap_is_1040_wide_and_has_at_most_50_actions() -> None:
    assert check_message(imagemap()) == []
    assert check_message(imagemap(baseSize={"width": 1000, "height": 1040})) != []
    assert check_message(imagemap(actions=imagemap()["actions"] * 50)) == []
    assert check_message(imagemap(actions=imagemap()["actions"] * 51)) != []


# Templates


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({"text": "字" * 160}, True),
        ({"text": "字" * 161}, False),
        ({"text": "字" * 60, "title": "字" * 40}, True),
        ({"text": "字" * 61, "title": "a"}, False),
        ({"text": "字" * 61, "thumbnailImageUrl": URL}, False),
        ({"title": "字" * 41}, False),
        ({"actions": [postback()] * 4}, True),
        ({"actions": [postback()] * 5}, False),
        ({"actions": []}, False),
        ({"actions": [postback("a" * 21)]}, False),
    ],
)
def test_a_buttons_template_keeps_its_limits(changes: dict[str, Any], fits: bool) -> None:
    buttons = {"type": "buttons", "text": "choose", "actions": [postback()]}
    assert (check_message(template(**{**buttons, **changes})) == []) is fits


@pytest.mark.parametrize(("count", "fits"), [(1, False), (2, True), (3, False)])
def test_a_confirmation_has_two_buttons(count: int, fits: bool) -> None:
    message = template(type="confirm", text="sure?", actions=[postback()] * count)
    assert (check_message(message) == []) is fits


def test_the_columns_of_a_carousel_are_alike() -> None:
    column = {"text": "tea", "actions": [postback()]}
    assert check_message(template(type="carousel", columns=[column] * 10)) == []
    assert check_message(template(type="carousel", columns=[column] * 11)) != []
    more = {"text": "tea", "actions": [postback()] * 2}
    assert check_message(template(type="carousel", columns=[column, more])) != []
    titled = {**column, "title": "Tea"}
    assert check_message(template(type="carousel", columns=[column, titled])) != []


def test_an_image_carousels_label_has_at_most_12_graphemes_and_may_be_missing() -> None:
    for label, fits in (("a" * 12, True), ("a" * 13, False), (None, True)):
        column = {"imageUrl": URL, "action": postback(label)}
        message = template(type="image_carousel", columns=[column])
        assert (check_message(message) == []) is fits


# Flex Messages


@pytest.mark.parametrize(("length", "fits"), [(1500, True), (1501, False), (0, False)])
def test_an_alternative_text_has_1_to_1500_units(length: int, fits: bool) -> None:
    assert (check_message(flex(bubble(), "a" * length)) == []) is fits


def sized_bubble(size: int) -> dict[str, Any]:
    card = bubble({"type": "text", "text": "a"})
    card["body"]["contents"][0]["text"] += "a" * (size - json_bytes(card))
    return card


def test_a_bubble_has_at_most_30_kilobytes() -> None:
    assert check_message(flex(sized_bubble(MAX_BUBBLE_BYTES))) == []
    assert properties_refused(flex(sized_bubble(MAX_BUBBLE_BYTES + 1))) == ["message.contents"]


def test_a_chinese_character_weighs_three_bytes() -> None:
    assert check_message(component(type="text", text="字" * 10_300)) != []


def test_a_carousel_has_at_most_50_kilobytes_and_12_bubbles_of_one_size() -> None:
    def carousel(*bubbles: dict[str, Any]) -> dict[str, Any]:
        return flex({"type": "carousel", "contents": list(bubbles)})

    assert check_message(carousel(*[bubble()] * 12)) == []
    assert check_message(carousel(*[bubble()] * 13)) != []
    assert check_message(carousel()) != []
    assert check_message(carousel(sized_bubble(26_000), sized_bubble(24_000))) == []
    assert check_message(carousel(sized_bubble(26_000), sized_bubble(26_000))) != []
    assert check_message(carousel(bubble(size="mega"), bubble())) == []
    assert check_message(carousel(bubble(size="kilo"), bubble())) != []


@pytest.mark.parametrize(("label", "fits"), [("字" * 40, True), ("字" * 41, False), (None, False)])
def test_a_flex_buttons_label_has_1_to_40_graphemes(label: str | None, fits: bool) -> None:
    assert (check_message(component(type="button", action=postback(label))) == []) is fits


def test_a_flex_box_needs_no_label_for_its_action() -> None:
    assert check_message(flex(bubble(box(action=postback(label=None))))) == []


def test_an_empty_box_is_a_progress_bar_and_passes() -> None:
    bar = box(
        box(width="37%", height="8px", backgroundColor="#06C755"), backgroundColor="#EEEEEE80"
    )
    assert check_message(flex(bubble(bar))) == []


@pytest.mark.parametrize("words", ["", None])
def test_a_flex_text_is_never_empty(words: Any) -> None:
    assert check_message(component(type="text", text=words)) != []


def test_a_flex_text_has_words_or_spans() -> None:
    assert check_message(component(type="text")) != []
    spans = [{"type": "span", "text": "120", "weight": "bold"}]
    assert check_message(component(type="text", contents=spans)) == []
    assert check_message(component(type="text", contents=[{"type": "text", "text": "a"}])) != []


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("size", ["xxs", "5xl", "14px", "9.5px"], ["full", "huge", "14", "-1px", 14]),
        ("color", ["#06C755", "#06c75580"], ["#0C5", "green", "06C755", "#06C7555"]),
        ("margin", ["none", "xxl", "12px"], ["3xl", "5%", "12"]),
        ("offsetTop", ["xs", "4px", "10%"], ["-4px", "top"]),
        ("align", ["start", "end", "center"], ["left"]),
        ("weight", ["regular", "bold"], ["heavy"]),
        ("decoration", ["none", "underline", "line-through"], ["overline"]),
        ("position", ["relative", "absolute"], ["fixed"]),
        ("wrap", [True, False], ["true", 1]),
        ("flex", [0, 1, 10], [-1, 1.5, "1", True]),
        ("maxLines", [0, 3], [-1, "3"]),
        ("lineSpacing", ["4px", "0.5px"], ["0px", "md", "-1px"]),
        ("adjustMode", ["shrink-to-fit"], ["grow"]),
        ("scaling", [True], ["yes"]),
    ],
)
def test_a_flex_texts_property_takes_lines_values_only(
    name: str, good: list[Any], bad: list[Any]
) -> None:
    first = {"type": "text", "text": "a"}
    for value in good:
        assert check_message(flex(bubble(first, {**first, name: value}))) == [], value
    for value in bad:
        assert check_message(flex(bubble(first, {**first, name: value}))) != [], value


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("layout", ["horizontal", "vertical", "baseline"], ["grid"]),
        ("width", ["10px", "37%"], ["md", "10"]),
        ("height", ["8px", "100%"], ["auto"]),
        ("paddingAll", ["none", "xl", "8px", "5%"], ["8"]),
        ("spacing", ["sm", "8px"], ["5%"]),
        ("cornerRadius", ["none", "xxl", "4px"], ["50%"]),
        ("borderWidth", ["none", "semi-bold", "1px"], ["thin"]),
        ("justifyContent", ["space-between"], ["start"]),
        ("alignItems", ["flex-end"], ["stretch"]),
    ],
)
def test_a_boxs_property_takes_lines_values_only(
    name: str, good: list[Any], bad: list[Any]
) -> None:
    for value in good:
        assert check_message(flex(bubble({**box(), name: value}))) == [], value
    for value in bad:
        assert check_message(flex(bubble({**box(), name: value}))) != [], value


def test_a_gradient_has_an_angle_and_two_colours() -> None:
    gradient = {
        "type": "linearGradient",
        "angle": "359.5deg",
        "startColor": "#06C755",
        "endColor": "#046A2D",
        "centerColor": "#059941",
        "centerPosition": "100%",
    }
    assert check_message(flex(bubble(box(background=gradient)))) == []
    for name in ("angle", "startColor", "endColor"):
        without = {key: value for key, value in gradient.items() if key != name}
        assert check_message(flex(bubble(box(background=without)))) != []
    assert check_message(flex(bubble(box(background={**gradient, "angle": "360deg"})))) != []


@pytest.mark.parametrize(
    ("ratio", "fits"),
    [
        ("1:1", True),
        ("20:13", True),
        ("1.51:1", True),
        ("1:3", True),
        ("1:4", False),
        ("1/1", False),
    ],
)
def test_a_picture_is_at_most_three_times_as_high_as_wide(ratio: str, fits: bool) -> None:
    assert (check_message(component(type="image", url=URL, aspectRatio=ratio)) == []) is fits


def test_a_baseline_box_holds_icons_and_texts_only() -> None:
    icon = {"type": "icon", "url": URL, "size": "sm"}
    words = {"type": "text", "text": "4.5"}
    assert check_message(flex(bubble(box(icon, words, layout="baseline")))) == []
    assert check_message(flex(bubble(box(icon)))) != []
    assert check_message(flex(bubble(box(box(), layout="baseline")))) != []


def test_a_film_stands_in_the_hero_of_a_wide_bubble_outside_a_carousel() -> None:
    film = {
        "type": "video",
        "url": "https://example.com/tea.mp4",
        "previewUrl": URL,
        "altContent": {"type": "image", "url": URL},
    }
    assert check_message(flex(bubble(hero=film))) == []
    assert check_message(flex(bubble(hero=film, size="micro"))) != []
    assert check_message(flex(bubble(film))) != []
    assert check_message(flex({"type": "carousel", "contents": [bubble(hero=film)]})) != []


def test_the_first_component_of_a_block_is_not_absolute() -> None:
    first, badge = box(), box(position="absolute", offsetTop="4px")
    assert check_message(flex(bubble(first, badge))) == []
    assert properties_refused(flex(bubble(badge, first))) == ["message.contents.body"]


@pytest.mark.parametrize(("count", "fits"), [(10, True), (11, False)])
def test_at_most_ten_pictures_move(count: int, fits: bool) -> None:
    moving = {"type": "image", "url": URL, "animated": True}
    assert (check_message(flex(bubble(*[moving] * count))) == []) is fits


def test_a_text_that_looks_like_a_property_moves_nothing() -> None:
    words = {"type": "text", "text": '"animated":true'}
    assert check_message(flex(bubble(*[words] * 11))) == []


def test_a_verdict_is_not_remembered_for_another_kind_of_component() -> None:
    assert check_message(component(type="image", url=URL, size="full")) == []
    assert check_message(component(type="text", text="a", size="full")) != []


def test_boxes_nested_without_end_are_refused_and_do_not_raise() -> None:
    nested = box()
    for _ in range(2_000):
        nested = box(nested)
    assert properties_refused(flex(bubble(nested))) == ["message"]


# Rich menus


@pytest.mark.parametrize(
    ("width", "height", "fits"),
    [
        (2500, 1686, True),
        (2500, 843, True),
        (800, 250, True),
        (799, 250, False),
        (2501, 1000, False),
        (800, 249, False),
        (1000, 690, False),
    ],
)
def test_a_rich_menu_is_wide_and_large_enough(width: int, height: int, fits: bool) -> None:
    assert (check_rich_menu(menu(size={"width": width, "height": height}, areas=[])) == []) is fits


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({}, []),
        ({"chatBarText": "字" * 14}, []),
        ({"chatBarText": "字" * 15}, ["chatBarText"]),
        ({"chatBarText": ""}, ["chatBarText"]),
        ({"name": "a" * 300}, []),
        ({"name": "a" * 301}, ["name"]),
        ({"selected": "yes"}, ["selected"]),
        ({"colour": "red"}, ["colour"]),
        ({"areas": menu()["areas"] * 20}, []),
        ({"areas": menu()["areas"] * 21}, ["areas"]),
    ],
)
def test_a_rich_menu_keeps_its_limits(changes: dict[str, Any], refused: Any) -> None:
    assert [violation["property"] for violation in check_rich_menu(menu(**changes))] == refused


def test_a_rich_menu_needs_each_of_its_properties() -> None:
    assert sorted(violation["property"] for violation in check_rich_menu({})) == [
        "areas",
        "chatBarText",
        "name",
        "selected",
        "size",
    ]


def test_an_area_lies_on_its_menu() -> None:
    area = {"bounds": {"x": 2400, "y": 0, "width": 101, "height": 10}, "action": postback(None)}
    refused = check_rich_menu(menu(areas=[area]))
    assert [violation["property"] for violation in refused] == ["areas[0].bounds"]


@pytest.mark.parametrize(
    ("alias", "fits"), [("gold-1_a", True), ("a" * 32, True), ("a" * 33, False), ("Gold", False)]
)
def test_an_alias_has_at_most_32_small_characters(alias: str, fits: bool) -> None:
    assert is_alias_id(alias) is fits


# The checker as a whole


def member_card() -> dict[str, Any]:
    rows = [
        box(
            {"type": "text", "text": f"項目 {number}", "size": "sm", "color": "#555555", "flex": 0},
            {"type": "text", "text": f"NT${number}", "size": "sm", "align": "end", "wrap": True},
            layout="horizontal",
            margin="md",
        )
        for number in range(12)
    ]
    footer = box({"type": "button", "style": "primary", "action": postback("查看點數")})
    return flex(bubble(*rows, footer=footer))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "contents",
                    "text",
                    "layout",
                    "action",
                    "items",
                    "hero",
                    "size",
                    "template",
                ]
            ),
            inner | st.sampled_from(["flex", "bubble", "box", "text", "vertical", "postback"]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
@settings(max_examples=300, deadline=None)
def test_no_json_makes_the_checker_raise(value: Any) -> None:
    check_messages(value)
    check_messages([value, {"type": "flex", "altText": "a", "contents": value}])
    check_messages([{"type": "template", "altText": "a", "template": value}])
    check_messages([{"type": "text", "text": "a", "quickReply": value}])
    check_rich_menu(value)
    check_recipients(value)


MESSAGES = [
    text(),
    quick_replies(postback(), {"type": "camera", "label": "a"}),
    imagemap(),
    template(type="confirm", text="sure?", actions=[postback()] * 2),
    template(type="carousel", columns=[{"text": "a", "actions": [postback()]}]),
    member_card(),
]


@given(st.sampled_from(MESSAGES), st.data())
@settings(max_examples=300, deadline=None)
def test_what_passes_here_passes_the_sdks_models(message: Any, data: st.DataObject) -> None:
    changed = deepcopy(message)
    spot = changed
    while True:
        key = data.draw(
            st.sampled_from(sorted(spot) if isinstance(spot, dict) else range(len(spot)))
        )
        if not isinstance(spot[key], (dict, list)) or not spot[key]:
            break
        spot = spot[key]
    spot[key] = data.draw(st.sampled_from(["", "a", "md", "#000000", 0, 1, True, None, [], {}]))
    if not check_message(changed):
        Message.from_dict(changed)


def test_a_card_of_three_kilobytes_is_checked_in_well_under_a_millisecond() -> None:
    card = member_card()
    assert json_bytes(card) > 2_500
    check_message(card)
    fastest = min(_seconds(card) for _ in range(20))
    assert fastest < 0.001


def _seconds(card: dict[str, Any]) -> float:
    started = time.perf_counter()
    assert check_message(card) == []
    return time.perf_counter() - started

"""The cards of points: within LINE's limits whatever stands on them, and honest."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any, get_args

import pytest
from linebot.v3.messaging import Message as SdkMessage

from bot import Message, cards
from bot.cards.points import MAX_PAGE_LINES
from bot.limits import check_messages
from bot.postback import Action, parse_postback
from bot.render import render
from bot.texts import LANGUAGES, texts_for
from bot.views import (
    PointsAdjustedView,
    PointsLine,
    PointsPageView,
    PointsReason,
    PointsReversedView,
    PointsView,
)

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
TODAY = date(2026, 11, 22)
LONG = "ご来店のたびにスタンプがたまる会員様だけの特別なご優待券" * 20
LARGE = 2 * 10**9
LINE_ = PointsLine(
    NOON, "reward", -LARGE, LONG, LONG, is_pending=True, forgiven=LARGE, tier_points=LARGE
)
T = texts_for("zh-TW")

WORST: dict[str, Any] = {
    "points": lambda t: cards.points_card(
        t,
        PointsView(
            -LARGE,
            (LINE_,) * 50,
            ((TODAY, LARGE),) * 9,
            100,
            250,
            LARGE,
            ((TODAY, LARGE),) * 9,
            LARGE,
        ),
    ),
    "page": lambda t: cards.points_page(t, PointsPageView(-LARGE, (LINE_,) * 50, LARGE)),
    "empty page": lambda t: cards.points_page(t, PointsPageView(0, ())),
    "adjusted": lambda t: cards.points_adjusted_card(
        t, PointsAdjustedView(-LARGE, LONG, -LARGE, LARGE)
    ),
    "reversed": lambda t: cards.points_reversed_card(
        t, PointsReversedView(-LARGE, LONG, "reward", LARGE, NOON, -LARGE, LARGE, LARGE)
    ),
    "code": lambda t: cards.bonus_code_card(t, LARGE, -LARGE, LONG),
    "refused": cards.bonus_code_refused,
}


def spoken(messages: list[Message]) -> str:
    return json.dumps(messages, ensure_ascii=False)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", WORST)
def test_every_card_fits_whatever_stands_on_it(language: str, name: str) -> None:
    messages = WORST[name](texts_for(language))
    assert check_messages(messages) == []
    for message in messages:
        SdkMessage.from_dict(message)


@pytest.mark.parametrize("reason", get_args(PointsReason))
def test_every_reason_has_its_words(reason: PointsReason) -> None:
    """X6."""
    words = spoken(cards.points_page(T, PointsPageView(5, (PointsLine(NOON, reason, 5),))))
    assert f'"{reason}"' not in words
    assert "+5" in words


def test_a_page_has_twenty_lines_and_the_way_on() -> None:
    messages = cards.points_page(T, PointsPageView(5, (PointsLine(NOON, "purchase", 5),) * 50, 7))
    assert spoken(messages).count("消費累點") == MAX_PAGE_LINES
    button = messages[0]["contents"]["footer"]["contents"][0]["action"]
    tap = parse_postback(button["data"])
    assert (button["label"], tap.action, dict(tap.fields)) == (
        "更多紀錄", Action.SHOW_POINTS_PAGE, {"before": "7"},
    )  # fmt: skip


def test_the_last_page_has_no_way_on() -> None:
    assert "更多紀錄" not in spoken(cards.points_page(T, PointsPageView(5, ())))


def test_an_adjustment_is_told_with_reason_and_balance() -> None:
    words = spoken(
        render("points_adjusted", {"points": -30, "reason": "重複登錄", "balance": 12}, T)
    )
    assert "−30 點" in words
    assert "重複登錄" in words
    assert "12 點" in words


def test_a_reversal_explains_itself_and_a_debt_honestly() -> None:
    """U11: the reversal's message explains; a balance below zero is shown and explained."""
    told = {
        "points": -200,
        "reason": "兌換碼外流",
        "undone_reason": "reward",
        "undone_points": 200,
        "undone_at": NOON.isoformat(),
        "balance": -150,
        "pending": 0,
        "forgiven": 0,
    }
    words = spoken(render("points_reversed", told, T))
    assert "2026/11/22 的「活動贈點」+200 點" in words
    assert "兌換碼外流" in words
    assert "−150 點" in words
    assert "接下來獲得的 150 點會先補上" in words
    assert "聯絡客服" in words

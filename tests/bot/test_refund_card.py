"""The refund card: what went back and what it moved, whatever is written on it."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from bot import Message
from bot.cards import refund_card
from bot.limits import check_messages
from bot.render import render
from bot.texts import LANGUAGES, texts_for
from bot.views import RefundView, StandingView

NOON = datetime(2026, 11, 22, 4, 3, tzinfo=UTC)
STANDING = StandingView("銀卡", "#A7B1BC", 11_200, "金卡", 15_000, 3_800, 74, date(2027, 3, 1))
LONG = "ご来店のたびにスタンプがたまる会員様だけの特別なご優待券" * 30
REFUND = RefundView("信義店", NOON, NOON, 420, 0, 4, 30, 128, STANDING)
LONGEST = RefundView(
    LONG, NOON, NOON, 10**9, 10**9, 10**9, 10**9, -(10**9), replace(STANDING, tier_name=LONG), LONG
)


def spoken(messages: list[Message]) -> str:
    """Return all of the messages as JSON, to look for words."""
    return json.dumps(messages, ensure_ascii=False)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("view", [REFUND, LONGEST])
def test_a_refund_card_stays_within_lines_limits(language: str, view: RefundView) -> None:
    assert check_messages(refund_card(texts_for(language), view)) == []


def test_a_refund_says_what_went_back_and_what_it_moved() -> None:
    said = spoken(refund_card(texts_for("zh-TW"), REFUND))

    for words in ("信義店", "NT$420", "整筆已退", "+30 點", "−4 點", "128 點", "金卡"):
        assert words in said


def test_a_partial_refund_says_what_is_left() -> None:
    said = spoken(refund_card(texts_for("zh-TW"), replace(REFUND, left_twd=80)))

    assert "NT$80" in said
    assert "整筆已退" not in said


def test_a_refund_that_changed_the_tier_names_both() -> None:
    said = spoken(refund_card(texts_for("zh-TW"), replace(REFUND, tier_before="金卡")))

    assert "金卡 → 銀卡" in said


def test_points_that_did_not_move_are_not_told() -> None:
    still = replace(REFUND, points_taken=0, points_given_back=0)
    said = spoken(refund_card(texts_for("zh-TW"), still))

    assert "退還折抵點數" not in said
    assert "收回消費點數" not in said


def test_an_owed_refund_is_drawn_from_its_words() -> None:
    t = texts_for("ja")

    assert render("refund", REFUND.to_words(), t) == refund_card(t, REFUND)

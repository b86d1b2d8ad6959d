"""The cards of coupons and rewards: whatever is written on them, LINE takes it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from linebot.v3.messaging import Message as SdkMessage

from bot import Message, cards
from bot.cards.coupons import MAX_COUPONS
from bot.cards.rewards import MAX_REWARDS
from bot.limits import check_messages
from bot.render import CouponRedeemed, render
from bot.texts import LANGUAGES, Texts, texts_for
from bot.views import CouponView, RewardView

NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
TODAY = date(2026, 11, 22)
LONG = "珍" * 5_000
COUPON = CouponView(
    LONG[:18],
    LONG,
    LONG,
    "gift",
    LONG,
    LONG,
    TODAY,
    min_spend_twd=10**9,
    cap_twd=10**9,
    days_after_opening=10**6,
    combines=True,
    pack_place=10**6,
    stores=(LONG,) * 50,
    qr_url="https://shop.example/qr/C:AAAABBBBCCCC.png",
)
REWARD = RewardView("9" * 19, LONG, LONG, LONG, 10**9, 10**9, 20, cancel_days=10**6)

all_languages = pytest.mark.parametrize("t", [texts_for(language) for language in LANGUAGES])


def assert_sendable(messages: list[Message]) -> None:
    assert check_messages(messages) == []
    for message in messages:
        SdkMessage.from_dict(message)


def spoken(messages: list[Message]) -> str:
    return json.dumps(messages, ensure_ascii=False)


@all_languages
def test_the_longest_words_fit(t: Texts) -> None:
    drawn = (
        cards.coupon_card(t, COUPON),
        cards.welcome_pack(t, [COUPON] * 3),
        cards.welcome_pack(t, [COUPON]),
        cards.reward_carousel(t, [REWARD] * 12, -(10**9)),
        cards.reward_carousel(t, [], 10**9),
        cards.reward_confirm(t, REWARD, 10**9, "k" * 64),
        cards.reward_exchanged(t, COUPON, cost_points=10**9, balance=10**9, exchange_id=2**63 - 1),
        cards.exchange_cancelled(t, LONG, points=10**9, balance=10**9),
        cards.coupon_redeemed(
            t,
            redemption_id=2**63 - 1,
            name=LONG,
            value_text=LONG,
            store_name=LONG,
            at=NOON,
            staff_id=2**63 - 1,
        ),
    )
    for messages in drawn:
        assert_sendable(messages)


@all_languages
@pytest.mark.parametrize("staff_id", [None, 7])
def test_a_use_is_drawn_from_its_words(t: Texts, staff_id: int | None) -> None:
    """U12."""
    words = CouponRedeemed(5, "招牌紅茶一杯", "免費一杯", "信義店", NOON, staff_id).to_words()
    messages = render("coupon_redeemed", json.loads(json.dumps(words)), t)
    assert_sendable(messages)
    assert "action=not_me&redemption=5" in spoken(messages)


@pytest.mark.parametrize(
    ("kind", "name"),
    [("gift", "贈品券"), ("free_shipping", "免運券"), ("percent", "折扣券")],
)
def test_a_coupon_is_called_by_its_kind(kind: Any, name: str) -> None:
    view = CouponView("1", "券", "", kind, "1", "AAAABBBBCCCC", TODAY)
    said = spoken(cards.coupon_card(texts_for("zh-TW"), view))
    assert name in said
    assert "AAAA BBBB CCCC" in said


def test_a_carousel_draws_lines_most() -> None:
    t = texts_for("zh-TW")
    reward = RewardView("1", "袋", "", "袋", 5)
    (wallet,) = cards.welcome_pack(t, [COUPON] * 20)
    (rewards,) = cards.reward_carousel(t, [reward] * 20, 10)
    assert len(wallet["contents"]["contents"]) == MAX_COUPONS
    assert len(rewards["contents"]["contents"]) == MAX_REWARDS


WORDS = st.text(max_size=400)
POINTS = st.integers(-(10**9), 10**9)
REWARDS = st.builds(
    RewardView,
    id=st.integers(1, 2**63 - 1).map(str),
    name=WORDS,
    description=WORDS,
    value_text=WORDS,
    cost_points=st.integers(1, 10**9),
    missing_points=st.integers(0, 10**9),
    stock_left=st.none() | st.integers(0, 10**9),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rewards=st.lists(REWARDS, max_size=14), balance=POINTS)
def test_whatever_a_reward_says_line_takes_it(rewards: list[RewardView], balance: int) -> None:
    t = texts_for("ja")
    assert_sendable(cards.reward_carousel(t, rewards, balance))
    for reward in rewards[:2]:
        assert_sendable(cards.reward_confirm(t, reward, balance, "key"))

"""Cards of stamp cards and paid plans: within LINE's limits whatever is written on them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from linebot.v3.messaging import Message as SdkMessage

from bot import Message, cards
from bot.cards.plans import MAX_BENEFITS, MAX_OFFERS, benefit_lines
from bot.cards.stamps import MAX_BONUSES, MAX_CARDS, MAX_DRAWN_STAMPS
from bot.limits import check_messages
from bot.plan_views import (
    PlanBenefit,
    PlanNewsView,
    PlanOffer,
    PlanRequestView,
    PlansView,
)
from bot.render import render
from bot.texts import LANGUAGES, Texts, texts_for
from bot.views import StampBonusView, StampView
from models.benefit import KINDS

DAY = date(2026, 12, 22)
LONG_TEXT = "ご来店のたびにスタンプがたまる会員様だけの特別なご優待券" * 4
BENEFITS = tuple(
    PlanBenefit(kind, 300, (1, 2, 3, 4, 5, 6, 7), (), LONG_TEXT, 3, 300, 24) for kind in KINDS
)
LONG_OFFER = PlanOffer("x" * 40, LONG_TEXT, "#C9A24B", "yearly", 10**6, 255, BENEFITS)
NEWS = PlanNewsView(LONG_OFFER, DAY, 14)
BONUS = StampBonusView("window", 20, (), None, DAY, DAY)
LONG_CARD = StampView(
    LONG_TEXT,
    MAX_DRAWN_STAMPS,
    39,
    LONG_TEXT,
    99,
    DAY,
    DAY,
    10**6,
    10**6,
    60,
    (
        replace(BONUS, kind="weekday", weekdays=(1, 2, 3, 4, 5, 6, 7)),
        replace(BONUS, kind="category", category=LONG_TEXT),
        replace(BONUS, kind="first_visit"),
        BONUS,
        BONUS,
    ),
)
FULLEST: dict[str, Callable[[Texts], list[Message]]] = {
    "offers": lambda t: cards.plans_page(t, PlansView("none", (LONG_OFFER,) * 12)),
    "no offers": lambda t: cards.plans_page(t, PlansView("none", ())),
    "held": lambda t: cards.plans_page(t, PlansView("active", (), LONG_OFFER, DAY)),
    "cancelled": lambda t: cards.plans_page(t, PlansView("active", (), LONG_OFFER, DAY, True)),
    "revoked": lambda t: cards.plans_page(t, PlansView("revoked", (LONG_OFFER,))),
    "reapplied": lambda t: cards.plans_page(t, PlansView("reapplied", (LONG_OFFER,))),
    "request": lambda t: cards.plan_request_card(
        t, PlanRequestView(LONG_OFFER, "X" * 12, "https://shop.example/qr/x.png", DAY, True, DAY)
    ),
    "question": lambda t: cards.plan_cancel_question(t, NEWS),
    "said no": lambda t: cards.plan_cancelled(t, NEWS),
    "asked again": cards.plan_reapplied,
    "stamps": lambda t: cards.stamp_carousel(t, [LONG_CARD]),
    "many stamps": lambda t: cards.stamp_carousel(t, [replace(LONG_CARD, size=15)] * 12),
    "few and many": lambda t: cards.stamp_carousel(t, [LONG_CARD, replace(LONG_CARD, size=3)]),
}
OWED: dict[str, dict[str, Any]] = {
    "plan_started": NEWS.to_words(),
    "plan_renewed": NEWS.to_words(),
    "plan_ending": NEWS.to_words(),
    "plan_ended": NEWS.to_words() | {"state": "revoked"},
    "stamps_ending": LONG_CARD.to_words(),
}

all_languages = pytest.mark.parametrize("t", [texts_for(language) for language in LANGUAGES])


def assert_sendable(messages: list[Message]) -> None:
    """Hold messages against LINE's limits and its SDK's models."""
    assert check_messages(messages) == []
    for message in messages:
        SdkMessage.from_dict(message)


@all_languages
@pytest.mark.parametrize("name", FULLEST)
def test_the_longest_words_stay_within_lines_limits(name: str, t: Texts) -> None:
    assert_sendable(FULLEST[name](t))


@all_languages
@pytest.mark.parametrize("kind", OWED)
def test_owed_news_is_drawn_when_it_is_sent(kind: str, t: Texts) -> None:
    assert_sendable(render(kind, OWED[kind], t))


def test_so_many_cards_and_offers_are_shown() -> None:
    t = texts_for("zh-TW")
    shown = [FULLEST[name](t)[0]["contents"]["contents"] for name in ("offers", "many stamps")]
    assert [len(bubbles) for bubbles in shown] == [MAX_OFFERS, MAX_CARDS]


def test_every_kind_of_benefit_has_words_but_the_upgrade_gift() -> None:
    t = texts_for("zh-TW")
    spoken = [benefit_lines(t, replace(LONG_OFFER, benefits=(each,)))[1:] for each in BENEFITS]
    silent = [each.kind for each, lines in zip(BENEFITS, spoken, strict=True) if not lines]
    assert silent == ["upgrade_gift"]
    assert len(benefit_lines(t, LONG_OFFER)) == MAX_BENEFITS


def test_the_last_day_and_a_day_of_double_points_are_said_in_words() -> None:
    t = texts_for("zh-TW")
    last = str(cards.plan_ending(t, replace(NEWS, days=0)))
    assert "今天是最後一天" in last
    days = PlanBenefit("points_multiplier", 250, (), (8, 18))
    shipping = [PlanBenefit("free_shipping", times_a_month=2), PlanBenefit("free_shipping")]
    offer = replace(LONG_OFFER, points_percent=100, benefits=(days, *shipping))
    assert benefit_lines(t, offer) == [
        "每月 8、18 日會員日，點數 2.5 倍",
        "每月 2 次免運費",
        "訂單免運費",
    ]
    assert benefit_lines(t, replace(offer, benefits=())) == ["會員專屬優惠通知"]


def test_a_stamp_bonus_says_when_it_holds() -> None:
    t = texts_for("zh-TW")
    card = replace(LONG_CARD, per_twd=None, min_spend_twd=0, expires_on=None, bonuses=())
    assert "每次消費集 1 格" in str(cards.stamp_carousel(t, [card]))
    assert "集第一格後 60 天內有效" in str(cards.stamp_carousel(t, [card]))
    open_ended = replace(BONUS, starts_on=None)
    assert "到 2026/12/22 為止" in str(
        cards.stamp_carousel(t, [replace(card, bonuses=(open_ended,) * (MAX_BONUSES + 1))])
    )

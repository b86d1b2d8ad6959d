"""Cards of invitations, missions, lotteries and reviews: within LINE's limits, and clear."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from urllib.parse import unquote

import pytest
from linebot.v3.messaging import Message as SdkMessage

from bot import Message
from bot.activity_views import (
    BadgeView,
    DrawnView,
    GiftView,
    InvitedView,
    LotteryView,
    MissionsView,
    MissionView,
    PostedView,
    PrizeView,
    RateableView,
    ReferralRewardedView,
    ReferralView,
    WallView,
)
from bot.cards import lottery, missions, referral, reviews
from bot.cards.activity import reward_line
from bot.limits import check_messages
from bot.render import render
from bot.texts import LANGUAGES, Texts, texts_for

NOON = datetime(2026, 11, 22, 4, 3, 25, tzinfo=UTC)
TODAY = date(2026, 11, 22)
LONG = "ご来店のたびにスタンプがたまる会員様だけの特別なご優待👨‍👩‍👧‍👦" * 12
GIFT = GiftView(points=20, coupon="入會禮折價券")
LONG_GIFT = GiftView(10**9, 10**9, LONG, LONG, 20, LONG)
INVITED = tuple(
    InvitedView("林○晴", state, TODAY, TODAY, is_over_cap=state == "refused")
    for state in ("claimed", "qualified", "rewarded", "refused", "clawed_back")
)
REFERRAL = ReferralView(
    "茶日子",
    "ABCD2345",
    "https://shop.example/i/ABCD2345",
    "https://shop.example/i/ABCD2345/qr.png",
    GIFT,
    GIFT,
    100,
    1,
    7,
    5,
    2,
    INVITED,
)
MISSIONS = MissionsView(
    (
        MissionView(
            "a",
            "連續簽到七天",
            "streak",
            "checkin",
            7,
            3,
            1000,
            2,
            GiftView(points=5, badge="天天報到"),
            "day",
        ),
        MissionView(
            "b",
            "本季喝五杯（單筆滿 NT$50）",
            "count",
            "purchase",
            5,
            2,
            4,
            1,
            GiftView(points=10, lottery="歲末感恩抽獎", tickets=1),
            ends_at=NOON,
        ),
        MissionView(
            "c",
            "三家門市走透透",
            "set",
            "visit_store",
            3,
            3,
            1,
            1,
            GiftView(points=30, badge="門市踩點王"),
        ),
        MissionView(
            "d",
            "連續四週都來喝茶",
            "streak",
            "purchase",
            4,
            0,
            12,
            0,
            GiftView(coupon="任選中杯飲品一杯"),
            "week",
        ),
        MissionView("e", "喝遍三種茶", "set", "category", 3, 1, 1, 0, GIFT),
        MissionView("f", "寫三則評論", "count", "review", 3, 1, 1, 0, GIFT),
        MissionView("g", "推薦兩位好友", "count", "referral", 2, 1, 1, 0, GIFT),
    )
)
BADGES = [
    BadgeView("門市踩點王", "🧭", TODAY),
    BadgeView("品茶達人", "🍵", TODAY),
    BadgeView("揪團主", "🤝"),
    BadgeView("天天報到", "🏮"),
]
PRIZES = (
    PrizeView("一等獎：點數 500 點", 1_000, 3, 0),
    PrizeView("二等獎：中杯飲品一杯", 50_000, 100, 64),
    PrizeView("三等獎：點數 10 點", 300_000, 1_000, 870),
)
LOTTERY = LotteryView(
    "year-end", "歲末感恩抽獎", NOON, PRIZES, 2, "17", 20, 200, 3, GiftView(points=5), "k"
)
WON = DrawnView(
    "歲末感恩抽獎",
    "prize",
    1234,
    NOON,
    GiftView(coupon="任選中杯飲品一杯"),
    "二等獎：中杯飲品一杯",
    tickets_left=1,
    next_ticket_id="18",
)
PURCHASES = [
    RateableView("1", "信義店", NOON, 65),
    RateableView("2", "師大店", NOON, 130, 4),
    RateableView("3", "台中公益店", NOON, 55, 5, is_open=False),
    RateableView("4", "信義店", NOON, 55, 0, is_open=False),
]
WALL = WallView(
    "茶日子",
    128,
    460,
    tuple(
        PostedView("林○晴", stars, words, "信義店", TODAY)
        for stars, words in (
            (5, "茶香很濃，微糖剛剛好，會再來！"),
            (4, "午餐時間要等一下。"),
            (3, "冰塊有點多。"),
        )
    ),
)

Draw = Callable[[Texts], list[Message]]
CARDS: dict[str, Draw] = {
    "referral": lambda t: referral.referral_card(t, REFERRAL),
    "referral_new": lambda t: referral.referral_card(
        t, replace(REFERRAL, invited=(), on_order=2, min_spend_twd=0, wait_days=0)
    ),
    "referral_long": lambda t: referral.referral_card(
        t,
        replace(
            REFERRAL,
            shop_name=LONG,
            link="https://shop.example/" + "x" * 300,
            mine=LONG_GIFT,
            friends=LONG_GIFT,
            invited=(replace(INVITED[0], name=LONG),) * 30,
        ),
    ),
    "referral_closed": referral.referral_closed,
    "referral_claimed": lambda t: referral.referral_claimed(t, LONG_GIFT, min_spend_twd=100),
    "referral_claimed_any": lambda t: referral.referral_claimed(t, GIFT, min_spend_twd=0),
    "referral_rewarded": lambda t: referral.referral_rewarded(
        t, ReferralRewardedView("referrer", "林○晴", GIFT)
    ),
    "referral_friend": lambda t: referral.referral_rewarded(
        t, ReferralRewardedView("friend", LONG, LONG_GIFT)
    ),
    "missions": lambda t: missions.mission_carousel(t, MISSIONS),
    "missions_none": lambda t: missions.mission_carousel(t, MissionsView(())),
    "missions_long": lambda t: missions.mission_carousel(
        t,
        MissionsView(
            (replace(MISSIONS.missions[1], name=LONG, reward=LONG_GIFT, done=10**6, goal=10**9),)
            * 30
        ),
    ),
    "checked_in": lambda t: missions.checked_in(t, MISSIONS, is_first=True),
    "checked_in_again": lambda t: missions.checked_in(t, MissionsView(()), is_first=False),
    "check_in_closed": missions.check_in_closed,
    "badges": lambda t: missions.badge_card(t, BADGES),
    "badges_none": lambda t: missions.badge_card(t, []),
    "badges_long": lambda t: missions.badge_card(t, [BadgeView(LONG, LONG, TODAY)] * 50),
    "lottery": lambda t: lottery.lottery_cards(t, [LOTTERY]),
    "lottery_none": lambda t: lottery.lottery_cards(t, []),
    "lottery_plain": lambda t: lottery.lottery_cards(
        t,
        [
            replace(
                LOTTERY,
                tickets=0,
                ticket_id=None,
                ticket_points=None,
                purchase_twd=None,
                consolation=None,
                prizes=(PrizeView("全都有", 1_000_000, 5, 5),),
            )
        ],
    ),
    "lottery_long": lambda t: lottery.lottery_cards(
        t,
        [
            replace(
                LOTTERY,
                name=LONG,
                prizes=(PrizeView(LONG, 1, 10**9, 10**9),) * 20,
                consolation=LONG_GIFT,
            )
        ]
        * 2,
    ),
    "won": lambda t: lottery.drawn_card(t, WON),
    "won_long": lambda t: lottery.drawn_card(
        t, replace(WON, lottery_name=LONG, prize_name=LONG, reward=LONG_GIFT)
    ),
    "consoled": lambda t: lottery.drawn_card(
        t, replace(WON, outcome="consolation", was_out_of_stock=True, next_ticket_id=None)
    ),
    "missed": lambda t: lottery.drawn_card(t, replace(WON, outcome="none", prize_name=None)),
    "missed_stock": lambda t: lottery.drawn_card(
        t, replace(WON, outcome="none", was_out_of_stock=True)
    ),
    "purchases": lambda t: reviews.purchases_card(t, PURCHASES),
    "purchases_none": lambda t: reviews.purchases_card(t, []),
    "purchases_long": lambda t: reviews.purchases_card(
        t, [replace(PURCHASES[0], store_name=LONG, paid_twd=10**9)] * 20
    ),
    "rated": lambda t: reviews.rated(t, stars=5, points=5),
    "rated_again": lambda t: reviews.rated(t, stars=1, points=0),
    "reviewed": reviews.reviewed,
    "wall": lambda t: reviews.review_wall(t, WALL),
    "wall_none": lambda t: reviews.review_wall(t, replace(WALL, posted=())),
    "wall_long": lambda t: reviews.review_wall(
        t, WallView(LONG, 10**9, 500, (PostedView(LONG, 5, LONG, LONG, TODAY),) * 20)
    ),
    "community": lambda t: reviews.community_card(t, LONG, "https://line.me/ti/g2/tea"),
    "community_closed": lambda t: reviews.community_closed(t, LONG),
    "community_none": lambda t: reviews.community_closed(t, None),
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", list(CARDS))
def test_every_card_keeps_lines_limits(name: str, language: str) -> None:
    messages = CARDS[name](texts_for(language))

    assert check_messages(messages) == []
    for message in messages:
        SdkMessage.from_dict(message)


def test_an_invitation_too_long_to_share_names_its_link_only() -> None:
    t = texts_for("zh-TW")
    short = referral.share_uri(t, REFERRAL)
    long = referral.share_uri(t, replace(REFERRAL, link="https://shop.example/" + "x" * 700))

    assert "ABCD2345" in unquote(short)
    assert max(len(short), len(long)) <= 1000
    assert unquote(long).endswith("x" * 700)


def test_a_reward_is_said_in_one_line() -> None:
    t = texts_for("zh-TW")

    assert reward_line(t, GIFT) == "20 點＋優惠券「入會禮折價券」"
    assert reward_line(t, GiftView()) == "一份心意"


def test_odds_are_written_exactly() -> None:
    """E-07: odds as published, without rounding."""
    told = [lottery.percent(ppm) for ppm in (1, 125, 12_500, 333_333, 1_000_000)]

    assert told == ["0.0001%", "0.0125%", "1.25%", "33.3333%", "100%"]


@pytest.mark.parametrize("reason", ["closed", "self", "former_member", "same_device", "new one"])
def test_every_refusal_has_its_words(reason: str) -> None:
    assert referral.refused_words(texts_for("zh-TW"), reason)


@pytest.mark.parametrize(
    "code", ["lottery_closed", "no_ticket", "insufficient_points", "ticket_not_sold", "other"]
)
def test_every_refused_draw_has_its_words(code: str) -> None:
    t = texts_for("zh-TW")

    assert check_messages(lottery.lottery_refused(t, code, day_cap=3)) == []
    assert check_messages(lottery.lottery_refused(t, code)) == []


@pytest.mark.parametrize("code", ["review_closed", "review_too_long", "not_reviewable"])
def test_every_refused_review_has_its_words(code: str) -> None:
    assert check_messages(reviews.review_refused(texts_for("zh-TW"), code, longest=300)) == []


def test_what_is_owed_is_drawn_from_its_words() -> None:
    """B-20: both are told in the chat."""
    words = ReferralRewardedView("referrer", "林○晴", GIFT).to_words()

    messages = render("referral_rewarded", words, texts_for("zh-TW"))

    assert "推薦成功" in json.dumps(messages, ensure_ascii=False)

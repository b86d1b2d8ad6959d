"""Every card: within LINE's limits whatever is written on it, and saying what it must say."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from linebot.v3.messaging import Message as SdkMessage

from bot import Message, cards
from bot.cards.colour import INK, LEAF, PAPER, QUIET, READABLE, SUN, TEA, WARM, contrast, theme_for
from bot.cards.coupons import MAX_COUPONS
from bot.cards.parts import clip, clip_clusters, progress_bar
from bot.cards.problems import MAX_NAME_CLUSTERS, Problem
from bot.cards.stamps import MAX_DRAWN_STAMPS, STAMPS_PER_ROW, stamps_drawn
from bot.limits import check_messages, grapheme_length, utf16_length
from bot.render import (
    BirthdayGift,
    CouponExpiry,
    TierDown,
    UnknownMessageKind,
    WelcomeBack,
    WinBack,
    render,
)
from bot.texts import LANGUAGES, Texts, texts_for
from bot.views import (
    CardView,
    CouponView,
    NoticeView,
    PointsLine,
    PointsReason,
    PointsView,
    ProfileView,
    ReceiptView,
    StampedCard,
    StampView,
    StandingView,
    TierStep,
    TierView,
    View,
)

NOON = datetime(2026, 11, 22, 4, 3, 25, tzinfo=UTC)  # 12:03:25 in Taipei.
TODAY = date(2026, 11, 22)
QR_URL = "https://shop.example/qr/" + "t" * 120 + ".png"

FAMILY = "👨‍👩‍👧‍👦"
LONG_NAME = FAMILY * MAX_NAME_CLUSTERS
LONG_TEXT = "ご来店のたびにスタンプがたまる会員様だけの特別なご優待券" * 4
TALLEST_STANDING = StandingView(
    LONG_TEXT, "#C9A24B", 10**9, LONG_TEXT, 10**9, 10**9, 99, TODAY, TODAY
)
STANDING = StandingView("銀卡", "#A7B1BC", 11_200, "金卡", 15_000, 3_800, 74, TODAY, TODAY)
TOP_STANDING = StandingView("黑卡", "#1E1E22", 42_000, percent=100, keep_until=TODAY)
COUPON = CouponView(
    "12", "生日好禮", "不限品項", "amount", "NT$50", "TD7K29QXABCD", TODAY, min_spend_twd=100
)
LONG_COUPON = CouponView(
    "f" * 36,
    LONG_TEXT,
    LONG_TEXT,
    "percent",
    LONG_TEXT,
    "X" * 40,
    TODAY,
    valid_from=TODAY,
    min_spend_twd=10**6,
    qr_url=QR_URL,
)
LONG_STEP = TierStep(LONG_TEXT, "#C9A24B", 10**9, (LONG_TEXT,) * 16)
CARD = CardView("茶日子 Tea Days", "林小美", "8210 4417 3", STANDING, 1280, 3, QR_URL, NOON)
RECEIPT = ReceiptView(
    "中山店",
    170,
    50,
    120,
    4,
    1284,
    NOON,
    STANDING,
    stamp_cards=(StampedCard("集點卡", 1, 7, 10),),
)
LONG_RECEIPT = ReceiptView(
    LONG_TEXT,
    10**9,
    10**9,
    10**9,
    10**9,
    10**9,
    NOON,
    TALLEST_STANDING,
    member_discount_twd=10**8,
    points_used=10**9,
    points_twd=10**9,
    points_usable_on=TODAY,
    coupon_names=(LONG_TEXT,) * 10,
    bonus_names=(LONG_TEXT,) * 10,
    stamp_cards=(StampedCard(LONG_TEXT, 40, 40, 40, LONG_TEXT),) * 10,
    upgraded_to=LONG_STEP,
    upgraded_from=LONG_TEXT,
    purchase_id=10**18,
    redeems=True,
)
STEPS = (
    TierStep("一般", "#4E8A5C", 0, ("會員優惠",), reached=True),
    TierStep("銀卡", "#A7B1BC", 5_000, ("生日禮",), reached=True, current=True),
    TierStep("金卡", "#C9A24B", 15_000, ("點數 1.5 倍", "免費升級大杯")),
)
PROFILE = ProfileView(
    "林小美", "0912-•••-678", date(1995, 5, 20), "zh-TW", True, TODAY, "2026-11-01"
)

FULLEST: dict[str, Callable[[Texts], list[Message]]] = {
    "greeting": lambda t: cards.greeting(t, LONG_TEXT, is_back=True, is_member=False),
    "greeting a member": lambda t: cards.greeting(t, LONG_TEXT, is_back=True, is_member=True),
    "not a member": cards.not_a_member,
    "notice": lambda t: cards.notice(
        t, NoticeView("2026-11-01", LONG_TEXT, ((LONG_TEXT, LONG_TEXT * 8),) * 6)
    ),
    "name": lambda t: cards.ask_name(t, line_name=LONG_NAME),
    "phone": cards.ask_phone,
    "birthday": lambda t: cards.ask_birthday(
        t, initial=TODAY, earliest=date(1900, 1, 1), latest=TODAY
    ),
    "marketing question": cards.marketing_question,
    "registered": lambda t: cards.registered(t, LONG_NAME, LONG_TEXT * 100),
    "member card": lambda t: cards.member_card(
        t,
        CardView(LONG_TEXT, LONG_NAME, "8210 4417 3", TALLEST_STANDING, 10**9, 999, QR_URL, NOON),
    ),
    "points": lambda t: cards.points_card(
        t,
        PointsView(
            10**9,
            (PointsLine(NOON, "purchase", -(10**9), LONG_TEXT),) * 50,
            ((TODAY, 10**9),) * 50,
            10**6,
            1055,
        ),
    ),
    "stamps": lambda t: cards.stamp_card(
        t, StampView(LONG_TEXT, MAX_DRAWN_STAMPS, 39, LONG_TEXT, 99, TODAY)
    ),
    "no stamps": lambda t: cards.stamp_card(t, None),
    "coupons": lambda t: cards.coupon_carousel(
        t, [replace(LONG_COUPON, state="later")] * 6 + [LONG_COUPON] * 6
    ),
    "no coupons": lambda t: cards.coupon_carousel(t, []),
    "coupon": lambda t: cards.coupon_card(t, LONG_COUPON),
    "tiers": lambda t: cards.tier_card(t, TierView(TALLEST_STANDING, (LONG_STEP,) * 10)),
    "tier lost": lambda t: cards.tier_down_notice(t, TALLEST_STANDING, LONG_TEXT),
    "profile": lambda t: cards.profile_card(
        t, ProfileView(LONG_NAME, LONG_TEXT, TODAY, LONG_TEXT, False, TODAY, LONG_TEXT)
    ),
    "language": cards.language_choice,
    "deletion": lambda t: cards.delete_confirm(t, "k" * 200, points=10**9, usable_coupons=10**9),
    "deleted": cards.deleted,
    "marketing on": lambda t: cards.marketing_changed(t, is_on=True),
    "marketing off": lambda t: cards.marketing_changed(t, is_on=False),
    "help": lambda t: cards.help_card(t, is_member=True),
    "help for a guest": lambda t: cards.help_card(t, is_member=False),
    "fallback": lambda t: cards.fallback(t, is_member=False),
    "contact": lambda t: cards.contact_staff(
        t, LONG_TEXT, phone="+886 2-2555-0123", hours=LONG_TEXT, is_member=True
    ),
    "contact without phone": lambda t: cards.contact_staff(
        t, LONG_TEXT, phone=None, hours=None, is_member=False
    ),
    "text": lambda t: cards.notice_text(t, LONG_TEXT * 100),
    "receipt": lambda t: cards.receipt_card(t, LONG_RECEIPT),
    "birthday gift": lambda t: cards.birthday_gift(t, LONG_COUPON, LONG_NAME),
    "coupon expiry": lambda t: cards.coupon_expiry_reminder(t, [LONG_COUPON] * 40),
    "win back": lambda t: cards.win_back(t, LONG_COUPON, LONG_NAME, 3650),
    "win back without gift": lambda t: cards.win_back(t, None, LONG_NAME, 3650),
}
MARKETING: dict[str, Callable[[Texts], list[Message]]] = {
    "birthday gift": lambda t: cards.birthday_gift(t, COUPON, "林小美"),
    "coupon expiry": lambda t: cards.coupon_expiry_reminder(t, [COUPON]),
    "win back": lambda t: cards.win_back(t, COUPON, "林小美", 95),
    "win back without gift": lambda t: cards.win_back(t, None, "林小美", 95),
}

all_languages = pytest.mark.parametrize("t", [texts_for(language) for language in LANGUAGES])


def kept(ours: Any, theirs: Any) -> bool:
    """Tell whether LINE's model kept everything we wrote: it drops what it does not know."""
    if isinstance(ours, dict):
        return all(key in theirs and kept(value, theirs[key]) for key, value in ours.items())
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(kept, ours, theirs))
    return bool(ours == theirs)


def assert_sendable(messages: list[Message]) -> None:
    assert check_messages(messages) == []
    for message in messages:
        assert kept(message, SdkMessage.from_dict(message).to_dict())


def spoken(messages: list[Message]) -> str:
    """Return all of the messages as JSON, to look for words."""
    return json.dumps(messages, ensure_ascii=False)


def replies(messages: list[Message]) -> list[str]:
    """Return the data of the quick replies shown."""
    return [item["action"]["data"] for item in messages[-1]["quickReply"]["items"]]


# --- LINE's limits


@all_languages
@pytest.mark.parametrize("name", FULLEST)
def test_the_longest_words_stay_within_lines_limits(name: str, t: Texts) -> None:
    assert_sendable(FULLEST[name](t))


@all_languages
@pytest.mark.parametrize("problem", get_args(Problem))
def test_every_problem_has_its_words(problem: Problem, t: Texts) -> None:
    messages = cards.registration_problem(t, problem)

    assert_sendable(messages)
    assert messages[0]["quickReply"]["items"]


SIGNS = st.sampled_from([FAMILY, "茶", "é", "a", " ", "\n", "́", "🎂", '"', "\\", "{x}", "‮"])
WORDS = st.lists(SIGNS, max_size=60).map("".join)
DAYS = st.dates(date(1900, 1, 1), date(2100, 12, 31))
MOMENTS = DAYS.map(lambda day: datetime(day.year, day.month, day.day, 20, 30, tzinfo=UTC))
COUNTS = st.integers(0, 10**9)
STANDINGS = st.builds(
    StandingView,
    tier_name=WORDS,
    tier_colour=st.one_of(WORDS, st.from_regex(r"#[0-9a-f]{6}", fullmatch=True)),
    spend_twd=COUNTS,
    next_name=st.none() | WORDS,
    next_threshold_twd=st.none() | COUNTS,
    gap_twd=st.none() | COUNTS,
    percent=st.integers(-5, 120),
    deadline=st.none() | DAYS,
    keep_until=st.none() | DAYS,
)
TIER_STEPS = st.builds(
    TierStep, name=WORDS, colour=WORDS, benefits=st.lists(WORDS, max_size=12).map(tuple)
)
COUPONS = st.builds(
    CouponView,
    id=st.uuids().map(str),
    name=WORDS,
    description=WORDS,
    value_text=WORDS,
    code=WORDS,
    valid_until=DAYS,
    valid_from=st.none() | DAYS,
    min_spend_twd=st.none() | COUNTS,
    qr_url=st.none() | st.just(QR_URL),
)
POINTS_LINES = st.builds(
    PointsLine, at=MOMENTS, points=st.integers(-(10**9), 10**9), store_name=st.none() | WORDS
)
MESSAGES = st.one_of(
    st.builds(
        lambda t, view: cards.member_card(t, view),
        st.sampled_from([texts_for(language) for language in LANGUAGES]),
        st.builds(
            CardView,
            shop_name=WORDS,
            member_name=WORDS,
            member_number=WORDS,
            standing=STANDINGS,
            qr_url=st.none() | st.just(QR_URL),
            qr_until=st.none() | MOMENTS,
        ),
    ),
    st.builds(
        lambda view: cards.points_card(texts_for("en"), view),
        st.builds(
            PointsView,
            balance=COUNTS,
            lines=st.lists(POINTS_LINES, max_size=8).map(tuple),
            expiring=st.lists(st.tuples(DAYS, COUNTS), max_size=8).map(tuple),
            earn_per_twd=st.integers(1, 1000),
            multiplier_percent=st.integers(100, 1000),
        ),
    ),
    st.builds(
        lambda view: cards.stamp_card(texts_for("ja"), view),
        st.builds(
            StampView,
            programme_name=WORDS,
            size=st.integers(1, 200),
            stamps=st.integers(0, 250),
            reward_name=WORDS,
            expires_on=st.none() | DAYS,
        ),
    ),
    st.builds(
        lambda coupons: cards.coupon_carousel(texts_for("ja"), coupons),
        st.lists(COUPONS, max_size=14),
    ),
    st.builds(
        lambda standing, steps: cards.tier_card(texts_for("en"), TierView(standing, steps)),
        STANDINGS,
        st.lists(TIER_STEPS, max_size=12).map(tuple),
    ),
    st.builds(
        lambda view: cards.receipt_card(texts_for("zh-TW"), view),
        st.builds(
            ReceiptView,
            store_name=WORDS,
            at=MOMENTS,
            standing=STANDINGS,
            points_usable_on=st.none() | DAYS,
            coupon_names=st.lists(WORDS, max_size=6).map(tuple),
            bonus_names=st.lists(WORDS, max_size=6).map(tuple),
            stamp_cards=st.lists(
                st.builds(StampedCard, name=WORDS, reward_name=st.none() | WORDS), max_size=6
            ).map(tuple),
            upgraded_to=st.none() | TIER_STEPS,
            upgraded_from=st.none() | WORDS,
            purchase_id=st.none() | st.integers(1, 2**62),
        ),
    ),
    st.builds(
        lambda shop, name: (
            cards.greeting(texts_for("en"), shop, is_back=False, is_member=False)
            + cards.ask_name(texts_for("en"), line_name=name)
        ),
        WORDS,
        WORDS,
    ),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(messages=MESSAGES)
def test_whatever_is_written_on_a_card_line_takes_it(messages: list[Message]) -> None:
    assert_sendable(messages)


@given(words=WORDS, most=st.integers(2, 40))
def test_clipped_words_fit_and_are_cut_between_characters(words: str, most: int) -> None:
    assert utf16_length(clip(words, most)) <= most
    assert grapheme_length(clip_clusters(words, most)) <= most
    if utf16_length(words) <= most:
        assert clip(words, most) == words


def test_a_family_is_not_torn_apart() -> None:
    assert clip(FAMILY * 3, 2 * utf16_length(FAMILY) + 1) == FAMILY * 2 + "…"


# --- colours


@given(colour=st.from_regex(r"#[0-9a-fA-F]{6}", fullmatch=True))
def test_every_tier_colour_makes_a_card_one_can_read(colour: str) -> None:
    theme = theme_for(colour)

    for stop in theme.stops:
        assert contrast(theme.ink, stop) >= READABLE
        assert contrast(theme.faint, stop) >= READABLE
    assert contrast(theme.badge, theme.ink) >= READABLE
    assert contrast(theme.accent, PAPER) >= READABLE


def test_a_colour_one_cannot_read_becomes_the_house_colour() -> None:
    assert theme_for("gold") == theme_for(TEA)


def test_a_black_card_has_light_text_and_a_silver_card_dark_text() -> None:
    assert theme_for("#1E1E22").ink == PAPER
    assert theme_for("#A7B1BC").ink != PAPER


@pytest.mark.parametrize("ink", [INK, QUIET, TEA, WARM])
@pytest.mark.parametrize("ground", [PAPER, LEAF, SUN])
def test_the_house_colours_can_be_read(ink: str, ground: str) -> None:
    assert contrast(ink, ground) >= READABLE


# --- the member card


@all_languages
def test_a_card_at_the_counter_shows_code_number_and_its_end(t: Texts) -> None:
    said = spoken(cards.member_card(t, CARD))

    assert QR_URL in said
    assert "8210 4417 3" in said
    assert "12:03:25" in said
    assert t("更新條碼") in said


def test_the_tap_for_the_code_closes_the_menu_that_would_cover_it() -> None:
    card = cards.member_card(texts_for("zh-TW"), CARD)[0]
    refresh = card["contents"]["footer"]["contents"][0]["action"]

    assert refresh["data"] == "action=show_card"
    assert refresh["inputOption"] == "closeRichMenu"


@all_languages
def test_a_pushed_card_offers_to_show_the_code(t: Texts) -> None:
    said = spoken(cards.member_card(t, replace(CARD, qr_url=None, qr_until=None)))

    assert t("出示會員條碼") in said
    assert t("更新條碼") not in said
    assert "8210 4417 3" in said


def test_a_card_says_the_way_to_the_next_tier_and_until_when() -> None:
    """E-06: bar, gap, deadline, what is kept until when."""
    said = spoken(cards.member_card(texts_for("zh-TW"), CARD))

    assert "再消費 NT$3,800 升級金卡" in said
    assert '"width": "74%"' in said
    assert "此差額算到 2026/11/22（近 365 天）" in said
    assert "銀卡資格保留至 2026/11/22" in said


def test_a_card_at_the_top_names_no_next_tier() -> None:
    said = spoken(cards.member_card(texts_for("zh-TW"), replace(CARD, standing=TOP_STANDING)))

    assert "最高等級" in said
    assert "再消費" not in said


def test_an_empty_bar_has_no_inner_box_and_a_full_one_fills() -> None:
    assert progress_bar(0, TEA, PAPER)["contents"] == []
    assert progress_bar(-3, TEA, PAPER)["contents"] == []
    assert progress_bar(130, TEA, PAPER)["contents"][0]["width"] == "100%"


# --- stamps


def test_as_many_stamps_are_drawn_as_were_collected() -> None:
    drawn = stamps_drawn(StampView("集點卡", 8, 3, "珍奶"))
    signs = [
        circle["contents"][0]["text"] for line in drawn["contents"] for circle in line["contents"]
    ]

    assert signs == ["🧋", "🧋", "🧋", "4", "5", "6", "7", "🎁"]
    assert len(drawn["contents"][0]["contents"]) == STAMPS_PER_ROW


def test_a_full_stamp_card_says_where_the_reward_is() -> None:
    said = spoken(cards.stamp_card(texts_for("zh-TW"), StampView("集點卡", 8, 8, "珍奶")))

    assert "珍奶已放進您的優惠券" in said


# --- coupons


def test_a_wallet_shows_lines_most_and_counts_all() -> None:
    message = cards.coupon_carousel(texts_for("en"), [COUPON] * 13)[0]

    assert len(message["contents"]["contents"]) == MAX_COUPONS
    assert "13" in message["altText"]


def test_an_empty_wallet_says_how_to_get_a_coupon() -> None:
    said = spoken(cards.coupon_carousel(texts_for("zh-TW"), []))

    assert "想拿到優惠券，可以這樣做" in said


@pytest.mark.parametrize("state", ["later", "locked", "used", "expired", "void"])
def test_only_a_usable_coupon_can_be_shown_to_a_clerk(state: Any) -> None:
    coupon = replace(COUPON, state=state, qr_url=QR_URL)

    assert "show_coupon&" not in spoken(cards.coupon_carousel(texts_for("zh-TW"), [coupon]))
    assert QR_URL not in spoken(cards.coupon_card(texts_for("zh-TW"), coupon))


def test_a_coupon_says_value_code_validity_and_least_spend() -> None:
    said = spoken(cards.coupon_card(texts_for("zh-TW"), COUPON))

    for words in ("NT$50", "TD7K 29QX ABCD", "有效至 2026/11/22", "單筆滿 NT$100 可用"):
        assert words in said


# --- points, tiers, receipts


@pytest.mark.parametrize("reason", get_args(PointsReason))
def test_every_reason_of_a_movement_has_a_name(reason: PointsReason) -> None:
    view = PointsView(5, (PointsLine(NOON, reason, 5),), (), 30)

    assert f'"{reason}"' not in spoken(cards.points_card(texts_for("zh-TW"), view))


def test_points_say_the_tiers_rate_only_where_it_differs() -> None:
    t = texts_for("zh-TW")

    assert "您的等級享 1.5 倍" in spoken(cards.points_card(t, PointsView(0, (), (), 30, 150)))
    assert "倍" not in spoken(cards.points_card(t, PointsView(0, (), (), 30)))


def test_the_ladder_puts_the_next_tiers_benefits_first() -> None:
    said = spoken(cards.tier_card(texts_for("zh-TW"), TierView(STANDING, STEPS)))

    assert "升級金卡，您將享有" in said
    assert "✓ 免費升級大杯" in said
    assert said.count("目前等級") == 1


def test_a_receipt_says_what_was_paid_saved_and_earned() -> None:
    said = spoken(
        cards.receipt_card(texts_for("zh-TW"), replace(RECEIPT, coupon_names=("生日禮",)))
    )

    for words in ("NT$120", "−NT$50", "生日禮", "+4 點", "1,284 點", "+1　7 / 10 格"):
        assert words in said


def test_a_receipt_says_what_points_and_rules_had_a_part() -> None:
    view = replace(
        RECEIPT,
        discount_twd=20,
        member_discount_twd=20,
        points_used=30,
        points_twd=30,
        bonus_names=("會員日點數雙倍",),
        points_usable_on=date(2026, 11, 29),
    )
    said = spoken(cards.receipt_card(texts_for("zh-TW"), view))

    for words in (
        "會員折扣",
        "−NT$20",
        "折抵 30 點",
        "−NT$30",
        "會員日點數雙倍",
        "起可以使用",
    ):
        assert words in said


def test_only_a_receipt_with_a_redemption_asks_whether_it_was_them() -> None:
    """U12: each redemption carries the button that freezes the card."""
    t = texts_for("zh-TW")

    bought = replace(RECEIPT, purchase_id=12)
    assert "不是我" not in spoken(cards.receipt_card(t, bought))
    assert "不是我" in spoken(cards.receipt_card(t, replace(bought, redeems=True)))


def test_a_receipt_leads_to_the_rating_of_its_purchase() -> None:
    """E-12, D-04: one tap from the receipt; one that names no purchase has no such button."""
    t = texts_for("zh-TW")

    assert "為這次評分" not in spoken(cards.receipt_card(t, RECEIPT))
    told = spoken(cards.receipt_card(t, replace(RECEIPT, purchase_id=12)))
    assert "為這次評分" in told
    assert "action=show_purchase&purchase=12" in told


def test_an_upgrade_adds_the_new_tiers_card() -> None:
    upgraded = replace(RECEIPT, upgraded_to=STEPS[2], upgraded_from="銀卡")
    messages = cards.receipt_card(texts_for("zh-TW"), upgraded)

    assert len(messages) == 2
    assert "恭喜升級金卡" in spoken(messages)
    assert "銀卡 → 金卡" in spoken(messages)
    assert "quickReply" not in messages[0]


# --- joining, marketing, leaving


def test_a_notice_too_long_to_be_shown_in_full_is_refused() -> None:
    view = NoticeView("1", "茶日子", (("一", "字" * 10_000),))

    with pytest.raises(cards.NoticeTooLong):
        cards.notice(texts_for("zh-TW"), view)


def test_no_word_of_the_notice_is_cut() -> None:
    words = "依法告知" * 300
    said = spoken(cards.notice(texts_for("zh-TW"), NoticeView("1", "茶日子", (("一", words),))))

    assert words in said
    assert "agree_notice&version=1" in said


def test_a_member_who_reads_the_notice_again_is_not_asked_to_agree() -> None:
    view = NoticeView("1", "茶日子", (("一", "告知"),))
    messages = cards.notice(texts_for("zh-TW"), view, to_agree=False)

    assert_sendable(messages)
    assert "agree_notice" not in spoken(messages)


def test_the_line_name_can_be_taken_with_one_tap() -> None:
    messages = cards.ask_name(texts_for("zh-TW"), line_name=" 小美 ")

    assert messages[0]["quickReply"]["items"][0]["action"] == {
        "type": "message",
        "label": "小美",
        "text": "小美",
    }


def test_the_date_picker_starts_within_its_limits() -> None:
    t = texts_for("zh-TW")
    tomorrow = TODAY + timedelta(days=1)
    said = cards.ask_birthday(t, initial=tomorrow, earliest=date(1900, 1, 1), latest=TODAY)
    picker = said[0]["contents"]["footer"]["contents"][0]["action"]

    assert (picker["initial"], picker["min"], picker["max"]) == (
        "2026-11-22",
        "1900-01-01",
        "2026-11-22",
    )


@all_languages
@pytest.mark.parametrize("name", MARKETING)
def test_every_marketing_message_can_be_stopped_with_one_tap(name: str, t: Texts) -> None:
    """Article 20: the refusal is offered with the contact itself."""
    assert "action=stop_marketing" in spoken(MARKETING[name](t))


def test_the_profile_offers_to_stop_or_to_allow_marketing() -> None:
    t = texts_for("zh-TW")

    assert "stop_marketing" in spoken(cards.profile_card(t, PROFILE))
    assert "allow_marketing" in spoken(cards.profile_card(t, replace(PROFILE, marketing=False)))


def test_a_deletion_is_confirmed_with_its_token() -> None:
    said = spoken(cards.delete_confirm(texts_for("zh-TW"), "once", points=5, usable_coupons=2))

    assert "action=confirm_delete&token=once" in said
    assert "5 點與 2 張優惠券" in said


def test_guests_and_members_get_their_own_quick_replies() -> None:
    t = texts_for("zh-TW")

    assert replies(cards.fallback(t, is_member=False)) == ["action=join", "action=show_help"]
    assert "action=show_card" in replies(cards.fallback(t, is_member=True))
    assert replies(cards.registration_problem(t, "phone_taken")) == ["action=cancel"]
    assert "action=join" in replies(cards.registration_problem(t, "cancelled"))
    assert "action=show_card" in replies(cards.registration_problem(t, "cancelled", is_member=True))


def test_a_phone_number_can_be_called() -> None:
    t = texts_for("zh-TW")
    said = spoken(
        cards.contact_staff(t, "茶日子", phone="02-2555 0123", hours="10:00–22:00", is_member=True)
    )

    assert '"uri": "tel:0225550123"' in said


# --- what is owed and drawn later

OWED: dict[str, View] = {
    "receipt": RECEIPT,
    "birthday_gift": BirthdayGift("林小美", COUPON),
    "coupon_expiry": CouponExpiry((COUPON, COUPON)),
    "win_back": WinBack("林小美", 95, COUPON),
    "tier_down_notice": TierDown("金卡", STANDING),
    "welcome_back": WelcomeBack("茶日子"),
}


@all_languages
@pytest.mark.parametrize("kind", OWED)
def test_an_owed_message_is_drawn_from_its_words(kind: str, t: Texts) -> None:
    words = json.loads(json.dumps(OWED[kind].to_words()))

    assert_sendable(render(kind, words, t))


def test_a_kept_receipt_is_drawn_as_a_fresh_one() -> None:
    t = texts_for("ja")

    assert render("receipt", RECEIPT.to_words(), t) == cards.receipt_card(t, RECEIPT)


def test_words_of_a_newer_version_are_left_aside() -> None:
    words = {**RECEIPT.to_words(), "tip_twd": 5}

    assert ReceiptView.from_words(words) == RECEIPT


def test_a_reply_kept_for_later_is_sent_as_it_was() -> None:
    messages = cards.deleted(texts_for("en"))

    assert render("reply", {"messages": messages}, texts_for("ja")) == messages


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UnknownMessageKind):
        render("horoscope", {}, texts_for("en"))

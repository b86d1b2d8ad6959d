"""Every tap and every known word has its answer, for members and guests, in three languages."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

import pytest

from bot.cards.coupons import MAX_COUPONS, grouped
from bot.client import Profile
from bot.postback import Action, parse_postback
from bot.rich_menu import MENU_NAMES, menu_definition
from bot.texts import LANGUAGES
from handlers.line.words import WORDS, find_action, find_join_source, normal_word
from models.coupon import get_template, issue_coupon
from models.member import Member
from tests.conftest import NOON, Clock
from tests.handlers.line.conftest import Answer, Chat, MakeChat

FOR_MEMBERS = {
    Action.SHOW_CARD,
    Action.SHOW_POINTS,
    Action.SHOW_POINTS_PAGE,
    Action.SHOW_STAMPS,
    Action.SHOW_COUPONS,
    Action.SHOW_COUPON,
    Action.SHOW_REWARDS,
    Action.SHOW_REWARD,
    Action.EXCHANGE_REWARD,
    Action.CANCEL_EXCHANGE,
    Action.SHOW_TIER,
    Action.SHOW_PROFILE,
    Action.CHANGE_NAME,
    Action.CHANGE_PHONE,
    Action.CHANGE_BIRTHDAY,
    Action.ALLOW_MARKETING,
    Action.STOP_MARKETING,
    Action.DELETE_ME,
    Action.CONFIRM_DELETE,
}
LINES_LANGUAGE = {"zh-TW": "zh-Hant", "en": "en", "ja": "ja"}
LONGEST_TEXT = "珍" * 5000


@pytest.fixture
def people(make_chat: MakeChat, make_member: Callable[..., Member]) -> list[tuple[str, bool, Chat]]:
    """Return a guest and a member of each language: (language, is a member, chat)."""
    found = []
    for language in LANGUAGES:
        guest = make_chat(profile=Profile(LINES_LANGUAGE[language], "Kim"))
        guest.follow()
        member = make_member(language=language, points=120, spend_twd=9_000)
        assert member.line_user_id is not None
        member_chat = make_chat(user_id=member.line_user_id)
        found += [(language, False, guest), (language, True, member_chat)]
    return found


@pytest.mark.parametrize("menu", MENU_NAMES)
def test_every_area_of_the_rich_menus_is_answered_in_ones_language(
    people: list[tuple[str, bool, Chat]], menu: str
) -> None:
    areas = [parse_postback(area["action"]["data"]) for area in menu_definition(menu)["areas"]]

    answers = {
        (tap.action, is_member, language): chat.tap_again(tap).words
        for tap in areas
        for language, is_member, chat in people
    }

    assert all(answers.values())
    assert len(set(answers.values())) >= len(areas) * len(LANGUAGES)


@pytest.mark.parametrize("action", list(Action))
def test_every_action_is_answered_whoever_taps_it(
    people: list[tuple[str, bool, Chat]], action: Action
) -> None:
    for _, is_member, chat in people:
        answer = chat.tap(action)

        assert answer.messages
        assert answer.has(Action.JOIN) or is_member or action not in FOR_MEMBERS


def test_every_known_word_asks_for_one_action() -> None:
    meant: dict[str, set[Action]] = {}
    for action, words in WORDS.items():
        for word in words.split():
            meant.setdefault(normal_word(word), set()).add(action)
            assert find_action(word) == action

    assert "" not in meant
    assert {word: actions for word, actions in meant.items() if len(actions) > 1} == {}


@pytest.mark.parametrize("action", list(WORDS))
def test_a_known_word_is_answered_like_its_tap_whoever_types_it(
    people: list[tuple[str, bool, Chat]], action: Action
) -> None:
    words = cycle(WORDS[action].split())
    for _, _, chat in people:
        tapped = _titles(chat.tap(action))
        assert _titles(chat.say(next(words))) == tapped


def _titles(answer: Answer) -> list[str]:
    """Return what stays the same of an answer given twice: a code is another each time."""
    return [message.get("altText") or message["text"] for message in answer.messages]


@pytest.mark.parametrize(
    ("typed", "action"),
    [
        (" 點 數 ", Action.SHOW_POINTS),
        ("點數！", Action.SHOW_POINTS),
        ("點數？？😀", Action.SHOW_POINTS),
        ("ＱＲ　ｃｏｄｅ", Action.SHOW_CARD),
        ("My Card!", Action.SHOW_CARD),
        ("MEMBERSHIP CARD", Action.SHOW_CARD),
        ("ﾎﾟｲﾝﾄ", Action.SHOW_POINTS),
        ("ポイント。", Action.SHOW_POINTS),
        ("我要點數和優惠券", None),
        ("", None),
        ("😀", None),
        ("!!!", None),
        ("\u0000", None),
        ("點數" + " " * 40, None),
    ],
)
def test_variants_of_a_word_meet(typed: str, action: Action | None) -> None:
    assert find_action(typed) == action


@pytest.mark.parametrize(
    "typed", ["\u0000", "加入會員", "#TP01", "加入會員 #-x", "會員 #TP01", "A" * 5000]
)
def test_only_a_posters_words_name_a_source(typed: str) -> None:
    assert find_join_source(typed) is None


@pytest.mark.parametrize(
    "typed",
    ["珍奶好喝", "😀", "👨‍👩‍👧‍👦" * 100, LONGEST_TEXT, "", " ", "\u0000", "\ud83d", "{0}", "%s"],
)
def test_words_we_do_not_know_are_answered_with_the_ways_on(
    people: list[tuple[str, bool, Chat]], typed: str
) -> None:
    for language, is_member, chat in people:
        answer = chat.say(typed)

        assert len(answer.messages) == 1
        assert answer.has(Action.SHOW_HELP)
        assert answer.has(Action.SHOW_CARD if is_member else Action.JOIN)
        if language == "zh-TW":
            assert "看不懂" in answer.words


@pytest.mark.parametrize(
    "data",
    [
        "",
        "hello",
        "action=",
        "action=fly",
        "action=show_card%00",
        "&&&=&",
        "action[]=join",
        "%ff%fe",
        "a=1&" * 75,
        "action=show_coupon",
        "action=show_coupon&coupon=",
        "action=show_coupon&coupon=-1",
        "action=show_coupon&coupon=٣",
        "action=show_coupon&coupon=" + "9" * 200,
        "action=change_language&to=tlh",
        "action=change_language",
        "action=confirm_delete",
        "action=confirm_delete&token=" + "%00",
        "action=confirm_delete&token=é",
        "action=agree_notice&version=" + "x" * 200,
    ],
)
def test_a_tap_on_what_nobody_here_drew_is_answered_kindly(
    people: list[tuple[str, bool, Chat]], data: str
) -> None:
    for _, is_member, chat in people[:2]:
        before = chat.member()

        assert chat.post(data).messages
        after = chat.member()
        assert (before is None) == (after is None) == (not is_member)


# --- what a member carries


def test_a_member_sees_points_with_store_and_expiry(member_chat: Chat) -> None:
    words = member_chat.tap(Action.SHOW_POINTS).words

    assert "0" in words


def test_a_fresh_member_sees_an_empty_stamp_card_and_the_lowest_tier(member_chat: Chat) -> None:
    assert "集點卡" in member_chat.tap(Action.SHOW_STAMPS).words
    assert "NT$" in member_chat.tap(Action.SHOW_TIER).words


def test_a_card_carries_a_new_code_every_time(member_chat: Chat) -> None:
    first = str(member_chat.tap(Action.SHOW_CARD).messages)
    second = str(member_chat.tap(Action.SHOW_CARD).messages)

    assert "https://shop.example/qr/" in first
    assert first != second


def test_a_coupon_is_shown_to_its_owner_only(member_chat: Chat, make_chat: MakeChat) -> None:
    coupon, *_ = member_chat.coupons(member_chat.a_member().id)
    other = make_chat()
    other.join()

    mine = member_chat.tap(Action.SHOW_COUPON, coupon=coupon.id)
    theirs = other.tap(Action.SHOW_COUPON, coupon=coupon.id)

    assert grouped(coupon.code) in mine.words
    assert "找不到" in theirs.words
    assert grouped(coupon.code) not in theirs.words


def test_the_coupon_list_offers_each_coupon(member_chat: Chat) -> None:
    coupon, *_ = member_chat.coupons(member_chat.a_member().id)

    listed = member_chat.tap(Action.SHOW_COUPONS)

    assert listed.tap_of(Action.SHOW_COUPON).fields == {"coupon": str(coupon.id)}
    shown = member_chat.tap_again(listed.tap_of(Action.SHOW_COUPON))
    assert grouped(coupon.code) in shown.words


def test_a_coupon_that_is_over_says_so(member_chat: Chat, clock: Clock) -> None:
    coupon, *_ = member_chat.coupons(member_chat.a_member().id)
    clock.now = coupon.expires_at

    assert "已過期" in member_chat.tap(Action.SHOW_COUPON, coupon=coupon.id).words
    assert not member_chat.tap(Action.SHOW_COUPONS).has(Action.SHOW_COUPON)


def test_a_member_with_very_many_coupons_still_gets_an_answer(member_chat: Chat) -> None:
    member = member_chat.a_member()
    with member_chat.sessions.begin() as session:
        template = get_template(session, "birthday")
        for number in range(60):
            issue_coupon(session, member.id, template, issue_key=f"test:{number}", now=NOON)

    listed = member_chat.tap(Action.SHOW_COUPONS)

    shown = {tap.fields["coupon"] for tap in listed.taps if tap.action == Action.SHOW_COUPON}
    assert 1 < len(shown) <= MAX_COUPONS
    assert member_chat.tap(Action.SHOW_CARD).messages

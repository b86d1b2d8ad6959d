"""Joining in the chat: three taps, two typed answers, and every way to go wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.cards.coupons import grouped
from bot.postback import Action
from handlers.line.joining import read_date
from models.consent import Notice
from models.coupon import CouponTemplate
from models.friend import FORGET_AFTER, forget_stale_conversations
from models.member import Member
from tests.conftest import NOON, Clock
from tests.handlers.line.conftest import LINE_NAME, Answer, Chat, MakeChat
from tests.models.coupon_maker import redeem_coupon

PHONE = "0912345678"


def ask_for_name(chat: Chat) -> Answer:
    chat.tap(Action.JOIN)
    return chat.agree()


def ask_for_phone(chat: Chat) -> Answer:
    ask_for_name(chat)
    return chat.say("林小晴")


def ask_for_birthday(chat: Chat) -> Answer:
    ask_for_phone(chat)
    return chat.say(PHONE)


STEPS: dict[str, Callable[[Chat], object]] = {
    "notice": lambda chat: chat.tap(Action.JOIN),
    "name": ask_for_name,
    "phone": ask_for_phone,
    "birthday": ask_for_birthday,
}
QUESTIONS = {"notice": "告知事項", "name": "怎麼稱呼", "phone": "手機號碼", "birthday": "哪一天"}


# --- the way to the card


def test_three_taps_and_two_answers_make_a_member(chat: Chat) -> None:
    notice = chat.tap(Action.JOIN)
    asked_name = chat.tap_again(notice.tap_of(Action.AGREE_NOTICE))
    asked_phone = chat.say("  林　小晴 ")
    asked_birthday = chat.say(PHONE)
    done = chat.pick("1995-05-20")

    assert [
        QUESTIONS[s] in a.words
        for s, a in zip(QUESTIONS, (notice, asked_name, asked_phone, asked_birthday), strict=True)
    ] == [True] * 4
    member = chat.a_member()
    assert (member.name, member.phone) == ("林 小晴", "+886912345678")
    assert member.birthday == date(1995, 5, 20)
    assert member.joined_at == NOON
    assert not member.marketing_allowed
    assert "林 小晴" in done.words
    assert chat.talk() is None


def test_the_notice_comes_before_any_question_and_names_its_version(
    chat: Chat, session: Session
) -> None:
    notice = chat.tap(Action.JOIN)

    version = session.scalars(select(Notice.version)).one()
    assert notice.tap_of(Action.AGREE_NOTICE).fields == {"version": version}
    assert version in notice.words
    assert chat.talk() is not None
    assert chat.member() is None


def test_the_line_name_is_offered_as_one_tap(chat: Chat) -> None:
    asked = ask_for_name(chat)

    assert asked.quick_replies == [LINE_NAME, "取消"]


def test_the_answer_brings_card_code_and_a_welcome_coupon_usable_at_once(
    chat: Chat, session: Session
) -> None:
    done = chat.join()

    member = chat.a_member()
    coupon, *locked = chat.coupons(member.id)
    template, off = redeem_coupon(session, member.id, coupon.id, 500, NOON)
    assert len(done.messages) == 4
    assert "https://shop.example/qr/" in str(done.messages)
    assert grouped(coupon.code) in done.words
    assert template.code == "welcome"
    assert off > 0
    assert session.get_one(CouponTemplate, coupon.template_id).code == "welcome"
    assert [other.state for other in locked] == ["locked", "locked"]
    assert done.tap_of(Action.SHOW_COUPON).fields == {"coupon": str(coupon.id)}


def test_the_answer_asks_for_marketing_apart_and_may_be_pushed_when_late(chat: Chat) -> None:
    done = chat.join()

    assert done.has(Action.ALLOW_MARKETING)
    assert done.has(Action.STOP_MARKETING)
    assert done.owed is not None
    assert done.owed.push_if_late
    assert not chat.tap(Action.SHOW_CARD).owed.push_if_late  # type: ignore[union-attr]


def test_the_consent_is_kept_with_the_event_that_proves_it(chat: Chat, clock: Clock) -> None:
    chat.tap(Action.JOIN)
    chat.agree()
    assert chat.last_event is not None
    proof = chat.last_event.webhook_event_id
    clock.advance(minutes=1)
    chat.say("林小晴")
    chat.say(PHONE)
    chat.pick("1995-05-20")

    assert chat.consents(chat.a_member().id) == [("membership", True, proof, clock.now)]


def test_a_new_member_is_owed_the_members_menu(chat: Chat) -> None:
    chat.join()

    (menu,) = chat.owed("rich_menu")
    assert menu.words == {"menu": "member"}


@pytest.mark.parametrize(
    ("typed", "source"),
    [
        ("加入會員 #TP01", "store:TP01"),
        ("加入會員#tp01", "store:TP01"),
        ("加入會員 ＃ＴＰ０１", "store:TP01"),
        (" join:IG-2026 ", "link:IG-2026"),
        ("会員登録 #zh01", "link:ZH01"),
    ],
)
def test_a_posters_words_keep_where_the_person_came_from(
    chat: Chat, typed: str, source: str
) -> None:
    notice = chat.say(typed)
    chat.agree()
    chat.say("林小晴")
    chat.say(PHONE)
    chat.pick("1995-05-20")

    assert notice.has(Action.AGREE_NOTICE)
    assert chat.a_member().join_source == source


@pytest.mark.parametrize("typed", ["加入會員 #", "加入會員 #TP 01", "加入會員 #" + "A" * 33])
def test_words_that_name_no_source_are_no_posters_words(chat: Chat, typed: str) -> None:
    chat.say(typed)

    friend = chat.friend()
    assert friend is not None
    assert friend.source == "line"


def test_a_members_source_is_not_changed_by_another_poster(member_chat: Chat) -> None:
    again = member_chat.say("加入會員 #TP01")

    assert "已經是" in again.words
    assert member_chat.a_member().join_source == "line"


@pytest.mark.parametrize(
    ("language", "word"), [("en", "Welcome"), ("ja", "会員"), ("ko", "Welcome")]
)
def test_a_person_is_met_in_their_lines_language(
    make_chat: MakeChat, language: str, word: str
) -> None:
    chat = make_chat()
    chat.profile = type(chat.profile)(language, "Kim")
    greeted = chat.follow()
    chat.profile = type(chat.profile)()  # LINE is only asked when greeting and for the name.
    chat.join()

    assert word.lower() in greeted.words.lower()
    assert chat.a_member().language == {"ko": "en"}.get(language, language)


# --- names


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Amy\u0000Lin", "AmyLin"),
        ("王\n小\r明\t", "王 小明"),
        ("👩‍👩‍👧 小晴", "👩‍👩‍👧 小晴"),
        ("\u202e明小\u200b王", "明小王"),
        ("e\u0301" * 40, "\u00e9" * 40),
        ("O'Brien; DROP TABLE member", "O'Brien; DROP TABLE member"),
        ("{name} %s", "{name} %s"),
        ("\ud83d林", "林"),
    ],
)
def test_a_name_is_kept_as_a_person_would_write_it(chat: Chat, typed: str, kept: str) -> None:
    ask_for_name(chat)
    chat.say(typed)
    chat.say(PHONE)
    done = chat.pick("1995-05-20")

    assert chat.a_member().name == kept
    assert kept in done.words


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("", "還沒有收到"),
        ("   ", "還沒有收到"),
        ("\u0000", "還沒有收到"),
        ("\u0000\u0001\u200b\u202e", "還沒有收到"),
        ("\ud83d\ud83d", "還沒有收到"),
        ("王" * 41, "縮短"),
        ("👨‍👩‍👧‍👦" * 41, "縮短"),
        ("字" * 5000, "縮短"),
    ],
)
def test_a_name_that_will_not_do_is_asked_for_again(chat: Chat, typed: str, problem: str) -> None:
    ask_for_name(chat)

    refused = chat.say(typed)

    assert problem in refused.words
    assert "手機" in chat.say("林小晴").words


# --- phones


@pytest.mark.parametrize(
    "typed",
    ["0912345678", "0912-345-678", "+886 912 345 678", "886912345678", "０９１２３４５６７８"],
)
def test_a_phone_is_taken_however_it_is_typed(chat: Chat, typed: str) -> None:
    ask_for_phone(chat)
    chat.say(typed)
    chat.pick("1995-05-20")

    assert chat.a_member().phone == "+886912345678"


@pytest.mark.parametrize(
    "typed",
    [
        "0212345678",
        "091234567",
        "12345",
        "+81 90 1234 5678",
        "手機",
        "",
        "\u0000",
        "9" * 5000,
        "😀",
    ],
)
def test_what_is_no_taiwanese_mobile_is_asked_for_again(chat: Chat, typed: str) -> None:
    ask_for_phone(chat)

    refused = chat.say(typed)

    assert "09" in refused.words
    assert "生日" in chat.say(PHONE).words


def test_another_members_phone_is_refused_when_it_is_typed(
    chat: Chat, make_member: Callable[..., Member]
) -> None:
    make_member(phone="+886912345678")
    ask_for_phone(chat)

    refused = chat.say("+886 912-345-678")

    assert "已經登記" in refused.words
    assert "生日" in chat.say("0987654321").words


def test_a_phone_that_was_taken_meanwhile_is_refused_at_the_end(
    make_chat: MakeChat, chat: Chat
) -> None:
    ask_for_birthday(chat)
    other = make_chat()
    other.join(phone=PHONE)

    refused = chat.pick("1995-05-20")
    chat.say("0987654321")
    chat.pick("1995-05-20")

    assert "已經登記" in refused.words
    assert chat.a_member().phone == "+886987654321"
    assert chat.a_member().name == "林小晴"


# --- birthdays


@pytest.mark.parametrize(
    "typed",
    [
        "1990-05-20",
        "1990/5/20",
        "19900520",
        "1990.5.20",
        "1990年5月20日",
        "1990 5 20",
        "１９９０-05-20",
    ],
)
def test_a_birthday_may_be_typed(chat: Chat, typed: str) -> None:
    ask_for_birthday(chat)
    chat.say(typed)

    assert chat.a_member().birthday == date(1990, 5, 20)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("2026-11-23", "還沒到"),
        ("2026-12-31", "還沒到"),
        ("1905-12-31", "不太對"),
        ("1990-02-30", "不太對"),
        ("1900-02-29", "不太對"),
        ("0000-00-00", "不太對"),
        ("1990-13-01", "不太對"),
        ("生日快樂", "不太對"),
        ("", "不太對"),
        ("²⁰²⁶-01-01", "不太對"),
        ("99999999999", "不太對"),
    ],
)
@pytest.mark.parametrize("way", ["picked", "typed"])
def test_an_impossible_birthday_is_asked_for_again(
    chat: Chat, way: str, given: str, problem: str
) -> None:
    ask_for_birthday(chat)

    refused = chat.pick(given) if way == "picked" else chat.say(given)

    assert problem in refused.words
    assert refused.has(Action.PICK_BIRTHDAY)
    assert chat.member() is None
    assert "歡迎" in chat.pick("2026-11-22").words


def test_today_in_taipei_is_the_last_day_one_may_pick(chat: Chat, clock: Clock) -> None:
    clock.now = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)  # Half past midnight, the 23rd.
    asked = ask_for_birthday(chat)
    chat.pick("2026-11-23")

    assert '"max": "2026-11-23"' in str(asked.messages).replace("'", '"')
    assert chat.a_member().birthday == date(2026, 11, 23)


def test_a_leap_day_is_a_birthday(chat: Chat) -> None:
    chat.join(birthday="1996-02-29")

    assert chat.a_member().birthday_mmdd == 229


def test_a_date_is_read_only_where_it_is_one() -> None:
    assert read_date("1990-5-2") == date(1990, 5, 2)
    assert read_date("1990-05-201") is None
    assert read_date("\u0000") is None


# --- interruptions


@pytest.mark.parametrize("step", STEPS)
def test_a_sticker_in_the_middle_is_answered_and_the_question_asked_again(
    chat: Chat, step: str
) -> None:
    STEPS[step](chat)

    answer = chat.attach("sticker", packageId="1", stickerId="2", stickerResourceType="STATIC")

    assert "需要文字" in answer.words
    assert QUESTIONS[step] in answer.words


@pytest.mark.parametrize("step", STEPS)
def test_a_command_in_the_middle_is_answered_and_the_question_stays(chat: Chat, step: str) -> None:
    STEPS[step](chat)

    answer = chat.say("說明")
    talk = chat.talk()

    assert "可以怎麼幫您" in answer.words
    assert talk is not None
    assert talk.step == step


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("way", ["tap", "typed"])
def test_one_may_cancel_at_every_step(chat: Chat, step: str, way: str) -> None:
    STEPS[step](chat)

    answer = chat.tap(Action.CANCEL) if way == "tap" else chat.say("取消")

    assert "先到這裡" in answer.words
    assert chat.talk() is None
    assert "看不懂" in chat.say("林小晴").words
    assert chat.member() is None


@pytest.mark.parametrize("step", STEPS)
def test_after_a_days_silence_the_question_is_asked_again_before_an_answer_counts(
    chat: Chat, clock: Clock, step: str
) -> None:
    STEPS[step](chat)
    clock.advance(hours=24, seconds=1)

    answer = chat.say("好久不見")
    talk = chat.talk()

    assert "接著上次" in answer.words
    assert QUESTIONS[step] in answer.words
    assert talk is not None
    assert talk.step == step


def test_within_a_day_the_answer_counts(chat: Chat, clock: Clock) -> None:
    ask_for_name(chat)
    clock.advance(hours=24)

    assert "手機號碼" in chat.say("林小晴").words


def test_words_at_the_notice_show_it_again(chat: Chat) -> None:
    chat.tap(Action.JOIN)

    assert chat.say("我同意").has(Action.AGREE_NOTICE)


def test_an_outdated_notice_is_not_agreed_to_but_the_new_one_shown(
    chat: Chat, session: Session
) -> None:
    old = chat.tap(Action.JOIN).tap_of(Action.AGREE_NOTICE)
    notice = session.scalars(select(Notice)).one()
    session.add(
        Notice(version="2027-01-01", items=notice.items, published_at=NOON - timedelta(days=1))
    )
    session.commit()

    answer = chat.tap_again(old)

    assert answer.tap_of(Action.AGREE_NOTICE).fields == {"version": "2027-01-01"}
    assert (
        "手機" in (chat.tap_again(answer.tap_of(Action.AGREE_NOTICE)), chat.say("林小晴"))[1].words
    )


@pytest.mark.parametrize("fields", [{}, {"version": ""}, {"version": "\u0000"}])
def test_a_yes_to_no_known_version_is_no_yes(chat: Chat, fields: dict[str, str]) -> None:
    answer = chat.tap(Action.AGREE_NOTICE, **fields)

    assert answer.has(Action.AGREE_NOTICE)
    assert "怎麼稱呼" not in answer.words


# --- out of order, twice, at once


def test_a_birthday_picked_in_an_old_card_before_its_question_asks_what_is_due(chat: Chat) -> None:
    ask_for_name(chat)

    answer = chat.pick("1995-05-20")

    assert "怎麼稱呼" in answer.words
    assert "手機號碼" in chat.say("林小晴").words


def test_a_birthday_picked_by_a_guest_who_is_in_no_conversation_begins_joining(chat: Chat) -> None:
    assert chat.pick("1995-05-20").has(Action.AGREE_NOTICE)


def test_a_birthday_picked_twice_joins_once(member_chat: Chat, session: Session) -> None:
    before = member_chat.a_member()

    again = member_chat.pick("1980-01-01")

    assert "已經是" in again.words
    assert member_chat.a_member().birthday == before.birthday
    assert len(member_chat.coupons(before.id)) == 3


def test_a_date_picker_without_its_date_asks_again(chat: Chat) -> None:
    ask_for_birthday(chat)

    oddities: list[Any] = [None, {}, {"date": None}, {"time": "10:00"}, "2020-01-01", []]
    for params in oddities:
        assert chat.post("action=pick_birthday", params=params).has(Action.PICK_BIRTHDAY)


@pytest.mark.parametrize("action", [Action.JOIN, Action.AGREE_NOTICE])
def test_a_member_cannot_join_again(member_chat: Chat, session: Session, action: Action) -> None:
    answer = member_chat.tap(action)

    assert "已經是" in answer.words
    assert "https://shop.example/qr/" in str(answer.messages)
    assert member_chat.talk() is None
    members = select(func.count()).where(Member.line_user_id == member_chat.user_id)
    assert session.scalar(members) == 1


def test_agreeing_again_asks_for_the_name_again(chat: Chat) -> None:
    ask_for_phone(chat)
    chat.agree()

    assert "手機號碼" in chat.say("林大晴").words
    chat.say(PHONE)
    chat.pick("1995-05-20")
    assert chat.a_member().name == "林大晴"


def test_a_draft_nobody_came_back_to_is_forgotten(
    chat: Chat, clock: Clock, session: Session
) -> None:
    ask_for_birthday(chat)
    clock.advance(days=FORGET_AFTER.days, seconds=1)

    assert forget_stale_conversations(session, clock.now) == 1
    session.commit()
    assert "看不懂" in chat.say("1995-05-20").words

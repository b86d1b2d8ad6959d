"""My data: corrected, in another language, without marketing, and gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.postback import Action
from models.member import FormerMember, Member
from models.points import PointsEntry
from tests.conftest import Clock, Maker
from tests.handlers.line.conftest import Answer, Chat, MakeChat


def leave(chat: Chat) -> Answer:
    return chat.tap_again(chat.tap(Action.DELETE_ME).tap_of(Action.CONFIRM_DELETE))


# --- corrections


def test_the_profile_shows_what_is_kept_with_the_phone_masked(chat: Chat) -> None:
    chat.join(name="林小晴", phone="0912345678")

    words = chat.tap(Action.SHOW_PROFILE).words

    assert "林小晴" in words
    assert "0912-***-678" in words
    assert "0912345678" not in words
    assert "1995/05/20" in words


def test_a_name_is_corrected(member_chat: Chat) -> None:
    asked = member_chat.tap(Action.CHANGE_NAME)
    shown = member_chat.say("林大晴")

    assert "怎麼稱呼" in asked.words
    assert "林大晴" in shown.words
    assert member_chat.a_member().name == "林大晴"
    assert member_chat.talk() is None


@pytest.mark.parametrize(("typed", "problem"), [("\u0000", "還沒有收到"), ("王" * 41, "縮短")])
def test_a_wrong_name_is_asked_for_again(member_chat: Chat, typed: str, problem: str) -> None:
    member_chat.tap(Action.CHANGE_NAME)

    assert problem in member_chat.say(typed).words
    assert member_chat.a_member().name == "林小晴"
    assert "林大晴" in member_chat.say("林大晴").words


def test_a_phone_is_corrected(member_chat: Chat) -> None:
    member_chat.tap(Action.CHANGE_PHONE)
    member_chat.say("0911222333")

    assert member_chat.a_member().phone == "+886911222333"
    assert member_chat.talk() is None


def test_ones_own_phone_is_not_taken(chat: Chat) -> None:
    chat.join(phone="0911222333")
    chat.tap(Action.CHANGE_PHONE)

    assert "0911-***-333" in chat.say("0911 222 333").words


@pytest.mark.parametrize(("typed", "problem"), [("123", "09"), ("0911222333", "已經登記")])
def test_a_wrong_phone_is_asked_for_again(
    member_chat: Chat, make_member: Callable[..., Member], typed: str, problem: str
) -> None:
    make_member(phone="+886911222333")
    before = member_chat.a_member().phone
    member_chat.tap(Action.CHANGE_PHONE)

    assert problem in member_chat.say(typed).words
    assert member_chat.a_member().phone == before


@pytest.mark.parametrize("way", ["picked", "typed"])
def test_a_birthday_is_corrected(member_chat: Chat, way: str) -> None:
    asked = member_chat.tap(Action.CHANGE_BIRTHDAY)
    shown = member_chat.pick("1996-02-29") if way == "picked" else member_chat.say("1996/2/29")

    assert asked.has(Action.PICK_BIRTHDAY)
    assert "1996/02/29" in shown.words
    assert member_chat.a_member().birthday == date(1996, 2, 29)
    assert member_chat.talk() is None


def test_an_impossible_birthday_changes_nothing(member_chat: Chat) -> None:
    member_chat.tap(Action.CHANGE_BIRTHDAY)

    assert "還沒到" in member_chat.pick("2030-01-01").words
    assert member_chat.a_member().birthday == date(1995, 5, 20)


def test_one_question_takes_the_place_of_another(member_chat: Chat) -> None:
    member_chat.tap(Action.CHANGE_NAME)
    member_chat.tap(Action.CHANGE_PHONE)
    member_chat.say("0911222333")

    member = member_chat.a_member()
    assert (member.name, member.phone) == ("林小晴", "+886911222333")


def test_a_correction_after_a_days_silence_is_asked_for_again(
    member_chat: Chat, clock: Clock
) -> None:
    member_chat.tap(Action.CHANGE_NAME)
    clock.advance(days=2)

    assert "接著上次" in member_chat.say("珍奶一杯").words
    assert member_chat.a_member().name == "林小晴"


# --- language


def test_a_member_goes_on_in_the_chosen_language(member_chat: Chat) -> None:
    offered = member_chat.tap(Action.CHOOSE_LANGUAGE)
    shown = member_chat.tap(Action.CHANGE_LANGUAGE, to="en")

    assert "日本語" in offered.words
    assert "My details" in shown.words or "My" in shown.words
    assert member_chat.a_member().language == "en"
    assert "points" in member_chat.tap(Action.SHOW_POINTS).words.lower()


def test_a_guest_goes_on_in_the_chosen_language_and_joins_in_it(chat: Chat) -> None:
    helped = chat.tap(Action.CHANGE_LANGUAGE, to="ja")
    chat.join()

    assert "会員" in helped.words
    assert chat.a_member().language == "ja"


def test_an_unknown_language_is_offered_the_known_ones(member_chat: Chat) -> None:
    assert "English" in member_chat.tap(Action.CHANGE_LANGUAGE, to="de").words
    assert member_chat.a_member().language == "zh-TW"


# --- marketing


def test_each_yes_and_no_to_marketing_is_a_row_with_its_proof(
    member_chat: Chat, clock: Clock
) -> None:
    proofs = []
    for action in (Action.ALLOW_MARKETING, Action.STOP_MARKETING, Action.ALLOW_MARKETING):
        clock.advance(minutes=1)
        member_chat.tap(action)
        assert member_chat.last_event is not None
        proofs.append((member_chat.last_event.webhook_event_id, clock.now))

    member = member_chat.a_member()
    assert member.marketing_allowed
    assert member_chat.consents(member.id)[1:] == [
        ("marketing", yes, proof, at)
        for yes, (proof, at) in zip((True, False, True), proofs, strict=True)
    ]


def test_a_typed_stop_is_a_stop(member_chat: Chat) -> None:
    member_chat.tap(Action.ALLOW_MARKETING)

    assert "不會傳送行銷" in member_chat.say("取消訂閱").words
    assert not member_chat.a_member().marketing_allowed


# --- leaving


def test_leaving_says_what_is_lost_and_asks_once_more(member_chat: Chat) -> None:
    asked = member_chat.tap(Action.DELETE_ME)

    assert "1 張優惠券" in asked.words
    assert asked.has(Action.CANCEL)
    assert member_chat.member() is not None


def test_leaving_deletes_the_person_and_keeps_the_figures(
    member_chat: Chat, session: Session, clock: Clock
) -> None:
    member = member_chat.a_member()
    Maker().points(session, session.get_one(Member, member.id), 50)
    session.commit()

    goodbye = leave(member_chat)

    session.expire_all()
    left = session.get_one(Member, member.id)
    assert "已刪除" in goodbye.words
    assert goodbye.has(Action.JOIN)
    assert (left.line_user_id, left.name, left.phone, left.birthday) == (None,) * 4
    assert left.card_ref != member.card_ref
    assert left.erased_at == clock.now
    assert left.points == 50
    assert session.scalars(select(PointsEntry.points).where(PointsEntry.member_id == left.id)).all()
    assert {coupon.state for coupon in member_chat.coupons(left.id)} == {"void"}
    assert [c[:2] for c in member_chat.consents(left.id)] == [
        ("membership", True),
        ("membership", False),
    ]
    assert [menu.words for menu in member_chat.owed("rich_menu")] == [
        {"menu": "member"},
        {"menu": "guest"},
    ]
    assert member_chat.talk() is None


def test_who_left_is_a_guest(member_chat: Chat) -> None:
    leave(member_chat)

    assert member_chat.tap(Action.SHOW_CARD).has(Action.JOIN)
    assert member_chat.tap(Action.DELETE_ME).has(Action.JOIN)


def test_who_comes_back_gets_a_new_card_but_no_second_welcome(
    member_chat: Chat, session: Session
) -> None:
    old = member_chat.a_member()
    leave(member_chat)

    done = member_chat.join(phone="0912345678")

    new = member_chat.a_member()
    assert new.id != old.id
    assert new.number != old.number
    assert member_chat.coupons(new.id) == []
    assert len(done.messages) == 3
    assert "見面禮" not in done.words
    assert len(session.scalars(select(FormerMember)).all()) == 1


def test_one_may_leave_twice(member_chat: Chat, session: Session) -> None:
    leave(member_chat)
    member_chat.join()
    leave(member_chat)

    assert member_chat.member() is None
    assert len(session.scalars(select(FormerMember)).all()) == 1


def test_the_phone_of_who_left_is_free_again(chat: Chat, make_chat: MakeChat) -> None:
    chat.join(phone="0912345678")
    leave(chat)
    other = make_chat()
    other.join(phone="0912345678")

    assert other.a_member().phone == "+886912345678"


def test_an_old_confirmation_only_asks_again(member_chat: Chat, clock: Clock) -> None:
    old = member_chat.tap(Action.DELETE_ME).tap_of(Action.CONFIRM_DELETE)
    newer = member_chat.tap(Action.DELETE_ME).tap_of(Action.CONFIRM_DELETE)

    asked = member_chat.tap_again(old)
    stale = member_chat.tap_again(newer)  # Asking again drew yet another one.

    assert asked.has(Action.CONFIRM_DELETE)
    assert stale.has(Action.CONFIRM_DELETE)
    assert member_chat.member() is not None


def test_a_confirmation_holds_for_a_day(member_chat: Chat, clock: Clock) -> None:
    asked = member_chat.tap(Action.DELETE_ME).tap_of(Action.CONFIRM_DELETE)
    clock.advance(hours=24, seconds=1)

    assert member_chat.tap_again(asked).has(Action.CONFIRM_DELETE)
    assert member_chat.member() is not None


def test_a_confirmation_after_a_cancel_only_asks_again(member_chat: Chat) -> None:
    asked = member_chat.tap(Action.DELETE_ME).tap_of(Action.CONFIRM_DELETE)
    member_chat.tap(Action.CANCEL)

    assert member_chat.tap_again(asked).has(Action.CONFIRM_DELETE)
    assert member_chat.member() is not None


def test_a_confirmation_from_before_coming_back_deletes_nothing(member_chat: Chat) -> None:
    asked = member_chat.tap(Action.DELETE_ME).tap_of(Action.CONFIRM_DELETE)
    member_chat.tap_again(asked)
    member_chat.join()

    assert member_chat.tap_again(asked).has(Action.CONFIRM_DELETE)
    assert member_chat.member() is not None


def test_words_while_leaving_are_no_confirmation(member_chat: Chat) -> None:
    member_chat.tap(Action.DELETE_ME)

    assert "看不懂" in member_chat.say("確定刪除").words
    assert member_chat.member() is not None


def test_what_was_owed_to_who_left_is_not_theirs_any_more(member_chat: Chat, clock: Clock) -> None:
    clock.advance(days=1)
    leave(member_chat)

    assert clock.now - member_chat.owed("rich_menu")[-1].created_at == timedelta(0)
    assert member_chat.owed("receipt") == []

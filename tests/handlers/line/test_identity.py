"""Coming back in the chat: by a code sent to the phone, or by a clerk who checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.postback import Action
from bot.texts import texts_for
from handlers.line import Room
from models.base import Sessions
from models.identity import TextMessage
from models.identity.request import BindingRequest
from models.member import Member, get_member
from models.membership import register_at_till
from tests.conftest import Clock, Maker
from tests.handlers.line import conftest as chats
from tests.handlers.line.conftest import ROOM, Answer, Chat

MakeChat = Callable[..., Chat]

PHONE = "0912345678"


@pytest.fixture(params=["text", "demo"])
def room(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Room:
    """Let the shop have a sender of text messages."""
    made = replace(ROOM, otp=request.param)
    monkeypatch.setattr(chats, "ROOM", made)
    return made


@pytest.fixture
def with_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chats, "ROOM", replace(ROOM, otp="text"))


def last_code(sessions: Sessions) -> str:
    """Return the code of the newest text message, as its phone would show it."""
    with sessions() as session:
        rows = session.scalars(select(TextMessage).order_by(TextMessage.created_at)).all()
    assert len(rows) == 1 or rows[-2].created_at < rows[-1].created_at, "which is the newest?"
    code = rows[-1].code
    assert code is not None
    return code


def join(chat: Chat, sessions: Sessions, phone: str = PHONE) -> Answer:
    """Become a member where every phone is proved."""
    chat.tap(Action.JOIN)
    chat.agree()
    chat.say("林小晴")
    chat.say(phone)
    chat.say(last_code(sessions))
    return chat.pick("1995-05-20")


def test_a_lost_account_comes_back_by_a_code(
    room: Room, chat: Chat, make_chat: MakeChat, sessions: Sessions, clock: Clock
) -> None:
    """U14: same number, new account, old one a guest; the demo shows the code, nobody else."""
    join(chat, sessions)
    number = chat.a_member().number
    clock.advance(hours=2)
    fresh = make_chat()
    greeted = fresh.follow()
    assert greeted.has(Action.WAS_MEMBER)
    fresh.tap(Action.WAS_MEMBER)
    asked = fresh.say(PHONE)
    code = last_code(sessions)
    assert (code in asked.words) == (room.otp == "demo")
    assert PHONE not in asked.words
    answer = fresh.say(f"{code[:3]} {code[3:]}")
    assert "歡迎回來" in answer.words
    assert fresh.a_member().number == number
    assert chat.member() is None
    assert chat.tap(Action.SHOW_CARD).has(Action.JOIN)


def test_every_phone_is_answered_alike_until_the_code_is_right(
    with_sender: None, chat: Chat, make_chat: MakeChat, sessions: Sessions, clock: Clock
) -> None:
    """U14: the answer never tells whether a phone is a member's; neither does joining."""
    join(chat, sessions)
    clock.advance(hours=2)

    def shape(answer: Answer, phone: str) -> str:
        masked = f"{phone[:4]}-***-{phone[-3:]}"
        assert masked in answer.words
        return answer.words.replace(masked, "")

    for begin in (Action.WAS_MEMBER, Action.JOIN):
        shapes = set()
        for phone in (PHONE, "0987654321"):
            guest = make_chat()
            guest.follow()
            guest.tap(begin)
            if begin is Action.JOIN:
                guest.agree()
                guest.say("王大同")
            shapes.add(shape(guest.say(phone), phone))
        assert len(shapes) == 1
        clock.advance(hours=2)


def test_wrong_codes_are_said_to_be_wrong_and_then_over(
    with_sender: None, chat: Chat, sessions: Sessions, clock: Clock
) -> None:
    """U14: brute force in the chat ends after five tries; a new code goes on."""
    chat.tap(Action.WAS_MEMBER)
    chat.say(PHONE)
    wrong = f"{(int(last_code(sessions)) + 1) % 10**6:06}"
    said = [chat.say(wrong).words for _ in range(5)]
    assert all("不對" in words for words in said[:4])
    assert "失效" in said[4]
    assert "失效" in chat.say(last_code(sessions)).words
    clock.advance(seconds=1)
    chat.tap(Action.SEND_CODE)
    assert "還沒有會員卡" in chat.say(last_code(sessions)).words


def test_a_code_is_over_after_five_minutes(
    with_sender: None, chat: Chat, sessions: Sessions, clock: Clock
) -> None:
    chat.tap(Action.WAS_MEMBER)
    chat.say(PHONE)
    clock.advance(minutes=5)
    assert "失效" in chat.say(last_code(sessions)).words


def test_too_many_codes_lead_to_a_clerk(with_sender: None, chat: Chat) -> None:
    chat.tap(Action.WAS_MEMBER)
    chat.say(PHONE)
    for _ in range(2):
        chat.tap(Action.SEND_CODE)
    answer = chat.tap(Action.SEND_CODE)
    assert "上限" in answer.words
    assert answer.has(Action.SHOW_BINDING_CODE)


def test_a_till_member_joins_their_own_card(
    with_sender: None, chat: Chat, sessions: Sessions, clock: Clock
) -> None:
    """U14, U23: known by phone at the till, now in LINE, with the same number."""
    with sessions.begin() as session:
        known = register_at_till(
            session,
            PHONE,
            name=None,
            store=Maker().store(session),
            staff_id=None,
            evidence="till:1",
            now=clock.now,
        )
        number = known.number
    join(chat, sessions)
    member = chat.a_member()
    assert (member.number, member.name) == (number, "林小晴")


def test_joining_with_the_phone_of_a_card_in_line_moves_that_card(
    with_sender: None, chat: Chat, make_chat: MakeChat, sessions: Sessions, clock: Clock
) -> None:
    """U14: who forgot that they were a member gets their card, not a refusal."""
    join(chat, sessions)
    number = chat.a_member().number
    clock.advance(hours=2)
    fresh = make_chat()
    fresh.follow()
    fresh.tap(Action.JOIN)
    fresh.agree()
    fresh.say("林小晴")
    fresh.say(PHONE)
    fresh.say(last_code(sessions))
    assert fresh.a_member().number == number


def test_a_new_phone_is_proved_before_it_counts(
    with_sender: None, chat: Chat, sessions: Sessions, clock: Clock
) -> None:
    """U14: a change of phone is verified by a code."""
    join(chat, sessions)
    clock.advance(hours=2)
    chat.tap(Action.CHANGE_PHONE)
    chat.say("0987654321")
    assert chat.a_member().phone == "+886912345678"
    chat.say(last_code(sessions))
    member = chat.a_member()
    assert (member.phone, member.phone_verified_at) == ("+886987654321", clock.now)


def test_a_phone_of_another_card_is_told_only_after_the_proof(
    with_sender: None, chat: Chat, make_chat: MakeChat, sessions: Sessions, clock: Clock
) -> None:
    join(chat, sessions)
    other = make_chat()
    other.follow()
    clock.advance(hours=1)
    join(other, sessions, "0987654321")
    clock.advance(hours=1)
    other.tap(Action.CHANGE_PHONE)
    assert "另一張" not in other.say(PHONE).words
    assert "另一張" in other.say(last_code(sessions)).words


# --- by a clerk


def test_without_a_sender_a_guest_shows_a_code_to_a_clerk(
    chat: Chat, session: Session, clock: Clock
) -> None:
    """U14: a QR of a minute, digits of ten, anew with each tap."""
    first = chat.tap(Action.WAS_MEMBER)
    request = session.scalars(select(BindingRequest)).one()
    assert request.line_user_id == chat.user_id
    assert f"{request.code[:4]} {request.code[4:]}" in first.words
    assert "/qr/" in str(first.messages)
    clock.advance(minutes=1)
    again = chat.tap_again(first.tap_of(Action.SHOW_BINDING_CODE))
    assert again.words != first.words


def test_a_taken_phone_leads_to_the_clerk(chat: Chat, session: Session) -> None:
    """U14: joining that meets a taken phone offers the way back."""
    Maker().member(session, phone="+886912345678")
    session.commit()
    chat.tap(Action.JOIN)
    chat.agree()
    chat.say("林小晴")
    answer = chat.say(PHONE)
    assert "已經登記過會員" in answer.words
    assert answer.has(Action.SHOW_BINDING_CODE)


@pytest.mark.parametrize("action", [Action.WAS_MEMBER, Action.SHOW_BINDING_CODE, Action.SEND_CODE])
def test_a_member_is_shown_the_card_they_have(member_chat: Chat, action: Action) -> None:
    assert member_chat.tap(action).has(Action.SHOW_POINTS)


def test_an_unknown_phone_is_asked_for_again(with_sender: None, chat: Chat) -> None:
    chat.tap(Action.WAS_MEMBER)
    assert "台灣手機" in chat.say("02-1234").words


def test_a_day_later_the_code_is_over(with_sender: None, chat: Chat, clock: Clock) -> None:
    chat.tap(Action.WAS_MEMBER)
    chat.say(PHONE)
    clock.now += timedelta(days=2)
    assert "失效" in chat.say("123456").words


def test_the_words_of_a_merge_are_drawn() -> None:
    from bot.render import render

    for kind, words in (
        ("line_moved", {}),
        ("member_merged", {"points": 80, "number": "821044173"}),
        ("card_unfrozen", {}),
    ):
        assert render(kind, words, texts_for("zh-TW"))


def test_a_moved_member_is_the_same_row(
    with_sender: None, chat: Chat, make_chat: MakeChat, sessions: Sessions, clock: Clock
) -> None:
    join(chat, sessions)
    member_id = chat.a_member().id
    clock.advance(hours=2)
    fresh = make_chat()
    fresh.follow()
    fresh.tap(Action.WAS_MEMBER)
    fresh.say(PHONE)
    fresh.say(last_code(sessions))
    with sessions() as session:
        member: Member = get_member(session, member_id)
    assert member.line_user_id == fresh.user_id

"""「不是我」 in the chat: the card freezes at once, and its owner knows what happens next."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy import select

from bot.postback import Action
from models.base import Sessions
from models.fraud import FraudAlert
from models.local_day import local_day
from models.purchase import Purchase
from tests.conftest import Clock, Maker
from tests.handlers.line.conftest import Chat

MakeChat = Callable[..., Chat]


@pytest.fixture
def purchase_id(member_chat: Chat, sessions: Sessions, clock: Clock) -> int:
    """Return a sale on the card of the person in the chat."""
    with sessions.begin() as session:
        row = Purchase(
            member_id=member_chat.a_member().id,
            store_id=Maker().store(session).id,
            amount_twd=120,
            paid_twd=120,
            points_earned=1,
            purchased_at=clock.now,
            purchased_on=local_day(clock.now),
            idempotency_key=f"sold:{uuid4()}",
        )
        session.add(row)
        session.flush()
        return row.id


def test_a_tap_freezes_the_card_and_says_what_happens_next(
    member_chat: Chat, purchase_id: int, sessions: Sessions
) -> None:
    """U12: 「不是我」 freezes."""
    answer = member_chat.tap(Action.NOT_ME, purchase=purchase_id)
    assert "已凍結" in answer.words
    assert "信義店" in answer.words
    assert member_chat.a_member().frozen_at is not None
    assert member_chat.tap(Action.NOT_ME, purchase=purchase_id).words == answer.words
    with sessions() as session:
        assert len(session.scalars(select(FraudAlert)).all()) == 1


def test_a_frozen_card_explains_itself(member_chat: Chat, purchase_id: int) -> None:
    """U12: a friendly explanation, and the code, since earning goes on."""
    member_chat.tap(Action.NOT_ME, purchase=purchase_id)
    answer = member_chat.tap(Action.SHOW_CARD)
    assert "暫時凍結" in answer.words
    assert "/qr/" in str(answer.messages)


def test_typed_words_ask_which_it_was(member_chat: Chat, purchase_id: int) -> None:
    """U12: reachable without an old message."""
    asked = member_chat.say("不是我！")
    assert "哪一筆" in asked.words
    tap = next(tap for tap in asked.taps if tap.action == Action.NOT_ME)
    assert tap.fields == {"purchase": str(purchase_id)}
    assert "已凍結" in member_chat.tap_again(tap).words


def test_nothing_lately_is_said_so(member_chat: Chat) -> None:
    assert "沒有消費" in member_chat.tap(Action.NOT_ME).words


def test_anothers_sale_freezes_nothing(
    member_chat: Chat, purchase_id: int, make_chat: MakeChat
) -> None:
    """U12: only its owner; a field is a question, never a right."""
    other = make_chat()
    other.follow()
    other.join()
    for field in (str(purchase_id), "9" * 40, "x", "-1"):
        assert "不在您的會員卡" in other.tap(Action.NOT_ME, purchase=field).words
    assert other.a_member().frozen_at is None


def test_a_late_tap_leads_to_a_person(member_chat: Chat, purchase_id: int, clock: Clock) -> None:
    """U12: within 14 days."""
    clock.advance(days=14)
    assert "超過 14 天" in member_chat.tap(Action.NOT_ME, purchase=purchase_id).words
    assert member_chat.a_member().frozen_at is None

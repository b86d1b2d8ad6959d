"""Receipt codes in the chat (U15): sent, credited, and every way to be told that it is not so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.postback import Action
from models.outbox import Owed
from models.purchase import Purchase
from models.receipt_code import (
    MOST_GUESSES,
    Issued,
    ReceiptAsked,
    cancel_receipt_code,
    issue_receipt_code,
)
from models.shop import Store
from models.staff import Staff
from models.velocity_rule import change_velocity_rule
from tests.conftest import NOON, Clock
from tests.handlers.line.conftest import Chat, MakeChat

_keys = count(1)
Issue = Callable[[], Issued]


@pytest.fixture
def clerk(session: Session, make_staff: Callable[..., Staff]) -> Staff:
    """Return the clerk who issues."""
    return make_staff()


@pytest.fixture
def issue(session: Session, store: Store, clerk: Staff) -> Issue:
    """Return a function that issues a code of NT$450."""

    def issue_one() -> Issued:
        asked = ReceiptAsked(store, clerk, 450, f"code:{next(_keys)}", b"a secret of the tests")
        issued = issue_receipt_code(session, asked, NOON)
        session.commit()
        return issued

    return issue_one


def purchases(session: Session) -> int:
    return session.scalar(select(func.count()).where(Purchase.source == "receipt")) or 0


def test_a_sent_code_is_answered_with_the_receipt(
    session: Session, member_chat: Chat, issue: Issue
) -> None:
    """U15: forgot to scan, credited later; the answer is a reply, no push is paid for."""
    answer = member_chat.say(f"補登 {issue().code}")

    assert "補登完成！" in answer.words
    assert "信義店" in answer.words
    assert "+4 點" in answer.words
    assert answer.has(Action.SHOW_PURCHASE)
    assert answer.owed is not None
    assert answer.owed.push_if_late
    states = session.scalars(select(Owed.state).where(Owed.kind == "receipt")).all()
    assert states == ["skipped"]


@pytest.mark.parametrize("form", ["{}", "收據碼：{}", "receipt code {}", "レシート {}", "  {}  "])
def test_a_code_is_heard_however_it_is_sent(
    session: Session, member_chat: Chat, issue: Issue, form: str
) -> None:
    code = issue().code
    assert "補登完成！" in member_chat.say(form.format(code.lower())).words
    assert purchases(session) == 1


def test_sending_it_twice_counts_once(session: Session, member_chat: Chat, issue: Issue) -> None:
    code = issue().code
    member_chat.say(code)
    assert "沒有重複計算" in member_chat.say(code).words
    assert purchases(session) == 1


def test_each_refusal_is_told(
    session: Session,
    clock: Clock,
    make_chat: MakeChat,
    member_chat: Chat,
    store: Store,
    clerk: Staff,
    issue: Issue,
) -> None:
    """U15: unknown, used, cancelled and over each have their own answer."""
    used, gone, late = issue(), issue(), issue()
    other = make_chat()
    other.join()
    other.say(used.code)
    cancel_receipt_code(session, gone.id, store=store, staff=clerk, now=NOON)
    session.commit()

    assert "找不到這組收據碼" in member_chat.say("R-2222-2222-2222").words
    assert "一張收據只能補登一次" in member_chat.say(used.code).words
    assert "已由門市取消" in member_chat.say(gone.code).words
    assert "看不懂這組收據碼" in member_chat.say("補登 ABC").words
    clock.advance(days=7)
    assert "到期，不能補登了" in member_chat.say(late.code).words
    assert purchases(session) == 1


def test_guessing_is_stopped_and_the_guesses_are_kept(
    session: Session, clock: Clock, member_chat: Chat, issue: Issue
) -> None:
    """U15: a refusal in the chat is an answer, and the count of it is committed with it."""
    code = issue().code
    for number in range(MOST_GUESSES):
        member_chat.say(f"R-2222-2222-222{number + 2}")
    assert "輸錯太多次了" in member_chat.say(code).words
    clock.now += timedelta(hours=1)
    assert "補登完成！" in member_chat.say(code).words


def test_the_issuing_clerk_is_told_no_and_the_code_stays_good(
    session: Session, make_chat: MakeChat, member_chat: Chat, clerk: Staff, issue: Issue
) -> None:
    """U8: not on the card of who issued it."""
    issued = issue()
    clerk.member_id = member_chat.a_member().id
    session.commit()
    assert "不能補登到自己的會員卡" in member_chat.say(issued.code).words
    assert purchases(session) == 0
    other = make_chat()
    other.join()
    assert "補登完成！" in other.say(issued.code).words


def test_too_many_in_a_day_wait_and_the_clerks_pace_does_not_count(
    session: Session, clock: Clock, member_chat: Chat, issue: Issue
) -> None:
    """U8: the buyer's limits hold; those of a clerk who is not there cannot be asked about."""
    change_velocity_rule(session, "staff_10_minutes", warn_at=1, block_at=1, is_active=True)
    change_velocity_rule(session, "member_day", warn_at=1, block_at=2, is_active=True)
    first, second = issue(), issue()
    assert "補登完成！" in member_chat.say(first.code).words
    assert "可以明天再傳一次" in member_chat.say(second.code).words
    assert purchases(session) == 1


def test_a_guest_is_asked_to_join_first(make_chat: MakeChat, issue: Issue) -> None:
    """U15: the code waits for who is no member yet."""
    guest, issued = make_chat(), issue()
    answer = guest.say(issued.code)
    assert "先加入會員" in answer.words
    assert answer.has(Action.JOIN)
    guest.join()
    assert "補登完成！" in guest.say(issued.code).words


def test_asking_how_is_answered(member_chat: Chat) -> None:
    assert "7 天內" in member_chat.say("忘記掃碼").words
    assert "收據碼" in member_chat.say("說明").words

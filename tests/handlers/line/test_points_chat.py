"""Points in the chat: what is there and what waits, every line with store and reason, codes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from bot.postback import Action
from models.member import Member
from models.points import make_bonus_codes, post_points, take_back
from models.shop import find_store, get_shop
from tests.conftest import NOON
from tests.handlers.line.conftest import Chat, MakeChat

WEEK = date(2026, 11, 29)


@pytest.fixture
def owner(session: Session, member_chat: Chat) -> Member:
    """Return the member of the chat, in the test's session."""
    return session.get_one(Member, member_chat.a_member().id)


def post(session: Session, member: Member, points: int, key: str, **told: object) -> None:
    post_points(
        session,
        member,
        points,
        reason=str(told.pop("reason", "reward")),
        idempotency_key=key,
        now=NOON,
        **told,  # type: ignore[arg-type]  # Told by name, as there.
    )
    session.commit()


def code(session: Session, **told: object) -> str:
    made = make_bonus_codes(
        session,
        1,
        200,
        expires_at=NOON + timedelta(days=9),
        now=NOON,
        note="週年慶",
        **told,  # type: ignore[arg-type]  # As above.
    )
    session.commit()
    return made[0].shown


def test_each_line_says_store_and_reason(
    session: Session, member_chat: Chat, owner: Member
) -> None:
    """X6: the shopper sees each line with its store."""
    store = find_store(session, "TP02")
    assert store is not None
    post(session, owner, 30, "a", store_id=store.id, note="開幕活動")

    words = member_chat.tap(Action.SHOW_POINTS).words

    assert "師大店" in words
    assert "活動贈點" in words
    assert "開幕活動" in words
    assert "+30" in words


def test_pending_points_are_shown_with_their_day(
    session: Session, member_chat: Chat, owner: Member
) -> None:
    """Pending points (section 4): seen, and from when they can be spent."""
    post(session, owner, 30, "a", pending_until=WEEK)

    words = member_chat.tap(Action.SHOW_POINTS).words

    assert "還有 30 點等待生效" in words
    assert "2026/11/29 起可用" in words
    assert "您目前有 0 點" in words


def test_a_balance_below_zero_is_shown_and_explained(
    session: Session, member_chat: Chat, owner: Member
) -> None:
    """U11, points correctness: negative shown honestly, always explained."""
    get_shop(session).negative_points = "debt"
    entry = post_points(session, owner, 30, reason="reward", idempotency_key="a", now=NOON)
    post(session, owner, -30, "b", reason="redemption")
    take_back(session, owner, entry, 30, idempotency_key="c", now=NOON)
    session.commit()

    words = member_chat.tap(Action.SHOW_POINTS).words

    assert "您目前有 −30 點" in words
    assert "接下來獲得的 30 點會先補上" in words


def test_what_was_forgiven_is_said(session: Session, member_chat: Chat, owner: Member) -> None:
    entry = post_points(session, owner, 30, reason="reward", idempotency_key="a", now=NOON)
    post(session, owner, -30, "b", reason="redemption")
    take_back(session, owner, entry, 30, idempotency_key="c", now=NOON)
    session.commit()

    assert "其中 30 點已不在，不再收回" in member_chat.tap(Action.SHOW_POINTS).words


def test_older_lines_come_twenty_at_a_time_to_the_first(
    session: Session, member_chat: Chat, owner: Member
) -> None:
    for number in range(1, 31):
        post(session, owner, number, f"key {number}", note=f"第{number}筆")

    card = member_chat.tap(Action.SHOW_POINTS)
    second = member_chat.tap_again(card.tap_of(Action.SHOW_POINTS_PAGE))
    third = member_chat.tap_again(second.tap_of(Action.SHOW_POINTS_PAGE))

    seen = [
        [number for number in range(30, 0, -1) if f"第{number}筆" in answer.words]
        for answer in (card, second, third)
    ]
    assert seen == [list(range(30, 24, -1)), list(range(24, 4, -1)), list(range(4, 0, -1))]
    assert not third.has(Action.SHOW_POINTS_PAGE)


@pytest.mark.parametrize("before", ["", "x", "-1", "9" * 40, "0"])
def test_a_page_nobody_offered_is_answered(member_chat: Chat, before: str) -> None:
    assert member_chat.tap(Action.SHOW_POINTS_PAGE, before=before).messages


@pytest.mark.parametrize("form", ["兌換碼 {}", "兌換碼：{}", "code:{}", "{}", " {} "])
def test_a_bonus_code_is_redeemed_by_typing_it(
    session: Session, member_chat: Chat, owner: Member, form: str
) -> None:
    """U11: typed with the word or without, in any case."""
    answer = member_chat.say(form.format(code(session).lower()))

    assert "+200 點" in answer.words
    assert "週年慶" in answer.words
    assert member_chat.a_member().points == 200


def test_a_used_or_foreign_code_meets_the_same_answer(
    session: Session, member_chat: Chat, make_chat: MakeChat, owner: Member
) -> None:
    """U11: nothing is learnt by trying."""
    other = make_chat()
    other.follow()
    other.join()
    used, own = code(session), code(session, member_id=owner.id)
    member_chat.say(used)

    answers = {other.say(f"兌換碼 {typed}").words for typed in (used, own, "ABCD-EFGH-2345")}

    assert len(answers) == 1
    assert "無法使用" in answers.pop()
    assert other.a_member().points == 0


def test_a_guest_who_types_a_code_is_asked_to_join(session: Session, chat: Chat) -> None:
    assert chat.say(code(session)).has(Action.JOIN)


def test_a_code_nobody_made_is_no_bonus_code(member_chat: Chat) -> None:
    assert "無法使用" not in member_chat.say("ABCD-EFGH-2345").words

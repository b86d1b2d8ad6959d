"""The outbox: owed once, claimed by one, settled once, forgotten when old."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.base import DELIVERY, take_woken
from models.friend import Friend
from models.member import Member
from models.outbox import (
    LEASE,
    REPLY_TOKEN_LIFE,
    STRANGER,
    Owed,
    become_push,
    claim_owed,
    count_due,
    forget_settled,
    owe,
    owe_reply,
    receivers_of,
    release_by_hand,
    settle,
    try_again_at,
)
from tests.conftest import NOON, Committed

MakeMember = Callable[..., Member]


def owed(session: Session, key: str = "k", now: datetime = NOON) -> Owed:
    row = owe(session, "U1", "receipt", {"n": 1}, language="en", idempotency_key=key, now=now)
    session.flush()
    return row


def reply(session: Session, key: str = "r", received_at: datetime = NOON) -> Owed:
    row = owe_reply(
        session,
        "U1",
        [{"type": "text", "text": "hi"}],
        reply_token="token",
        received_at=received_at,
        language="en",
        push_if_late=True,
        idempotency_key=key,
        now=NOON,
    )
    session.flush()
    return row


def claimed(session: Session, now: datetime = NOON, limit: int = 10) -> list[str]:
    return [claim.owed.idempotency_key for claim in claim_owed(session, limit=limit, now=now)]


def fresh(session: Session, row: Owed) -> Owed:
    """Return a row as the database has it."""
    return session.get_one(Owed, row.id, populate_existing=True)


def test_a_row_has_its_retry_key_before_the_first_try(session: Session) -> None:
    """The row's UUID is LINE's X-Line-Retry-Key, so it must be there before it is sent."""
    row = owed(session)
    assert isinstance(row.id, uuid.UUID)
    assert (row.state, row.tries, row.in_doubt) == ("waiting", 0, False)


def test_a_key_is_owed_once(session: Session) -> None:
    owed(session)
    with pytest.raises(IntegrityError, match="idempotency_key"), session.begin_nested():
        owed(session)


def test_what_is_owed_wakes_its_delivery_once(session: Session) -> None:
    owed(session)
    owed(session, "another")
    assert take_woken(session) == {DELIVERY}
    assert not take_woken(session)


def test_due_rows_are_claimed_oldest_first_up_to_the_limit(session: Session) -> None:
    for key in "abc":
        owed(session, key)
    owed(session, "later", NOON + timedelta(seconds=1))
    assert claimed(session, limit=2) == ["a", "b"]
    assert claimed(session) == ["c"]


def test_a_claim_is_a_lease(session: Session) -> None:
    row = owed(session)
    assert claimed(session) == ["k"]
    assert claimed(session, NOON + LEASE - timedelta(microseconds=1)) == []
    assert claimed(session, NOON + LEASE) == ["k"]
    assert (row.tries, row.first_try_at) == (2, NOON)


def test_a_claim_tells_whether_an_earlier_try_may_have_been_taken(session: Session) -> None:
    """Silent failures: a try without an answer leaves doubt, and the retry key settles it."""
    owed(session)
    first = claim_owed(session, limit=1, now=NOON)[0]
    again = claim_owed(session, limit=1, now=NOON + LEASE)[0]
    assert (first.was_in_doubt, again.was_in_doubt) == (False, True)


def test_a_clear_refusal_to_take_it_leaves_no_doubt(session: Session) -> None:
    row = owed(session)
    claim_owed(session, limit=1, now=NOON)
    later = NOON + timedelta(minutes=1)
    try_again_at(session, row.id, later, in_doubt=False, status=429, reason="rate")
    assert claimed(session, later - timedelta(seconds=1)) == []
    claim = claim_owed(session, limit=1, now=later)[0]
    assert not claim.was_in_doubt
    assert (claim.owed.status, claim.owed.reason) == (429, "rate")


def test_a_settled_row_is_not_claimed_and_holds_no_words(session: Session) -> None:
    row = owed(session)
    settle(session, row.id, "accepted", NOON, via="push", status=200, request_id="req")
    fresh(session, row)
    assert (row.state, row.via, row.status, row.request_id) == ("accepted", "push", 200, "req")
    assert (row.words, row.settled_at) == ({}, NOON)
    assert claimed(session, NOON + timedelta(days=1)) == []


def test_a_row_is_settled_once(session: Session) -> None:
    row = owed(session)
    settle(session, row.id, "accepted", NOON)
    settle(session, row.id, "refused", NOON + timedelta(seconds=1), reason="late")
    try_again_at(session, row.id, NOON, in_doubt=True, status=500, reason=None)
    become_push(session, row.id, NOON)
    assert (fresh(session, row).state, row.reason, row.settled_at) == ("accepted", None, NOON)


def test_a_reply_is_born_claimed_by_who_sends_it(session: Session) -> None:
    row = reply(session, received_at=NOON - timedelta(seconds=2))
    assert row.reply_until == NOON - timedelta(seconds=2) + REPLY_TOKEN_LIFE
    assert claimed(session) == []
    assert claim_owed(session, limit=1, now=NOON + LEASE)[0].was_in_doubt


def test_a_reply_that_is_settled_loses_its_token(session: Session) -> None:
    row = reply(session)
    settle(session, row.id, "accepted", NOON, via="reply")
    kept = fresh(session, row)
    assert (kept.reply_token, kept.reply_until) == (None, None)


def test_a_reply_whose_token_died_goes_on_as_a_push_without_doubt(session: Session) -> None:
    row = reply(session)
    become_push(session, row.id, NOON)
    claim = claim_owed(session, limit=1, now=NOON)[0]
    assert claim.owed.id == row.id
    assert not claim.was_in_doubt
    assert fresh(session, row).reply_token is None


def test_a_late_reply_that_surely_was_not_said_is_claimed_as_a_push(session: Session) -> None:
    row = reply(session)
    late = NOON + REPLY_TOKEN_LIFE + timedelta(seconds=1)
    try_again_at(session, row.id, late, in_doubt=False, status=500, reason=None)
    claim = claim_owed(session, limit=1, now=late)[0]
    assert not claim.was_in_doubt
    assert (claim.owed.reply_token, claim.owed.reply_until) == (None, None)


def test_a_late_reply_that_may_have_been_said_stays_a_reply(session: Session) -> None:
    reply(session)
    late = NOON + REPLY_TOKEN_LIFE + timedelta(seconds=1)
    claim = claim_owed(session, limit=1, now=late)[0]
    assert claim.was_in_doubt
    assert claim.owed.reply_token == "token"


def test_what_is_true_of_a_receiver_is_asked_at_the_last_moment(
    session: Session, make_member: MakeMember
) -> None:
    """U5: who blocked us is skipped; a stop to marketing holds for what is not yet on its way."""
    willing, silent = make_member(), make_member(marketing=False)
    blocked = make_member(friend=False)
    session.add(Friend(line_user_id="Uguest", changed_at=NOON))
    session.flush()
    people = [str(m.line_user_id) for m in (willing, silent, blocked)]
    found = receivers_of(session, [*people, "Uguest", "Ustranger"])
    told = [found.get(person, STRANGER) for person in (*people, "Uguest", "Ustranger")]
    assert [(r.is_friend, r.is_member, r.marketing_allowed) for r in told] == [
        (True, True, True),
        (True, True, False),
        (False, True, True),
        (True, False, False),
        (False, False, False),
    ]


def test_old_settled_rows_are_forgotten_in_parts(session: Session) -> None:
    for place in range(3):
        row = owed(session, f"old {place}")
        settle(session, row.id, "accepted", NOON - timedelta(days=40))
    owed(session, "waiting")
    settle(session, owed(session, "young").id, "accepted", NOON)
    before = NOON - timedelta(days=30)
    assert forget_settled(session, before, limit=2) == 2
    assert forget_settled(session, before, limit=2) == 1
    left = session.scalars(select(Owed.idempotency_key).order_by(Owed.seq)).all()
    assert left == ["waiting", "young"]


def test_due_rows_are_counted(session: Session) -> None:
    owed(session)
    owed(session, "later", NOON + timedelta(minutes=1))
    settle(session, owed(session, "done").id, "accepted", NOON)
    assert count_due(session, NOON) == 1


def test_what_a_job_owes_when_played_at_another_moment_is_due_now(session: Session) -> None:
    played_at = NOON + timedelta(days=30)
    row = owed(session, "played", played_at)
    row.useful_until = played_at + timedelta(hours=12)
    real = owed(session, "real", NOON - timedelta(minutes=1))
    session.flush()
    assert release_by_hand(session, played_at, NOON) == 1
    assert (fresh(session, row).next_try_at, row.created_at) == (NOON, NOON)
    assert row.useful_until == NOON + timedelta(hours=12)
    assert fresh(session, real).created_at == NOON - timedelta(minutes=1)


def test_moments_come_back_with_their_zone(session: Session) -> None:
    row = owed(session)
    row.useful_until = NOON
    settle(session, row.id, "skipped", NOON, reason="too_late")
    fresh(session, row)
    moments = [row.useful_until, row.settled_at, row.created_at]
    assert [moment.utcoffset() for moment in moments if moment] == [timedelta(0)] * 3


def test_two_workers_never_claim_one_row(committed: Committed) -> None:
    """SKIP LOCKED: many workers share the work, none does another's."""
    with committed.sessions.begin() as session:
        for place in range(60):
            owed(session, f"key {place}")

    def work(_: int) -> list[str]:
        with committed.sessions.begin() as session:
            return claimed(session, limit=7)

    with ThreadPoolExecutor(6) as workers:
        shares = list(workers.map(work, range(12)))
    keys = [key for share in shares for key in share]
    assert len(keys) == len(set(keys)) == 60

"""The outbox: each row handed to LINE once, kept when LINE is away, ended when it must not go."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest

from bot.client import Outcome, Verdict
from jobs import deliver_outbox as module
from jobs.delivery import LONGEST_PAUSE, QUOTA_PAUSE, pause_before
from models.friend import Friend
from models.member import Member
from models.outbox import (
    LEASE,
    RETRY_KEY_LIFE,
    Owed,
    claim_owed,
    count_due,
    forget_settled,
    receivers_of,
    release_by_hand,
)
from models.rich_menu import keep_rich_menu
from tests.jobs.conftest import (
    ACCEPTED,
    ALREADY,
    NO_ANSWER,
    NO_QUOTA,
    RATE_LIMITED,
    REFUSED,
    SERVER_ERROR,
    UNREACHABLE,
    Killed,
    Worker,
    a_person,
    seconds_until,
)


@pytest.fixture
def friend(worker: Worker) -> str:
    person = a_person()
    worker.befriend(person)
    return person


def tried(worker: Worker, person: str, *script: Outcome, **owed: Any) -> Owed:
    """Owe a push, deliver it once for each outcome of the script, and return the row."""
    owed_id = worker.owe(person, **owed)
    for outcome in script:
        worker.line.script = [outcome]
        worker.deliver_outbox()
        worker.clock.advance(seconds=seconds_until(worker.row(owed_id), worker.clock.now))
    return worker.row(owed_id)


# --- what LINE's answer means


@pytest.mark.parametrize("outcome", [ACCEPTED, ALREADY])
def test_what_line_took_is_accepted_and_emptied(
    worker: Worker, friend: str, outcome: Outcome
) -> None:
    row = tried(worker, friend, outcome)

    assert (row.state, row.via, row.words) == ("accepted", "push", {})
    assert row.status == outcome.status
    assert row.request_id == outcome.request_id
    assert row.settled_at is not None


def test_the_rows_id_is_the_retry_key_of_every_try(worker: Worker, friend: str) -> None:
    row = tried(worker, friend, SERVER_ERROR, NO_ANSWER, RATE_LIMITED, UNREACHABLE, ACCEPTED)

    assert row.state == "accepted"
    assert [call.retry_key for call in worker.line.said] == [row.id] * 5
    assert len({str(call.messages) for call in worker.line.said}) == 1


@pytest.mark.parametrize(
    ("outcome", "in_doubt"),
    [(RATE_LIMITED, False), (UNREACHABLE, False), (SERVER_ERROR, True), (NO_ANSWER, True)],
)
def test_what_line_did_not_take_waits_for_its_pause(
    worker: Worker, friend: str, outcome: Outcome, in_doubt: bool
) -> None:
    owed_id = worker.owe(friend)
    worker.line.script = [outcome]

    assert worker.deliver_outbox() == 1

    row = worker.row(owed_id)
    assert (row.state, row.in_doubt, row.reason) == ("waiting", in_doubt, outcome.reason)
    assert 0.4 < seconds_until(row, worker.clock.now) <= 1
    assert worker.deliver_outbox() == 0


def test_a_doubt_once_raised_stays(worker: Worker, friend: str) -> None:
    assert tried(worker, friend, NO_ANSWER, RATE_LIMITED).in_doubt


def test_the_months_quota_is_waited_for_an_hour(worker: Worker, friend: str) -> None:
    owed_id = worker.owe(friend)
    worker.line.script = [NO_QUOTA]
    worker.deliver_outbox()

    assert seconds_until(worker.row(owed_id), worker.clock.now) == QUOTA_PAUSE.total_seconds()


def test_pauses_double_up_to_five_minutes_and_differ() -> None:
    pauses = [max(pause_before(tries, RATE_LIMITED) for _ in range(50)) for tries in range(1, 40)]

    assert pauses[0] <= timedelta(seconds=1)
    assert timedelta(seconds=8) < pauses[4] <= timedelta(seconds=16)
    assert max(pauses) <= LONGEST_PAUSE
    assert len({pause_before(5, RATE_LIMITED) for _ in range(10)}) > 1
    assert pause_before(10**6, SERVER_ERROR) <= LONGEST_PAUSE


def test_a_refusal_is_final_and_keeps_lines_reason(worker: Worker, friend: str) -> None:
    row = tried(worker, friend, REFUSED)

    assert (row.state, row.status, row.words) == ("refused", 400, {})
    assert row.reason == REFUSED.reason
    assert worker.deliver_outbox() == 0


@pytest.mark.parametrize(
    ("outcome", "state"), [(SERVER_ERROR, "unknown"), (RATE_LIMITED, "skipped")]
)
def test_after_a_day_a_row_is_not_tried_again(
    worker: Worker, friend: str, outcome: Outcome, state: str
) -> None:
    tried(worker, friend, outcome)
    worker.clock.advance(seconds=RETRY_KEY_LIFE.total_seconds())
    worker.line.said.clear()

    worker.deliver_outbox()

    (row,) = worker.rows()
    assert (row.state, row.reason) == (state, "too_late")
    assert worker.line.said == []


# --- claims


def test_a_worker_that_dies_lets_its_claim_lapse(worker: Worker, friend: str) -> None:
    worker.owe(friend)
    worker.line.script = [Killed()]
    with pytest.raises(Killed):
        worker.deliver_outbox()

    assert worker.deliver_outbox() == 0
    worker.clock.advance(seconds=LEASE.total_seconds())
    assert worker.deliver_outbox() == 1
    first, second = worker.line.said
    assert first.retry_key == second.retry_key
    assert worker.rows()[0].state == "accepted"


def test_a_worker_that_dies_with_one_row_still_sends_the_others(worker: Worker) -> None:
    people = [a_person() for _ in range(3)]
    for person in people:
        worker.befriend(person)
        worker.owe(person)
    worker.line.script = [RuntimeError("a bug in sending")]

    with pytest.raises(RuntimeError):
        worker.deliver_outbox()

    assert sorted(row.state for row in worker.rows()) == ["accepted", "accepted", "waiting"]


def test_a_row_claimed_elsewhere_is_passed_over(worker: Worker, friend: str) -> None:
    held, free = worker.owe(friend), worker.owe(friend)
    with worker.sessions.begin() as other:
        other.get_one(Owed, held, with_for_update=True)

        assert [c.owed.id for c in worker.run(_claim_all(worker))] == [free]


def _claim_all(worker: Worker) -> Any:
    return lambda session: claim_owed(session, limit=10, now=worker.clock.now)


def test_two_workers_say_nothing_twice(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    for _ in range(20):
        person = a_person()
        worker.befriend(person)
        worker.owe(person)

    threads = [threading.Thread(target=worker.deliver_outbox) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    keys = [call.retry_key for call in worker.line.said]
    assert len(keys) == len(set(keys)) == 20


def test_one_persons_messages_go_out_in_the_order_they_were_owed(
    worker: Worker, friend: str
) -> None:
    other = a_person()
    worker.befriend(other)
    for number in range(6):
        worker.owe(friend, words={"shop_name": f"第{number}家"})
        worker.owe(other, words={"shop_name": f"第{number}家"})

    worker.deliver_outbox()

    for person in (friend, other):
        own = [str(call.messages) for call in worker.line.said if call.to == person]
        assert [text.count(f"第{number}家") for number, text in enumerate(own)] == [1] * 6


def test_more_rows_than_a_batch_are_all_delivered(
    worker: Worker, friend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    for _ in range(5):
        worker.owe(friend)

    assert worker.deliver_outbox() == 5


def test_what_is_not_due_waits(worker: Worker, friend: str) -> None:
    owed_id = worker.owe(friend)
    worker.change(Owed, owed_id, next_try_at=worker.clock.now + timedelta(seconds=1))

    assert worker.deliver_outbox() == 0
    assert worker.run(lambda s: count_due(s, worker.clock.now)) == 0
    worker.clock.advance(seconds=1)
    assert worker.run(lambda s: count_due(s, worker.clock.now)) == 1
    assert worker.deliver_outbox() == 1


# --- what must not go


def test_who_is_no_friend_is_not_written_to(worker: Worker) -> None:
    blocked, stranger = a_person(), a_person()
    worker.befriend(blocked, is_following=False)

    for person in (blocked, stranger):
        row = tried(worker, person, ACCEPTED)
        assert (row.state, row.reason, row.words) == ("skipped", "not_a_friend", {})
    assert worker.line.said == []


def test_a_block_at_the_last_moment_holds(worker: Worker, friend: str) -> None:
    tried(worker, friend, UNREACHABLE)
    worker.change(Friend, friend, is_following=False)
    worker.deliver_outbox()

    assert worker.rows()[0].reason == "not_a_friend"
    assert len(worker.line.said) == 1


def test_a_stop_of_marketing_at_the_last_moment_holds(worker: Worker) -> None:
    member = worker.member(marketing=True)
    assert member.line_user_id is not None
    about: dict[str, Any] = {"member_id": member.id}
    marketing = worker.owe(member.line_user_id, is_marketing=True, **about)
    service = worker.owe(member.line_user_id, **about)
    worker.change(Member, member.id, marketing_allowed=False)

    worker.deliver_outbox()

    assert (worker.row(marketing).state, worker.row(marketing).reason) == (
        "skipped",
        "marketing_stopped",
    )
    assert worker.row(service).state == "accepted"


def test_marketing_goes_to_who_allows_it(worker: Worker) -> None:
    member = worker.member(marketing=True)
    assert member.line_user_id is not None
    row = tried(worker, member.line_user_id, ACCEPTED, is_marketing=True, member_id=member.id)

    assert row.state == "accepted"


def test_what_was_owed_to_who_left_is_not_sent(worker: Worker) -> None:
    member = worker.member()
    assert member.line_user_id is not None
    owed_id = worker.owe(member.line_user_id, member_id=member.id)
    worker.change(
        Member,
        member.id,
        line_user_id=None,
        name=None,
        phone=None,
        birthday=None,
        marketing_allowed=False,
        erased_at=worker.clock.now,
    )
    worker.deliver_outbox()

    assert (worker.row(owed_id).state, worker.row(owed_id).reason) == ("skipped", "erased")


def test_what_is_no_longer_useful_is_not_sent(worker: Worker, friend: str) -> None:
    until = worker.clock.now + timedelta(hours=1)
    timely, late = (worker.owe(friend, useful_until=until) for _ in range(2))
    worker.change(Owed, late, next_try_at=until)

    worker.deliver_outbox()
    worker.clock.now = until
    worker.deliver_outbox()

    assert worker.row(timely).state == "accepted"
    assert (worker.row(late).state, worker.row(late).reason) == ("skipped", "too_late")


@pytest.mark.parametrize(
    ("kind", "words"),
    [("fortune", {}), ("receipt", {}), ("receipt", {"points_earned": "many"}), ("reply", {})],
)
def test_a_row_that_cannot_be_drawn_is_ended_and_holds_up_nobody(
    worker: Worker, friend: str, kind: str, words: dict[str, Any]
) -> None:
    broken = worker.owe(friend, kind, words=words)
    good = worker.owe(friend)

    assert worker.deliver_outbox() == 1
    assert worker.row(broken).state == "refused"
    assert worker.row(broken).reason
    assert worker.row(good).state == "accepted"


# --- rich menus


def test_a_member_is_shown_the_members_menu_and_a_guest_the_default_one(worker: Worker) -> None:
    worker.run(lambda s: keep_rich_menu(s, "member", "v1", "richmenu-7", worker.clock.now))
    member, guest = a_person(), a_person()
    worker.owe(member, "rich_menu", words={"menu": "member"})
    worker.owe(guest, "rich_menu", words={"menu": "guest"})

    worker.deliver_outbox()

    assert {(call.via, call.to) for call in worker.line.said} == {
        ("link richmenu-7", member),
        ("unlink", guest),
    }
    assert {(row.state, row.via) for row in worker.rows()} == {("accepted", "menu")}


@pytest.mark.parametrize("words", [{"menu": "member"}, {"menu": "dessert"}, {}])
def test_a_menu_line_does_not_have_yet_is_the_default_one(
    worker: Worker, friend: str, words: dict[str, str]
) -> None:
    worker.owe(friend, "rich_menu", words=words)
    good = worker.owe(friend)

    worker.deliver_outbox()

    assert worker.line.said[0].via == "unlink"
    assert worker.row(good).state == "accepted"


def test_a_menu_is_tried_for_as_long_as_line_does_not_answer(worker: Worker, friend: str) -> None:
    row = tried(worker, friend, SERVER_ERROR, kind="rich_menu", words={"menu": "guest"})
    worker.clock.advance(days=2)
    worker.deliver_outbox()

    assert worker.row(row.id).state == "accepted"


# --- replies left behind


def test_a_reply_left_behind_keeps_its_token_for_its_minute(worker: Worker, friend: str) -> None:
    owed_id = worker.owe_reply(friend)
    worker.clock.advance(seconds=54)
    worker.deliver_outbox()

    assert (worker.row(owed_id).state, worker.row(owed_id).via) == ("accepted", "reply")


def test_a_reply_left_behind_for_longer_may_have_been_said(worker: Worker, friend: str) -> None:
    owed_id = worker.owe_reply(friend, push_if_late=True)
    worker.clock.advance(seconds=55)
    worker.deliver_outbox()

    assert (worker.row(owed_id).state, worker.row(owed_id).reason) == ("unknown", "too_late")
    assert worker.line.said == []


def test_a_late_push_without_an_answer_is_tried_again_under_its_key(
    worker: Worker, friend: str
) -> None:
    owed_id = worker.owe_reply(friend, push_if_late=True)
    worker.change(Owed, owed_id, in_doubt=False)
    worker.clock.advance(minutes=2)
    worker.line.script = [SERVER_ERROR]
    worker.deliver_outbox()
    worker.clock.advance(minutes=1)
    worker.deliver_outbox()

    assert [(call.via, call.retry_key) for call in worker.line.said] == [("push", owed_id)] * 2
    assert (worker.row(owed_id).state, worker.row(owed_id).via) == ("accepted", "push")


# --- what the table itself keeps


def test_receivers_are_known_by_friendship_and_consent(worker: Worker) -> None:
    yes = worker.member(marketing=True)
    no = worker.member(marketing=False, friend=False)
    guest = a_person()
    worker.befriend(guest)
    people = [str(yes.line_user_id), str(no.line_user_id), guest, a_person()]

    known = worker.run(lambda s: receivers_of(s, people))

    assert [
        (known[p].is_friend, known[p].is_member, known[p].marketing_allowed) for p in people[:3]
    ] == [(True, True, True), (False, True, False), (True, False, False)]
    assert people[3] not in known


def test_what_was_settled_long_ago_is_forgotten_in_parts(worker: Worker, friend: str) -> None:
    for _ in range(3):
        tried(worker, friend, ACCEPTED)
    waiting = worker.owe(friend)
    later = worker.clock.now + timedelta(days=1)

    assert worker.run(lambda s: forget_settled(s, later, limit=2)) == 2
    assert worker.run(lambda s: forget_settled(s, later, limit=2)) == 1
    assert [row.id for row in worker.rows()] == [waiting]


def test_what_a_job_played_at_another_moment_owes_is_released_now(
    worker: Worker, friend: str
) -> None:
    now, played_at = worker.clock.now, worker.clock.now + timedelta(days=30)
    worker.clock.now = played_at
    owed_id = worker.owe(friend, useful_until=played_at + timedelta(hours=12))
    worker.clock.now = now
    assert worker.deliver_outbox() == 0

    assert worker.run(lambda s: release_by_hand(s, played_at, now)) == 1
    assert worker.deliver_outbox() == 1
    assert worker.row(owed_id).state == "accepted"
    assert worker.row(owed_id).useful_until == now + timedelta(hours=12)


def test_only_success_is_success() -> None:
    assert [verdict for verdict in Verdict if Outcome(verdict).is_success] == [
        Verdict.ACCEPTED,
        Verdict.ALREADY_ACCEPTED,
    ]

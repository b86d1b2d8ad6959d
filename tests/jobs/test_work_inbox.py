"""The inbox: in order for each person, in parallel for many, nothing lost and nothing twice."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from bot.client import Profile
from jobs import work_inbox as module
from models.consent import get_notice
from models.friend import Friend
from models.line_event import MOST_TRIES, RETRY_AFTER, LineEvent
from models.member import Member
from models.outbox import LEASE, Owed, owe, owe_reply
from tests.jobs.conftest import (
    DEAD_TOKEN,
    NO_ANSWER,
    RATE_LIMITED,
    REFUSED,
    Killed,
    Worker,
    a_person,
    texts_of,
)


class Handlers:
    """Stand in for the handlers: remember who was worked, and fail where told."""

    def __init__(self, *, push_if_late: bool = False) -> None:
        self.worked: list[str] = []
        self.failures: dict[str, list[BaseException]] = {}
        self.push_if_late = push_if_late

    def __call__(
        self, session: Session, event: LineEvent, profile: Profile, now: datetime
    ) -> Owed | None:
        said = event.raw["said"]
        self.worked.append(said)
        if self.failures.get(said):
            raise self.failures[said].pop(0)
        return owe_reply(
            session,
            event.person,
            [{"type": "text", "text": said}],
            reply_token=event.raw["replyToken"],
            received_at=event.received_at,
            language="zh-TW",
            push_if_late=self.push_if_late,
            idempotency_key=f"reply:{event.webhook_event_id}",
            now=now,
        )


@pytest.fixture
def handlers(worker: Worker) -> Handlers:
    made = Handlers()
    worker.work_event = made
    return made


def say(worker: Worker, person: str | None, said: str, *, late: float = 0) -> int:
    return worker.receive(person, said=said, late=late)


# --- order


def test_one_persons_events_are_worked_and_answered_in_their_order(
    worker: Worker, handlers: Handlers
) -> None:
    person = a_person()
    for number in range(10):
        say(worker, person, str(number))

    assert worker.work_inbox() == 10
    assert handlers.worked == [str(number) for number in range(10)]
    assert texts_of(worker.line.said) == handlers.worked
    assert {row.state for row in worker.rows()} == {"accepted"}


def test_different_people_are_worked_at_the_same_time(worker: Worker) -> None:
    together = threading.Barrier(3, timeout=60)

    def meet_others(
        _session: Session, _event: LineEvent, _profile: Profile, _now: datetime
    ) -> None:
        together.wait()

    worker.work_event = meet_others
    for _ in range(3):
        say(worker, a_person(), "hello")

    assert worker.work_inbox() == 3


def test_events_of_nobody_wait_for_nobody(worker: Worker, handlers: Handlers) -> None:
    for number in range(3):
        say(worker, None, str(number))

    assert worker.work_inbox() == 3
    assert sorted(handlers.worked) == ["0", "1", "2"]


def test_more_events_than_a_batch_are_all_worked(
    worker: Worker, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    people = [a_person() for _ in range(3)]
    for number in range(9):
        say(worker, people[number % 3], str(number))

    assert worker.work_inbox() == 9
    assert worker.work_inbox() == 0


def test_an_empty_inbox_is_no_work(worker: Worker) -> None:
    assert worker.work_inbox() == 0
    assert worker.line.said == []


def test_the_job_ends_after_its_time_and_leaves_the_rest(
    worker: Worker, handlers: Handlers, monkeypatch: pytest.MonkeyPatch
) -> None:
    say(worker, a_person(), "later")
    monkeypatch.setattr(module, "LONGEST_SECONDS", 0.0)
    assert worker.work_inbox() == 0
    monkeypatch.setattr(module, "LONGEST_SECONDS", 30.0)
    assert worker.work_inbox() == 1


def test_an_event_another_worker_holds_is_left_to_it(worker: Worker, handlers: Handlers) -> None:
    held, free = say(worker, a_person(), "held"), say(worker, a_person(), "free")
    with worker.sessions.begin() as other:
        other.get_one(LineEvent, held, with_for_update=True)

        assert worker.work_inbox() == 1

    assert handlers.worked == ["free"]
    assert worker.event(free).state == "done"
    assert worker.work_inbox() == 1


def test_two_workers_at_once_work_each_event_once(worker: Worker, handlers: Handlers) -> None:
    people = [a_person() for _ in range(4)]
    for number in range(40):
        say(worker, people[number % 4], f"{number % 4}:{number:02}")

    threads = [threading.Thread(target=worker.work_inbox) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    worker.work_inbox()

    assert sorted(handlers.worked) == sorted(set(handlers.worked))
    assert len(handlers.worked) == 40
    for number in range(4):
        own = [said for said in handlers.worked if said.startswith(f"{number}:")]
        assert own == sorted(own)


# --- failures


def test_a_broken_event_does_not_lose_its_neighbours(worker: Worker, handlers: Handlers) -> None:
    handlers.failures["broken"] = [ValueError("a bug")] * MOST_TRIES
    broken = say(worker, a_person(), "broken")
    good = [say(worker, a_person(), f"good {number}") for number in range(5)]

    assert worker.work_inbox() == 5
    assert {worker.event(event).state for event in good} == {"done"}
    waiting = worker.event(broken)
    assert (waiting.state, waiting.tries, waiting.error) == ("waiting", 1, "ValueError")
    assert waiting.not_before == worker.clock.now + RETRY_AFTER


def test_what_a_failed_handler_wrote_is_rolled_back(worker: Worker) -> None:
    def write_and_fail(session: Session, event: LineEvent, *_: object) -> None:
        session.add(Friend(line_user_id=event.person, changed_at=worker.clock.now))
        session.flush()
        raise ValueError("after writing")

    worker.work_event = write_and_fail
    person = a_person()
    say(worker, person, "x")
    worker.work_inbox()

    with worker.sessions() as session:
        assert session.get(Friend, person) is None


def test_a_failing_event_holds_back_its_persons_later_ones_until_it_is_given_up(
    worker: Worker, handlers: Handlers
) -> None:
    person = a_person()
    worker.befriend(person)
    handlers.failures["first"] = [ValueError("a bug")] * MOST_TRIES
    first, second = say(worker, person, "first"), say(worker, person, "second")

    tries = 0
    while worker.event(first).state == "waiting":
        worker.work_inbox()
        tries += 1
        assert tries <= MOST_TRIES
        if worker.event(first).state == "waiting":
            assert worker.event(second).state == "waiting"
        worker.clock.advance(seconds=RETRY_AFTER.total_seconds() * tries)

    assert tries == MOST_TRIES
    assert worker.event(first).state == "failed"
    assert worker.event(second).state == "done"
    assert handlers.worked == ["first"] * MOST_TRIES + ["second"]
    sorry, answer = texts_of(worker.line.said)
    assert "不好意思" in sorry
    assert answer == "second"


def test_a_failure_that_passes_is_no_failure(worker: Worker, handlers: Handlers) -> None:
    handlers.failures["once"] = [ValueError("a bug")]
    event = say(worker, a_person(), "once")

    worker.work_inbox()
    assert worker.work_inbox() == 0
    worker.clock.advance(seconds=2)
    assert worker.work_inbox() == 1
    assert worker.event(event).state == "done"
    assert texts_of(worker.line.said) == ["once"]


def test_an_event_of_nobody_is_given_up_without_an_apology(
    worker: Worker, handlers: Handlers
) -> None:
    handlers.failures["x"] = [ValueError("a bug")] * MOST_TRIES
    event = say(worker, None, "x")
    for _ in range(MOST_TRIES):
        worker.work_inbox()
        worker.clock.advance(minutes=1)

    assert worker.event(event).state == "failed"
    assert worker.line.said == []


def test_a_lost_database_ends_the_job_but_not_the_replies_under_way(
    worker: Worker, handlers: Handlers
) -> None:
    lost = DBAPIError("SELECT 1", {}, OSError("gone"), connection_invalidated=True)
    handlers.failures["lost"] = [lost]
    unlucky = say(worker, a_person(), "lost")
    say(worker, a_person(), "good")

    with pytest.raises(DBAPIError):
        worker.work_inbox()

    assert texts_of(worker.line.said) == ["good"]
    assert worker.event(unlucky).tries == 0
    assert worker.work_inbox() == 1


def test_a_profile_that_cannot_be_had_holds_up_nobody(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_person: str) -> Profile:
        raise RuntimeError("no profile")

    good = worker.say(a_person(), "說明")
    worker.receive(a_person(), "follow", follow={"isUnblocked": False})
    monkeypatch.setattr(worker.line, "meet", fail)

    with pytest.raises(RuntimeError):
        worker.work_inbox()

    assert worker.event(good).state == "done"
    assert len(worker.line.said) == 1


# --- a worker that dies


def test_a_worker_that_dies_before_its_commit_leaves_the_event_as_it_was(
    worker: Worker, handlers: Handlers
) -> None:
    handlers.failures["x"] = [Killed()]
    event = say(worker, a_person(), "x")

    with pytest.raises(Killed):
        worker.work_inbox()

    left = worker.event(event)
    assert (left.state, left.tries) == ("waiting", 0)
    assert worker.rows() == []
    assert worker.work_inbox() == 1
    assert texts_of(worker.line.said) == ["x"]


def test_a_worker_that_dies_after_its_commit_leaves_the_reply_to_the_outbox(
    worker: Worker, handlers: Handlers
) -> None:
    say(worker, a_person(), "x")
    worker.line.script = [Killed()]
    worker.work_inbox()
    worker.line.said.clear()

    assert worker.deliver_outbox() == 0
    worker.clock.advance(seconds=LEASE.total_seconds())
    assert worker.deliver_outbox() == 1
    assert [call.via for call in worker.line.said] == ["reply"]
    assert texts_of(worker.line.said) == ["x"]
    (row,) = worker.rows()
    assert (row.state, row.via, row.tries) == ("accepted", "reply", 2)


def test_a_worker_that_dies_after_line_took_the_reply_does_not_say_it_twice(
    worker: Worker, handlers: Handlers
) -> None:
    handlers.push_if_late = True
    say(worker, a_person(), "x")
    worker.line.script = [Killed(), DEAD_TOKEN]
    worker.work_inbox()

    worker.clock.advance(seconds=LEASE.total_seconds())
    worker.deliver_outbox()
    worker.deliver_outbox()

    (row,) = worker.rows()
    assert (row.state, row.via) == ("unknown", None)
    assert [call.via for call in worker.line.said] == ["reply", "reply"]


def test_a_failed_reply_does_not_hold_up_the_persons_next(
    worker: Worker, handlers: Handlers
) -> None:
    person = a_person()
    say(worker, person, "1")
    say(worker, person, "2")
    worker.line.script = [RuntimeError("a bug in sending")]

    assert worker.work_inbox() == 2
    assert [row.state for row in worker.rows()] == ["waiting", "accepted"]


# --- replies


@pytest.mark.parametrize("push_if_late", [True, False])
def test_a_dead_token_at_the_first_try_is_pushed_only_where_the_shop_asked_for_it(
    worker: Worker, handlers: Handlers, push_if_late: bool
) -> None:
    handlers.push_if_late = push_if_late
    person = a_person()
    worker.befriend(person)
    say(worker, person, "x")
    worker.line.script = [DEAD_TOKEN]

    worker.work_inbox()
    worker.deliver_outbox()

    (row,) = worker.rows()
    pushes = [call for call in worker.line.said if call.via == "push"]
    assert (row.state, row.via) == (("accepted", "push") if push_if_late else ("refused", None))
    assert len(pushes) == int(push_if_late)
    assert ("deliver_outbox" in worker.rung) is push_if_late
    assert row.words == {}


@pytest.mark.parametrize("push_if_late", [True, False])
def test_an_event_worked_too_late_for_its_token_is_pushed_only_where_the_shop_asked_for_it(
    worker: Worker, handlers: Handlers, push_if_late: bool
) -> None:
    handlers.push_if_late = push_if_late
    person = a_person()
    worker.befriend(person)
    event = say(worker, person, "x", late=60)

    worker.work_inbox()
    assert worker.line.said == []
    assert "deliver_outbox" in worker.rung
    worker.deliver_outbox()

    (row,) = worker.rows()
    assert worker.event(event).state == "done"
    assert [call.via for call in worker.line.said] == ["push"] * int(push_if_late)
    assert row.state == ("accepted" if push_if_late else "skipped")
    assert row.reason == (None if push_if_late else "too_late")


def test_a_late_answer_is_not_pushed_to_who_has_blocked_us(
    worker: Worker, handlers: Handlers
) -> None:
    handlers.push_if_late = True
    person = a_person()
    worker.befriend(person, is_following=False)
    say(worker, person, "x", late=60)

    worker.work_inbox()
    worker.deliver_outbox()

    (row,) = worker.rows()
    assert (row.state, row.reason) == ("skipped", "not_a_friend")
    assert worker.line.said == []


def test_a_reply_line_did_not_take_is_tried_again_with_its_token(
    worker: Worker, handlers: Handlers
) -> None:
    say(worker, a_person(), "x")
    worker.line.script = [RATE_LIMITED]

    worker.work_inbox()
    worker.clock.advance(seconds=2)
    worker.deliver_outbox()

    (row,) = worker.rows()
    assert (row.state, row.via, row.tries) == ("accepted", "reply", 2)


def test_a_reply_without_an_answer_whose_token_is_dead_then_is_unknown(
    worker: Worker, handlers: Handlers
) -> None:
    handlers.push_if_late = True
    say(worker, a_person(), "x")
    worker.line.script = [NO_ANSWER, DEAD_TOKEN]

    worker.work_inbox()
    worker.clock.advance(seconds=2)
    worker.deliver_outbox()

    (row,) = worker.rows()
    assert row.state == "unknown"
    assert len(worker.line.said) == 2


def test_a_reply_without_an_answer_is_unknown_when_its_minute_is_over(
    worker: Worker, handlers: Handlers
) -> None:
    handlers.push_if_late = True
    say(worker, a_person(), "x")
    worker.line.script = [NO_ANSWER]

    worker.work_inbox()
    worker.clock.advance(minutes=2)
    worker.deliver_outbox()

    (row,) = worker.rows()
    assert (row.state, row.reason) == ("unknown", "too_late")
    assert len(worker.line.said) == 1


def test_a_refused_reply_is_refused_with_lines_reason(worker: Worker, handlers: Handlers) -> None:
    say(worker, a_person(), "x")
    worker.line.script = [REFUSED]

    worker.work_inbox()

    (row,) = worker.rows()
    assert (row.state, row.status, row.reason) == (
        "refused",
        400,
        "The request body has 1 error(s)",
    )


def test_what_a_handler_owes_beside_the_reply_rings_for_the_outbox(worker: Worker) -> None:
    def owe_more(session: Session, event: LineEvent, _profile: Profile, now: datetime) -> None:
        assert event.person is not None
        owe(session, event.person, "x", {}, language="en", idempotency_key="more", now=now)

    worker.work_event = owe_more
    say(worker, a_person(), "x")

    worker.work_inbox()

    assert worker.rung == ["deliver_outbox"]


# --- with the real handlers


def test_a_new_friend_is_greeted_in_their_lines_language(worker: Worker) -> None:
    person = a_person()
    worker.line.profiles[person] = Profile("ja", "リン")
    worker.receive(person, "follow", follow={"isUnblocked": False})
    worker.say(person, "help")

    worker.work_inbox()

    assert worker.line.asked_for == [person]
    with worker.sessions() as session:
        assert session.get_one(Friend, person).language == "ja"
    assert len(worker.line.said) == 2


def test_joining_goes_through_the_inbox_and_twice_the_same_phone_leaves_one_member(
    worker: Worker,
) -> None:
    people = [a_person(), a_person()]
    with worker.sessions() as session:
        version = get_notice(session).version
    for person in people:
        worker.receive(person, "postback", postback={"data": "action=join"})
        agreed = {"data": f"action=agree_notice&version={version}"}
        worker.receive(person, "postback", postback=agreed)
        worker.say(person, "林小晴")
        worker.say(person, "0912345678")
    worker.work_inbox()
    for person in people:
        picked = {"data": "action=pick_birthday", "params": {"date": "1995-05-20"}}
        worker.receive(person, "postback", postback=picked)

    worker.work_inbox()

    with worker.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Member)) == 1
    last = texts_of(worker.line.said[-2:])
    assert sum("已經登記" in text for text in last) == 1
    assert sum("歡迎成為" in text for text in last) == 1


def test_a_person_whose_event_fails_three_times_hears_an_apology(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = a_person()
    worker.befriend(person)
    event = worker.say(person, "點數")
    monkeypatch.setattr("handlers.line.handler_for", _broken)

    for _ in range(MOST_TRIES):
        worker.work_inbox()
        worker.clock.advance(seconds=6)

    assert worker.event(event).state == "failed"
    assert worker.event(event).error == "RuntimeError"
    (sorry,) = texts_of(worker.line.said)
    assert "請稍後再試" in sorry


def _broken(*_: object) -> None:
    raise RuntimeError("a bug")


def test_an_apology_that_comes_too_late_is_not_pushed(worker: Worker, handlers: Handlers) -> None:
    person = a_person()
    worker.befriend(person)
    handlers.failures["x"] = [ValueError("a bug")] * MOST_TRIES
    say(worker, person, "x")
    for _ in range(MOST_TRIES):
        worker.work_inbox()
        worker.clock.advance(minutes=1)
    worker.deliver_outbox()

    (row,) = worker.rows()
    assert (row.state, row.reason) == ("skipped", "too_late")
    assert worker.line.said == []

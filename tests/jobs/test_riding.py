"""Reply-first (X10): a nudge rides free on its person's next reply, and is said exactly once."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, update
from sqlalchemy.orm import Session

from bot.client import Outcome
from jobs import work_inbox as module
from models import journey
from models.friend import converse
from models.member import Member
from models.outbox import LEASE, Owed, owe_reply, release_claims, withdraw_visits
from models.outreach import change_rules
from models.outreach.lock import lock_outreach
from tests.conftest import NOON
from tests.jobs.conftest import (
    ACCEPTED,
    DEAD_TOKEN,
    NO_ANSWER,
    RATE_LIMITED,
    REFUSED,
    SERVER_ERROR,
    UNREACHABLE,
    Killed,
    Worker,
)

HOUR = timedelta(hours=1)
OFFER = {"messages": [{"type": "text", "text": "這是為您準備的"}]}


@pytest.fixture
def member(worker: Worker) -> Member:
    return worker.member()


@pytest.fixture(autouse=True)
def _answers(worker: Worker) -> None:
    worker.work_event = answering()


def answering(
    *messages: dict[str, Any], push_if_late: bool = False, to_nobody: bool = False
) -> Callable[..., Owed]:
    """Return handlers that answer everything with these messages, or with one of their own."""

    def work(session: Session, kept: Any, _profile: Any, now: Any) -> Owed:
        return owe_reply(
            session,
            None if to_nobody else kept.person,
            list(messages) or [{"type": "text", "text": "您的會員卡"}],
            reply_token=kept.raw["replyToken"],
            received_at=kept.received_at,
            language="zh-TW",
            push_if_late=push_if_late,
            idempotency_key=f"reply:{kept.webhook_event_id}",
            now=now,
        )

    return work


def nudge(worker: Worker, member: Member, hours: float = 24, **told: Any) -> UUID:
    """Owe a nudge that is pushed so many hours later, unless a reply carries it before."""
    usual: dict[str, Any] = {"is_marketing": True, "kind": "reply", "words": OFFER}
    push_at = worker.clock.now + hours * HOUR
    return worker.owe(
        str(member.line_user_id), member_id=member.id, push_at=push_at, **usual | told
    )


def tap(worker: Worker, member: Member, *script: Outcome | BaseException, late: float = 0) -> None:
    """Let a member tap; LINE answers the reply as scripted."""
    worker.line.script = list(script)
    worker.receive(member.line_user_id, "postback", late=late)
    with suppress(Killed):
        worker.work_inbox()


def says(worker: Worker) -> list[list[str]]:
    return [[str(part["text"]) for part in call.messages] for call in worker.line.said]


def state(worker: Worker, owed_id: UUID) -> tuple[str, str | None]:
    row = worker.row(owed_id)
    return row.state, row.via


def test_a_waiting_nudge_rides_free_on_the_next_reply(worker: Worker, member: Member) -> None:
    """X10: one call says both, and no push is made afterwards."""
    owed = nudge(worker, member)
    assert worker.deliver_outbox() == 0
    tap(worker, member)

    assert says(worker) == [["您的會員卡", "這是為您準備的"]]
    assert worker.line.said[0].via == "reply"
    assert state(worker, owed) == ("accepted", "reply")
    worker.clock.advance(days=2)
    assert worker.deliver_outbox() == 0


def test_without_a_reply_it_is_pushed_at_its_moment(worker: Worker, member: Member) -> None:
    """X10: a push only at its deadline."""
    owed = nudge(worker, member)
    worker.clock.advance(hours=24)
    worker.deliver_outbox()

    assert state(worker, owed) == ("accepted", "push")
    tap(worker, member)
    assert says(worker) == [["這是為您準備的"], ["您的會員卡"]]


def test_a_second_reply_carries_nothing_twice(worker: Worker, member: Member) -> None:
    """X10: two taps at once; the nudge rides on one of them."""
    nudge(worker, member)
    for _ in range(3):
        worker.receive(member.line_user_id, "postback")
    worker.work_inbox()

    assert sorted(map(len, says(worker))) == [1, 1, 2]


def test_who_has_nothing_waiting_pays_nothing_for_it(worker: Worker, member: Member) -> None:
    """X10: an ordinary tap takes as many statements as before: the insert of the reply asks."""
    other = worker.member()
    nudge(worker, other)
    tap(worker, member)
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(worker.engine, "before_cursor_execute", note)
    tap(worker, member)
    event.remove(worker.engine, "before_cursor_execute", note)
    about_outbox = [told for told in statements if "outbox" in told]
    assert len(about_outbox) == 2  # The reply is kept, and settled.
    assert "conversation" not in " ".join(statements)


# --- what does not ride


def test_no_more_rides_than_a_reply_can_hold(worker: Worker, member: Member) -> None:
    own = [{"type": "text", "text": str(number)} for number in range(4)]
    worker.work_event = answering(*own)
    service = {"is_marketing": False}
    long = {"messages": OFFER["messages"] * 2}
    first = nudge(worker, member, 1, words=long, **service)
    second = nudge(worker, member, 2, **service)
    third = nudge(worker, member, 3, **service)
    tap(worker, member)

    assert [len(call) for call in says(worker)] == [5]
    assert [state(worker, each)[0] for each in (first, second, third)] == [
        "waiting",
        "accepted",
        "waiting",
    ]


def test_quick_replies_of_both_are_shown_below_the_last(worker: Worker, member: Member) -> None:
    """X10: LINE shows those of the last message alone, and the way to stop must be among them."""
    card, stop = ({"type": "action", "action": {"label": label}} for label in ("卡", "停止"))
    worker.work_event = answering({"type": "text", "text": "1", "quickReply": {"items": [card]}})
    told = {"type": "text", "text": "2", "quickReply": {"items": [card, stop]}}
    nudge(worker, member, words={"messages": [told]})
    tap(worker, member)

    first, last = worker.line.said[0].messages
    assert "quickReply" not in first
    assert last["quickReply"] == {"items": [card, stop]}


def test_more_quick_replies_than_line_shows_ride_on_nothing(worker: Worker, member: Member) -> None:
    items = [{"type": "action", "action": {"label": str(number)}} for number in range(14)]
    worker.work_event = answering({"type": "text", "text": "1", "quickReply": {"items": items[:7]}})
    told = {"type": "text", "text": "2", "quickReply": {"items": items[7:]}}
    owed = nudge(worker, member, words={"messages": [told]})
    tap(worker, member)

    assert says(worker) == [["1"]]
    assert state(worker, owed) == ("waiting", None)


def test_nobody_is_talked_into_while_they_answer_a_question(worker: Worker, member: Member) -> None:
    owed = nudge(worker, member)
    person = str(member.line_user_id)
    worker.run(lambda s: converse(s, person, "profile", "birthday", worker.clock.now))
    tap(worker, member)

    assert state(worker, owed) == ("waiting", None)
    worker.clock.advance(hours=23)
    worker.run(lambda s: converse(s, person, "profile", "x", worker.clock.now - 25 * HOUR))
    tap(worker, member)
    assert state(worker, owed) == ("accepted", "reply")


def test_what_must_not_be_said_does_not_ride(worker: Worker, member: Member) -> None:
    """X9, X10: the cap, a stop to marketing and a lost reason hold for what rides too."""
    worker.owe(str(member.line_user_id), member_id=member.id, is_marketing=True)
    worker.deliver_outbox()
    capped = nudge(worker, member)
    tap(worker, member)
    assert state(worker, capped) == ("waiting", None)
    stopped = worker.member()
    silent = nudge(worker, stopped)
    service = nudge(worker, stopped, is_marketing=False)
    worker.change(Member, stopped.id, marketing_allowed=False)
    tap(worker, stopped)
    assert state(worker, silent) == ("waiting", None)
    assert state(worker, service) == ("accepted", "reply")


def test_the_night_holds_no_rider(worker: Worker, member: Member) -> None:
    """X9, X10: who taps at night is awake; quiet hours are for pushes."""
    owed = nudge(worker, member)
    worker.clock.advance(hours=11)
    tap(worker, member)
    assert state(worker, owed) == ("accepted", "reply")


def test_a_nudge_whose_reason_is_gone_ends_at_the_tap(
    worker: Worker, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """U16: asked at the reply too."""
    gone = {5: "purchase"}
    monkeypatch.setattr(journey, "reasons_gone", lambda *_: gone, raising=False)
    owed = nudge(worker, member, visit_id=5)
    tap(worker, member)
    assert (worker.row(owed).state, worker.row(owed).reason) == ("skipped", "reason_gone")
    assert says(worker) == [["您的會員卡"]]


def test_four_win_backs_that_wait_ride_as_one(worker: Worker, member: Member) -> None:
    """X9: one win-back at a time, whichever way it goes."""
    worker.run(
        lambda s: change_rules(s, {"day_cap": 9}, note="多", by="店長", now=worker.clock.now)
    )
    owed = [nudge(worker, member, purpose="win_back") for _ in range(4)]
    for _ in range(2):
        tap(worker, member)
    assert [state(worker, each)[0] for each in owed] == ["accepted", *["waiting"] * 3]
    worker.clock.advance(days=1)
    worker.deliver_outbox()
    assert [worker.row(each).reason for each in owed[1:]] == ["win_back_lock"] * 3


def test_a_broken_nudge_keeps_nobody_from_their_answer(worker: Worker, member: Member) -> None:
    owed = nudge(worker, member, words={})
    tap(worker, member)
    assert says(worker) == [["您的會員卡"]]
    assert state(worker, owed) == ("waiting", None)


def test_no_tap_waits_for_those_who_decide(worker: Worker, member: Member) -> None:
    owed = nudge(worker, member)
    with worker.sessions.begin() as other:
        lock_outreach(other)
        tap(worker, member)
    assert says(worker) == [["您的會員卡"]]
    tap(worker, member)
    assert state(worker, owed) == ("accepted", "reply")


def test_what_is_said_to_a_group_carries_nothing(worker: Worker, member: Member) -> None:
    worker.work_event = answering(to_nobody=True)
    owed = nudge(worker, member)
    worker.run(lambda s: s.execute(update(Owed).where(Owed.id == owed).values(line_user_id="")))
    tap(worker, member)
    assert says(worker) == [["您的會員卡"]]


def test_what_a_visit_has_waiting_is_withdrawn(worker: Worker, member: Member) -> None:
    """U16: an exit takes back what waits, and leaves what is under way."""
    waiting, riding = nudge(worker, member, visit_id=3), nudge(worker, member, visit_id=3)
    worker.change(Owed, riding, in_doubt=True)

    def withdraw(session: Session) -> int:
        return withdraw_visits(session, [3], "purchase", worker.clock.now)

    assert worker.run(withdraw) == 1
    assert worker.run(lambda s: withdraw_visits(s, [], "purchase", worker.clock.now)) == 0
    assert (worker.row(waiting).reason, worker.row(riding).state) == ("purchase", "waiting")


# --- whatever becomes of the reply


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ([ACCEPTED], ("accepted", "reply")),
        ([REFUSED], ("waiting", None)),
        ([DEAD_TOKEN], ("waiting", None)),
        ([RATE_LIMITED], ("waiting", None)),
        ([NO_ANSWER], ("waiting", None)),
    ],
)
def test_a_nudge_shares_its_replys_end(
    worker: Worker, member: Member, script: list[Outcome], expected: tuple[str, str | None]
) -> None:
    """X10: accepted with it; given back where it surely was not said; else it goes on riding."""
    owed = nudge(worker, member)
    tap(worker, member, *script)
    assert state(worker, owed) == expected
    assert (worker.row(owed).rides_on is None) == (script[0] in (REFUSED, DEAD_TOKEN))


def test_a_reply_that_becomes_a_push_leaves_its_riders_behind(
    worker: Worker, member: Member
) -> None:
    """X10: what costs a message of its own says what was asked for, and nothing else."""
    worker.work_event = answering(push_if_late=True)
    owed = nudge(worker, member)
    tap(worker, member, DEAD_TOKEN)
    worker.deliver_outbox()
    assert says(worker)[-1] == ["您的會員卡"]
    assert worker.row(owed).rides_on is None
    tap(worker, member)
    assert state(worker, owed) == ("accepted", "reply")


def test_riders_of_a_reply_that_came_too_late_are_given_back(
    worker: Worker, member: Member
) -> None:
    worker.work_event = answering(push_if_late=True)
    owed = nudge(worker, member)
    tap(worker, member, late=50)
    tap(worker, member, UNREACHABLE, late=50)
    assert state(worker, owed) == ("accepted", "reply")
    other = worker.member()
    owed = nudge(worker, other)
    tap(worker, other, UNREACHABLE, late=50)
    assert worker.row(owed).rides_on is not None
    worker.clock.advance(seconds=10)
    worker.deliver_outbox()
    assert worker.row(owed).rides_on is None
    assert says(worker)[-1] == ["您的會員卡"]


def test_a_refused_reply_after_the_deadline_has_its_rider_pushed_at_once(
    worker: Worker, member: Member
) -> None:
    owed = nudge(worker, member, 0.001)
    tap(worker, member, UNREACHABLE)
    worker.clock.advance(seconds=10)
    worker.line.script = [DEAD_TOKEN]
    worker.deliver_outbox()
    assert worker.row(owed).rides_on is None
    worker.deliver_outbox()
    assert state(worker, owed) == ("accepted", "push")


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_whatever_happens_a_nudge_is_said_at_most_once_and_ends(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """X10: replies accepted, refused, unanswered, dead; the worker killed before and after.

    LINE here takes a reply token once and a retry key once, as it promises; what it took is what
    the person sees.
    """
    draw = random.Random(seed)
    worker.clock.now = NOON
    member = worker.member()
    owed = nudge(worker, member, draw.choice((0.003, 0.01, 2)), is_marketing=draw.random() < 0.5)
    world = _World(worker, draw)
    monkeypatch.setattr(worker.line, "_answer", world.answer)
    worker.work_event = answering(push_if_late=draw.random() < 0.5)
    for _ in range(draw.randint(1, 6)):
        world.step(member)
    world.is_well = True
    for _ in range(8):
        worker.clock.advance(minutes=20)
        world.run(worker.deliver_outbox)
    seen = world.seen.count(OFFER["messages"][0]["text"])
    row = worker.row(owed)
    assert seen <= 1
    assert row.state in ("accepted", "refused", "unknown", "skipped")
    assert seen == 1 or row.state != "accepted"
    assert row.state != "skipped" or seen == 0


class _World:
    """A LINE and a worker of which anything may fail at any moment."""

    def __init__(self, worker: Worker, draw: random.Random) -> None:
        self.worker, self.draw = worker, draw
        self.seen: list[str] = []
        self.taken: set[object] = set()
        self.is_well = False

    async def answer(self, said: Any) -> Outcome:
        key = said.to if said.via == "reply" else said.retry_key
        if self._fails(0.15):
            raise Killed
        if self._fails(0.2):
            return self.draw.choice((UNREACHABLE, RATE_LIMITED, REFUSED, SERVER_ERROR))
        if key in self.taken:
            return DEAD_TOKEN if said.via == "reply" else ACCEPTED
        self.taken.add(key)
        if said.via == "reply" and self._fails(0.15):
            return DEAD_TOKEN
        self.seen += [str(part["text"]) for part in said.messages]
        if self._fails(0.15):
            raise Killed
        return NO_ANSWER if self._fails(0.15) else ACCEPTED

    def step(self, member: Member) -> None:
        worker = self.worker
        if self.draw.random() < 0.6:
            worker.receive(member.line_user_id, "postback", late=self.draw.choice((0, 0, 50)))
            self.run(worker.work_inbox)
        else:
            self.run(worker.deliver_outbox)
        worker.clock.advance(seconds=self.draw.choice((0, 1, 21, 60)))
        if self.draw.random() < 0.3:
            worker.run(lambda s: release_claims(s, worker.clock.now))

    def run(self, job: Callable[[], object]) -> None:
        with suppress(Killed):
            job()

    def _fails(self, chance: float) -> bool:
        return not self.is_well and self.draw.random() < chance


def test_a_lease_is_longer_than_a_call(worker: Worker) -> None:
    """What the fault test's 21 seconds mean: a claim has lapsed by then."""
    assert timedelta(seconds=21) > LEASE > module.LONGEST_CALL
    assert worker.rows() == []

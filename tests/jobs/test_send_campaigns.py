"""Campaigns sent: at LINE's pace, each member once, whatever LINE answers; every run ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy import select, update

from bot import Message
from bot.client import LineClient, Outcome, Verdict
from jobs import campaign_calls
from jobs import send_campaigns as module
from jobs.context import JobContext
from jobs.deliver_mail import Letter
from jobs.pacing import Pacer
from models.channel import CONFIRMED
from models.channel.table import MemberChannel
from models.friend import Friend
from models.member import Member
from models.outbox import RETRY_KEY_LIFE
from models.quota import QuotaHold, change_plan, month_of, remaining
from models.sending import (
    CampaignBatch,
    Proof,
    cancel_run,
    pause_run,
    proof_of,
    resume_run,
    stop_run,
)
from models.sending.claiming import add_facts, claim_chunk, release_claims
from models.sending.freezing import begin_run, freeze_run
from models.sending.table import BATCH_SIZE, CampaignRun
from tests.jobs.conftest import (
    ACCEPTED,
    ALREADY,
    NO_ANSWER,
    NO_QUOTA,
    RATE_LIMITED,
    SERVER_ERROR,
    UNREACHABLE,
    Killed,
    Worker,
)
from tests.models.sending_shop import GRACE, OWN, batches_of, fill, plan, recipients_of, user_id

BAD_ID = Outcome(
    Verdict.REFUSED, 400, "r-400", "The property, to[1], in the request body is invalid"
)
BAD_WORDS = Outcome(Verdict.REFUSED, 400, "r-400", "A message (messages[0]) is invalid")
A_DAY = RETRY_KEY_LIFE + timedelta(minutes=1)


@dataclass
class CountingLine:
    """LINE as far as sending cares: takes each retry key once, counts who heard how often.

    `script` answers the next calls: an outcome, or `(outcome, True)` where LINE took the message
    although it answers so. `refused` are ids LINE never takes.
    """

    script: list[Any] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    keys: set[UUID] = field(default_factory=set)
    heard: Counter[str] = field(default_factory=Counter)
    calls: list[tuple[UUID, tuple[str, ...], str]] = field(default_factory=list)
    units: set[str | None] = field(default_factory=set)
    before: Callable[[], None] = lambda: None

    async def multicast(
        self, to: Sequence[str], messages: Sequence[Message], *, retry_key: UUID, unit: str | None
    ) -> Outcome:
        return await self._take(list(to), messages, retry_key, unit)

    async def push(
        self, to: str, messages: Sequence[Message], *, retry_key: UUID, unit: str | None
    ) -> Outcome:
        return await self._take([to], messages, retry_key, unit)

    async def _take(
        self, to: list[str], messages: Sequence[Message], key: UUID, unit: str | None
    ) -> Outcome:
        await asyncio.sleep(0)
        self.before()
        self.calls.append((key, tuple(to), str(messages)))
        self.units.add(unit)
        if key in self.keys:
            return ALREADY
        answer = self.script.pop(0) if self.script else (ACCEPTED, True)
        if isinstance(answer, BaseException):
            raise answer
        outcome: Outcome
        outcome, is_taken = answer if isinstance(answer, tuple) else (answer, answer is ACCEPTED)
        if is_taken and self.refused & set(to):
            return BAD_ID
        if is_taken:
            self.keys.add(key)
            self.heard.update(to)
        return outcome


@dataclass
class Desk:
    """A worker that sends campaigns."""

    worker: Worker
    line: CountingLine = field(default_factory=CountingLine)

    def fill(self, count: int, **also: Any) -> list[int]:
        made = self.run(lambda session: fill(session, count, now=self.worker.clock.now, **also))
        return cast("list[int]", made)

    def plan(self, **also: Any) -> int:
        made = self.run(lambda session: plan(session, now=self.worker.clock.now, **also))
        return cast(int, made)

    def run(self, function: Callable[..., Any]) -> Any:
        return self.worker.run(function)

    def send(self, context: JobContext | None = None) -> None:
        """Do what the queue's task and the crew do, until nothing more is due."""
        asyncio.run(self._send(context or self.context))

    @property
    def context(self) -> JobContext:
        context = self.worker.context
        return JobContext(**{**vars(context), "line": cast(LineClient, self.line)})

    async def _send(self, context: JobContext) -> None:
        await module.send_campaigns(context)
        task = context.crew._task
        assert task is not None
        await task

    def send_on(self, times: int = 12, **step: float) -> None:
        """Send, let time pass, and send again."""
        for _ in range(times):
            self.send()
            self.worker.clock.advance(**(step or {"seconds": 61}))

    def proof(self, run_id: int) -> Proof:
        return cast(Proof, self.run(lambda session: proof_of(session, run_id)))

    def row(self, run_id: int) -> CampaignRun:
        return cast(CampaignRun, self.run(lambda session: session.get_one(CampaignRun, run_id)))

    def batches(self, run_id: int) -> list[CampaignBatch]:
        return list(self.run(lambda session: batches_of(session, run_id)))


@pytest.fixture
def desk(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return the desk; nothing waits for what is due later, nor for LINE's pace."""

    async def at_once(_: Pacer) -> None:
        return None

    monkeypatch.setattr(module, "LONGEST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(module, "SHORTEST_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(Pacer, "wait", at_once)
    return Desk(worker)


def assert_each_once(desk: Desk, members: Sequence[int]) -> None:
    """Fail where somebody heard nothing, or heard it twice."""
    assert len(desk.line.heard) == len(members)
    assert set(desk.line.heard.values()) == {1}


def test_identical_words_are_multicasts_and_each_batch_settles_as_one_row(desk: Desk) -> None:
    members = desk.fill(BATCH_SIZE + 3)
    run_id = desk.plan()
    desk.send()

    proof = desk.proof(run_id)
    assert (proof.planned, proof.accepted, proof.state) == (
        BATCH_SIZE + 3,
        BATCH_SIZE + 3,
        "finished",
    )
    assert proof.is_complete
    assert sorted(len(to) for _, to, _ in desk.line.calls) == [3, BATCH_SIZE]
    assert {batch.id for batch in desk.batches(run_id)} == desk.line.keys
    assert {row.state for row in desk.run(lambda s: recipients_of(s, run_id)).values()} == {None}
    assert desk.line.units == {desk.row(run_id).unit_name}
    assert_each_once(desk, members)


def test_personal_words_are_pushes_and_each_member_settles_alone(desk: Desk) -> None:
    members = desk.fill(5, points=30)
    run_id = desk.plan(content=OWN)
    desk.send()

    rows = desk.run(lambda session: recipients_of(session, run_id))
    assert [row.state for row in rows.values()] == ["accepted"] * 5
    assert {row.request_id for row in rows.values()} == {ACCEPTED.request_id}
    assert desk.proof(run_id).accepted == 5
    assert [batch.facts for batch in desk.batches(run_id)] == [None]
    assert all("王小明，你有 30 點" in words for _, _, words in desk.line.calls)
    assert_each_once(desk, members)


@pytest.mark.parametrize("content", [None, OWN], ids=["multicast", "push"])
@pytest.mark.parametrize(
    "script",
    [
        [RATE_LIMITED],
        [UNREACHABLE],
        [SERVER_ERROR],
        [(SERVER_ERROR, True)],
        [(NO_ANSWER, True), NO_ANSWER],
        [(ALREADY, True)],
        [NO_ANSWER, RATE_LIMITED, (SERVER_ERROR, True)],
    ],
    ids=["429", "away", "500 before", "500 after", "hang", "409", "all"],
)
def test_whatever_line_answers_each_is_told_once(
    desk: Desk, content: Any, script: list[Any]
) -> None:
    members = desk.fill(4)
    run_id = desk.plan(**({} if content is None else {"content": content}))
    desk.line.script = script
    desk.send_on(times=6)

    assert desk.proof(run_id).accepted == 4
    assert desk.row(run_id).state == "finished"
    assert_each_once(desk, members)


def test_a_batch_in_doubt_goes_to_the_same_members_in_the_same_words(desk: Desk) -> None:
    members = desk.fill(3)
    run_id = desk.plan()
    desk.line.script = [NO_ANSWER]
    desk.send()
    desk.worker.change(Member, members[0], marketing_allowed=False)
    desk.worker.clock.advance(seconds=61)
    desk.send()

    first, again = desk.line.calls
    assert first == again
    assert desk.proof(run_id).accepted == 3


def test_a_person_in_doubt_hears_what_they_may_have_heard(desk: Desk) -> None:
    (member,) = desk.fill(1, points=30)
    run_id = desk.plan(content=OWN)
    desk.line.script = [NO_ANSWER]
    desk.send()
    desk.worker.change(Member, member, points=90)
    desk.worker.clock.advance(seconds=61)
    desk.send()

    first, again = desk.line.calls
    assert first == again
    assert desk.proof(run_id).accepted == 1


def test_after_a_rate_limit_consent_is_asked_once_more(desk: Desk) -> None:
    members = desk.fill(3)
    run_id = desk.plan()
    desk.line.script = [RATE_LIMITED]
    desk.send()
    desk.worker.change(Member, members[0], marketing_allowed=False)
    desk.worker.clock.advance(seconds=61)
    desk.send()

    proof = desk.proof(run_id)
    assert (proof.accepted, proof.skipped) == (2, {"marketing_stopped": 1})


@pytest.mark.parametrize("content", [None, OWN], ids=["multicast", "push"])
def test_a_day_without_an_answer_is_unknown_and_never_tried_again(desk: Desk, content: Any) -> None:
    desk.fill(2)
    run_id = desk.plan(**({} if content is None else {"content": content}))
    desk.line.script = [NO_ANSWER] * 1_000
    desk.send()
    desk.worker.clock.advance(seconds=A_DAY.total_seconds())
    tried = len(desk.line.calls)
    desk.send()

    assert len(desk.line.calls) == tried
    assert (desk.proof(run_id).unknown, desk.row(run_id).state) == (2, "finished")


def test_one_malformed_id_is_refused_alone(desk: Desk) -> None:
    """Ids that LINE alone finds wrong part the batch until they stand alone."""
    desk.fill(16)
    run_id = desk.plan()
    desk.line.refused = {user_id(11)}
    desk.send_on(times=6)

    proof = desk.proof(run_id)
    assert (proof.accepted, proof.refused) == (15, {str(BAD_ID.reason): 1})
    assert desk.row(run_id).state == "finished"
    assert max(desk.line.heard.values()) == 1


def test_a_misshapen_id_never_reaches_line(desk: Desk) -> None:
    desk.fill(2)
    desk.fill(1, first=900, line_user_id="Unfit")
    run_id = desk.plan()
    desk.send()

    assert desk.proof(run_id).skipped == {"malformed_id": 1}
    assert len(desk.line.calls) == 1


def test_words_that_line_refuses_are_not_parted(desk: Desk) -> None:
    desk.fill(8)
    run_id = desk.plan()
    desk.line.script = [BAD_WORDS]
    desk.send()

    assert len(desk.line.calls) == 1
    assert desk.proof(run_id).refused == {str(BAD_WORDS.reason): 8}


def test_who_may_not_be_written_to_is_skipped_just_before(desk: Desk) -> None:
    members = desk.fill(4)
    run_id = desk.plan()
    with desk.worker.sessions.begin() as session:
        begin_run(session, run_id, desk.worker.clock.now)
        freeze_run(session, run_id, desk.worker.clock.now)
    desk.worker.change(Member, members[1], marketing_allowed=False)
    desk.send()

    rows = desk.run(lambda session: recipients_of(session, run_id))
    assert (rows[members[1]].state, rows[members[1]].reason) == ("skipped", "marketing_stopped")
    assert desk.proof(run_id).accepted == 3


def test_a_pause_holds_before_the_next_chunk_and_a_run_goes_on_after_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.sending.claiming.MULTICASTS", 1)
    monkeypatch.setattr(module, "MOST_CHUNKS", 1)
    desk.fill(BATCH_SIZE * 2 + 1)
    run_id = desk.plan()
    now = desk.worker.clock.now
    desk.line.before = lambda: desk.run(lambda s: pause_run(s, run_id, "看一下", now))
    desk.send()
    desk.line.before = lambda: None
    assert len(desk.line.calls) == 1
    assert (desk.row(run_id).state, desk.row(run_id).stop_reason) == ("paused", "看一下")
    desk.send()
    assert len(desk.line.calls) == 1
    desk.run(lambda session: resume_run(session, run_id, "go", now))
    desk.send()
    assert desk.proof(run_id).accepted == BATCH_SIZE * 2 + 1


def test_a_cancelled_run_skips_the_rest_and_ends(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.sending.claiming.MULTICASTS", 1)
    monkeypatch.setattr(module, "MOST_CHUNKS", 1)
    desk.fill(BATCH_SIZE + 7)
    run_id = desk.plan()
    now = desk.worker.clock.now
    desk.line.before = lambda: desk.run(lambda s: cancel_run(s, run_id, "價格寫錯", now))
    desk.send()

    proof = desk.proof(run_id)
    assert (proof.state, proof.accepted, proof.skipped) == (
        "cancelled",
        BATCH_SIZE,
        {"cancelled": 7},
    )
    assert desk.row(run_id).finished_at is not None


def test_what_was_in_doubt_at_a_cancelling_is_unknown(desk: Desk) -> None:
    desk.fill(3)
    run_id = desk.plan()
    desk.line.script = [NO_ANSWER]
    desk.send()
    desk.run(lambda session: cancel_run(session, run_id, "…", desk.worker.clock.now))
    desk.send_on(times=2)

    assert (desk.proof(run_id).unknown, len(desk.line.calls)) == (3, 1)
    assert desk.row(run_id).finished_at is not None


@pytest.mark.parametrize(
    ("halt", "reason"), [(pause_run, "too_late"), (stop_run, "budget")], ids=["pause", "budget"]
)
def test_a_halted_run_ends_by_itself(desk: Desk, halt: Callable[..., None], reason: str) -> None:
    desk.fill(2)
    run_id = desk.plan()
    desk.line.script = [RATE_LIMITED]
    desk.send()
    desk.run(lambda session: halt(session, run_id, "budget", desk.worker.clock.now))
    desk.worker.clock.advance(seconds=GRACE.total_seconds())
    desk.send()

    assert desk.proof(run_id).skipped == {reason: 2}
    assert desk.row(run_id).finished_at is not None


def test_a_run_that_nobody_began_in_time_is_missed(desk: Desk) -> None:
    desk.fill(2)
    run_id = desk.plan()
    desk.worker.clock.advance(seconds=GRACE.total_seconds())
    desk.send()

    assert (desk.row(run_id).state, desk.proof(run_id).planned) == ("missed", 0)
    assert desk.line.calls == []


def test_nothing_is_tried_first_when_time_is_over(desk: Desk) -> None:
    """Of a run in doubt the rest is too late; what may have been said is still asked for."""
    desk.fill(2)
    run_id = desk.plan(content=OWN)
    desk.line.script = [NO_ANSWER, RATE_LIMITED]
    desk.send()
    desk.worker.clock.advance(seconds=GRACE.total_seconds())
    desk.send()

    proof = desk.proof(run_id)
    assert (proof.accepted, proof.skipped) == (1, {"too_late": 1})


def test_a_short_quota_is_never_overdrawn_and_the_rest_is_skipped(desk: Desk) -> None:
    desk.fill(10)
    cap(desk, 4)
    run_id = desk.plan()
    desk.send()
    assert desk.proof(run_id).accepted == 4
    assert desk.row(run_id).held_until is not None
    desk.worker.clock.advance(seconds=GRACE.total_seconds() - 60)
    desk.send()
    desk.worker.clock.advance(seconds=60)
    desk.send()

    proof = desk.proof(run_id)
    assert (proof.accepted, proof.skipped, proof.state) == (4, {"quota": 6}, "finished")
    assert sum(desk.line.heard.values()) == 4


def cap(desk: Desk, messages: int) -> None:
    """Let the shop's own limit be so many messages this month."""
    now = desk.worker.clock.now
    desk.run(
        lambda session: change_plan(
            session,
            None,
            {"hard_cap": messages, "service_reserve": 0},
            from_month=month_of(now),
            note="…",
            by="owner",
            now=now,
        )
    )


@pytest.mark.parametrize("content", [None, OWN], ids=["multicast", "push"])
def test_a_run_waits_while_lines_quota_is_gone(desk: Desk, content: Any) -> None:
    desk.fill(3)
    run_id = desk.plan(**({} if content is None else {"content": content}))
    desk.line.script = [NO_QUOTA] * (1 if content is None else 3)
    desk.send()
    tried = len(desk.line.calls)
    desk.send()
    assert len(desk.line.calls) == tried
    assert desk.run(lambda session: remaining(session, desk.worker.clock.now)).is_gone
    desk.send_on(times=20, seconds=600)

    assert desk.proof(run_id).accepted == 3
    assert set(desk.line.heard.values()) == {1}


def test_quota_is_used_by_what_line_took_and_nothing_stays_reserved(desk: Desk) -> None:
    desk.fill(5)
    desk.plan()
    desk.line.script = [(SERVER_ERROR, True)]
    desk.send_on(times=3)

    left = desk.run(lambda session: remaining(session, desk.worker.clock.now))
    assert (left.used, left.reserved) == (5, 0)
    assert desk.run(lambda session: session.scalars(select(QuotaHold)).all()) == []


@pytest.mark.parametrize("content", [None, OWN], ids=["multicast", "push"])
def test_a_killed_worker_leaves_claims_that_a_lone_new_one_takes_over(
    desk: Desk, content: Any
) -> None:
    members = desk.fill(4)
    run_id = desk.plan(**({} if content is None else {"content": content}))
    desk.line.script = [(ACCEPTED, True), Killed()] if content else [Killed()]
    desk.send()
    assert desk.proof(run_id).waiting == 4
    assert desk.run(lambda session: release_claims(session, desk.worker.clock.now)) == 1
    desk.send()

    assert desk.proof(run_id).accepted == 4
    assert_each_once(desk, members)


def test_a_claim_taken_over_is_not_sent_by_who_had_it(desk: Desk) -> None:
    """A worker that stood still between claim and facts finds its batch another's."""
    desk.fill(2)
    run_id = desk.plan(content=OWN)
    now = desk.worker.clock.now
    module.begin_runs(desk.context)
    slow = desk.run(lambda session: claim_chunk(session, run_id, now))
    desk.worker.clock.advance(seconds=31)
    desk.send()

    assert desk.run(lambda session: add_facts(session, slow, now)).claims == []
    assert desk.proof(run_id).accepted == 2


def test_letters_go_once_and_a_mail_in_doubt_is_never_sent_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B-15: whom only e-mail reaches gets a letter; SMTP knows no retry key."""
    members = desk.fill(3)
    run_id = desk.plan()
    mailbox(desk, members)
    sent: list[UUID] = []
    answers = [ACCEPTED, NO_ANSWER, UNREACHABLE]

    async def deliver(_: JobContext, letters: Sequence[Letter], *, until: float) -> Any:
        sent.extend(letter.key for letter in letters)
        return {letter.key: answers.pop(0) if answers else ACCEPTED for letter in letters}

    monkeypatch.setattr(campaign_calls, "deliver_mails", deliver)
    desk.send_on(times=3)

    proof = desk.proof(run_id)
    assert (proof.accepted, proof.unknown, proof.state) == (2, 1, "finished")
    assert (len(sent), len(set(sent)), desk.line.calls) == (4, 3, [])
    assert desk.run(lambda session: remaining(session, desk.worker.clock.now)).used == 0


def mailbox(desk: Desk, members: Sequence[int]) -> None:
    """Let e-mail be the only way to these members."""
    now = desk.worker.clock.now
    with desk.worker.sessions.begin() as session:
        session.execute(update(Friend).values(is_following=False))
        for member_id in members:
            session.add(
                MemberChannel(
                    member_id=member_id,
                    email=f"member{member_id}@example.com",
                    email_state=CONFIRMED,
                    email_source="member",
                    email_at=now,
                )
            )


def test_what_cannot_be_drawn_is_refused_and_ends(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise KeyError("template")

    monkeypatch.setattr(campaign_calls, "prepare", fail)
    desk.fill(2)
    run_id = desk.plan()
    desk.send()

    assert (desk.proof(run_id).refused, desk.line.calls) == ({"not_drawn": 2}, [])

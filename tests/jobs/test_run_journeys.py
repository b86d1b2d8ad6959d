"""The round of journeys on real commits: late ones, several workers, what fails, what is sent."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import count
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from jobs import run_journeys as round_module
from jobs.run_journeys import run_journeys
from jobs.timetable import get_round
from models.checkout import Sale, record_purchase
from models.journey import (
    JourneyMark,
    JourneyMove,
    JourneyVisit,
    Span,
    advance_journey,
    look_for_causes,
    start_visits,
)
from models.member import Member
from models.outbox import Owed
from models.outreach.riding import REASON_GONE
from models.purchase import Purchase
from tests.conftest import NOON, Maker
from tests.jobs.conftest import Worker, texts_of
from tests.models.journey_shop import begin, send, wait

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(round_module, "PAUSE_SECONDS", 0.01)


def sell(session: Session, member: Member, at: object = NOON + MINUTE) -> None:
    store = Maker().store(session)
    record_purchase(session, Sale(member.id, store, None, 100, str(uuid4())), at)  # type: ignore[arg-type]


def go(worker: Worker, minutes: int = 2, days: int = 0) -> int:
    return run_journeys(worker.sessions, now=NOON + minutes * MINUTE + days * DAY)


def states(worker: Worker) -> dict[str, int]:
    counted = select(JourneyVisit.state, func.count()).group_by(JourneyVisit.state)
    return dict(worker.run(lambda session: session.execute(counted).all()))


def test_a_round_comes_each_minute() -> None:
    assert get_round("run_journeys").every == MINUTE
    assert get_round("run_journeys").job is run_journeys


def test_a_sale_that_commits_late_starts_its_journey_and_no_other_is_held_up(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A-18: ids are drawn first and committed last; the mark stays below until they are in."""
    monkeypatch.setattr(round_module, "TRIES", 2)
    slow, quick = worker.member(), worker.member()
    worker.run(lambda session: begin(session, "care", [send("hi")]))
    with worker.sessions.begin() as late:
        sell(late, slow)
        worker.run(lambda session: sell(session, quick))
        go(worker, 2)
        assert states(worker) == {"done": 1}
    go(worker, 3)
    go(worker, 4)
    assert states(worker) == {"done": 2}
    newest = worker.run(lambda s: s.scalar(select(JourneyMark.last_id).filter_by(fact="purchase")))
    assert newest == worker.run(lambda s: s.scalar(select(func.max(Purchase.id))))


def test_what_was_due_is_pushed_and_not_without_its_reason(worker: Worker) -> None:
    """B-12, A-18: from the sale to LINE; and a purchase between round and push stops the push."""
    told, back = worker.member(), worker.member()
    worker.run(
        lambda session: begin(
            session,
            "care",
            [wait("rest", "hi"), send("hi", words="{name}，好嗎？")],
            exit_when=["purchase"],
        )
    )
    for member in (told, back):
        worker.run(partial(sell, member=member))
    go(worker)
    worker.clock.advance(days=3, minutes=3)
    go(worker, 3, 3)
    worker.run(lambda session: sell(session, back, NOON + 3 * DAY + 3 * MINUTE))
    worker.deliver_outbox()
    pushed = [each for each in worker.line.said if each.via == "push"]
    said = [(each.to, text) for each, text in zip(pushed, texts_of(pushed), strict=True)]
    assert [each for each in said if each[1] == "王小明，好嗎？"] == [
        (told.line_user_id, "王小明，好嗎？")
    ]
    (skipped,) = worker.rows(Owed.member_id == back.id, Owed.source.startswith("journey:care:"))
    assert (skipped.state, skipped.reason) == ("skipped", REASON_GONE)


def test_several_workers_take_different_visits_and_nobody_is_told_twice(worker: Worker) -> None:
    people = [worker.member() for _ in range(40)]
    worker.run(lambda session: begin(session, "care", [wait("rest", "hi"), send("hi")]))
    with worker.sessions.begin() as session:
        for member in people:
            sell(session, member)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: go(worker), range(4)))
    assert states(worker) == {"under_way": 40}

    def advance(_: int) -> int:
        with worker.sessions.begin() as session:
            return advance_journey(session, "care", NOON + 4 * DAY, limit=7).seen

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(advance, range(12))) == 40
    assert states(worker) == {"done": 40}
    assert len({row.member_id for row in worker.rows(Owed.kind == "content")}) == 40
    assert worker.run(lambda s: s.scalar(select(func.count()).select_from(JourneyMove))) == 120


def test_a_worker_that_dies_loses_its_part_alone(worker: Worker) -> None:
    """Each part is one transaction: what it did and that it was done are kept together."""
    people = [worker.member() for _ in range(4)]
    worker.run(lambda session: begin(session, "care", [send("hi")]))
    with worker.sessions.begin() as session:
        for member in people:
            sell(session, member)
    with worker.sessions() as session:
        span = look_for_causes(session, "care", NOON + 2 * MINUTE)
        assert span is not None
        assert start_visits(session, span, limit=3) == 3
        advance_journey(session, "care", NOON + 2 * MINUTE, limit=2)
    assert states(worker) == {}
    go(worker)
    assert states(worker) == {"done": 4}
    assert len(worker.rows(Owed.kind == "content")) == 4


def test_a_journey_that_fails_stops_no_other(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.run(lambda session: begin(session, "a-broken", [send("hi")]))
    worker.run(lambda session: begin(session, "b-good", [send("hi")]))
    worker.run(lambda session: sell(session, worker.maker.member(session)))

    def start(session: Session, span: Span) -> int:
        if span.journey_code == "a-broken":
            raise ZeroDivisionError
        return start_visits(session, span)

    with monkeypatch.context() as broken, capture_logs() as logs:
        broken.setattr(round_module, "start_visits", start)
        go(worker)
    failed = [line["journey"] for line in logs if line["event"] == "journey_failed"]
    assert failed == ["a-broken"]
    assert states(worker) == {"done": 1}
    assert worker.run(lambda s: s.scalars(select(JourneyMark.fact)).all()) == []
    go(worker, 3)
    assert states(worker) == {"done": 2}


def test_a_round_ends_in_time_and_the_next_one_goes_on(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(round_module, "PART", 2)
    worker.run(lambda session: begin(session, "care", [wait("rest", None)]))
    with worker.sessions.begin() as session:
        for _ in range(5):
            sell(session, worker.maker.member(session))
    seconds: Iterator[int] = count(0, 30)
    done = run_journeys(worker.sessions, now=NOON + 2 * MINUTE, timer=lambda: float(next(seconds)))
    assert done == 5 + 5
    assert states(worker) == {"under_way": 5}

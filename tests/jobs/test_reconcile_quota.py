"""LINE's count of messages against ours: each night, and whenever LINE says it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from bot.client import ChannelToken, LineClient
from bot.simulator import Channel, SimulatorServer
from jobs.reconcile_quota import last_reading, reconcile_quota
from jobs.timetable import get_call, get_round
from models.quota import (
    Remaining,
    list_leftovers,
    note_quota_gone,
    remaining,
    reserve,
    settle_use,
)
from tests.jobs.conftest import PATIENT, Worker

SECRET, TOKEN = "channel secret", "a long-lived token"
TAIPEI = ZoneInfo("Asia/Taipei")
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorServer]:
    """Yield LINE's two endpoints; each test says what they tell."""
    with SimulatorServer(Channel(SECRET, TOKEN, "1"), rate_limits=False) as server:
        yield server


@pytest.fixture
def line(simulator: SimulatorServer) -> Iterator[SimulatorServer]:
    simulator.world.change_quota({"type": "limited", "value": 6_000, "used": 0})
    yield simulator
    simulator.world.faults.change({"rules": []})
    simulator.world.requests.clear()


def reconcile(worker: Worker, line: SimulatorServer) -> int:
    """Run the job against the simulator."""

    async def run() -> int:
        client = LineClient(line.url, ChannelToken(TOKEN, None, SECRET), timeout=PATIENT)
        try:
            return await reconcile_quota(replace(worker.context, line=client))
        finally:
            await client.close()

    return asyncio.run(run())


def left_of(worker: Worker) -> Remaining:
    with worker.sessions() as session:
        return remaining(session, worker.clock.now)


def send(worker: Worker, messages: int) -> None:
    """Let a run have sent so many messages."""

    def write(session: Session) -> None:
        now = worker.clock.now
        key = f"sent:{now.isoformat()}"
        reserve(session, source="campaign:1", key=key, wanted=messages, is_service=False, now=now)
        settle_use(session, {key: messages}, now)

    worker.run(write)


def test_each_night_lines_figure_is_taken_over(worker: Worker, line: SimulatorServer) -> None:
    """U2: the difference is shown, messages of the OA Manager count, a lowered limit holds."""
    send(worker, 100)
    line.world.change_quota({"value": 5_000, "used": 130})
    assert reconcile(worker, line) == 1
    left = left_of(worker)
    assert (left.line_used, left.difference, left.elsewhere, left.limit) == (130, 30, 30, 5_000)
    assert reconcile(worker, line) == 0, "once a night"

    worker.clock.advance(days=1)
    line.world.change_quota({"value": 200, "used": 130})
    assert reconcile(worker, line) == 1
    assert left_of(worker).left == 70


def test_no_limit_is_told_as_one(worker: Worker, line: SimulatorServer) -> None:
    line.world.change_quota({"type": "none"})
    assert reconcile(worker, line) == 1
    assert left_of(worker).limit is None


@pytest.mark.parametrize("path", ["quota", "quota/consumption"])
def test_what_line_did_not_tell_is_asked_again(
    worker: Worker, line: SimulatorServer, path: str
) -> None:
    """U2: a night without LINE is no night without a figure."""
    path = f"/v2/bot/message/{path}"
    rule = {"match": {"path": path, "method": "GET"}, "fault": "500_before", "times": 1}
    line.world.faults.change({"rules": [rule]})
    assert reconcile(worker, line) == 0
    assert left_of(worker).line_at is None
    assert reconcile(worker, line) == 1


def test_a_quota_that_is_gone_is_looked_at_again(worker: Worker, line: SimulatorServer) -> None:
    """U3: after LINE's 429 for the month the figure is read at once, and decides."""
    assert reconcile(worker, line) == 1
    worker.clock.advance(hours=1)
    worker.run(lambda session: note_quota_gone(session, worker.clock.now))
    assert left_of(worker).is_gone
    assert reconcile(worker, line) == 1
    assert not left_of(worker).is_gone

    worker.clock.advance(minutes=30)
    worker.run(lambda session: note_quota_gone(session, worker.clock.now))
    line.world.change_quota({"used": 6_000})
    assert reconcile(worker, line) == 1
    assert left_of(worker).is_gone
    assert reconcile(worker, line) == 0, "it was looked at"


def test_what_nobody_settled_is_told(worker: Worker, line: SimulatorServer) -> None:
    """U2: each night says how many reservations were left over."""
    long_ago = worker.clock.now - 30 * HOUR
    worker.run(
        lambda session: reserve(
            session, source="outbox", key="dead", wanted=1, is_service=True, now=long_ago
        )
    )
    with capture_logs() as told:
        reconcile(worker, line)
    assert [entry["leftovers"] for entry in told if entry["event"] == "quota_reconciled"] == [1]
    leftovers = worker.run(lambda session: list_leftovers(session, worker.clock.now))
    assert [hold.key for hold in leftovers] == ["dead"]


def test_the_figure_is_complete_two_hours_after_midnight() -> None:
    """U2: LINE counts a day by 02:00 of the next."""
    midnight = datetime(2026, 11, 23, tzinfo=TAIPEI)
    assert last_reading(midnight) == datetime(2026, 11, 22, 2, 5, tzinfo=TAIPEI)
    assert last_reading(midnight + 3 * HOUR) == datetime(2026, 11, 23, 2, 5, tzinfo=TAIPEI)


def test_they_come_round_all_day() -> None:
    assert get_call("reconcile_quota").every <= timedelta(minutes=10)
    assert get_round("guard_budgets").every <= timedelta(minutes=2)

"""Which claims have no owner any more: those of dead workers, when only one worker lives."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from jobs.presence import among_workers
from models.outbox import LEASE, Owed, claim_owed, owe, try_again_at
from tests.conftest import NOON
from tests.jobs.conftest import Worker

AN_HOUR = timedelta(hours=1)


def claimed(worker: Worker) -> Owed:
    """Return a row that somebody has claimed and not settled."""
    with worker.sessions.begin() as session:
        row = owe(
            session,
            f"U{uuid4().hex}",
            "welcome_back",
            {},
            language="zh-TW",
            idempotency_key=str(uuid4()),
            now=worker.clock.now,
        )
    with worker.sessions.begin() as session:
        claim_owed(session, limit=10, now=worker.clock.now)
    return row


def due_in(worker: Worker, row: Owed) -> timedelta:
    """Return how long the row still waits."""
    with worker.sessions() as session:
        return session.get_one(Owed, row.id).next_try_at - worker.clock.now


def test_the_only_worker_alive_takes_over_what_dead_ones_had_claimed(worker: Worker) -> None:
    row = claimed(worker)

    async def begin() -> timedelta:
        async with among_workers(worker.context):
            return due_in(worker, row)

    assert asyncio.run(begin()) == timedelta(0)


def test_a_second_worker_leaves_the_claims_of_the_first_alone(worker: Worker) -> None:
    async def begin() -> timedelta:
        async with among_workers(worker.context):
            row = claimed(worker)
            async with among_workers(worker.context):
                return due_in(worker, row)

    assert asyncio.run(begin()) == LEASE


def test_a_row_put_off_for_longer_than_a_claim_stays_put_off(worker: Worker) -> None:
    row = claimed(worker)
    with worker.sessions.begin() as session:
        try_again_at(session, row.id, NOON + AN_HOUR, in_doubt=True)

    async def begin() -> timedelta:
        async with among_workers(worker.context):
            return due_in(worker, row)

    assert asyncio.run(begin()) == AN_HOUR


def test_a_worker_that_cannot_come_in_keeps_no_connection(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise RuntimeError("no luck")

    monkeypatch.setattr("jobs.presence.release_claims", fail)

    async def begin() -> None:
        async with among_workers(worker.context):
            raise AssertionError("nobody came in")

    with pytest.raises(RuntimeError, match="no luck"):
        asyncio.run(begin())
    assert worker.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # A QueuePool's.

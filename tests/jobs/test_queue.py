"""Queue, bell, clock and worker: work is found at once, and once, whatever goes away meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import procrastinate
import psycopg
import pytest
from procrastinate.exceptions import ConnectorException
from psycopg_pool import PoolTimeout
from sqlalchemy import Engine

from jobs import clock as clock_module
from jobs import queue as queue_module
from jobs.clock import CATCH_UP_SECONDS, ONE_CLOCK, SWEEPS, make_scheduler, run_clock
from jobs.context import JobContext
from jobs.finish_all import finish_all
from jobs.queue import Bell, defer_once, make_queue, make_sync_queue
from jobs.timetable import COMING_ROUND, SWEEP_SECONDS, TIMETABLE
from jobs.worker import run_worker
from models.database import libpq_conninfo
from models.local_day import TAIPEI
from tests import processes
from tests.conftest import NOON
from tests.jobs.conftest import PATIENCE_SECONDS, Worker, a_person


@pytest.fixture
def sync_queue(worker: Worker) -> Iterator[procrastinate.App]:
    with make_sync_queue(libpq_conninfo(worker.url)).open() as queue:
        yield queue


def waiting(worker: Worker, status: str = "todo") -> list[str]:
    """Return the names of the queue's jobs in a state."""
    sql = f"SELECT task_name FROM procrastinate_jobs WHERE status = '{status}' ORDER BY id"  # noqa: S608 - a word of ours
    found: list[str] = worker.run(
        lambda session: session.connection().exec_driver_sql(sql).scalars().all()
    )
    return [name.removeprefix("regulars:") for name in found]


def wait_until(is_so: Callable[[], bool]) -> None:
    processes.wait_until(is_so, "what the queue brings", seconds=PATIENCE_SECONDS)


def work_queue(worker: Worker) -> None:
    """Work all that waits in the queue, then stop."""

    async def run() -> None:
        queue = make_queue(libpq_conninfo(worker.url))
        async with queue.open_async():
            await queue.run_worker_async(
                wait=False,
                delete_jobs="always",
                install_signal_handlers=False,
                additional_context={"regulars": worker.context},
            )

    asyncio.run(run())


def test_a_process_that_stands_still_does_not_keep_the_queue(sync_queue: procrastinate.App) -> None:
    shown = sync_queue.connector.execute_query_one("SHOW idle_in_transaction_session_timeout")
    assert shown == {"idle_in_transaction_session_timeout": "10s"}


# --- the queue


def test_an_equal_task_that_waits_is_not_put_in_twice(
    worker: Worker, sync_queue: procrastinate.App
) -> None:
    for _ in range(3):
        defer_once(sync_queue, "work_inbox")
    defer_once(sync_queue, "deliver_outbox")

    assert waiting(worker) == ["work_inbox", "deliver_outbox"]


def test_slots_wait_under_locks_of_their_own(worker: Worker, sync_queue: procrastinate.App) -> None:
    for slot in ("a", "b", "a"):
        defer_once(sync_queue, "run_entry", lock=f"x:{slot}", name="x", slot=slot)

    assert waiting(worker) == ["run_entry", "run_entry"]


def test_many_threads_put_a_task_in_once(worker: Worker, sync_queue: procrastinate.App) -> None:
    threads = [
        threading.Thread(target=defer_once, args=(sync_queue, "work_inbox")) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert waiting(worker) == ["work_inbox"]


def test_the_queues_tasks_do_the_jobs_with_the_workers_context(
    worker: Worker, sync_queue: procrastinate.App
) -> None:
    person = a_person()
    worker.say(person, "說明")
    worker.befriend(person)
    worker.owe(person)
    defer_once(sync_queue, "work_inbox")
    defer_once(sync_queue, "deliver_outbox")
    slot = "2026-11-22T04:00+08:00"
    defer_once(sync_queue, "run_entry", lock="x", name="forget_old", slot=slot)

    work_queue(worker)

    assert sorted(call.via for call in worker.line.said) == ["push", "reply"]
    assert waiting(worker) == waiting(worker, "failed") == []
    assert "deliver_outbox" in worker.rung
    done = "SELECT name, slot FROM job_run WHERE finished_at IS NOT NULL"
    found = worker.run(lambda session: session.connection().exec_driver_sql(done).all())
    assert found == [("forget_old", slot)]


@pytest.mark.parametrize("equal_waits", [False, True])
def test_what_a_dead_worker_held_is_given_to_another(
    worker: Worker, sync_queue: procrastinate.App, equal_waits: bool
) -> None:
    worker.say(a_person(), "說明")
    defer_once(sync_queue, "work_inbox")
    with worker.engine.begin() as connection:
        connection.exec_driver_sql(
            "WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat)"
            " VALUES (now() - interval '1 minute') RETURNING id)"
            " UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM dead)"
        )
    if equal_waits:
        defer_once(sync_queue, "work_inbox")
    defer_once(sync_queue, "rescue_stalled")

    work_queue(worker)
    work_queue(worker)

    assert len(worker.line.said) == 1
    assert waiting(worker) == waiting(worker, "doing") == []


def test_one_process_may_have_several_queues(worker: Worker) -> None:
    names = [set(make_sync_queue(libpq_conninfo(worker.url)).tasks) for _ in range(3)]

    for known in names:
        assert {f"regulars:{task.__name__}" for task in queue_module.TASKS} <= known


# --- the bell


class FakeQueue:
    """A queue that remembers what was put in, and fails where told."""

    def __init__(self, *, at_open: Exception | None = None, at_defer: Exception | None = None):
        self.at_open, self.at_defer = at_open, at_defer
        self.deferred: list[str] = []

    def open(self) -> None:
        if self.at_open is not None:
            raise self.at_open

    def configure_task(self, name: str, *, queueing_lock: str) -> Any:
        class Task:
            def defer(_self) -> None:  # noqa: N805 - the queue is `self` here
                error, self.at_defer = self.at_defer, None
                if error is not None:
                    raise error
                self.deferred.append(name.removeprefix("regulars:"))

        return Task()


def a_bell(*queues: FakeQueue) -> tuple[Bell, list[FakeQueue]]:
    made: list[FakeQueue] = []

    def make() -> Any:
        made.append(queues[len(made)])
        return made[-1]

    return Bell(make), made


def test_many_rings_are_few_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_module, "SHORTEST_RING_SECONDS", 0.2)
    queue = FakeQueue()
    bell, _ = a_bell(queue)

    began = time.monotonic()
    for _ in range(1_000):
        bell.ring("work_inbox")
        bell.ring("deliver_outbox")
    wait_until(lambda: {"work_inbox", "deliver_outbox"} <= set(queue.deferred))
    time.sleep(0.3)

    # At most one a pause, however long the machine took over the rings.
    assert queue.deferred.count("work_inbox") <= 1 + (time.monotonic() - began) / 0.2
    before = len(queue.deferred)
    bell.ring("work_inbox")
    wait_until(lambda: len(queue.deferred) > before)


def test_a_ring_reaches_the_real_queue(worker: Worker) -> None:
    queues: list[procrastinate.App] = []

    def make() -> procrastinate.App:
        queues.append(make_sync_queue(libpq_conninfo(worker.url)))
        return queues[-1]

    bell = Bell(make)
    bell.ring("work_inbox")
    wait_until(lambda: waiting(worker) == ["work_inbox"])
    bell.ring_now("deliver_outbox")

    assert waiting(worker) == ["work_inbox", "deliver_outbox"]
    queues[0].close()


@pytest.mark.parametrize("error", [PoolTimeout("away"), ConnectorException("away")])
def test_a_bell_whose_database_was_away_rings_again(error: Exception) -> None:
    away, back = FakeQueue(at_open=error), FakeQueue(at_defer=ConnectorException("cut"))
    bell, made = a_bell(away, back)

    bell.ring("work_inbox")
    wait_until(lambda: len(made) == 1)
    bell.ring("work_inbox")
    wait_until(lambda: len(made) == 2)
    wait_until(lambda: back.at_defer is None)
    bell.ring("deliver_outbox")

    wait_until(lambda: back.deferred == ["deliver_outbox"])


# --- waiting for many


def test_a_failure_is_raised_only_when_everyone_has_ended() -> None:
    ended: list[int] = []

    async def end(number: int) -> int:
        for _ in range(number):
            await asyncio.sleep(0)  # One round of the loop, however busy the machine is.
        ended.append(number)
        if number < 2:
            raise ValueError(number)
        return number

    async def run() -> None:
        await finish_all(end(number) for number in (3, 1, 0))

    with pytest.raises(ValueError, match="1"):
        asyncio.run(run())
    assert ended == [0, 1, 3]
    assert asyncio.run(finish_all([])) == []


# --- the clock


class QueueOfNames:
    """A queue that only remembers names and slots."""

    def __init__(self) -> None:
        self.deferred: list[tuple[str, str | None]] = []

    def configure_task(self, name: str, *, queueing_lock: str) -> Any:
        class Task:
            def defer(_self, **told: str) -> None:  # noqa: N805 - the queue is `self` here
                self.deferred.append((told.get("name", name), told.get("slot")))

        return Task()


def test_each_entry_ticks_daily_at_its_time_in_taipei(worker: Worker) -> None:
    queue: Any = QueueOfNames()
    scheduler = make_scheduler(queue, worker.sessions, lambda: NOON)
    jobs = {job.id: job for job in scheduler.get_jobs()}

    rounds = {each.name for each in COMING_ROUND}
    assert set(jobs) == {entry.name for entry in TIMETABLE} | rounds | {"sweep", "catch_up"}
    for entry in TIMETABLE:
        job = jobs[entry.name]
        due = job.trigger.get_next_fire_time(None, NOON)
        assert due.astimezone(TAIPEI).time() == entry.at
        assert job.misfire_grace_time == entry.grace.total_seconds()
        job.func()
    assert queue.deferred == [
        (entry.name, entry.latest_slot(NOON).isoformat(timespec="minutes")) for entry in TIMETABLE
    ]
    assert jobs["sweep"].trigger.interval == timedelta(seconds=SWEEP_SECONDS)
    assert jobs["catch_up"].trigger.interval == timedelta(seconds=CATCH_UP_SECONDS)


def test_each_round_comes_round_under_its_name(worker: Worker) -> None:
    queue: Any = QueueOfNames()
    scheduler = make_scheduler(queue, worker.sessions, lambda: NOON)

    for each in COMING_ROUND:
        job = scheduler.get_job(each.name)
        assert job.trigger.interval == each.every
        job.func()

    assert queue.deferred == [(each.name, None) for each in COMING_ROUND]


def test_a_round_is_worked_from_the_queue(worker: Worker, sync_queue: procrastinate.App) -> None:
    for _ in range(2):  # The second finds the first waiting.
        defer_once(sync_queue, "run_round", lock="audit_sales", name="audit_sales")

    assert waiting(worker) == ["run_round"]
    work_queue(worker)
    assert waiting(worker) == []


def test_a_sweep_looks_for_all_that_may_be_left(worker: Worker) -> None:
    queue: Any = QueueOfNames()
    scheduler = make_scheduler(queue, worker.sessions, lambda: NOON)

    scheduler.get_job("sweep").func()

    assert [name.removeprefix("regulars:") for name, _ in queue.deferred] == list(SWEEPS)


def run_clocks(worker: Worker, stop: threading.Event, make: Any) -> threading.Thread:
    thread = threading.Thread(
        target=run_clock,
        args=(worker.engine, worker.sessions, make),
        kwargs={"clock": lambda: datetime.now(TAIPEI), "stop": stop},
    )
    thread.start()
    return thread


def is_locked(engine: Engine) -> bool:
    """Tell whether a clock of this database holds the lock; other tests' clocks have their own."""
    held = "SELECT objid FROM pg_locks JOIN pg_database d ON d.oid = database"
    here = "WHERE locktype = 'advisory' AND datname = current_database()"
    with engine.connect() as connection:
        return ONE_CLOCK in connection.exec_driver_sql(f"{held} {here}").scalars()


def test_one_clock_ticks_and_a_spare_waits_until_it_is_gone(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock_module, "PAUSE_SECONDS", 0.05)
    made: list[procrastinate.App] = []

    def make() -> procrastinate.App:
        made.append(make_sync_queue(libpq_conninfo(worker.url)))
        return made[-1]

    stop_first, stop_spare = threading.Event(), threading.Event()
    first = run_clocks(worker, stop_first, make)
    wait_until(lambda: is_locked(worker.engine) and len(made) == 1)
    spare = run_clocks(worker, stop_spare, make)
    time.sleep(0.3)
    assert len(made) == 1

    stop_first.set()
    first.join(PATIENCE_SECONDS)
    wait_until(lambda: len(made) == 2)
    stop_spare.set()
    spare.join(PATIENCE_SECONDS)
    wait_until(lambda: not is_locked(worker.engine))  # The server ends a session a moment later.


@pytest.mark.parametrize("error", [PoolTimeout("away"), ConnectorException("away")])
def test_a_clock_whose_queue_cannot_be_opened_tries_again(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(clock_module, "PAUSE_SECONDS", 0.02)
    stop = threading.Event()
    tries: list[int] = []

    def make() -> Any:
        tries.append(1)
        if len(tries) == 3:
            stop.set()
        raise error

    run_clocks(worker, stop, make).join(PATIENCE_SECONDS)

    assert len(tries) == 3


# --- the worker


def test_a_worker_works_what_waits_and_what_comes_and_ends_in_peace(
    worker: Worker, sync_queue: procrastinate.App
) -> None:
    worker.say(a_person(), "說明")
    closed: list[bool] = []

    async def close() -> None:
        closed.append(True)

    worker.line.close = close  # type: ignore[attr-defined]  # Only the worker closes it.

    async def make_context() -> JobContext:
        return worker.context

    def later() -> None:
        wait_until(lambda: len(worker.line.said) == 1)
        worker.say(a_person(), "說明")
        defer_once(sync_queue, "work_inbox")
        wait_until(lambda: len(worker.line.said) == 2)
        wait_until(lambda: waiting(worker) == [])  # What is taken is ended; what waits would stay.
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=later)
    thread.start()
    asyncio.run(run_worker(lambda: make_queue(libpq_conninfo(worker.url)), make_context))
    thread.join()

    assert closed == [True]
    assert waiting(worker) == waiting(worker, "doing") == []


def test_a_worker_begins_again_when_the_database_was_away(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.worker.PAUSE_SECONDS", 0.05)
    tries: list[int] = []

    async def close() -> None:
        """Nothing to close."""

    worker.line.close = close  # type: ignore[attr-defined]  # Only the worker closes it.

    async def make_context() -> JobContext:
        return worker.context

    class Away:
        def open_async(self) -> None:
            raise psycopg.OperationalError("away")

    def make() -> Any:
        tries.append(1)
        if len(tries) < 3:
            return Away()
        os.kill(os.getpid(), signal.SIGTERM)
        return make_queue(libpq_conninfo(worker.url))

    asyncio.run(run_worker(make, make_context))

    assert len(tries) == 3

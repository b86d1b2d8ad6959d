"""The clock process: one at a time, it puts the timetable's jobs and the sweeps into the queue.

APScheduler 3 cannot share its store between processes, so the timetable is code, each tick leaves
a task under its slot's name, and an advisory lock lets a second clock wait as a spare.
"""

import threading
from collections.abc import Callable
from datetime import datetime

import procrastinate
import psycopg
import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from procrastinate.exceptions import ConnectorException
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from jobs.queue import defer_once
from jobs.timetable import COMING_ROUND, SWEEP_SECONDS, TIMETABLE, Asking, Entry, Round, list_due
from models.base import Sessions
from models.job_run import is_finished
from models.local_day import TAIPEI

ONE_CLOCK = 7_241_002
"""The advisory lock that only the running clock holds."""
CATCH_UP_SECONDS = 60
PAUSE_SECONDS = 2.0
SWEEPS = (
    "work_inbox",
    "deliver_outbox",
    "deliver_mail",
    "deliver_texts",
    "deliver_webhooks",
    "send_campaigns",
    "prepare_figures",
    "hand_out_coupons",
    "cross_journeys",
    "rescue_stalled",
)

log = structlog.get_logger()


def run_clock(
    engine: Engine,
    sessions: Sessions,
    make_queue: Callable[[], procrastinate.App],
    *,
    clock: Callable[[], datetime],
    stop: threading.Event,
) -> None:
    """Tick while holding the lock, until `stop`; without the lock, or the database, wait for it."""
    while not stop.is_set():
        try:
            with engine.connect() as connection:
                if _take_lock(connection):
                    log.info("clock_running")
                    try:
                        _tick_while_held(connection, sessions, make_queue(), clock, stop)
                    finally:
                        connection.invalidate()  # The lock is the connection's: end both.
        except (DBAPIError, ConnectorException, psycopg.Error) as error:
            log.warning("clock_lost_database", error=type(error).__name__)
        stop.wait(PAUSE_SECONDS)


def _take_lock(connection: Connection) -> bool:
    taken = connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({ONE_CLOCK})").scalar_one()
    connection.commit()
    return bool(taken)


def _tick_while_held(
    connection: Connection,
    sessions: Sessions,
    queue: procrastinate.App,
    clock: Callable[[], datetime],
    stop: threading.Event,
) -> None:
    with queue.open():
        scheduler = make_scheduler(queue, sessions, clock)
        scheduler.start()
        try:
            while not stop.wait(PAUSE_SECONDS):
                connection.exec_driver_sql("SELECT 1")  # Raises once the lock's session is gone.
                connection.commit()
        finally:
            scheduler.shutdown(wait=False)


def make_scheduler(
    queue: procrastinate.App, sessions: Sessions, clock: Callable[[], datetime]
) -> BackgroundScheduler:
    """Make the scheduler: each entry at its time, the sweeps, the catching up."""
    scheduler = BackgroundScheduler(
        timezone=TAIPEI, job_defaults={"coalesce": True, "max_instances": 1}
    )
    for entry in TIMETABLE:
        scheduler.add_job(
            lambda entry=entry: _defer_entry(
                queue, entry, entry.latest_slot(clock()).isoformat(timespec="minutes")
            ),
            CronTrigger(hour=entry.at.hour, minute=entry.at.minute, timezone=TAIPEI),
            id=entry.name,
            misfire_grace_time=int(entry.grace.total_seconds()),
        )
    for each in COMING_ROUND:
        scheduler.add_job(
            lambda each=each: _defer_round(queue, each),
            IntervalTrigger(seconds=int(each.every.total_seconds())),
            id=each.name,
            next_run_time=clock(),  # Who begins may have been away for longer than a round.
            misfire_grace_time=None,
        )
    scheduler.add_job(
        lambda: _sweep(queue),
        IntervalTrigger(seconds=SWEEP_SECONDS),
        id="sweep",
        misfire_grace_time=None,
    )
    scheduler.add_job(
        lambda: catch_up(queue, sessions, clock()),
        IntervalTrigger(seconds=CATCH_UP_SECONDS),
        id="catch_up",
        next_run_time=clock(),
        misfire_grace_time=None,
    )
    return scheduler


def _sweep(queue: procrastinate.App) -> None:
    for task in SWEEPS:
        defer_once(queue, task)


def catch_up(queue: procrastinate.App, sessions: Sessions, now: datetime) -> list[str]:
    """Put into the queue each unfinished slot that is still useful; return their names."""
    with sessions() as session:
        missed = [
            (entry, slot)
            for entry, slot in list_due(now)
            if not is_finished(session, entry.name, slot)
        ]
    for entry, slot in missed:
        _defer_entry(queue, entry, slot)
    return [entry.name for entry, _ in missed]


def _defer_round(queue: procrastinate.App, each: Round | Asking) -> None:
    task = "run_call" if isinstance(each, Asking) else "run_round"
    defer_once(queue, task, lock=each.name, name=each.name)


def _defer_entry(queue: procrastinate.App, entry: Entry, slot: str) -> None:
    defer_once(queue, "run_entry", lock=f"{entry.name}:{slot}", name=entry.name, slot=slot)

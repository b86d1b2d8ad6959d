"""How the work behind the pages goes: the queue, its workers, and what waits to be done.

A handful of small questions, each bounded by an index or a limit.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.job_run import JobRun

MOST_COUNTED = 10_000
"""What waits is counted so far; more is shown as at least so much."""
MOST_WORKERS = 50
PREFIX = "regulars:"
LATE = timedelta(hours=26)
"""A job of every day that began longer ago than this was missed."""
SLOW = timedelta(minutes=5)
"""What was due so long ago and still waits tells of a worker that is missing."""
SILENT = timedelta(seconds=30)
"""A worker that said nothing for so long is taken for gone."""


@dataclass(frozen=True)
class Waiting:
    """How much of one kind is due and waits, and since when the oldest does."""

    name: str
    count: int
    since: datetime | None

    def is_slow(self, now: datetime) -> bool:
        """Tell whether it waits longer than it should."""
        return self.since is not None and now - self.since > SLOW


@dataclass(frozen=True)
class Task:
    """Tasks of one name in one state: `todo`, `doing` or `failed`."""

    name: str
    state: str
    count: int


@dataclass(frozen=True)
class Health:
    """How it all goes at one moment."""

    workers: tuple[datetime, ...]
    """When each worker that is at work was heard last."""
    waiting: tuple[Waiting, ...]
    tasks: tuple[Task, ...]
    runs: tuple[JobRun, ...]
    """Each timetable job's newest run, by name."""
    late: frozenset[str]
    """Names of jobs that were missed, or did not come to their end."""


_WAITING = {
    "line_event": "SELECT received_at AS since FROM line_event WHERE state = 'waiting'",
    "outbox": (
        "SELECT next_try_at AS since FROM outbox WHERE state = 'waiting' AND next_try_at <= :now"
    ),
    "webhook_delivery": (
        "SELECT next_try_at AS since FROM webhook_delivery"
        " WHERE state = 'waiting' AND next_try_at <= :now"
    ),
}
_TASKS = text(
    "SELECT task_name, status::text AS state, count(*) AS count FROM ("
    "SELECT task_name, status FROM procrastinate_jobs"
    " WHERE status IN ('todo', 'doing', 'failed') ORDER BY id DESC LIMIT :most"
    ") AS newest GROUP BY 1, 2 ORDER BY 1, 2"
)
_WORKERS = text(
    "SELECT last_heartbeat FROM procrastinate_workers WHERE last_heartbeat > :since"
    " ORDER BY last_heartbeat DESC LIMIT :most"
)
_RUNS = text("SELECT name, max(slot) AS slot FROM job_run GROUP BY name ORDER BY name")


def read_health(session: Session, now: datetime) -> Health:
    """Return how the queue, its workers and the timetable's jobs stand."""
    heard = {"since": now - SILENT, "most": MOST_WORKERS}
    newest = session.execute(_RUNS).all()
    found = [session.get_one(JobRun, (name, slot)) for name, slot in newest]
    runs = sorted(found, key=lambda run: run.slot[-len("00:00+08:00") :])
    return Health(
        workers=tuple(session.scalars(_WORKERS, heard)),
        waiting=tuple(_waiting(session, name, now) for name in _WAITING),
        tasks=_tasks(session),
        runs=tuple(runs),
        late=frozenset(run.name for run in runs if _is_late(run, now)),
    )


def _waiting(session: Session, name: str, now: datetime) -> Waiting:
    counted = text(
        f"SELECT count(*), min(since) FROM ({_WAITING[name]} LIMIT :most) AS due"  # noqa: S608
    )
    asked = {"most": MOST_COUNTED} | ({"now": now} if ":now" in _WAITING[name] else {})
    count, since = session.execute(counted, asked).one()
    return Waiting(name, count, since)


def _tasks(session: Session) -> tuple[Task, ...]:
    rows = session.execute(_TASKS, {"most": MOST_COUNTED})
    return tuple(Task(name.removeprefix(PREFIX), state, count) for name, state, count in rows)


def _is_late(run: JobRun, now: datetime) -> bool:
    return now - run.started_at > LATE or (run.finished_at is None and now - run.started_at > SLOW)

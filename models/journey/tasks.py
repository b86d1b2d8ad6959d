"""What the staff is to do for members on journeys: the list, and ticking off."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, select, tuple_
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.journey.table import JourneyTask, JourneyVisit
from models.local_day import local_day
from models.member import Member, masked_name
from models.staff import Staff

MOST_LISTED = 100
_Rows = Select[JourneyTask, str, str, str | None, str]


class NoSuchTask(BusinessError):
    """No open task has this id: it was never one, is done, or its member has left."""

    code = "no_such_journey_task"


@dataclass(frozen=True)
class OpenTask:
    """Something to do, or done: what, for whom, by when, and from which journey."""

    task: JourneyTask
    journey_code: str
    number: str
    masked_name: str
    done_by: str | None = None
    """Who did it, where it is done."""


def list_tasks(
    session: Session,
    now: datetime,
    *,
    after: tuple[date, int] | None = None,
    limit: int = MOST_LISTED,
) -> list[OpenTask]:
    """Return what is open and still of use, the most pressing first; what comes after a place."""
    open_ones = (
        _tasks()
        .where(JourneyTask.done_at.is_(None), JourneyTask.due_on >= local_day(now))
        .order_by(JourneyTask.due_on, JourneyTask.id)
        .limit(limit)
    )
    if after is not None:
        open_ones = open_ones.where(tuple_(JourneyTask.due_on, JourneyTask.id) > after)
    return _listed(session, open_ones)


def list_done_tasks(
    session: Session, *, before: tuple[datetime, int] | None = None, limit: int = MOST_LISTED
) -> list[OpenTask]:
    """Return what was done, the latest first; what was done before a place in the list."""
    done = (
        _tasks()
        .where(JourneyTask.done_at.is_not(None))
        .order_by(JourneyTask.done_at.desc(), JourneyTask.id.desc())
        .limit(limit)
    )
    if before is not None:
        done = done.where(tuple_(JourneyTask.done_at, JourneyTask.id) < before)
    return _listed(session, done)


def _tasks() -> _Rows:
    return (
        select(JourneyTask, JourneyVisit.journey_code, Member.number, Member.name, Staff.name)
        .join(JourneyVisit, JourneyVisit.id == JourneyTask.visit_id)
        .join(Member, Member.id == JourneyTask.member_id)
        .outerjoin(Staff, Staff.id == JourneyTask.done_by)
    )


def _listed(session: Session, tasks: _Rows) -> list[OpenTask]:
    return [
        OpenTask(task, code, number, masked_name(name), by)
        for task, code, number, name, by in session.execute(tasks)
    ]


def finish_task(session: Session, task_id: int, staff: Staff, now: datetime) -> JourneyTask:
    """Tick a task off, as done by a person; done twice it stays the first one's.

    Raises NoSuchTask.
    """
    task = session.get(JourneyTask, task_id, with_for_update=True, populate_existing=True)
    if task is None or task.done_at is not None:
        raise NoSuchTask(task=task_id)
    task.done_at, task.done_by = now, staff.id
    session.flush()
    return task

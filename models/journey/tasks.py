"""What the staff is to do for members on journeys: the list, and ticking off."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.journey.table import JourneyTask, JourneyVisit
from models.local_day import local_day
from models.member import Member, masked_name
from models.staff import Staff

MOST_LISTED = 100


class NoSuchTask(BusinessError):
    """No open task has this id: it was never one, is done, or its member has left."""

    code = "no_such_journey_task"


@dataclass(frozen=True)
class OpenTask:
    """Something to do: what, for whom, by when, and from which journey."""

    task: JourneyTask
    journey_code: str
    number: str
    masked_name: str


def list_tasks(session: Session, now: datetime, *, limit: int = MOST_LISTED) -> list[OpenTask]:
    """Return what is open and still of use, the most pressing first."""
    rows: Sequence[tuple[JourneyTask, str, str, str | None]] = session.execute(
        select(JourneyTask, JourneyVisit.journey_code, Member.number, Member.name)
        .join(JourneyVisit, JourneyVisit.id == JourneyTask.visit_id)
        .join(Member, Member.id == JourneyTask.member_id)
        .where(JourneyTask.done_at.is_(None), JourneyTask.due_on >= local_day(now))
        .order_by(JourneyTask.due_on, JourneyTask.id)
        .limit(limit)
    ).all()
    return [OpenTask(task, code, number, masked_name(name)) for task, code, number, name in rows]


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

"""Care tasks (E-10): members of high value who seem about to be lost, to be called by a person.

The night draws them after the forecasts. A random part of them gets no task, so that whether the
calls help can be told from who would have come back anyway: both parts are kept, and compared by
everybody who was drawn, called or not. Nobody is drawn again for 90 days.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import hypot
from random import SystemRandom
from typing import Any

from sqlalchemy import (
    JSON,
    REAL,
    BigInteger,
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    UniqueConstraint,
    and_,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.audit import note
from models.base import Base, BusinessError, Day, Identifier, Moment, one_of
from models.interval import wilson
from models.lifecycle.figures import is_here
from models.local_day import local_day
from models.member import Member
from models.prediction.churn import Reason, read_reasons, reasons_of
from models.prediction.table import MemberForecast
from models.purchase import Purchase
from models.staff import Staff

RISK = 0.6
"""Who buys nothing in the next 90 days with so much probability is at risk."""
VALUE_TOP = 0.10
"""High value: of all who bought, the tenth with the highest net spend of all time."""
LATEST_DAYS = 365
"""Whoever was away for longer is gone: a call comes too late to be care."""
HOLDOUT_SHARE = 0.15
MOST_A_NIGHT = 20
"""What the staff of a few stores can call in a day, those who get no task included."""
REST_DAYS = 90
OPEN_DAYS = 30
"""A task nobody did for so long is no longer shown."""
RETURN_DAYS = 30
FEWEST_COMPARED = 30
"""With fewer on either side a difference of the two means nothing."""
LONGEST_NOTE = 300
MOST_LISTED = 100
OUTCOMES = ("will_come", "thinks", "unhappy", "not_reached")

Draw = Callable[[], float]
CHANCE: Draw = SystemRandom().random


class CareTask(Base):
    """One member drawn for care, or, with `is_holdout`, for none. Done by a person, or never."""

    __tablename__ = "care_task"
    __table_args__ = (
        UniqueConstraint("member_id", "made_on"),
        CheckConstraint(
            "(done_at IS NULL) = (done_by IS NULL) AND (done_at IS NULL) = (outcome IS NULL)",
            name="done_by_somebody",
        ),
        CheckConstraint(one_of("outcome", OUTCOMES), name="outcome_known"),
        CheckConstraint("NOT is_holdout OR done_at IS NULL", name="holdout_gets_none"),
        Index("ix_care_task_made_on", "made_on"),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    made_on: Mapped[Day]
    made_at: Mapped[Moment]
    is_holdout: Mapped[bool]
    risk: Mapped[float] = mapped_column(REAL)
    value_twd: Mapped[int] = mapped_column(BigInteger)
    """The member's net spend of all time when they were drawn."""
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    outcome: Mapped[str | None]
    note: Mapped[str | None]
    """What staff wrote of the call; it goes with the member's data."""
    done_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    done_at: Mapped[datetime | None]

    def told_reasons(self) -> tuple[Reason, ...]:
        """Return why the member was drawn."""
        return read_reasons(self.reasons)


class NoSuchCareTask(BusinessError):
    """No task has this id: it was never one, or its member has left."""

    code = "no_such_care_task"


class OutcomeRefused(BusinessError):
    """The outcome of a call is none of those there are, or its note is too long."""

    code = "outcome_refused"


@dataclass(frozen=True)
class Compared:
    """Those drawn whose days to come back are over: how many there are, and who did."""

    members: int
    returned: int
    done: int
    """How many were called."""

    @property
    def share(self) -> float:
        """Return the share that came back."""
        return self.returned / self.members if self.members else 0.0


@dataclass(frozen=True)
class CareReport:
    """Whether care brings members back: with a task against without, and how sure that is."""

    task: Compared
    holdout: Compared
    difference: float | None
    """By how much more of them came back; None with too few on either side."""
    low: float | None
    """Newcombe's interval of the difference at 95%."""
    high: float | None

    @property
    def is_enough(self) -> bool:
        """Tell whether there are enough of both to compare them."""
        return self.difference is not None


def make_care_tasks(session: Session, now: datetime, *, draw: Draw = CHANCE) -> int:
    """Draw tonight's members by the newest forecasts and make their tasks; return how many.

    About 15% of those drawn get none and are not counted. Only who allows marketing is drawn.
    """
    today = local_day(now)
    rows = session.execute(
        select(Member.id, Member.lifetime_twd, MemberForecast.risk)
        .join(MemberForecast, MemberForecast.member_id == Member.id)
        .where(*_is_for_care(session, today))
        .order_by(Member.lifetime_twd.desc(), Member.id)
        .limit(MOST_A_NIGHT)
    ).all()
    if not rows:
        return 0
    reasons = reasons_of(session, [row.id for row in rows], now)
    tasks = [
        {
            "member_id": row.id,
            "made_on": today,
            "made_at": now,
            "is_holdout": draw() < HOLDOUT_SHARE,
            "risk": row.risk,
            "value_twd": row.lifetime_twd,
            "reasons": [reason.as_json() for reason in reasons[row.id]],
        }
        for row in rows
    ]
    made = session.scalars(
        insert(CareTask).values(tasks).on_conflict_do_nothing().returning(CareTask.is_holdout)
    )
    return sum(not is_holdout for is_holdout in made)


def _is_for_care(session: Session, today: date) -> tuple[ColumnElement[bool], ...]:
    high_twd = session.scalar(
        select(func.percentile_disc(1 - VALUE_TOP).within_group(Member.lifetime_twd)).where(
            Member.purchase_count > 0, is_here()
        )
    )
    rested = (
        select(CareTask.id)
        .where(
            CareTask.member_id == Member.id,
            CareTask.made_on > today - timedelta(days=REST_DAYS),
        )
        .exists()
    )
    return (
        is_here(),
        Member.marketing_allowed.is_(True),
        Member.frozen_at.is_(None),
        Member.lifetime_twd >= max(high_twd or 0, 1),
        Member.last_purchase_on > today - timedelta(days=LATEST_DAYS),
        MemberForecast.risk >= RISK,
        ~rested,
    )


def list_care_tasks(session: Session, now: datetime) -> list[tuple[CareTask, Member]]:
    """Return the tasks of the last 30 days, those to do first, the highest value first of them.

    Who has bought since needs no call any more, and who did not allow marketing gets none.
    """
    came = (Member.last_purchase_on > CareTask.made_on).is_(True)
    rows = session.execute(
        select(CareTask, Member)
        .join(Member, Member.id == CareTask.member_id)
        .where(
            CareTask.made_on > local_day(now) - timedelta(days=OPEN_DAYS),
            ~CareTask.is_holdout,
            is_here(),
            CareTask.done_at.is_not(None) | and_(~came, Member.marketing_allowed),
        )
        .order_by(CareTask.done_at.is_not(None), CareTask.value_twd.desc(), CareTask.id)
        .limit(MOST_LISTED)
    )
    return [(task, member) for task, member in rows]


def tick_care_task(
    session: Session,
    task_id: int,
    staff: Staff,
    outcome: str | None,
    *,
    note_text: str = "",
    now: datetime,
) -> CareTask:
    """Note what came of a call, with a few words if wanted; None opens the task again.

    Raises NoSuchCareTask or OutcomeRefused.
    """
    words = " ".join(note_text.split())
    if (outcome is not None and outcome not in OUTCOMES) or len(words) > LONGEST_NOTE:
        raise OutcomeRefused(outcomes=OUTCOMES, longest=LONGEST_NOTE)
    task = session.get(CareTask, task_id, with_for_update=True)
    if task is None or task.is_holdout:
        raise NoSuchCareTask
    if outcome is None:
        task.outcome = task.note = task.done_by = task.done_at = None
    else:
        task.outcome, task.note = outcome, words or None
        task.done_by, task.done_at = staff.id, now
    note(
        session,
        "care_task.done" if outcome else "care_task.reopen",
        f"care_task:{task.id}",
        now=now,
        staff_id=staff.id,
        member_id=task.member_id,
        store_id=staff.store_id,
        after={"outcome": outcome} if outcome else None,
    )
    session.flush()
    return task


def care_report(session: Session, now: datetime) -> CareReport:
    """Compare who came back within 30 days, with a task and without; one statement."""
    returned = (
        select(Purchase.id)
        .where(
            Purchase.member_id == CareTask.member_id,
            Purchase.purchased_on > CareTask.made_on,
            Purchase.purchased_on <= CareTask.made_on + RETURN_DAYS,
            Purchase.undone_at.is_(None),
        )
        .exists()
    )
    rows = session.execute(
        select(
            CareTask.is_holdout,
            func.count(),
            func.count().filter(returned),
            func.count(CareTask.done_at),
        )
        .where(CareTask.made_on <= local_day(now) - timedelta(days=RETURN_DAYS))
        .group_by(CareTask.is_holdout)
    )
    counted = {is_holdout: Compared(*counts) for is_holdout, *counts in rows}
    nobody = Compared(0, 0, 0)
    return _compare(counted.get(False, nobody), counted.get(True, nobody))


def _compare(task: Compared, holdout: Compared) -> CareReport:
    """Return the report; the interval is Newcombe's (1998, method 10), from Wilson's of each."""
    if min(task.members, holdout.members) < FEWEST_COMPARED:
        return CareReport(task, holdout, None, None, None)
    low_task, high_task = wilson(task.returned, task.members)
    low_none, high_none = wilson(holdout.returned, holdout.members)
    difference = task.share - holdout.share
    return CareReport(
        task,
        holdout,
        difference,
        difference - hypot(task.share - low_task, high_none - holdout.share),
        difference + hypot(high_task - task.share, holdout.share - low_none),
    )

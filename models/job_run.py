"""Job runs: which tick of the timetable was run, when, and what came of it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Moment


class JobRun(Base):
    """One slot of one job, by its name and local time. Finished once, whoever ran it."""

    __tablename__ = "job_run"
    __table_args__ = (
        CheckConstraint("(finished_at IS NULL) = (done IS NULL)", name="finished_with_count"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    slot: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[Moment]
    finished_at: Mapped[datetime | None]
    done: Mapped[int | None]


def begin_run(session: Session, name: str, slot: str, now: datetime) -> bool:
    """Note that a slot is being run; False where it was finished before."""
    session.execute(
        insert(JobRun).values(name=name, slot=slot, started_at=now).on_conflict_do_nothing()
    )
    run = session.get_one(JobRun, (name, slot), with_for_update=True)
    return run.finished_at is None


def finish_run(session: Session, name: str, slot: str, done: int, now: datetime) -> None:
    """Note that a slot is finished and how much it did."""
    run = session.get_one(JobRun, (name, slot), with_for_update=True)
    run.finished_at, run.done = now, done


def is_finished(session: Session, name: str, slot: str) -> bool:
    """Tell whether a slot was run to its end."""
    finished = select(JobRun.finished_at).where(JobRun.name == name, JobRun.slot == slot)
    return session.scalar(finished) is not None


def last_runs(session: Session, limit: int) -> list[JobRun]:
    """Return the newest runs, newest first."""
    newest = select(JobRun).order_by(JobRun.started_at.desc(), JobRun.name, JobRun.slot)
    return list(session.scalars(newest.limit(limit)))

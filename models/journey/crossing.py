"""Moving everybody who is on an older version of a journey: ordered once, done in parts.

A crossing says at which step whoever stands at one goes on; a worker moves any number of members
that way, and the page that asked shows how far it is.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Identifier, Moment, wake
from models.journey.moving import PART, aims_of, count_standing, move_visits
from models.staff import Staff

TASK = "cross_journeys"
MOST_LISTED = 10


class JourneyCrossing(Base):
    """One order to move those on a version to another; of one version one is open at a time."""

    __tablename__ = "journey_crossing"
    __table_args__ = (
        CheckConstraint("moved >= 0", name="moved_not_negative"),
        CheckConstraint("problem IS NULL OR ended_at IS NOT NULL", name="problem_ends_it"),
        Index(
            "uq_journey_crossing_open",
            "journey_code",
            "from_version",
            unique=True,
            postgresql_where="ended_at IS NULL",
        ),
        Index("ix_journey_crossing_journey_code", "journey_code", "id"),
    )

    id: Mapped[Identifier]
    journey_code: Mapped[str] = mapped_column(ForeignKey("journey.code"))
    from_version: Mapped[int]
    to_version: Mapped[int]
    steps: Mapped[dict[str, str]] = mapped_column(JSONB)
    """At which step whoever stands at one goes on; who is not named goes on at the same."""
    expected: Mapped[int]
    """How many stood there when it was ordered."""
    moved: Mapped[int] = mapped_column(default=0, server_default="0")
    asked_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[Moment]
    ended_at: Mapped[datetime | None]
    problem: Mapped[str | None]
    """The code of the refusal that ended it."""


def begin_crossing(
    session: Session,
    code: str,
    *,
    from_version: int,
    to_version: int,
    steps: Mapping[str, str],
    staff: Staff,
    now: datetime,
) -> None:
    """Order that all on a version go on on another; where that is ordered, it stays one order.

    Raises NoSuchJourney, or StepsMissing where somebody stands at a step that leads nowhere.
    """
    aims = aims_of(session, code, from_version, to_version, dict(steps))
    standing = count_standing(session, code)
    expected = sum(people for version, _, people in standing if version == from_version)
    session.execute(
        insert(JourneyCrossing)
        .values(
            journey_code=code,
            from_version=from_version,
            to_version=to_version,
            steps=aims | dict(steps),
            expected=expected,
            asked_by=staff.id,
            asked_at=now,
        )
        .on_conflict_do_nothing()
    )
    wake(session, TASK)


def list_crossings(session: Session, code: str) -> Sequence[JourneyCrossing]:
    """Return a journey's newest crossings, the newest first."""
    return session.scalars(
        select(JourneyCrossing)
        .where(JourneyCrossing.journey_code == code)
        .order_by(JourneyCrossing.id.desc())
        .limit(MOST_LISTED)
    ).all()


def find_open_crossing(session: Session) -> int | None:
    """Return the number of the oldest crossing that is not over, or None."""
    return session.scalars(
        select(JourneyCrossing.id)
        .where(JourneyCrossing.ended_at.is_(None))
        .order_by(JourneyCrossing.id)
        .limit(1)
    ).one_or_none()


def cross_part(session: Session, crossing_id: int, now: datetime, *, part: int = PART) -> int:
    """Move the next members of a crossing; return how many.

    Nothing where another worker has it, or it is over. Where somebody came to stand meanwhile at a
    step that leads nowhere, it ends with that problem.
    """
    crossing = session.scalars(
        select(JourneyCrossing)
        .where(JourneyCrossing.id == crossing_id, JourneyCrossing.ended_at.is_(None))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if crossing is None:
        return 0
    try:
        with session.begin_nested():
            moved = move_visits(
                session,
                crossing.journey_code,
                from_version=crossing.from_version,
                to_version=crossing.to_version,
                steps=crossing.steps,
                now=now,
                staff_id=crossing.asked_by,
                limit=part,
            )
    except BusinessError as error:
        crossing.ended_at, crossing.problem = now, error.code
        return 0
    crossing.moved += moved
    if moved < part:
        crossing.ended_at = now
    return moved

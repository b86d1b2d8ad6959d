"""Expecting: who will start in the next days, and who under way is due; for the calendar.

Triggers of days (birthdays, ends, festivals) are asked about the days ahead with the very SELECT
that will start them. What somebody will do by themselves, join or buy, nobody can tell.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Date, Select, cast, func, select
from sqlalchemy.orm import Session

from models.base import Translated
from models.journey.keeping import definition_of, get_version
from models.journey.starting import new_visits
from models.journey.table import ACTIVE, UNDER_WAY, Journey, JourneyVisit
from models.journey.trigger import Span
from models.local_day import day_start

SAMPLE = 20
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class ExpectedStart:
    """Who will start a journey on a day: how many, and a few of them."""

    day: date
    code: str
    name: Translated
    people: int
    member_ids: tuple[int, ...]


@dataclass(frozen=True)
class DueVisits:
    """Whose next moment on a journey is on a day, by the step they stand at."""

    day: date
    code: str
    step: str
    people: int


def expected_starts(
    session: Session, first: date, until: date, now: datetime
) -> list[ExpectedStart]:
    """Return who will start which active journey on the days `[first, until)`, by day and code.

    By what is known now: birthdays, ends of coupons, lengths of silence. One statement a journey.
    """
    active = select(Journey).where(Journey.state == ACTIVE).order_by(Journey.code)
    found: list[ExpectedStart] = []
    for journey in session.scalars(active):
        found += _starts_of(session, journey, first, until, now)
    return sorted(found, key=lambda each: (each.day, each.code))


def _starts_of(
    session: Session, journey: Journey, first: date, until: date, now: datetime
) -> list[ExpectedStart]:
    starts = starts_ahead(session, journey, first, until, now)
    if starts is None:
        return []
    new = starts.subquery("start")
    day = cast(func.timezone("Asia/Taipei", new.c.at), Date)
    some = func.array_agg(new.c.member_id)[1:SAMPLE]
    rows = session.execute(select(day, func.count(), some).group_by(day))
    return [
        ExpectedStart(on, journey.code, journey.name, people, tuple(members))
        for on, people, members in rows
    ]


def starts_ahead(
    session: Session, journey: Journey, first: date, until: date, now: datetime
) -> Select[Any] | None:
    """Return a query of who will start a journey on the days `[first, until)`: `member_id, at`.

    None where nobody can tell.
    """
    definition = definition_of(get_version(session, journey.code))
    if definition.cause.trigger.prepare is not None:
        return None  # Who comes into a segment is known once they came.
    since = max(day_start(first), now)
    ahead = Span(journey.code, since, day_start(until) - _TICK, definition.cause.from_time)
    causes = definition.cause.trigger.causes(session, definition.cause.params, ahead)
    if causes is None:
        return None
    new = new_visits(definition, causes.subquery("cause"), journey, ahead).subquery("visit")
    return select(new.c.member_id, new.c.at).where(new.c.state == UNDER_WAY)


def visits_due(session: Session, first: date, until: date) -> list[DueVisits]:
    """Return who under way on an active journey is due on the days `[first, until)`."""
    day = cast(func.timezone("Asia/Taipei", JourneyVisit.due_at), Date)
    by = (day, JourneyVisit.journey_code, JourneyVisit.step)
    rows = session.execute(
        select(*by, func.count())
        .join(Journey, Journey.code == JourneyVisit.journey_code)
        .where(
            Journey.state == ACTIVE,
            JourneyVisit.state == UNDER_WAY,
            JourneyVisit.due_at >= day_start(first),
            JourneyVisit.due_at < day_start(until),
        )
        .group_by(*by)
        .order_by(*by)
    )
    return [DueVisits(on, code, str(step), people) for on, code, step, people in rows]

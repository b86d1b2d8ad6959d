"""Expecting: who will start a journey in the next days; for the calendar.

Triggers of days (birthdays, ends, festivals) are asked about the days ahead with the very SELECT
that will start them. What somebody will do by themselves, join or buy, nobody can tell.
"""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.journey.keeping import definition_of, get_version
from models.journey.starting import new_visits
from models.journey.table import UNDER_WAY, Journey
from models.journey.trigger import Span
from models.local_day import day_start

_TICK = timedelta(microseconds=1)


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

"""Waiting: until when a visit stands at its step. Days and times of day are Taipei's."""

from collections.abc import Collection, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Integer, cast, literal, select
from sqlalchemy.orm import Session

from models.journey.step import Wait
from models.journey.stepping import LIVE_FACTS
from models.journey.trigger import USUAL_DAY_TIME
from models.journey.walker import Walker
from models.lifecycle.cycle import cycle_sql
from models.lifecycle.figures import member_columns
from models.lifecycle.setting import get_settings
from models.local_day import TAIPEI, birthdays_kept_on, local_day
from models.member import Member

_DAY = timedelta(days=1)
_YEAR_DAYS = 366


def due_of(wait: Wait, walker: Walker, facts: Mapping[str, Any]) -> datetime | None:
    """Return when the wait is over; None where the day it counts from is not known.

    A moment that is past is returned as it is: who waits for it goes on at once.
    """
    if wait.fact is not None:
        return _day_of_fact(wait, facts.get(wait.fact))
    if not wait.minutes and wait.at is not None:
        return _next_time(wait, walker.step_at)
    since = walker.cause_at if wait.from_cause else walker.step_at
    over = since + timedelta(minutes=wait.minutes)
    if wait.at is None:
        return over
    due = _at(local_day(over), wait.at)
    return due if due > since else due + _DAY


def _next_time(wait: Wait, after: datetime) -> datetime:
    """Return the next such time of day, of such a day of the week, after a moment."""
    due = _at(local_day(after), wait.at or USUAL_DAY_TIME)
    while due <= after or wait.weekday not in (None, due.astimezone(TAIPEI).isoweekday()):
        due += _DAY  # Taipei has no summer time.
    return due


def _day_of_fact(wait: Wait, told: Any) -> datetime | None:
    """Return the day or moment that a fact tells, moved by the days; None where it tells none."""
    if isinstance(told, date) and not isinstance(told, datetime):
        told = told.isoformat()
    try:
        moment = datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None
    if moment is None:
        return None
    if moment.tzinfo is None:  # A day.
        return _at(moment.date() + wait.days * _DAY, wait.at or USUAL_DAY_TIME)
    moved = moment + wait.days * _DAY
    return moved if wait.at is None else _at(local_day(moved), wait.at)


def _at(day: date, at: time) -> datetime:
    return datetime.combine(day, at, TAIPEI)


def live_facts(
    session: Session, names: Collection[str], member_ids: Collection[int], now: datetime
) -> dict[int, dict[str, date]]:
    """Return the days that are read when they are needed, by member; unknown ones are absent."""
    asked = [name for name in LIVE_FACTS if name in names]
    if not asked:
        return {}
    today = local_day(now)
    cycle = get_settings(session, today).cycle
    days = cast(cycle_sql(cycle, member_columns()), Integer) if "repurchase_on" in asked else None
    rows = session.execute(
        select(
            Member.id,
            Member.birthday_mmdd,
            (Member.last_purchase_on + (literal(0) if days is None else days)).label("again_on"),
        ).where(Member.id.in_(member_ids))
    )
    birthdays = _birthdays(today) if "birthday" in asked else {}
    told = {
        row.id: {"birthday": birthdays.get(row.birthday_mmdd), "repurchase_on": row.again_on}
        for row in rows
    }
    return {
        member_id: {name: known[name] for name in asked if known[name] is not None}
        for member_id, known in told.items()
    }


def _birthdays(today: date) -> dict[int, date]:
    """Return when each birthday, as month and day in one number, is kept next."""
    return {
        mmdd: day
        for day in (today + ahead * _DAY for ahead in reversed(range(_YEAR_DAYS)))
        for mmdd in birthdays_kept_on(day)
    }

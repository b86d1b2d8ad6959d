"""The shop's days: moments are UTC, days are Taipei's, and an end is the first day outside."""

from calendar import isleap
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Date, SQLColumnExpression, cast, func

TAIPEI = ZoneInfo("Asia/Taipei")
T = TypeVar("T")


def local_day(moment: datetime) -> date:
    """Return the Taipei day in which `moment` lies."""
    return moment.astimezone(TAIPEI).date()


def day_of(moment: SQLColumnExpression[Any]) -> ColumnElement[date]:
    """Return the Taipei day of a column's moment, as SQL."""
    return cast(func.timezone(TAIPEI.key, moment), Date)


def day_start(day: date) -> datetime:
    """Return the moment at which `day` begins in Taipei, in UTC."""
    return datetime.combine(day, time(), TAIPEI).astimezone(UTC)


def last_day(expires_at: datetime) -> date:
    """Return the last Taipei day on which something that ends at `expires_at` is still good."""
    return local_day(expires_at - timedelta(microseconds=1))


def last_days(days: int, now: datetime) -> tuple[date, date]:
    """Return the first of the last `days`, today among them, and tomorrow."""
    after = local_day(now) + timedelta(days=1)
    return after - timedelta(days=days), after


def by_day(
    items: Iterable[T], moment_of: Callable[[T], datetime]
) -> Iterator[tuple[date, list[T]]]:
    """Yield things that come in order of time, by their Taipei days."""
    for day, of_day in groupby(items, key=lambda item: local_day(moment_of(item))):
        yield day, list(of_day)


def first_of_month_after(day: date, months: int) -> date:
    """Return the first day of the month `months` after the month of `day`."""
    total = day.year * 12 + day.month - 1 + months
    return date(total // 12, total % 12 + 1, 1)


def birthdays_kept_on(day: date) -> list[int]:
    """Return the birthdays celebrated on `day`, as month * 100 + day.

    29 February is kept on the 28th in a common year, so that it stays in its month.
    """
    kept = [day.month * 100 + day.day]
    if kept == [228] and not isleap(day.year):
        kept.append(229)
    return kept


def day_text(day: date | None) -> str | None:
    """Write a day, or a moment, for a journal in JSON, 2026-11-22; None stays None."""
    return day.isoformat() if day is not None else None


def read_day(text: str | None) -> date | None:
    """Read what `day_text` wrote. Raises ValueError."""
    return date.fromisoformat(text) if text else None


def read_moment(text: str | None) -> datetime | None:
    """Read a moment that `day_text` wrote. Raises ValueError."""
    return datetime.fromisoformat(text) if text else None

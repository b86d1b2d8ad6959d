"""The shop's days: moments are UTC, days are Taipei's, and an end is the first day outside."""

from calendar import isleap
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

TAIPEI = ZoneInfo("Asia/Taipei")


def local_day(moment: datetime) -> date:
    """Return the Taipei day in which `moment` lies."""
    return moment.astimezone(TAIPEI).date()


def day_start(day: date) -> datetime:
    """Return the moment at which `day` begins in Taipei, in UTC."""
    return datetime.combine(day, time(), TAIPEI).astimezone(UTC)


def last_day(expires_at: datetime) -> date:
    """Return the last Taipei day on which something that ends at `expires_at` is still good."""
    return local_day(expires_at - timedelta(microseconds=1))


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
    """Write a day for a journal in JSON, 2026-11-22; None stays None."""
    return day.isoformat() if day is not None else None


def read_day(text: str | None) -> date | None:
    """Read what `day_text` wrote. Raises ValueError."""
    return date.fromisoformat(text) if text else None

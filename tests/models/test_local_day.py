"""Days: Taipei's, half open, and 29 February."""

from datetime import UTC, date, datetime

import pytest

from models.local_day import (
    birthdays_kept_on,
    day_start,
    first_of_month_after,
    last_day,
    local_day,
)


def test_a_moment_before_midnight_in_taipei_belongs_to_the_old_day() -> None:
    assert local_day(datetime(2026, 11, 22, 15, 59, 59, tzinfo=UTC)) == date(2026, 11, 22)


def test_midnight_in_taipei_begins_the_new_day() -> None:
    assert local_day(datetime(2026, 11, 22, 16, tzinfo=UTC)) == date(2026, 11, 23)


def test_a_day_starts_eight_hours_before_utc() -> None:
    assert day_start(date(2026, 11, 22)) == datetime(2026, 11, 21, 16, tzinfo=UTC)


def test_what_ends_as_a_day_starts_is_good_through_the_day_before() -> None:
    assert last_day(day_start(date(2026, 12, 1))) == date(2026, 11, 30)


@pytest.mark.parametrize(
    ("day", "months", "first"),
    [
        (date(2026, 11, 30), 0, date(2026, 11, 1)),
        (date(2026, 11, 22), 1, date(2026, 12, 1)),
        (date(2026, 12, 31), 1, date(2027, 1, 1)),
        (date(2026, 11, 22), 13, date(2027, 12, 1)),
        (date(2026, 12, 1), 13, date(2028, 1, 1)),
    ],
)
def test_months_are_counted_from_the_days_month(day: date, months: int, first: date) -> None:
    assert first_of_month_after(day, months) == first


@pytest.mark.parametrize(
    ("day", "kept"),
    [
        (date(2027, 2, 28), [228, 229]),
        (date(2028, 2, 28), [228]),
        (date(2028, 2, 29), [229]),
        (date(2027, 3, 1), [301]),
        (date(2100, 2, 28), [228, 229]),
    ],
)
def test_the_29th_of_february_is_kept_once_a_year(day: date, kept: list[int]) -> None:
    assert birthdays_kept_on(day) == kept

"""Schedules: what comes next, at midnight in Taipei, at the ends of months, in the past."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.campaign import (
    CampaignRefused,
    ScheduleInPast,
    list_slots,
    next_slot,
    parse_schedule,
    slot_name,
)
from models.campaign.schedule import check_not_past, first_slot
from models.local_day import TAIPEI
from tests.conftest import NOON

Json = dict[str, Any]
HOUR = timedelta(hours=1)


def recurring(every: str, time: str = "10:30", **more: Any) -> Json:
    return {"when": "recurring", "every": every, "time": time} | more


def at(text: str) -> datetime:
    """Return a moment as Taipei's clock shows it."""
    return datetime.fromisoformat(text).replace(tzinfo=TAIPEI).astimezone(UTC)


def after(told: Json, moment: str) -> str | None:
    slot = next_slot(parse_schedule(told), at(moment))
    return slot_name(slot) if slot else None


NEXT: dict[str, tuple[Json, str, str | None]] = {
    "later today": (recurring("daily"), "2026-11-22T10:29", "2026-11-22T10:30"),
    "not this very moment": (recurring("daily"), "2026-11-22T10:30", "2026-11-23T10:30"),
    "at midnight": (recurring("daily", "00:00"), "2026-11-22T23:59", "2026-11-23T00:00"),
    "before midnight": (recurring("daily", "23:59"), "2026-11-22T23:59", "2026-11-23T23:59"),
    "over new year": (recurring("daily"), "2026-12-31T12:00", "2027-01-01T10:30"),
    "in a week": (recurring("weekly", on=["sun"]), "2026-11-22T11:00", "2026-11-29T10:30"),
    "on the next of two days": (
        recurring("weekly", on=["thu", "mon"]),
        "2026-11-24T00:00",
        "2026-11-26T10:30",
    ),
    "on the 31st": (recurring("monthly", on=[31]), "2026-11-01T00:00", "2026-11-30T10:30"),
    "in February": (recurring("monthly", on=[29, 31]), "2027-02-01T00:00", "2027-02-28T10:30"),
    "once where two days are the last": (
        recurring("monthly", on=[29, 30, 31]),
        "2027-02-28T10:30",
        "2027-03-29T10:30",
    ),
    "in a leap year": (recurring("monthly", on=[30]), "2028-02-01T00:00", "2028-02-29T10:30"),
    "from a day on": (
        recurring("daily", **{"from": "2026-12-24"}),
        "2026-11-22T00:00",
        "2026-12-24T10:30",
    ),
    "until a day": (recurring("daily", until="2026-11-22"), "2026-11-22T10:30", None),
    "on the last day": (
        recurring("daily", until="2026-11-22"),
        "2026-11-22T10:00",
        "2026-11-22T10:30",
    ),
    "never again once": ({"when": "once", "at": "2026-11-25T10:00"}, "2026-11-22T00:00", None),
}


@pytest.mark.parametrize("case", NEXT)
def test_what_comes_next(case: str) -> None:
    """Issue 6: now, once, recurring, in Taipei's time."""
    told, moment, expected = NEXT[case]
    assert after(told, moment) == expected


@settings(max_examples=50)
@given(
    days=st.sets(st.integers(1, 31), min_size=1, max_size=4),
    hours=st.integers(0, 3 * 365 * 24),
)
def test_every_month_has_its_days(days: set[int], hours: int) -> None:
    schedule = parse_schedule(recurring("monthly", on=sorted(days)))
    moment = NOON + hours * HOUR
    slot = next_slot(schedule, moment)
    assert slot is not None
    assert moment < slot <= moment + timedelta(days=32)
    local = slot.astimezone(TAIPEI)
    last = monthrange(local.year, local.month)[1]
    assert local.day in {min(day, last) for day in days}
    assert f"{local:%H:%M}" == "10:30"


def test_the_slots_of_a_month_are_listed() -> None:
    """X9: what the calendar shows."""
    schedule = parse_schedule(recurring("weekly", on=["mon", "fri"]))
    found = list_slots(schedule, at("2026-11-22T12:00"), at("2026-12-01T00:00"))
    assert [slot_name(slot)[:10] for slot in found] == ["2026-11-23", "2026-11-27", "2026-11-30"]
    once = parse_schedule({"when": "once", "at": "2026-11-25T10:00"})
    assert len(list_slots(once, at("2026-11-22T12:00"), at("2026-12-01T00:00"))) == 1
    assert list_slots(once, at("2026-11-26T12:00"), at("2026-12-01T00:00")) == []


def test_a_moment_without_an_offset_is_taipeis() -> None:
    naive = parse_schedule({"when": "once", "at": "2026-11-25T10:00:30"})
    assert naive.at == datetime(2026, 11, 25, 2, 0, tzinfo=UTC)
    assert parse_schedule({"when": "once", "at": "2026-11-25T02:00Z"}) == naive
    assert naive.as_json() == {"when": "once", "at": "2026-11-25T10:00"}


def test_a_schedule_reads_back_as_it_was_written() -> None:
    told = recurring("weekly", on=["mon", "fri"], **{"from": "2026-12-01", "until": "2026-12-31"})
    schedule = parse_schedule(told)
    assert parse_schedule(schedule.as_json()) == schedule
    assert (schedule.starts_on, schedule.ends_on) == (date(2026, 12, 1), date(2026, 12, 31))


def test_now_is_now() -> None:
    assert first_slot(parse_schedule({"when": "now"}), NOON) == NOON


REFUSED: dict[str, tuple[Any, str]] = {
    "nothing": (None, "schedule.when"),
    "sometime": ({"when": "soon"}, "schedule.when"),
    "no moment": ({"when": "once"}, "schedule.at"),
    "a number": ({"when": "once", "at": 20_261_125}, "schedule.at"),
    "no such day": ({"when": "once", "at": "2026-02-30T10:00"}, "schedule.at"),
    "too much": ({"when": "now", "at": "2026-11-25T10:00"}, "schedule.at"),
    "yearly": (recurring("yearly"), "schedule.every"),
    "no time": ({"when": "recurring", "every": "daily"}, "schedule.time"),
    "a 25th hour": (recurring("daily", "25:00"), "schedule.time"),
    "days of every day": (recurring("daily", on=["mon"]), "schedule.on"),
    "no weekday": (recurring("weekly", on=[]), "schedule.on"),
    "an eighth weekday": (recurring("weekly", on=["mon", "day"]), "schedule.on[1]"),
    "a 32nd": (recurring("monthly", on=[32]), "schedule.on[0]"),
    "a true day": (recurring("monthly", on=[True]), "schedule.on[0]"),
    "ends before it begins": (
        recurring("daily", **{"from": "2026-12-02", "until": "2026-12-01"}),
        "schedule.until",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_schedule_is_refused_with_the_place(case: str) -> None:
    told, path = REFUSED[case]
    with pytest.raises(CampaignRefused) as refused:
        parse_schedule(told)
    assert refused.value.facts["path"] == path


def test_a_moment_is_past_once_its_grace_is_over() -> None:
    once = parse_schedule({"when": "once", "at": slot_name(NOON)})
    check_not_past(once, NOON + HOUR, 2 * HOUR)
    with pytest.raises(ScheduleInPast):
        check_not_past(once, NOON + 2 * HOUR, 2 * HOUR)
    over = parse_schedule(recurring("daily", until="2026-11-22"))
    with pytest.raises(ScheduleInPast):
        check_not_past(over, NOON, HOUR)

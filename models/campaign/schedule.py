"""When a campaign is sent: now, once, or again and again, at Taipei's days and times.

`{"when": "now"}`, `{"when": "once", "at": "2026-11-25T10:00"}`, or
`{"when": "recurring", "every": "daily"|"weekly"|"monthly", "on": […], "time": "10:30",
"from": day?, "until": day?}`. `on` are weekdays (`mon` … `sun`) or days of the month; a month too
short for a day has it on its last one. Pure: what comes next follows from a moment alone.
"""

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from models.campaign.refusals import CampaignRefused, ScheduleInPast
from models.local_day import TAIPEI, local_day

NOW, ONCE, RECURRING = WHENS = ("now", "once", "recurring")
DAILY, WEEKLY, MONTHLY = EVERY = ("daily", "weekly", "monthly")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAYS_OF_MONTH = range(1, 32)
LOOKED_AHEAD_DAYS = 400
"""A day that is asked for comes again within so many: once a month at the least."""
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_PATH = "schedule"


@dataclass(frozen=True)
class Schedule:
    """A schedule, checked. `at` is that of `once`; the others are those of `recurring`."""

    when: str
    at: datetime | None = None
    every: str = ""
    on: tuple[str | int, ...] = ()
    at_time: time = time()
    starts_on: date | None = None
    ends_on: date | None = None
    """The last day."""

    @property
    def recurs(self) -> bool:
        """Tell whether it is sent again and again."""
        return self.when == RECURRING

    def as_json(self) -> dict[str, Any]:
        """Return the schedule as it is stored; a moment is written as Taipei's clock shows it."""
        if self.at is not None:
            return {"when": ONCE, "at": slot_name(self.at)}
        if not self.recurs:
            return {"when": NOW}
        told: dict[str, Any] = {"when": RECURRING, "every": self.every}
        if self.on:
            told["on"] = list(self.on)
        told["time"] = f"{self.at_time:%H:%M}"
        days = {"from": self.starts_on, "until": self.ends_on}
        return told | {key: day.isoformat() for key, day in days.items() if day is not None}


def slot_name(moment: datetime) -> str:
    """Return a moment as Taipei's clock shows it, to the minute: the name of a run's slot."""
    return f"{moment.astimezone(TAIPEI):%Y-%m-%dT%H:%M}"


def first_slot(schedule: Schedule, now: datetime) -> datetime | None:
    """Return the first moment to send from `now` on; None where there is none any more."""
    if schedule.when == NOW:
        return now
    if schedule.at is not None:
        return schedule.at
    return next_slot(schedule, now - timedelta(microseconds=1))


def next_slot(schedule: Schedule, after: datetime) -> datetime | None:
    """Return the first moment later than `after` at which a recurring campaign is sent again."""
    return next(_slots(schedule, after), None) if schedule.recurs else None


def list_slots(schedule: Schedule, after: datetime, until: datetime) -> list[datetime]:
    """Return all moments later than `after` and before `until` at which it is sent."""
    if not schedule.recurs:
        return [schedule.at] if schedule.at and after < schedule.at < until else []
    found = []
    for slot in _slots(schedule, after, days=(until - after).days + 2):
        if slot >= until:
            break
        found.append(slot)
    return found


def _slots(
    schedule: Schedule, after: datetime, days: int = LOOKED_AHEAD_DAYS
) -> Iterator[datetime]:
    first = local_day(after)
    if schedule.starts_on is not None:
        first = max(first, schedule.starts_on)
    for ahead in range(days):
        day = first + timedelta(days=ahead)
        if schedule.ends_on is not None and day > schedule.ends_on:
            return
        slot = datetime.combine(day, schedule.at_time, TAIPEI).astimezone(UTC)
        if slot > after and _is_on(schedule, day):
            yield slot


def _is_on(schedule: Schedule, day: date) -> bool:
    if schedule.every == DAILY:
        return True
    if schedule.every == WEEKLY:
        return WEEKDAYS[day.weekday()] in schedule.on
    last = monthrange(day.year, day.month)[1]
    return day.day in {min(int(wanted), last) for wanted in schedule.on}


def check_not_past(schedule: Schedule, now: datetime, grace: timedelta) -> None:
    """Raise ScheduleInPast where nothing of it could be sent in time any more."""
    if schedule.at is not None and schedule.at + grace <= now:
        raise ScheduleInPast(f"{_PATH}.at", slot_name(schedule.at))
    if schedule.recurs and first_slot(schedule, now) is None:
        raise ScheduleInPast(f"{_PATH}.until", str(schedule.ends_on))


# --- reading


def parse_schedule(told: object) -> Schedule:
    """Read a schedule from decoded JSON. Raises CampaignRefused with the place."""
    if not isinstance(told, dict) or told.get("when") not in WHENS:
        found = told.get("when") if isinstance(told, dict) else told
        raise CampaignRefused(f"{_PATH}.when", found, WHENS)
    if told["when"] == NOW:
        _check_keys(told, ("when",))
        return Schedule(NOW)
    if told["when"] == ONCE:
        _check_keys(told, ("when", "at"))
        return Schedule(ONCE, at=_read_moment(told.get("at")))
    return _read_recurring(told)


def _read_recurring(told: Mapping[str, Any]) -> Schedule:
    every = told.get("every")
    if every not in EVERY:
        raise CampaignRefused(f"{_PATH}.every", every, EVERY)
    keys = ("when", "every", "time", "from", "until")
    _check_keys(told, keys if every == DAILY else (*keys, "on"))
    days = {key: _read_day(told.get(key), key) for key in ("from", "until")}
    if days["from"] and days["until"] and days["until"] < days["from"]:
        raise CampaignRefused(f"{_PATH}.until", told["until"], (f"≥ {told['from']}",))
    return Schedule(
        RECURRING,
        every=every,
        on=_read_on(told.get("on"), every),
        at_time=_read_time(told.get("time")),
        starts_on=days["from"],
        ends_on=days["until"],
    )


def _check_keys(told: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in told:
        if key not in known:
            raise CampaignRefused(f"{_PATH}.{key}", key, known)


def _read_on(told: object, every: str) -> tuple[str | int, ...]:
    if every == DAILY:
        return ()
    known: tuple[str | int, ...] = WEEKDAYS if every == WEEKLY else tuple(DAYS_OF_MONTH)
    possible = WEEKDAYS if every == WEEKLY else ("1 – 31",)
    if not isinstance(told, list) or not told:
        raise CampaignRefused(f"{_PATH}.on", told, possible)
    for place, each in enumerate(told):
        if isinstance(each, bool) or each not in known:
            raise CampaignRefused(f"{_PATH}.on[{place}]", each, possible)
    return tuple(each for each in known if each in told)


def _read_time(told: object) -> time:
    if not isinstance(told, str) or not _TIME.fullmatch(told):
        raise CampaignRefused(f"{_PATH}.time", told, ("00:00 – 23:59",))
    return time.fromisoformat(told)


def _read_day(told: object, key: str) -> date | None:
    if told is None:
        return None
    try:
        return date.fromisoformat(told)  # type: ignore[arg-type]  # Anything else raises.
    except (TypeError, ValueError) as error:
        raise CampaignRefused(f"{_PATH}.{key}", told, ("2026-11-25",)) from error


def _read_moment(told: object) -> datetime:
    """Read a moment; one without an offset is Taipei's. Seconds are left off."""
    try:
        moment = datetime.fromisoformat(told)  # type: ignore[arg-type]  # Anything else raises.
    except (TypeError, ValueError) as error:
        raise CampaignRefused(f"{_PATH}.at", told, ("2026-11-25T10:00",)) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=TAIPEI)
    return moment.replace(second=0, microsecond=0).astimezone(UTC)

"""Quota: how many people may be reached this month, and how many were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

DEFAULT_VALUE = 6_000  # The free messages of Taiwan's high-usage plan.
STATISTICS_ZONE = timezone(timedelta(hours=9))  # LINE counts by days of UTC+9.


def statistics_day(at: int) -> str:
    """Return the day (yyyyMMdd in UTC+9) of a moment in milliseconds."""
    moment = datetime.fromtimestamp(at / 1000, UTC).astimezone(STATISTICS_ZONE)
    return moment.strftime("%Y%m%d")


class Quota:
    """The month's limit, and the people reached by everything but replies.

    `type` is "limited" or "none"; the count starts again with the month (of UTC+9).
    """

    def __init__(self) -> None:
        self.type = "limited"
        self.value = DEFAULT_VALUE
        self.used = 0
        self._month = ""

    def shown(self) -> dict[str, Any]:
        """Return type, value and people reached."""
        return {"type": self.type, "value": self.value, "used": self.used}

    def kept(self) -> dict[str, Any]:
        """Return what survives a restart."""
        return {**self.shown(), "month": self._month}

    def change(self, given: dict[str, Any]) -> None:
        """Take over the figures in `given`: type, value, used, month; all optional."""
        self.type = given.get("type", self.type)
        self.value = int(given.get("value", self.value))
        self.used = int(given.get("used", self.used))
        self._month = given.get("month", self._month)

    def spend(self, people: int, *, now: int) -> bool:
        """Count `people` as reached; say no, and count nothing, where the limit forbids it."""
        month = statistics_day(now)[:6]
        if month != self._month:
            self.used = 0 if self._month else self.used
            self._month = month
        if self.type == "limited" and self.used + people > self.value:
            return False
        self.used += people
        return True

"""The days a report is about, and as many days before them to compare with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from models.analysis.parameter import Parameter
from models.base import said
from models.local_day import day_start, local_day

USUAL_DAYS = 28
"""Four whole weeks, so that weekends weigh alike in every period."""
SPANS = ("7", "28", "91", "364")
"""Whole weeks, too: what is compared has the same days of the week."""
YEAR_MONTHS = 12

DAYS = Parameter(
    "days",
    "choice",
    said("看幾天", "How many days", "対象日数"),
    default=str(USUAL_DAYS),
    choices=SPANS,
)
UNTIL = Parameter(
    "until",
    "day",
    said("看到哪一天（不填：昨天）", "Up to which day (yesterday)", "いつまで（省略：昨日）"),
)


@dataclass(frozen=True)
class Span:
    """Whole days, both ends within."""

    since: date
    until: date

    @property
    def days(self) -> int:
        """Return how many days it has."""
        return (self.until - self.since).days + 1

    @property
    def before(self) -> "Span":
        """Return as many days right before it."""
        return Span(self.since - timedelta(days=self.days), self.since - timedelta(days=1))

    @property
    def begins_at(self) -> datetime:
        """Return its first moment."""
        return day_start(self.since)

    @property
    def ends_at(self) -> datetime:
        """Return the first moment after it."""
        return day_start(self.until + timedelta(days=1))


def span_of(values: Mapping[str, Any], now: datetime) -> Span:
    """Return the days asked for: so many up to the day told, or to yesterday, which is over."""
    until = values.get("until") or local_day(now) - timedelta(days=1)
    return Span(until - timedelta(days=int(values["days"]) - 1), until)

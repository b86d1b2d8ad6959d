"""The ladder: which rules are in force on a day, what they make of a member's figures.

Pure, and read from the cached programme, so that a purchase asks it without a query.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any

from models.tier.table import (
    CALENDAR,
    LIFETIME,
    METRIC,
    MONEY_BASES,
    ROLLING,
    SCORE,
    TIER_POINTS,
    Tier,
    TierVersion,
)

WINDOW_DAYS = 365
KEPT_DAYS = 365


@dataclass(frozen=True)
class Figures:
    """What is counted of a member as of a day; all money is net of refunds."""

    on: date
    spend_twd: int = 0
    """Of the last 365 days."""
    year_twd: int = 0
    """Of the calendar year of `on`."""
    lifetime_twd: int = 0
    tier_points: int = 0
    measured: int | None = None
    """The custom metric or the score, where the rules ask for one."""

    def plus(self, paid_twd: int) -> "Figures":
        """Return the figures after one more sale of `paid_twd` on the same day."""
        return replace(
            self,
            spend_twd=self.spend_twd + paid_twd,
            year_twd=self.year_twd + paid_twd,
            lifetime_twd=self.lifetime_twd + paid_twd,
        )


@dataclass(frozen=True)
class Factor:
    """One part of a score: `weight` for each whole `unit` of a source, up to `cap`, in a window."""

    source: str
    """One of `models.tier_evaluation.score.SOURCES`, or `metric:<name>`."""
    weight: int
    unit: int = 1
    cap: int | None = None
    window_days: int = WINDOW_DAYS
    label: str = ""

    @classmethod
    def parse(cls, words: dict[str, Any]) -> "Factor":
        """Read a factor as a version keeps it. Raises TypeError where a word is unknown."""
        return cls(**words)


@dataclass(frozen=True)
class Rules:
    """One version of the rules over the steps it knows, lowest first."""

    version_id: int
    effective_on: date
    basis: str
    steps: tuple[tuple[Tier, int], ...]
    """Each step and what one must reach for it; the first asks for nothing."""
    grace_days: int
    warn_days: int
    rights_kept_until: date | None
    metric: str | None
    factors: tuple[Factor, ...]

    @property
    def is_money(self) -> bool:
        """Tell whether net spend alone decides."""
        return self.basis in MONEY_BASES

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """Return the steps these rules know, lowest first."""
        return tuple(tier for tier, _ in self.steps)

    def value(self, figures: Figures) -> int:
        """Return the one figure these rules look at."""
        if self.basis == ROLLING:
            return figures.spend_twd
        if self.basis == CALENDAR:
            return figures.year_twd
        if self.basis == LIFETIME:
            return figures.lifetime_twd
        if self.basis == TIER_POINTS:
            return figures.tier_points
        assert figures.measured is not None, "a metric or a score is read before it is judged"
        return figures.measured

    def tier_at(self, value: int) -> Tier:
        """Return the highest step whose threshold `value` reaches."""
        return next(tier for tier, threshold in reversed(self.steps) if value >= threshold)

    def reached(self, figures: Figures) -> Tier:
        """Return the highest step the figures reach."""
        return self.tier_at(self.value(figures))

    def threshold(self, tier: Tier) -> int:
        """Return what one must reach for `tier`; a step these rules dropped is out of reach: 0."""
        return next((asked for step, asked in self.steps if step.id == tier.id), 0)

    def next_step(self, tier: Tier) -> tuple[Tier, int] | None:
        """Return the step after `tier` with its threshold, or None at the top."""
        return next((step for step in self.steps if step[0].rank > tier.rank), None)

    def kept_until(self, tier: Tier, day: date) -> date | None:
        """Return the first day on which `tier`, reached on `day`, is looked at again.

        A tier of a calendar year holds for the rest of that year and all of the next; a lifetime's
        is not looked at again.
        """
        if tier.rank == 0 or self.basis == LIFETIME:
            return None
        if self.basis == CALENDAR:
            return date(day.year + 2, 1, 1)
        return day + timedelta(days=KEPT_DAYS)

    def due_on(self, tier: Tier, kept_until: date | None) -> date | None:
        """Return the day a tier is due; one kept for ever by older rules is due under these."""
        if tier.rank == 0 or kept_until is not None:
            return kept_until if tier.rank else None
        return None if self.basis == LIFETIME else self.effective_on

    def falls_on(self, due_on: date) -> date:
        """Return the first day on which a tier due on `due_on` may fall."""
        fall = due_on + timedelta(days=self.grace_days)
        return max(fall, self.rights_kept_until or fall)


@dataclass(frozen=True)
class Ladder:
    """All versions of the rules, the earliest first."""

    versions: tuple[Rules, ...]

    def on(self, day: date) -> Rules:
        """Return the rules in force on `day`; before the first version, the first."""
        in_force = [rules for rules in self.versions if rules.effective_on <= day]
        return in_force[-1] if in_force else self.versions[0]

    def reached(self, figures: Figures) -> Tier:
        """Return the highest step the figures reach by the rules of their day."""
        return self.on(figures.on).reached(figures)

    @cached_property
    def starts(self) -> tuple[date, ...]:
        """Return the days on which a version comes into force."""
        return tuple(rules.effective_on for rules in self.versions)


def read_rules(version: TierVersion, tiers: Sequence[Tier]) -> Rules:
    """Read one kept version over the tiers there are."""
    asked = version.parameters["thresholds"]
    return Rules(
        version_id=version.id,
        effective_on=version.effective_on,
        basis=version.basis,
        steps=tuple(
            (tier, asked.get(tier.code, 0))
            for tier in sorted(tiers, key=lambda tier: tier.rank)
            if tier.rank == 0 or tier.code in asked
        ),
        grace_days=version.grace_days,
        warn_days=version.warn_days,
        rights_kept_until=version.rights_kept_until,
        metric=version.parameters.get("metric") if version.basis == METRIC else None,
        factors=tuple(Factor.parse(words) for words in version.parameters.get("factors", ()))
        if version.basis == SCORE
        else (),
    )


def make_ladder(versions: Sequence[TierVersion], tiers: Sequence[Tier]) -> Ladder:
    """Read all kept versions over the tiers there are."""
    return Ladder(tuple(read_rules(version, tiers) for version in versions))


def window_start(today: date) -> date:
    """Return the first day whose purchases count in the 365 days of `today`."""
    return today - timedelta(days=WINDOW_DAYS - 1)


def year_start(day: date) -> date:
    """Return the first day of the calendar year of `day`."""
    return date(day.year, 1, 1)


def kept_until(now_day: date) -> date:
    """Return the first day on which a tier reached on `now_day` is looked at again, by default."""
    return now_day + timedelta(days=KEPT_DAYS)

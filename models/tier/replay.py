"""The same history once more: which tier net sales give, night by night, from any state on.

Pure. A night of a day comes before its sales. What is worked out here from scratch is what the
till, the night and a refund keep up to date step by step; a property test holds them together.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import accumulate

from models.tier.ladder import Ladder, Rules, window_start, year_start
from models.tier.table import CALENDAR, LIFETIME, Tier

Sale = tuple[date, int]
"""A day and what the sale still counts for, in NT$."""
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Held:
    """A tier held, and the first day on which it is looked at again."""

    tier: Tier
    kept_until: date | None


@dataclass(frozen=True)
class Step:
    """One move between tiers: on which day, to what, by which figure."""

    on: date
    before: Tier
    after: Tier
    value: int


@dataclass
class Walk:
    """A state brought forward over sales and nights, with the steps it took."""

    ladder: Ladder
    held: Held
    days: list[date]
    sums: list[int]
    """`sums[n]` is what the first `n` sales count for."""
    seen: int
    steps: list[Step] = field(default_factory=list)

    def total(self, first: date, before: date | None = None) -> int:
        """Sum up what was sold from `first` on, of the sales seen so far."""
        low = min(bisect_left(self.days, first), self.seen)
        high = self.seen if before is None else min(bisect_left(self.days, before), self.seen)
        return self.sums[high] - self.sums[low]

    def value_on(self, rules: Rules, day: date) -> int:
        """Return what these rules count on `day`."""
        if rules.basis == LIFETIME:
            return self.sums[self.seen]
        return self.total(year_start(day) if rules.basis == CALENDAR else window_start(day))

    def judge(self, rules: Rules, day: date) -> tuple[Held, int]:
        """Return what a night of `day` finds deserved, and by which figure.

        By calendar years the last one's spend still gives the tier of this one.
        """
        value = self.value_on(rules, day)
        reached = rules.tier_at(value)
        deserved = Held(reached, rules.kept_until(reached, day))
        if rules.basis != CALENDAR:
            return deserved, value
        last_year = self.total(date(day.year - 1, 1, 1), year_start(day))
        earned = rules.tier_at(last_year)
        if earned.rank <= reached.rank:
            return deserved, value
        return Held(earned, date(day.year + 1, 1, 1)), last_year

    def take(self, held: Held, day: date, value: int) -> None:
        """Hold another state, and remember a move."""
        if held.tier.id != self.held.tier.id:
            self.steps.append(Step(day, self.held.tier, held.tier, value))
        self.held = held

    def nights(self, rules: Rules, first: date, last: date) -> None:
        """Do the nights of `first` to `last`, under one version and without a sale between."""
        if first == rules.effective_on:
            self.rise(rules, first)
        day = first
        while True:
            due = rules.due_on(self.held.tier, self.held.kept_until)
            if due is None:
                return
            day = max(day, due)
            if day > last:
                return
            deserved, value = self.judge(rules, day)
            if deserved.tier.rank < self.held.tier.rank:
                # Without a sale the figure can only sink, so the next look is at the grace's end.
                day = max(day, rules.falls_on(due))
                if day > last:
                    return
                deserved, value = self.judge(rules, day)
            self.take(deserved, day, value)
            day += _ONE_DAY

    def rise(self, rules: Rules, day: date) -> None:
        """Lift at once where the figure reaches a higher step."""
        deserved, value = self.judge(rules, day)
        if deserved.tier.rank > self.held.tier.rank:
            self.take(deserved, day, value)

    def sell(self, rules: Rules, day: date) -> None:
        """Count the next sale: lift at once; keep at once what was due or is earned again."""
        self.seen += 1
        value = self.value_on(rules, day)
        reached = rules.tier_at(value)
        due = rules.due_on(self.held.tier, self.held.kept_until)
        is_due = due is not None and due <= day
        renews = reached.rank == self.held.tier.rank and (is_due or rules.basis == CALENDAR)
        if reached.rank > self.held.tier.rank or renews:
            self.take(Held(reached, rules.kept_until(reached, day)), day, value)


def walk(
    ladder: Ladder, sales: Sequence[Sale], held: Held, *, first: date, today: date
) -> tuple[Held, list[Step]]:
    """Bring `held` forward from the night of `first` through `today` with all its sales.

    `sales` are all of the member's, in order; those before `first` only count. Money bases only.
    """
    days = [day for day, _ in sales]
    sums = [0, *accumulate(net_twd for _, net_twd in sales)]
    state = Walk(ladder, held, days, sums, seen=bisect_left(days, first))
    state.rise(ladder.on(first), first)
    for begins, ends in _stretches(ladder, days[state.seen :], first, today):
        rules = ladder.on(begins)
        state.nights(rules, begins, ends)
        while state.seen < len(days) and days[state.seen] <= ends:
            state.sell(rules, days[state.seen])
    return state.held, state.steps


def _stretches(
    ladder: Ladder, sold_on: Sequence[date], first: date, today: date
) -> Iterator[tuple[date, date]]:
    """Yield stretches of days, each under one version, with sales on its last day only."""
    ends = {day for day in sold_on if day <= today}
    ends |= {day - _ONE_DAY for day in ladder.starts if first < day <= today}
    for end in sorted(ends | {today}):
        if first <= end:
            yield first, end
            first = end + _ONE_DAY


def replay(ladder: Ladder, sales: Sequence[Sale], today: date) -> tuple[Held, list[Step]]:
    """Work out from scratch which tier these net sales give `today`, and how it came about."""
    lowest = Held(ladder.versions[0].steps[0][0], None)
    if not sales:
        return lowest, []
    return walk(ladder, sales, lowest, first=sales[0][0], today=today)

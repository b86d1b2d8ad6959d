"""One member's life under a ladder: which tier they held from which day on. Pure."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from models.tier import Held, Ladder, Rules, Sale, Tier, walk

_ONE_DAY = timedelta(days=1)
Given = tuple[date, Held]
"""A day, and the tier somebody gave on it by hand, by an import or by a merge."""


@dataclass(frozen=True)
class Turn:
    """A move between tiers."""

    on: date
    before: Tier
    after: Tier
    is_given: bool
    """Whether a hand, an import or a merge gave it, so that no rules would have changed it."""


@dataclass(frozen=True)
class Life:
    """The moves of one member, the earliest first, and what they hold at the end."""

    lowest: Tier
    turns: tuple[Turn, ...]
    held: Held

    def tier_before(self, day: date) -> Tier:
        """Return the tier held when `day` began."""
        place = bisect_left(self.turns, day, key=lambda turn: turn.on)
        return self.turns[place - 1].after if place else self.lowest


def live(
    ladder: Ladder, sales: Sequence[Sale], given: Sequence[Given], lowest: Tier, today: date
) -> Life:
    """Replay a member's sales and nights through `today`; money bases only.

    `sales` and `given` are in the order of their days. From each given tier on, life goes on
    from it, as a refund's replay does.
    """
    starts = dict(given)
    if sales and (not given or sales[0][0] < given[0][0]):
        starts[sales[0][0]] = Held(lowest, None)
    held, turns = Held(lowest, None), list[Turn]()
    days = [day for day in sorted(starts) if day <= today]
    for day, until in zip(days, [*(next_ - _ONE_DAY for next_ in days[1:]), today], strict=False):
        state = starts[day]
        if state.tier.id != held.tier.id:
            turns.append(Turn(day, held.tier, state.tier, is_given=True))
        held, steps = walk(ladder, sales, state, first=day, today=until)
        turns += [Turn(step.on, step.before, step.after, is_given=False) for step in steps]
    return Life(lowest, tuple(turns), held)


def ladder_with(ladder: Ladder, rules: Rules, first: date, today: date) -> Ladder:
    """Return the ladder as it were, had `rules` been in force from `first` on and none since.

    Rules that ask for the same as those in force change nothing: then it is the ladder there was.
    That nobody falls before a stated day is a promise about the future, and left out.
    """
    if asks_for_the_same(ladder.on(today), rules):
        return ladder
    before = tuple(known for known in ladder.versions if known.effective_on < first)
    return Ladder((*before, replace(rules, effective_on=first, rights_kept_until=None)))


def asks_for_the_same(known: Rules, rules: Rules) -> bool:
    """Tell whether two rules give everybody the same tier for the same time."""
    return (_asked(known), known.factors) == (_asked(rules), rules.factors)


def _asked(rules: Rules) -> tuple[object, ...]:
    steps = tuple((tier.id, threshold) for tier, threshold in rules.steps)
    return rules.basis, steps, rules.grace_days, rules.metric


def is_replayable(ladder: Ladder) -> bool:
    """Tell whether money alone decided all the time, so that sales tell the whole story."""
    return all(rules.is_money for rules in ladder.versions)

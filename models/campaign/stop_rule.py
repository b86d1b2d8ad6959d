"""The stop rule of an A/B test (E-15): judged once, when what was set beforehand is reached.

`{"size": 200, "wait_hours": 24, "test_percent": 30}`: each variant was taken by so many members,
and so many hours have passed since. Nobody looks before. With a `test_percent` below 100 only that
share gets the variants, and the others get the one that was chosen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.campaign.refusals import CampaignRefused
from models.interval import newcombe

WINNER, NO_DIFFERENCE, TOO_FEW = VERDICTS = ("winner", "no_difference", "too_few")
LIMITS: Mapping[str, tuple[int, int]] = {
    "size": (20, 1_000_000),
    "wait_hours": (1, 30 * 24),
    "test_percent": (1, 100),
}
USUAL_TEST_PERCENT = 100


@dataclass(frozen=True)
class Figure:
    """What one variant came to: how many members it reached, and how many of them did it."""

    variant: str
    members: int
    hits: int

    @property
    def rate(self) -> float:
        """Return the share of the members, 0 to 1."""
        return self.hits / self.members if self.members else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the figure as a decision keeps it."""
        return {"variant": self.variant, "members": self.members, "hits": self.hits}


@dataclass(frozen=True)
class Judgement:
    """What figures say. The interval is that of the best less the next, -1 to 1, at 95%."""

    verdict: str
    chosen: str
    low: float | None
    high: float | None


def parse_stop_rule(told: object, path: str) -> dict[str, int]:
    """Read a stop rule from decoded JSON. Raises CampaignRefused with the place."""
    if not isinstance(told, dict):
        raise CampaignRefused(path, told, tuple(LIMITS))
    for key in told:
        if key not in LIMITS:
            raise CampaignRefused(f"{path}.{key}", key, tuple(LIMITS))
    rule = {"test_percent": USUAL_TEST_PERCENT} | told
    for key, (low, high) in LIMITS.items():
        value = rule.get(key)
        if type(value) is not int or not low <= value <= high:
            raise CampaignRefused(f"{path}.{key}", value, (f"{low} – {high}",))
    return {key: rule[key] for key in LIMITS}


def judge(figures: list[Figure], size: int) -> Judgement:
    """Judge variants, the first of which is the one to keep where nothing speaks against it.

    One wins that is better than each other beyond chance, at 95% (Newcombe). With fewer members
    in a variant than were asked for, nothing is said of any.
    """
    ranked = sorted(figures, key=lambda each: -each.rate)
    best, others = ranked[0], ranked[1:]
    if any(each.members < size for each in figures):
        return Judgement(TOO_FEW, figures[0].variant, None, None)
    intervals = [newcombe(best.hits, best.members, each.hits, each.members) for each in others]
    low, high = intervals[0]
    if all(each[0] > 0 for each in intervals):
        return Judgement(WINNER, best.variant, low, high)
    return Judgement(NO_DIFFERENCE, figures[0].variant, low, high)

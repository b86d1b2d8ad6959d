"""Comparing upgraded members with others like them: strata of equals, weighted as the upgraded are.

Who upgrades had just bought much, and would have bought more than others anyway. So each is put
beside members of the same month and tier who had bought as often and as much before (coarsened
exact matching: Iacus, King, Porro, 2012), and the others' means are weighted by how many upgraded
members each stratum has. Members without a like on the other side are left out, and counted.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from models.interval import Z_95


@dataclass(frozen=True)
class Arm:
    """One side of a stratum: members, and of each outcome the sum and the sum of squares."""

    members: int
    sums: Mapping[str, float]
    squares: Mapping[str, float]


@dataclass(frozen=True)
class Stratum:
    """Members who were alike before: those who upgraded, and those who did not."""

    upgraded: Arm
    others: Arm


@dataclass(frozen=True)
class Comparison:
    """One outcome on both sides; the difference and where it lies at 95%."""

    outcome: str
    upgraded: float
    others: float
    low: float | None
    high: float | None

    @property
    def difference(self) -> float:
        """Return upgraded less others."""
        return self.upgraded - self.others


@dataclass(frozen=True)
class Matched:
    """The comparison of all strata that have both sides."""

    upgraded: int
    others: int
    left_out: int
    """Upgraded members without anybody like them."""
    comparisons: tuple[Comparison, ...]


def compare(strata: Sequence[Stratum], outcomes: Sequence[str]) -> Matched:
    """Compare all outcomes over the strata that have both sides."""
    both = [each for each in strata if each.upgraded.members and each.others.members]
    upgraded = sum(each.upgraded.members for each in both)
    everybody = sum(each.upgraded.members for each in strata)
    return Matched(
        upgraded=upgraded,
        others=sum(each.others.members for each in both),
        left_out=everybody - upgraded,
        comparisons=tuple(_comparison(name, both, upgraded) for name in outcomes)
        if upgraded
        else (),
    )


def _comparison(name: str, strata: Sequence[Stratum], upgraded: int) -> Comparison:
    """Weigh each stratum by its share of the upgraded.

    The variance of a mean is taken from the spread within the strata of its side, so that a
    stratum with a single member has one, too.
    """
    spread = _spread(name, [each.upgraded for each in strata])
    others_spread = _spread(name, [each.others for each in strata])
    mean = others_mean = variance = 0.0
    for each in strata:
        weight = each.upgraded.members / upgraded
        mean += weight * each.upgraded.sums[name] / each.upgraded.members
        others_mean += weight * each.others.sums[name] / each.others.members
        if spread is not None and others_spread is not None:
            by_members = spread / each.upgraded.members + others_spread / each.others.members
            variance += weight * weight * by_members
    if spread is None or others_spread is None:
        return Comparison(name, mean, others_mean, None, None)
    reach = Z_95 * sqrt(variance)
    difference = mean - others_mean
    return Comparison(name, mean, others_mean, difference - reach, difference + reach)


def _spread(name: str, arms: Sequence[Arm]) -> float | None:
    """Return the variance within the arms, pooled; None where no arm has two members."""
    degrees = sum(arm.members - 1 for arm in arms)
    if degrees <= 0:
        return None
    within = sum(arm.squares[name] - arm.sums[name] ** 2 / arm.members for arm in arms)
    return max(within, 0.0) / degrees


def strata_of(
    rows: Sequence[tuple[tuple[object, ...], bool, Arm]],
) -> list[Stratum]:
    """Put rows of (what they are alike in, whether they upgraded, the arm) together."""
    nobody = Arm(0, {}, {})
    sides: dict[tuple[object, ...], dict[bool, Arm]] = defaultdict(dict)
    for alike, is_upgraded, arm in rows:
        sides[alike][is_upgraded] = arm
    return [Stratum(side.get(True, nobody), side.get(False, nobody)) for side in sides.values()]

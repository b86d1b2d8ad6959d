"""The repurchase cycle: after how many days people buy again; of the shop, a category, a member.

The shop's is the median over its members of each one's mean interval between days of purchase; a
category's is the same over purchases that have it. Both are estimated each night and kept, and
what is kept is what everybody reads. A member's own comes from their running figures: their mean
interval, where they have three or more; each one that is missing is filled up with the shop's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Integer, SQLColumnExpression, case, cast, func

from models.lifecycle.figures import FigureColumns, MemberFigures
from models.lifecycle.table import LONGEST_CYCLE_DAYS, SHORTEST_CYCLE_DAYS

ASSUMED_DAYS = 30
"""The cycle of a shop in which too few members have bought again to say."""
FEWEST_MEMBERS = 30
"""So many members must have bought on two days or more."""
OWN_INTERVALS = 3
"""From so many intervals on a member's own mean stands alone."""
FIXED, SHOP, CATEGORY, MEMBER = "fixed", "shop", "category", "member"
SET, ESTIMATED, ASSUMED = "set", "estimated", "assumed"


@dataclass(frozen=True)
class Cycle:
    """The repurchase cycle in force on a day, and where it came from."""

    days: int = ASSUMED_DAYS
    """The shop's; at the other levels what holds for those who have none of their own."""
    level: str = SHOP
    """`fixed`, `shop`, `category` or `member`."""
    source: str = ASSUMED
    """`set` by somebody, `estimated` from purchases, or `assumed` for want of them."""
    members: int = 0
    """How many members have bought on two days or more."""
    intervals: int = 0
    """How many intervals lie between those days."""
    measured_on: date | None = None
    """The day of the estimate; None where somebody set the cycle."""
    by_category: Mapping[str, int] = field(default_factory=dict, hash=False)
    """The days of each category that has enough purchases to say."""


def cycle_of(cycle: Cycle, figures: MemberFigures) -> int:
    """Return the cycle, in days, that holds for a member with these figures."""
    if cycle.level == CATEGORY:
        return cycle.by_category.get(figures.category or "", cycle.days)
    if cycle.level != MEMBER or figures.first_on is None or figures.last_on is None:
        return cycle.days
    span = (figures.last_on - figures.first_on).days
    had = figures.days - 1
    counted = max(had, OWN_INTERVALS)
    total = span + (counted - had) * cycle.days
    rounded = (2 * total + counted) // (2 * counted)
    return min(max(rounded, SHORTEST_CYCLE_DAYS), LONGEST_CYCLE_DAYS)


def cycle_sql(cycle: Cycle, columns: FigureColumns) -> int | SQLColumnExpression[int]:
    """Return the same over a relation's columns; a plain number where all have one cycle."""
    if cycle.level == CATEGORY and cycle.by_category:
        return case(dict(cycle.by_category), value=columns.category, else_=cycle.days)
    if cycle.level != MEMBER:
        return cycle.days
    span = cast(columns.last_on - columns.first_on, Integer)
    had = columns.days - 1
    counted = func.greatest(had, OWN_INTERVALS)
    total = span + (counted - had) * cycle.days
    # Halves are rounded up, as above; SQL's division of whole numbers drops the rest.
    rounded = (2 * total + counted) // (2 * counted)
    within = func.least(func.greatest(rounded, SHORTEST_CYCLE_DAYS), LONGEST_CYCLE_DAYS)
    return func.coalesce(within, cycle.days)

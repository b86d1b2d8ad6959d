"""Whether a shop is ready for tiers (A-25): is there a group that comes clearly oftener?

Of the signals one reads about only this one holds up: where everybody comes equally often, tiers
only pay for what would happen anyway. If all members came by chance at one common rate, their
counts of purchases would spread as Poisson's do, variance = mean. How much more they spread, and
how far the busiest fifth lies above the rest, is the answer; small shops are told that it is none.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.analysis.scope import Scope, bought_within, buyers
from models.local_day import local_day
from models.prepared import NoteProgress, prepared
from models.purchase import Purchase

WINDOW_DAYS = 365
FEWEST_BUYERS = 100
FEWEST_DAYS = 90
TOP_PERCENT = 20
CLEARLY = 2.0
"""The busiest fifth comes at least so many times as often as the rest."""
SURE = 3.09
"""So many standard deviations: by chance, once in a thousand."""
READY, NOT_YET, NOT_ENOUGH = "ready", "not_yet", "not_enough"


@dataclass(frozen=True)
class Readiness:
    """The answer, with what it was read from."""

    verdict: str
    buyers: int
    days: int
    """Between the first purchase looked at and today, at most a year."""
    orders: int
    mean: float
    dispersion: float
    """Variance ÷ mean: 1 where all come at one rate."""
    top_buyers: int
    top_from: int
    """So many purchases are the fewest of the busiest fifth."""
    top_mean: float
    rest_mean: float
    top_share: float
    """Of all purchases, those of the busiest fifth."""


def judge_readiness(counts: Sequence[tuple[int, int]], days: int) -> Readiness:
    """Judge from how many members bought how often: `(purchases, members)`, in any order."""
    ordered = sorted(counts)
    members = sum(people for _, people in ordered)
    orders = sum(times * people for times, people in ordered)
    mean = orders / members if members else 0.0
    spread = sum((times - mean) ** 2 * people for times, people in ordered)
    dispersion = spread / (members - 1) / mean if members > 1 and mean else 0.0
    top, top_orders, top_from = _top(ordered, members)
    top_mean = top_orders / top if top else 0.0
    rest_mean = (orders - top_orders) / (members - top) if members > top else 0.0
    is_spread = _is_above_one(dispersion, members)
    is_clear = rest_mean > 0 and top_mean >= CLEARLY * rest_mean
    is_known = members >= FEWEST_BUYERS and days >= FEWEST_DAYS
    return Readiness(
        verdict=(READY if is_spread and is_clear else NOT_YET) if is_known else NOT_ENOUGH,
        buyers=members,
        days=days,
        orders=orders,
        mean=mean,
        dispersion=dispersion,
        top_buyers=top,
        top_from=top_from,
        top_mean=top_mean,
        rest_mean=rest_mean,
        top_share=top_orders / orders if orders else 0.0,
    )


def _top(ordered: Sequence[tuple[int, int]], members: int) -> tuple[int, int, int]:
    """Return the busiest fifth: how many, with how many purchases, and the fewest among them."""
    wanted = members * TOP_PERCENT // 100
    left, orders, fewest = wanted, 0, 0
    for times, people in reversed(ordered):
        taken = min(people, left)
        if not taken:
            break
        orders, left, fewest = orders + times * taken, left - taken, times
    return wanted, orders, fewest


def _is_above_one(dispersion: float, members: int) -> bool:
    """Tell whether counts spread more than chance at one rate would make them.

    (n - 1) x dispersion is chi-squared with n - 1 degrees of freedom; Wilson and Hilferty's cube
    root makes it normal.
    """
    freedom = members - 1
    if freedom < 1:
        return False
    part = 2 / (9 * freedom)
    return (math.cbrt(dispersion) - (1 - part)) / math.sqrt(part) > SURE


@prepared("tier_readiness", nightly=True)
def read_readiness(
    session: Session, now: datetime, _asked: Mapping[str, Any], _tell: NoteProgress
) -> dict[str, Any]:
    """Judge from the purchases of the last year."""
    today = local_day(now)
    bought = buyers(session, Scope(today, window_days=WINDOW_DAYS), now)
    counted = select(bought.c.orders, func.count()).group_by(bought.c.orders)
    rows = [(times, people) for times, people in session.execute(counted)]
    first = session.scalar(
        select(func.min(Purchase.purchased_on)).where(bought_within(today, WINDOW_DAYS))
    )
    days = (today - first) // timedelta(days=1) if first else 0
    return asdict(judge_readiness(rows, days))

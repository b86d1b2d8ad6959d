"""Who buys again after the n-th purchase (C-06, RFM-F), and from which one on they stay.

Of the members with at least n purchases, the rate is the share that made another. Whoever made
the n-th only a short while ago had no time for another yet: they are left out, and counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.analysis.scope import Scope, buyers
from models.analysis.told import Note, Told
from models.interval import wilson
from models.lifecycle import get_settings
from models.lifecycle.figures import stood_on
from models.purchase.table import Purchase

MOST_ORDERS = 10
"""The curve's last step; the counts know one purchase more."""
FEW_MEMBERS = 30
HORIZON_CYCLES = 3
"""Whoever bought less than three repurchase cycles ago may still come."""
STEADY_POINTS = 0.05
"""A step is steady where one more purchase raises the rate by less than five points."""
FIRST_STEADY = 2
"""One purchase is no habit yet."""


@dataclass(frozen=True)
class Step(Told):
    """What becomes of members after their n-th purchase."""

    orders: int
    judged: int
    """Members whose n-th purchase is old enough to tell."""
    again: int
    """How many of those bought again."""
    too_recent: int
    """Members whose n-th purchase lies within the horizon, left out."""
    rate: float | None
    """`again` ÷ `judged`, that is P(n + 1 or more | n or more)."""
    low: float
    high: float
    """In between the rate lies at 95%."""


@dataclass(frozen=True)
class FrequencyCurve(Told):
    """The curve, the horizon it was judged by, and the purchase from which on it is stable."""

    horizon_days: int
    steps: tuple[Step, ...]
    stable_from: int | None
    rate: float | None
    """The rate at `stable_from`."""
    notes: tuple[Note, ...] = ()


def frequency_curve(
    counts: Mapping[tuple[int, int], int], *, horizon_days: int, first: int = 1
) -> FrequencyCurve:
    """Draw the curve from `counts`: members by purchases older than the horizon, and in all.

    Both are counted up to MOST_ORDERS + 1. `first` is the first step drawn: 2 where only who came
    again is looked at, for there the first step says nothing.
    """
    steps = tuple(_step(counts, orders) for orders in range(first, MOST_ORDERS + 1))
    stable = next((step for step in steps if _is_stable(step, steps)), None)
    notes = []
    if not any(step.judged or step.too_recent for step in steps):
        notes.append(Note("no_buyers"))
    else:
        if any(0 < step.judged < FEW_MEMBERS for step in steps):
            notes.append(Note("few_members", {"needed": FEW_MEMBERS}))
        if stable is None:
            notes.append(Note("never_stable"))
    return FrequencyCurve(
        horizon_days,
        steps,
        stable.orders if stable else None,
        stable.rate if stable else None,
        tuple(notes),
    )


def _step(counts: Mapping[tuple[int, int], int], orders: int) -> Step:
    judged = again = too_recent = 0
    for (old, made), members in counts.items():
        judged += members if old >= orders else 0
        again += members if old >= orders and made > orders else 0
        too_recent += members if old < orders <= made else 0
    rate = again / judged if judged else None
    return Step(orders, judged, again, too_recent, rate, *wilson(again, judged))


def _is_stable(step: Step, steps: tuple[Step, ...]) -> bool:
    """Tell whether the curve is flat from this step on.

    The next purchase raises the rate by less than five points, and no later step lies clearly
    below this one.
    """
    later = [other for other in steps if other.orders > step.orders and other.judged >= FEW_MEMBERS]
    if step.orders < FIRST_STEADY or step.judged < FEW_MEMBERS or not later:
        return False
    rate, following = step.rate or 0.0, later[0]
    rise = (following.rate or 0.0) - rate
    is_next = following.orders == step.orders + 1
    return is_next and rise < STEADY_POINTS and all(other.high >= rate for other in later)


def read_frequency(
    session: Session, scope: Scope, now: datetime, horizon_days: int | None = None
) -> FrequencyCurve:
    """Draw the shop's curve as of a day; the horizon is three repurchase cycles unless told.

    One statement beside the settings' own: the members' running figures, less what they bought
    within the horizon. Raises DayNotYet or BeforeTheShopOpened.
    """
    who = buyers(session, scope, now)
    if horizon_days is None:
        horizon_days = get_settings(session, scope.on).cycle.days * HORIZON_CYCLES
    recent = (
        select(Purchase.member_id, func.count().label("orders"))
        .where(stood_on(scope.on), Purchase.purchased_on > scope.on - timedelta(days=horizon_days))
        .group_by(Purchase.member_id)
        .subquery("recent")
    )
    most = MOST_ORDERS + 1
    old = func.least(who.c.orders - func.coalesce(recent.c.orders, 0), most)
    made = func.least(who.c.orders, most)
    rows = session.execute(
        select(old, made, func.count())
        .select_from(who)
        .join(recent, recent.c.member_id == who.c.member_id, isouter=True)
        .group_by(old, made)
    )
    counts = {(before, in_all): members for before, in_all, members in rows}
    return frequency_curve(counts, horizon_days=horizon_days, first=scope.fewest_orders)

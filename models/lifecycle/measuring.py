"""Estimating repurchase cycles: medians over members, each night for today, or for a past day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Float, Integer, Subquery, cast, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.lifecycle.basket import left_by
from models.lifecycle.cycle import ASSUMED_DAYS, FEWEST_MEMBERS
from models.lifecycle.figures import (
    columns_of,
    figures_now,
    is_here,
    stood_on,
)
from models.lifecycle.table import (
    LONGEST_CYCLE_DAYS,
    SHORTEST_CYCLE_DAYS,
    THE_SHOP,
    RepurchaseCycle,
)
from models.local_day import first_of_month_after, local_day
from models.member import Member
from models.purchase.table import Purchase, PurchaseLine

SAMPLE_MEMBERS = 10_000
"""Where purchases must be read one by one, about so many members of a large shop stand for all."""
MOST_CATEGORIES = 100
"""So many categories have a cycle of their own: those that most members buy again."""
MOST_MONTHS = 60
"""So far back the past of a shop that came with its history is estimated month by month."""

_DAYS = func.count(Purchase.purchased_on.distinct())
_SPAN = func.max(Purchase.purchased_on) - func.min(Purchase.purchased_on)


@dataclass(frozen=True)
class Estimate:
    """A median of members' mean intervals; days are None where too few have bought again."""

    days: int | None
    members: int
    intervals: int


def estimate_cycles(session: Session, now: datetime) -> int:
    """Estimate the cycles of shop and categories and keep them as today's; return how many.

    Done again on the same day, the newer ones take their place.
    """
    today = local_day(now)
    found = {THE_SHOP: _measure_shop(session, _came_back_now())}
    found |= measure_categories(session, today)
    _keep(session, today, found, now)
    return len(found)


def list_unmeasured(session: Session) -> list[date]:
    """Return the first days of the months before the oldest estimate, newest first.

    A shop that came with its history was never there by night: until these are kept, every look
    at one of its past days would read the purchases anew.
    """
    first_on, oldest_on = session.execute(
        select(
            select(func.min(Member.first_purchase_on)).scalar_subquery(),
            select(func.min(RepurchaseCycle.measured_on)).scalar_subquery(),
        )
    ).one()
    if first_on is None or oldest_on is None:
        return []
    months = (first_of_month_after(oldest_on, -back) for back in range(MOST_MONTHS))
    return [month for month in months if first_on < month < oldest_on]


def estimate_past(session: Session, on: date, now: datetime) -> None:
    """Estimate the cycles of a past day from its purchases and keep them as that day's."""
    _keep(session, on, estimate_as_of(session, on), now)


def _keep(session: Session, on: date, found: Mapping[str, Estimate], now: datetime) -> None:
    kept = insert(RepurchaseCycle).values(
        [_row(category, estimate, on, now) for category, estimate in found.items()]
    )
    newer = {name: kept.excluded[name] for name in _ESTIMATED}
    session.execute(
        kept.on_conflict_do_update(
            index_elements=[RepurchaseCycle.measured_on, RepurchaseCycle.category], set_=newer
        )
    )


_ESTIMATED = ("cycle_days", "is_assumed", "members", "intervals", "measured_at")


def _row(category: str, estimate: Estimate, on: date, now: datetime) -> dict[str, Any]:
    return {
        "measured_on": on,
        "category": category,
        "cycle_days": estimate.days or ASSUMED_DAYS,
        "is_assumed": estimate.days is None,
        "members": estimate.members,
        "intervals": estimate.intervals,
        "measured_at": now,
    }


def estimate_as_of(session: Session, on: date) -> dict[str, Estimate]:
    """Return the cycles of shop and categories as a past day's purchases show them; keep nothing.

    In a large shop about SAMPLE_MEMBERS members stand for all.
    """
    shop = _measure_shop(session, _came_back_by(on, _step(session)))
    return {THE_SHOP: shop} | measure_categories(session, on)


def _measure_shop(session: Session, came_back: Subquery) -> Estimate:
    """Return the shop's cycle from who bought on how many days, first to last; one query."""
    mean = cast(came_back.c.span, Float) / (came_back.c.days - 1)
    members, intervals, median = session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(came_back.c.days - 1), 0),
            func.percentile_cont(0.5).within_group(mean),
        ).where(came_back.c.days >= 2)
    ).one()
    return _estimate(members, intervals, median)


def _came_back_now() -> Subquery:
    """Select on how many days everybody bought and how far apart, from the running figures."""
    columns = columns_of(figures_now())
    span = cast(columns.last_on - columns.first_on, Integer)
    return select(columns.days.label("days"), span.label("span")).subquery("came_back")


def _came_back_by(on: date, step: int) -> Subquery:
    """Select the same of the sample, from the purchases that stood at the end of a day."""
    return (
        select(cast(_DAYS, BigInteger).label("days"), cast(_SPAN, Integer).label("span"))
        .select_from(Member)
        .join(Purchase, Purchase.member_id == Member.id)
        .where(is_here(), Member.id % step == 0, stood_on(on))
        .group_by(Member.id)
        .subquery("came_back")
    )


def measure_categories(session: Session, on: date) -> dict[str, Estimate]:
    """Return the cycle of each category that enough members have bought again; two queries."""
    again = _bought_again(on, _step(session))
    mean = cast(again.c.span, Float) / (again.c.days - 1)
    rows = session.execute(
        select(
            again.c.category,
            func.count(),
            func.sum(again.c.days - 1),
            func.percentile_cont(0.5).within_group(mean),
        )
        .group_by(again.c.category)
        .having(func.count() >= FEWEST_MEMBERS)
        .order_by(func.count().desc(), again.c.category)
        .limit(MOST_CATEGORIES)
    )
    return {
        category: _estimate(members, intervals, median)
        for category, members, intervals, median in rows
    }


def _step(session: Session) -> int:
    """Return which members make the sample: each n-th by id, all of them in a small shop."""
    newest = session.scalar(select(func.max(Member.id))) or 0
    return max(newest // SAMPLE_MEMBERS, 1)


def _bought_again(on: date, step: int) -> Subquery:
    """Select whom of the sample bought what category on how many days, first to last."""
    return (
        select(
            PurchaseLine.category,
            cast(_DAYS, BigInteger).label("days"),
            cast(_SPAN, Integer).label("span"),
        )
        .select_from(Member)
        .join(Purchase, Purchase.member_id == Member.id)
        .join(PurchaseLine, PurchaseLine.purchase_id == Purchase.id)
        .where(
            is_here(),
            Member.id % step == 0,
            stood_on(on),
            PurchaseLine.category.is_not(None),
            PurchaseLine.category != THE_SHOP,
            left_by(on) > 0,
        )
        .group_by(Purchase.member_id, PurchaseLine.category)
        .having(_DAYS >= 2)
        .subquery("again")
    )


def _estimate(members: int, intervals: int, median: float | None) -> Estimate:
    """Round a median to whole days, halves up; with too few members there is none."""
    if median is None or members < FEWEST_MEMBERS:
        return Estimate(None, members, int(intervals))
    days = min(max(int(median + 0.5), SHORTEST_CYCLE_DAYS), LONGEST_CYCLE_DAYS)
    return Estimate(days, members, int(intervals))

"""When members are lost (C-07, RFM-R): month by month since their last purchase.

Of the members who are silent when a month begins, the churn is the share that lets it pass
without buying. Two silences of each member are looked at: the one before the last purchase, which
ended, and the one since. A silence that is still in a month has not decided about it: it is left
out there, and counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Integer, case, cast, func, select
from sqlalchemy.orm import Session

from models.analysis.scope import Scope, buyers
from models.analysis.told import Note, Told
from models.interval import wilson

MONTH_DAYS = 30
"""Months of silence are of 30 days: the fourth begins on day 90."""
MONTHS = 12
FEW_MEMBERS = 30
RISE_POINTS = 0.05
LEAD_DAYS = 7
"""So long before the churn rises a member is reminded."""


@dataclass(frozen=True)
class Month(Told):
    """One month of silence, the first from the day of the purchase to day 29."""

    month: int
    silent: int
    """Members silent when it began, of whom is known what they did."""
    came_back: int
    undecided: int
    """Members who are in this month of their silence now."""
    churn: float | None
    """The share of `silent` that did not come back in it."""
    low: float
    high: float
    still_away: float | None
    """The share of all silences that lasts beyond this month, by the churn so far."""


@dataclass(frozen=True)
class RecencyCurve(Told):
    """The months, the one in which churn rises most, and the day to remind before it."""

    months: tuple[Month, ...]
    rises_in_month: int | None
    remind_on_day: int | None
    """So many days after a purchase: a week before that month begins."""
    notes: tuple[Note, ...] = ()


def recency_curve(ended: Sequence[int], lasting: Sequence[int]) -> RecencyCurve:
    """Draw the curve: silences that ended and that last, each counted by its month.

    Both have MONTHS + 1 counts, the last for whatever took longer.
    """
    months = _months(ended, lasting)
    risen = _rise(months)
    notes = []
    if not any(ended) and not any(lasting):
        notes.append(Note("no_buyers"))
    else:
        if any(0 < month.silent < FEW_MEMBERS for month in months):
            notes.append(Note("few_members", {"needed": FEW_MEMBERS}))
        if risen is None:
            notes.append(Note("no_rise"))
    day = None if risen is None else (risen - 1) * MONTH_DAYS - LEAD_DAYS
    return RecencyCurve(months, risen, day, tuple(notes))


def _months(ended: Sequence[int], lasting: Sequence[int]) -> tuple[Month, ...]:
    months, away = list[Month](), 1.0
    for place in range(MONTHS):
        came_back = ended[place]
        stayed = sum(ended[place + 1 :]) + sum(lasting[place + 1 :])
        silent = came_back + stayed
        churn = stayed / silent if silent else None
        away *= churn or 0.0
        months.append(
            Month(
                month=place + 1,
                silent=silent,
                came_back=came_back,
                undecided=lasting[place],
                churn=churn,
                low=wilson(stayed, silent)[0],
                high=wilson(stayed, silent)[1],
                still_away=None if churn is None else away,
            )
        )
    return tuple(months)


def _rise(months: Sequence[Month]) -> int | None:
    """Return the month whose churn lies furthest above the month before, by more than chance."""
    rises = [
        ((month.churn or 0.0) - (before.churn or 0.0), -month.month)
        for before, month in pairwise(months)
        if min(before.silent, month.silent) >= FEW_MEMBERS and month.low > before.high
    ]
    rise, month = max(rises, default=(0.0, 0))
    return -month if rise >= RISE_POINTS else None


def read_recency(session: Session, scope: Scope, now: datetime) -> RecencyCurve:
    """Draw the shop's curve as of a day, in one statement over the members' figures.

    Raises DayNotYet or BeforeTheShopOpened.
    """
    who = buyers(session, scope, now)
    ended_in = _month_of(who.c.last_on - who.c.previous_on)
    lasts_in = _month_of(scope.on - who.c.last_on)
    rows = session.execute(
        select(ended_in, lasts_in, func.count()).group_by(ended_in, lasts_in)
    ).all()
    ended, lasting = [0] * (MONTHS + 1), [0] * (MONTHS + 1)
    for before, since, members in rows:
        lasting[since] += members
        if before is not None:
            ended[before] += members
    return recency_curve(ended, lasting)


def _month_of(days: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return in which month so many days of silence end, counted from 0; none without any."""
    return case((days.is_not(None), func.least(cast(days, Integer) // MONTH_DAYS, MONTHS)))

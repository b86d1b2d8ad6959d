"""What the shop owes in points: how it came about by month, and when it lapses."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Date, and_, case, cast, func, or_, select
from sqlalchemy.orm import Session

from models.local_day import TAIPEI, day_start, first_of_month_after
from models.member import Member
from models.points.table import UNDOING, PointsEntry, PointsLot
from models.shop import get_shop

MOST_MONTHS = 120


@dataclass(frozen=True)
class ForecastMonth:
    """What lapses by the end of a month if nobody spends, and what is owed after that."""

    first_day: date
    expiring: int
    outstanding: int
    outstanding_twd: int


@dataclass(frozen=True)
class Forecast:
    """The liability today, and how it lapses. Pending points are owed too, and counted in."""

    outstanding: int
    """All that members hold, spendable or pending."""
    outstanding_twd: int
    pending: int
    debt: int
    """What members with a balance below zero owe; not set off against the others."""
    point_value_twd: int
    months: tuple[ForecastMonth, ...]
    later: int
    """What lapses after the last of these months."""


@dataclass(frozen=True)
class LedgerMonth:
    """One month of the ledger; `outstanding` is what was owed when it ended, debts set off.

    It is what was owed before, and `issued`, less `used`, `expired` and `reversed`.
    """

    first_day: date
    issued: int
    used: int
    """Spent, less what was given back."""
    expired: int
    reversed: int
    """Taken back for refunds and mistakes, and adjusted downwards."""
    outstanding: int


_LAST_GOOD_MONTH = cast(func.date_trunc("month", PointsLot.expires_on - 1), Date)
_ENTRY_MONTH = cast(
    func.date_trunc("month", func.timezone(str(TAIPEI), PointsEntry.posted_at)), Date
)


_MOVED = PointsEntry.points + PointsEntry.pending


def _where(condition: ColumnElement[bool], points: ColumnElement[int]) -> ColumnElement[int]:
    return case((condition, points), else_=0)


_GIVEN_BACK = and_(PointsEntry.reason == "reversal", _MOVED > 0)
_USED = or_(PointsEntry.reason == "redemption", _GIVEN_BACK)
_EXPIRED = PointsEntry.reason == "expiry"
_REVERSED = or_(
    and_(PointsEntry.reason.in_(UNDOING), ~_GIVEN_BACK),
    and_(PointsEntry.reason == "adjustment", _MOVED < 0),
)
_PARTS = (
    _where(~or_(_USED, _EXPIRED, _REVERSED), _MOVED),  # An activation moves nothing in total.
    _where(_USED, -_MOVED),
    _where(_EXPIRED, -_MOVED),
    _where(_REVERSED, -_MOVED),
)


def forecast(session: Session, today: date, months: int = 12) -> Forecast:
    """Return what is owed on `today` and lapses in each of `months`, this one first."""
    value_twd = get_shop(session).point_value_twd
    lapsing: dict[date, int] = {}
    for month, points in session.execute(
        select(_LAST_GOOD_MONTH, func.sum(PointsLot.remaining))
        .where(PointsLot.remaining > 0)
        .group_by(_LAST_GOOD_MONTH)
    ):
        due_in = max(month, first_of_month_after(today, 0))  # The night's job will end it.
        lapsing[due_in] = lapsing.get(due_in, 0) + int(points)
    pending, debt = session.execute(
        select(
            func.coalesce(func.sum(Member.points_pending), 0),
            func.coalesce(func.sum(-Member.points).filter(Member.points < 0), 0),
        )
    ).one()
    total = left = sum(lapsing.values())
    lines = []
    for number in range(min(months, MOST_MONTHS)):
        month = first_of_month_after(today, number)
        expiring = lapsing.get(month, 0)
        left -= expiring
        lines.append(ForecastMonth(month, expiring, left, left * value_twd))
    return Forecast(
        outstanding=total,
        outstanding_twd=total * value_twd,
        pending=int(pending),
        debt=int(debt),
        point_value_twd=value_twd,
        months=tuple(lines),
        later=left,
    )


def ledger_by_month(session: Session, today: date, months: int = 12) -> list[LedgerMonth]:
    """Return what was issued, used, expired and reversed in the last `months`, oldest first."""
    first = first_of_month_after(today, 1 - min(months, MOST_MONTHS))
    begun_at = day_start(first)
    owed = session.scalar(
        select(func.coalesce(func.sum(_MOVED), 0)).where(PointsEntry.posted_at < begun_at)
    )
    rows = session.execute(
        select(_ENTRY_MONTH, *(func.coalesce(func.sum(part), 0) for part in _PARTS))
        .where(PointsEntry.posted_at >= begun_at)
        .group_by(_ENTRY_MONTH)
    )
    found = {month: [int(part) for part in parts] for month, *parts in rows}
    outstanding, lines = int(owed or 0), []
    for number in range(1 - min(months, MOST_MONTHS), 1):
        month = first_of_month_after(today, number)
        issued, used, expired, reversed_ = found.get(month, [0, 0, 0, 0])
        outstanding += issued - used - expired - reversed_
        lines.append(LedgerMonth(month, issued, used, expired, reversed_, outstanding))
    return lines

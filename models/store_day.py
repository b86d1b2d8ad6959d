"""What a store's day brought from members, beside what the same weekday usually brings."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import Integer, Row, cast, func, select, true
from sqlalchemy.orm import Session

from models.coupon import Redemption
from models.local_day import TAIPEI, day_start
from models.member import Member
from models.purchase import Purchase, Refund
from models.shop import Store

USUAL_WEEKS = 4
"""So many of the same weekday before make what is usual: enough for a habit, not yet a season."""


@dataclass(frozen=True)
class Hour:
    """One hour of the day's sales, net of refunds, and what it usually brings; in NT$."""

    hour: int
    net_twd: int
    usual_twd: int


@dataclass(frozen=True)
class StoreDay:
    """One day of one store. Purchases that were undone count nowhere but in `refunds`."""

    count: int
    net_twd: int
    points_given: int
    coupons_used: int
    coupons_twd: int
    refunds: int
    refunded_twd: int
    new_members: int
    hours: tuple[Hour, ...]
    """Without gaps from the first to the last with sales, today or usually; empty without any."""
    usual_days: int
    """How many of the last weeks' same weekdays had sales: of these `usual_twd` is the mean."""

    @property
    def average_twd(self) -> int:
        """Return the average basket in NT$, rounded; 0 without sales."""
        return round(self.net_twd / self.count) if self.count else 0


def store_day(session: Session, store: Store, day: date) -> StoreDay:
    """Return the figures of a store's Taipei day. Two queries, whatever the day brought."""
    before = [day - timedelta(weeks=week) for week in range(1, USUAL_WEEKS + 1)]
    rows = _sales(session, store, [day, *before])
    todays = [row for row in rows if row.purchased_on == day]
    earlier = [row for row in rows if row.purchased_on != day]
    usual_days = len({row.purchased_on for row in earlier})
    beside = _beside(session, store, day)
    return StoreDay(
        count=sum(row.sales for row in todays),
        net_twd=sum(row.net_twd for row in todays),
        points_given=sum(row.points for row in todays),
        coupons_used=beside.coupons_used,
        coupons_twd=beside.coupons_twd,
        refunds=beside.refunds,
        refunded_twd=beside.refunded_twd,
        new_members=beside.new_members,
        hours=_hours(_by_hour(todays), _by_hour(earlier), usual_days),
        usual_days=usual_days,
    )


def _sales(session: Session, store: Store, days: list[date]) -> list[Row[date, int, int, int, int]]:
    hour = cast(
        func.extract("hour", func.timezone(str(TAIPEI), Purchase.purchased_at)), Integer
    ).label("hour")
    asked = (
        select(
            Purchase.purchased_on,
            hour,
            func.count().label("sales"),
            cast(func.sum(Purchase.paid_twd - Purchase.refunded_twd), Integer).label("net_twd"),
            cast(func.sum(Purchase.points_earned), Integer).label("points"),
        )
        .where(
            Purchase.store_id == store.id,
            Purchase.purchased_on.in_(days),
            Purchase.undone_at.is_(None),
        )
        .group_by(Purchase.purchased_on, hour)
    )
    return list(session.execute(asked))


def _beside(session: Session, store: Store, day: date) -> Row[int, int, int, int, int]:
    """Count what stands in other tables than the purchases'."""
    start, end = day_start(day), day_start(day + timedelta(days=1))
    coupons = (
        select(
            func.count().label("coupons_used"),
            func.coalesce(func.sum(Redemption.discount_twd), 0).label("coupons_twd"),
        )
        .where(
            Redemption.store_id == store.id,
            Redemption.redeemed_at >= start,
            Redemption.redeemed_at < end,
            Redemption.reversed_at.is_(None),
        )
        .subquery()
    )
    refunds = (
        select(
            func.count().label("refunds"),
            func.coalesce(func.sum(Refund.amount_twd), 0).label("refunded_twd"),
        )
        .where(Refund.store_id == store.id, Refund.refunded_on == day)
        .subquery()
    )
    members = (
        select(func.count().label("new_members"))
        .where(
            Member.joined_at >= start,
            Member.joined_at < end,
            Member.join_source == f"store:{store.code}",
        )
        .subquery()
    )
    return session.execute(
        select(
            coupons.c.coupons_used,
            cast(coupons.c.coupons_twd, Integer).label("coupons_twd"),
            refunds.c.refunds,
            cast(refunds.c.refunded_twd, Integer).label("refunded_twd"),
            members.c.new_members,
        ).select_from(coupons.join(refunds, true()).join(members, true()))
    ).one()


def _by_hour(rows: list[Row[date, int, int, int, int]]) -> Mapping[int, int]:
    sums: defaultdict[int, int] = defaultdict(int)
    for row in rows:
        sums[row.hour] += row.net_twd
    return sums


def _hours(
    todays: Mapping[int, int], earlier: Mapping[int, int], usual_days: int
) -> tuple[Hour, ...]:
    seen = todays.keys() | earlier.keys()
    if not seen:
        return ()
    return tuple(
        Hour(hour, todays.get(hour, 0), round(earlier.get(hour, 0) / max(usual_days, 1)))
        for hour in range(min(seen), max(seen) + 1)
    )

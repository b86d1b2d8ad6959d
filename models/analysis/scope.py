"""Whose figures an analysis looks at: up to which day, since when, all buyers or who came again.

Who has never bought is never looked at (T2). The switch between all buyers and those who bought
again is the reader's (T8): the articles speak of both.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Subquery, and_, cast, func, select
from sqlalchemy.orm import Session

from models.lifecycle import check_day, figures_on
from models.lifecycle.figures import is_here, net_by, stood_on
from models.member import Member
from models.purchase.table import Purchase

ALL = "all"
REPEAT = "repeat"
POPULATIONS = (ALL, REPEAT)
FEWEST_ORDERS = {ALL: 1, REPEAT: 2}
EVERYBODY = {"zh-TW": "全部", "en": "All", "ja": "全体"}
"""The line below the tiers' own."""


@dataclass(frozen=True)
class Scope:
    """What is counted: purchases up to the end of `on`, of `window_days` or of all time."""

    on: date
    population: str = ALL
    """`all` who bought, or `repeat`: who bought twice or more in that time."""
    window_days: int | None = None

    @property
    def fewest_orders(self) -> int:
        """Return how many purchases a member must have to be looked at."""
        return FEWEST_ORDERS[self.population]


def bought_within(on: date, window_days: int | None) -> ColumnElement[bool]:
    """Return the condition that a purchase stood at the end of `on` and lies in the window.

    The window's last day is `on`, so that one of 365 days is the year before tomorrow.
    """
    if window_days is None:
        return stood_on(on)
    return and_(stood_on(on), Purchase.purchased_on > on - timedelta(days=window_days))


def buyers(session: Session, scope: Scope, now: datetime) -> Subquery:
    """Return who bought: `member_id`, `orders`, `net_twd`, `promo_orders`; of all time also days.

    Of all time and today they come from the members' own rows. Raises DayNotYet or
    BeforeTheShopOpened.
    """
    if scope.window_days is None:
        figures: Subquery = figures_on(session, scope.on, now)
    else:
        check_day(session, scope.on, now)
        figures = _within(scope.on, scope.window_days)
    return select(figures).where(figures.c.orders >= scope.fewest_orders).subquery("buyers")


def _within(on: date, window_days: int) -> Subquery:
    columns: tuple[ColumnElement[Any], ...] = (
        cast(func.count(), Integer).label("orders"),
        cast(func.sum(net_by(on)), BigInteger).label("net_twd"),
        cast(func.count().filter(Purchase.discount_twd > 0), Integer).label("promo_orders"),
    )
    return (
        select(Purchase.member_id, *columns)
        .join(Member, Member.id == Purchase.member_id)
        .where(is_here(), bought_within(on, window_days))
        .group_by(Purchase.member_id)
        .subquery("figures")
    )

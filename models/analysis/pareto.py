"""Who brings the sales (B-10): what the best customers buy, and how few bring most of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.analysis.scope import ALL, Scope, buyers
from models.analysis.told import Note, Told

TOP_PERCENT = 20
MOST_PERCENT = 80
CURVE_PERCENTS = (1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)


@dataclass(frozen=True)
class Top(Told):
    """The best customers, so many percent of all: rounded up, so that it is one at least."""

    percent: int
    members: int
    net_twd: int
    share: float
    """Of the sales of everybody looked at."""


@dataclass(frozen=True)
class Pareto(Told):
    """The shop's own 80/20."""

    members: int
    net_twd: int
    share_of_all: float | None
    """What those looked at bring of all members' sales."""
    top: Top | None
    """The best 20%, or as many as were asked."""
    most_percent: int
    members_for_most: int
    """So few bring `most_percent` of the sales."""
    share_for_most: float | None
    curve: tuple[Top, ...]
    notes: tuple[Note, ...] = ()


def pareto(
    groups: Sequence[tuple[int, int]],
    *,
    all_twd: int | None = None,
    top_percent: int = TOP_PERCENT,
    most_percent: int = MOST_PERCENT,
) -> Pareto:
    """Work the shares out of `groups`: what a member brought and how many brought so much.

    `all_twd` is what all members brought, where only some are looked at. Where nobody brought
    anything there are no shares.
    """
    groups = sorted((group for group in groups if group[1]), reverse=True)
    members = sum(count for _, count in groups)
    net_twd = sum(each * count for each, count in groups)
    if net_twd <= 0:
        return Pareto(members, net_twd, None, None, most_percent, 0, None, (), (Note("no_buyers"),))
    tops = [_top(groups, percent, net_twd) for percent in (top_percent, *CURVE_PERCENTS)]
    needed = _members_for(groups, -(-net_twd * most_percent // 100))
    return Pareto(
        members=members,
        net_twd=net_twd,
        share_of_all=net_twd / (all_twd or net_twd),
        top=tops[0],
        most_percent=most_percent,
        members_for_most=needed,
        share_for_most=needed / members,
        curve=tuple(tops[1:]),
    )


def _top(groups: Iterable[tuple[int, int]], percent: int, net_twd: int) -> Top:
    members = sum(count for _, count in groups)
    wanted = left = -(-members * percent // 100)
    brought = 0
    for each, count in groups:
        brought += each * min(count, left)
        left -= min(count, left)
    return Top(percent, wanted, brought, brought / net_twd)


def _members_for(groups: Iterable[tuple[int, int]], wanted_twd: int) -> int:
    """Return how many of the best it takes to bring so much."""
    members = 0
    for each, count in groups:
        needed = min(-(-wanted_twd // each), count) if each > 0 else 0
        members += needed
        wanted_twd -= needed * each
        if wanted_twd <= 0:
            break
    return members


def read_pareto(
    session: Session,
    scope: Scope,
    now: datetime,
    *,
    top_percent: int = TOP_PERCENT,
    most_percent: int = MOST_PERCENT,
) -> Pareto:
    """Work out the shop's own shares, in one statement. Raises DayNotYet or BeforeTheShopOpened."""
    who = buyers(session, Scope(scope.on, ALL, scope.window_days), now)
    counted = func.count().filter(who.c.orders >= scope.fewest_orders)
    rows = session.execute(
        select(who.c.net_twd, counted, func.count()).group_by(who.c.net_twd)
    ).all()
    return pareto(
        [(net_twd, members) for net_twd, members, _ in rows],
        all_twd=sum(net_twd * members for net_twd, _, members in rows),
        top_percent=top_percent,
        most_percent=most_percent,
    )

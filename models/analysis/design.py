"""The threshold designer (X4, C-02 to C-08): the articles' steps in one page over the shop's own.

From the basket come the first threshold and what to add on; from the curve of repeat purchases
the number of orders and with it the second; bands of spending show where members stop, and
further thresholds; months of silence when to remind; the budget what all that may cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, cast, func, select
from sqlalchemy.orm import Session

from models.analysis.basket import average_basket
from models.analysis.budget import Budget, Sheet, margin_of, rebate_of, work_out
from models.analysis.frequency import FrequencyCurve, read_frequency
from models.analysis.recency import RecencyCurve, read_recency
from models.analysis.refusals import ParameterRefused
from models.analysis.scope import ALL, Scope, buyers
from models.analysis.stall import Stall, read_stall
from models.analysis.threshold import (
    AddOn,
    first_threshold,
    list_add_ons,
    second_threshold,
)
from models.analysis.told import Note, Told
from models.shop import get_shop
from models.tier import WINDOW_DAYS, list_tiers
from models.tier_evaluation.linting import EASY_TIERS

USUAL_ORDERS = 3
"""Where the shop's own figures say nothing, members are taken to stay from the third order on."""


@dataclass(frozen=True)
class Wishes:
    """What whoever designs wants otherwise; None takes the shop's own figure."""

    basket_twd: int | None = None
    orders: int | None = None
    further_twd: Sequence[int] = ()
    """Thresholds above the second, of one's own choice."""
    margin_percent: Decimal | None = None
    rebate_percent: Decimal | None = None
    horizon_days: int | None = None
    edges: Sequence[int] | None = None


@dataclass(frozen=True)
class Thresholds(Told):
    """Two thresholds for three tiers, and any further ones."""

    basket_twd: int
    first_twd: int
    gap_twd: int
    """What an average basket lacks to reach the first: 再買 NT$100 升級."""
    orders: int
    """So many average baskets make the second."""
    second_twd: int
    further_twd: tuple[int, ...]
    tiers: int
    notes: tuple[Note, ...]


@dataclass(frozen=True)
class Design(Told):
    """The page: a proposal with all that it was drawn from."""

    thresholds: Thresholds | None
    """None where nobody has bought and no basket was told."""
    add_ons: tuple[AddOn, ...]
    stall: Stall
    frequency: FrequencyCurve
    recency: RecencyCurve
    top_members: int
    """Who spent at least the highest threshold in the last year."""
    top_each_twd: int
    """What each of them spent in it, on average."""
    budget: Budget | None
    """Of one of them; None where there are none or no margin is known."""
    notes: tuple[Note, ...]


def propose(
    basket_twd: int,
    stable_from: int | None,
    *,
    orders: int | None = None,
    further_twd: Sequence[int] = (),
) -> Thresholds:
    """Propose thresholds for a basket and the order from which on members stay.

    `orders` goes before what the figures say, so that the proposal can be edited. Raises
    ParameterRefused for a basket or orders out of range, or further thresholds that do not rise.
    """
    notes = []
    if orders is None and stable_from is None:
        notes.append(Note("k_assumed", {"orders": USUAL_ORDERS}))
    k = orders if orders is not None else stable_from or USUAL_ORDERS
    first, second = first_threshold(basket_twd), second_threshold(basket_twd, k)
    steps = [first, second, *further_twd]
    if steps != sorted(set(steps)):
        raise ParameterRefused(name="further_twd", why="rising")
    if len(steps) + 1 > EASY_TIERS:
        notes.append(Note("many_tiers", {"tiers": len(steps) + 1, "easy": EASY_TIERS}))
    return Thresholds(
        basket_twd=basket_twd,
        first_twd=first,
        gap_twd=first - basket_twd,
        orders=k,
        second_twd=second,
        further_twd=tuple(further_twd),
        tiers=len(steps) + 1,
        notes=tuple(notes),
    )


def read_design(session: Session, scope: Scope, now: datetime, wishes: Wishes) -> Design:
    """Draw the page from the shop's figures; a handful of statements, nothing is changed.

    Raises ParameterRefused, EdgesRefused, DayNotYet or BeforeTheShopOpened.
    """
    everybody = Scope(scope.on, ALL, scope.window_days)
    frequency = read_frequency(session, Scope(scope.on), now, wishes.horizon_days)
    orders, net_twd = average_basket(session, everybody, now)
    basket_twd = wishes.basket_twd or (2 * net_twd + orders) // (2 * orders or 1)
    thresholds = None
    if basket_twd:
        thresholds = propose(
            basket_twd,
            frequency.stable_from,
            orders=wishes.orders,
            further_twd=wishes.further_twd,
        )
    add_ons = list_add_ons(session, thresholds.gap_twd) if thresholds else ()
    if thresholds and not add_ons:
        thresholds = replace(thresholds, notes=(*thresholds.notes, Note("no_add_ons")))
    highest = max((thresholds.second_twd, *thresholds.further_twd)) if thresholds else None
    members, spent_twd = _top(session, scope, now, highest)
    each_twd = spent_twd // members if members else 0
    budget, notes = _budget(session, now, each_twd, wishes)
    return Design(
        thresholds=thresholds,
        add_ons=tuple(add_ons),
        stall=read_stall(session, scope, now, wishes.edges),
        frequency=frequency,
        recency=read_recency(session, Scope(scope.on), now),
        top_members=members,
        top_each_twd=each_twd,
        budget=budget,
        notes=notes,
    )


def _top(session: Session, scope: Scope, now: datetime, least_twd: int | None) -> tuple[int, int]:
    """Return how many spent so much in the last year, and what they spent together."""
    if least_twd is None:
        return 0, 0
    who = buyers(session, Scope(scope.on, ALL, WINDOW_DAYS), now)
    members, net_twd = session.execute(
        select(func.count(), cast(func.coalesce(func.sum(who.c.net_twd), 0), BigInteger)).where(
            who.c.net_twd >= least_twd
        )
    ).one()
    return members, net_twd


def _budget(
    session: Session, now: datetime, each_twd: int, wishes: Wishes
) -> tuple[Budget | None, tuple[Note, ...]]:
    if not each_twd:
        return None, ()
    margin, notes = wishes.margin_percent, list[Note]()
    if margin is None:
        margin = margin_of(session, now)
        if margin is None:
            return None, (Note("margin_unknown"),)
        notes.append(Note("margin_of_goods", {"percent": margin}))
    rebate = wishes.rebate_percent
    if rebate is None:
        rebate = rebate_of(get_shop(session), list_tiers(session)[-1])
    return work_out(Sheet(each_twd, margin, rebate)), tuple(notes)

"""What other earn rules would have brought: the recent sales of some members, reckoned twice.

Both times by today's tiers and plans, once with the rules in force and once with the others, so
that the difference is the rules' alone. In a large shop a sample of members stands for all; what
it says is told with the interval in which the true number lies 19 times of 20.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.base import among
from models.benefit import multipliers
from models.earn_rule import Basket, EarnRule, Policy, earn
from models.local_day import local_day
from models.member import Member
from models.plan import plan_percents
from models.programme import Programme
from models.purchase.table import Purchase, PurchaseLine
from models.segment.sizing import draw_ids
from models.shop import Store

DAYS = 30
MOST_MEMBERS = 2_000
"""So many members are asked; what they bought in the days is about a thousand sales."""
NINETEEN_OF_TWENTY = 1.96


@dataclass(frozen=True)
class Rules:
    """By what points are earned."""

    policy: Policy
    earn_rules: Sequence[EarnRule]


@dataclass(frozen=True)
class Replayed:
    """What the sales of DAYS days came to, before and after, for all members; estimates or exact.

    `low` and `high` bound the difference in points.
    """

    sales: int
    touched: int
    """Sales that bring another number of points."""
    before: int
    after: int
    low: int
    high: int
    is_estimate: bool

    @property
    def difference(self) -> int:
        """Return how many points more, or fewer below zero."""
        return self.after - self.before


def replay(session: Session, programme: Programme, other: Rules, now: datetime) -> Replayed:
    """Reckon the sales of the last DAYS days by the rules in force and by the others."""
    first, last = session.execute(
        select(func.coalesce(func.min(Member.id), 1), func.coalesce(func.max(Member.id), 0))
    ).one()
    span = last - first + 1
    ids = draw_ids(first, span, seed=local_day(now).toordinal(), most=MOST_MEMBERS)
    in_force = Rules(programme.earn_policy, programme.earn_rules)
    tallies = [
        _tally(programme, in_force, other, sales) for sales in _read(session, ids, now).values()
    ]
    return _scaled(tallies, asked=len(ids), span=span)


@dataclass(frozen=True)
class _Sale:
    purchase: Purchase
    member: Member
    store_code: str
    lines: tuple[tuple[str | None, int], ...]


@dataclass(frozen=True)
class _Tally:
    """One member's sales, how many of them differ, and the points before and after."""

    sales: int
    touched: int
    before: int
    after: int


def _read(session: Session, ids: Sequence[int], now: datetime) -> dict[int, list[_Sale]]:
    since = local_day(now) - timedelta(days=DAYS)
    rows = session.execute(
        select(Purchase, Member, Store.code)
        .join(Member, Member.id == Purchase.member_id)
        .join(Store, Store.id == Purchase.store_id)
        .where(
            among(Purchase.member_id, ids),
            Purchase.purchased_on >= since,
            Purchase.undone_at.is_(None),
        )
        .order_by(Purchase.member_id, Purchase.purchased_at, Purchase.id)
    ).all()
    lines = _lines(session, [purchase.id for purchase, _, _ in rows])
    sales = defaultdict[int, list[_Sale]](list)
    for purchase, member, store_code in rows:
        kept = tuple(lines.get(purchase.id, ()))
        sales[member.id].append(_Sale(purchase, member, store_code, kept))
    return sales


def _lines(session: Session, purchase_ids: Sequence[int]) -> dict[int, list[tuple[Any, int]]]:
    found = session.execute(
        select(PurchaseLine.purchase_id, PurchaseLine.category, PurchaseLine.amount_twd)
        .where(among(PurchaseLine.purchase_id, purchase_ids))
        .order_by(PurchaseLine.purchase_id, PurchaseLine.line_no)
    )
    lines = defaultdict[int, list[tuple[Any, int]]](list)
    for purchase_id, category, amount_twd in found:
        lines[purchase_id].append((category, amount_twd))
    return lines


def _tally(programme: Programme, in_force: Rules, other: Rules, sales: Sequence[_Sale]) -> _Tally:
    before = _points(programme, in_force, sales)
    after = _points(programme, other, sales)
    touched = sum(one != another for one, another in zip(before, after, strict=True))
    return _Tally(len(sales), touched, sum(before), sum(after))


def _points(programme: Programme, rules: Rules, sales: Sequence[_Sale]) -> list[int]:
    """Return what each of one member's sales earns, in their order, for a day may have a cap."""
    earned_on: dict[Any, int] = defaultdict(int)
    points = []
    for sale in sales:
        day = sale.purchase.purchased_on
        earned = earn(
            rules.policy,
            rules.earn_rules,
            _basket(programme, sale),
            own_percents=_own_percents(programme, sale),
            earned_today=earned_on[day],
        ).points
        earned_on[day] += earned
        points.append(earned)
    return points


def _basket(programme: Programme, sale: _Sale) -> Basket:
    purchase = sale.purchase
    return Basket(
        amount_twd=purchase.amount_twd,
        paid_twd=purchase.net_twd,
        at=purchase.purchased_at,
        day=purchase.purchased_on,
        store_code=sale.store_code,
        channel=purchase.channel,
        tier_code=programme.tier(sale.member.tier_id).code,
        lines=sale.lines,
    )


def _own_percents(programme: Programme, sale: _Sale) -> tuple[int, ...]:
    member, purchase = sale.member, sale.purchase
    plan = (member.plan_code, member.plan_until, purchase.purchased_at)
    return (
        programme.tier(member.tier_id).points_percent,
        *plan_percents(programme.plans, *plan),
        *multipliers(programme, member.tier_id, None, purchase.purchased_on),
    )


def _scaled(tallies: Sequence[_Tally], *, asked: int, span: int) -> Replayed:
    """Let the members asked stand for all ids; those who bought nothing count with nothing."""
    each = span / asked if asked else 0
    differences = [tally.after - tally.before for tally in tallies]
    total = sum(differences)
    error = 0.0
    if 1 < asked < span:
        mean = total / asked
        squares = sum(one * one for one in differences) - asked * mean * mean
        error = NINETEEN_OF_TWENTY * span * math.sqrt(max(squares, 0) / (asked - 1) / asked)
    before = round(sum(tally.before for tally in tallies) * each)
    return Replayed(
        sales=round(sum(tally.sales for tally in tallies) * each),
        touched=round(sum(tally.touched for tally in tallies) * each),
        before=before,
        after=before + round(total * each),
        low=math.floor(total * each - error),
        high=math.ceil(total * each + error),
        is_estimate=asked < span,
    )


def with_rule(programme: Programme, rule: EarnRule) -> Rules:
    """Return the rules in force with one rule changed, added, or taken out where it is not active.

    Its time is left aside, so that it is seen as though it had been in force all along.
    """
    others = [each for each in programme.earn_rules if each.code != rule.code]
    rule.starts_at = rule.ends_at = None
    return Rules(programme.earn_policy, [*others, rule] if rule.is_active else others)


def with_policy(programme: Programme, **changed: Any) -> Rules:
    """Return the rules in force under another policy: `earn_twd`, `stacking`, caps."""
    return Rules(replace(programme.earn_policy, **changed), programme.earn_rules)

"""How much members depend on promotions (A-05): the share of orders with a coupon or discount."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, cast, func, select
from sqlalchemy.orm import Session

from models.analysis.scope import EVERYBODY, Scope, buyers
from models.analysis.told import Note, Told
from models.member import Member
from models.tier import Tier

Row = tuple[str, dict[str, str], int, int, int, int]
"""Code, name, members, orders, orders on promotion, members with no other."""


@dataclass(frozen=True)
class Dependency(Told):
    """How much the members of one tier, or all of them, buy on promotion."""

    tier_code: str | None
    """None for all of them together."""
    name: dict[str, str]
    members: int
    orders: int
    promo_orders: int
    dependency: float | None
    """`promo_orders` ÷ `orders`."""
    only_on_promotion: int
    """Members of whom every order had one."""
    only_share: float | None
    """`only_on_promotion` ÷ `members`."""


@dataclass(frozen=True)
class Promotions(Told):
    """The dependency of each tier, highest first, and of all."""

    tiers: tuple[Dependency, ...]
    total: Dependency
    notes: tuple[Note, ...] = ()


def dependency(promo_orders: int, orders: int) -> float | None:
    """Return a member's promotion dependency, 0 to 1; None where they have not bought."""
    return promo_orders / orders if orders else None


def sum_up(rows: Sequence[Row]) -> Promotions:
    """Put the tiers' counts together, and say what they come to."""
    total = _dependency(None, EVERYBODY, *(sum(column) for column in _counts(rows)))
    notes = () if total.members else (Note("no_buyers"),)
    return Promotions(tuple(_dependency(*row) for row in rows), total, notes)


def _counts(rows: Sequence[Row]) -> list[list[int]]:
    return [
        [members for _, _, members, _, _, _ in rows],
        [orders for _, _, _, orders, _, _ in rows],
        [promo_orders for _, _, _, _, promo_orders, _ in rows],
        [only for _, _, _, _, _, only in rows],
    ]


def _dependency(
    code: str | None,
    name: dict[str, str],
    members: int,
    orders: int,
    promo_orders: int,
    only: int,
) -> Dependency:
    share = only / members if members else None
    told = dependency(promo_orders, orders)
    return Dependency(code, name, members, orders, promo_orders, told, only, share)


def read_promotions(session: Session, scope: Scope, now: datetime) -> Promotions:
    """Measure each tier's dependency, in one statement over the members' figures.

    Members are counted in the tier they hold now. Raises DayNotYet or BeforeTheShopOpened.
    """
    who = buyers(session, scope, now)
    rows = session.execute(
        select(
            Tier.code,
            Tier.name,
            func.count(),
            cast(func.sum(who.c.orders), BigInteger),
            cast(func.sum(who.c.promo_orders), BigInteger),
            func.count().filter(who.c.promo_orders == who.c.orders),
        )
        .select_from(who)
        .join(Member, Member.id == who.c.member_id)
        .join(Tier, Tier.id == Member.tier_id)
        .group_by(Tier.id)
        .order_by(Tier.rank.desc())
    )
    return sum_up(rows.all())

"""Each tier's part of members and of sales (C-10): members % against sales %."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, cast, func, select
from sqlalchemy.orm import Session

from models.analysis.scope import Scope, buyers
from models.analysis.told import Note, Told
from models.member import Member
from models.tier import Tier


@dataclass(frozen=True)
class Part(Told):
    """One tier's part of members and of sales."""

    tier_code: str
    name: dict[str, str]
    members: int
    share_of_members: float | None
    net_twd: int
    share_of_sales: float | None
    index: float | None
    """The share of sales ÷ the share of members: above 1 they bring more than their number."""


@dataclass(frozen=True)
class Contribution(Told):
    """Members % against sales %, tier by tier, highest first."""

    members: int
    net_twd: int
    parts: tuple[Part, ...]
    notes: tuple[Note, ...] = ()


def contribution(rows: Sequence[tuple[str, dict[str, str], int, int]]) -> Contribution:
    """Work out each tier's part from code, name, members and net sales."""
    members = sum(count for _, _, count, _ in rows)
    net_twd = sum(net for _, _, _, net in rows)
    parts = tuple(_part(row, members, net_twd) for row in rows)
    return Contribution(members, net_twd, parts, () if members else (Note("no_buyers"),))


def _part(row: tuple[str, dict[str, str], int, int], members: int, net_twd: int) -> Part:
    code, name, count, net = row
    of_members = count / members if members else None
    of_sales = net / net_twd if net_twd else None
    index = of_sales / of_members if of_members and of_sales is not None else None
    return Part(code, name, count, of_members, net, of_sales, index)


def read_contribution(session: Session, scope: Scope, now: datetime) -> Contribution:
    """Work out each tier's part, in one statement over the members' figures.

    Members are counted in the tier they hold now. Raises DayNotYet or BeforeTheShopOpened.
    """
    who = buyers(session, scope, now)
    rows = session.execute(
        select(
            Tier.code,
            Tier.name,
            func.count(who.c.member_id),
            cast(func.coalesce(func.sum(who.c.net_twd), 0), BigInteger),
        )
        .select_from(Tier)
        .join(Member, Member.tier_id == Tier.id, isouter=True)
        .join(who, who.c.member_id == Member.id, isouter=True)
        .group_by(Tier.id)
        .order_by(Tier.rank.desc())
    )
    return contribution(rows.all())

"""What is counted of one member: from the row a sale holds, or with a look at metric and score."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Protocol

from sqlalchemy import BigInteger, bindparam, select
from sqlalchemy.orm import Session

from models.programme import Programme
from models.purchase.table import Purchase
from models.score import is_measured, measure
from models.tier import Figures, Sale


class Holder(Protocol):
    """A member under their row lock: the mapped row, or what a sale read of it.

    The running figures are those of `spend_on`.
    """

    @property
    def id(self) -> int: ...
    @property
    def spend_on(self) -> date: ...
    @property
    def spend_twd(self) -> int: ...
    @property
    def year_twd(self) -> int: ...
    @property
    def lifetime_twd(self) -> int: ...
    @property
    def tier_points(self) -> int: ...

    tier_id: int
    tier_kept_until: date | None


def figures_of(holder: Holder) -> Figures:
    """Return the running figures of a member's row, as of its `spend_on`."""
    return Figures(
        on=holder.spend_on,
        spend_twd=holder.spend_twd,
        year_twd=holder.year_twd,
        lifetime_twd=holder.lifetime_twd,
        tier_points=holder.tier_points,
    )


def figures_for(
    session: Session, holder: Holder, programme: Programme, today: date | None = None
) -> Figures:
    """Return the figures with metric or score, where the rules ask for one: one query, else none.

    They are those of `today`, or of the row's `spend_on` without it. The running figures are taken
    as they stand: the caller has rolled them where they matter.
    """
    day = today or holder.spend_on
    rules = programme.ladder.on(day)
    measured = measure(session, holder.id, rules, day) if is_measured(rules) else None
    return replace(figures_of(holder), on=day, measured=measured)


_SALES = (
    select(Purchase.purchased_on, Purchase.paid_twd - Purchase.refunded_twd)
    .where(
        Purchase.member_id == bindparam("member_id", type_=BigInteger),
        Purchase.refunded_twd < Purchase.paid_twd,
    )
    .order_by(Purchase.purchased_on, Purchase.purchased_at, Purchase.id)
)


def list_sales(session: Session, member_id: int) -> Sequence[Sale]:
    """Return all that the member's sales still count for, the first first; one query."""
    return [(day, net) for day, net in session.execute(_SALES, {"member_id": member_id})]

"""What purchases had in them on a day: how far each is of a category, what somebody usually buys.

Lines tell their amounts before any discount and which of them were taken back; a refund that
names no lines takes from all of them alike.
"""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, case, cast, func, select, true
from sqlalchemy.dialects.postgresql import JSONB, distinct_on

from models.favourite import WINDOW_DAYS
from models.purchase.table import Purchase, PurchaseLine, Refund


def left_by(day: date) -> ColumnElement[int]:
    """Return how many pieces of a line were not taken back at the end of `day`."""
    back = case((PurchaseLine.refunded_quantity > 0, _named_after(day)), else_=0)
    return PurchaseLine.quantity - PurchaseLine.refunded_quantity + back


def _named_after(day: date) -> ColumnElement[int]:
    """Return how many pieces of a line refunds after `day` name."""
    lines = cast(Refund.lines, JSONB)
    # Where a refund names no lines, the column holds JSON's null, which is no list to unfold.
    listed = case((func.jsonb_typeof(lines) == "array", lines), else_=func.jsonb_build_array())
    named = func.jsonb_array_elements(listed).table_valued("value")
    value = cast(named.c.value, JSONB)
    return (
        select(func.coalesce(func.sum(cast(value["quantity"].astext, Integer)), 0))
        .select_from(Refund)
        .join(named, true())
        .where(
            Refund.purchase_id == PurchaseLine.purchase_id,
            Refund.refunded_on > day,
            cast(value["line_no"].astext, Integer) == PurchaseLine.line_no,
        )
        .correlate(PurchaseLine)
        .scalar_subquery()
    )


def shares_of(category: str, day: date) -> Select[Any]:
    """Select the purchases that had a category on a day: `purchase_id`, `part` out of `whole`."""
    amount = cast(PurchaseLine.amount_twd, BigInteger) * left_by(day) // PurchaseLine.quantity
    lines = select(
        PurchaseLine.purchase_id,
        (PurchaseLine.category == category).is_(True).label("is_asked"),
        amount.label("amount_twd"),
    )
    left = lines.where(left_by(day) > 0).subquery("line")
    asked_twd = func.sum(left.c.amount_twd).filter(left.c.is_asked)
    return (
        select(
            left.c.purchase_id,
            cast(asked_twd, BigInteger).label("part"),
            cast(func.sum(left.c.amount_twd), BigInteger).label("whole"),
        )
        .group_by(left.c.purchase_id)
        .having(func.bool_or(left.c.is_asked))
    )


def usual_categories(day: date, stood: ColumnElement[bool]) -> Select[Any]:
    """Select each member's usual category on a day: the one most of a year's purchases had.

    `stood` is the condition under which a purchase counts. Of several the one bought last leads.
    """
    counted = (
        select(
            Purchase.member_id,
            PurchaseLine.category,
            func.count(Purchase.id.distinct()).label("orders"),
            func.max(Purchase.purchased_at).label("last_at"),
        )
        .join(PurchaseLine, PurchaseLine.purchase_id == Purchase.id)
        .where(
            stood,
            Purchase.purchased_on > day - timedelta(days=WINDOW_DAYS),
            PurchaseLine.category.is_not(None),
            left_by(day) > 0,
        )
        .group_by(Purchase.member_id, PurchaseLine.category)
        .subquery("counted")
    )
    return (
        select(counted.c.member_id, counted.c.category)
        .ext(distinct_on(counted.c.member_id))
        .order_by(
            counted.c.member_id,
            counted.c.orders.desc(),
            counted.c.last_at.desc(),
            counted.c.category,
        )
    )

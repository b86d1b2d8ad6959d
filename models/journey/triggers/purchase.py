"""Somebody bought; and the exits that a sale brings: another purchase, a refund of the first."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    and_,
    case,
    cast,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Session, aliased

from models.base import said
from models.journey.table import JourneyVisit
from models.journey.trigger import Exit, Param, Params, Span, Trigger, add_exit, add_trigger
from models.local_day import day_of
from models.purchase import Purchase
from models.purchase.table import PurchaseLine

CATEGORY = Param("category", "text", said("品類", "Category", "カテゴリー"))
SKU = Param("sku", "text", said("商品", "Item", "商品"))
MINIMUM = Param("at_least_twd", "integer", said("單筆滿", "At least NT$", "購入額の下限"), usual=0)


def _has_line(sale: type[Purchase], params: Params) -> list[ColumnElement[bool]]:
    """Return what the lines of a sale must say, where the definition asks for it."""
    wanted = {"category": PurchaseLine.category, "sku": PurchaseLine.sku}
    asked = [column == params[name] for name, column in wanted.items() if params.get(name)]
    if not asked:
        return []
    standing = PurchaseLine.refunded_quantity < PurchaseLine.quantity
    rows = select(PurchaseLine.line_no).where(PurchaseLine.purchase_id == sale.id, standing, *asked)
    return [rows.correlate(sale).exists()]


def _causes(session: Session, params: Params, span: Span) -> Select[Any]:
    sales = select(
        Purchase.member_id,
        func.concat("purchase:", Purchase.id).label("key"),
        Purchase.purchased_at.label("at"),
        func.jsonb_build_object(
            "purchase_id",
            Purchase.id,
            "purchased_on",
            Purchase.purchased_on,
            "net_twd",
            Purchase.paid_twd - Purchase.refunded_twd,
        ).label("facts"),
    ).where(
        Purchase.id > span.after_id("purchase"),
        Purchase.purchased_at >= span.since,
        Purchase.undone_at.is_(None),
        Purchase.paid_twd - Purchase.refunded_twd >= params["at_least_twd"],
        *_has_line(Purchase, params),
    )
    return sales.where(~_had_earlier()) if params["first_only"] else sales


def _had_earlier() -> ColumnElement[bool]:
    """Tell of a sale whether its member had bought before, by sales that stand."""
    earlier = aliased(Purchase)
    return (
        select(earlier.id)
        .where(
            earlier.member_id == Purchase.member_id,
            earlier.undone_at.is_(None),
            earlier.purchased_on <= Purchase.purchased_on,
            or_(
                earlier.purchased_at < Purchase.purchased_at,
                and_(earlier.purchased_at == Purchase.purchased_at, earlier.id < Purchase.id),
            ),
        )
        .correlate(Purchase)
        .exists()
    )


PURCHASE = add_trigger(
    Trigger(
        "purchase",
        said("消費", "Purchase", "購入"),
        _causes,
        params=(
            Param("first_only", "boolean", said("只限首購", "First only", "初回のみ"), usual=False),
            MINIMUM,
            CATEGORY,
            SKU,
        ),
        reads=("purchase",),
        facts=("purchase_id", "purchased_on", "net_twd"),
    )
)


def purchase_id_of() -> ColumnElement[int]:
    """Return the sale that started a visit; NULL where none did."""
    return cast(JourneyVisit.facts["purchase_id"].astext, BigInteger)


def _bought_since(session: Session, params: Params, now: datetime) -> ColumnElement[bool]:
    """Tell whether something was bought after the cause, and still stands.

    Where the facts say `last_purchase_on`, anything bought after that day counts, though it was
    recorded late: silence was its cause.
    """
    sale = aliased(Purchase)
    last_on: ColumnElement[date] = cast(JourneyVisit.facts["last_purchase_on"].astext, Date)
    cause_on = day_of(JourneyVisit.cause_at)
    return (
        select(sale.id)
        .where(
            sale.member_id == JourneyVisit.member_id,
            sale.undone_at.is_(None),
            # The index is by day; the moment is judged after.
            sale.purchased_on >= func.coalesce(last_on, cause_on),
            case(
                (last_on.is_not(None), sale.purchased_on > last_on),
                else_=and_(
                    sale.purchased_at >= JourneyVisit.cause_at,
                    sale.id.is_distinct_from(purchase_id_of()),
                ),
            ),
            *_has_line(sale, params),
        )
        .correlate(JourneyVisit)
        .exists()
    )


def _was_refunded(session: Session, params: Params, now: datetime) -> ColumnElement[bool]:
    """Tell whether the sale that started the visit was taken back in full."""
    return (
        select(Purchase.id)
        .where(Purchase.id == purchase_id_of(), Purchase.undone_at.is_not(None))
        .correlate(JourneyVisit)
        .exists()
    )


add_exit(
    Exit(
        "purchase",
        said("已再消費", "Bought", "購入した"),
        _bought_since,
        params=(CATEGORY, SKU),
    )
)
add_exit(Exit("refund", said("該筆已退貨", "Refunded", "返品した"), _was_refunded))

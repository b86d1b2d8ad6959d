"""Somebody is interested: they looked at something, or bought something like it (B-02, B-14)."""

from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased

from models.base import said
from models.browse_event import KINDS, BrowseEvent
from models.catalogue import CatalogueItem
from models.journey.trigger import Param, Params, Span, Trigger, add_trigger
from models.journey.triggers.due_days import cause
from models.journey.triggers.purchase import CATEGORY, SKU
from models.local_day import day_of
from models.member import Member
from models.purchase import Purchase
from models.purchase.table import PurchaseLine


def _browsed(session: Session, params: Params, span: Span) -> Select[Any]:
    """Tell of members who looked at something, once a day, with what they looked at last."""
    looked = [
        BrowseEvent.id > span.after_id("browse_event"),
        BrowseEvent.occurred_at >= span.since,
    ]
    for name, column in (
        ("kind", BrowseEvent.kind),
        ("category", BrowseEvent.category),
        ("sku", BrowseEvent.sku),
    ):
        if params[name] is not None:
            looked.append(column == params[name])
    on = day_of(BrowseEvent.occurred_at)
    last = (
        select(
            BrowseEvent.member_id,
            on.label("on"),
            BrowseEvent.occurred_at,
            BrowseEvent.sku,
            BrowseEvent.category,
        )
        .ext(distinct_on(BrowseEvent.member_id, on))
        .where(*looked)
        .order_by(BrowseEvent.member_id, on, BrowseEvent.occurred_at.desc(), BrowseEvent.id)
        .subquery()
    )
    told = (
        cause(
            last.c.member_id,
            func.concat("browsed:", last.c.member_id, ":", last.c.on),
            last.c.occurred_at,
            sku=last.c.sku,
            category=last.c.category,
            item_name=func.coalesce(CatalogueItem.name, last.c.category, last.c.sku),
        )
        .join(Member, Member.id == last.c.member_id)
        .join(CatalogueItem, CatalogueItem.sku == last.c.sku, isouter=True)
    )
    return told.where(Member.purchase_count == 0) if params["never_bought"] else told


add_trigger(
    Trigger(
        "browsed",
        said("瀏覽網店", "Looked at the web shop", "ウェブショップを閲覧"),
        _browsed,
        params=(
            Param("kind", "code", said("動作", "What they did", "行動"), choices=KINDS),
            CATEGORY,
            SKU,
            Param(
                "never_bought",
                "boolean",
                said("只限未購會員", "Only who never bought", "未購入の会員のみ"),
                usual=False,
            ),
        ),
        reads=("browse_event",),
        facts=("sku", "category", "item_name"),
    )
)


def _bought_similar(session: Session, params: Params, span: Span) -> Select[Any]:
    """Tell of sales of what is like an item (of its category), to who has not bought the item."""
    category = select(CatalogueItem.category).where(CatalogueItem.sku == params["sku"])
    line = aliased(PurchaseLine)
    similar = select(line.line_no).where(
        line.purchase_id == Purchase.id,
        line.refunded_quantity < line.quantity,
        line.category == category.scalar_subquery(),
        line.sku.is_distinct_from(params["sku"]),
    )
    own, bought = aliased(Purchase), aliased(PurchaseLine)
    had = (
        select(own.id)
        .join(bought, bought.purchase_id == own.id)
        .where(
            own.member_id == Purchase.member_id,
            own.undone_at.is_(None),
            bought.sku == params["sku"],
        )
    )
    return (
        cause(
            Purchase.member_id,
            func.concat("similar:", params["sku"], ":", Purchase.member_id),
            func.max(Purchase.purchased_at),
            sku=params["sku"],
            item_name=select(CatalogueItem.name)
            .where(CatalogueItem.sku == params["sku"])
            .scalar_subquery(),
        )
        .where(
            Purchase.id > span.after_id("purchase"),
            Purchase.purchased_at >= span.since,
            Purchase.undone_at.is_(None),
            similar.correlate(Purchase).exists(),
            ~had.correlate(Purchase).exists(),
        )
        .group_by(Purchase.member_id)
    )


add_trigger(
    Trigger(
        "bought_similar",
        said("買過類似商品", "Bought something similar", "似た商品を購入"),
        _bought_similar,
        params=(Param("sku", "text", said("新商品", "New item", "新商品"), required=True),),
        reads=("purchase",),
        facts=("sku", "item_name"),
    )
)

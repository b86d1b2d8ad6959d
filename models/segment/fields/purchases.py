"""What members bought: from their running figures, or from the purchases where a rule narrows them.

A purchase counts while it stands (nothing or not all of it was taken back), an item while not all
pieces of it were. Money is net of refunds; that of single items is their price before discounts.
"""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, func, not_, or_, select

from models.base import said
from models.member import Member
from models.purchase.table import LARGEST_AMOUNT_TWD, Purchase, PurchaseLine
from models.segment.field import HISTORY, NUMBER_OPERATORS, Context, Field, Leaf, Option, compare
from models.segment.fields.asking import (
    DAYS,
    PERCENT,
    TIMES,
    TWD,
    WITHIN_DAYS,
    count_of,
    counted,
    days_back,
    named,
    values_of,
)
from models.shop import Store

USUAL_LEAST_ORDERS = 3
"""Fewer orders say nothing about whether somebody buys on promotion only (A-05)."""

_STORES = named(Store.code, Store.name)
_ITEM = (
    Option(
        "sku",
        "text",
        said("商品", "Item (SKU)", "商品（SKU）"),
        said("買「{}」", "of the item {}", "商品「{}」の"),
        many=True,
    ),
    Option(
        "category",
        "text",
        said("類別", "Category", "カテゴリー"),
        said("買「{}」類", "of the category {}", "カテゴリー「{}」の"),
        many=True,
    ),
)
_PLACE = (
    Option(
        "store",
        "code",
        said("門市", "Store", "店舗"),
        said("在{}", "at {}", "{}での"),
        choices=_STORES,
        many=True,
    ),
    Option(
        "channel",
        "text",
        said("通路", "Channel", "チャネル"),
        said("經由 {}", "through {}", "{} 経由の"),
        many=True,
    ),
    Option(
        "min_twd",
        "integer",
        said("單筆至少", "Each at least NT$", "1 回の最低額"),
        said("單筆滿 NT${}", "of NT${} or more", "1 回 NT${} 以上の"),
        maximum=LARGEST_AMOUNT_TWD,
    ),
    Option(
        "max_twd",
        "integer",
        said("單筆至多", "Each at most NT$", "1 回の最高額"),
        said("單筆 NT${} 以下", "of NT${} or less", "1 回 NT${} 以下の"),
        maximum=LARGEST_AMOUNT_TWD,
    ),
)
_WINDOW = (
    WITHIN_DAYS,
    Option(
        "since",
        "day",
        said("從哪一天", "From the day", "開始日"),
        said("{} 起", "from {}", "{} 以降の"),
    ),
    Option(
        "until",
        "day",
        said("到哪一天", "Through the day", "終了日"),
        said("至 {} 止", "through {}", "{} までの"),
    ),
)
_ALL = (*_WINDOW, *_ITEM, *_PLACE)
_EXCLUDES = (("within_days", "since"), ("within_days", "until"))


def _since(leaf: Leaf, context: Context) -> date | None:
    days = leaf.option("within_days")
    since: date | None = leaf.option("since")
    return days_back(context, days) if days is not None else since


def _bought(leaf: Leaf, context: Context) -> Select[Any]:
    """Return a member's standing purchases that the leaf's options let through."""
    net = Purchase.paid_twd - Purchase.refunded_twd
    rows = select(Purchase.id).where(Purchase.member_id == Member.id, Purchase.undone_at.is_(None))
    since, until = _since(leaf, context), leaf.option("until")
    if since is not None:
        rows = rows.where(Purchase.purchased_on >= since)
    if until is not None:
        rows = rows.where(Purchase.purchased_on <= until)
    if (stores := leaf.option("store")) is not None:
        ids = select(Store.id).where(Store.code.in_(values_of(stores)))
        rows = rows.where(Purchase.store_id.in_(ids))
    if (channels := leaf.option("channel")) is not None:
        rows = rows.where(Purchase.channel.in_(values_of(channels)))
    if (least := leaf.option("min_twd")) is not None:
        rows = rows.where(net >= least)
    if (most := leaf.option("max_twd")) is not None:
        rows = rows.where(net <= most)
    return rows


def _kept_lines(leaf: Leaf) -> list[ColumnElement[bool]]:
    """Return what makes a line one of the items asked for; nothing where none is."""
    conditions: list[ColumnElement[bool]] = []
    if (skus := leaf.option("sku")) is not None:
        conditions.append(PurchaseLine.sku.in_(values_of(skus)))
    if (categories := leaf.option("category")) is not None:
        conditions.append(PurchaseLine.category.in_(values_of(categories)))
    if conditions:
        conditions.append(PurchaseLine.refunded_quantity < PurchaseLine.quantity)
    return conditions


def purchases_of(leaf: Leaf, context: Context) -> Select[Any]:
    """Return the purchases a leaf means, each once, correlated with `Member`."""
    rows, lines = _bought(leaf, context), _kept_lines(leaf)
    if lines:
        rows = rows.where(
            select(PurchaseLine.line_no)
            .where(PurchaseLine.purchase_id == Purchase.id, *lines)
            .correlate(Purchase)
            .exists()
        )
    return rows


def _could_have(leaf: Leaf, context: Context) -> list[ColumnElement[bool]]:
    """Return what the running figures say of whoever has such a purchase: cheap, so asked first."""
    since, until = _since(leaf, context), leaf.option("until")
    conditions: list[ColumnElement[bool]] = [Member.purchase_count > 0]
    if since is not None:
        conditions.append(Member.last_purchase_on >= since)
    if until is not None:
        conditions.append(Member.first_purchase_on <= until)
    return conditions


def _count(leaf: Leaf, context: Context) -> SQLColumnExpression[Any]:
    return count_of(purchases_of(leaf, context)) if leaf.options else Member.purchase_count


def _count_condition(leaf: Leaf, context: Context) -> ColumnElement[bool]:
    if not leaf.options:
        return compare(Member.purchase_count, leaf.operator, leaf.value)
    asked = counted(leaf, purchases_of(leaf, context))
    return _guarded(leaf, context, asked)


def _guarded(leaf: Leaf, context: Context, asked: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return a condition that reads the purchases only of whom the figures leave open.

    Who cannot have one has none: 0 then answers the question.
    """
    guard = and_(*_could_have(leaf, context))
    if _holds_for_zero(leaf):
        return or_(guard.is_not(True), asked)
    return and_(guard, asked)


def _holds_for_zero(leaf: Leaf) -> bool:
    low, high = leaf.value if isinstance(leaf.value, tuple) else (leaf.value, leaf.value)
    assert isinstance(low, int)
    assert isinstance(high, int)
    return {
        "is": low == 0,
        "is_not": low != 0,
        "at_least": low <= 0,
        "at_most": high >= 0,
        "more_than": low < 0,
        "less_than": high > 0,
        "between": low <= 0 <= high,
    }[leaf.operator]


def _sum(leaf: Leaf, context: Context) -> SQLColumnExpression[Any]:
    if not leaf.options:
        return Member.lifetime_twd
    rows, lines = _bought(leaf, context), _kept_lines(leaf)
    amount: ColumnElement[Any] = Purchase.paid_twd - Purchase.refunded_twd
    if lines:
        rows = rows.join(PurchaseLine, PurchaseLine.purchase_id == Purchase.id).where(*lines)
        kept = PurchaseLine.quantity - PurchaseLine.refunded_quantity
        amount = PurchaseLine.amount_twd * kept // PurchaseLine.quantity
    total = rows.with_only_columns(func.coalesce(func.sum(amount), 0), maintain_column_froms=True)
    return total.correlate(Member).scalar_subquery()


def _sum_condition(leaf: Leaf, context: Context) -> ColumnElement[bool]:
    asked = compare(_sum(leaf, context), leaf.operator, leaf.value)
    return _guarded(leaf, context, asked) if leaf.options else asked


def _average(leaf: Leaf, context: Context) -> ColumnElement[Any]:
    """Return the average net sale in whole NT$, rounded down; NULL without one."""
    if not leaf.options:
        return Member.lifetime_twd // func.nullif(Member.purchase_count, 0)
    net = Purchase.paid_twd - Purchase.refunded_twd
    average = purchases_of(leaf, context).with_only_columns(
        func.sum(net) // func.nullif(func.count(), 0), maintain_column_froms=True
    )
    return average.correlate(Member).scalar_subquery()


def _days_since(leaf: Leaf, context: Context) -> ColumnElement[Any]:
    if not leaf.options:
        return context.today - Member.last_purchase_on
    last = purchases_of(leaf, context).with_only_columns(
        func.max(Purchase.purchased_on), maintain_column_froms=True
    )
    return context.today - last.correlate(Member).scalar_subquery()


def _promo_percent(_leaf: Leaf, _context: Context) -> ColumnElement[Any]:
    return Member.promo_count * 100 // func.nullif(Member.purchase_count, 0)


def _only_on_promotion(leaf: Leaf, _context: Context) -> ColumnElement[bool]:
    least = leaf.option("min_orders") or USUAL_LEAST_ORDERS
    holds = and_(Member.purchase_count >= least, Member.promo_count == Member.purchase_count)
    return holds if leaf.value else not_(holds)


PURCHASES: tuple[Field, ...] = (
    Field(
        "purchases",
        "integer",
        "purchase",
        said("購買次數", "Number of purchases", "購入回数"),
        _count,
        _count_condition,
        options=_ALL,
        unit=TIMES,
        cost=HISTORY,
        excludes=_EXCLUDES,
    ),
    Field(
        "purchased_twd",
        "integer",
        "purchase",
        said("消費金額（扣退款）", "Amount bought (net)", "購入金額（返金控除後）"),
        _sum,
        _sum_condition,
        options=_ALL,
        unit=TWD,
        cost=HISTORY,
        excludes=_EXCLUDES,
    ),
    Field(
        "basket_twd",
        "integer",
        "purchase",
        said("平均客單價", "Average basket", "平均客単価"),
        _average,
        options=(*_WINDOW, *_PLACE),
        unit=TWD,
        cost=HISTORY,
        excludes=_EXCLUDES,
    ),
    Field(
        "purchase_days",
        "integer",
        "purchase",
        said("有消費的天數", "Days with a purchase", "購入した日数"),
        lambda _leaf, _context: Member.purchase_days,
        unit=DAYS,
    ),
    Field(
        "days_since_purchase",
        "integer",
        "purchase",
        said("距離上次購買", "Days since the last purchase", "前回購入からの日数"),
        _days_since,
        options=(*_ITEM, *_PLACE),
        unit=DAYS,
        cost=HISTORY,
    ),
    Field(
        "days_since_first_purchase",
        "integer",
        "purchase",
        said("距離首次購買", "Days since the first purchase", "初回購入からの日数"),
        lambda _leaf, context: context.today - Member.first_purchase_on,
        unit=DAYS,
    ),
    Field(
        "spend_365_twd",
        "integer",
        "purchase",
        said("近 365 天淨消費", "Net spend of the last 365 days", "直近 365 日の購入額"),
        lambda _leaf, _context: Member.spend_twd,
        unit=TWD,
        freshness="nightly",
    ),
    Field(
        "promo_percent",
        "integer",
        "purchase",
        said("用券或折扣的購買占比", "Share of purchases on promotion", "割引利用の購入割合"),
        _promo_percent,
        operators=NUMBER_OPERATORS,
        unit=PERCENT,
        maximum=100,
    ),
    Field(
        "buys_only_on_promotion",
        "boolean",
        "purchase",
        said("只在促銷時購買", "Buys only on promotion", "割引時のみ購入"),
        _promo_percent,
        _only_on_promotion,
        options=(
            Option(
                "min_orders",
                "integer",
                said("至少幾次購買", "With at least so many purchases", "最低購入回数"),
                said("至少買過 {} 次且", "with at least {} purchases", "{} 回以上購入し"),
                minimum=1,
            ),
        ),
    ),
)

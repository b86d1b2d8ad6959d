"""Baskets side by side (A-14): what an order of a channel, or another mark, is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ColumnElement, Text, case, cast, func, literal, select
from sqlalchemy.orm import Session

from models.analysis.scope import Scope, bought_within, buyers
from models.analysis.told import Note, Told
from models.lifecycle import check_day
from models.lifecycle.figures import is_here, net_by
from models.member import Member
from models.purchase.table import Purchase
from models.shop import Store

WINDOW_DAYS = 365
OWN = "own"
WITH, WITHOUT = "with", "without"


def _mark(condition: ColumnElement[bool]) -> ColumnElement[str]:
    return case((condition, literal(WITH)), else_=literal(WITHOUT))


MARKS: Mapping[str, ColumnElement[str]] = {
    "channel": cast(Purchase.channel, Text),
    "source": func.coalesce(Purchase.source, OWN),
    "store": cast(Store.code, Text),
    "coupon": _mark(Purchase.discount_twd > 0),
    "points": _mark(Purchase.points_used > 0),
    "line": _mark(Member.line_user_id.is_not(None)),
}
"""By what orders may be told apart; `source` is the system an order came from."""
MARK_NAMES: Mapping[str, dict[str, str]] = {
    "channel": {"zh-TW": "通路", "en": "channel", "ja": "チャネル"},
    "source": {"zh-TW": "訂單來源", "en": "source", "ja": "注文元"},
    "store": {"zh-TW": "門市", "en": "store", "ja": "店舗"},
    "coupon": {"zh-TW": "有無折扣", "en": "discount", "ja": "割引の有無"},
    "points": {"zh-TW": "有無折抵點數", "en": "points used", "ja": "ポイント利用の有無"},
    "line": {"zh-TW": "有無綁定 LINE", "en": "LINE bound", "ja": "LINE 連携の有無"},
}


@dataclass(frozen=True)
class Basket(Told):
    """The orders of one mark, and how large a basket is against those of all others."""

    mark: str
    orders: int
    net_twd: int
    basket_twd: float
    others_twd: float | None
    """The basket of all orders without the mark; None where there are none."""
    ratio: float | None
    """`basket_twd` ÷ `others_twd`."""


@dataclass(frozen=True)
class Baskets(Told):
    """The shop's average basket, and each mark's."""

    by: str
    orders: int
    net_twd: int
    basket_twd: float | None
    marks: tuple[Basket, ...]
    notes: tuple[Note, ...] = ()


def compare_baskets(by: str, rows: Sequence[tuple[str, int, int]]) -> Baskets:
    """Compare `rows`: mark, orders, and what they came to net of refunds; the larger basket first.

    No orders give no basket, and a mark without others no ratio.
    """
    orders = sum(count for _, count, _ in rows)
    net_twd = sum(net for _, _, net in rows)
    marks = sorted(
        (_basket(row, orders, net_twd) for row in rows),
        key=lambda basket: (-basket.basket_twd, basket.mark),
    )
    notes = list[Note]()
    if not orders:
        notes.append(Note("no_buyers"))
    elif len(rows) == 1:
        notes.append(Note("one_value"))
    return Baskets(
        by, orders, net_twd, net_twd / orders if orders else None, tuple(marks), tuple(notes)
    )


def _basket(row: tuple[str, int, int], all_orders: int, all_twd: int) -> Basket:
    mark, orders, net_twd = row
    basket_twd = net_twd / orders
    others = all_orders - orders
    others_twd = (all_twd - net_twd) / others if others else None
    ratio = basket_twd / others_twd if others_twd else None
    return Basket(mark, orders, net_twd, basket_twd, others_twd, ratio)


def read_baskets(session: Session, scope: Scope, now: datetime, by: str) -> Baskets:
    """Compare the shop's own orders by one of MARKS, in one statement.

    Raises DayNotYet or BeforeTheShopOpened.
    """
    check_day(session, scope.on, now)
    mark = MARKS[by].label("mark")
    asked = (
        select(mark, func.count(), cast(func.sum(net_by(scope.on)), BigInteger))
        .select_from(Purchase)
        .join(Member, Member.id == Purchase.member_id)
        .join(Store, Store.id == Purchase.store_id)
        .where(is_here(), bought_within(scope.on, scope.window_days))
        .group_by(mark)
    )
    if scope.fewest_orders > 1:
        who = buyers(session, scope, now)
        asked = asked.where(Purchase.member_id.in_(select(who.c.member_id)))
    return compare_baskets(by, session.execute(asked).all())


def average_basket(session: Session, scope: Scope, now: datetime) -> tuple[int, int]:
    """Return the orders of those looked at and what they came to, from the members' figures.

    Raises DayNotYet or BeforeTheShopOpened.
    """
    who = buyers(session, scope, now)
    orders, net_twd = session.execute(
        select(
            cast(func.coalesce(func.sum(who.c.orders), 0), BigInteger),
            cast(func.coalesce(func.sum(who.c.net_twd), 0), BigInteger),
        )
    ).one()
    return orders, net_twd

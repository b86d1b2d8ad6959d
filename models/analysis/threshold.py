"""Thresholds from the basket (C-02, C-03): the first a little above one, the second above k of it.

A threshold is a round number, so that people remember it: the roundest one that lies in a range,
where 1,000 is rounder than 500, and 500 than 100. Of several equally round ones it is the lowest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Integer, cast, func, select
from sqlalchemy.orm import Session

from models.analysis.refusals import ParameterRefused
from models.analysis.told import Told
from models.base import in_language
from models.catalogue import CatalogueItem

FIRST_PERCENTS = (105, 110)
"""The first threshold lies so far above the basket."""
SECOND_PERCENTS = (100, 105)
"""The second lies at k baskets, or a little above where that is rounder."""
LARGEST_TWD = 100_000_000
FEWEST_ORDERS, MOST_ORDERS = 2, 100
ROUND_STEPS = (5, 1)
MOST_ADD_ONS = 3
MOST_PIECES = 5
"""Of a cheap item so many are proposed together at most."""
ADD_ON_TEXT = {
    "zh-TW": "再買 NT${gap_twd:,} 升級",
    "en": "Spend NT${gap_twd:,} more to level up",
    "ja": "あと NT${gap_twd:,} でランクアップ",
}


@dataclass(frozen=True)
class AddOn(Told):
    """Something on the shelf that fills the gap: so many pieces of it come to `amount_twd`."""

    sku: str
    name: str
    pieces: int
    amount_twd: int


def roundest(low: int, high: int) -> int:
    """Return the roundest whole number from `low` to `high`, both within; the lowest of several."""
    unit = int(10 ** len(str(high)))
    while unit > 1:
        for step in (unit * nice // 10 for nice in (10, *ROUND_STEPS)):
            found = -(-low // step) * step
            if found <= high:
                return found
        unit //= 10
    return low


def first_threshold(basket_twd: int) -> int:
    """Return the threshold just above one average basket: the roundest of 5% to 10% more (C-02).

    A basket too small for that gets NT$1 more. Raises ParameterRefused below NT$1.
    """
    _check_basket(basket_twd)
    low, high = _range(basket_twd, FIRST_PERCENTS)
    return roundest(low, high) if low <= high else low


def second_threshold(basket_twd: int, orders: int) -> int:
    """Return the threshold at `orders` average baskets, or the roundest up to 5% above (C-03).

    Raises ParameterRefused for a basket below NT$1, or orders outside 2 to 100.
    """
    _check_basket(basket_twd)
    if not FEWEST_ORDERS <= orders <= MOST_ORDERS:
        raise ParameterRefused(name="orders", why=f"{FEWEST_ORDERS}–{MOST_ORDERS}")
    return roundest(*_range(basket_twd * orders, SECOND_PERCENTS))


def _check_basket(basket_twd: int) -> None:
    if not 0 < basket_twd <= LARGEST_TWD:
        raise ParameterRefused(name="basket_twd", why=f"1–{LARGEST_TWD}")


def _range(amount_twd: int, percents: tuple[int, int]) -> tuple[int, int]:
    return -(-amount_twd * percents[0] // 100), amount_twd * percents[1] // 100


def gap_text(gap_twd: int, language: str) -> str:
    """Return what a till says to a basket that lacks `gap_twd`: 再買 NT$100 升級."""
    return in_language(ADD_ON_TEXT, language).format(gap_twd=gap_twd)


def list_add_ons(session: Session, gap_twd: int) -> Sequence[AddOn]:
    """Return what can be had now and fills a gap, the closest to it first; one statement."""
    pieces = func.greatest(
        cast(func.ceil(cast(gap_twd, BigInteger) * 1.0 / CatalogueItem.price_twd), Integer), 1
    )
    amount_twd = pieces * CatalogueItem.price_twd
    rows = session.execute(
        select(CatalogueItem.sku, CatalogueItem.name, pieces, amount_twd)
        .where(
            CatalogueItem.price_twd > 0,
            CatalogueItem.is_available,
            CatalogueItem.archived_at.is_(None),
            pieces <= MOST_PIECES,
        )
        .order_by(amount_twd, pieces, CatalogueItem.sku)
        .limit(MOST_ADD_ONS)
    )
    return [AddOn(*row) for row in rows]

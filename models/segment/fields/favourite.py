"""What a member usually buys: item and category of the last 365 days, as of last night."""

from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute

from models.base import Texts, said
from models.favourite import MemberFavourite
from models.member import Member
from models.segment.field import LOOKUP, NIGHTLY, Context, Field, Leaf


def _usual(name: str, column: InstrumentedAttribute[Any], labels: Texts) -> Field:
    def fact(_leaf: Leaf, _context: Context) -> ColumnElement[Any]:
        found = select(column).where(MemberFavourite.member_id == Member.id)
        return found.correlate(Member).scalar_subquery()

    return Field(name, "text", "purchase", labels, fact, freshness=NIGHTLY, cost=LOOKUP)


FAVOURITE: tuple[Field, ...] = (
    _usual(
        "usual_item",
        MemberFavourite.sku,
        said("最常買的商品（SKU）", "Usual item (SKU)", "いつもの商品（SKU）"),
    ),
    _usual(
        "usual_category",
        MemberFavourite.category,
        said("最常買的類別", "Usual category", "いつものカテゴリー"),
    ),
)

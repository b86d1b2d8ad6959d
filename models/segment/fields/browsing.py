"""What members looked at in the web shop: only of those who allowed marketing, for 180 days."""

from typing import Any

from sqlalchemy import Select, select

from models.base import said
from models.browse_event import KEPT_DAYS, BrowseEvent
from models.local_day import day_start
from models.member import Member
from models.purchase.table import Purchase
from models.segment.field import LOOKUP, Context, Field, Leaf, Option
from models.segment.fields.asking import (
    TIMES,
    count_of,
    counted,
    days_back,
    fixed,
    values_of,
)

_KINDS = fixed(
    {
        "view": said("瀏覽", "viewed", "閲覧"),
        "cart": said("加入購物車", "put into the cart", "カートに追加"),
        "checkout": said("進入結帳", "went to the checkout", "購入手続き"),
        "search": said("搜尋", "searched", "検索"),
    }
)


def _looks(leaf: Leaf, context: Context) -> Select[Any]:
    rows = select(BrowseEvent.event_id).where(
        BrowseEvent.member_id == Member.id,
        BrowseEvent.occurred_at >= day_start(days_back(context, leaf.option("within_days"))),
    )
    for name, column in (
        ("kind", BrowseEvent.kind),
        ("sku", BrowseEvent.sku),
        ("category", BrowseEvent.category),
    ):
        if (asked := leaf.option(name)) is not None:
            rows = rows.where(column.in_(values_of(asked)))
    if leaf.option("not_bought_since"):
        rows = rows.where(~_bought_later())
    return rows


def _bought_later() -> Any:
    """Return the condition that a purchase that stands came after a look."""
    return (
        select(Purchase.id)
        .where(
            Purchase.member_id == BrowseEvent.member_id,
            Purchase.purchased_at >= BrowseEvent.occurred_at,
            Purchase.undone_at.is_(None),
        )
        .correlate(BrowseEvent)
        .exists()
    )


BROWSING: tuple[Field, ...] = (
    Field(
        "browsed",
        "integer",
        "browsing",
        said("網店瀏覽次數", "Looks in the web shop", "ウェブショップの閲覧回数"),
        lambda leaf, context: count_of(_looks(leaf, context)),
        lambda leaf, context: counted(leaf, _looks(leaf, context)),
        options=(
            Option(
                "within_days",
                "integer",
                said("最近幾天內", "Within days", "直近の日数"),
                said("近 {} 天", "in the last {} days", "直近 {} 日間の"),
                maximum=KEPT_DAYS,
                required=True,
            ),
            Option(
                "kind",
                "code",
                said("動作", "What they did", "行動"),
                said("「{}」", "({})", "「{}」の"),
                choices=_KINDS,
                many=True,
            ),
            Option(
                "sku",
                "text",
                said("商品", "Item (SKU)", "商品（SKU）"),
                said("商品「{}」", "of the item {}", "商品「{}」の"),
                many=True,
            ),
            Option(
                "category",
                "text",
                said("類別", "Category", "カテゴリー"),
                said("「{}」類", "of the category {}", "カテゴリー「{}」の"),
                many=True,
            ),
            Option(
                "not_bought_since",
                "boolean",
                said("之後沒有購買", "Nothing bought since", "その後の購入なし"),
                said("且之後未購買的", "with nothing bought since", "その後購入のない"),
            ),
        ),
        unit=TIMES,
        cost=LOOKUP,
    ),
)

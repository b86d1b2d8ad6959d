"""The catalogue: what the shop sells, each thing once by its `sku`, as till, web shop or file said.

It gives a sale's lines the name, category and cost that the asker left out, and tells what sells
best. An item is archived, never deleted: old sales name it.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import CheckConstraint, func, or_, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Moment, constraint_of
from models.local_day import local_day
from models.purchase.table import Purchase, PurchaseLine
from models.shop import Store

MOST_AT_ONCE = 500
LONGEST_SKU = 64
LONGEST_NAME = 200
LONGEST_URL = 1_000
"""What a LINE button may link to."""
LARGEST_PRICE_TWD = 10_000_000
BESTSELLER_DAYS = 30
BESTSELLERS = 5


class CatalogueItem(Base):
    """One thing the shop sells. `archived_at` takes it off the shelf; told again, it is back.

    `updated_at` is when anything of it last changed.
    """

    __tablename__ = "catalogue_item"
    __table_args__ = (
        CheckConstraint("price_twd >= 0 AND cost_twd >= 0", name="amounts_not_negative"),
        CheckConstraint("sku <> '' AND name <> ''", name="named"),
    )

    sku: Mapped[str] = mapped_column(primary_key=True)
    barcode: Mapped[str | None] = mapped_column(unique=True)
    name: Mapped[str]
    category: Mapped[str | None]
    price_twd: Mapped[int | None]
    cost_twd: Mapped[int | None]
    """What one of it costs the shop."""
    is_available: Mapped[bool] = mapped_column(default=True)
    """Whether it can be had now: what is out of stock is recommended to nobody."""
    link: Mapped[str | None]
    image_url: Mapped[str | None]
    updated_at: Mapped[Moment]
    archived_at: Mapped[datetime | None]


@dataclass(frozen=True)
class Item:
    """What somebody tells of an item. None leaves what is known; an empty text takes it away."""

    sku: str
    name: str
    barcode: str | None = None
    category: str | None = None
    price_twd: int | None = None
    cost_twd: int | None = None
    is_available: bool | None = None
    link: str | None = None
    image_url: str | None = None

    def check(self) -> None:
        """Raise ItemRefused where it makes no item."""
        for is_good, what in (
            (0 < len(self.sku) <= LONGEST_SKU and self.sku == self.sku.strip(), "sku"),
            (0 < len(self.name.strip()) <= LONGEST_NAME, "name"),
            (len(self.barcode or "") <= LONGEST_SKU, "barcode"),
            (len(self.category or "") <= LONGEST_NAME, "category"),
            (_is_amount(self.price_twd), "price_twd"),
            (_is_amount(self.cost_twd), "cost_twd"),
            (_is_url(self.link, ("https://", "http://")), "link"),
            (_is_url(self.image_url, ("https://",)), "image_url"),
        ):
            if not is_good:
                raise ItemRefused(sku=self.sku[:LONGEST_SKU], what=what)


@dataclass(frozen=True)
class Kept:
    """What an upsert came to."""

    new: int
    changed: int
    same: int


@dataclass(frozen=True)
class Bestseller:
    """An item that can be had, with how many were sold and kept."""

    item: CatalogueItem
    sold: int


class ItemRefused(BusinessError):
    """An item is misshapen; `what` names the field, or `twice` for one told twice in a batch."""

    code = "item_refused"


class TooManyItems(BusinessError):
    """A batch has more items than one statement takes."""

    code = "too_many_items"


class BarcodeTaken(BusinessError):
    """Another item has this barcode: a scan must never have to guess."""

    code = "barcode_taken"


class NoSuchItem(BusinessError):
    """The catalogue has no item with this sku."""

    code = "no_such_item"


def _is_amount(amount_twd: int | None) -> bool:
    return amount_twd is None or 0 <= amount_twd <= LARGEST_PRICE_TWD


def _is_url(url: str | None, schemes: tuple[str, ...]) -> bool:
    return not url or (url.startswith(schemes) and len(url) <= LONGEST_URL and " " not in url)


_CLEARED = ("barcode", "category", "link", "image_url")
"""Texts that may be taken away: an empty one says so."""
_KEPT = ("price_twd", "cost_twd")
_MERGED = {
    "name": "excluded.name",
    "is_available": "excluded.is_available",
    "archived_at": "CAST(NULL AS timestamptz)",
    **{name: f"nullif(coalesce(excluded.{name}, item.{name}), '')" for name in _CLEARED},
    **{name: f"coalesce(excluded.{name}, item.{name})" for name in _KEPT},
}
_SET = ", ".join(f"{name} = {merged}" for name, merged in _MERGED.items())
_OWN = ", ".join(f"item.{name}" for name in _MERGED)
_UPSERT = text(f"""
    INSERT INTO catalogue_item AS item (sku, name, {", ".join(_CLEARED + _KEPT)}, is_available,
        updated_at)
    SELECT told.sku, told.name,
        {
    ", ".join(
        f"CASE WHEN known.sku IS NULL THEN nullif(told.{name}, '') ELSE told.{name} END"
        for name in _CLEARED
    )
},
        {", ".join(f"told.{name}" for name in _KEPT)},
        coalesce(told.is_available, known.is_available, true), :now
    FROM json_to_recordset(CAST(:items AS json)) AS told (sku text, name text, barcode text,
        category text, price_twd int, cost_twd int, is_available boolean, link text,
        image_url text)
    LEFT JOIN catalogue_item AS known ON known.sku = told.sku
    ORDER BY told.sku
    ON CONFLICT (sku) DO UPDATE SET {_SET}, updated_at = excluded.updated_at
    WHERE ({_OWN}) IS DISTINCT FROM ({", ".join(_MERGED.values())})
    RETURNING xmax = 0 AS is_new
""")  # noqa: S608 - put together from constants
"""In order of the skus, so that two batches at once wait for each other instead of in a circle."""


def keep_items(session: Session, items: Sequence[Item], now: datetime) -> Kept:
    """Add items, or change those that are known; one statement for up to 500.

    What is told again unchanged is not written. Raises TooManyItems, ItemRefused, BarcodeTaken.
    """
    if len(items) > MOST_AT_ONCE:
        raise TooManyItems(most=MOST_AT_ONCE)
    if not items:
        return Kept(0, 0, 0)
    _check(items)
    told = json.dumps([asdict(item) | {"name": item.name.strip()} for item in items])
    try:
        with session.begin_nested():
            written = session.scalars(_UPSERT, {"items": told, "now": now}).all()
    except IntegrityError as error:
        if constraint_of(error) != "uq_catalogue_item_barcode":
            raise
        raise _taken(session, items) from error
    new = sum(written)
    return Kept(new, len(written) - new, len(items) - len(written))


def _check(items: Sequence[Item]) -> None:
    seen: set[str] = set()
    for item in items:
        item.check()
        if item.sku in seen:
            raise ItemRefused(sku=item.sku, what="twice")
        seen.add(item.sku)


def _taken(session: Session, items: Sequence[Item]) -> BarcodeTaken:
    """Say which barcode is in the way, be it of a known item or of another in the batch."""
    owners = dict(
        session.execute(
            select(CatalogueItem.barcode, CatalogueItem.sku).where(
                CatalogueItem.barcode.in_([item.barcode for item in items if item.barcode])
            )
        ).all()
    )
    for item in items:
        if item.barcode:
            owner = owners.setdefault(item.barcode, item.sku)
            if owner != item.sku:
                return BarcodeTaken(barcode=item.barcode, sku=item.sku, owner=owner)
    return BarcodeTaken()


def archive_item(session: Session, sku: str, now: datetime) -> None:
    """Take an item off the shelf; done before, nothing changes. Raises NoSuchItem."""
    known = session.scalar(
        update(CatalogueItem)
        .where(CatalogueItem.sku == sku)
        .values(
            archived_at=func.coalesce(CatalogueItem.archived_at, now),
            updated_at=func.coalesce(CatalogueItem.archived_at, now),
        )
        .returning(CatalogueItem.sku)
        .execution_options(synchronize_session=False)
    )
    if known is None:
        raise NoSuchItem


def find_item(session: Session, sku_or_barcode: str) -> CatalogueItem | None:
    """Return the item on the shelf with this sku, else with this barcode, or None."""
    return session.scalars(
        select(CatalogueItem)
        .where(
            or_(CatalogueItem.sku == sku_or_barcode, CatalogueItem.barcode == sku_or_barcode),
            CatalogueItem.archived_at.is_(None),
        )
        .order_by((CatalogueItem.sku == sku_or_barcode).desc())
        .limit(1)
    ).one_or_none()


def get_items(session: Session, skus: Collection[str]) -> dict[str, CatalogueItem]:
    """Return the items with these skus, archived ones too, by sku; unknown ones are left out."""
    found = session.scalars(select(CatalogueItem).where(CatalogueItem.sku.in_(skus)))
    return {item.sku: item for item in found}


def list_items(
    session: Session, *, after: str = "", limit: int, even_archived: bool = False
) -> Sequence[CatalogueItem]:
    """Return the next items in the order of their skus, after one of them."""
    asked = select(CatalogueItem).where(CatalogueItem.sku > after)
    if not even_archived:
        asked = asked.where(CatalogueItem.archived_at.is_(None))
    return session.scalars(asked.order_by(CatalogueItem.sku).limit(limit)).all()


def list_bestsellers(
    session: Session,
    now: datetime,
    *,
    days: int = BESTSELLER_DAYS,
    limit: int = BESTSELLERS,
) -> list[Bestseller]:
    """Return what sold best in the last `days` Taipei days and can be had now, the first first.

    Counted are pieces that were not returned; as many sold, the one with the smaller sku leads.
    """
    sold = func.sum(PurchaseLine.quantity - PurchaseLine.refunded_quantity)
    since = local_day(now) - timedelta(days=days - 1)
    rows = session.execute(
        select(CatalogueItem, sold)
        .join(PurchaseLine, PurchaseLine.sku == CatalogueItem.sku)
        .join(Purchase, Purchase.id == PurchaseLine.purchase_id)
        .join(Store, Store.id == Purchase.store_id)  # Its index knows a store's days.
        .where(
            Purchase.purchased_on >= since,
            Purchase.undone_at.is_(None),
            CatalogueItem.is_available,
            CatalogueItem.archived_at.is_(None),
        )
        .group_by(CatalogueItem.sku)
        .having(sold > 0)
        .order_by(sold.desc(), CatalogueItem.sku)
        .limit(limit)
    )
    return [Bestseller(item, int(count)) for item, count in rows]

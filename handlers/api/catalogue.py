"""The catalogue: what the shop sells, told in batches by its till or web shop (B-09)."""

from flask import g
from flask_openapi.blueprint import APIBlueprint

from handlers.api.cursors import read_cursor, write_cursor
from handlers.api.declaring import declare
from handlers.api.schemas.catalogue import (
    BestsellersTold,
    BestsellerTold,
    ItemPath,
    ItemsAsked,
    ItemsKept,
    ItemsPage,
    ItemsQuery,
    ItemTold,
)
from handlers.api.tags import CATALOGUE
from models.api_key import READ_PURCHASES, WRITE_CATALOGUE
from models.catalogue import (
    BarcodeTaken,
    CatalogueItem,
    ItemRefused,
    NoSuchItem,
    archive_item,
    get_items,
    keep_items,
    list_bestsellers,
    list_items,
)

LIST = "catalogue"


def keep_catalogue_items(body: ItemsAsked) -> ItemsKept:
    """Add items, or change those that are known by their `sku`.

    All of them or none. What is left out of a known item stays as it is, so that a web shop may
    tell prices and another system costs.
    """
    kept = keep_items(g.session, [item.item() for item in body.items], g.now)
    return ItemsKept(new=kept.new, changed=kept.changed, same=kept.same)


def list_catalogue_items(query: ItemsQuery) -> ItemsPage:
    """List the items on the shelf, in the order of their skus."""
    last = read_cursor(LIST, query.cursor)
    items = list_items(g.session, after=last[0] if last else "", limit=query.limit + 1)
    shown = items[: query.limit]
    return ItemsPage(
        items=[tell_item(item) for item in shown],
        next=write_cursor(LIST, shown[-1].sku) if len(items) > len(shown) else None,
    )


def get_catalogue_item(path: ItemPath) -> ItemTold:
    """Read an item by its sku, also one that is archived."""
    return _told(path.sku)


def archive_catalogue_item(path: ItemPath) -> ItemTold:
    """Take an item off the shelf; telling it again puts it back."""
    archive_item(g.session, path.sku, g.now)
    g.session.expire_all()
    return _told(path.sku)


def get_bestsellers() -> BestsellersTold:
    """List the five items that sold best in 30 days and can be had now (A-07)."""
    return BestsellersTold(
        items=[
            BestsellerTold(item=tell_item(each.item), sold=each.sold)
            for each in list_bestsellers(g.session, g.now)
        ]
    )


def tell_item(item: CatalogueItem) -> ItemTold:
    """Return an item as it is told."""
    return ItemTold(
        sku=item.sku,
        name=item.name,
        barcode=item.barcode,
        category=item.category,
        price_twd=item.price_twd,
        cost_twd=item.cost_twd,
        is_available=item.is_available,
        link=item.link,
        image_url=item.image_url,
        is_archived=item.archived_at is not None,
        updated_at=item.updated_at,
    )


def _told(sku: str) -> ItemTold:
    found = get_items(g.session, [sku]).get(sku)
    if found is None:
        raise NoSuchItem
    return tell_item(found)


def add_routes(blueprint: APIBlueprint) -> None:
    """Add the catalogue's addresses."""
    declare(
        blueprint,
        "PUT",
        "/catalogue/items",
        keep_catalogue_items,
        tag=CATALOGUE,
        scope=WRITE_CATALOGUE,
        answers={200: ItemsKept},
        refusals=(ItemRefused, BarcodeTaken),
    )
    declare(
        blueprint,
        "GET",
        "/catalogue/items",
        list_catalogue_items,
        tag=CATALOGUE,
        scope=WRITE_CATALOGUE,
        answers={200: ItemsPage},
        refusals=("bad_cursor",),
    )
    declare(
        blueprint,
        "GET",
        "/catalogue/items/<path:sku>",
        get_catalogue_item,
        tag=CATALOGUE,
        scope=WRITE_CATALOGUE,
        answers={200: ItemTold},
        refusals=(NoSuchItem,),
    )
    declare(
        blueprint,
        "DELETE",
        "/catalogue/items/<path:sku>",
        archive_catalogue_item,
        tag=CATALOGUE,
        scope=WRITE_CATALOGUE,
        answers={200: ItemTold},
        refusals=(NoSuchItem,),
    )
    declare(
        blueprint,
        "GET",
        "/catalogue/bestsellers",
        get_bestsellers,
        tag=CATALOGUE,
        scope=(READ_PURCHASES, WRITE_CATALOGUE),
        answers={200: BestsellersTold},
    )

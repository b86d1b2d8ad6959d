"""Catalogue items, as they are told to us and by us."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StrictBool, StringConstraints
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from handlers.api.schemas.base import (
    Asked,
    LongText,
    Moment,
    Page,
    PageAsked,
    Text,
    Told,
    WholeNumber,
)
from models.catalogue import LARGEST_PRICE_TWD, LONGEST_SKU, MOST_AT_ONCE, Item

EXAMPLE: JsonDict = {
    "sku": "MT-L",
    "name": "珍珠鮮奶茶（大）",
    "barcode": "4710000000017",
    "category": "鮮奶茶",
    "price_twd": 75,
    "cost_twd": 24,
    "is_available": True,
    "link": "https://shop.example/tea/mt-l",
    "image_url": "https://shop.example/tea/mt-l.jpg",
}

Sku = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_SKU, pattern=r"^[^\x00]*$"),
    Field(description="Your own code of the item.", examples=["MT-L"]),
]
Price = Annotated[WholeNumber, Field(ge=0, le=LARGEST_PRICE_TWD)]
Empty = Literal[""]


class ItemAsked(Asked):
    """An item. What is left out stays as it is; an empty text takes it away."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    sku: Sku
    name: Text
    barcode: Sku | Empty | SkipJsonSchema[None] = None
    category: Annotated[
        Text | Empty | SkipJsonSchema[None], Field(description="Earn rules and stamps go by it.")
    ] = None
    price_twd: Price | SkipJsonSchema[None] = None
    cost_twd: Annotated[
        Price | SkipJsonSchema[None], Field(description="What one of it costs the shop.")
    ] = None
    is_available: Annotated[
        StrictBool | SkipJsonSchema[None],
        Field(description="Whether it can be had; true for a new item."),
    ] = None
    link: LongText | Empty | SkipJsonSchema[None] = None
    image_url: Annotated[
        LongText | Empty | SkipJsonSchema[None], Field(description="https:// only, as LINE asks.")
    ] = None

    def item(self) -> Item:
        """Return it as the catalogue takes it."""
        return Item(**self.model_dump())


class ItemsAsked(Asked):
    """Up to 500 items."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [EXAMPLE]}]})

    items: Annotated[list[ItemAsked], Field(min_length=1, max_length=MOST_AT_ONCE)]


class ItemsKept(Told):
    """What came of it."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"new": 1, "changed": 0, "same": 0}]})

    new: int
    changed: int
    same: Annotated[int, Field(description="Told again as they were.")]


class ItemPath(Asked):
    """An item in an address."""

    sku: Sku


class ItemTold(Told):
    """An item as it stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                EXAMPLE | {"is_archived": False, "updated_at": "2026-11-22T12:00:00+08:00"}
            ]
        }
    )

    sku: str
    name: str
    barcode: str | None
    category: str | None
    price_twd: int | None
    cost_twd: int | None
    is_available: bool
    link: str | None
    image_url: str | None
    is_archived: Annotated[bool, Field(description="Off the shelf; told again, it is back.")]
    updated_at: Moment


class ItemsPage(Page):
    """Items in the order of their skus."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        EXAMPLE | {"is_archived": False, "updated_at": "2026-11-22T12:00:00+08:00"}
                    ],
                    "next": None,
                }
            ]
        }
    )

    items: list[ItemTold]


class ItemsQuery(PageAsked):
    """Which items."""


class BestsellerTold(Told):
    """An item that can be had, and how many were sold and kept."""

    item: ItemTold
    sold: int


class BestsellersTold(Told):
    """What sold best, the first first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "items": [
                        {
                            "item": EXAMPLE
                            | {"is_archived": False, "updated_at": "2026-11-22T12:00:00+08:00"},
                            "sold": 412,
                        }
                    ]
                }
            ]
        }
    )

    items: list[BestsellerTold]

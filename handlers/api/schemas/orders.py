"""Orders of web shops, as they are told to us and by us."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from handlers.api.schemas.base import Asked, Id, Moment, Text, Told, WholeNumber
from handlers.api.schemas.events import Source
from handlers.api.schemas.members import NUMBER, Who
from handlers.api.schemas.purchases import (
    MOST_COUPONS,
    MOST_LINES,
    Amount,
    LineAsked,
    PurchaseBrief,
)

Status = Literal["paid", "cancelled", "refunded"]
OrderReference = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128, pattern=r"^[!-\-0-~][!-.0-~]*$"),
    Field(
        description="The order's number in your system: printable ASCII without `/` or blanks.",
        examples=["S-1001"],
    ),
]
PURCHASE: JsonDict = {
    "id": 1043,
    "member_number": NUMBER,
    "store": "WEB",
    "channel": "web",
    "sold_at": "2026-11-22T11:40:00+08:00",
    "amount_twd": 1080,
    "discount_twd": 130,
    "points_used": 0,
    "paid_twd": 950,
    "refunded_twd": 0,
    "net_twd": 950,
    "points_earned": 9,
    "source": "shopline",
    "source_ref": "S-1001",
    "is_undone": False,
}


class CartAsked(Asked):
    """What is in a cart, and what of the member's pays for it."""

    member: Who
    amount_twd: Annotated[
        WholeNumber, Field(ge=1, description="Goods and shipping, before anything is taken off.")
    ]
    shipping_twd: Annotated[Amount, Field(description="What of it is shipping.")] = 0
    lines: Annotated[
        list[LineAsked],
        Field(
            default_factory=list,
            max_length=MOST_LINES,
            description="The items, where they are told; with the shipping they are the amount.",
        ),
    ]
    coupons: Annotated[
        list[Id],
        Field(
            default_factory=list,
            max_length=MOST_COUPONS,
            description="Ids of the member's coupons to use.",
        ),
    ]
    points_to_use: Annotated[
        WholeNumber, Field(ge=0, description="So many points pay, at the shop's rate.")
    ] = 0

    @model_validator(mode="after")
    def _shipping_is_a_part(self) -> Self:
        if self.shipping_twd >= self.amount_twd:
            raise ValueError("shipping_twd is a part of amount_twd")
        return self


class OrderPreviewAsked(CartAsked):
    """A cart about to be paid."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"member": {"number": NUMBER}, "amount_twd": 1080, "shipping_twd": 80}]
        }
    )


class OrderAsked(CartAsked):
    """An order that was paid."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source": "shopline",
                    "reference": "S-1001",
                    "member": {"phone": "0912345678"},
                    "amount_twd": 1080,
                    "shipping_twd": 80,
                    "paid_twd": 950,
                    "lines": [{"sku": "TEA-150", "quantity": 2, "amount_twd": 1000}],
                    "ordered_at": "2026-11-22T11:40:00+08:00",
                }
            ]
        }
    )

    source: Source
    reference: OrderReference
    paid_twd: Annotated[
        Amount | SkipJsonSchema[None],
        Field(
            description="What was paid in money. What it leaves beside coupons and points is your"
            " own discount. Left out, it is reckoned as in the preview."
        ),
    ] = None
    shipping_waived: Annotated[
        bool,
        Field(
            strict=True,
            description="Whether you waived the shipping because the preview said so; it uses up"
            " one of the member's of the month.",
        ),
    ] = False
    ordered_at: Annotated[
        Moment | SkipJsonSchema[None],
        Field(description="Up to seven days ago. Older orders come by file."),
    ] = None


class OrderPath(Asked):
    """An order in an address."""

    source: Source
    reference: OrderReference


class OrderChange(Asked):
    """What became of an order."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"status": "refunded", "refunded_twd": 300}]}
    )

    status: Status
    refunded_twd: Annotated[
        Amount | SkipJsonSchema[None],
        Field(
            description="With `refunded`: the sum of all that was given back, not the last step."
            " Left out: all of it."
        ),
    ] = None
    reason: Text | SkipJsonSchema[None] = None

    @model_validator(mode="after")
    def _sum_of_refunds(self) -> Self:
        if self.refunded_twd is not None and self.status != "refunded":
            raise ValueError("refunded_twd goes with the status refunded")
        return self


class OrderTold(Told):
    """An order as it stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "source": "shopline",
                    "reference": "S-1001",
                    "status": "paid",
                    "shipping_twd": 80,
                    "shipping_waived": False,
                    "purchase": PURCHASE,
                }
            ]
        }
    )

    source: str
    reference: str
    status: Status
    shipping_twd: Annotated[
        int | None, Field(description="Null where only a till or a file told of the order.")
    ]
    shipping_waived: bool
    purchase: Annotated[
        PurchaseBrief | None,
        Field(description="What it counts as; null where it was called off before it counted."),
    ]


class OrderPreviewTold(Told):
    """What an order would come to; no promise: a coupon may be used meanwhile."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ships_free": True,
                    "amount_twd": 1000,
                    "discount_twd": 50,
                    "member_discount_twd": 50,
                    "points_used": 0,
                    "points_twd": 0,
                    "paid_twd": 950,
                    "points_earned": 9,
                    "most_points": 120,
                }
            ]
        }
    )

    ships_free: Annotated[
        bool,
        Field(
            description="Whether tier or plan send it free: the amount is then without shipping."
            " Say `shipping_waived` with the order."
        ),
    ]
    amount_twd: int
    discount_twd: int
    member_discount_twd: Annotated[int, Field(description="What of it tier or plan take off.")]
    points_used: int
    points_twd: int
    paid_twd: int
    points_earned: int
    most_points: Annotated[int, Field(description="So many points could pay.")]

"""Sales as a till reports them, what they come to, and what of them is taken back."""

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from handlers.api.schemas.base import (
    Asked,
    Code,
    Id,
    Moment,
    Page,
    PageAsked,
    PathId,
    Text,
    Told,
    WholeNumber,
)
from handlers.api.schemas.members import NUMBER, MemberNumber, Who

MOST_LINES = 200
MOST_COUPONS = 20

Amount = Annotated[WholeNumber, Field(ge=0, description="Whole NT$.")]
Username = Annotated[
    str,
    StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]+$"),
    Field(description="The login of the person at the till, where it is known.", examples=["amy"]),
]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00]+$")]
StoreCode = Annotated[
    str,
    StringConstraints(min_length=1, max_length=40, pattern=r"^[^\x00]+$"),
    Field(description="The store's code. A key knows its store, and refuses another."),
]


class LineAsked(Asked):
    """One item of a sale."""

    name: Annotated[
        str,
        StringConstraints(max_length=200, pattern=r"^[^\x00]*$"),
        Field(description="May be left empty where the catalogue knows the `sku`."),
    ] = ""
    sku: Text | None = None
    category: Text | None = None
    quantity: Annotated[WholeNumber, Field(ge=1, le=10_000)] = 1
    amount_twd: Annotated[
        WholeNumber, Field(ge=0, description="What all of them cost, before discounts, in NT$.")
    ]
    cost_twd: Annotated[
        WholeNumber | None, Field(ge=0, description="What all of them cost the shop.")
    ] = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        if not self.name and self.sku is None:
            raise ValueError("a name or a sku is needed")
        return self


class BasketAsked(Asked):
    """What is bought, and what of the member's pays for it."""

    member: Who
    amount_twd: Annotated[
        WholeNumber, Field(ge=1, description="Before coupons and points, in NT$.")
    ]
    lines: Annotated[
        list[LineAsked],
        Field(
            default_factory=list,
            max_length=MOST_LINES,
            description="The items, where the till knows them; together they come to `amount_twd`.",
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
    sold_at: Annotated[
        Moment | None,
        Field(description="When it happened, where that was before: up to seven days."),
    ] = None
    store: StoreCode | None = None
    clerk: Username | None = None


class PreviewAsked(BasketAsked):
    """A basket that is not sold yet."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"member": {"number": NUMBER}, "amount_twd": 165}]}
    )


class PurchaseAsked(BasketAsked):
    """A sale as the till reports it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "member": {"number": NUMBER},
                    "amount_twd": 165,
                    "lines": [
                        {
                            "name": "珍珠奶茶",
                            "category": "milk-tea",
                            "amount_twd": 110,
                            "quantity": 2,
                        },
                        {"name": "四季春", "amount_twd": 55},
                    ],
                    "source": "pos-3",
                    "source_ref": "2026-11-22-000123",
                }
            ]
        }
    )

    source: Annotated[
        Reference | None,
        Field(description="Your system's name; with `source_ref` an order counts once."),
    ] = None
    source_ref: Annotated[Reference | None, Field(description="The sale's number there.")] = None
    approval_code: Annotated[
        Text | None, Field(description="A manager's code, where `approval_needed` was answered.")
    ] = None

    @model_validator(mode="after")
    def _source_is_whole(self) -> Self:
        if (self.source is None) != (self.source_ref is None):
            raise ValueError("source and source_ref come together")
        return self


class StampTold(Told):
    """What a sale does to one stamp card."""

    name: str
    added: int
    stamps: Annotated[int, Field(description="On the card afterwards.")]
    size: int
    reward: Annotated[str | None, Field(description="What a card that was filled gives.")]


class SaleFigures(Told):
    """What a sale comes to."""

    amount_twd: int
    discount_twd: Annotated[int, Field(description="Coupons, and what tier or plan take off.")]
    member_discount_twd: Annotated[int, Field(description="What of it tier or plan take off.")]
    points_used: int
    points_twd: Annotated[int, Field(description="What the points pay.")]
    paid_twd: Annotated[int, Field(description="What is left to pay in money.")]
    points_earned: int
    stamps: list[StampTold]
    tier: Annotated[Code, Field(description="The tier after the sale.")]
    upgraded: Annotated[bool, Field(description="Whether the sale lifts the member into it.")]
    warnings: Annotated[
        list[str], Field(description="Limits of pace that were reached; the sale is good.")
    ]


class CouponEffect(Told):
    """What a coupon does to a basket, or why it does nothing."""

    id: Id
    name: str
    discount_twd: int
    refusal: Annotated[
        str | None, Field(description="The code of the problem, where it cannot be used.")
    ]
    facts: dict[str, Any] | None


_FIGURES: JsonDict = {
    "amount_twd": 165,
    "discount_twd": 0,
    "member_discount_twd": 0,
    "points_used": 0,
    "points_twd": 0,
    "paid_twd": 165,
    "points_earned": 1,
    "stamps": [{"name": "好茶集點", "added": 1, "stamps": 4, "size": 10, "reward": None}],
    "tier": {"code": "silver", "name": "銀卡會員"},
    "upgraded": False,
    "warnings": [],
}


class PreviewTold(SaleFigures):
    """What recording the basket now would bring; no promise: a coupon may be used meanwhile."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                _FIGURES
                | {
                    "most_points": 120,
                    "needs_approval": False,
                    "coupons": [],
                    "offers": [
                        {
                            "id": 31,
                            "name": "生日禮 50 元",
                            "discount_twd": 50,
                            "refusal": None,
                            "facts": None,
                        }
                    ],
                }
            ]
        }
    )

    most_points: Annotated[int, Field(description="So many points could pay.")]
    needs_approval: Annotated[
        bool, Field(description="Whether recording it would ask for a manager; `warnings` say why.")
    ]
    coupons: Annotated[
        list[CouponEffect], Field(description="The coupons asked for, together in this sale.")
    ]
    offers: Annotated[
        list[CouponEffect], Field(description="All the member could use, each by itself.")
    ]


class PurchaseMade(SaleFigures):
    """A recorded sale."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                _FIGURES
                | {
                    "id": 1042,
                    "member_number": NUMBER,
                    "sold_at": "2026-11-22T12:00:00+08:00",
                    "points_balance": 121,
                    "points_usable_on": None,
                }
            ]
        }
    )

    id: Id
    member_number: MemberNumber
    sold_at: Moment
    points_balance: int
    points_usable_on: Annotated[
        str | None, Field(description="The day the points can be spent from; null: now.")
    ]


class LineTold(Told):
    """One item of a purchase."""

    line_no: int
    name: str
    sku: str | None
    category: str | None
    quantity: int
    amount_twd: int
    refunded_quantity: int


class RefundTold(Told):
    """One taking back."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 88,
                    "purchase_id": 1042,
                    "amount_twd": 55,
                    "is_full": False,
                    "lines": [{"line_no": 2, "quantity": 1}],
                    "reason": "客人不要了",
                    "points_taken": 0,
                    "points_given_back": 0,
                    "left_twd": 110,
                    "refunded_at": "2026-11-22T12:30:00+08:00",
                }
            ]
        }
    )

    id: Id
    purchase_id: Id
    amount_twd: int
    is_full: Annotated[bool, Field(description="Whether nothing of the purchase is left.")]
    lines: list["LineReturned"] | None
    reason: str
    points_taken: Annotated[int, Field(description="Earned points taken back.")]
    points_given_back: Annotated[int, Field(description="Points that had paid, given back.")]
    left_twd: Annotated[int | None, Field(description="What the purchase counts for after it.")]
    refunded_at: Moment


class LineReturned(Asked):
    """So many of one item."""

    line_no: Annotated[WholeNumber, Field(ge=1, le=MOST_LINES)]
    quantity: Annotated[WholeNumber, Field(ge=1, le=10_000)]


class PurchaseBrief(Told):
    """A purchase in a list."""

    id: Id
    member_number: MemberNumber
    store: str
    channel: str
    sold_at: Moment
    amount_twd: int
    discount_twd: int
    points_used: int
    paid_twd: int
    refunded_twd: int
    net_twd: Annotated[int, Field(description="What it still counts for.")]
    points_earned: int
    source: str | None
    source_ref: str | None
    is_undone: Annotated[bool, Field(description="Whether all of it was taken back.")]


_BRIEF: JsonDict = {
    "id": 1042,
    "member_number": NUMBER,
    "store": "TP01",
    "channel": "till",
    "sold_at": "2026-11-22T12:00:00+08:00",
    "amount_twd": 165,
    "discount_twd": 0,
    "points_used": 0,
    "paid_twd": 165,
    "refunded_twd": 0,
    "net_twd": 165,
    "points_earned": 1,
    "source": "pos-3",
    "source_ref": "2026-11-22-000123",
    "is_undone": False,
}


class PurchaseTold(PurchaseBrief):
    """A purchase with its items and refunds."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                _BRIEF
                | {
                    "member_name": "王○明",
                    "clerk": "小安",
                    "coupons": [],
                    "lines": [
                        {
                            "line_no": 1,
                            "name": "珍珠奶茶",
                            "sku": None,
                            "category": "milk-tea",
                            "quantity": 2,
                            "amount_twd": 110,
                            "refunded_quantity": 0,
                        }
                    ],
                    "refunds": [],
                }
            ]
        }
    )

    member_name: Annotated[str, Field(description="Masked.")]
    clerk: Annotated[str | None, Field(description="Who sold it, where that is known.")]
    coupons: Annotated[list[str], Field(description="Names of the coupons used.")]
    lines: list[LineTold]
    refunds: list[RefundTold]


class PurchasePath(Asked):
    """A purchase in an address."""

    purchase_id: Annotated[PathId, Field(examples=[1042])]


class PurchasesAsked(PageAsked):
    """Which purchases of the key's store to list, the newest first."""

    member: MemberNumber | SkipJsonSchema[None] = None
    since: Annotated[
        Moment | SkipJsonSchema[None], Field(description="Sold at this moment or later.")
    ] = None


class PurchasesTold(Page):
    """Purchases, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_BRIEF], "next": None}]})

    items: list[PurchaseBrief]


class RefundsTold(Told):
    """All refunds of a purchase, the oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": []}]})

    items: list[RefundTold]


class RefundAsked(Asked):
    """What goes back: an amount, some items, or, with neither, all that is left."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"lines": [{"line_no": 2, "quantity": 1}], "reason": "客人不要了"}]
        }
    )

    reason: Text
    amount_twd: Annotated[WholeNumber | None, Field(ge=1)] = None
    lines: Annotated[list[LineReturned], Field(default_factory=list, max_length=MOST_LINES)]
    clerk: Username | None = None

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if self.amount_twd is not None and self.lines:
            raise ValueError("either amount_twd or lines")
        return self

"""Coupons of members, and their uses."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic.config import JsonDict
from pydantic.json_schema import SkipJsonSchema

from handlers.api.schemas.base import Asked, Id, Moment, Page, PageAsked, PathId, Told
from handlers.api.schemas.members import NUMBER, MemberNumber
from handlers.api.schemas.purchases import Username

State = Literal["usable", "later", "locked", "used", "expired", "void"]
WAYS = ("id", "code")
COUPON: JsonDict = {
    "id": 31,
    "name": "任一飲品一杯",
    "value": "免費一杯",
    "description": "集滿一張集點卡的回饋。",
    "kind": "gift",
    "state": "usable",
    "min_spend_twd": 0,
    "needs_sale": False,
    "usable_from": "2026-11-20T00:00:00+08:00",
    "expires_at": "2026-12-21T00:00:00+08:00",
}

CouponCode = Annotated[
    str,
    StringConstraints(min_length=1, max_length=40, pattern=r"^[\x20-\x7e]+$"),
    Field(description="As its QR code says it (`C:…`), or as it stands below it."),
]


class MemberCouponTold(Told):
    """A member's coupon."""

    model_config = ConfigDict(json_schema_extra={"examples": [COUPON]})

    id: Id
    name: str
    value: Annotated[str, Field(description="The benefit in a few characters.")]
    description: str
    kind: Annotated[str, Field(description="`amount`, `percent`, `item`, `gift`, …")]
    state: State
    min_spend_twd: int
    needs_sale: Annotated[
        bool, Field(description="Whether it lowers an amount, and so cannot be redeemed alone.")
    ]
    usable_from: Moment
    expires_at: Annotated[Moment, Field(description="The first moment it is over.")]


class CouponsPage(Page):
    """A member's coupons, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [COUPON], "next": None}]})

    items: list[MemberCouponTold]


class CouponsQuery(PageAsked):
    """Which coupons."""


class CouponAsked(Asked):
    """A coupon, said by its id or by its code."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [way]} for way in WAYS],
            "examples": [{"code": "C:7KQM2XWB94TD"}],
        }
    )

    id: Id | SkipJsonSchema[None] = None
    code: CouponCode | SkipJsonSchema[None] = None

    @model_validator(mode="before")
    @classmethod
    def _one_way(cls, told: Any) -> Any:
        if isinstance(told, dict) and [told.get(way) is None for way in told].count(False) != 1:
            raise ValueError("exactly one of id and code is needed")
        return told


class RedemptionAsked(Asked):
    """A coupon that is used up without a sale: a free item, a gift."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"coupon": {"code": "C:7KQM2XWB94TD"}}]}
    )

    coupon: CouponAsked
    clerk: Username | SkipJsonSchema[None] = None


class RedemptionPath(Asked):
    """A use in an address."""

    redemption_id: Annotated[PathId, Field(examples=[901])]


class RedemptionTold(Told):
    """A use of a coupon."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 901,
                    "member_number": NUMBER,
                    "coupon": COUPON | {"state": "used"},
                    "redeemed_at": "2026-11-22T12:00:00+08:00",
                    "cancelled_at": None,
                }
            ]
        }
    )

    id: Id
    member_number: MemberNumber
    coupon: MemberCouponTold
    redeemed_at: Moment
    cancelled_at: Moment | None

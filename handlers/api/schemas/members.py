"""Members, as a till asks for them and is told of them."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_validator
from pydantic.json_schema import SkipJsonSchema

from handlers.api.schemas.base import Asked, Code, Id, Moment, Told

NUMBER = "820104417"
WAYS = ("code", "number", "phone")

MemberNumber = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{9}$"),
    Field(description="The member's number, nine digits.", examples=[NUMBER]),
]
MemberCode = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300, pattern=r"^[\x20-\x7e]+$"),
    Field(description="What the QR code of the member's card says; good for a minute."),
]
Phone = Annotated[
    str,
    StringConstraints(min_length=1, max_length=40, pattern=r"^[0-9+() -]+$"),
    Field(description="A Taiwanese mobile number, however it is written.", examples=["0912345678"]),
]


class MemberPath(Asked):
    """A member in an address."""

    number: MemberNumber


class Who(Asked):
    """A member, said in exactly one way: scanned code, number, or phone."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [way]} for way in WAYS],
            "examples": [{"number": NUMBER}],
        }
    )

    code: MemberCode | SkipJsonSchema[None] = None
    number: MemberNumber | SkipJsonSchema[None] = None
    phone: Phone | SkipJsonSchema[None] = None

    @model_validator(mode="before")
    @classmethod
    def _one_way(cls, told: Any) -> Any:
        if isinstance(told, dict) and [told.get(way) is None for way in told].count(False) != 1:
            raise ValueError("exactly one of code, number and phone is needed")
        return told


class CouponTold(Told):
    """A coupon the member can use now."""

    id: Id
    name: str
    kind: Annotated[str, Field(description="`amount`, `percent`, `item`, `gift`, …")]
    min_spend_twd: int
    expires_at: Moment


class MemberTold(Told):
    """A member. The name is masked unless the key has the scope `members:read`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": NUMBER,
                    "name": "王○明",
                    "is_name_masked": True,
                    "phone": "0912-***-678",
                    "tier": {"code": "silver", "name": "銀卡會員"},
                    "points": 120,
                    "points_pending": 0,
                    "is_frozen": False,
                    "joined_at": "2026-01-05T14:20:00+08:00",
                    "coupons": [
                        {
                            "id": 31,
                            "name": "生日禮 50 元",
                            "kind": "amount",
                            "min_spend_twd": 0,
                            "expires_at": "2026-12-31T00:00:00+08:00",
                        }
                    ],
                }
            ]
        }
    )

    number: MemberNumber
    name: str
    is_name_masked: bool
    phone: Annotated[str | None, Field(description="With its middle hidden.")]
    tier: Code
    points: Annotated[int, Field(description="What can be spent; below zero only as a debt.")]
    points_pending: Annotated[int, Field(description="Earned, spendable after the return window.")]
    is_frozen: Annotated[bool, Field(description="Whether nothing may be spent from the card.")]
    joined_at: Moment
    coupons: Annotated[list[CouponTold], Field(description="What can be used now.")]


class TierRule(Told):
    """The version of the rules the tier is judged by."""

    basis: Annotated[str, Field(description="What counts: `rolling_365`, `calendar_year`, …")]
    version: int
    effective_on: date


class TierFigures(Told):
    """The member's running figures."""

    spend_twd: Annotated[int, Field(description="Net spend of the last 365 days.")]
    year_twd: int
    lifetime_twd: int
    tier_points: int
    measured: Annotated[int | None, Field(description="The metric or score, where one decides.")]


class ToKeep(Told):
    """What keeps the tier."""

    gap: int
    by: Annotated[date, Field(description="The last day that counts.")]


class NextTier(Told):
    """The tier above, and how far it is."""

    tier: str
    threshold: int | None
    gap: int | None
    percent: int | None
    holds_through: Annotated[
        date | None, Field(description="The last day on which the gap is still this one.")
    ]


class ScorePartTold(Told):
    """One part of a score."""

    model_config = ConfigDict(extra="allow")


class TierChangeTold(Told):
    """One move between tiers."""

    at: Moment
    reason: str


class TierTold(Told):
    """Why a member stands where they stand: rule, figures, gap, deadlines, reasons."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "tier": "silver",
                    "tier_name": "銀卡會員",
                    "rule": {"basis": "rolling_365", "version": 1, "effective_on": "2026-01-01"},
                    "as_of": "2026-11-22",
                    "figures": {
                        "spend_twd": 8000,
                        "year_twd": 8000,
                        "lifetime_twd": 8000,
                        "tier_points": 0,
                        "measured": None,
                    },
                    "value": 8000,
                    "threshold": 5000,
                    "given_by": None,
                    "kept_until": "2027-11-21",
                    "to_keep": {"gap": 0, "by": "2027-11-21"},
                    "next": {
                        "tier": "gold",
                        "threshold": 15000,
                        "gap": 7000,
                        "percent": 53,
                        "holds_through": "2027-01-04",
                    },
                    "parts": [],
                    "changes": [{"at": "2026-11-22T12:00:00+08:00", "reason": "近 365 天淨消費"}],
                }
            ]
        }
    )

    tier: str
    tier_name: str
    rule: TierRule
    as_of: date
    figures: TierFigures
    value: int
    threshold: Annotated[int, Field(description="What the present tier asks for; 0 on the lowest.")]
    given_by: Literal["grant", "import", "merge"] | None
    kept_until: Annotated[date | None, Field(description="The last day the tier is sure.")]
    to_keep: ToKeep | None
    next: NextTier | None
    parts: list[ScorePartTold]
    changes: list[TierChangeTold]

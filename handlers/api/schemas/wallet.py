"""What a member holds: points with what becomes of them, stamp cards, and their history."""

from datetime import date
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from handlers.api.schemas.base import Code, Id, Moment, Page, PageAsked, Told
from handlers.api.schemas.members import NUMBER, MemberNumber
from models.points import PointsReason

ENTRY: JsonDict = {
    "id": 5012,
    "at": "2026-11-22T12:00:00+08:00",
    "reason": "purchase",
    "points": 12,
    "pending": 0,
    "balance_after": 132,
    "store": {"code": "TP01", "name": "信義店"},
    "purchase_id": 7001,
}


class ExpiringTold(Told):
    """Points that are gone after a day."""

    points: int
    good_through: Annotated[date, Field(description="The last Taipei day they can be spent.")]


class WaitingTold(Told):
    """Points that wait for the return window."""

    points: int
    spendable_on: Annotated[date, Field(description="The first Taipei day they can be spent.")]


class StampCardTold(Told):
    """A stamp card."""

    code: str
    name: str
    stamps: Annotated[int, Field(description="On the card that is being filled.")]
    size: int
    reward: str
    good_through: date | None


class WalletTold(Told):
    """What a member holds now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "number": NUMBER,
                    "points": 120,
                    "spendable": 120,
                    "pending": 8,
                    "tier": {"code": "silver", "name": "銀卡會員"},
                    "expiring": [{"points": 40, "good_through": "2026-12-31"}],
                    "waiting": [{"points": 8, "spendable_on": "2026-11-29"}],
                    "stamp_cards": [
                        {
                            "code": "main",
                            "name": "茶香集點卡",
                            "stamps": 4,
                            "size": 10,
                            "reward": "任一飲品一杯",
                            "good_through": None,
                        }
                    ],
                    "usable_coupons": 2,
                    "is_frozen": False,
                }
            ]
        }
    )

    number: MemberNumber
    points: Annotated[int, Field(description="The balance; below zero only as a debt.")]
    spendable: Annotated[
        int, Field(description="What can pay now; what ends today by its day is not in it.")
    ]
    pending: int
    tier: Code
    expiring: Annotated[list[ExpiringTold], Field(description="What ends next, up to three days.")]
    waiting: Annotated[list[WaitingTold], Field(description="What becomes spendable next.")]
    stamp_cards: list[StampCardTold]
    usable_coupons: int
    is_frozen: Annotated[bool, Field(description="Whether nothing may be spent from the card.")]


class StoreTold(Told):
    """A store."""

    code: str
    name: str


class EntryTold(Told):
    """One movement of points: above zero earned, below zero taken."""

    model_config = ConfigDict(json_schema_extra={"examples": [ENTRY]})

    id: Id
    at: Moment
    reason: PointsReason
    points: Annotated[int, Field(description="Of those that can be spent.")]
    pending: Annotated[int, Field(description="Of those that wait.")]
    balance_after: int
    store: StoreTold | None
    purchase_id: int | None


class EntriesPage(Page):
    """Movements of a member's points, the newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [ENTRY], "next": None}]})

    items: list[EntryTold]


class EntriesQuery(PageAsked):
    """Which movements."""

"""What a card shows, as plain values: names already in the person's language, days of Taipei.

A view is made where the database is, and drawn here; it can wait in the outbox as JSON
(`to_words`) and be drawn when it is sent (`from_words`).
"""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Literal, Self

from pydantic import TypeAdapter

PointsReason = Literal[
    "purchase", "welcome", "birthday", "adjustment", "expiry", "refund", "redemption"
]
CouponKind = Literal["amount", "percent", "item"]
CouponState = Literal["usable", "later", "used", "expired"]


@cache
def _adapter(view: Any) -> TypeAdapter[Any]:
    return TypeAdapter(view)


@dataclass(frozen=True)
class View:
    """A value a card is drawn from; equal values draw equal cards."""

    def to_words(self) -> dict[str, Any]:
        """Return the view as JSON values, days and moments in ISO 8601."""
        view: Any = type(self)
        words: dict[str, Any] = _adapter(view).dump_python(self, mode="json")
        return words

    @classmethod
    def from_words(cls, words: dict[str, Any]) -> Self:
        """Return the view `to_words` wrote; words it does not know are left aside.

        Raises pydantic's ValidationError where a word is missing or misshapen.
        """
        view: Any = cls
        read: Self = _adapter(view).validate_python(words)
        return read


@dataclass(frozen=True)
class NoticeView(View):
    """The notice of Article 8 of the Personal Data Protection Act, one version of it."""

    version: str
    legal_name: str
    items: tuple[tuple[str, str], ...]
    """Title and text of each of the six items."""


@dataclass(frozen=True)
class StandingView(View):
    """Where a member stands among the tiers, by net spend of the last 365 days."""

    tier_name: str
    tier_colour: str
    """#RRGGBB, as the shop chose it."""
    spend_twd: int
    next_name: str | None = None
    next_threshold_twd: int | None = None
    gap_twd: int | None = None
    percent: int = 0
    """Whole percent of the way to the next tier, 0 to 100; 100 at the top."""
    deadline: date | None = None
    """The gap holds until this day; then the oldest counted purchase leaves the 365 days."""
    keep_until: date | None = None
    """The last day the present tier is sure."""


@dataclass(frozen=True)
class CardView(View):
    """A member card; without `qr_url` (a pushed card) it offers to show the code instead."""

    shop_name: str
    member_name: str
    member_number: str
    """As a person reads it aloud: 8210 4417 3."""
    standing: StandingView
    points: int
    usable_coupons: int
    qr_url: str | None = None
    qr_until: datetime | None = None


@dataclass(frozen=True)
class PointsLine(View):
    """One movement of points: above zero earned, below zero taken."""

    at: datetime
    reason: PointsReason
    points: int
    store_name: str | None = None


@dataclass(frozen=True)
class PointsView(View):
    """A member's points: the balance, the newest movements, what expires and how one earns."""

    balance: int
    lines: tuple[PointsLine, ...]
    """Newest first; the card shows the first few."""
    expiring: tuple[tuple[date, int], ...]
    """The last day and the points that lapse after it, soonest first."""
    earn_per_twd: int
    """One point for each of so many whole TWD."""
    multiplier_percent: int = 100
    """The tier's rate: 100 is one for one, 200 double."""


@dataclass(frozen=True)
class StampView(View):
    """A stamp card: `stamps` of `size` collected on the current card."""

    programme_name: str
    size: int
    stamps: int
    reward_name: str
    filled_cards: int = 0
    expires_on: date | None = None


@dataclass(frozen=True)
class CouponView(View):
    """One coupon of a member."""

    id: str
    name: str
    description: str
    kind: CouponKind
    value_text: str
    """The benefit, big on the card: NT$50, 8 折, 買一送一."""
    code: str
    valid_until: date
    """The last day it can be used."""
    state: CouponState = "usable"
    valid_from: date | None = None
    min_spend_twd: int | None = None
    qr_url: str | None = None


@dataclass(frozen=True)
class TierStep(View):
    """One tier of the ladder as one member sees it."""

    name: str
    colour: str
    threshold_twd: int
    benefits: tuple[str, ...] = ()
    reached: bool = False
    current: bool = False


@dataclass(frozen=True)
class TierView(View):
    """The ladder of tiers, lowest first, and where the member stands on it."""

    standing: StandingView
    steps: tuple[TierStep, ...]


@dataclass(frozen=True)
class ProfileView(View):
    """A member's own data as we keep it."""

    name: str
    phone: str
    """Masked: 0912-•••-678."""
    birthday: date
    language: str
    marketing: bool
    joined_on: date
    notice_version: str


@dataclass(frozen=True)
class ReceiptView(View):
    """One purchase as it was recorded, and what it moved."""

    store_name: str
    amount_twd: int
    discount_twd: int
    paid_twd: int
    points_earned: int
    points_balance: int
    stamps_added: int
    stamps: int
    stamp_size: int
    """0 where the shop has no stamp card."""
    at: datetime
    standing: StandingView
    coupon_name: str | None = None
    upgraded_to: TierStep | None = None
    upgraded_from: str | None = None
    reward_name: str | None = None
    """The reward of a stamp card this purchase filled; it is already in the coupons."""

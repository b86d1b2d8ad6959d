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
    "purchase",
    "welcome",
    "birthday",
    "adjustment",
    "expiry",
    "refund",
    "redemption",
    "reward",
    "activation",
    "referral",
    "mission",
    "review",
    "lottery",
    "merge",
    "import",
    "reversal",
    "survey",
]
CouponKind = Literal["amount", "percent", "item", "free_shipping", "gift"]
CouponState = Literal["usable", "later", "locked", "used", "expired", "void"]


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
    basis: str = "rolling_365"
    """What the shop's rules count."""
    value: int | None = None
    """Where no money counts: points of the score, or the metric."""
    goal: int | None = None
    gap: int | None = None


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
    note: str | None = None
    """What the shop wrote to it."""
    is_pending: bool = False
    """Whether it moved points that cannot be spent yet."""
    forgiven: int = 0
    """Points that were to be taken back and were not."""
    tier_points: int = 0
    """What it moved in the second wallet, which counts for the tier alone."""


@dataclass(frozen=True)
class PointsView(View):
    """A member's points: the balance, the newest movements, what expires and how one earns."""

    balance: int
    """What can be spent; below zero where points to take back were spent already."""
    lines: tuple[PointsLine, ...]
    """Newest first; the card shows the first few."""
    expiring: tuple[tuple[date, int], ...]
    """The last day and the points that lapse after it, soonest first."""
    earn_per_twd: int
    """One point for each of so many whole TWD."""
    multiplier_percent: int = 100
    """The tier's rate: 100 is one for one, 200 double."""
    pending: int = 0
    """Earned, and not yet to be spent."""
    activating: tuple[tuple[date, int], ...] = ()
    """The first day on which pending points can be spent, soonest first."""
    older_than: int | None = None
    """Where there are older movements: the number of the last one in `lines`."""


@dataclass(frozen=True)
class PointsPageView(View):
    """One page of a member's movements."""

    balance: int
    lines: tuple[PointsLine, ...]
    older_than: int | None = None
    """Where there are older movements: the number of the last one in `lines`."""


@dataclass(frozen=True)
class PointsAdjustedView(View):
    """Points that somebody moved by hand."""

    points: int
    reason: str
    balance: int
    pending: int = 0


@dataclass(frozen=True)
class PointsReversedView(View):
    """An earlier movement that was undone by hand, with the shop's own words why."""

    points: int
    """What the undoing moved: below zero taken back, above zero given back."""
    reason: str
    undone_reason: PointsReason
    undone_points: int
    undone_at: datetime
    balance: int
    forgiven: int = 0
    pending: int = 0


@dataclass(frozen=True)
class StampBonusView(View):
    """Further stamps for a visit, and when they are given; days are the first and last good."""

    kind: Literal["weekday", "first_visit", "category", "window"]
    stamps: int
    weekdays: tuple[int, ...] = ()
    """1 is Monday."""
    category: str | None = None
    starts_on: date | None = None
    ends_on: date | None = None


@dataclass(frozen=True)
class StampView(View):
    """A stamp card: `stamps` of `size` collected on the current card."""

    programme_name: str
    size: int
    stamps: int
    reward_name: str
    filled_cards: int = 0
    expires_on: date | None = None
    """The last day of the current card's stamps; None where they stay."""
    ends_on: date | None = None
    """The last day of the programme itself."""
    min_spend_twd: int = 0
    per_twd: int | None = None
    """A stamp for each so many NT$; None: one a visit."""
    card_days: int | None = None
    bonuses: tuple[StampBonusView, ...] = ()


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
    cap_twd: int | None = None
    """A percent takes off so much at most."""
    days_after_opening: int | None = None
    """Not opened yet: from then on it is good for so many days; until then, until `valid_until`."""
    combines: bool = False
    """Whether others may be used in the same sale."""
    pack_place: int | None = None
    """Which of its pack it is, from 1."""
    stores: tuple[str, ...] = ()
    """The only stores that take it; empty means all."""


@dataclass(frozen=True)
class RewardView(View):
    """What points can be exchanged for, as one member sees it."""

    id: str
    name: str
    description: str
    value_text: str
    cost_points: int
    missing_points: int = 0
    stock_left: int | None = None
    """None where there is no end of them."""
    is_sold_out: bool = False
    is_enough: bool = False
    """Whether the member has had as many as one may have."""
    cancel_days: int = 0


@dataclass(frozen=True)
class TierStep(View):
    """One tier of the ladder as one member sees it."""

    name: str
    colour: str
    threshold_twd: int
    benefits: tuple[str, ...] = ()
    reached: bool = False
    current: bool = False
    basis: str = "rolling_365"
    """What `threshold_twd` counts; NT$ under rules by spend, else points."""


@dataclass(frozen=True)
class ScorePartView(View):
    """One part of a score, as its member sees it."""

    label: str
    counted: int
    points: int


@dataclass(frozen=True)
class WhyView(View):
    """Why a member is in their tier, and what keeps it: two lines of the card."""

    value: int
    """What the rules count: NT$ under rules by spend, else points."""
    threshold: int
    """What the present tier asks for."""
    is_lowest: bool
    keep_gap: int | None = None
    keep_by: date | None = None
    parts: tuple[ScorePartView, ...] = ()


@dataclass(frozen=True)
class TierView(View):
    """The ladder of tiers, lowest first, and where the member stands on it."""

    standing: StandingView
    steps: tuple[TierStep, ...]
    why: WhyView | None = None
    has_gift: bool = False
    """Whether an upgrade's gift waits to be claimed."""


@dataclass(frozen=True)
class TierWarningView(View):
    """A tier about to fall, and what would keep it."""

    tier_name: str
    tier_colour: str
    gap: int
    is_money: bool
    by: date
    """The last day on which the gap can be closed."""
    percent: int


@dataclass(frozen=True)
class BenefitLine(View):
    """One benefit with its numbers, in the order a card shows them."""

    kind: str
    percent: int = 0
    weekdays: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    hours: int = 0
    times_a_month: int | None = None
    from_twd: int = 0
    name: str = ""
    """The coupon's name, where it is one."""


@dataclass(frozen=True)
class BenefitsView(View):
    """What a member's tier (and plan) brings today."""

    tier_name: str
    tier_colour: str
    lines: tuple[BenefitLine, ...]
    has_gift: bool = False
    has_monthly: bool = False
    has_events: bool = False
    has_sales: bool = False
    has_pages: bool = False


@dataclass(frozen=True)
class GatheringView(View):
    """One event as one member sees it."""

    id: str
    name: str
    place: str
    starts_at: datetime
    seats_left: int
    state: str = ""
    """`going`, `waiting`, `attended`, or empty where the member has no place."""
    ahead: int = 0
    """How many wait before them."""
    needs: str = ""
    """The tier it is for, where the member's is too low."""


@dataclass(frozen=True)
class SaleEventView(View):
    """One sale with the member's own opening moment."""

    id: str
    name: str
    opens_at: datetime
    public_at: datetime
    is_open: bool


@dataclass(frozen=True)
class PageLine(View):
    """One page kept for a tier."""

    id: str
    title: str
    needs: str = ""
    """The tier it is for, where the member's is too low."""


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
    has_mail: bool = False
    """Whether the shop sends mails."""
    email: str | None = None
    """Masked: a•••@e•••.com."""
    email_state: str | None = None
    channel: str | None = None
    """`line` or `email` where they chose one."""


@dataclass(frozen=True)
class StampedCard(View):
    """A stamp card that a purchase stamped."""

    name: str
    added: int
    stamps: int
    size: int
    reward_name: str | None = None
    """The reward of a card this purchase filled; it is already in the coupons."""


@dataclass(frozen=True)
class DoubtView(View):
    """Something on a member's card that they may say was not them."""

    kind: Literal["purchase", "redemption"]
    id: int
    at: datetime
    amount_twd: int | None = None
    name: str | None = None
    store_name: str | None = None


@dataclass(frozen=True)
class ReceiptView(View):
    """One purchase as it was recorded, and what it moved."""

    store_name: str
    amount_twd: int
    discount_twd: int
    paid_twd: int
    points_earned: int
    points_balance: int
    at: datetime
    standing: StandingView
    member_discount_twd: int = 0
    """The part of the discount that tier or plan gave by itself."""
    is_shop_discount: bool = False
    """Whether that part is a web shop's own discount, which it told us of."""
    points_used: int = 0
    points_twd: int = 0
    """What `points_used` paid."""
    points_usable_on: date | None = None
    """The first day on which the points earned can be spent; None: at once."""
    coupon_names: tuple[str, ...] = ()
    bonus_names: tuple[str, ...] = ()
    """Rules that multiplied the points or added to them."""
    stamp_cards: tuple[StampedCard, ...] = ()
    upgraded_to: TierStep | None = None
    upgraded_from: str | None = None
    purchase_id: int | None = None
    """What a tap rates; receipts owed before it was always named may lack it."""
    redeems: bool = False
    """Whether a coupon or points were used, so that the owner may want to say: not me."""


@dataclass(frozen=True)
class RefundView(View):
    """One taking back of a purchase, and what it moved."""

    store_name: str
    at: datetime
    purchased_at: datetime
    amount_twd: int
    left_twd: int
    """What the purchase still counts for."""
    points_taken: int
    """What it had earned and earns no longer."""
    points_given_back: int
    """What had paid for it and is the member's again."""
    points_balance: int
    standing: StandingView
    tier_before: str | None = None
    """The tier's name before, where the refund changed it."""

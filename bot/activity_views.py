"""What the cards of invitations, missions, lotteries and reviews show, as plain values."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from bot.views import View

ReferralState = Literal["claimed", "qualified", "rewarded", "refused", "clawed_back"]
MissionKind = Literal["count", "streak", "set"]
DrawOutcome = Literal["prize", "consolation", "none"]


@dataclass(frozen=True)
class GiftView(View):
    """What an achievement brings, its things by their names."""

    points: int = 0
    tier_points: int = 0
    coupon: str | None = None
    lottery: str | None = None
    tickets: int = 0
    badge: str | None = None


@dataclass(frozen=True)
class InvitedView(View):
    """A friend as the one who invited them may see them."""

    name: str
    """Masked."""
    state: ReferralState
    claimed_on: date
    due_on: date | None = None
    is_over_cap: bool = False


@dataclass(frozen=True)
class ReferralView(View):
    """A member's own code, what it brings, and who came by it."""

    shop_name: str
    code: str
    link: str
    """The address a friend opens; its QR code is at `qr_url`."""
    qr_url: str
    mine: GiftView
    friends: GiftView
    min_spend_twd: int
    on_order: int
    wait_days: int
    monthly_cap: int
    counted: int
    """How many friends count for this month already."""
    invited: tuple[InvitedView, ...] = ()
    """Newest first."""


@dataclass(frozen=True)
class ReferralRewardedView(View):
    """Words of kind `referral_rewarded`: what came of an invitation, for one of the two."""

    role: Literal["referrer", "friend"]
    other: str
    """The other's name, masked."""
    reward: GiftView


@dataclass(frozen=True)
class MissionView(View):
    """One mission as one member sees it."""

    code: str
    name: str
    kind: MissionKind
    event: str
    goal: int
    done: int
    rounds: int
    rounds_done: int
    reward: GiftView
    period: Literal["day", "week"] | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True)
class MissionsView(View):
    """All missions a member may work on, and whether they have checked in today."""

    missions: tuple[MissionView, ...]
    checked_in: bool = False


@dataclass(frozen=True)
class BadgeView(View):
    """One badge there is; `won_on` where the member has it."""

    name: str
    sign: str
    won_on: date | None = None


@dataclass(frozen=True)
class PrizeView(View):
    """One prize as it is told before anybody draws."""

    name: str
    odds_ppm: int
    stock: int
    left: int


@dataclass(frozen=True)
class LotteryView(View):
    """A lottery with its odds and stock, and the tickets the member holds."""

    code: str
    name: str
    ends_at: datetime
    prizes: tuple[PrizeView, ...]
    tickets: int
    ticket_id: str | None = None
    """The ticket the next tap draws: two taps draw it once."""
    ticket_points: int | None = None
    purchase_twd: int | None = None
    day_cap: int = 0
    consolation: GiftView | None = None
    buy_key: str = ""
    """Drawn with the card: two taps on one button buy one ticket."""


@dataclass(frozen=True)
class DrawnView(View):
    """What one ticket brought."""

    lottery_name: str
    outcome: DrawOutcome
    number: int
    """The number drawn, 0 to 999,999, for whoever wants to check."""
    drawn_at: datetime
    reward: GiftView
    prize_name: str | None = None
    was_out_of_stock: bool = False
    tickets_left: int = 0
    next_ticket_id: str | None = None


@dataclass(frozen=True)
class RateableView(View):
    """One recent purchase, with the stars it has."""

    purchase: str
    store_name: str
    at: datetime
    paid_twd: int
    stars: int = 0
    words: str = ""
    is_open: bool = True


@dataclass(frozen=True)
class PostedView(View):
    """One review as all members may read it."""

    name: str
    """Masked."""
    stars: int
    words: str
    store_name: str
    written_on: date


@dataclass(frozen=True)
class WallView(View):
    """The review wall: the newest approved reviews, and what all of them come to."""

    shop_name: str
    reviews: int
    hundredths: int
    """The average in hundredths of a star."""
    posted: tuple[PostedView, ...]

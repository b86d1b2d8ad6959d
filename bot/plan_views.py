"""What the cards of paid membership show, as plain values."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from bot.views import View

PlanPeriod = Literal["monthly", "yearly"]
PlanState = Literal["none", "active", "expired", "cancelled", "revoked", "reapplied", "readmitted"]


@dataclass(frozen=True)
class PlanBenefit(View):
    """One thing a plan brings: its kind and that kind's numbers."""

    kind: str
    percent: int = 0
    weekdays: tuple[int, ...] = ()
    """1 is Monday."""
    month_days: tuple[int, ...] = ()
    coupon_name: str | None = None
    times_a_month: int | None = None
    from_twd: int = 0
    hours: int = 0


@dataclass(frozen=True)
class PlanOffer(View):
    """A plan as it is sold."""

    code: str
    name: str
    colour: str
    period: PlanPeriod
    fee_twd: int
    points_percent: int = 100
    benefits: tuple[PlanBenefit, ...] = ()


@dataclass(frozen=True)
class PlansView(View):
    """A member's paid plan and what else is sold."""

    state: PlanState
    offers: tuple[PlanOffer, ...]
    held: PlanOffer | None = None
    last_on: date | None = None
    is_cancelled: bool = False
    """Whether its owner said that it shall not go on; it is good until `last_on`."""


@dataclass(frozen=True)
class PlanRequestView(View):
    """A request that waits for its payment: a code to scan, or to name in a transfer."""

    plan: PlanOffer
    code: str
    qr_url: str
    good_through: date
    is_renewal: bool = False
    lasts_through: date | None = None
    """The last day once it is paid today."""


@dataclass(frozen=True)
class PlanNewsView(View):
    """News of a plan: begun, renewed, ending, over."""

    plan: PlanOffer
    last_on: date
    days: int | None = None
    """Days left, today not counted."""
    state: PlanState = "active"

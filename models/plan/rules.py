"""The arithmetic of paid time: whole months of the calendar, what is unused, what still holds."""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from models.local_day import day_start, local_day
from models.plan.table import Plan

FULL_REFUND_DAYS = 7
"""Through the 7th day after the payment its whole fee is given back (Consumer Protection Act,
article 19, for what is bought at a distance; we hold it for every payment)."""


@dataclass(frozen=True)
class FeeBack:
    """What a refund gives back and takes off the subscription."""

    amount_twd: int
    months: int


def add_months(day: date, months: int) -> date:
    """Return the day of the same number `months` later, or the last of a shorter month."""
    total = day.year * 12 + day.month - 1 + months
    year, month = total // 12, total % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def end_of(anchor_on: date, months: int) -> datetime:
    """Return the first moment after `months` paid from `anchor_on`.

    The first day is not counted and the last is whole (Civil Code, articles 120 and 121): what
    begins on 31 January lasts a month through 28 February. Each end is counted from the anchor,
    so the next one is 31 March again.
    """
    return day_start(add_months(anchor_on, months) + timedelta(days=1))


def months_begun(anchor_on: date, today: date) -> int:
    """Return how many months from the anchor have begun on `today`, at least one."""
    begun = max((today.year - anchor_on.year) * 12 + today.month - anchor_on.month, 1)
    return begun if today <= add_months(anchor_on, begun) else begun + 1


def fee_back(
    *,
    amount_twd: int,
    months: int,
    paid_at: datetime,
    anchor_on: date,
    total_months: int,
    now: datetime,
) -> FeeBack:
    """Return what the newest payment of a subscription gives back at `now`; perhaps nothing.

    In the first days all of it; later its share of whole months that have not begun, rounded
    down to the NT$.
    """
    today = local_day(now)
    if today <= local_day(paid_at) + timedelta(days=FULL_REFUND_DAYS):
        return FeeBack(amount_twd, months)
    unused = min(months, max(0, total_months - months_begun(anchor_on, today)))
    return FeeBack(amount_twd * unused // months, unused)


def held_plan_code(plan_code: str | None, plan_until: datetime | None, now: datetime) -> str | None:
    """Return the plan whose benefits a member's row grants at `now`: none from its end on.

    Asks nothing: `models/benefit/` takes the code, and joins what tier and plan give.
    """
    return plan_code if plan_until is not None and now < plan_until else None


def held_plan(
    plans: Iterable[Plan], plan_code: str | None, plan_until: datetime | None, now: datetime
) -> Plan | None:
    """Return that plan itself, of the `plans` that come with the programme."""
    held = held_plan_code(plan_code, plan_until, now)
    return next((plan for plan in plans if plan.code == held), None)


def plan_percents(
    plans: Iterable[Plan], plan_code: str | None, plan_until: datetime | None, now: datetime
) -> tuple[int, ...]:
    """Return the multiplier a paid plan adds to a sale, for the shop's policy to join."""
    plan = held_plan(plans, plan_code, plan_until, now)
    return () if plan is None else (plan.points_percent,)

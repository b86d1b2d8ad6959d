"""What is left of the month's messages, and what more of them cost."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy.orm import Session

from models.quota.ledger import free_for_all, kept_for_service
from models.quota.month import find_month, price_of_next
from models.quota.table import QuotaMonth


@dataclass(frozen=True)
class Remaining:
    """A month's messages. Limits and what is left of them are None where there is no limit."""

    month: date
    plan_code: str
    free_messages: int
    used: int
    reserved: int
    elsewhere: int
    """Sent from the OA Manager, as far as LINE's figure told."""
    limit: int | None
    """The lower of the shop's own limit and LINE's."""
    left: int | None
    """For service; never below 0."""
    left_for_marketing: int | None
    free_left: int
    """Of those, so many cost nothing more."""
    service_reserve: int
    service_left: int
    """What only service may still have."""
    line_used: int | None
    line_limit: int | None
    line_at: datetime | None
    difference: int | None
    """LINE's figure less ours when it was read; None before that."""
    is_gone: bool
    """Whether LINE said within the hour that the quota is gone."""

    def can_send(self, messages: int) -> int:
        """Return how many of so many marketing messages could go now."""
        return (
            messages if self.left_for_marketing is None else min(messages, self.left_for_marketing)
        )


@dataclass(frozen=True)
class Cost:
    """What so many more marketing messages cost this month, as things stand."""

    messages: int
    free: int
    """Of those, so many are among the plan's free ones."""
    paid: int
    short: int
    """So many would not be sent: the quota ends before."""
    more_twd: Decimal
    """What the paid ones add to the month's bill."""
    bill_twd: Decimal
    """The month's whole bill then, before tax: the fee, and all further messages."""


def remaining(session: Session, now: datetime) -> Remaining:
    """Return what is left of this month's messages."""
    return _left_of(find_month(session, now), now)


def _left_of(row: QuotaMonth, now: datetime) -> Remaining:
    limits = [each for each in (row.own_limit, row.line_limit) if each is not None]
    left = None if row.ceiling is None else free_for_all(row)
    is_gone = row.gone_until is not None and now < row.gone_until
    for_marketing = None if left is None else max(left - kept_for_service(row), 0)
    return Remaining(
        month=row.month,
        plan_code=row.plan_code,
        free_messages=row.free_messages,
        used=row.used,
        reserved=row.reserved,
        elsewhere=row.elsewhere,
        limit=min(limits, default=None),
        left=left,
        left_for_marketing=0 if is_gone else for_marketing,
        free_left=max(row.free_messages - _spent(row), 0),
        service_reserve=row.service_reserve,
        service_left=kept_for_service(row),
        line_used=row.line_used,
        line_limit=row.line_limit,
        line_at=row.line_at,
        difference=_difference(row),
        is_gone=is_gone,
    )


def _spent(row: QuotaMonth) -> int:
    return row.used + row.reserved + row.elsewhere


def _difference(row: QuotaMonth) -> int | None:
    if row.line_used is None or row.line_ours is None:
        return None
    return row.line_used - row.line_ours


def cost_of(session: Session, messages: int, now: datetime) -> Cost:
    """Return what so many more marketing messages cost (U1), each at the price it would have now.

    Ten thousand on the plan `high`, of which nothing was used, make a bill of NT$2,000.
    """
    return cost_in(find_month(session, now), messages, now)


def cost_in(row: QuotaMonth, messages: int, now: datetime) -> Cost:
    """Return the same of a month that was read: who asks often reads it once."""
    left = _left_of(row, now)
    going = left.can_send(messages)
    spent = _spent(row)
    more_twd = price_of_next(row, going, after=spent)
    free = min(going, left.free_left)
    return Cost(
        messages=messages,
        free=free,
        paid=going - free,
        short=messages - going,
        more_twd=more_twd,
        bill_twd=row.monthly_fee_twd + price_of_next(row, spent + going, after=0),
    )

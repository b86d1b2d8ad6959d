"""How many renew: of the paid times that ended in a month, those that went on (A-03)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session, aliased

from models.local_day import day_start, first_of_month_after, local_day
from models.plan.table import PlanPayment, Subscription

REFERENCE_PERCENT = 87
"""What the article names for a warehouse club in Taiwan, with a fee of NT$1,150 a year."""
RETAIL_PERCENTS = (60, 70)
"""What it names for retail on average, from and to."""
GRACE_DAYS = 30
"""Who pays within so many days after the end has renewed."""
LEFT = ("revoked", "reapplied", "readmitted")
"""States of those who could not have renewed."""


@dataclass(frozen=True)
class RenewalRate:
    """One month: paid times that ended in it, and how many of them were gone on with."""

    month: date
    """Its first day."""
    due: int
    renewed: int

    @property
    def percent(self) -> int | None:
        """Return renewed of due in whole percent, rounded down; None with nothing due."""
        return self.renewed * 100 // self.due if self.due else None


def months_before(now: datetime, count: int) -> list[date]:
    """Return the first days of the last `count` months, that of `now` the last."""
    today = local_day(now)
    return [first_of_month_after(today, -back) for back in reversed(range(count))]


def renewal_rates(session: Session, months: Sequence[date]) -> list[RenewalRate]:
    """Return the renewal rate of each month (its first day), in one query.

    A time belongs to the month of its last good day. What was given back in whole, or ended by
    the shop, was not due; what was given back in part was due when it then ended.
    """
    if not months:
        return []
    ends_at = _end()
    ended = (
        select(ends_at.label("ends_at"), _is_renewed(ends_at).label("is_renewed"))
        .select_from(PlanPayment)
        .join(Subscription, Subscription.id == PlanPayment.subscription_id)
        .outerjoin(_Refund, _Refund.refunds_id == PlanPayment.id)
        .where(
            PlanPayment.amount_twd > 0,
            Subscription.state.not_in(LEFT),
            func.coalesce(-_Refund.amount_twd, 0) < PlanPayment.amount_twd,
            ends_at > day_start(min(months)),
            ends_at <= day_start(first_of_month_after(max(months), 1)),
        )
    )
    counts: dict[date, list[bool]] = {}
    for moment, is_renewed in session.execute(ended):
        last_on = local_day(moment - timedelta(microseconds=1))
        counts.setdefault(last_on.replace(day=1), []).append(is_renewed)
    return [
        RenewalRate(month, len(counts.get(month, ())), sum(counts.get(month, ())))
        for month in months
    ]


_Refund = aliased(PlanPayment)
_Next = aliased(PlanPayment)
_NextRefund = aliased(PlanPayment)
_NextOwner = aliased(Subscription)


def _end() -> ColumnElement[datetime]:
    return func.coalesce(_Refund.covers_until, PlanPayment.covers_until)


def _is_renewed(ends_at: ColumnElement[datetime]) -> ColumnElement[bool]:
    return exists().where(
        and_(
            _Next.subscription_id == _NextOwner.id,
            _NextOwner.member_id == Subscription.member_id,
            _Next.amount_twd > 0,
            _Next.id > PlanPayment.id,
            _Next.covers_from >= ends_at,
            _Next.covers_from <= ends_at + timedelta(days=GRACE_DAYS),
            ~exists().where(
                _NextRefund.refunds_id == _Next.id, -_NextRefund.amount_twd == _Next.amount_twd
            ),
        )
    )

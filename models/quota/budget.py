"""The money of sending: what messages and a campaign's benefits cost, and what came of them (T9).

Messages are charged at the price they had when they were sent: what each added to the month's
bill. Those among the plan's free ones cost nothing and are counted; the plan's own fee is paid
whether or not anything is sent, so no run bears a part of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Function,
    and_,
    case,
    cast,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.coupon import Coupon, CouponTemplate, Redemption
from models.purchase.table import Purchase
from models.quota.table import USE, QuotaEntry

CENT = Decimal("0.01")


@dataclass(frozen=True)
class BenefitCost:
    """What a campaign's coupons took off sales that stand."""

    given: int
    redeemed: int
    redeemed_twd: int
    """What was taken off, less the part of it that refunds took back; a budget is of this."""


@dataclass(frozen=True)
class Outstanding:
    """The coupons of a campaign that can still be used."""

    coupons: int
    most_twd: int
    """What they take off if all are used, as far as their amount is fixed."""


@dataclass(frozen=True)
class MessageCost:
    """What sending cost: messages that counted, and what they added to the month's bill."""

    messages: int
    paid_twd: Decimal


def message_cost(session: Session, sources: Sequence[str]) -> MessageCost:
    """Return what the messages of some sources cost, such as `campaign:12`, and all below them."""
    if not sources:
        return MessageCost(0, Decimal(0))
    messages, paid_twd = session.execute(
        select(func.sum(QuotaEntry.messages), func.sum(QuotaEntry.cost_twd)).where(
            QuotaEntry.kind == USE,
            or_(QuotaEntry.source.in_(sources), _is_below(QuotaEntry.source, sources)),
        )
    ).one()
    return MessageCost(int(messages or 0), (paid_twd or Decimal(0)).quantize(CENT))


def benefit_cost(session: Session, campaign_id: int) -> BenefitCost:
    """Return what a campaign's coupons cost: those whose key begins with one of its runs."""
    sources = _sources(session, campaign_id)
    if not sources:
        return BenefitCost(0, 0, 0)
    stands = and_(Redemption.id.is_not(None), Purchase.undone_at.is_(None))
    told = session.execute(
        select(func.count(), func.count().filter(stands), _sum(_standing_discount()).filter(stands))
        .select_from(Coupon)
        .join(
            Redemption,
            and_(Redemption.coupon_id == Coupon.id, Redemption.reversed_at.is_(None)),
            isouter=True,
        )
        .join(Purchase, Purchase.id == Redemption.purchase_id, isouter=True)
        .where(_is_below(Coupon.issue_key, sources))
    ).one()
    return BenefitCost(*(int(value or 0) for value in told))


def outstanding_benefits(session: Session, campaign_id: int, now: datetime) -> Outstanding:
    """Return what of a campaign's coupons may still be used, and what that can come to."""
    sources = _sources(session, campaign_id)
    if not sources:
        return Outstanding(0, 0)
    told = session.execute(
        select(func.count(), _sum(_largest_discount()))
        .select_from(Coupon)
        .join(CouponTemplate, CouponTemplate.id == Coupon.template_id)
        .where(
            _is_below(Coupon.issue_key, sources),
            Coupon.state.in_(("issued", "locked")),
            Coupon.expires_at > now,
        )
    ).one()
    return Outstanding(*(int(value or 0) for value in told))


def _sources(session: Session, campaign_id: int) -> list[str]:
    runs = session.scalars(
        text("SELECT id FROM campaign_run WHERE campaign_id = :id"), {"id": campaign_id}
    )
    return [f"campaign:{run_id}" for run_id in runs]


def _is_below(column: InstrumentedAttribute[str], sources: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(column.startswith(f"{source}:", autoescape=True) for source in sources))


def _sum(amount: ColumnElement[int]) -> Function[int]:
    return func.sum(cast(amount, BigInteger))


def _standing_discount() -> ColumnElement[int]:
    """Return what a use takes off what is left of its sale; one scanned alone has no sale."""
    kept = Purchase.paid_twd - Purchase.refunded_twd
    part = Redemption.discount_twd * cast(kept, BigInteger) / func.nullif(Purchase.paid_twd, 0)
    return func.coalesce(func.ceil(part), Redemption.discount_twd)


def _largest_discount() -> ColumnElement[int]:
    return case(
        (CouponTemplate.kind == "amount", CouponTemplate.value),
        else_=func.coalesce(CouponTemplate.cap_twd, 0),
    )


def roas_of(net_twd: int, message_twd: Decimal, benefit_twd: int) -> Decimal | None:
    """Return attributed net sales ÷ (message cost + benefit cost): a multiple, to two places (T9).

    None where nothing was spent: then there is no multiple, however much was sold.
    """
    spent_twd = message_twd + benefit_twd
    return None if spent_twd <= 0 else (net_twd / spent_twd).quantize(CENT)

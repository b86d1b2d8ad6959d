"""Giving what is counted: a piece of the stock, the coupon of a month."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from models.benefit.holding import (
    Rules,
    benefits_of,
)
from models.benefit.table import Benefit, NoSuchBenefit
from models.benefit.terms import (
    EVERY_MONTH,
    MonthlyCoupon,
)
from models.coupon import Coupon, get_template, issue_coupon
from models.local_day import local_day


def take_stock(session: Session, benefit_id: int) -> bool:
    """Take one of a benefit's stock; tell whether there was one. Of many at once, each gets one."""
    taken = session.scalars(
        update(Benefit)
        .where(Benefit.id == benefit_id, (Benefit.stock_left.is_(None)) | (Benefit.stock_left > 0))
        .values(stock_left=Benefit.stock_left - 1)
        .returning(Benefit.id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return taken is not None


def return_stock(session: Session, benefit_id: int) -> None:
    """Put one back into a benefit's stock."""
    session.execute(
        update(Benefit)
        .where(Benefit.id == benefit_id)
        .values(stock_left=Benefit.stock_left + 1)
        .execution_options(synchronize_session=False)
    )


def claim_monthly(
    session: Session,
    programme: Rules,
    member_id: int,
    tier_id: int,
    plan_code: str | None,
    now: datetime,
) -> list[Coupon]:
    """Give the member this month's coupons of tier and plan, each once a month.

    A change of tier in mid-month does not bring the same coupon twice. Raises NoSuchBenefit where
    nothing is left to take.
    """
    today = local_day(now)
    templates = {
        held.terms.template: held.row.id
        for held in benefits_of(programme, tier_id, plan_code, day=today)
        if isinstance(held.terms, MonthlyCoupon)
    }
    given = []
    for code, benefit_id in templates.items():
        if not take_stock(session, benefit_id):
            continue
        key = f"{EVERY_MONTH}:{code}:{member_id}:{today:%Y-%m}"
        coupon = issue_coupon(
            session, member_id, get_template(session, code), issue_key=key, now=now
        )
        if coupon is None:
            return_stock(session, benefit_id)
        else:
            given.append(coupon)
    session.flush()
    if not given:
        raise NoSuchBenefit
    return given

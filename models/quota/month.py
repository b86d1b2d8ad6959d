"""The month's row: opened by whoever needs it first, read and changed under its lock."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ARRAY, Text, any_, cast, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.quota.plan import Plan, get_plan, month_of, price_between, read_steps, steps_as_json
from models.quota.table import QuotaHold, QuotaMonth


def lock_month(session: Session, now: datetime) -> QuotaMonth:
    """Return this month's row as it is, locked until the transaction ends; opened where missing."""
    month = month_of(now)
    asked = (
        select(QuotaMonth)
        .where(QuotaMonth.month == month)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    found = session.scalars(asked).one_or_none()
    if found is None:
        _open(session, month)
        found = session.scalars(asked).one()
    return found


def lock_months_of(session: Session, keys: Sequence[str]) -> list[QuotaMonth]:
    """Return the months in which these keys hold messages, locked in their order."""
    held = select(QuotaHold.month).where(QuotaHold.key == any_(cast(keys, ARRAY(Text))))
    return list(
        session.scalars(
            select(QuotaMonth)
            .where(QuotaMonth.month.in_(held))
            .order_by(QuotaMonth.month)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
    )


def find_month(session: Session, now: datetime) -> QuotaMonth:
    """Return this month's row for reading; one not yet opened is shown as it would be."""
    month = month_of(now)
    found = session.scalars(
        select(QuotaMonth)
        .where(QuotaMonth.month == month)
        .execution_options(populate_existing=True)
    ).one_or_none()
    return QuotaMonth(**_new_row(session, month)) if found is None else found


def _open(session: Session, month: date) -> None:
    """Add the month's row; two at once add one."""
    session.execute(insert(QuotaMonth).values(_new_row(session, month)).on_conflict_do_nothing())


def _new_row(session: Session, month: date) -> dict[str, object]:
    """Return a new month's columns; LINE's limit is taken to stay until it is read again."""
    limit = session.scalar(
        select(QuotaMonth.line_limit)
        .where(QuotaMonth.month < month)
        .order_by(QuotaMonth.month.desc())
        .limit(1)
    )
    plan = get_plan(session, month)
    limits = [each for each in (plan.own_limit, limit) if each is not None]
    sums = ("used", "reserved", "service_used", "service_reserved", "elsewhere")
    return {
        "month": month,
        "line_limit": limit,
        "ceiling": min(limits, default=None),
        **_terms(plan),
        **dict.fromkeys(sums, 0),
    }


def _terms(plan: Plan) -> dict[str, object]:
    return {
        "plan_code": plan.code,
        "monthly_fee_twd": plan.monthly_fee_twd,
        "free_messages": plan.free_messages,
        "steps": steps_as_json(plan.steps),
        "own_limit": plan.own_limit,
        "service_reserve": plan.service_reserve,
    }


def take_over_plan(session: Session, now: datetime) -> None:
    """Let this month go by the plan that holds in it now."""
    row = lock_month(session, now)
    for name, value in _terms(get_plan(session, row.month)).items():
        setattr(row, name, value)
    set_ceiling(row)
    session.flush()


def set_ceiling(row: QuotaMonth) -> None:
    """Work out how far the month's own messages may go, never below where they are."""
    limits = [each for each in (row.own_limit, row.line_limit) if each is not None]
    row.ceiling = max(min(limits) - row.elsewhere, row.used + row.reserved) if limits else None


def price_of_next(row: QuotaMonth, messages: int, *, after: int) -> Decimal:
    """Return what so many messages add to the month's bill when `after` went before, in NT$."""
    beyond = max(after - row.free_messages, 0), max(after + messages - row.free_messages, 0)
    return price_between(read_steps(row.steps), *beyond)

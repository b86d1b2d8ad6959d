"""Changing the plan: a new version each time, checked, and taken over by the month under way."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from models.quota.month import take_over_plan
from models.quota.plan import STARTING_PLANS, Plan, Step, get_plan, month_of, steps_as_json
from models.quota.table import MessagePlan, PlanRefused

LARGEST_FIGURE = 1_000_000_000
LONGEST_NOTE = 200
WHOLE = Decimal(100)


def change_plan(
    session: Session,
    code: str | None,
    changes: dict[str, Any],
    *,
    from_month: date,
    note: str,
    by: str,
    now: datetime,
) -> Plan:
    """Keep a new version: one of the starting plans by `code`, or what holds then, with changes.

    What changes nothing is no version. `changes` are fields of `Plan`; what is the shop's own
    (cap, reserve, margin, share of blocks) stays from one plan to another. An upgrade holds from
    this month on, a downgrade at LINE from the next: say which in `from_month`. Raises PlanRefused.
    """
    if from_month.day != 1 or from_month < month_of(now):
        raise PlanRefused(what="from_month", first=month_of(now))
    if not note.strip() or len(note) > LONGEST_NOTE:
        raise PlanRefused(what="note", longest=LONGEST_NOTE)
    held = get_plan(session, from_month)
    plan = replace(_base(held, code), **changes)
    _check(plan)
    if plan == held:
        return held
    session.add(_row_of(plan, from_month, note.strip(), by, now))
    session.flush()
    if from_month == month_of(now):
        take_over_plan(session, now)
    return plan


def _base(held: Plan, code: str | None) -> Plan:
    """Return the plan that a new version begins from. Raises PlanRefused."""
    if code is None or code == held.code:
        return held
    if code not in STARTING_PLANS:
        raise PlanRefused(what="code", known=list(STARTING_PLANS))
    return replace(
        STARTING_PLANS[code],
        hard_cap=held.hard_cap,
        margin_percent=held.margin_percent,
        block_percent=held.block_percent,
    )


def _check(plan: Plan) -> None:
    """Raise PlanRefused where a figure cannot be."""
    for name in ("monthly_fee_twd", "free_messages", "service_reserve", "hard_cap"):
        value = getattr(plan, name)
        if value is not None and not 0 <= value <= LARGEST_FIGURE:
            raise PlanRefused(what=name, most=LARGEST_FIGURE)
    for name in ("margin_percent", "block_percent"):
        if not 0 <= getattr(plan, name) <= WHOLE:
            raise PlanRefused(what=name, most=WHOLE)
    limit = plan.own_limit
    if limit is not None and plan.service_reserve > limit:
        raise PlanRefused(what="service_reserve", most=limit)
    _check_steps(plan.steps)


def _check_steps(steps: Sequence[Step]) -> None:
    ends = [step.up_to for step in steps]
    if steps and ends[-1] is not None:
        raise PlanRefused(what="steps", why="the last one has no end")
    rising = [end for end in ends[:-1] if end is not None]
    if len(rising) != max(len(ends) - 1, 0) or rising != sorted({*rising, *rising}):
        raise PlanRefused(what="steps", why="their ends rise")
    if any(step.each_twd < 0 for step in steps) or any(end < 1 for end in rising):
        raise PlanRefused(what="steps", why="no price or end below zero")


def _row_of(plan: Plan, from_month: date, note: str, by: str, now: datetime) -> MessagePlan:
    return MessagePlan(
        code=plan.code,
        from_month=from_month,
        monthly_fee_twd=plan.monthly_fee_twd,
        free_messages=plan.free_messages,
        steps=steps_as_json(plan.steps),
        is_price_checked=plan.is_price_checked,
        hard_cap=plan.hard_cap,
        service_reserve=plan.service_reserve,
        margin_percent=plan.margin_percent,
        block_percent=plan.block_percent,
        note=note,
        set_by=by,
        set_at=now,
    )

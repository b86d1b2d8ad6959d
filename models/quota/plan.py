"""What messages cost: LINE's plan as the shop keeps it, in versions, and prices by its steps.

LINE's numbers change and its step table is not public in a form we could rely on, so all of them
are settings. What further messages cost starts at the dearest price known, for any number: a bill
may turn out lower than told, never higher.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.local_day import first_of_month_after, local_day
from models.quota.table import MessagePlan

LIGHT, MEDIUM, HIGH = "light", "medium", "high"
PLAN_NAMES = {
    LIGHT: {"zh-TW": "輕用量", "en": "Light", "ja": "ライト"},
    MEDIUM: {"zh-TW": "中用量", "en": "Medium", "ja": "ミディアム"},
    HIGH: {"zh-TW": "高用量", "en": "High", "ja": "ハイ"},
}
DEAREST_EACH_TWD = Decimal("0.2")


@dataclass(frozen=True)
class Step:
    """Further messages up to this one, counted from the first beyond the free ones, cost so much.

    None: all that follow.
    """

    up_to: int | None
    each_twd: Decimal


@dataclass(frozen=True)
class Plan:
    """A plan's figures. `hard_cap` is the shop's own limit a month, free messages included."""

    code: str
    monthly_fee_twd: int
    free_messages: int
    steps: tuple[Step, ...]
    service_reserve: int
    hard_cap: int | None = None
    is_price_checked: bool = False
    margin_percent: Decimal = Decimal(60)
    block_percent: Decimal = Decimal("0.5")

    @property
    def own_limit(self) -> int | None:
        """Return how many messages a month may bring by plan and shop; None: any number."""
        limits = [] if self.hard_cap is None else [self.hard_cap]
        if not self.steps:
            limits.append(self.free_messages)
        return min(limits, default=None)


STARTING_PLANS = {
    LIGHT: Plan(LIGHT, 0, 200, (), service_reserve=20),
    MEDIUM: Plan(MEDIUM, 800, 3_000, (), service_reserve=150),
    HIGH: Plan(HIGH, 1_200, 6_000, (Step(None, DEAREST_EACH_TWD),), service_reserve=300),
}
"""LINE's plans in Taiwan since 2023-09; `high` until the shop says which one it has."""


def month_of(now: datetime) -> date:
    """Return the first day of the month, Taipei's, in which a moment lies."""
    return local_day(now).replace(day=1)


def get_plan(session: Session, month: date) -> Plan:
    """Return the plan that holds in a month."""
    row = session.scalars(
        select(MessagePlan)
        .where(MessagePlan.from_month <= month)
        .order_by(MessagePlan.from_month.desc(), MessagePlan.id.desc())
        .limit(1)
    ).one_or_none()
    return STARTING_PLANS[HIGH] if row is None else _plan_of(row)


def list_plan_versions(session: Session) -> Sequence[MessagePlan]:
    """Return the versions that were kept, newest first."""
    return session.scalars(select(MessagePlan).order_by(MessagePlan.id.desc())).all()


def month_after(now: datetime) -> date:
    """Return the first day of the next month, when LINE makes a smaller plan hold."""
    return first_of_month_after(local_day(now), 1)


def _plan_of(row: MessagePlan) -> Plan:
    return Plan(
        code=row.code,
        monthly_fee_twd=row.monthly_fee_twd,
        free_messages=row.free_messages,
        steps=read_steps(row.steps),
        service_reserve=row.service_reserve,
        hard_cap=row.hard_cap,
        is_price_checked=row.is_price_checked,
        margin_percent=row.margin_percent,
        block_percent=row.block_percent,
    )


def steps_as_json(steps: Sequence[Step]) -> list[dict[str, Any]]:
    """Write steps as a table keeps them; prices as text, for they are decimal."""
    return [{"up_to": step.up_to, "each_twd": str(step.each_twd)} for step in steps]


def read_steps(told: Sequence[dict[str, Any]]) -> tuple[Step, ...]:
    """Read what `steps_as_json` wrote."""
    return tuple(Step(step["up_to"], Decimal(step["each_twd"])) for step in told)


def price_between(steps: Sequence[Step], before: int, after: int) -> Decimal:
    """Return what the further messages after number `before` up to number `after` cost, in NT$.

    Numbers count from the first beyond the free ones. Where LINE sells none they cost nothing:
    they are never sent.
    """
    total, begin = Decimal(0), 0
    for step in steps:
        end = after if step.up_to is None else step.up_to
        total += max(min(after, end) - max(before, begin), 0) * step.each_twd
        begin = end
    return total


def bill_of(plan: Plan, messages: int) -> Decimal | None:
    """Return what a month with so many messages costs by a plan, before tax, in NT$.

    None where the plan sells no more than it brings, or the shop's own limit ends before.
    """
    if plan.own_limit is not None and messages > plan.own_limit:
        return None
    return plan.monthly_fee_twd + price_between(
        plan.steps, 0, max(messages - plan.free_messages, 0)
    )

"""The tables of the quota: the plan's versions, each month's sums, what is held, the ledger."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Numeric
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BusinessError, Day, Identifier, Moment, one_of

RESERVE, USE, RELEASE, RECONCILE = "reserve", "use", "release", "reconcile"
KINDS = (RESERVE, USE, RELEASE, RECONCILE)


class MessagePlan(Base):
    """One version of what the shop pays LINE for messages, and its own limits. Never changed.

    Of those that begin in a month or before it, the latest month's newest holds.
    """

    __tablename__ = "message_plan"
    __table_args__ = (
        CheckConstraint(
            "monthly_fee_twd >= 0 AND free_messages >= 0 AND hard_cap >= 0"
            " AND service_reserve >= 0",
            name="figures_not_negative",
        ),
        CheckConstraint(
            "margin_percent BETWEEN 0 AND 100 AND block_percent BETWEEN 0 AND 100",
            name="percents_in_range",
        ),
        CheckConstraint("extract(day FROM from_month) = 1", name="from_a_first"),
    )

    id: Mapped[Identifier]
    code: Mapped[str]
    """`light`, `medium`, `high`, or a name of the shop's own."""
    from_month: Mapped[Day]
    monthly_fee_twd: Mapped[int]
    free_messages: Mapped[int]
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """What further messages cost each, `[{"up_to": 35000, "each_twd": "0.2"}, {"up_to": null, …}]`,
    counted from the first beyond the free ones; empty where LINE sells none."""
    is_price_checked: Mapped[bool] = mapped_column(Boolean)
    """Whether somebody held the prices against LINE's own page."""
    hard_cap: Mapped[int | None]
    """So many messages a month at most, free ones included, whatever LINE would allow."""
    service_reserve: Mapped[int]
    """So many of the month's messages are for service alone; campaigns cannot touch them."""
    margin_percent: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    """The gross margin to reckon with where the shop's own sales tell no costs."""
    block_percent: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    """Of a hundred marketing messages, so many make their reader block the shop."""
    note: Mapped[str]
    set_by: Mapped[str]
    set_at: Mapped[Moment]


class QuotaMonth(Base):
    """The sums of one month, Taipei's, with the plan as it holds in it; changed under its lock.

    `used` and `reserved` are ours and never together above `ceiling`, which the limits give; where
    a limit is lowered below what is used already, it stands at that.
    """

    __tablename__ = "quota_month"
    __table_args__ = (
        CheckConstraint("used + reserved <= ceiling", name="never_above_ceiling"),
        CheckConstraint(
            "used >= 0 AND reserved >= 0 AND elsewhere >= 0 AND service_reserve >= 0",
            name="sums_not_negative",
        ),
        CheckConstraint(
            "service_used BETWEEN 0 AND used AND service_reserved BETWEEN 0 AND reserved",
            name="service_is_a_part",
        ),
        CheckConstraint("extract(day FROM month) = 1", name="begins_at_a_first"),
    )

    month: Mapped[Day] = mapped_column(primary_key=True)
    plan_code: Mapped[str]
    monthly_fee_twd: Mapped[int]
    free_messages: Mapped[int]
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    own_limit: Mapped[int | None]
    """The shop's cap, or the plan's free messages where LINE sells no more."""
    service_reserve: Mapped[int]
    ceiling: Mapped[int | None]
    """None where neither the shop nor LINE set a limit that we know of."""
    used: Mapped[int] = mapped_column(default=0)
    reserved: Mapped[int] = mapped_column(default=0)
    service_used: Mapped[int] = mapped_column(default=0)
    """Of `used`, what was service."""
    service_reserved: Mapped[int] = mapped_column(default=0)
    elsewhere: Mapped[int] = mapped_column(default=0)
    """What LINE counts beyond ours: messages sent from the OA Manager."""
    line_used: Mapped[int | None]
    line_limit: Mapped[int | None]
    """LINE's figures as they were last read; a limit stays known from one month to the next."""
    line_ours: Mapped[int | None]
    """What we counted ourselves at that moment."""
    line_at: Mapped[datetime | None]
    gone_until: Mapped[datetime | None]
    """LINE said that the quota is gone: no marketing before this."""


class QuotaHold(Base):
    """What is reserved and not settled yet, by the key of the batch or owed message it is for."""

    __tablename__ = "quota_hold"
    __table_args__ = (CheckConstraint("messages > 0", name="holds_something"),)

    key: Mapped[str] = mapped_column(primary_key=True)
    month: Mapped[date] = mapped_column(ForeignKey("quota_month.month"))
    source: Mapped[str]
    messages: Mapped[int]
    is_service: Mapped[bool]
    at: Mapped[Moment] = mapped_column(index=True)


class QuotaEntry(Base):
    """One movement of a month's sums. Never changed; the sums are those of its entries.

    `reserve` holds messages, `use` and `release` let go of them, `reconcile` (signed) changes what
    LINE counts beyond ours.
    """

    __tablename__ = "quota_entry"
    __table_args__ = (
        CheckConstraint(one_of("kind", KINDS), name="kind_known"),
        CheckConstraint(
            "messages > 0 OR kind = 'reconcile' AND messages <> 0", name="moves_messages"
        ),
        CheckConstraint("(kind = 'use') = (cost_twd IS NOT NULL)", name="use_has_cost"),
        Index("ix_quota_entry_month", "month", "id"),
        Index("ix_quota_entry_used_key", "key", unique=True, postgresql_where="kind = 'use'"),
        Index("ix_quota_entry_used_source", "source", postgresql_where="kind = 'use'"),
    )

    id: Mapped[Identifier]
    month: Mapped[date] = mapped_column(ForeignKey("quota_month.month"))
    kind: Mapped[str]
    source: Mapped[str]
    key: Mapped[str]
    messages: Mapped[int]
    is_service: Mapped[bool]
    cost_twd: Mapped[Decimal | None] = mapped_column(Numeric(14, 4))
    """Of a use: what these messages added to the month's bill."""
    at: Mapped[Moment]


class BudgetStop(Base):
    """A campaign was stopped, for its benefits cost what they may. Never changed.

    Who lets it go on grants it another budget, from what it had cost by then.
    """

    __tablename__ = "budget_stop"

    id: Mapped[Identifier]
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"), index=True)
    budget_twd: Mapped[int]
    """What it could cost until then, all budgets granted together."""
    cost_twd: Mapped[int]
    at: Mapped[Moment]


class PlanRefused(BusinessError):
    """A plan's figures cannot be; `what` names the one."""

    code: ClassVar[str] = "plan_refused"

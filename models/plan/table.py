"""The tables of paid membership, and what its rules refuse.

A subscription's life: active until `ends_at`, then expired, or cancelled where its owner said no
before; revoked by the shop at once. Who was revoked asks again (reapplied), and a manager lets
them pay anew (readmitted) or not (revoked). Every step leaves an event.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import (
    Base,
    BusinessError,
    Day,
    Identifier,
    Moment,
    Translated,
    in_language,
    one_of,
)
from models.local_day import last_day

PERIOD_MONTHS = {"monthly": 1, "yearly": 12}
METHODS = ("counter", "transfer", "linepay", "other")
STATES = ("active", "expired", "cancelled", "revoked", "reapplied", "readmitted")
BARRED = ("revoked", "reapplied")
"""States in which nobody may pay for a plan again."""
ACTORS = ("member", "staff", "clock")


class Plan(Base):
    """What may be paid for: a fee a month or a year, on top of the free tiers.

    What it brings beside more points are rows of `models/benefit/` that name its code.
    """

    __tablename__ = "plan"
    __table_args__ = (
        CheckConstraint(one_of("period", PERIOD_MONTHS), name="period_known"),
        CheckConstraint("fee_twd > 0", name="fee_is_positive"),
        CheckConstraint("points_percent >= 100", name="multiplier_not_below_one"),
    )

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[Translated]
    colour: Mapped[str]
    period: Mapped[str]
    fee_twd: Mapped[int]
    points_percent: Mapped[int] = mapped_column(default=100)
    """Points earned with it, in percent of the shop's earn rule; joined with the tier's."""
    is_active: Mapped[bool] = mapped_column(default=True)
    """Whether it is sold; who has paid keeps it either way."""

    @property
    def months(self) -> int:
        """Return how many months one fee pays."""
        return PERIOD_MONTHS[self.period]

    def words(self, language: str) -> dict[str, Any]:
        """Return the plan as plain facts for a card; see `plan_words` for what it brings."""
        return {
            "code": self.code,
            "name": in_language(self.name, language),
            "colour": self.colour,
            "period": self.period,
            "fee_twd": self.fee_twd,
            "points_percent": self.points_percent,
        }


class Subscription(Base):
    """One member's time in a plan. At most one is active a member; its end is exclusive.

    It lasts `months` whole months from `anchor_on`: through the day of the same number, or the
    last day of a shorter month.
    """

    __tablename__ = "subscription"
    __table_args__ = (
        CheckConstraint(one_of("state", STATES), name="state_known"),
        CheckConstraint("months >= 0", name="months_not_negative"),
        CheckConstraint("months > 0 OR state <> 'active'", name="active_is_paid"),
        CheckConstraint("starts_at <= ends_at", name="ends_after_start"),
        Index(
            "uq_subscription_active",
            "member_id",
            unique=True,
            postgresql_where="state = 'active'",
        ),
        Index(None, "member_id", "id"),
        Index("ix_subscription_ends_at", "ends_at", postgresql_where="state = 'active'"),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"))
    state: Mapped[str] = mapped_column(default="active")
    anchor_on: Mapped[Day]
    months: Mapped[int]
    starts_at: Mapped[Moment]
    ends_at: Mapped[Moment]
    """The first moment at which it is over."""
    cancelled_at: Mapped[datetime | None]
    """When its owner said that it shall not go on; it stays good until its end."""
    reminded_days: Mapped[int | None]
    """So many days before this end was already told, before a journey told it (`plan_ending`)."""

    plan: Mapped[Plan] = relationship(lazy="joined", innerjoin=True)

    def is_good(self, now: datetime) -> bool:
        """Tell whether its benefits hold at `now`."""
        return self.state == "active" and self.starts_at <= now < self.ends_at

    @property
    def last_on(self) -> date:
        """Return the last Taipei day on which it is good."""
        return last_day(self.ends_at)


class SubscriptionEvent(Base):
    """One step in a subscription's life, who took it and why. Never changed."""

    __tablename__ = "subscription_event"
    __table_args__ = (
        CheckConstraint(one_of("actor", ACTORS), name="actor_known"),
        CheckConstraint("actor = 'staff' OR staff_id IS NULL", name="staff_is_named"),
    )

    id: Mapped[Identifier]
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscription.id"), index=True)
    from_state: Mapped[str | None]
    to_state: Mapped[str]
    actor: Mapped[str]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str]
    at: Mapped[Moment]


class PlanPayment(Base):
    """One fee paid, or (below zero) given back. Never changed.

    A refund names its payment and repeats that payment's amount in `refunds_twd`: a foreign key
    holds the two equal, a check keeps the refund within it, and a payment has one refund at most.
    """

    __tablename__ = "plan_payment"
    __table_args__ = (
        CheckConstraint(one_of("method", METHODS), name="method_known"),
        CheckConstraint("amount_twd <> 0", name="moves_money"),
        CheckConstraint(
            "(amount_twd > 0) = (refunds_id IS NULL) AND (months > 0) = (refunds_id IS NULL)",
            name="takes_back_or_brings",
        ),
        CheckConstraint(
            "(refunds_id IS NULL) = (refunds_twd IS NULL)", name="names_what_it_takes_back"
        ),
        CheckConstraint("-amount_twd <= refunds_twd", name="within_its_payment"),
        CheckConstraint(
            "method <> 'transfer' OR reference IS NOT NULL OR refunds_id IS NOT NULL",
            name="transfer_has_reference",
        ),
        UniqueConstraint("method", "reference"),
        UniqueConstraint("id", "subscription_id", "amount_twd", name="uq_plan_payment_as_refunded"),
        ForeignKeyConstraint(
            ["refunds_id", "subscription_id", "refunds_twd"],
            ["plan_payment.id", "plan_payment.subscription_id", "plan_payment.amount_twd"],
            name="fk_plan_payment_takes_back",
        ),
    )

    id: Mapped[Identifier]
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscription.id"), index=True)
    amount_twd: Mapped[int]
    months: Mapped[int]
    """What it adds to the subscription; a refund takes away."""
    method: Mapped[str]
    reference: Mapped[str | None]
    """What the bank, LINE Pay or the till calls it; no two payments of one method share it."""
    refunds_id: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    refunds_twd: Mapped[int | None]
    covers_from: Mapped[Moment]
    covers_until: Mapped[Moment] = mapped_column(index=True)
    """A refund's is the moment at which the subscription now ends."""
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    paid_at: Mapped[Moment]
    idempotency_key: Mapped[str] = mapped_column(unique=True)


class RenewalRequest(Base):
    """A member's wish to begin or renew a plan: its code is shown at the counter or transferred.

    Open until paid or until `good_until`; its fee is the one the member saw.
    """

    __tablename__ = "renewal_request"
    __table_args__ = (
        CheckConstraint("requested_at < good_until", name="lives"),
        CheckConstraint("fee_twd > 0", name="fee_is_positive"),
    )

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), index=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id"))
    fee_twd: Mapped[int]
    requested_at: Mapped[Moment]
    good_until: Mapped[Moment]
    payment_id: Mapped[int | None] = mapped_column(ForeignKey("plan_payment.id"), unique=True)

    plan: Mapped[Plan] = relationship(lazy="joined", innerjoin=True)


class NoSuchPlan(BusinessError):
    """No plan has this code."""

    code = "no_such_plan"


class PlanNotSold(BusinessError):
    """The plan is no longer sold."""

    code = "plan_not_sold"


class PlanHeld(BusinessError):
    """The member has another plan, which must end first; `until` is its last day."""

    code = "plan_held"


class PlanBarred(BusinessError):
    """The shop ended this person's paid membership; a manager must readmit them first."""

    code = "plan_barred"


class PlanRuleRefused(BusinessError):
    """A plan's numbers make no sense; `what` names the part."""

    code = "plan_rule_refused"


class ReferenceUsed(BusinessError):
    """A payment with this reference is known already, or a transfer came without one."""

    code = "payment_reference_used"


class NoSuchRequest(BusinessError):
    """No open request has this code: unknown, paid, or too old (`state` says which)."""

    code = "no_such_renewal_request"


class NoSubscription(BusinessError):
    """There is no subscription in the state this step begins with."""

    code = "no_subscription"


class NeedsManager(BusinessError):
    """Only a manager or the owner decides this."""

    code = "needs_manager"


class NothingToRefund(BusinessError):
    """Of this payment nothing is left to give back, or a later one must be given back first."""

    code = "nothing_to_refund"

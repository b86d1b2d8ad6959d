"""The tables of stamp cards, and what their rules refuse."""

from datetime import date
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BusinessError, Identifier, Moment, Translated, one_of
from models.coupon import CouponTemplate

REASONS = ("purchase", "refund", "expiry", "manual", "merge", "import", "opening")


class StampProgramme(Base):
    """One kind of stamp card: what earns a stamp, how many fill a card, and what that brings.

    A visit earns one stamp, or with `per_twd` one for each so many whole NT$ paid. `size` never
    changes once members hold cards: another size is another programme.
    """

    __tablename__ = "stamp_programme"
    __table_args__ = (
        CheckConstraint("size BETWEEN 2 AND 50", name="size_in_range"),
        CheckConstraint("min_spend_twd >= 0", name="min_spend_not_negative"),
        CheckConstraint("per_twd > 0", name="step_is_positive"),
        CheckConstraint("card_days > 0", name="card_lives"),
        CheckConstraint("starts_on < ends_on", name="runs"),
        CheckConstraint("jsonb_typeof(bonuses) = 'array'", name="bonuses_are_a_list"),
    )

    id: Mapped[Identifier]
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[Translated]
    size: Mapped[int]
    min_spend_twd: Mapped[int]
    """A visit earns stamps when at least so much was paid."""
    per_twd: Mapped[int | None]
    bonuses: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB, default=list, server_default=text("'[]'")
    )
    """Further stamps, each as `StampBonus.to_words` writes it."""
    channel: Mapped[str | None]
    """Where it earns, such as `till`; None for everywhere."""
    card_days: Mapped[int | None]
    """A card not filled within so many days of its first stamp is gone; None keeps it for ever."""
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    """The first day on which nothing is stamped any more."""
    is_active: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    reward_template_id: Mapped[int] = mapped_column(ForeignKey("coupon_template.id"))

    reward: Mapped[CouponTemplate] = relationship(lazy="joined", innerjoin=True)

    def is_running(self, day: date) -> bool:
        """Tell whether it stamps on `day`."""
        started = self.starts_on is None or self.starts_on <= day
        return self.is_active and started and (self.ends_on is None or day < self.ends_on)


class StampCard(Base):
    """A member's stamps in a programme, the sum of their entries; each `size` of them fill a card.

    Refunds and lapsed cards lower it. Changes only under the member's row lock.
    """

    __tablename__ = "stamp_card"
    __table_args__ = (
        CheckConstraint("stamps >= 0", name="stamps_not_negative"),
        Index("ix_stamp_card_expiring", "expires_on", postgresql_where="expires_on IS NOT NULL"),
    )

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    programme_id: Mapped[int] = mapped_column(ForeignKey("stamp_programme.id"), primary_key=True)
    stamps: Mapped[int] = mapped_column(Integer, default=0)
    expires_on: Mapped[date | None]
    """The first day on which the stamps of the unfilled card are gone; None where nothing ends."""
    reminded_for: Mapped[date | None]
    """The `expires_on` the member was told of before a journey told it (`stamps_ending`)."""


class StampEntry(Base):
    """One movement of a member's stamps: above zero stamped, below zero taken. Never changed."""

    __tablename__ = "stamp_entry"
    __table_args__ = (
        CheckConstraint("delta <> 0", name="moves_stamps"),
        CheckConstraint(one_of("reason", REASONS), name="reason_known"),
        CheckConstraint("(reason = 'manual') = (note IS NOT NULL)", name="manual_says_why"),
        Index(None, "member_id", "programme_id", "id"),
        Index("ix_stamp_entry_purchase_id", "purchase_id", postgresql_where="delta > 0"),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    programme_id: Mapped[int] = mapped_column(ForeignKey("stamp_programme.id"))
    delta: Mapped[int]
    reason: Mapped[str]
    purchase_id: Mapped[int | None] = mapped_column(ForeignKey("purchase.id"))
    refund_id: Mapped[int | None] = mapped_column(ForeignKey("refund.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    note: Mapped[str | None]
    """Why a person moved them by hand."""
    is_first: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether the purchase was taken for the member's first."""
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    posted_at: Mapped[Moment]


class NoSuchStampProgramme(BusinessError):
    """No stamp programme has this code."""

    code = "no_such_stamp_programme"


class StampRuleRefused(BusinessError):
    """A stamp programme or one of its bonuses makes no sense; `what` names the part."""

    code = "stamp_rule_refused"


class StampsRefused(BusinessError):
    """By hand nothing, too much at once, or more than the card holds cannot be moved."""

    code = "stamps_refused"


def reward_key(member_id: int, programme_id: int, number: int) -> str:
    """Return the `issue_key` of the reward for a member's `number`th full card."""
    return f"stamps:{member_id}:{programme_id}:{number}"

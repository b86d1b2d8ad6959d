"""The tables of invitations, and what their rules refuse."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BusinessError, Day, Identifier, Moment, one_of

STATES = ("claimed", "qualified", "rewarded", "refused", "clawed_back")
CLAIMED, QUALIFIED, REWARDED, REFUSED, CLAWED_BACK = STATES


class Referral(Base):
    """One friend's invitation by one member; a friend is invited once in their life.

    claimed → qualified (the friend's order) → rewarded, after the return window → clawed_back,
    where the order was taken back later. A refund before the reward leads back to claimed; refused
    says why nobody gets anything. `friend.referral_step` repeats the state where a purchase or a
    refund must ask for it.
    """

    __tablename__ = "referral"
    __table_args__ = (
        CheckConstraint(one_of("state", STATES), name="state_known"),
        CheckConstraint("referrer_id <> friend_id", name="not_oneself"),
        CheckConstraint("(state = 'refused') = (refused_reason IS NOT NULL)", name="refused_why"),
        CheckConstraint(
            "state NOT IN ('qualified', 'rewarded', 'clawed_back')"
            " OR (purchase_id IS NOT NULL AND due_on IS NOT NULL AND month_on IS NOT NULL)",
            name="qualified_by_an_order",
        ),
        CheckConstraint("state <> 'rewarded' OR rewarded_at IS NOT NULL", name="rewarded_when"),
        Index("ix_referral_referrer_id", "referrer_id", "id"),
        Index("ix_referral_due", "due_on", postgresql_where="state = 'qualified'"),
        Index("ix_referral_owing", "id", postgresql_where="owes_claw_back"),
        Index(
            "uq_referral_device",
            "device_digest",
            unique=True,
            postgresql_where="device_digest IS NOT NULL",
        ),
    )

    id: Mapped[Identifier]
    referrer_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    friend_id: Mapped[int] = mapped_column(ForeignKey("member.id"), unique=True)
    state: Mapped[str] = mapped_column(default=CLAIMED)
    claimed_at: Mapped[Moment]
    device_digest: Mapped[str | None] = mapped_column(Text)
    """A digest of the friend's device where the asker knows it: one device, one friend."""
    purchase_id: Mapped[int | None] = mapped_column(ForeignKey("purchase.id"))
    qualified_at: Mapped[datetime | None]
    month_on: Mapped[date | None]
    """The first day of the Taipei month in which it counts for the referrer's cap."""
    due_on: Mapped[date | None]
    """The Taipei day from which both may be rewarded."""
    rewarded_at: Mapped[datetime | None]
    given: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """What `referrer` and `friend` got, as the rule said then."""
    refused_reason: Mapped[str | None]
    clawed_back_at: Mapped[datetime | None]
    owes_claw_back: Mapped[bool] = mapped_column(default=False)
    """Set while the referrer's part is still to be taken back; see `settling`."""
    kept_by_friend: Mapped[str | None]
    """What could not be taken back, for it was spent; `referrer` the same."""
    kept_by_referrer: Mapped[str | None]


class ReferralMonth(Base):
    """How many friends count for a referrer in a month: the database's own guard of the cap."""

    __tablename__ = "referral_month"
    __table_args__ = (CheckConstraint("friends >= 0", name="not_negative"),)

    referrer_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    month_on: Mapped[Day] = mapped_column(primary_key=True)
    friends: Mapped[int]


class ReferralRefused(BusinessError):
    """The code cannot be used; `reason` says why.

    closed, unknown_code, self, existing_member, former_member, too_late, already_invited, cycle,
    same_phone, same_line, same_device or referrer_gone.
    """

    code = "referral_refused"

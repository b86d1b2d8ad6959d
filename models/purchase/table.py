"""The tables of purchases, their lines and refunds, and what their rules refuse."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BusinessError, Day, Identifier, Moment
from models.device import Device

LARGEST_AMOUNT_TWD = 200_000


class Purchase(Base):
    """One sale. What was paid and not taken back, `net_twd`, counts for points and tier.

    Only `refunded_twd` and `undone_at` ever change, by a refund's row; the database keeps them
    within what was paid. `source` and `source_ref` name it in the system it came from, so that an
    order known to till, web shop and file counts once.
    """

    __tablename__ = "purchase"
    __table_args__ = (
        CheckConstraint("amount_twd > 0", name="amount_positive"),
        CheckConstraint(
            "discount_twd >= 0 AND discount_twd <= amount_twd", name="discount_within_amount"
        ),
        CheckConstraint(
            "paid_twd = amount_twd - discount_twd - points_twd AND paid_twd >= 0",
            name="paid_is_the_rest",
        ),
        CheckConstraint("points_earned >= 0", name="points_not_negative"),
        CheckConstraint(
            "(earn_twd IS NULL) = (earn_percent IS NULL) AND earn_twd > 0", name="earned_by_a_rate"
        ),
        CheckConstraint("points_used >= 0 AND points_twd >= 0", name="points_pay"),
        CheckConstraint("(points_used = 0) = (points_twd = 0)", name="points_pay_something"),
        CheckConstraint(
            "refunded_twd >= 0 AND refunded_twd <= paid_twd", name="refunded_within_paid"
        ),
        CheckConstraint("undone_at IS NULL OR refunded_twd = paid_twd", name="undone_is_refunded"),
        UniqueConstraint("source", "source_ref"),
        # With all that windows sum up, so that a million members' are summed from it alone.
        Index(
            None,
            "member_id",
            "purchased_on",
            postgresql_include=["paid_twd", "refunded_twd", "undone_at"],
        ),
        Index("ix_purchase_store_id", "store_id", "purchased_on"),
        Index("ix_purchase_staff_id", "staff_id", "purchased_at"),
        Index(
            "ix_purchase_device_id",
            "device_id",
            "purchased_at",
            postgresql_where="device_id IS NOT NULL",
        ),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    device_id: Mapped[int | None] = mapped_column(ForeignKey(Device.id))
    """The tablet or till it was made on; None where an order came from elsewhere."""
    channel: Mapped[str] = mapped_column(default="till")
    amount_twd: Mapped[int]
    discount_twd: Mapped[int] = mapped_column(default=0)
    paid_twd: Mapped[int]
    """What was paid in money: the amount less coupons and less what points paid."""
    refunded_twd: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    undone_at: Mapped[datetime | None]
    """When the last of it was taken back; from then on it is no sale any more."""
    points_used: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    points_twd: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """What `points_used` paid, in NT$."""
    coupon_id: Mapped[int | None] = mapped_column(ForeignKey("coupon.id"))
    points_earned: Mapped[int]
    earn_twd: Mapped[int | None]
    """The step and the multiplier by which its points were earned: what is left of it after a
    refund keeps them (C-11). None where no single multiplier held; then the points go pro rata."""
    earn_percent: Mapped[int | None]
    stamps_added: Mapped[int] = mapped_column(default=0)
    code_id: Mapped[str | None] = mapped_column(Text, unique=True)
    """Which scanned code identified the member: good for one purchase."""
    purchased_at: Mapped[Moment]
    purchased_on: Mapped[Day]
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    source: Mapped[str | None]
    """The system an order comes from, such as `shopline`; None for our own counter."""
    source_ref: Mapped[str | None]
    earned: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    """How the points came about, where more than the plain rule had a part; see `earn_rule`."""

    def points_kept(self, net_twd: int) -> int:
        """Return how many of the earned points a net of `net_twd` keeps.

        By the rate they were earned at; never more than were earned, and none of nothing.
        """
        if net_twd == 0:
            return 0 if self.paid_twd or self.undone_at else self.points_earned
        if self.earn_twd is None or self.earn_percent is None:
            return self.points_earned * net_twd // self.paid_twd
        bonus = int((self.earned or {}).get("bonus", 0))
        by_rate = net_twd // self.earn_twd * self.earn_percent // 100
        return min(by_rate + bonus, self.points_earned)

    @property
    def net_twd(self) -> int:
        """Return what the sale still counts for, in NT$."""
        return self.paid_twd - self.refunded_twd


class PurchaseLine(Base):
    """One item of a sale, where the asker told them. `amount_twd` is before any discount."""

    __tablename__ = "purchase_line"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("amount_twd >= 0", name="amount_not_negative"),
        CheckConstraint("refunded_quantity BETWEEN 0 AND quantity", name="refunded_within_sold"),
    )

    purchase_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("purchase.id"), primary_key=True, autoincrement=False
    )
    line_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    sku: Mapped[str | None]
    name: Mapped[str]
    category: Mapped[str | None]
    quantity: Mapped[int] = mapped_column(default=1)
    amount_twd: Mapped[int]
    """What all `quantity` of them cost together."""
    cost_twd: Mapped[int | None]
    refunded_quantity: Mapped[int] = mapped_column(default=0, server_default=text("0"))


class Refund(Base):
    """One taking back, of a whole purchase or a part of it. Never changed."""

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint("amount_twd >= 0", name="amount_not_negative"),
        Index(None, "purchase_id"),
        Index(None, "member_id", "refunded_on"),
        Index("ix_refund_store_id", "store_id", "refunded_on"),
        Index("ix_refund_staff_id", "staff_id", "refunded_at"),
    )

    id: Mapped[Identifier]
    purchase_id: Mapped[int] = mapped_column(ForeignKey("purchase.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    amount_twd: Mapped[int]
    """Money given back; 0 only where a purchase paid wholly by coupon or points is undone."""
    reason: Mapped[str]
    is_full: Mapped[bool]
    """Whether nothing of the purchase is left after it."""
    lines: Mapped[list[dict[str, int]] | None] = mapped_column(JSON)
    """`[{"line_no": 1, "quantity": 2}]` where it named lines."""
    points_taken: Mapped[int] = mapped_column(default=0)
    points_given_back: Mapped[int] = mapped_column(default=0)
    refunded_at: Mapped[Moment]
    refunded_on: Mapped[Day]
    idempotency_key: Mapped[str] = mapped_column(unique=True)


class AmountRefused(BusinessError):
    """The amount is not a whole number of NT$ between 1 and the largest one sale may have."""

    code = "amount_refused"


class CodeAlreadyUsed(BusinessError):
    """The scanned code has made its one purchase."""

    code = "code_already_used"


class OrderKnown(BusinessError):
    """This order of that system is recorded: it counts once, through whichever door it came."""

    code = "order_known"

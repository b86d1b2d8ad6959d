"""The purchase's table, and what its rules refuse."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BusinessError, Day, Identifier, Moment

LARGEST_AMOUNT_TWD = 200_000


class Purchase(Base):
    """One sale; what was paid after the discount counts for points and tier. Never changed."""

    __tablename__ = "purchase"
    __table_args__ = (
        CheckConstraint("amount_twd > 0", name="amount_positive"),
        CheckConstraint(
            "discount_twd >= 0 AND discount_twd <= amount_twd", name="discount_within_amount"
        ),
        CheckConstraint("paid_twd = amount_twd - discount_twd", name="paid_is_the_rest"),
        CheckConstraint("points_earned >= 0", name="points_not_negative"),
        Index(None, "member_id", "purchased_on"),
        Index("ix_purchase_store_id", "store_id", "purchased_on"),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    channel: Mapped[str] = mapped_column(default="till")
    amount_twd: Mapped[int]
    discount_twd: Mapped[int] = mapped_column(default=0)
    paid_twd: Mapped[int]
    coupon_id: Mapped[int | None] = mapped_column(ForeignKey("coupon.id"), unique=True)
    points_earned: Mapped[int]
    stamps_added: Mapped[int] = mapped_column(default=0)
    code_id: Mapped[str | None] = mapped_column(Text, unique=True)
    """Which scanned code identified the member: good for one purchase."""
    purchased_at: Mapped[Moment]
    purchased_on: Mapped[Day]
    idempotency_key: Mapped[str] = mapped_column(unique=True)


class AmountRefused(BusinessError):
    """The amount is not a whole number of NT$ between 1 and the largest one sale may have."""

    code = "amount_refused"


class CodeAlreadyUsed(BusinessError):
    """The scanned code has made its one purchase."""

    code = "code_already_used"

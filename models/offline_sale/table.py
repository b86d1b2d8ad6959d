"""The table of sales that were made without a network, and what its rules refuse."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BusinessError, Identifier, Moment, one_of
from models.device import Device
from models.member import Member
from models.shop import Store
from models.staff import Staff

RECORDED = "recorded"
ACCEPTED = "accepted"
DISMISSED = "dismissed"
SETTLEMENTS = (RECORDED, ACCEPTED, DISMISSED)


class OfflineSale(Base):
    """One item of a device's queue as it was received: recorded, or with what stands in its way.

    What it told never changes. A `problem` without a settlement waits for a manager, who records
    it after all, accepts a loss, or dismisses it with a reason. The member's code itself is not
    kept, only its digest.
    """

    __tablename__ = "offline_sale"
    __table_args__ = (
        CheckConstraint("amount_twd > 0", name="amount_positive"),
        CheckConstraint(
            "points >= 0 AND points_twd >= 0 AND coupon_twd >= 0 AND loss_twd >= 0",
            name="never_below_zero",
        ),
        CheckConstraint(
            "purchase_id IS NOT NULL OR problem IS NOT NULL", name="recorded_or_why_not"
        ),
        CheckConstraint("loss_twd = 0 OR problem IS NOT NULL", name="loss_is_a_problem"),
        CheckConstraint(one_of("settlement", SETTLEMENTS), name="settlement_known"),
        CheckConstraint(
            "(settlement IS NULL) = (settled_at IS NULL)"
            " AND (settlement IS NULL) = (settled_by IS NULL)"
            " AND (settlement IS NULL OR problem IS NOT NULL)",
            name="settled_when",
        ),
        CheckConstraint("settled_by <> staff_id", name="second_person"),
        Index(
            "ix_offline_sale_open",
            "id",
            postgresql_where=text("problem IS NOT NULL AND settled_at IS NULL"),
        ),
        Index("ix_offline_sale_member_id", "member_id"),
        Index("ix_offline_sale_device_id", "device_id"),
    )

    id: Mapped[Identifier]
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    """The purchase's key: a confirm lost on the wire and its twin in the queue share it."""
    content: Mapped[str]
    """A digest of what was told, to tell a repetition from another sale under the same key."""
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    """None where nobody could be told from what was scanned or typed."""
    code_digest: Mapped[str | None]
    """Of the scanned text; None where a number was typed."""
    shown: Mapped[str]
    """What the device showed instead of a name: the code's last signs, a masked number."""
    told_at: Mapped[Moment]
    """When it happened by the device's own clock."""
    skew_ms: Mapped[int | None]
    """How far that clock was ahead of ours, as last measured before the sale; None: not known."""
    sold_at: Mapped[Moment]
    """When it happened by ours."""
    received_at: Mapped[Moment]
    amount_twd: Mapped[int]
    points: Mapped[int]
    points_twd: Mapped[int]
    """What the points took off at the counter, in NT$."""
    coupon_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    coupon_twd: Mapped[int]
    """What a coupon took off at the counter, in NT$, as the clerk read it."""
    lines: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    """The items, where the clerk had typed them before the network went."""
    purchase_id: Mapped[int | None] = mapped_column(ForeignKey("purchase.id"))
    problem: Mapped[str | None]
    """The refusal's code, or `redeem_uncovered` for a sale recorded without what it redeemed."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    """The refusal's facts, for its words."""
    loss_twd: Mapped[int] = mapped_column(default=0)
    """What was taken off at the counter and nothing covers."""
    settlement: Mapped[str | None]
    settled_reason: Mapped[str | None]
    settled_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    settled_at: Mapped[datetime | None]

    device: Mapped[Device] = relationship(lazy="raise")
    store: Mapped[Store] = relationship(lazy="raise")
    staff: Mapped[Staff] = relationship(lazy="raise", foreign_keys=[staff_id])
    member: Mapped[Member | None] = relationship(lazy="raise")

    @property
    def is_open(self) -> bool:
        """Tell whether it waits for a manager."""
        return self.problem is not None and self.settled_at is None

    @property
    def redeem_twd(self) -> int:
        """Return what points and coupon took off at the counter, in NT$."""
        return self.points_twd + self.coupon_twd


class OfflineTooOld(BusinessError):
    """The sale is told of too late to be recorded without a manager."""

    code = "offline_too_old"


class OfflineInFuture(BusinessError):
    """The sale's time has not come yet, whatever the device's clock says."""

    code = "offline_in_future"


class OfflinePassOver(BusinessError):
    """The sale was made before the clerk's pass was given, or after it had ended."""

    code = "offline_pass_over"


class OfflineDeviceRevoked(BusinessError):
    """The device was taken out of use."""

    code = "offline_device_revoked"


class OfflineStaffGone(BusinessError):
    """Who made the sale does not work at the counter any more."""

    code = "offline_staff_gone"


class OfflineSettled(BusinessError):
    """Somebody has settled the item before, or there is none."""

    code = "offline_settled"

"""Web orders: what a shop on the net tells of an order beside the sale itself (B-23).

The sale is a purchase like any other and counts once by its source and reference, whichever of
till, web shop and file told it first. Here stands what only an order has: its shipping, and that
it was called off, perhaps before its sale was known.
"""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Row, and_, func, literal, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base
from models.benefit import paid_plan, ships_free
from models.local_day import local_day
from models.member import Member
from models.programme import Programme
from models.purchase.table import Purchase

WEB = "web"
"""The channel of what a web shop sells."""
PAID, CANCELLED, REFUNDED = ("paid", "cancelled", "refunded")


class WebOrder(Base):
    """An order as its web shop tells it. Without a purchase it was called off before it counted."""

    __tablename__ = "web_order"
    __table_args__ = (
        CheckConstraint("shipping_twd >= 0", name="shipping_not_negative"),
        CheckConstraint(
            "purchase_id IS NOT NULL OR cancelled_at IS NOT NULL", name="counted_or_cancelled"
        ),
    )

    source: Mapped[str] = mapped_column(primary_key=True)
    source_ref: Mapped[str] = mapped_column(primary_key=True)
    purchase_id: Mapped[int | None] = mapped_column(ForeignKey("purchase.id"), index=True)
    shipping_twd: Mapped[int] = mapped_column(default=0)
    """What the customer paid for shipping; part of the purchase's amount."""
    is_shipped_free: Mapped[bool] = mapped_column(default=False)
    """Whether shipping was waived by the member's benefit, which may be for so many a month."""
    cancelled_at: Mapped[datetime | None]


def status_of(purchase: Purchase | None, order: WebOrder | None) -> str:
    """Return where an order stands: `paid`, `cancelled`, or `refunded` in whole or part."""
    if purchase is None or (order is not None and order.cancelled_at is not None):
        return CANCELLED
    return REFUNDED if purchase.refunded_twd or purchase.undone_at else PAID


def find_order(
    session: Session, source: str, ref: str
) -> Row[Purchase | None, WebOrder | None] | None:
    """Return what is known of an order: its purchase, and what its web shop told; else None."""
    asked = select(literal(source).label("source"), literal(ref).label("ref")).subquery()
    found = session.execute(
        select(Purchase, WebOrder)
        .select_from(asked)
        .outerjoin(
            Purchase,
            and_(Purchase.source == asked.c.source, Purchase.source_ref == asked.c.ref),
        )
        .outerjoin(
            WebOrder,
            and_(WebOrder.source == asked.c.source, WebOrder.source_ref == asked.c.ref),
        )
        .execution_options(populate_existing=True)
    ).one()
    return None if found == (None, None) else found


def free_orders_in_month(session: Session, member_id: int, day: date) -> int:
    """Count the member's orders of the month of `day` that went free by their benefit and stand."""
    counted = (
        select(func.count())
        .select_from(Purchase)
        .join(WebOrder, WebOrder.purchase_id == Purchase.id)
        .where(
            Purchase.member_id == member_id,
            Purchase.purchased_on >= day.replace(day=1),
            Purchase.purchased_on <= day,
            WebOrder.is_shipped_free,
            WebOrder.cancelled_at.is_(None),
        )
    )
    return session.scalar(counted) or 0


def is_shipped_free(
    session: Session, programme: Programme, member: Member, goods_twd: int, now: datetime
) -> bool:
    """Tell whether tier or plan send an order of so many NT$ of goods free of charge now."""
    day = local_day(now)
    return ships_free(
        programme,
        member.tier_id,
        paid_plan(member, now),
        day,
        amount_twd=goods_twd,
        used_this_month=free_orders_in_month(session, member.id, day),
    )

"""A purchase as a clerk reads it: who, where, what, and what of it was taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.checkout.refunding import NoSuchPurchase
from models.coupon import Coupon, Redemption
from models.member import Member, masked_name, shown_number
from models.purchase import Purchase, PurchaseLine, Refund
from models.shop import Store
from models.staff import Staff

MOST_LISTED = 8


@dataclass(frozen=True)
class Refunding:
    """One taking back, and who did it."""

    refund: Refund
    staff_name: str | None


@dataclass(frozen=True)
class Sheet:
    """One purchase with all that belongs to it."""

    purchase: Purchase
    name: str
    """Masked."""
    number: str
    store: Store
    staff_name: str | None
    lines: Sequence[PurchaseLine]
    refunds: Sequence[Refunding]
    coupon_names: Sequence[dict[str, str]]

    @property
    def is_over(self) -> bool:
        """Tell whether nothing is left to take back."""
        return self.purchase.undone_at is not None


@dataclass(frozen=True)
class Bought:
    """One of a member's purchases, in a list."""

    id: int
    at: datetime
    store_name: dict[str, str]
    paid_twd: int
    refunded_twd: int
    points: int


def get_sheet(session: Session, purchase_id: int) -> Sheet:
    """Return a purchase with its member, items, refunds and coupons. Raises NoSuchPurchase."""
    found = session.execute(
        select(Purchase, Member.name, Member.number, Store, Staff.name)
        .join(Member, Member.id == Purchase.member_id)
        .join(Store, Store.id == Purchase.store_id)
        .join(Staff, Staff.id == Purchase.staff_id, isouter=True)
        .where(Purchase.id == purchase_id)
    ).one_or_none()
    if found is None:
        raise NoSuchPurchase
    purchase, name, number, store, staff_name = found
    return Sheet(
        purchase=purchase,
        name=masked_name(name),
        number=shown_number(number),
        store=store,
        staff_name=staff_name,
        lines=_lines(session, purchase_id),
        refunds=_refunds(session, purchase_id),
        coupon_names=[coupon.template.name for coupon in _coupons(session, purchase)],
    )


def list_bought(session: Session, member_id: int) -> list[Bought]:
    """Return a member's last purchases, newest first."""
    rows = session.execute(
        select(Purchase, Store.name)
        .join(Store, Store.id == Purchase.store_id)
        .where(Purchase.member_id == member_id)
        .order_by(Purchase.purchased_on.desc(), Purchase.id.desc())
        .limit(MOST_LISTED)
    )
    return [
        Bought(
            id=purchase.id,
            at=purchase.purchased_at,
            store_name=store_name,
            paid_twd=purchase.paid_twd,
            refunded_twd=purchase.refunded_twd,
            points=purchase.points_earned,
        )
        for purchase, store_name in rows
    ]


def _lines(session: Session, purchase_id: int) -> Sequence[PurchaseLine]:
    return session.scalars(
        select(PurchaseLine)
        .where(PurchaseLine.purchase_id == purchase_id)
        .order_by(PurchaseLine.line_no)
    ).all()


def _refunds(session: Session, purchase_id: int) -> Sequence[Refunding]:
    rows = session.execute(
        select(Refund, Staff.name)
        .join(Staff, Staff.id == Refund.staff_id, isouter=True)
        .where(Refund.purchase_id == purchase_id)
        .order_by(Refund.id)
    )
    return [Refunding(refund, staff_name) for refund, staff_name in rows]


def _coupons(session: Session, purchase: Purchase) -> Sequence[Coupon]:
    used = select(Redemption.coupon_id).where(Redemption.purchase_id == purchase.id)
    return session.scalars(
        select(Coupon)
        .where(or_(Coupon.id == purchase.coupon_id, Coupon.id.in_(used)))
        .order_by(Coupon.id)
    ).all()

"""Voiding: a clerk takes their own last sale back at once, for it was mistyped or made twice.

It is a full refund with a reason, held to a few minutes; everything else is a refund.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.checkout.permission import why_manager
from models.checkout.refunding import Refunded, Return, refund_purchase
from models.fraud import check_own_card
from models.local_day import local_day
from models.member import Member
from models.purchase.table import Purchase, Refund
from models.shop import Store
from models.staff import Staff

VOID_WITHIN = timedelta(minutes=10)
"""So long a clerk may void what they recorded last."""


class NotVoidable(BusinessError):
    """Not this clerk's last sale here, too old, too large, or taken back: a refund is the way."""

    code = "not_voidable"


def find_voidable(session: Session, staff: Staff, store: Store, now: datetime) -> Purchase | None:
    """Return the clerk's last sale in this store where they may void it, or None."""
    last = session.scalars(
        select(Purchase)
        .where(
            Purchase.staff_id == staff.id,
            Purchase.source.is_(None),  # A claimed receipt code is not the clerk's last deed.
            Purchase.purchased_at > now - VOID_WITHIN,
        )
        .order_by(Purchase.purchased_at.desc(), Purchase.id.desc())
        .limit(1)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if last is None or last.refunded_twd or last.undone_at is not None:
        return None
    is_alone = not why_manager(last, staff, store, last.paid_twd, local_day(now))
    return last if is_alone and last.store_id == store.id else None


def void_purchase(
    session: Session,
    purchase_id: int,
    *,
    store: Store,
    staff: Staff,
    reason: str,
    idempotency_key: str,
    now: datetime,
) -> Refunded:
    """Take all of the clerk's last sale back; the caller's transaction keeps it.

    A key seen before returns its first refund. Raises NotVoidable, OwnCard and what
    `refund_purchase` raises.
    """
    asked = Return(purchase_id, store, staff.id, reason, idempotency_key)
    known = select(Refund.id).where(Refund.idempotency_key == idempotency_key)
    if session.scalar(known) is None:
        last = find_voidable(session, staff, store, now)
        if last is None or last.id != purchase_id:
            raise NotVoidable
        check_own_card(staff, session.get_one(Member, last.member_id))
    return refund_purchase(session, asked, now)

"""Purchases as another system asks for them: by its own order, or page by page."""

from datetime import date, datetime

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from models.local_day import local_day
from models.member import Member
from models.purchase.table import Purchase


def find_order_purchase(session: Session, source: str, source_ref: str) -> Purchase | None:
    """Return the purchase that another system knows as this order, or None."""
    return session.scalars(
        select(Purchase).where(Purchase.source == source, Purchase.source_ref == source_ref)
    ).one_or_none()


def list_of_store(
    session: Session,
    store_id: int,
    *,
    member_id: int | None = None,
    since: datetime | None = None,
    before: tuple[date, int] | None = None,
    limit: int,
) -> list[tuple[Purchase, str]]:
    """Return a store's purchases, the newest day first, each with its member's number.

    `before` is day and id of the last one seen.
    """
    chosen = (
        select(Purchase, Member.number)
        .join(Member, Member.id == Purchase.member_id)
        .where(Purchase.store_id == store_id)
        .order_by(Purchase.purchased_on.desc(), Purchase.id.desc())
        .limit(limit)
    )
    if member_id is not None:
        chosen = chosen.where(Purchase.member_id == member_id)
    if since is not None:
        chosen = chosen.where(
            Purchase.purchased_on >= local_day(since), Purchase.purchased_at >= since
        )
    if before is not None:
        chosen = chosen.where(tuple_(Purchase.purchased_on, Purchase.id) < before)
    return [(purchase, number) for purchase, number in session.execute(chosen)]

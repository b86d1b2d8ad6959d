"""What may be asked of purchases."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from models.member import Member
from models.purchase.table import Purchase
from models.shop import Store
from models.staff import Staff


def find_purchase(session: Session, idempotency_key: str) -> Purchase | None:
    """Return the purchase recorded under this key, or None."""
    return session.scalars(
        select(Purchase).where(Purchase.idempotency_key == idempotency_key)
    ).one_or_none()


def is_code_used(session: Session, code_id: str) -> bool:
    """Tell whether a scanned code has made its one purchase."""
    return session.scalar(select(Purchase.id).where(Purchase.code_id == code_id)) is not None


def stores_of(session: Session, purchase_ids: Sequence[int]) -> dict[int, Store]:
    """Return the store of each of these purchases, by purchase id."""
    rows = session.execute(
        select(Purchase.id, Store)
        .join(Store, Store.id == Purchase.store_id)
        .where(Purchase.id.in_(purchase_ids))
    )
    return dict(rows.all())


def list_of_day(
    session: Session, store_id: int, day: date, *, limit: int
) -> Sequence[Row[Purchase, str | None, str, str | None]]:
    """Return a store's newest purchases of a day, each with member's name and number and clerk."""
    return session.execute(
        select(Purchase, Member.name, Member.number, Staff.name)
        .join(Member, Member.id == Purchase.member_id)
        .join(Staff, Staff.id == Purchase.staff_id, isouter=True)
        .where(Purchase.store_id == store_id, Purchase.purchased_on == day)
        .order_by(Purchase.purchased_at.desc(), Purchase.id.desc())
        .limit(limit)
    ).all()


def total_of_day(session: Session, store_id: int, day: date) -> tuple[int, int]:
    """Return how many purchases of a store's day stand, and what they net of refunds (NT$)."""
    count, net_twd = session.execute(
        select(
            func.count(), func.coalesce(func.sum(Purchase.paid_twd - Purchase.refunded_twd), 0)
        ).where(
            Purchase.store_id == store_id,
            Purchase.purchased_on == day,
            Purchase.undone_at.is_(None),
        )
    ).one()
    return count, int(net_twd)

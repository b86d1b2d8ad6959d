"""What may be asked of purchases."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from models.member import Member, NoSuchMember, kept_member
from models.purchase.table import CodeAlreadyUsed, Purchase
from models.shop import THE_SHOP, Shop, Store
from models.staff import Staff


def get_scanned_member(session: Session, card_ref: str, code_id: str) -> tuple[Member, int]:
    """Return whose card a valid code names, and the version of the rules in force; one statement.

    Raises CodeAlreadyUsed, or NoSuchMember.
    """
    is_used = select(Purchase.id).where(Purchase.code_id == code_id).exists()
    found = session.execute(
        select(Member, Shop.programme_version, is_used)
        .join(Shop, Shop.id == THE_SHOP)
        .where(Member.card_ref == card_ref, Member.erased_at.is_(None))
    ).one_or_none()
    if found is None:
        raise NoSuchMember
    member, version, has_bought = found
    if has_bought:
        raise CodeAlreadyUsed
    return kept_member(session, member), version


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

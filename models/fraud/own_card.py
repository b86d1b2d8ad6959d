"""Own cards: who works at the counter neither earns, redeems nor corrects on their own card."""

from typing import Protocol

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.member import Member
from models.staff import Staff


class Carded(Protocol):
    """A member as far as this rule looks: their row, or what a sale read of it."""

    @property
    def id(self) -> int: ...


class OwnCard(BusinessError):
    """The card belongs to the clerk who asks: a colleague has to do it."""

    code = "own_card"


class NoSuchStaff(BusinessError):
    """Nobody has this login."""

    code = "no_such_staff"


def is_own_card(staff: Staff, member: Carded) -> bool:
    """Tell whether the card is the clerk's own: linked by hand, or by the same phone."""
    if staff.member_id is not None:
        return staff.member_id == member.id
    phone = getattr(member, "phone", None)
    return staff.phone is not None and staff.phone == phone


def check_own_card(staff: Staff, member: Carded) -> None:
    """Refuse a clerk's own card. Raises OwnCard."""
    if is_own_card(staff, member):
        raise OwnCard


def link_staff(session: Session, username: str, member: Member) -> Staff:
    """Note that this card is that person's own. Raises NoSuchStaff."""
    staff = session.scalars(
        select(Staff).where(Staff.username == username.strip().lower())
    ).one_or_none()
    if staff is None:
        raise NoSuchStaff(username=username)
    staff.member_id = member.id
    session.flush()
    return staff


def link_staff_by_phone(session: Session, member: Member) -> None:
    """Link whoever of the staff has the phone of this member; for whoever writes a phone."""
    if member.phone is None:
        return
    session.execute(
        update(Staff)
        .where(Staff.phone == member.phone, Staff.member_id.is_(None))
        .values(member_id=member.id)
    )

"""Re-binding: a member with a new phone or LINE account comes back to their card.

Either they prove that the phone number on the card is theirs, or a clerk checks who they are.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.fraud.own_card import check_own_card
from models.identity.request import BindingRequest
from models.line_binding import move_binding
from models.member import Member, find_member_by_line
from models.membership import AlreadyMember, PhoneTaken, welcome_known
from models.staff import Staff

SHORTEST_REASON = 2


class ReasonMissing(BusinessError):
    """What only a person may decide needs a reason that can be read later."""

    code = "reason_missing"


def find_member_by_phone(session: Session, phone: str) -> Member | None:
    """Return the member who holds this number (E.164), or None."""
    return session.scalars(select(Member).where(Member.phone == phone)).one_or_none()


def rebind_by_otp(
    session: Session, phone: str, line_user_id: str, *, key: str, now: datetime
) -> Member | None:
    """Bind the card of a phone just proved to this LINE account; None where it has no card.

    `key` names the proof, once. Raises AlreadyMember where the account carries another card:
    two cards are for a clerk to merge.
    """
    member = find_member_by_phone(session, phone)
    if member is None:
        return None
    _refuse_second_card(session, member, line_user_id)
    member.phone_verified_at = now
    return _bind(session, member, line_user_id, "otp", key=key, now=now)


def rebind_by_clerk(
    session: Session,
    member: Member,
    request: BindingRequest,
    *,
    staff: Staff,
    reason: str,
    now: datetime,
) -> Member:
    """Bind a member, whose name the clerk has checked, to the LINE account that asked.

    The request is used up. Raises OwnCard, ReasonMissing, or AlreadyMember.
    """
    check_own_card(staff, member)
    if len(reason.strip()) < SHORTEST_REASON:
        raise ReasonMissing
    _refuse_second_card(session, member, request.line_user_id)
    request.used_at = now
    return _bind(
        session,
        member,
        request.line_user_id,
        "clerk",
        key=request.ref,
        now=now,
        staff_id=staff.id,
        reason=reason,
    )


def verify_phone(session: Session, member: Member, phone: str, now: datetime) -> None:
    """Take over a phone just proved as the member's own. Raises PhoneTaken."""
    holder = find_member_by_phone(session, phone)
    if holder is not None and holder.id != member.id:
        raise PhoneTaken
    member.phone, member.phone_verified_at = phone, now
    session.flush()


def _refuse_second_card(session: Session, member: Member, line_user_id: str) -> None:
    holder = find_member_by_line(session, line_user_id)
    if holder is not None and holder.id != member.id:
        raise AlreadyMember


def _bind(
    session: Session,
    member: Member,
    line_user_id: str,
    how: str,
    *,
    key: str,
    now: datetime,
    staff_id: int | None = None,
    reason: str | None = None,
) -> Member:
    is_first = member.line_user_id is None
    move_binding(
        session, member, line_user_id, how, key=key, now=now, staff_id=staff_id, reason=reason
    )
    if is_first:
        welcome_known(session, member, now)
    return member

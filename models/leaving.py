"""Leaving at somebody's wish, done by the shop: seen before it is done, and noted with who did it.

What a person wished by phone or at the counter is done by the office. Members who have LINE can
do it themselves; both end in `erase_member`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.audit import note
from models.base import BusinessError
from models.browse_event import forget_looks
from models.consent import get_notice, note_consent
from models.coupon import Coupon
from models.fraud.own_card import check_own_card
from models.identity.rebinding import SHORTEST_REASON, ReasonMissing
from models.journey import JourneyVisit
from models.journey.table import UNDER_WAY
from models.link import forget_clicks
from models.member import Member
from models.member_note import MemberNote
from models.membership import erase_member
from models.outbox import Owed
from models.programme import get_programme
from models.staff import Staff
from models.tag import MemberTag

OFFICE = "office"
"""The channel of a consent that the office noted."""


class AlreadyLeft(BusinessError):
    """The member has left, or their card became another one's: nothing of a person is there."""

    code = "already_left"


class WrongNumber(BusinessError):
    """The number typed to confirm is not this member's."""

    code = "wrong_number"


@dataclass(frozen=True)
class Leaving:
    """What erasing a member takes from them and from the shop."""

    points: int
    points_twd: int
    """What they would have been worth, NT$."""
    points_pending: int
    coupons: int
    """That could still be used, or unlocked."""
    plan_until: datetime | None
    """Until when they paid, where they hold a plan."""
    visits: int
    """Journeys they are under way on."""
    messages: int
    """Messages on their way to them."""
    tags: int
    notes: int
    has_line: bool


def preview_leaving(session: Session, member: Member, now: datetime) -> Leaving:
    """Return what erasing would take; writes nothing. Raises AlreadyLeft."""
    refuse_gone(member)
    coupons = select(func.count()).where(
        Coupon.member_id == member.id,
        Coupon.state.in_(("issued", "locked")),
        Coupon.expires_at > now,
    )
    visits = select(func.count()).where(
        JourneyVisit.member_id == member.id, JourneyVisit.state == UNDER_WAY
    )
    messages = select(func.count()).where(
        Owed.line_user_id == member.line_user_id, Owed.state == "waiting"
    )
    tags = select(func.count(MemberTag.tag_code.distinct())).where(MemberTag.member_id == member.id)
    notes = select(func.count()).where(
        MemberNote.member_id == member.id, MemberNote.removed_at.is_(None)
    )
    counts: Sequence[int] = session.execute(
        select(*(each.scalar_subquery() for each in (coupons, visits, messages, tags, notes)))
    ).one()
    worth = get_programme(session).shop.point_value_twd
    return Leaving(
        points=member.points,
        points_twd=max(member.points, 0) * worth,
        points_pending=member.points_pending,
        coupons=counts[0],
        plan_until=member.plan_until if member.plan_code and member.plan_until else None,
        visits=counts[1],
        messages=counts[2],
        tags=counts[3],
        notes=counts[4],
        has_line=member.line_user_id is not None,
    )


def erase_for(
    session: Session,
    member: Member,
    *,
    typed_number: str,
    reason: str,
    staff: Staff,
    key: str,
    now: datetime,
) -> None:
    """Erase a member's personal data at their wish, as `erase_member` does, and note who did it.

    The member's number has to be typed again, for nothing brings the person back. Raises
    WrongNumber, ReasonMissing, OwnCard or AlreadyLeft.
    """
    session.refresh(member, with_for_update=True)
    refuse_gone(member)
    check_own_card(staff, member)
    if len(reason.strip()) < SHORTEST_REASON:
        raise ReasonMissing
    if "".join(typed_number.split()) != member.number:
        raise WrongNumber
    erase_member(session, member, evidence=f"{OFFICE}:{key}", now=now)
    note(
        session,
        "member.erase",
        f"member:{member.id}",
        now=now,
        staff_id=staff.id,
        member_id=member.id,
        reason=reason,
    )


def stop_marketing(
    session: Session, member: Member, *, reason: str, staff: Staff, key: str, now: datetime
) -> None:
    """Stop all marketing to a member who asked the shop to; only they can allow it again.

    Nothing happens where it is stopped already. Raises ReasonMissing or AlreadyLeft.
    """
    session.refresh(member, with_for_update=True)
    refuse_gone(member)
    if len(reason.strip()) < SHORTEST_REASON:
        raise ReasonMissing
    if not member.marketing_allowed:
        return
    member.marketing_allowed = False
    forget_looks(session, member.id)
    forget_clicks(session, member.id)
    note_consent(
        session,
        member.id,
        "marketing",
        is_given=False,
        notice_version=get_notice(session).version,
        channel=OFFICE,
        evidence=f"{OFFICE}:{key}",
        now=now,
    )
    note(
        session,
        "member.stop_marketing",
        f"member:{member.id}",
        now=now,
        staff_id=staff.id,
        member_id=member.id,
        reason=reason,
    )
    session.flush()


def refuse_gone(member: Member) -> None:
    """Refuse to work on a card that is nobody's any more. Raises AlreadyLeft."""
    if member.erased_at is not None or member.merged_into_id is not None:
        raise AlreadyLeft

"""Membership: joining, changing one's own data, saying no to marketing, and leaving."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.consent import get_notice, note_consent
from models.coupon import Coupon, get_template, issue_coupon, void_coupons
from models.friend import Friend, end_conversation, meet
from models.local_day import local_day
from models.member import (
    FormerMember,
    Member,
    check_birthday,
    digest_of,
    draw_number,
    find_member_by_line,
    is_phone_taken,
    normal_name,
    was_member_before,
)
from models.member_code import new_card_ref
from models.outbox import MENU_KIND, owe
from models.phone import normal_phone
from models.programme import get_programme

NUMBER_DRAWS = 5


class AlreadyMember(BusinessError):
    """This LINE account has its card."""

    code = "already_member"


class PhoneTaken(BusinessError):
    """Another member holds this phone number."""

    code = "phone_taken"


@dataclass(frozen=True)
class Application:
    """What a person told us to become a member, with the proof of their consent."""

    line_user_id: str
    name: str
    phone: str
    birthday: date
    language: str
    source: str
    notice_version: str
    evidence: str


@dataclass(frozen=True)
class Joined:
    """A fresh member and, for a first time, the welcome coupon."""

    member: Member
    welcome_coupon: Coupon | None


_PERSON = (
    select(Friend, Member)
    .join(Member, Member.line_user_id == Friend.line_user_id, isouter=True)
    .where(Friend.line_user_id == bindparam("line_user_id"))
)


def meet_person(
    session: Session, line_user_id: str, *, language: str | None = None
) -> tuple[Friend, Member | None]:
    """Return who a LINE id is to us: a friend, made at the first meeting, and perhaps a member."""
    known = session.execute(_PERSON, {"line_user_id": line_user_id}).one_or_none()
    if known is not None:
        return known[0], known[1]
    friend = meet(session, line_user_id, language=language)
    return friend, find_member_by_line(session, line_user_id)


def register_member(session: Session, asked: Application, now: datetime) -> Joined:
    """Make a member of the applicant: card, consent, welcome coupon and the members' rich menu.

    Raises AlreadyMember, PhoneTaken, or what the name, phone and birthday rules refuse.
    """
    if find_member_by_line(session, asked.line_user_id) is not None:
        raise AlreadyMember
    phone = normal_phone(asked.phone)
    if is_phone_taken(session, phone):
        raise PhoneTaken
    today = local_day(now)
    programme = get_programme(session)
    member = Member(
        line_user_id=asked.line_user_id,
        name=normal_name(asked.name),
        phone=phone,
        birthday=check_birthday(asked.birthday, today),
        language=asked.language,
        joined_at=now,
        join_source=asked.source,
        tier_id=programme.tiers[0].id,
        spend_on=today,
    )
    _insert(session, member)
    note_consent(
        session,
        member.id,
        "membership",
        is_given=True,
        notice_version=asked.notice_version,
        channel="line",
        evidence=asked.evidence,
        now=now,
    )
    owe_menu(session, member, "member", key=f"join:{member.id}", now=now)
    end_conversation(session, asked.line_user_id)
    return Joined(member, _welcome(session, member, now))


def _insert(session: Session, member: Member) -> None:
    """Insert under the unique keys: two applications at once leave one member, and a clear no."""
    for _ in range(NUMBER_DRAWS):
        member.number = draw_number()
        try:
            with session.begin_nested():
                session.add(member)
        except IntegrityError as error:
            constraint = getattr(getattr(error.orig, "diag", None), "constraint_name", "") or ""
            if "phone" in constraint:
                raise PhoneTaken from error
            if "line_user_id" in constraint:
                raise AlreadyMember from error
            if "number" not in constraint:
                raise
        else:
            return
    raise AssertionError("nine digits ran out")


def _welcome(session: Session, member: Member, now: datetime) -> Coupon | None:
    assert member.line_user_id is not None
    if was_member_before(session, member.line_user_id):
        return None
    template = get_template(session, "welcome")
    return issue_coupon(session, member.id, template, issue_key=f"welcome:{member.id}", now=now)


def owe_menu(session: Session, member: Member, menu: str, *, key: str, now: datetime) -> None:
    """Owe the member's phone a rich menu: `member`, or `guest` after leaving."""
    assert member.line_user_id is not None
    owe(
        session,
        member.line_user_id,
        MENU_KIND,
        {"menu": menu},
        language=member.language,
        idempotency_key=f"menu:{key}",
        now=now,
        member_id=member.id,
    )


def set_marketing(
    session: Session, member: Member, *, allowed: bool, evidence: str, now: datetime
) -> None:
    """Allow or stop marketing; a stop holds for every message not yet on its way."""
    member.marketing_allowed = allowed
    note_consent(
        session,
        member.id,
        "marketing",
        is_given=allowed,
        notice_version=get_notice(session).version,
        channel="line",
        evidence=evidence,
        now=now,
    )


def change_name(session: Session, member: Member, typed: str) -> None:
    """Take over a corrected name. Raises NameRefused."""
    member.name = normal_name(typed)
    session.flush()


def change_phone(session: Session, member: Member, typed: str) -> None:
    """Take over a new phone number. Raises NotAMobileNumber or PhoneTaken."""
    phone = normal_phone(typed)
    if is_phone_taken(session, phone, but_for=member.id):
        raise PhoneTaken
    try:
        with session.begin_nested():
            member.phone = phone
    except IntegrityError as error:
        raise PhoneTaken from error


def change_birthday(session: Session, member: Member, birthday: date, now: datetime) -> None:
    """Take over a corrected birthday; the gift stays one a year. Raises BirthdayRefused."""
    member.birthday = check_birthday(birthday, local_day(now))
    session.flush()


def erase_member(session: Session, member: Member, *, evidence: str, now: datetime) -> None:
    """Delete a member's personal data; figures stay without a person, unused coupons end."""
    assert member.line_user_id is not None
    line_user_id = member.line_user_id
    owe_menu(session, member, "guest", key=f"erase:{member.id}", now=now)
    note_consent(
        session,
        member.id,
        "membership",
        is_given=False,
        notice_version=get_notice(session).version,
        channel="line",
        evidence=evidence,
        now=now,
    )
    void_coupons(session, member.id)
    end_conversation(session, line_user_id)
    session.merge(FormerMember(digest=digest_of(line_user_id), left_at=now))
    member.line_user_id = member.name = member.phone = member.birthday = None
    member.marketing_allowed = False
    member.card_ref = new_card_ref()  # Codes in old screenshots lead nowhere.
    member.erased_at = now
    session.flush()

"""Membership: joining, changing one's own data, saying no to marketing, and leaving."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.audit import note
from models.base import BusinessError
from models.browse_event import forget_looks
from models.channel import forget_channel
from models.consent import get_notice, note_consent
from models.coupon import Coupon, get_template, issue_coupon, issue_pack, void_coupons
from models.engagement import forget_engagement
from models.favourite import forget_favourites
from models.fraud.own_card import link_staff_by_phone
from models.friend import Friend, end_conversation, meet
from models.journey.moving import forget_visits
from models.line_binding import forget_bindings, move_binding, note_binding
from models.link import forget_clicks
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
from models.member_note import forget_notes
from models.outbox import MENU_KIND, owe
from models.phone import normal_phone
from models.plan import leave_plan
from models.programme import get_programme
from models.shop import THE_SHOP, Shop, Store
from models.survey import forget_answers
from models.tag import forget_tags

NUMBER_DRAWS = 5
WELCOME = "welcome"
"""The code of the coupon, or of the first one of the pack, that a newcomer gets."""


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
    is_phone_proved: bool = False
    """Whether they typed the code we sent to that phone."""


@dataclass(frozen=True)
class Joined:
    """A fresh member and, for a first time, the welcome coupons, the usable one first."""

    member: Member
    welcome: Sequence[Coupon] = ()


_PERSON = (
    select(
        Friend,
        Member,
        select(Shop.programme_version).where(Shop.id == THE_SHOP).scalar_subquery(),
    )
    .join(Member, Member.line_user_id == Friend.line_user_id, isouter=True)
    .where(Friend.line_user_id == bindparam("line_user_id"))
)


@dataclass(frozen=True)
class Met:
    """Who a LINE id is to us, and which rules are in force; one query."""

    friend: Friend
    member: Member | None
    programme_version: int | None
    """None at the first meeting, where nobody has asked yet."""


def meet_person(session: Session, line_user_id: str, *, language: str | None = None) -> Met:
    """Return who a LINE id is to us: a friend, made at the first meeting, and perhaps a member."""
    known = session.execute(_PERSON, {"line_user_id": line_user_id}).one_or_none()
    if known is not None:
        return Met(*known)
    friend = meet(session, line_user_id, language=language)
    return Met(friend, find_member_by_line(session, line_user_id), None)


def register_member(session: Session, asked: Application, now: datetime) -> Joined:
    """Make a member of the applicant: card, consent, welcome coupon and the members' rich menu.

    Whoever proved a phone that a member without LINE gave at a till becomes that member.
    Raises AlreadyMember, PhoneTaken, or what the name, phone and birthday rules refuse.
    """
    if find_member_by_line(session, asked.line_user_id) is not None:
        raise AlreadyMember
    phone = normal_phone(asked.phone)
    known = session.scalars(select(Member).where(Member.phone == phone)).one_or_none()
    if known is not None:
        return _join_known(session, known, asked, now)
    today = local_day(now)
    member = Member(
        line_user_id=asked.line_user_id,
        name=normal_name(asked.name),
        phone=phone,
        phone_verified_at=now if asked.is_phone_proved else None,
        birthday=check_birthday(asked.birthday, today),
        language=asked.language,
        joined_at=now,
        join_source=asked.source,
        tier_id=get_programme(session).tiers[0].id,
        spend_on=today,
    )
    _insert(session, member)
    note_binding(session, member, "joined", now)
    link_staff_by_phone(session, member)
    _note_joining(session, member, asked, now)
    owe_menu(session, member, "member", key=f"join:{member.id}", now=now)
    end_conversation(session, asked.line_user_id)
    return Joined(member, _welcome(session, member, now))


def _join_known(session: Session, member: Member, asked: Application, now: datetime) -> Joined:
    """Put a card known at the till, number, points and history, on the applicant's LINE.

    A card that is on another LINE account moves by `models/identity/rebinding.py` alone.
    """
    if not asked.is_phone_proved or member.line_user_id is not None:
        raise PhoneTaken
    name, birthday = normal_name(asked.name), check_birthday(asked.birthday, local_day(now))
    move_binding(session, member, asked.line_user_id, "otp", key=f"join:{asked.evidence}", now=now)
    member.name, member.birthday = name, member.birthday or birthday
    member.language, member.phone_verified_at = asked.language, now
    _note_joining(session, member, asked, now)
    session.flush()
    return Joined(member, _welcome(session, member, now))


def _note_joining(session: Session, member: Member, asked: Application, now: datetime) -> None:
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


def register_at_till(
    session: Session,
    phone: str,
    *,
    name: str | None,
    store: Store,
    staff_id: int | None,
    evidence: str,
    now: datetime,
    source: str | None = None,
) -> Member:
    """Make a member known by phone alone, whom a clerk told the notice and asked for their yes.

    `evidence` names what proves it: the page's key, the import's row. The card is theirs in LINE
    once they prove the phone. Raises PhoneTaken, or what the name and phone rules refuse.
    """
    normal = normal_phone(phone)
    if is_phone_taken(session, normal):
        raise PhoneTaken
    member = Member(
        name=normal_name(name) if name and name.strip() else None,
        phone=normal,
        joined_at=now,
        join_source=source or f"store:{store.code}",
        tier_id=get_programme(session).tiers[0].id,
        spend_on=local_day(now),
    )
    _insert(session, member)
    link_staff_by_phone(session, member)
    note_consent(
        session,
        member.id,
        "membership",
        is_given=True,
        notice_version=get_notice(session).version,
        channel="till",
        evidence=evidence,
        now=now,
    )
    note(
        session,
        "member.register",
        f"member:{member.id}",
        now=now,
        staff_id=staff_id,
        store_id=store.id,
        after={"join_source": member.join_source},
    )
    return member


def welcome_known(session: Session, member: Member, now: datetime) -> Coupon | None:
    """Give a member first known at the till what others get when they join in LINE, once."""
    given = _welcome(session, member, now)
    return given[0] if given else None


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


def _welcome(session: Session, member: Member, now: datetime) -> Sequence[Coupon]:
    """Give the welcome pack (C-01); a shop that set up before there were packs has one coupon."""
    assert member.line_user_id is not None
    if was_member_before(session, member.line_user_id):
        return ()
    key, template = f"welcome:{member.id}", get_template(session, WELCOME)
    if template.pack_code is not None:
        return issue_pack(session, member.id, template.pack_code, issue_key=key, now=now)
    coupon = issue_coupon(session, member.id, template, issue_key=key, now=now)
    return () if coupon is None else (coupon,)


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
    if not allowed:
        forget_looks(session, member.id)
        forget_clicks(session, member.id)
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
            if member.phone != phone:
                member.phone, member.phone_verified_at = phone, None
    except IntegrityError as error:
        raise PhoneTaken from error
    link_staff_by_phone(session, member)


def change_birthday(session: Session, member: Member, birthday: date, now: datetime) -> None:
    """Take over a corrected birthday; the gift stays one a year. Raises BirthdayRefused."""
    member.birthday = check_birthday(birthday, local_day(now))
    session.flush()


def erase_member(session: Session, member: Member, *, evidence: str, now: datetime) -> None:
    """Delete a member's personal data; figures stay without a person, unused coupons end."""
    from models.identity.merge import forget_merged_person  # It stands on joining.

    line_user_id = member.line_user_id
    if line_user_id is not None:
        owe_menu(session, member, "guest", key=f"erase:{member.id}", now=now)
    note_consent(
        session,
        member.id,
        "membership",
        is_given=False,
        notice_version=get_notice(session).version,
        channel="line" if line_user_id is not None else "till",
        evidence=evidence,
        now=now,
    )
    void_coupons(session, member.id, now)
    leave_plan(session, member, now)
    forget_bindings(session, member, now)
    forget_looks(session, member.id)
    forget_engagement(session, member.id)
    forget_favourites(session, member.id)
    forget_channel(session, member.id)
    forget_tags(session, [member.id], now)
    forget_answers(session, [member.id])
    forget_notes(session, [member.id])
    forget_visits(session, [member.id], now)
    forget_merged_person(session, member.id)
    if line_user_id is not None:
        end_conversation(session, line_user_id)
        session.merge(FormerMember(digest=digest_of(line_user_id), left_at=now))
    member.line_user_id = member.name = member.phone = member.birthday = None
    member.marketing_allowed = False
    member.card_ref = new_card_ref()  # Codes in old screenshots lead nowhere.
    member.erased_at = now
    session.flush()

"""Bindings: a card moves to another LINE account, and its history says from where and why."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from models.audit import AuditEntry
from models.base import BusinessError
from models.consent import Consent
from models.coupon import Coupon
from models.fraud import OwnCard
from models.identity import (
    NoSuchRequest,
    ReasonMissing,
    get_binding_request,
    rebind_by_clerk,
    rebind_by_otp,
    request_binding,
    verify_phone,
)
from models.identity.request import LIFE, BindingRequest
from models.line_binding import LineBinding, list_bindings
from models.member import Member, NoSuchMember, get_member_by_card
from models.member_code import derive_signing_key, issue_code
from models.membership import (
    AlreadyMember,
    Application,
    PhoneTaken,
    erase_member,
    register_at_till,
    register_member,
)
from models.outbox import MENU_KIND, Owed
from models.staff import Staff
from tests.conftest import NOON, Committed, Maker

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]

KEY = derive_signing_key("a secret of the tests")
NEW = "U" + "d" * 32


def history(session: Session, member: Member) -> list[tuple[str | None, str, str | None]]:
    return [
        (row.line_user_id, row.bound_how, row.revoke_reason)
        for row in list_bindings(session, member.id)
    ]


def owed(session: Session, line_user_id: str) -> list[tuple[str, str | None]]:
    rows = session.scalars(select(Owed).where(Owed.line_user_id == line_user_id).order_by(Owed.seq))
    return [(row.kind, row.words.get("menu")) for row in rows]


def apply(line_user_id: str = NEW, *, phone: str, is_phone_proved: bool) -> Application:
    return Application(
        line_user_id=line_user_id,
        name="林小晴",
        phone=phone,
        birthday=date(1995, 5, 20),
        language="en",
        source="line",
        notice_version="1",
        evidence="event-7",
        is_phone_proved=is_phone_proved,
    )


# --- by a code


def test_a_lost_phone_keeps_number_points_and_history(
    session: Session, make_member: MakeMember
) -> None:
    """U14: member is not their LINE id: only the binding and the codes are new."""
    member = make_member(points=70, spend_twd=5_200)
    old, ref, number = str(member.line_user_id), member.card_ref, member.number
    bound = rebind_by_otp(session, str(member.phone), NEW, key="event-1", now=NOON)
    assert bound is member
    assert (member.line_user_id, member.number, member.points) == (NEW, number, 70)
    assert member.phone_verified_at == NOON
    assert history(session, member) == [(old, "joined", "moved"), (NEW, "otp", None)]
    with pytest.raises(NoSuchMember):
        get_member_by_card(session, ref)


def test_the_old_account_is_a_guest_again_and_told(
    session: Session, make_member: MakeMember
) -> None:
    """U14: the old phone gets the guests' menu and a word, the new one the members' menu."""
    member = make_member()
    old = str(member.line_user_id)
    rebind_by_otp(session, str(member.phone), NEW, key="event-1", now=NOON)
    assert owed(session, old) == [(MENU_KIND, "guest"), ("line_moved", None)]
    assert owed(session, NEW) == [(MENU_KIND, "member")]
    told = session.scalars(select(Owed).where(Owed.kind == "line_moved")).one()
    assert told.member_id is None  # Else it would be held back as a member's who left.


def test_moving_is_written_down_without_naming_anybody(
    session: Session, make_member: MakeMember
) -> None:
    """U14: old binding revoked, new one bound, both logged. Audit, Privacy: by ids alone."""
    member = make_member()
    rebind_by_otp(session, str(member.phone), NEW, key="event-1", now=NOON)
    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.what, entry.actor, entry.member_id) == ("binding.move", "member", member.id)
    kept = f"{entry.before} {entry.after} {entry.reason} {entry.subject}"
    assert NEW not in kept
    assert str(member.phone) not in kept


def test_binding_to_the_same_account_changes_nothing(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    ref = member.card_ref
    rebind_by_otp(session, str(member.phone), str(member.line_user_id), key="e", now=NOON)
    assert (member.card_ref, history(session, member)) == (ref, [])


def test_an_account_with_a_card_takes_no_second(session: Session, make_member: MakeMember) -> None:
    member, other = make_member(), make_member()
    with pytest.raises(AlreadyMember):
        rebind_by_otp(session, str(member.phone), str(other.line_user_id), key="e", now=NOON)


def test_an_unknown_phone_has_no_card(session: Session) -> None:
    assert rebind_by_otp(session, "+886911111111", NEW, key="e", now=NOON) is None


def test_two_phones_at_once_leave_one_binding(committed: Committed) -> None:
    """U14: two devices at once: one binding, and a history with one open row."""
    with committed.sessions.begin() as session:
        member = committed.maker.member(session)
        member_id, phone = member.id, str(member.phone)
    accounts = [f"U{number:032x}" for number in (0xAA, 0xBB)]

    def bind(account: str) -> bool:
        try:
            with committed.sessions.begin() as session:
                rebind_by_otp(session, phone, account, key=f"otp:{account}", now=NOON)
        except BusinessError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert any(pool.map(bind, accounts))
    with committed.sessions() as session:
        bound = session.get_one(Member, member_id).line_user_id
        still = session.scalars(select(LineBinding).where(LineBinding.revoked_at.is_(None))).all()
        assert [row.line_user_id for row in still] == [bound]


def test_one_account_claiming_two_cards_at_once_gets_one(committed: Committed) -> None:
    """U14: the unique account is the database's word."""
    with committed.sessions.begin() as session:
        phones = [str(committed.maker.member(session).phone) for _ in range(2)]

    def bind(phone: str) -> bool:
        try:
            with committed.sessions.begin() as session:
                rebind_by_otp(session, phone, NEW, key=f"otp:{phone}", now=NOON)
        except BusinessError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(bind, phones)) == 1
    with committed.sessions() as session:
        holders = select(func.count()).where(Member.line_user_id == NEW)
        assert session.scalar(holders) == 1


# --- the history


def test_a_binding_is_closed_once_and_never_changed(
    session: Session, make_member: MakeMember
) -> None:
    """U14: append and close only."""
    member = make_member()
    rebind_by_otp(session, str(member.phone), NEW, key="e", now=NOON)
    for change in (
        "UPDATE line_binding SET bound_how = 'otp'",
        "UPDATE line_binding SET revoked_at = NULL, revoke_reason = NULL",
        "UPDATE line_binding SET line_user_id = 'Uother'",
        "DELETE FROM line_binding",
    ):
        with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
            session.execute(text(change))


def test_the_database_knows_one_open_binding_each(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    rebind_by_otp(session, str(member.phone), NEW, key="e", now=NOON)
    session.add(
        LineBinding(member_id=member.id, line_user_id="U2", bound_at=NOON, bound_how="joined")
    )
    with pytest.raises(IntegrityError):
        session.flush()


def test_leaving_takes_the_accounts_out_of_the_history(
    session: Session, make_member: MakeMember
) -> None:
    """Privacy: the history of an erased member names nobody."""
    member = make_member()
    rebind_by_otp(session, str(member.phone), NEW, key="e", now=NOON)
    erase_member(session, member, evidence="event-9", now=NOON)
    assert history(session, member) == [(None, "joined", "moved"), (None, "otp", "erased")]


# --- by a clerk


@pytest.fixture
def request_of_guest(session: Session) -> BindingRequest:
    return request_binding(session, NEW, NOON)


def test_a_clerk_binds_whom_they_have_checked(
    session: Session,
    make_member: MakeMember,
    make_staff: MakeStaff,
    request_of_guest: BindingRequest,
) -> None:
    """U14: by clerk check; who did it and why is kept."""
    member, clerk = make_member(), make_staff()
    scanned = issue_code(KEY, request_of_guest.ref, NOON).text
    found = get_binding_request(session, KEY.public_key(), scanned, NOON)
    rebind_by_clerk(session, member, found, staff=clerk, reason="證件相符", now=NOON)
    assert member.line_user_id == NEW
    row = list_bindings(session, member.id)[-1]
    assert (row.bound_how, row.bound_by) == ("clerk", clerk.id)
    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.actor, entry.staff_id, entry.reason) == ("staff", clerk.id, "證件相符")


def test_the_eight_digits_are_as_good_as_the_scan_until_they_end(
    session: Session, request_of_guest: BindingRequest
) -> None:
    """U14: expiry at the second."""
    key, code = KEY.public_key(), request_of_guest.code
    typed = f"{code[:4]} {code[4:]}"
    last = NOON + LIFE - timedelta(microseconds=1)
    assert get_binding_request(session, key, typed, last) is request_of_guest
    with pytest.raises(NoSuchRequest):
        get_binding_request(session, key, typed, NOON + LIFE)


def test_a_request_is_used_once_and_replaced_by_a_new_one(
    session: Session,
    make_member: MakeMember,
    make_staff: MakeStaff,
    request_of_guest: BindingRequest,
) -> None:
    """U14: a photographed code binds nothing a second time."""
    first = request_of_guest.code
    fresh = request_binding(session, NEW, NOON)
    with pytest.raises(NoSuchRequest):
        get_binding_request(session, KEY.public_key(), first, NOON)
    rebind_by_clerk(session, make_member(), fresh, staff=make_staff(), reason="核對", now=NOON)
    with pytest.raises(NoSuchRequest):
        get_binding_request(session, KEY.public_key(), fresh.code, NOON)


def test_a_member_code_is_no_binding_code_nor_the_other_way(
    session: Session, make_member: MakeMember, request_of_guest: BindingRequest
) -> None:
    member = make_member()
    with pytest.raises(NoSuchRequest):
        get_binding_request(
            session, KEY.public_key(), issue_code(KEY, member.card_ref, NOON).text, NOON
        )
    with pytest.raises(NoSuchMember):
        get_member_by_card(session, request_of_guest.ref)


def test_a_clerk_never_binds_their_own_card_nor_without_a_reason(
    session: Session,
    make_member: MakeMember,
    make_staff: MakeStaff,
    request_of_guest: BindingRequest,
) -> None:
    """U14, clerk rights: not the own card."""
    member = make_member()
    clerk = make_staff(member_id=member.id)
    with pytest.raises(OwnCard):
        rebind_by_clerk(session, member, request_of_guest, staff=clerk, reason="核對", now=NOON)
    with pytest.raises(ReasonMissing):
        rebind_by_clerk(session, member, request_of_guest, staff=make_staff(), reason=" ", now=NOON)


# --- known at the till first


def test_a_till_member_who_joins_in_line_keeps_their_card(session: Session) -> None:
    """U14, U23: the existing member is bound, not refused; the welcome comes once."""
    store = Maker().store(session)
    known = register_at_till(
        session, "0912-345-678", name=None, store=store, staff_id=None, evidence="till:1", now=NOON
    )
    number = known.number
    joined = register_member(
        session, apply(phone="0912345678", is_phone_proved=True), NOON + timedelta(days=3)
    )
    assert joined.member is known
    assert (known.number, known.name, known.line_user_id) == (number, "林小晴", NEW)
    assert (known.birthday, known.language) == (date(1995, 5, 20), "en")
    given = session.scalars(select(Coupon.issue_key).where(Coupon.member_id == known.id)).all()
    assert len(given) == len(set(given))
    assert given
    said = session.execute(select(Consent.channel, Consent.is_given).order_by(Consent.id)).all()
    assert [tuple(row) for row in said] == [("till", True), ("line", True)]


def test_moving_the_card_again_brings_no_second_welcome(session: Session) -> None:
    """U14: welcome gifts once."""
    store = Maker().store(session)
    known = register_at_till(
        session,
        "0912345678",
        name="林小晴",
        store=store,
        staff_id=None,
        evidence="till:1",
        now=NOON,
    )
    rebind_by_otp(session, "+886912345678", NEW, key="e1", now=NOON)
    given = select(func.count()).select_from(Coupon).where(Coupon.member_id == known.id)
    first = session.scalar(given)
    assert first
    rebind_by_otp(session, "+886912345678", "U" + "e" * 32, key="e2", now=NOON)
    assert session.scalar(given) == first


@pytest.mark.parametrize("proved", [False, True])
def test_a_phone_that_is_not_proved_or_not_free_is_taken(
    session: Session, make_member: MakeMember, proved: bool
) -> None:
    """U14: neither a claim alone, nor joining anew, takes a card off a LINE account."""
    member = make_member(line=proved)
    with pytest.raises(PhoneTaken):
        register_member(session, apply(phone=str(member.phone), is_phone_proved=proved), NOON)


def test_a_till_member_may_leave(session: Session, make_member: MakeMember) -> None:
    member = make_member(line=False)
    erase_member(session, member, evidence="letter", now=NOON)
    assert member.erased_at == NOON


def test_a_new_phone_is_taken_over_when_proved(session: Session, make_member: MakeMember) -> None:
    member, other = make_member(), make_member()
    verify_phone(session, member, "+886955555555", NOON)
    assert (member.phone, member.phone_verified_at) == ("+886955555555", NOON)
    with pytest.raises(PhoneTaken):
        verify_phone(session, member, str(other.phone), NOON)


def test_joining_begins_the_history(session: Session) -> None:
    member = register_member(session, apply(phone="0912345678", is_phone_proved=True), NOON).member
    assert history(session, member) == [(NEW, "joined", None)]
    assert member.phone_verified_at == NOON

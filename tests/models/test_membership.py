"""Joining, correcting, saying no, leaving; each with its consent and its traces."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models import membership
from models.base import BusinessError
from models.consent import Consent, get_notice
from models.coupon import Coupon, get_template, issue_coupon, list_usable_coupons
from models.friend import converse, get_conversation
from models.member import (
    BirthdayRefused,
    Member,
    NameRefused,
    NoSuchMember,
    check_digit,
    find_member_by_line,
    get_member_by_card,
    is_member_number,
)
from models.membership import (
    AlreadyMember,
    Application,
    Joined,
    PhoneTaken,
    change_birthday,
    change_name,
    change_phone,
    erase_member,
    meet_person,
    register_member,
    set_marketing,
)
from models.outbox import MENU_KIND, Owed
from models.phone import NotAMobileNumber
from models.points import PointsEntry
from models.programme import get_programme
from models.purchase import Purchase
from tests.conftest import NOON, Committed

MakeMember = Callable[..., Member]

ASKED = Application(
    line_user_id="U" + "a" * 32,
    name=" 王 小明 ",
    phone="0912-345-678",
    birthday=date(1992, 2, 29),
    language="zh-TW",
    source="store:TP01",
    notice_version="1",
    evidence="event-1",
)


def consents(session: Session, member: Member) -> list[tuple[str, bool, str]]:
    rows = session.scalars(
        select(Consent).where(Consent.member_id == member.id).order_by(Consent.id)
    )
    return [(row.purpose, row.is_given, row.evidence) for row in rows]


def menus(session: Session) -> list[str]:
    rows = session.scalars(select(Owed).where(Owed.kind == MENU_KIND).order_by(Owed.seq))
    return [row.words["menu"] for row in rows]


# --- meeting ---


def test_who_writes_for_the_first_time_is_a_friend_and_no_member(session: Session) -> None:
    met = meet_person(session, "U1", language="en")
    assert (met.friend.line_user_id, met.friend.language, met.member) == ("U1", "en", None)
    again = meet_person(session, "U1")
    assert (again.friend, again.member) == (met.friend, None)


def test_a_member_is_met_as_both(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    met = meet_person(session, str(member.line_user_id))
    assert (met.friend.line_user_id, met.member) == (member.line_user_id, member)
    assert met.programme_version == get_programme(session).shop.programme_version


# --- joining ---


def test_who_joins_has_a_card_with_clean_data(session: Session) -> None:
    """B-01: the source of each join is kept."""
    member = register_member(session, ASKED, NOON).member
    assert (member.name, member.phone) == ("王 小明", "+886912345678")
    assert is_member_number(member.number)
    assert (member.join_source, member.joined_at) == ("store:TP01", NOON)
    assert (member.points, member.spend_twd, member.marketing_allowed) == (0, 0, False)
    assert find_member_by_line(session, ASKED.line_user_id) is member


def test_the_welcome_coupon_is_usable_in_the_same_breath(session: Session) -> None:
    """A-06: in the wallet within the same reply, usable immediately."""
    joined = register_member(session, ASKED, NOON)
    welcome = joined.welcome[0]
    assert welcome.template.code == "welcome"
    assert list(list_usable_coupons(session, joined.member.id, NOON)) == [welcome]


def test_who_joins_gets_three_coupons_to_be_used_one_at_a_time(session: Session) -> None:
    """C-01: the pack."""
    joined = register_member(session, ASKED, NOON)
    assert [coupon.shown_state(NOON) for coupon in joined.welcome] == ["usable", "locked", "locked"]


def test_a_shop_without_a_pack_gives_its_one_welcome_coupon(session: Session) -> None:
    """A shop that set up before there were packs."""
    welcome = get_template(session, "welcome")
    welcome.pack_code = welcome.pack_place = None
    session.flush()
    (coupon,) = register_member(session, ASKED, NOON).welcome
    assert (coupon.template, coupon.state, coupon.pack_key) == (welcome, "issued", None)


def test_joining_keeps_the_consent_with_its_proof(session: Session) -> None:
    """Article 7: the collector must prove consent; marketing is asked for separately."""
    member = register_member(session, ASKED, NOON).member
    assert consents(session, member) == [("membership", True, "event-1")]


def test_joining_owes_the_members_menu_and_ends_the_conversation(session: Session) -> None:
    converse(session, ASKED.line_user_id, "join", "birthday", NOON, name="x")
    register_member(session, ASKED, NOON)
    assert menus(session) == ["member"]
    assert get_conversation(session, ASKED.line_user_id) is None


def test_nobody_joins_twice(session: Session) -> None:
    register_member(session, ASKED, NOON)
    with pytest.raises(AlreadyMember):
        register_member(session, replace(ASKED, phone="0987654321"), NOON)


def test_a_phone_number_has_one_card(session: Session, make_member: MakeMember) -> None:
    make_member(phone="+886912345678")
    with pytest.raises(PhoneTaken):
        register_member(session, ASKED, NOON)


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        (replace(ASKED, name="  "), NameRefused),
        (replace(ASKED, phone="02-2345-6789"), NotAMobileNumber),
        (replace(ASKED, birthday=date(2026, 11, 23)), BirthdayRefused),
    ],
    ids=["name", "phone", "birthday"],
)
def test_an_application_that_breaks_a_rule_makes_no_member(
    session: Session, wrong: Application, refusal: type[BusinessError]
) -> None:
    with pytest.raises(refusal):
        register_member(session, wrong, NOON)
    assert session.scalar(select(func.count()).select_from(Member)) == 0


def test_a_number_somebody_has_is_drawn_again(
    session: Session, make_member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = make_member().number
    fresh = "88001234" + check_digit("88001234")
    drawn = iter([taken, taken, fresh])
    monkeypatch.setattr(membership, "draw_number", lambda: next(drawn))
    assert register_member(session, ASKED, NOON).member.number == fresh


def test_numbers_that_never_come_out_fresh_are_a_bug(
    session: Session, make_member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = make_member().number
    monkeypatch.setattr(membership, "draw_number", lambda: taken)
    with pytest.raises(AssertionError, match="ran out"):
        register_member(session, ASKED, NOON)


def test_what_the_database_refuses_for_another_reason_is_a_bug(session: Session) -> None:
    nowhere = replace(ASKED, source=None)  # type: ignore[arg-type]  # That is the bug.
    with pytest.raises(IntegrityError, match="join_source"):
        register_member(session, nowhere, NOON)


def register_at_once(
    committed: Committed, asked: list[Application]
) -> list[Joined | BusinessError]:
    start = Barrier(len(asked))

    def register(one: Application) -> Joined | BusinessError:
        start.wait(timeout=30)
        try:
            with committed.sessions.begin() as session:
                return register_member(session, one, NOON)
        except BusinessError as refusal:
            return refusal

    with ThreadPoolExecutor(len(asked)) as threads:
        return list(threads.map(register, asked))


def test_one_phone_registered_at_once_by_many_makes_one_member(committed: Committed) -> None:
    asked = [replace(ASKED, line_user_id=f"U{n:032x}") for n in range(8)]
    answers = register_at_once(committed, asked)
    assert sum(isinstance(answer, Joined) for answer in answers) == 1
    assert sum(isinstance(answer, PhoneTaken) for answer in answers) == 7
    with committed.sessions() as session:
        for model, count in ((Member, 1), (Consent, 1), (Coupon, 3), (Owed, 1)):
            assert session.scalar(select(func.count()).select_from(model)) == count


def test_one_line_account_registered_at_once_makes_one_member(committed: Committed) -> None:
    """U21: the same event worked twice at once."""
    asked = [replace(ASKED, phone=f"091234567{n}") for n in range(8)]
    answers = register_at_once(committed, asked)
    assert sum(isinstance(answer, Joined) for answer in answers) == 1
    assert sum(isinstance(answer, AlreadyMember) for answer in answers) == 7


# --- corrections ---


def test_a_member_corrects_name_phone_and_birthday(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    change_name(session, member, " 小 魚🐟 ")
    change_phone(session, member, "0987-654-321")
    change_birthday(session, member, date(2000, 2, 29), NOON)
    session.refresh(member)
    assert (member.name, member.phone) == ("小 魚🐟", "+886987654321")
    assert (member.birthday, member.birthday_mmdd) == (date(2000, 2, 29), 229)


def test_ones_own_phone_may_be_given_again(session: Session, make_member: MakeMember) -> None:
    member = make_member(phone="+886912345678")
    change_phone(session, member, "0912345678")
    assert member.phone == "+886912345678"


def test_anothers_phone_is_refused(session: Session, make_member: MakeMember) -> None:
    make_member(phone="+886912345678")
    member = make_member(phone="+886987654321")
    with pytest.raises(PhoneTaken):
        change_phone(session, member, "0912345678")
    assert member.phone == "+886987654321"


def test_a_corrected_birthday_brings_no_second_gift(
    session: Session, make_member: MakeMember
) -> None:
    member, template = make_member(), get_template(session, "birthday")
    key = f"birthday:{member.id}:2026"
    assert issue_coupon(session, member.id, template, issue_key=key, now=NOON)
    change_birthday(session, member, date(1990, 12, 31), NOON)
    assert issue_coupon(session, member.id, template, issue_key=key, now=NOON) is None


def test_two_who_take_one_phone_at_once_are_told_apart(committed: Committed) -> None:
    with committed.sessions.begin() as session:
        ids = [committed.maker.member(session).id for _ in range(2)]
    start = Barrier(2)

    def take(member_id: int) -> bool:
        with committed.sessions.begin() as session:
            member = session.get_one(Member, member_id)
            start.wait(timeout=30)
            try:
                change_phone(session, member, "0988777666")
            except PhoneTaken:
                return False
            return True

    with ThreadPoolExecutor(2) as threads:
        assert sum(threads.map(take, ids)) == 1


# --- marketing ---


def test_every_yes_and_no_to_marketing_is_kept(session: Session, make_member: MakeMember) -> None:
    """Article 20: a refusal holds at once, and can be proved."""
    member = make_member(marketing=False)
    set_marketing(session, member, allowed=True, evidence="event-2", now=NOON)
    assert member.marketing_allowed
    set_marketing(session, member, allowed=False, evidence="event-3", now=NOON)
    assert not member.marketing_allowed
    assert consents(session, member) == [
        ("marketing", True, "event-2"),
        ("marketing", False, "event-3"),
    ]


# --- leaving ---


def test_leaving_deletes_what_is_personal_and_keeps_the_figures(
    session: Session, make_member: MakeMember
) -> None:
    """Article 3: deletion; a tombstone keeps the ledger's sum."""
    member = make_member(points=30, spend_twd=5_000)
    card_ref = member.card_ref
    erase_member(session, member, evidence="event-4", now=NOON)
    session.refresh(member)
    personal = (member.line_user_id, member.name, member.phone, member.birthday)
    assert personal == (None, None, None, None)
    assert member.birthday_mmdd is None
    assert not member.marketing_allowed
    assert (member.points, member.spend_twd, member.erased_at) == (30, 5_000, NOON)
    assert session.scalar(select(func.count()).select_from(Purchase)) == 1
    assert session.scalar(select(func.sum(PointsEntry.points))) == 30
    with pytest.raises(NoSuchMember):
        get_member_by_card(session, card_ref)


def test_leaving_takes_back_consent_menu_talk_and_coupons(session: Session) -> None:
    joined = register_member(session, ASKED, NOON)
    converse(session, ASKED.line_user_id, "change_name", "name", NOON)
    erase_member(session, joined.member, evidence="event-4", now=NOON)
    assert consents(session, joined.member)[-1] == ("membership", False, "event-4")
    assert menus(session) == ["member", "guest"]
    assert get_conversation(session, ASKED.line_user_id) is None
    session.refresh(joined.welcome[0])
    assert joined.welcome[0].state == "void"


def test_who_comes_back_gets_a_new_card_and_no_second_welcome(session: Session) -> None:
    first = register_member(session, ASKED, NOON).member
    erase_member(session, first, evidence="event-4", now=NOON)
    back = register_member(session, ASKED, NOON + timedelta(days=1))
    assert back.member.id != first.id
    assert back.member.number != first.number
    assert not back.welcome


def test_leaving_twice_is_possible(session: Session) -> None:
    for day in range(2):
        now = NOON + timedelta(days=day)
        member = register_member(session, ASKED, now).member
        erase_member(session, member, evidence=f"event {day}", now=now)
    assert menus(session) == ["member", "guest"] * 2


def test_the_notice_a_person_agreed_to_is_named(session: Session) -> None:
    member = register_member(session, ASKED, NOON).member
    row = session.scalars(select(Consent).where(Consent.member_id == member.id)).one()
    assert row.notice_version == get_notice(session).version
    assert (row.channel, row.said_at) == ("line", NOON)

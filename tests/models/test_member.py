"""Members: names and numbers as they are typed, who is found, and what is never shown whole."""

from collections.abc import Callable
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.member import (
    BirthdayRefused,
    FormerMember,
    Member,
    NameRefused,
    NoSuchMember,
    check_birthday,
    check_digit,
    digest_of,
    draw_number,
    find_member_by_line,
    get_member,
    get_member_by_card,
    get_member_by_typed,
    is_member_number,
    is_phone_taken,
    list_line_user_ids,
    masked_name,
    normal_name,
    shown_number,
    was_member_before,
)
from tests.conftest import NOON

MakeMember = Callable[..., Member]
TODAY = date(2026, 11, 22)


def erased(session: Session, member: Member) -> Member:
    member.line_user_id = member.name = member.phone = member.birthday = None
    member.marketing_allowed = False
    member.erased_at = NOON
    session.flush()
    return member


# --- names ---


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("王小明", "王小明"),
        ("  Amy   Chen ", "Amy Chen"),
        ("小\n魚", "小 魚"),
        ("小\u200b魚\u202e", "小魚"),
        ("e\u0301va", "éva"),
        ("👩‍🍳阿嬤", "👩‍🍳阿嬤"),
        ("🌸", "🌸"),
        ("王\x00小明", "王小明"),
    ],
)
def test_a_name_is_kept_on_one_line_without_what_nobody_sees(typed: str, kept: str) -> None:
    assert normal_name(typed) == kept


@pytest.mark.parametrize("typed", ["", "   ", "\u200b\u202e", "\x00\x07", "\u0301\u200d"])
def test_a_name_of_nothing_visible_is_refused(typed: str) -> None:
    with pytest.raises(NameRefused):
        normal_name(typed)


def test_a_name_has_at_most_forty_characters_as_people_count() -> None:
    assert normal_name("👨‍👩‍👧‍👦" * 40) == "👨‍👩‍👧‍👦" * 40
    with pytest.raises(NameRefused) as refusal:
        normal_name("茶" * 41)
    assert refusal.value.facts == {"longest": 40}


@given(st.text())
def test_any_text_becomes_a_settled_name_or_is_refused(typed: str) -> None:
    try:
        name = normal_name(typed)
    except NameRefused:
        return
    assert normal_name(name) == name
    assert "\n" not in name
    name.encode()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("王小明", "王○明"),
        ("小明", "小○"),
        ("王", "王○"),
        ("Amy", "A○y"),
        ("歐陽大明明", "歐○○○明"),
        ("Alexandrina", "A○○○○a"),
        ("👩‍🍳阿嬤", "👩‍🍳○嬤"),
        (None, "○○"),
        ("", "○○"),
    ],
)
def test_a_clerk_sees_the_ends_of_a_name(name: str | None, shown: str) -> None:
    """U23: confirm the masked name before an award."""
    assert masked_name(name) == shown


# --- birthdays ---


@pytest.mark.parametrize("birthday", [TODAY, date(1906, 1, 1), date(2000, 2, 29)])
def test_a_living_persons_birthday_is_taken(birthday: date) -> None:
    assert check_birthday(birthday, TODAY) == birthday


@pytest.mark.parametrize("birthday", [date(2026, 11, 23), date(1905, 12, 31)])
def test_a_birthday_nobody_has_is_refused(birthday: date) -> None:
    with pytest.raises(BirthdayRefused):
        check_birthday(birthday, TODAY)


@pytest.mark.parametrize(
    ("birthday", "mmdd"), [(date(1992, 2, 29), 229), (date(1990, 12, 3), 1203), (None, None)]
)
def test_the_database_knows_month_and_day(
    session: Session, make_member: MakeMember, birthday: date | None, mmdd: int | None
) -> None:
    """A-20: whom the birthday job looks for, 29 February included."""
    member = make_member(birthday=birthday)
    session.refresh(member)
    assert member.birthday_mmdd == mmdd


# --- numbers ---


def test_a_drawn_number_carries_its_check_digit() -> None:
    assert all(is_member_number(draw_number()) for _ in range(50))


def test_luhns_own_example() -> None:
    assert check_digit("7992739871") == "3"


def test_every_single_wrong_digit_shows() -> None:
    number = "82104417" + check_digit("82104417")
    for place in range(9):
        for digit in "0123456789":
            wrong = number[:place] + digit + number[place + 1 :]
            assert is_member_number(wrong) == (digit == number[place])


@pytest.mark.parametrize("text", ["", "12345678", "1234567890", "12345678x", "１２３４５６７８２"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert not is_member_number(text)


def test_a_number_is_shown_in_groups() -> None:
    assert shown_number("821044173") == "8210 4417 3"


# --- finding ---


def test_a_member_is_found_by_line_card_number_and_phone(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member(phone="+886912345678")
    make_member()
    assert member.line_user_id is not None
    assert get_member(session, member.id) is member
    assert find_member_by_line(session, member.line_user_id) is member
    assert get_member_by_card(session, member.card_ref) is member
    for typed in (
        member.number,
        shown_number(member.number),
        "0912-345-678",
        "０９１２３４５６７８",
    ):
        assert get_member_by_typed(session, typed) is member


@pytest.mark.parametrize("typed", ["", "0987654321", "123456789", "茶", "9" * 300])
def test_what_nobody_has_finds_nobody(
    session: Session, make_member: MakeMember, typed: str
) -> None:
    make_member()
    with pytest.raises(NoSuchMember):
        get_member_by_typed(session, typed)


def test_who_left_is_found_by_nothing_a_clerk_has(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    line_user_id = member.line_user_id
    assert line_user_id is not None
    erased(session, member)
    assert find_member_by_line(session, line_user_id) is None
    with pytest.raises(NoSuchMember):
        get_member_by_card(session, member.card_ref)
    with pytest.raises(NoSuchMember):
        get_member_by_typed(session, member.number)


def test_unknown_ids_and_cards_are_refused(session: Session) -> None:
    with pytest.raises(NoSuchMember):
        get_member(session, 0)
    with pytest.raises(NoSuchMember):
        get_member_by_card(session, "0" * 16)
    assert find_member_by_line(session, "U0") is None


def test_line_accounts_of_members_are_listed_in_parts(
    session: Session, make_member: MakeMember
) -> None:
    accounts = sorted(str(make_member().line_user_id) for _ in range(3))
    make_member(line=False)
    assert list_line_user_ids(session, after="", limit=2) == accounts[:2]
    assert list_line_user_ids(session, after=accounts[1], limit=2) == accounts[2:]


def test_a_phone_is_taken_by_another_not_by_oneself(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member(phone="+886912345678")
    assert is_phone_taken(session, "+886912345678")
    assert not is_phone_taken(session, "+886912345678", but_for=member.id)
    assert not is_phone_taken(session, "+886987654321")


def test_who_was_a_member_before_is_known_without_a_name(session: Session) -> None:
    session.add(FormerMember(digest=digest_of("U1"), left_at=NOON))
    session.flush()
    assert was_member_before(session, "U1")
    assert not was_member_before(session, "U2")
    assert "U1" not in digest_of("U1")


def test_the_database_refuses_an_erased_member_with_a_name(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    member.erased_at = NOON
    with pytest.raises(IntegrityError, match="erased_keeps_nothing_personal"):
        session.flush()


def test_two_members_have_two_phones(session: Session, make_member: MakeMember) -> None:
    make_member(phone="+886912345678")
    with pytest.raises(IntegrityError, match="uq_member_phone"):
        make_member(phone="+886912345678")

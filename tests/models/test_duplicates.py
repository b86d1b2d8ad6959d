"""Likely duplicates: hints for a clerk, from near phones, birthdays and names."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from models.identity import find_duplicates_of, likely_duplicates
from models.identity.duplicates import name_likeness, phone_variants
from models.member import Member
from tests.conftest import NOON

MakeMember = Callable[..., Member]

BORN = date(1993, 8, 14)


@given(st.integers(0, 99_999_999))
def test_a_numbers_variants_are_near_and_others(number: int) -> None:
    """U23: one digit off, or two neighbours swapped; never the number itself."""
    phone = f"+8869{number:08}"
    variants = phone_variants(phone)
    assert phone not in variants
    assert 72 <= len(variants) <= 79
    assert all(phone in phone_variants(variant) for variant in variants)


@pytest.mark.parametrize(
    ("typed", "is_hint"),
    [
        ("+886912345679", True),
        ("+886912354678", True),
        ("+886912345699", False),
        ("+886912345678", False),
    ],
)
def test_a_clerk_is_shown_a_card_with_a_near_phone(
    session: Session, make_member: MakeMember, typed: str, is_hint: bool
) -> None:
    """U23: before a wrongly typed phone makes a ghost card."""
    member = make_member(phone="+886912345678", name="陳怡君")
    assert find_duplicates_of(session, phone=typed) == ([member] if is_hint else [])
    assert find_duplicates_of(session, phone=typed, name="林大同") == []


def test_the_same_birthday_needs_a_like_name(session: Session, make_member: MakeMember) -> None:
    """U23: birthdays are shared by strangers."""
    member = make_member(name="王小明", birthday=BORN)
    make_member(name="林美惠", birthday=BORN)
    assert find_duplicates_of(session, name="王曉明", birthday=BORN) == [member]
    assert find_duplicates_of(session, name="王曉明", birthday=BORN, but_for=member.id) == []
    assert find_duplicates_of(session) == []


def test_pairs_are_found_among_all_cards_with_their_reasons(
    session: Session, make_member: MakeMember
) -> None:
    """U14, U23: `member duplicates`."""
    near = make_member(phone="+886912345678", name="陳怡君", birthday=BORN)
    swapped = make_member(
        phone="+886912345687",
        name="陳怡君",
        birthday=BORN,
        joined_at=NOON - timedelta(days=398),
    )
    far = make_member(
        phone="+886922000000", name="陳怡君", birthday=None, joined_at=NOON - timedelta(days=9)
    )
    make_member(phone="+886912345688", name="吳大同", birthday=None)
    found = likely_duplicates(session, 10)
    assert [(pair.first_id, pair.second_id) for pair in found] == [(near.id, swapped.id)]
    assert found[0].reasons == ("birthday_and_name", "name_and_joining", "phone")
    assert far.id not in (found[0].first_id, found[0].second_id)


def test_closed_cards_are_no_hint(session: Session, make_member: MakeMember) -> None:
    keep = make_member(phone="+886955000000")
    gone = make_member(phone="+886912345678")
    gone.merged_into_id = keep.id
    session.flush()
    assert find_duplicates_of(session, phone="+886912345679") == []


@pytest.mark.parametrize(
    ("first", "second", "is_like"),
    [
        ("王小明", "王曉明", True),
        ("王小明", "王 小明", True),
        ("Amy Lin", "ＡＭＹ ＬＩＮ", True),
        ("王小明", "林大同", False),
        ("王小明", None, False),
        ("", "", False),
    ],
)
def test_names_are_compared_as_people_read_them(
    first: str | None, second: str | None, is_like: bool
) -> None:
    assert (name_likeness(first, second) >= 0.6) == is_like

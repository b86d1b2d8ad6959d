"""Finding members while somebody types."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from models.member import Member
from models.member_search import CANDIDATES, MOST_FOUND, search_members
from models.membership import change_name, change_phone, erase_member
from tests.conftest import NOON

MakeMember = Callable[..., Member]


def names(session: Session, typed: str, limit: int = MOST_FOUND) -> list[str | None]:
    return [member.name for member in search_members(session, typed, limit=limit)]


@pytest.mark.parametrize("typed", ["陳怡君", "陳怡", "怡君", "陳", "君", " 怡 君 "])
def test_any_part_of_a_chinese_name_finds_it(
    session: Session, make_member: MakeMember, typed: str
) -> None:
    make_member(name="陳怡君")
    make_member(name="林大同")
    assert names(session, typed) == ["陳怡君"]


@pytest.mark.parametrize("typed", ["amy", "AMY C", "ｃｈｅｎ", "my ch"])
def test_case_width_and_blanks_do_not_matter(
    session: Session, make_member: MakeMember, typed: str
) -> None:
    make_member(name="Amy Chen")
    make_member(name="Tom Lin")
    assert names(session, typed) == ["Amy Chen"]


def test_pairs_that_stand_apart_are_no_part_of_a_name(
    session: Session, make_member: MakeMember
) -> None:
    make_member(name="王小明小王")
    assert names(session, "王小王") == []


def test_who_begins_so_comes_before_who_has_it_elsewhere(
    session: Session, make_member: MakeMember
) -> None:
    for name in ("林高", "高雅文", "高"):
        make_member(name=name)
    assert names(session, "高") == ["高", "高雅文", "林高"]


def test_a_common_name_reads_no_more_than_its_candidates(
    session: Session, make_member: MakeMember
) -> None:
    for _ in range(25):
        make_member(name="陳怡君")
    assert len(names(session, "陳怡君")) == 20
    assert len(names(session, "怡君", limit=CANDIDATES)) == 25


@pytest.mark.parametrize("typed", ["0912", "0912-345", "912345", "+886 912", "678", "345678"])
def test_a_phone_is_found_by_its_start_or_its_last_digits(
    session: Session, make_member: MakeMember, typed: str
) -> None:
    for name, phone, number in (
        ("陳怡君", "+886912345678", "100000009"),
        ("林大同", "+886987000111", "100000017"),
    ):
        make_member(name=name, phone=phone).number = number  # Begins like no phone asked for.
    assert names(session, typed) == ["陳怡君"]


@pytest.mark.parametrize(
    ("typed", "is_found"),
    [
        ("0912", True),
        ("678", True),
        ("0912345678", True),
        ("+886912345678", True),
        ("09123", False),
        ("091234567", False),
        ("5678", False),
        ("886912345", False),
    ],
)
def test_a_masked_phone_is_found_by_what_is_shown_or_by_all_of_it(
    session: Session, make_member: MakeMember, typed: str, is_found: bool
) -> None:
    """Else ten tries a digit would tell the hidden ones."""
    make_member(name="陳怡君", phone="+886912345678").number = "100000009"

    assert bool(search_members(session, typed, is_masked=True)) == is_found


def test_a_number_is_found_by_its_start_and_in_groups(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member(name="陳怡君")
    number = member.number
    assert search_members(session, number[:4]) == [member]
    assert search_members(session, f"{number[:4]} {number[4:8]} {number[8:]}") == [member]


@pytest.mark.parametrize("typed", ["", " ", "09", "\0", "查無此人", "王" * 41, "9" * 30])
def test_too_little_or_too_much_finds_nobody(
    session: Session, make_member: MakeMember, typed: str
) -> None:
    make_member(name="陳怡君", phone="+886912345678")
    assert search_members(session, typed) == []


def test_changes_are_found_at_once_and_who_left_is_not(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member(name="陳怡君", phone="+886912345678")
    change_name(session, member, "林語彤")
    change_phone(session, member, "0987654321")
    assert names(session, "怡君") == names(session, "0912345") == []
    assert names(session, "語彤") == names(session, "4321") == ["林語彤"]
    erase_member(session, member, evidence="e", now=NOON)
    assert search_members(session, "語彤") == search_members(session, member.number) == []


def test_the_indexes_serve_the_search(session: Session, make_member: MakeMember) -> None:
    make_member(name="陳怡君")
    session.execute(text("SET LOCAL enable_seqscan = off"))
    for condition, index in (
        ("name IS NOT NULL AND name_grams(name) @> ARRAY['怡君']", "ix_member_name_grams"),
        ("reverse(phone) BETWEEN '876' AND '8769'", "ix_member_phone_end"),
    ):
        asked = text(f"EXPLAIN SELECT id FROM member WHERE {condition}")  # noqa: S608  # Our own.
        plan = session.scalars(asked).all()
        assert index in "\n".join(plan)

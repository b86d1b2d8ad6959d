"""Bonus codes: each good once, some for one member only, and a leak is worth one gift."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from models.member import Member
from models.points import (
    BonusCode,
    BonusCodeNotUsable,
    BonusCodesRefused,
    find_code_in,
    make_bonus_codes,
    redeem_bonus_code,
    verify_member,
)
from tests.conftest import NOON, Committed

MakeMember = Callable[..., Member]
END = NOON + timedelta(days=30)


def make(session: Session, count: int = 1, member_id: int | None = None) -> list[BonusCode]:
    codes = make_bonus_codes(
        session, count, 200, expires_at=END, now=NOON, member_id=member_id, note="週年慶"
    )
    return list(codes)


def test_a_code_gives_its_points_once(session: Session, make_member: MakeMember) -> None:
    """U11: single-use."""
    member, other = make_member(), make_member()
    code = make(session)[0]

    entry = redeem_bonus_code(session, member, code.code, now=NOON)
    again = redeem_bonus_code(session, member, code.code, now=NOON)

    assert (entry.points, entry.reason, entry.note, again) == (200, "reward", "週年慶", entry)
    assert (member.points, code.redeemed_by) == (200, member.id)
    with pytest.raises(BonusCodeNotUsable):
        redeem_bonus_code(session, other, code.code, now=NOON)
    assert verify_member(session, member.id) == []


def test_a_members_own_code_is_nobody_elses(session: Session, make_member: MakeMember) -> None:
    """U11: member-bound."""
    member, other = make_member(), make_member()
    code = make(session, member_id=member.id)[0]
    with pytest.raises(BonusCodeNotUsable):
        redeem_bonus_code(session, other, code.code, now=NOON)
    assert redeem_bonus_code(session, member, code.code, now=NOON).points == 200


@pytest.mark.parametrize("now", [END, END + timedelta(days=1)])
def test_a_code_ends(session: Session, make_member: MakeMember, now: datetime) -> None:
    with pytest.raises(BonusCodeNotUsable):
        redeem_bonus_code(session, make_member(), make(session)[0].code, now=now)


def test_an_unknown_code_is_refused(session: Session, make_member: MakeMember) -> None:
    with pytest.raises(BonusCodeNotUsable):
        redeem_bonus_code(session, make_member(), "ABCDEFGH2345", now=NOON)


def test_codes_cannot_be_guessed(session: Session) -> None:
    codes = make(session, 300)
    assert len({code.code for code in codes}) == 300
    assert all(find_code_in(code.shown.lower()) == code.code for code in codes)


@pytest.mark.parametrize(
    "typed",
    ["", "你好", "hello", "ABCDEFGHJKMN", "ABCD-EFGH-234", "ABCD-EFGH-2345-6", "ABCD-EFGH-23O5"],
)
def test_what_is_no_code_is_not_taken_for_one(typed: str) -> None:
    assert find_code_in(typed) is None


@pytest.mark.parametrize(("count", "points"), [(0, 1), (10_001, 1), (1, 0), (1, 100_001)])
def test_nobody_makes_too_many_or_too_dear(session: Session, count: int, points: int) -> None:
    with pytest.raises(BonusCodesRefused):
        make_bonus_codes(session, count, points, expires_at=END, now=NOON)
    with pytest.raises(BonusCodesRefused):
        make_bonus_codes(session, 1, 1, expires_at=NOON, now=NOON)


def test_a_leaked_code_typed_by_many_at_once_gives_once(committed: Committed) -> None:
    """U11: a code that leaks is worth one gift."""
    with committed.sessions.begin() as session:
        ids = [committed.maker.member(session).id for _ in range(12)]
        code = make(session)[0].code

    def redeem(member_id: int) -> bool:
        try:
            with committed.sessions.begin() as session:
                redeem_bonus_code(session, session.get_one(Member, member_id), code, now=NOON)
        except BonusCodeNotUsable:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(redeem, ids)) == 1

"""Stamps: one a visit, in one statement, and a card that shows full before it shows new."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session

from models.member import Member
from models.programme import get_programme
from models.stamp_card import add_stamp, count_stamps, shown_stamps
from tests.conftest import Committed

MakeMember = Callable[..., Member]


@pytest.mark.parametrize(
    ("stamps", "shown"), [(0, 0), (1, 1), (9, 9), (10, 10), (11, 1), (20, 10), (21, 1)]
)
def test_a_card_just_filled_shows_full(stamps: int, shown: int) -> None:
    assert shown_stamps(stamps, 10) == shown


def test_stamps_are_counted_since_the_first(session: Session, make_member: MakeMember) -> None:
    member, card = make_member(), get_programme(session).stamp_programme
    assert count_stamps(session, member.id, card) == 0
    assert [add_stamp(session, member.id, card) for _ in range(3)] == [1, 2, 3]
    assert count_stamps(session, member.id, card) == 3


def test_another_members_card_is_another(session: Session, make_member: MakeMember) -> None:
    card, stamped, other = get_programme(session).stamp_programme, make_member(), make_member()
    add_stamp(session, stamped.id, card)
    assert count_stamps(session, other.id, card) == 0


def test_stamps_at_once_all_count(committed: Committed) -> None:
    with committed.sessions.begin() as session:
        member_id = committed.maker.member(session).id
        card = get_programme(session).stamp_programme

    def stamp(_: int) -> int:
        with committed.sessions.begin() as session:
            return add_stamp(session, member_id, card)

    with ThreadPoolExecutor(10) as threads:
        assert sorted(threads.map(stamp, range(20))) == list(range(1, 21))

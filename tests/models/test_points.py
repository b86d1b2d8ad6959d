"""The ledger: a key moves points once, lots end on their day, no balance below zero."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from threading import Barrier

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.member import Member
from models.points import (
    IdempotencyKeyReused,
    InsufficientPoints,
    PointsEntry,
    PointsLot,
    expire_member_points,
    list_expiring,
    list_lines,
    list_members_with_ended_lots,
    post_points,
)
from tests.conftest import NOON, Committed

MakeMember = Callable[..., Member]

TODAY = date(2026, 11, 22)
DECEMBER, JANUARY, MARCH = date(2026, 12, 1), date(2027, 1, 1), date(2027, 3, 1)


def earn(session: Session, member: Member, points: int, expires_on: date, key: str) -> PointsEntry:
    return post_points(
        session,
        member,
        points,
        reason="adjustment",
        idempotency_key=key,
        now=NOON,
        expires_on=expires_on,
    )


def spend(
    session: Session, member: Member, points: int, key: str, now: datetime = NOON
) -> PointsEntry:
    return post_points(session, member, -points, reason="redemption", idempotency_key=key, now=now)


def lots(session: Session, member: Member) -> list[tuple[date, int]]:
    rows = session.execute(
        select(PointsLot.expires_on, PointsLot.remaining)
        .where(PointsLot.member_id == member.id)
        .order_by(PointsLot.expires_on)
    )
    return [(expires_on, remaining) for expires_on, remaining in rows]


def assert_balanced(session: Session, member: Member) -> None:
    """Balance, entries and open lots tell the same number."""
    session.flush()
    entries = session.scalar(
        select(func.coalesce(func.sum(PointsEntry.points), 0)).where(
            PointsEntry.member_id == member.id
        )
    )
    remaining = session.scalar(
        select(func.coalesce(func.sum(PointsLot.remaining), 0)).where(
            PointsLot.member_id == member.id
        )
    )
    assert (entries, remaining) == (member.points, member.points)


def test_a_repeated_key_posts_once(session: Session, make_member: MakeMember) -> None:
    """U10: a replayed request moves nothing."""
    member = make_member()
    first = earn(session, member, 50, DECEMBER, "till:1")
    again = earn(session, member, 50, DECEMBER, "till:1")
    assert again is first
    assert member.points == 50
    assert_balanced(session, member)


def test_a_key_with_another_amount_is_refused(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    earn(session, member, 50, DECEMBER, "till:1")
    with pytest.raises(IdempotencyKeyReused):
        earn(session, member, 51, DECEMBER, "till:1")
    assert member.points == 50


def test_a_key_for_another_member_is_refused(session: Session, make_member: MakeMember) -> None:
    earn(session, make_member(), 50, DECEMBER, "till:1")
    other = make_member()
    with pytest.raises(IdempotencyKeyReused):
        earn(session, other, 50, DECEMBER, "till:1")
    assert other.points == 0


def test_an_entry_says_the_balance_after_it(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    assert earn(session, member, 50, DECEMBER, "a").balance_after == 50
    assert spend(session, member, 20, "b").balance_after == 30


def test_nobody_spends_more_than_they_have(session: Session, make_member: MakeMember) -> None:
    member = make_member(points=30)
    with pytest.raises(InsufficientPoints) as refusal:
        spend(session, member, 31, "b")
    assert refusal.value.facts == {"balance": 30, "needed": 31}
    assert member.points == 30
    assert_balanced(session, member)


def test_the_whole_balance_may_be_spent(session: Session, make_member: MakeMember) -> None:
    member = make_member(points=30)
    spend(session, member, 30, "b")
    assert member.points == 0
    assert_balanced(session, member)


def test_spending_takes_from_what_ends_first(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    earn(session, member, 10, MARCH, "late")
    earn(session, member, 10, DECEMBER, "early")
    earn(session, member, 10, JANUARY, "middle")
    spend(session, member, 15, "b")
    assert lots(session, member) == [(DECEMBER, 0), (JANUARY, 5), (MARCH, 10)]
    assert_balanced(session, member)


def test_nothing_is_no_movement(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    with pytest.raises(IntegrityError, match="moves_points"), session.begin_nested():
        earn(session, member, 0, DECEMBER, "nothing")


def test_points_are_good_through_the_day_before_they_end(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    earn(session, member, 10, DECEMBER, "a")
    assert expire_member_points(session, member.id, date(2026, 11, 30), NOON) == 0
    assert member.points == 10


def test_points_end_on_their_day_once(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    earn(session, member, 10, DECEMBER, "a")
    earn(session, member, 7, JANUARY, "b")
    assert expire_member_points(session, member.id, DECEMBER, NOON) == 10
    assert expire_member_points(session, member.id, DECEMBER, NOON) == 0
    assert member.points == 7
    assert_balanced(session, member)


def test_only_what_is_left_of_a_lot_ends(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    lot = earn(session, member, 10, DECEMBER, "a")
    spend(session, member, 4, "b")
    assert expire_member_points(session, member.id, DECEMBER, NOON) == 6
    expiry = list_lines(session, member.id, limit=1)[0].entry
    assert (expiry.points, expiry.reason, expiry.balance_after) == (-6, "expiry", 0)
    assert expiry.idempotency_key == f"expire:{lot.id}"


def test_ended_points_cannot_be_spent_before_the_night_has_said_so(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    earn(session, member, 10, TODAY, "gone today")
    earn(session, member, 5, DECEMBER, "still good")
    with pytest.raises(InsufficientPoints) as refusal:
        spend(session, member, 6, "b")
    assert refusal.value.facts == {"balance": 5, "needed": 6}
    spend(session, member, 5, "c")
    assert_balanced(session, member)


def test_members_with_ended_lots_are_listed_once_each(
    session: Session, make_member: MakeMember
) -> None:
    ended, open_, empty = make_member(), make_member(), make_member()
    for member, key in ((ended, "a"), (ended, "b"), (empty, "d")):
        earn(session, member, 10, TODAY, key)
    earn(session, open_, 10, DECEMBER, "c")
    expire_member_points(session, empty.id, TODAY, NOON)
    assert list_members_with_ended_lots(session, TODAY, 10) == [ended.id]


def test_the_list_of_ended_lots_is_bounded(session: Session, make_member: MakeMember) -> None:
    for number in range(3):
        earn(session, make_member(), 10, TODAY, f"key {number}")
    assert len(list_members_with_ended_lots(session, TODAY, 2)) == 2


def test_recent_entries_are_the_newest_five(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    for number in range(1, 8):
        earn(session, member, number, DECEMBER, f"key {number}")
    newest = list_lines(session, member.id, limit=5)
    assert [line.entry.points for line in newest] == [7, 6, 5, 4, 3]


def test_what_expires_is_summed_by_day_soonest_first(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    earn(session, member, 5, MARCH, "a")
    earn(session, member, 3, DECEMBER, "b")
    earn(session, member, 4, DECEMBER, "c")
    shown = [(item.expires_on, item.points) for item in list_expiring(session, member.id)]
    assert shown == [(DECEMBER, 7), (MARCH, 5)]


def test_fifty_redemptions_at_once_of_one_balance_succeed_once(committed: Committed) -> None:
    """U9: the same card at several tills at once; the row lock lets exactly one through."""
    with committed.sessions.begin() as session:
        member_id = committed.maker.member(session, points=100).id
    start = Barrier(50)

    def redeem(till: int) -> bool:
        start.wait(timeout=30)
        try:
            with committed.sessions.begin() as session:
                spend(session, session.get_one(Member, member_id), 100, f"till:{till}")
        except InsufficientPoints:
            return False
        return True

    with ThreadPoolExecutor(50) as tills:
        assert sum(tills.map(redeem, range(50))) == 1
    with committed.sessions() as session:
        member = session.get_one(Member, member_id)
        assert member.points == 0
        assert_balanced(session, member)


def test_an_expiry_sees_what_was_spent_since_the_member_was_read(committed: Committed) -> None:
    with committed.sessions.begin() as session:
        member = committed.maker.member(session)
        earn(session, member, 10, DECEMBER, "a")
        earn(session, member, 5, MARCH, "b")
    with committed.sessions.begin() as reader:
        stale = reader.get_one(Member, member.id)
        with committed.sessions.begin() as till:
            spend(till, till.get_one(Member, member.id), 4, "c")
        assert expire_member_points(reader, member.id, DECEMBER, NOON) == 6
        assert stale.points == 5
        assert_balanced(reader, stale)


def test_a_day_of_grace_is_no_day_too_many(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    earn(session, member, 10, DECEMBER, "a")
    last_moment = datetime.fromisoformat("2026-11-30T23:59:59+08:00")
    spend(session, member, 1, "at night", last_moment)
    with pytest.raises(InsufficientPoints):
        spend(session, member, 1, "after midnight", last_moment + timedelta(seconds=1))

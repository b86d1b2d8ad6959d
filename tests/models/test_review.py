"""Reviews: one a purchase, one's own to change until it was read, and points within a day's cap."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, NoResultFound
from sqlalchemy.orm import Session

from models.activity import ActivityRule, Community
from models.member import Member
from models.mission import list_missions
from models.points import PointsEntry
from models.review import (
    APPROVED,
    HIDDEN,
    LONGEST_WORDS,
    PENDING,
    ActivityEvent,
    NotReviewable,
    Review,
    ReviewClosed,
    ReviewTooLong,
    find_community,
    list_recent_purchases,
    list_reviews,
    list_wall,
    moderate,
    note_activity,
    rate_purchase,
    rating,
    set_activity_rule,
    set_community,
    write_words,
)
from tests.conftest import NOON, Committed
from tests.models.shopping import buy, take_back
from tests.models.test_mission import make as make_mission

MakeMember = Callable[..., Member]


def set_points(session: Session, what: str = "review", *, points: int = 5, cap: int = 2) -> None:
    set_activity_rule(session, ActivityRule(code=what, points=points, tier_points=1, day_cap=cap))
    session.flush()


def got(session: Session, member: Member) -> int:
    entries = session.scalars(select(PointsEntry).where(PointsEntry.member_id == member.id))
    return sum(entry.points for entry in entries if entry.reason == "review")


# --- engagement


def test_each_kind_of_engagement_brings_points_within_its_days_cap(
    session: Session, make_member: MakeMember
) -> None:
    """E-12, U10: reviews, feedback and events count, so many times a Taipei day."""
    set_points(session, "event", points=3, cap=2)
    set_points(session, "feedback", points=7, cap=1)
    member = make_member()
    midnight = datetime.fromisoformat("2026-11-23T00:00:00+08:00")

    def note(what: str, key: str, now: datetime = NOON) -> int:
        return note_activity(session, member, what, key=key, now=now)

    assert [note("event", f"event:{n}") for n in range(3)] == [3, 3, 0]
    assert [note("feedback", f"feedback:{n}") for n in range(2)] == [7, 0]
    assert note("event", "event:9", midnight - timedelta(seconds=1)) == 0
    assert note("event", "event:10", midnight) == 3
    assert note("review", "review:1") == 0
    assert (got(session, member), member.tier_points) == (16, 4)


def test_an_engagement_told_twice_counts_once(session: Session, make_member: MakeMember) -> None:
    """U10: unique event id."""
    set_points(session, cap=9)
    member = make_member()

    brought = [note_activity(session, member, "review", key="r:1", now=NOON) for _ in range(3)]

    assert (brought, got(session, member)) == ([5, 0, 0], 5)


def test_a_replay_in_parallel_stays_within_the_cap(committed: Committed) -> None:
    """U10: twenty engagements at once, cap 3: three are rewarded."""
    with committed.sessions.begin() as session:
        set_points(session, cap=3)
        member_id = committed.maker.member(session).id

    def note(number: int) -> int:
        with committed.sessions.begin() as session:
            member = session.get_one(Member, member_id)
            return note_activity(session, member, "review", key=f"r:{number}", now=NOON)

    with ThreadPoolExecutor(20) as threads:
        brought = list(threads.map(note, range(20)))

    assert sum(brought) == 15
    with committed.sessions() as session:
        assert session.get_one(Member, member_id).points == 15


def test_what_was_noted_is_only_ever_added_to(session: Session, make_member: MakeMember) -> None:
    note_activity(session, make_member(), "review", key="r:1", now=NOON)
    found = session.scalars(select(ActivityEvent)).one()

    found.points = 99
    with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
        session.flush()


# --- reviews


def test_a_purchase_is_rated_once_and_rewarded_once(
    session: Session, make_member: MakeMember
) -> None:
    """E-12: a review is kept once a purchase and brings its points once."""
    set_points(session)
    make_mission(session, event="review", goal=2)
    member = make_member()
    purchase = buy(session, member)

    first, brought = rate_purchase(session, member, purchase.id, 4, NOON)
    again, nothing = rate_purchase(session, member, purchase.id, 5, NOON)

    assert again is first
    assert (first.stars, first.state, brought, nothing) == (5, PENDING, 5, 0)
    assert list_missions(session, member, NOON)[0].done == 1


def test_words_are_cleaned_and_can_be_changed_until_they_were_read(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    purchase = buy(session, member)
    review, _ = rate_purchase(session, member, purchase.id, 5, NOON)

    write_words(session, member.id, purchase.id, "好喝", NOON)
    write_words(session, member.id, purchase.id, "  茶香\n很濃\u0007 👍🏽 ", NOON)
    assert review.words == "茶香 很濃 👍🏽"
    with pytest.raises(ReviewTooLong) as refused:
        write_words(session, member.id, purchase.id, "茶" * (LONGEST_WORDS + 1), NOON)
    assert refused.value.facts == {"longest": LONGEST_WORDS}

    moderate(session, review.id, APPROVED, NOON)
    with pytest.raises(ReviewClosed):
        write_words(session, member.id, purchase.id, "其實普通", NOON)
    with pytest.raises(ReviewClosed):
        rate_purchase(session, member, purchase.id, 1, NOON)


def test_only_ones_own_fresh_purchase_can_be_rated(
    session: Session, make_member: MakeMember
) -> None:
    member, other = make_member(), make_member()
    purchase, gone = buy(session, member), buy(session, member)
    take_back(session, member, gone)

    def reason(who: Member, purchase_id: int, stars: int = 5, days: int = 0) -> str:
        with pytest.raises(NotReviewable) as refused:
            rate_purchase(session, who, purchase_id, stars, NOON + timedelta(days=days))
        return str(refused.value.facts["reason"])

    assert reason(other, purchase.id) == "unknown"
    assert reason(member, 0) == "unknown"
    assert reason(member, gone.id) == "taken_back"
    assert reason(member, purchase.id, days=31) == "too_old"
    assert reason(member, purchase.id, stars=6) == reason(member, purchase.id, stars=0) == "stars"
    with pytest.raises(NotReviewable):
        write_words(session, member.id, purchase.id, "還沒給星星", NOON)


def test_recent_purchases_tell_which_can_be_rated(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    old = buy(session, member, now=NOON - timedelta(days=31))
    gone, read, fresh = (buy(session, member) for _ in range(3))
    take_back(session, member, gone)
    moderate(session, rate_purchase(session, member, read.id, 3, NOON)[0].id, HIDDEN, NOON)

    found = {r.purchase.id: r.is_open for r in list_recent_purchases(session, member.id, NOON)}

    assert found == {fresh.id: True, read.id: False, gone.id: False, old.id: False}


def test_the_wall_shows_approved_reviews_only_and_no_full_name(
    session: Session, make_member: MakeMember
) -> None:
    """D-04: a review wall, of what the shop has read and approved."""
    member = make_member(name="王小明")
    for state, stars, words in (
        (APPROVED, 5, "好喝"),
        (APPROVED, 4, ""),
        (HIDDEN, 1, "廣告"),
        (PENDING, 1, "等等"),
    ):
        purchase = buy(session, member)
        review, _ = rate_purchase(session, member, purchase.id, stars, NOON)
        write_words(session, member.id, purchase.id, words, NOON)
        moderate(session, review.id, state, NOON)

    assert [(p.name, p.stars, p.words) for p in list_wall(session)] == [("王○明", 5, "好喝")]
    assert rating(session) == (2, 450)
    waiting = list_reviews(session, PENDING, limit=9)
    assert [(r.words, store, number) for r, store, number in waiting] == [
        ("等等", "TP01", member.number)
    ]


def test_an_empty_wall_has_no_average(session: Session) -> None:
    assert (rating(session), list_wall(session)) == ((0, 0), [])
    with pytest.raises(NoResultFound):
        moderate(session, 1, APPROVED, NOON)


def test_a_shop_has_one_community(session: Session) -> None:
    """D-04: a community for members, gated by tier."""
    assert find_community(session) is None
    for rank in (1, 2):
        set_community(
            session,
            Community(id=1, name={"zh-TW": "茶友"}, url="https://line.me/ti/g2/x", min_rank=rank),
        )
        session.flush()

    found = find_community(session)
    assert found is not None
    assert found.min_rank == 2
    assert session.scalars(select(Review)).all() == []

"""Missions: counts, streaks and sets; each event once, each day capped, refunds undone."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, NoResultFound
from sqlalchemy.orm import Session

from models import mission as missions
from models.activity import Activity, Badge, Mission, Reward, RewardRefused
from models.badge import list_badges, list_own_badges
from models.coupon import Coupon
from models.member import Member
from models.mission import (
    CheckInClosed,
    MissionAward,
    MissionEvent,
    MissionProgress,
    MissionRefused,
    Progress,
    add_badge,
    add_mission,
    check_in,
    close_mission,
    count_awards,
    has_checked_in,
    list_missions,
    note_event,
    period_of,
    recount,
)
from models.points import PointsEntry, post_points
from models.programme import get_programme
from models.purchase import Made, Purchase
from tests.conftest import NOON, Committed
from tests.handlers.statements import count_statements
from tests.models.shopping import buy, take_back

MakeMember = Callable[..., Member]
_codes = count(1)


def make(session: Session, kind: str = "count", event: str = "purchase", **told: Any) -> Mission:
    """Add a mission that began yesterday; ten points unless told otherwise."""
    row: dict[str, Any] = {
        "code": f"mission-{next(_codes)}",
        "name": {"zh-TW": "喝三杯"},
        "goal": 3,
        "starts_at": NOON - timedelta(days=1),
        "day_cap": 10,
        "reward": {"points": 10},
    }
    return add_mission(session, Mission(kind=kind, event=event, **row | told))


def on(days: int) -> datetime:
    """Return noon so many days from the tests' usual one."""
    return NOON + timedelta(days=days)


def standing(session: Session, member: Member, mission: Mission) -> tuple[int, int]:
    """Return how far the member is in the round they are in, and how many they completed."""
    held = session.get(MissionProgress, (member.id, mission.id), populate_existing=True)
    return (held.done, held.round - 1) if held is not None else (0, 0)


def won(session: Session, member: Member) -> int:
    """Return the points a member has by missions, less those taken back."""
    entries = session.scalars(select(PointsEntry).where(PointsEntry.member_id == member.id))
    return sum(e.points for e in entries if e.idempotency_key.startswith("mission:"))


# --- counting


def test_a_count_is_full_at_its_goal_and_brings_its_reward_once(
    session: Session, make_member: MakeMember
) -> None:
    """B-19, A-14: an achievement is counted by the server and rewarded."""
    mission, member = make(session, goal=2), make_member()

    buy(session, member)
    assert standing(session, member, mission) == (1, 0)
    buy(session, member)
    assert (standing(session, member, mission), won(session, member)) == ((0, 1), 10)
    buy(session, member)
    assert (standing(session, member, mission), won(session, member)) == ((0, 1), 10)


def test_a_mission_of_several_rounds_begins_again(
    session: Session, make_member: MakeMember
) -> None:
    mission, member = make(session, goal=1, rounds=2), make_member()

    for _ in range(3):
        buy(session, member)

    assert (standing(session, member, mission), won(session, member)) == ((0, 2), 20)


def test_a_days_cap_is_kept_by_member_and_taipei_day(
    session: Session, make_member: MakeMember
) -> None:
    """U10: refreshing past the daily cap brings nothing; the cap is the server's."""
    mission, member = make(session, goal=5, day_cap=2), make_member()
    midnight = datetime.fromisoformat("2026-11-23T00:00:00+08:00")

    for _ in range(4):
        buy(session, member)
    assert standing(session, member, mission) == (2, 0)
    buy(session, member, now=midnight - timedelta(seconds=1))
    assert standing(session, member, mission) == (2, 0)
    buy(session, member, now=midnight)
    assert standing(session, member, mission) == (3, 0)


def test_the_same_event_counts_once_however_often_it_is_told(
    session: Session, make_member: MakeMember
) -> None:
    """U10: an event has a unique key, so that a replay moves nothing."""
    mission, member = make(session, event="survey"), make_member()

    for _ in range(3):
        note_event(session, member, "survey", key="answer:1", now=NOON)

    assert standing(session, member, mission) == (1, 0)


def test_a_streak_grows_by_iso_weeks_over_the_year_and_breaks_at_a_gap(
    session: Session, make_member: MakeMember
) -> None:
    """B-19: a streak counts ISO weeks of Taipei, 53 and 1 being neighbours."""
    mission = make(session, "streak", goal=10, period="week")
    member = make_member()
    days = ["2026-12-21", "2026-12-27", "2026-12-28", "2027-01-03", "2027-01-04"]

    for day in days:
        buy(session, member, now=datetime.fromisoformat(f"{day}T12:00:00+08:00"))
    assert standing(session, member, mission) == (3, 0)
    buy(session, member, now=datetime.fromisoformat("2027-01-18T12:00:00+08:00"))
    assert standing(session, member, mission) == (1, 0)


def test_a_sunday_night_and_a_monday_morning_are_two_weeks() -> None:
    week = Mission(kind="streak", period="week")
    assert period_of(week, date(2026, 11, 22)) == (period_of(week, date(2026, 11, 23)) or 0) - 1
    assert period_of(week, date(2026, 11, 16)) == period_of(week, date(2026, 11, 22))
    assert period_of(Mission(kind="count"), date(2026, 11, 22)) is None


def test_a_set_wants_different_things(session: Session, make_member: MakeMember) -> None:
    """B-19: a set such as all three stores."""
    mission, member = make(session, "set", "visit_store", goal=3), make_member()

    for store in ("TP01", "TP01", "TP02"):
        buy(session, member, store=store)
    assert standing(session, member, mission) == (2, 0)
    buy(session, member, store="TC01")
    assert (standing(session, member, mission), won(session, member)) == ((0, 1), 10)


def test_a_set_of_categories_reads_the_lines_of_a_sale(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    mission = make(session, "set", "category", goal=3, things=["茶", "奶茶", "果汁"])

    buy(session, member, categories=("茶", "茶", "點心"))
    assert standing(session, member, mission) == (1, 0)
    buy(session, member)
    assert standing(session, member, mission) == (1, 0)
    buy(session, member, categories=("奶茶", "果汁"))
    assert standing(session, member, mission) == (0, 1)


def test_only_what_the_rule_asks_for_counts(session: Session, make_member: MakeMember) -> None:
    member, black = make_member(), make_member(tier="black")
    costly = make(session, min_spend_twd=100)
    noble = make(session, min_rank=3)
    over = make(session, ends_at=NOON)
    later = make(session, starts_at=NOON + timedelta(seconds=1))
    closed = make(session)
    close_mission(session, closed.code)

    buy(session, member, 99)
    buy(session, black, 99)

    assert standing(session, member, costly) == standing(session, member, noble) == (0, 0)
    assert standing(session, black, noble) == (1, 0)
    assert [standing(session, member, m) for m in (over, later, closed)] == [(0, 0)] * 3
    assert {s.mission.code for s in list_missions(session, member, NOON)} == {costly.code}


def test_a_reward_may_hold_several_things(session: Session, make_member: MakeMember) -> None:
    """A-15: points, points for the tier, a coupon and a badge, as configured."""
    member = make_member()
    add_badge(session, Badge(code="explorer", name={"zh-TW": "走透透"}, sign="🧭"))
    session.flush()
    reward = {"points": 5, "tier_points": 7, "coupon": "welcome", "badge": "explorer"}
    make(session, goal=1, reward=reward)

    buy(session, member)

    assert (won(session, member), member.tier_points) == (5, 7)
    keys = session.scalars(select(Coupon.issue_key).where(Coupon.member_id == member.id)).all()
    assert any(key.startswith("mission:") for key in keys)
    assert [badge.badge_code for badge in list_own_badges(session, member.id)] == ["explorer"]
    assert [badge.code for badge in list_badges(session)] == ["explorer"]


def test_all_missions_of_a_purchase_are_counted_by_one_statement(
    session: Session, make_member: MakeMember
) -> None:
    for _ in range(3):
        make(session, goal=50)
    make(session, "streak", period="day", goal=50)
    member = make_member()

    assert len(statements_of_hook(session, member, buy(session, member))) == 1


def test_without_a_mission_a_purchase_and_a_refund_cost_no_statement(
    session: Session, make_member: MakeMember
) -> None:
    make(session, event="survey")
    member = make_member()
    purchase = buy(session, member)

    assert statements_of_hook(session, member, purchase) == []


def statements_of_hook(session: Session, member: Member, purchase: Purchase) -> list[str]:
    """Return the SQL that counting a purchase sends, with the rules in force known beforehand."""
    programme = get_programme(session)
    tier = programme.tier(member.tier_id)
    made = Made(member, purchase, programme, NOON, NOON.date(), is_first=False, tier_before=tier)
    session.flush()
    with count_statements(session) as found:
        missions.after_purchase(session, made)
    return found


# --- the day's check-in


def test_a_check_in_counts_once_a_taipei_day(session: Session, make_member: MakeMember) -> None:
    """U10, B-19: tapping again brings nothing before midnight in Taipei."""
    mission = make(session, "streak", "checkin", goal=7, period="day", rounds=9)
    member = make_member()
    night = datetime.fromisoformat("2026-11-22T23:59:59+08:00")

    assert not has_checked_in(session, member.id, NOON)
    assert check_in(session, member, NOON)
    assert has_checked_in(session, member.id, NOON)
    assert not check_in(session, member, night)
    assert standing(session, member, mission) == (1, 0)
    assert check_in(session, member, night + timedelta(seconds=1))
    assert standing(session, member, mission) == (2, 0)


def test_without_a_mission_nobody_checks_in(session: Session, make_member: MakeMember) -> None:
    with pytest.raises(CheckInClosed):
        check_in(session, make_member(), NOON)


def test_twenty_taps_at_once_are_one_check_in(committed: Committed) -> None:
    """U10: replayed taps in parallel draw one reward."""
    with committed.sessions.begin() as session:
        make(session, event="checkin", goal=1, rounds=100, day_cap=1)
        member_id = committed.maker.member(session).id

    def tap(_: int) -> bool:
        with committed.sessions.begin() as session:
            return check_in(session, session.get_one(Member, member_id), NOON)

    with ThreadPoolExecutor(20) as threads:
        firsts = list(threads.map(tap, range(20)))

    with committed.sessions() as session:
        assert sum(firsts) == 1
        assert won(session, session.get_one(Member, member_id)) == 10


# --- refunds


def test_a_refund_undoes_what_the_purchase_counted_for(
    session: Session, make_member: MakeMember
) -> None:
    """X11: a mission's progress and its unspent reward go back with the purchase."""
    mission, member = make(session, goal=2), make_member()
    first = buy(session, member)
    buy(session, member)
    assert won(session, member) == 10

    take_back(session, member, first)

    assert (standing(session, member, mission), won(session, member)) == ((1, 0), 0)
    buy(session, member)
    assert (standing(session, member, mission), won(session, member)) == ((0, 1), 10)
    awards = session.scalars(select(MissionAward).order_by(MissionAward.id)).all()
    assert [(a.round, a.attempt, a.taken_back_at is None) for a in awards] == [
        (1, 1, False),
        (1, 2, True),
    ]


def test_what_was_spent_of_a_reward_is_noted_and_the_rest_goes_back(
    session: Session, make_member: MakeMember
) -> None:
    mission, member = make(session, goal=1, reward={"points": 10}), make_member()
    purchase = buy(session, member, 50)
    spent = member.points - 4
    post_points(session, member, -spent, reason="redemption", idempotency_key="spent", now=NOON)

    take_back(session, member, purchase)

    award = session.scalars(select(MissionAward)).one()
    assert award.kept == "6 points"
    assert (standing(session, member, mission), member.points) == ((0, 0), 0)


def test_a_part_taken_back_counts_while_the_rest_reaches_the_least_spend(
    session: Session, make_member: MakeMember
) -> None:
    mission, member = make(session, min_spend_twd=100), make_member()
    purchase = buy(session, member, 150)

    take_back(session, member, purchase, 50)
    assert standing(session, member, mission) == (1, 0)
    take_back(session, member, purchase, 1)
    assert standing(session, member, mission) == (0, 0)


def test_a_capped_purchase_counts_where_another_of_its_day_is_taken_back(
    session: Session, make_member: MakeMember
) -> None:
    mission, member = make(session, day_cap=1), make_member()
    first = buy(session, member)
    buy(session, member)

    take_back(session, member, first)

    assert standing(session, member, mission) == (1, 0)


@given(st.data())
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_progress_equals_a_recount_from_scratch_whatever_happens(
    session: Session, make_member: MakeMember, data: st.DataObject
) -> None:
    """X11: random purchases and refunds; the running state is what all events come to."""
    session.info["programmes"].clear()  # Of a try before, even one that was cut short.
    with session.begin_nested() as trial:
        goal = data.draw(st.integers(1, 3))
        rounds, cap = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 2))
        made = [
            make(session, goal=goal, rounds=rounds, day_cap=cap),
            make(session, "streak", period="day", goal=goal, rounds=rounds),
            make(session, "streak", period="week", goal=goal, rounds=rounds),
            make(session, "set", "visit_store", goal=goal, rounds=rounds),
        ]
        bought: list[Purchase] = []
        member, day = make_member(), 0
        for _ in range(data.draw(st.integers(1, 8))):
            day += data.draw(st.sampled_from([0, 0, 1, 1, 3, 7]))
            is_refund: bool = data.draw(st.booleans())
            if bought and is_refund:
                purchase = bought.pop(data.draw(st.integers(0, len(bought) - 1)))
                take_back(session, member, purchase, now=on(day))
            else:
                store = data.draw(st.sampled_from(["TP01", "TP02", "TC01"]))
                bought.append(buy(session, member, store=store, now=on(day)))
        for mission in made:
            check_against_recount(session, member, mission)
        trial.rollback()


def check_against_recount(session: Session, member: Member, mission: Mission) -> None:
    expected = recount(session, member.id, mission)
    held = session.get_one(MissionProgress, (member.id, mission.id), populate_existing=True)
    assert expected == Progress(
        held.round, held.done, tuple(sorted(held.things)), held.period, held.day_on, held.day_count
    )
    standing_awards = session.scalars(
        select(MissionAward.round).where(
            MissionAward.member_id == member.id,
            MissionAward.mission_id == mission.id,
            MissionAward.taken_back_at.is_(None),
        )
    ).all()
    assert sorted(standing_awards) == list(range(1, expected.round))


# --- what may be asked and set


def test_a_streak_that_cannot_go_on_is_shown_as_broken(
    session: Session, make_member: MakeMember
) -> None:
    make(session, "streak", period="day", goal=5)
    member = make_member()
    buy(session, member)

    def shown(now: datetime) -> int:
        return list_missions(session, member, now)[0].done

    assert (shown(NOON), shown(on(1)), shown(on(2))) == (1, 1, 0)


def test_a_finished_mission_is_shown_full(session: Session, make_member: MakeMember) -> None:
    mission, member = make(session, goal=1), make_member()
    buy(session, member)
    found = list_missions(session, member, NOON)[0]

    words = found.words(session, "zh-TW")

    assert found.is_finished
    assert (words["done"], words["goal"], words["reward"]["points"]) == (1, 1, 10)
    assert count_awards(session)[mission.code] == (1, 0)


def test_a_mission_that_contradicts_itself_is_refused(session: Session) -> None:
    with pytest.raises(MissionRefused):
        make(session, "streak")
    with pytest.raises(MissionRefused):
        make(session, "set", "purchase")
    with pytest.raises(MissionRefused):
        make(session, code=make(session).code)
    with pytest.raises(RewardRefused):
        make(session, reward={"coupon": "nothing of ours"})
    with pytest.raises(NoResultFound):
        close_mission(session, "nothing of ours")


def test_a_reward_is_read_as_an_operator_writes_it() -> None:
    assert Reward.parse("points=20, coupon=welcome").to_words() == {
        "points": 20,
        "coupon": "welcome",
    }
    assert Reward.parse("lottery=summer").tickets == 1
    assert Reward.parse("").to_words() == {}
    for wrong in ("points=-1", "points=x", "gold=1", "tickets=2", "coupon=5", "points=1000001"):
        with pytest.raises(RewardRefused):
            Reward.parse(wrong)


def test_the_list_of_events_is_only_ever_added_to(
    session: Session, make_member: MakeMember
) -> None:
    """X6: what was counted stands in an append-only list."""
    make(session)
    buy(session, make_member())
    found = session.scalars(select(MissionEvent)).one()

    found.key = "other"
    with pytest.raises(DBAPIError, match="append-only"), session.begin_nested():
        session.flush()


def test_a_store_opened_since_goes_by_its_number() -> None:
    assert Activity(store_codes={1: "TP01"}).store_code(1) == "TP01"
    assert Activity().store_code(7) == "7"

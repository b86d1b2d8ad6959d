"""Journeys: each cause starts once, each step is done once, nobody goes on without a reason."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from jobs.run_journeys import run_journeys
from models.base import Sessions
from models.campaign.arm import PARTS, position_of
from models.coupon import Coupon, CouponTemplate
from models.friend import Friend
from models.journey import (
    Journey,
    JourneyTask,
    JourneyVisit,
    activate_journey,
    advance_journey,
    archive_journey,
    pause_journey,
    reasons_gone,
    sending,
)
from models.journey.expecting import starts_ahead
from models.journey.numbers import count_journey
from models.journey.tasks import NoSuchTask, finish_task, list_tasks
from models.journey.trying import try_journey
from models.local_day import local_day
from models.member import Member
from models.outbox import Owed
from models.segment import parse_rule
from models.segment.keeping import add_segment
from models.staff import Staff
from models.tag import MemberTag, keep_tag
from tests.conftest import NOON
from tests.models.journey_shop import (
    DAY,
    MINUTE,
    begin,
    buy,
    go,
    moves,
    owed,
    send,
    visits,
    wait,
)
from tests.models.shopping import take_back

MakeMember = Callable[..., Member]
WEEK = [wait("week", "care", **{"for": {"days": 7}}), send("care")]


def stands(session: Session, code: str = "care") -> list[tuple[str, str | None, str | None]]:
    """Return how each visit stands: state, step, reason."""
    return [(each.state, each.step, each.exit_reason) for each in visits(session, code)]


# --- starting


def test_a_purchase_is_followed_by_a_message_some_days_later(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    """B-12: an order at T brings the care message at T + 7 days, once."""
    member = make_member()
    begin(session, "care", WEEK)
    buy(session, member, NOON + MINUTE)
    go(sessions, session, NOON + 2 * MINUTE)
    assert stands(session) == [("under_way", "week", None)]
    go(sessions, session, NOON + 7 * DAY)
    assert owed(session) == []
    go(sessions, session, NOON + 7 * DAY + 2 * MINUTE)
    go(sessions, session, NOON + 7 * DAY + 3 * MINUTE)
    (message,) = owed(session)
    assert message.source == "journey:care:1:care"
    assert message.words["facts"]["values"]["name"] == "王小明"
    assert stands(session) == [("done", None, None)]
    assert moves(session) == {
        (None, "week", "started"): 1,
        ("week", "care", "waited"): 1,
        ("care", None, "owed"): 1,
    }


def test_switching_on_floods_nobody_and_a_pause_is_not_made_up_for(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    """Causes before the journey was switched on, or while it was paused, start nobody."""
    before, paused, after = make_member(), make_member(), make_member()
    buy(session, before, NOON - DAY)
    begin(session, "care", WEEK)
    go(sessions, session, NOON + MINUTE)
    pause_journey(session, "care", now=NOON + MINUTE)
    buy(session, paused, NOON + 2 * MINUTE)
    go(sessions, session, NOON + 3 * MINUTE)
    activate_journey(session, "care", now=NOON + 4 * MINUTE)
    buy(session, after, NOON + 5 * MINUTE)
    go(sessions, session, NOON + 6 * MINUTE)
    assert [visit.member_id for visit in visits(session, "care")] == [after.id]


def test_downtime_is_made_good_within_the_grace(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    late, too_late = make_member(), make_member()
    begin(session, "care", WEEK, grace_minutes=60)
    buy(session, too_late, NOON + MINUTE)
    buy(session, late, NOON + 90 * MINUTE)
    go(sessions, session, NOON + 120 * MINUTE)
    assert [visit.member_id for visit in visits(session, "care")] == [late.id]


@pytest.mark.parametrize(("reentry", "starts"), [("once", 1), ({"after_days": 10}, 2), ("each", 3)])
def test_how_often_somebody_comes_is_the_journeys_choice(
    sessions: Sessions,
    session: Session,
    make_member: MakeMember,
    reentry: object,
    starts: int,
) -> None:
    member = make_member()
    begin(session, "care", [send("thanks")], reentry=reentry)
    for day in (0, 5, 11):
        buy(session, member, NOON + day * DAY + MINUTE)
        go(sessions, session, NOON + day * DAY + 2 * MINUTE)
    assert len(visits(session, "care")) == starts
    assert len(owed(session)) == starts


def test_the_holdout_is_kept_apart_and_is_always_the_same(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    """X2: a sticky part of the causes gets nothing, and is there to compare with."""
    people = [make_member() for _ in range(24)]
    begin(session, "care", [send("hi")], reentry="each", holdout_percent=50)
    for day in (0, 1):
        for member in people:
            buy(session, member, NOON + day * DAY + MINUTE)
        go(sessions, session, NOON + day * DAY + 2 * MINUTE)
    out = [visit.member_id for visit in visits(session, "care") if visit.state == "held_out"]
    told = {message.member_id for message in owed(session)}
    held = select(Member.id).where(position_of("care") < PARTS // 2)
    assert sorted(out) == sorted([*session.scalars(held)] * 2)
    assert told == {member.id for member in people} - set(out)


def test_whoever_does_not_allow_marketing_does_not_start(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    asked, not_asked = make_member(), make_member(marketing=False)
    begin(session, "care", [send("hi")])
    begin(session, "gift", [send("hi")], needs_consent=False)
    for member in (asked, not_asked):
        buy(session, member, NOON + MINUTE)
    go(sessions, session, NOON + 2 * MINUTE)
    assert [visit.member_id for visit in visits(session, "care")] == [asked.id]
    assert len(visits(session, "gift")) == 2
    assert {message.member_id for message in owed(session)} == {asked.id}
    assert moves(session)["hi", None, "marketing_stopped"] == 1


def test_coming_into_a_segment_starts_and_being_in_it_does_not(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    """Who was there when it was switched on did not come in; who leaves it and comes back did."""
    inside, comes = make_member(points=500), make_member()
    words = {"schema": 1, "where": {"field": "points", "is": "at_least", "value": 300}}
    add_segment(session, "rich", {"zh-TW": "多點"}, parse_rule(words), by="阿德", now=NOON)
    trigger = {"on": "segment", "segment": "rich"}
    leaves = {"on": "left_segment", "segment": "rich"}
    begin(session, "care", WEEK, on=trigger, reentry="each", exit_when=[leaves])
    now = NOON + MINUTE
    go(sessions, session, now)
    assert visits(session, "care") == []
    for points, days in ((400, 1), (0, 2), (400, 3)):
        session.execute(update(Member).where(Member.id == comes.id).values(points=points))
        go(sessions, session, now + days * DAY)
    assert stands(session) == [("exited", None, "left_segment"), ("under_way", "week", None)]
    assert {visit.member_id for visit in visits(session, "care")} == {comes.id}
    assert inside.id != comes.id


# --- leaving


def test_a_purchase_on_day_89_cancels_day_90(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    """A-18: exactly; and nobody else is cancelled."""
    back, silent = make_member(), make_member()
    steps = [wait("silence", "hello", **{"for": {"days": 90}, "from": "cause"}), send("hello")]
    begin(session, "dormant", steps, exit_when=["purchase"])
    for member in (back, silent):
        buy(session, member, NOON + MINUTE)
    go(sessions, session, NOON + 2 * MINUTE)
    buy(session, back, NOON + 89 * DAY)
    go(sessions, session, NOON + 90 * DAY + MINUTE)
    go(sessions, session, NOON + 90 * DAY + 2 * MINUTE)
    assert [message.member_id for message in owed(session)] == [silent.id]
    assert stands(session, "dormant")[:2] == [
        ("exited", None, "purchase"),
        ("done", None, None),
    ]


def test_what_waits_is_taken_back_once_its_reason_is_gone(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    """B-12: a refund of the sale that began it ends it, also after the message was handed over."""
    member = make_member()
    steps = [send("hi", "rest"), wait("rest", None)]
    begin(session, "care", steps, exit_when=["refund"], hold_minutes=120)
    purchase = buy(session, member, NOON + MINUTE)
    go(sessions, session, NOON + 2 * MINUTE)
    (message,) = owed(session)
    (visit,) = visits(session)
    assert (message.state, message.push_at) == ("waiting", NOON + 122 * MINUTE)
    assert reasons_gone(session, [visit.id], NOON) == {}
    take_back(session, member, purchase, now=NOON + 3 * MINUTE)
    assert reasons_gone(session, [visit.id], NOON) == {visit.id: "refund"}
    go(sessions, session, NOON + 4 * MINUTE)
    session.refresh(message)
    assert (message.state, message.reason) == ("skipped", "refund")
    assert stands(session) == [("exited", None, "refund")]


def test_a_finished_visit_is_asked_too_and_a_paused_journey_sends_nothing(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    begin(session, "care", [send("hi")], exit_when=["purchase"])
    buy(session, member, NOON + MINUTE)
    go(sessions, session, NOON + 2 * MINUTE)
    (visit,) = visits(session)
    assert reasons_gone(session, [], NOON) == {}
    assert reasons_gone(session, [visit.id]) == {}
    pause_journey(session, "care", now=NOON)
    assert reasons_gone(session, [visit.id], NOON) == {visit.id: "journey_paused"}
    activate_journey(session, "care", now=NOON + 2 * MINUTE)
    buy(session, member, NOON + 3 * MINUTE)
    assert reasons_gone(session, [visit.id], NOON) == {visit.id: "purchase"}


def test_stopping_marketing_ends_it_at_once(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    begin(session, "care", WEEK)
    buy(session, member, NOON + MINUTE)
    go(sessions, session, NOON + 2 * MINUTE)
    session.get_one(Member, member.id).marketing_allowed = False
    go(sessions, session, NOON + 3 * MINUTE)
    assert stands(session) == [("exited", None, "marketing_stopped")]


def test_an_archived_journey_lets_everybody_go(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    begin(session, "care", WEEK)
    buy(session, make_member(), NOON + MINUTE)
    go(sessions, session, NOON + 2 * MINUTE)
    archive_journey(session, "care", now=NOON + 3 * MINUTE)
    go(sessions, session, NOON + 4 * MINUTE)
    assert stands(session) == [("exited", None, "journey_archived")]


# --- waiting

WAITS: list[tuple[dict[str, Any], datetime]] = [
    ({"for": {"hours": 2}}, NOON + timedelta(hours=2)),
    ({"for": {"days": 2}, "time": "10:00"}, NOON + 2 * DAY - timedelta(hours=2)),
    ({"for": {"minutes": 1}, "time": "11:00"}, NOON + DAY - timedelta(hours=1)),
    ({"until": {"time": "18:00"}}, NOON + timedelta(hours=6)),
    ({"until": {"time": "12:00"}}, NOON + DAY),
    ({"until": {"time": "18:00", "weekday": 5}}, NOON + 5 * DAY + timedelta(hours=6)),
    (
        {"until": {"fact": "purchased_on", "days": 3, "time": "12:00"}},
        NOON + 3 * DAY,
    ),
    ({"until": {"fact": "birthday", "days": -1}}, NOON + 22 * DAY - timedelta(hours=2)),
]


@pytest.mark.parametrize(("told", "due"), WAITS)
def test_a_wait_ends_when_it_says_in_taipei(
    sessions: Sessions,
    session: Session,
    make_member: MakeMember,
    told: dict[str, Any],
    due: datetime,
) -> None:
    """NOON is a Sunday, 12:00; the birthday is 15 December."""
    member = make_member(birthday=local_day(NOON).replace(year=1990, month=12, day=15))
    begin(session, "care", [wait("rest", None, **told)], now=NOON - MINUTE)
    buy(session, member, NOON)
    go(sessions, session, NOON)
    assert [visit.due_at for visit in visits(session)] == [due]


def test_the_predicted_day_of_the_next_purchase_can_be_waited_for(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    """B-12: the discount comes on the day the next purchase is likely, by the cycle."""
    steps = [wait("again", "offer", until={"fact": "repurchase_on"}), send("offer")]
    begin(session, "care", steps, now=NOON - MINUTE)
    buy(session, make_member(), NOON)
    go(sessions, session, NOON)
    assert [visit.due_at for visit in visits(session)] == [NOON + 30 * DAY - timedelta(hours=2)]


@pytest.mark.parametrize(("past", "state"), [("go", "done"), ("exit", "exited")])
def test_a_day_that_is_past_is_not_waited_for(
    sessions: Sessions, session: Session, make_member: MakeMember, past: str, state: str
) -> None:
    told = {"until": {"fact": "purchased_on", "days": -3}, "when_past": past}
    begin(session, "care", [wait("rest", None, **told)], now=NOON - MINUTE)
    buy(session, make_member(), NOON)
    go(sessions, session, NOON)
    assert [visit.state for visit in visits(session)] == [state]


def test_nobody_is_written_to_at_night(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    """T6: at a quiet hour a marketing step waits for the morning; a service step does not."""
    night = NOON + timedelta(hours=10)
    begin(session, "care", [send("hi")], now=night)
    begin(session, "thanks", [send("hi")], now=night, kind="service")
    buy(session, make_member(), night + MINUTE)
    go(sessions, session, night + 2 * MINUTE)
    assert [message.source for message in owed(session)] == ["journey:thanks:1:hi"]
    assert stands(session) == [("under_way", "hi", None)]
    go(sessions, session, night + timedelta(hours=12))
    assert len(owed(session)) == 2


# --- choosing and acting


def test_conditions_ask_the_rule_the_facts_and_whether_one_may_write(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    rich, poor, blocked = make_member(points=500), make_member(), make_member(friend=False)
    rule = {"schema": 1, "where": {"field": "points", "is": "at_least", "value": 300}}
    steps = [
        {"id": "may", "do": "condition", "if": {"may_write": True}, "yes": "big", "no": None},
        {
            "id": "big",
            "do": "condition",
            "if": {"fact": "net_twd", "is": "at_least", "value": 200},
            "yes": "points",
            "no": None,
        },
        {"id": "points", "do": "condition", "if": {"rule": rule}, "yes": "hi", "no": None},
        send("hi"),
    ]
    begin(session, "care", steps)
    for member, twd in ((rich, 200), (poor, 200), (blocked, 200), (make_member(), 199)):
        buy(session, member, NOON + MINUTE, twd)
    session.execute(update(Member).where(Member.id == poor.id).values(points=0))
    go(sessions, session, NOON + 2 * MINUTE)
    taken = moves(session)
    assert taken["may", None, "no"] == 1
    assert taken["big", None, "no"] == 1
    assert taken["points", None, "no"] == 1
    assert [message.member_id for message in owed(session)] == [rich.id]


def test_a_split_is_sticky_and_keeps_its_shares(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    arms = [{"share": 30, "next": "a"}, {"share": 70, "next": "b"}]
    steps = [{"id": "ab", "do": "split", "arms": arms}, send("a"), send("b")]
    begin(session, "care", steps, reentry="each")
    people = [make_member() for _ in range(40)]
    for day in (0, 1):
        for member in people:
            buy(session, member, NOON + day * DAY + MINUTE)
        go(sessions, session, NOON + day * DAY + 2 * MINUTE)
    taken = moves(session)
    first = select(func.count(Member.id)).where(position_of("care:ab") < PARTS * 30 // 100)
    assert taken["ab", "a", "A"] == 2 * (session.scalar(first) or 0)
    assert taken["ab", "a", "A"] + taken["ab", "b", "B"] == 80
    arm = {(each.member_id, str(each.source).rsplit(":", 1)[-1]) for each in owed(session)}
    assert len(arm) == 40


def test_a_coupon_is_given_once_and_the_message_shows_it(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    """The coupon of a step is the one in the card; another visit brings another one."""
    member = make_member()
    card = {"schema": 1, "messages": [{"type": "coupon", "template": "given"}]}
    steps = [
        {"id": "gift", "do": "coupon", "template": "win_back", "next": "tell"},
        {"id": "tell", "do": "send", "content": card, "next": None},
    ]
    begin(session, "care", steps, reentry="each")
    for day in (0, 1):
        buy(session, member, NOON + day * DAY + MINUTE)
        go(sessions, session, NOON + day * DAY + 2 * MINUTE)
    own = select(Coupon).where(Coupon.member_id == member.id).order_by(Coupon.id)
    coupons = session.scalars(own).all()
    told = [message.words["facts"]["coupons"]["given"]["id"] for message in owed(session)]
    assert told == [str(coupon.id) for coupon in coupons]
    assert [visit.facts["coupon_id"] for visit in visits(session)] == [each.id for each in coupons]


def test_where_no_coupon_is_left_the_other_way_is_taken(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    session.execute(
        update(CouponTemplate).where(CouponTemplate.code == "win_back").values(stock_left=1)
    )
    gift = {"id": "gift", "do": "coupon", "template": "win_back", "next": "tell"}
    steps = [gift | {"otherwise": None}, send("tell")]
    begin(session, "care", steps)
    for _ in range(2):
        buy(session, make_member(), NOON + MINUTE)
    go(sessions, session, NOON + 2 * MINUTE)
    assert moves(session)["gift", None, "no_coupon"] == 1
    assert len(owed(session)) == 1


def test_what_was_said_under_the_causes_key_is_not_said_again(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    """An upgraded shop doubles nothing: keys of what fixed jobs sent stay the same."""
    member = make_member()
    begin(session, "care", [send("hi", key="cause")])
    purchase = buy(session, member, NOON + MINUTE)
    session.add(
        Owed(
            line_user_id=str(member.line_user_id),
            kind="receipt",
            words={},
            language="zh-TW",
            idempotency_key=f"purchase:{purchase.id}",
            created_at=NOON,
            next_try_at=NOON,
        )
    )
    go(sessions, session, NOON + 2 * MINUTE)
    assert owed(session) == []
    assert moves(session)["hi", None, "said_before"] == 1


def test_tags_tasks_and_an_exit_are_done_for_each(
    sessions: Sessions,
    session: Session,
    make_member: MakeMember,
    make_staff: Callable[..., Staff],
) -> None:
    """C-13: a task for the staff is listed until somebody did it."""
    keep_tag(session, "cared", {"zh-TW": "已關懷"}, now=NOON)
    member = make_member(name="王小明")
    steps = [
        {"id": "on", "do": "tag", "give": "cared", "days": 3, "next": "card"},
        {"id": "card", "do": "task", "what": {"zh-TW": "手寫卡片"}, "days": 3, "next": "rest"},
        wait("rest", "off", **{"for": {"days": 1}}),
        {"id": "off", "do": "tag", "take": "cared", "next": "bye"},
        {"id": "bye", "do": "exit", "reason": "cared_for"},
    ]
    begin(session, "care", steps)
    buy(session, member, NOON + MINUTE)
    go(sessions, session, NOON + 2 * MINUTE)
    assert session.scalars(select(MemberTag.source)).all() == ["journey:care"]
    (task,) = list_tasks(session, NOON)
    assert (task.number, task.masked_name, task.journey_code) == (member.number, "王○明", "care")
    done = finish_task(session, task.task.id, make_staff("manager"), NOON)
    assert (list_tasks(session, NOON), done.done_at) == ([], NOON)
    with pytest.raises(NoSuchTask):
        finish_task(session, done.id, make_staff("manager"), NOON)
    go(sessions, session, NOON + 2 * DAY)
    assert session.scalars(select(MemberTag.source)).all() == []
    assert stands(session) == [("done", None, "cared_for")]


def test_a_step_that_fails_sets_one_visit_aside_and_stops_nobody_else(
    session: Session, sessions: Sessions, make_member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_member(), make_member()
    broken = first.id
    begin(session, "care", [send("hi")])
    for member in (first, second):
        buy(session, member, NOON + MINUTE)
    real = sending._words

    def words(part: Any, content: Any, facts: Any, links: Any, member_id: int) -> Any:
        if member_id == broken:
            raise ZeroDivisionError
        return real(part, content, facts, links, member_id)

    monkeypatch.setattr(sending, "_words", words)
    session.commit()
    with capture_logs() as logs:
        run_journeys(sessions, now=NOON + 2 * MINUTE)
    session.expire_all()
    assert [line["error"] for line in logs if line["event"] == "visit_set_aside"] == [
        "ZeroDivisionError"
    ]
    assert stands(session) == [
        ("set_aside", "hi", "ZeroDivisionError"),
        ("done", None, None),
    ]
    assert [message.member_id for message in owed(session)] == [second.id]
    assert count_journey(session, "care").step("hi").set_aside == 1


# --- looking


def test_numbers_add_up_at_every_step(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    """B-16: came = waiting + left at each step, and who left early says why."""
    begin(session, "care", WEEK, exit_when=["purchase"])
    people = [make_member() for _ in range(4)]
    for member in people:
        buy(session, member, NOON + MINUTE)
    go(sessions, session, NOON + 2 * MINUTE)
    buy(session, people[0], NOON + DAY)
    go(sessions, session, NOON + DAY + MINUTE)
    go(sessions, session, NOON + 7 * DAY + 2 * MINUTE)
    numbers = count_journey(session, "care", 1)
    week, care = numbers.step("week"), numbers.step("care")
    assert (week.came, week.waiting, week.left) == (4, 0, {"waited": 3, "purchase": 1})
    assert (care.came, care.gone) == (3, 3)
    assert (numbers.started, numbers.exits) == (4, {"purchase": 1})


def test_a_trial_tells_what_would_be_and_does_nothing(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    """X5: the engine itself walks, and nothing of it is kept."""
    member = make_member()
    gift = {"id": "gift", "do": "coupon", "template": "win_back", "next": "care"}
    begin(session, "care", [wait("week", "gift", **{"for": {"days": 7}}), gift, send("care")])
    nobody = try_journey(session, "care", member.id, NOON)
    assert (nobody.kept_from, nobody.cause_at) == (("no_cause",), None)
    assert [each.why for each in nobody.steps] == ["waited", "given", "owed"]
    buy(session, member, NOON + MINUTE)
    trial = try_journey(session, "care", member.id, NOON + 2 * MINUTE)
    assert (trial.cause_at, trial.kept_from, trial.state) == (NOON + MINUTE, (), "done")
    assert [each.at for each in trial.steps] == [NOON + 7 * DAY + MINUTE] * 3
    assert trial.steps[-1].owed is not None
    assert trial.steps[-1].channel == "line"
    go(sessions, session, NOON + 3 * MINUTE)
    assert try_journey(session, "care", member.id, NOON + 3 * MINUTE).kept_from == ("was_here",)
    assert session.scalars(select(Coupon)).all() == []
    assert owed(session) == []
    assert len(visits(session, "care")) == 1


def test_the_days_ahead_are_asked_who_will_start(session: Session, make_member: MakeMember) -> None:
    """X9: a birthday ahead is a start on its day."""
    today = local_day(NOON)
    soon = make_member(birthday=(today + 3 * DAY).replace(year=1990))
    make_member(birthday=(today + 20 * DAY).replace(year=1990))
    begin(session, "wishes", [send("wish")], on="birthday")
    journey = session.get_one(Journey, "wishes")
    starts = starts_ahead(session, journey, today, today + 10 * DAY, NOON)
    assert starts is not None
    assert [(who, local_day(at)) for who, at in session.execute(starts)] == [
        (soon.id, today + 3 * DAY)
    ]


def test_parts_are_bounded(session: Session, sessions: Sessions, make_member: MakeMember) -> None:
    begin(session, "care", WEEK)
    for _ in range(3):
        buy(session, make_member(), NOON + MINUTE)
    go(sessions, session, NOON + 2 * MINUTE)
    parts = [advance_journey(session, "care", NOON + 8 * DAY, limit=2).seen for _ in range(3)]
    assert parts == [2, 1, 0]


def test_a_member_without_line_is_skipped_and_counted(
    sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    """A-18: whoever blocked us, or has no LINE, gets nothing and is counted."""
    begin(session, "care", [send("hi")])
    for member in (make_member(line=False), make_member(friend=False)):
        buy(session, member, NOON + MINUTE)
    go(sessions, session, NOON + 2 * MINUTE)
    assert session.scalars(select(Friend.is_following)).all() == [False]
    assert session.scalars(select(JourneyTask)).all() == []
    assert session.scalars(select(JourneyVisit.state)).all() == ["done", "done"]
    assert moves(session)["hi", None, "not_reachable"] == 2

"""The calendar: who will be sent what in the next days, what it costs, and who will not and why."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from models.base import Sessions
from models.campaign import Campaign
from models.journey import Journey
from models.local_day import TAIPEI, local_day
from models.member import Member
from models.outreach import OutreachRules, change_rules, get_rules
from models.outreach.plan import Planned, plan_of
from models.quota import change_plan, month_of
from tests.conftest import NOON
from tests.models.campaign_shop import EVERYBODY, RICH, make, open_office
from tests.models.journey_shop import begin, go, send, wait
from tests.models.test_outreach import batch_of, marketing, run_of
from tests.models.test_suppression import classify

MakeMember = Callable[..., Member]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ELEVEN = datetime(2026, 11, 23, 11, 0, tzinfo=TAIPEI)


@pytest.fixture(autouse=True)
def _office(session: Session) -> None:
    """Open the office; the shop's own journeys stand still."""
    open_office(session)
    session.execute(update(Journey).values(state="paused"))


def schedule(session: Session, code: str, at: datetime, **told: Any) -> Campaign:
    """Keep a campaign that is confirmed, to be sent at a moment."""
    usual: dict[str, Any] = {"holdout_percent": 0}
    usual["schedule"] = {"when": "once", "at": at.isoformat()}
    campaign = make(session, code, **(usual | told))
    campaign.state, campaign.next_slot_at = "scheduled", at
    session.flush()
    return campaign


def planned(session: Session, days: int = 7, **told: Any) -> list[Planned]:
    session.flush()
    return plan_of(session, days, NOON, **told)


def brief(plan: list[Planned]) -> list[tuple[str, int, dict[str, int]]]:
    return [(each.source, each.people, dict(each.skipped)) for each in plan]


def test_who_will_get_what_and_why_others_will_not(
    session: Session, make_member: MakeMember
) -> None:
    """X9: each skip has a reason; samples are of those who get it."""
    well = [make_member() for _ in range(3)]
    make_member(marketing=False)
    make_member(friend=False)
    classify(session, make_member(), nasld="deep", rfm="vip")
    marketing(session, make_member(), NOON + DAY)
    schedule(session, "tea", ELEVEN)
    (tea,) = planned(session)
    assert (tea.at, tea.source, tea.people, tea.messages) == (ELEVEN, "campaign:tea", 3, 3)
    assert tea.member_ids == tuple(member.id for member in well)
    assert tea.skipped == {
        "marketing_stopped": 1,
        "not_a_friend": 1,
        "nasld:deep": 1,
        "frequency_cap": 1,
    }
    assert tea.names["zh-TW"] == "冬日第二杯"


def test_of_two_on_one_day_the_more_important_has_the_place(
    session: Session, make_member: MakeMember
) -> None:
    """X9: priorities, whichever comes first on the clock; collisions are told."""
    rich, _ = make_member(points=600), make_member()
    schedule(session, "small", ELEVEN, priority=20)
    schedule(session, "grand", ELEVEN + 3 * HOUR, priority=90, segment=RICH)
    small, grand = planned(session)
    assert brief([small, grand]) == [
        ("campaign:small", 1, {"waiting_for_higher": 1}),
        ("campaign:grand", 1, {}),
    ]
    assert (grand.member_ids, small.collisions) == ((rich.id,), 1)


def test_a_weekly_campaign_comes_again_and_the_week_is_full_at_last(
    session: Session, make_member: MakeMember
) -> None:
    """X9, T6: the cap of the days to come counts what is only planned."""
    make_member()
    daily = {"when": "recurring", "every": "daily", "time": "11:00"}
    schedule(session, "daily", ELEVEN, schedule=daily, holdout_percent=0)
    plan = planned(session, 9)
    assert [each.people for each in plan] == [1, 1, 1, 0, 0, 0, 0, 1]
    assert plan[3].skipped == {"frequency_cap": 1}
    assert [each.at for each in plan] == [ELEVEN + day * DAY for day in range(8)]


def test_the_holdout_is_left_out(session: Session, make_member: MakeMember) -> None:
    """X2: who is held out is a reason too."""
    for _ in range(30):
        make_member()
    schedule(session, "tested", ELEVEN, holdout_percent=50)
    (tested,) = planned(session)
    assert tested.people + tested.skipped["holdout"] == 30
    assert 0 < tested.people < 30


def test_a_run_that_is_open_and_one_that_sends(session: Session, make_member: MakeMember) -> None:
    """X9: what is being sent has its place already; an open run is still to come."""
    busy, free = make_member(), make_member()
    batch_of(session, run_of(session, NOON), [busy], NOON, state="waiting")
    campaign = schedule(session, "open", NOON)
    campaign.state, campaign.next_slot_at = "running", None
    run = run_of(session, NOON, state="planned", code="open", channel="line", name={"zh-TW": "開"})
    run.started_at = None
    (planned_run,) = planned(session)
    assert planned_run.skipped == {"frequency_cap": 1}
    assert planned_run.member_ids == (free.id,)


def test_birthdays_to_come_are_on_the_calendar(session: Session, make_member: MakeMember) -> None:
    """X9: journeys are expected by their causes: whose day comes, and what follows after it."""
    born = make_member(birthday=date(1990, 11, 24))
    make_member(birthday=date(1990, 3, 1))
    steps = [send("gift", "later"), wait("later", "again"), send("again", None)]
    begin(session, "birthdays", steps, on="birthday", hold_minutes=60)
    gift, again = planned(session)
    assert [each.source for each in (gift, again)] == [
        "journey:birthdays:1:gift",
        "journey:birthdays:1:again",
    ]
    assert gift.at == datetime(2026, 11, 24, 11, 0, tzinfo=TAIPEI)
    assert again.at == gift.at + 3 * DAY
    assert gift.member_ids == again.member_ids == (born.id,)


def test_who_is_under_way_is_on_the_calendar(
    session: Session, sessions: Sessions, make_member: MakeMember
) -> None:
    member = make_member()
    begin(session, "welcome", [wait("while", "hello"), send("hello", None)], on="joined")
    member.joined_at = NOON
    assert go(sessions, session, NOON + HOUR)
    (hello,) = planned(session)
    assert (hello.source, hello.member_ids) == ("journey:welcome:1:hello", (member.id,))
    assert local_day(hello.at) == local_day(NOON) + 3 * DAY


def test_what_waits_in_the_outbox_is_on_the_calendar(
    session: Session, make_member: MakeMember
) -> None:
    """X9: a nudge stands at its deadline; a service message fills no place and costs a message."""
    member, other = make_member(), make_member()
    marketing(session, member, NOON, state="waiting", push_at=NOON + DAY, source="journey:a:1:b")
    marketing(session, other, NOON, state="waiting", is_marketing=False, kind="receipt")
    marketing(session, other, NOON, state="waiting", kind="reply", is_marketing=False)
    service, nudge = planned(session)
    assert (service.source, service.names, service.people) == ("outbox", {"zh-TW": "receipt"}, 1)
    assert (nudge.at, nudge.source, nudge.people) == (NOON + DAY, "journey:a:1:b", 1)


def test_only_one_win_back_is_planned(session: Session, make_member: MakeMember) -> None:
    """X9: one win-back at a time, over all journeys."""
    member = make_member()
    for day, source in enumerate(("journey:ninety:1:x", "journey:month:1:x")):
        at = NOON + day * DAY
        marketing(session, member, at, state="waiting", purpose="win_back", source=source)
    first, second = planned(session)
    assert (first.people, second.people) == (1, 0)
    assert second.skipped == {"win_back_lock": 1}


def test_costs_add_up_and_the_quota_ends(session: Session, make_member: MakeMember) -> None:
    """U1, X9: each sending costs what it adds after those before it; then nothing is left."""
    for _ in range(4):
        make_member()
    change_plan(
        session,
        None,
        {"hard_cap": 5, "service_reserve": 0, "free_messages": 2},
        from_month=month_of(NOON),
        note="試",
        by="店長",
        now=NOON,
    )
    schedule(session, "one", ELEVEN)
    schedule(session, "two", ELEVEN + DAY)
    schedule(session, "three", ELEVEN + 9 * DAY)
    one, two, three = planned(session, 14)
    assert (one.people, two.people, two.skipped) == (4, 1, {"quota": 3})
    assert one.cost_twd > two.cost_twd > Decimal(0)
    assert three.people == 4, "December has a quota of its own."


def test_the_plan_of_one_member(session: Session, make_member: MakeMember) -> None:
    """X9: asked for one, it tells of them alone, also where they get nothing."""
    member, _ = make_member(), make_member()
    schedule(session, "rich", ELEVEN, segment=RICH)
    schedule(session, "all", ELEVEN + HOUR)
    marketing(session, member, ELEVEN)
    plan = planned(session, member_id=member.id)
    assert brief(plan) == [("campaign:all", 0, {"frequency_cap": 1})]
    assert planned(session, member_id=member.id) == plan
    tables = session.scalars(text("SELECT relname FROM pg_class WHERE relname LIKE '%_played'"))
    assert tables.all() == []


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_nobody_is_above_the_cap_and_every_skip_has_a_reason(
    session: Session, make_member: MakeMember, seed: int
) -> None:
    """X9, T6: over random campaigns, journeys and waiting messages, with what was sent before."""
    draw = random.Random(seed)
    with session.begin_nested() as point:
        people = [make_member(points=draw.choice((0, 600))) for _ in range(4)]
        sent = _random_past(session, draw, people)
        _random_rules(session, draw)
        _random_future(session, draw, people)
        plan = planned(session, 12)
        rules = get_rules(session)
        for each in plan:
            sent += [(member_id, local_day(each.at)) for member_id in each.member_ids]
            assert each.people == len(each.member_ids)
            assert all(each.skipped)
        _check_caps(rules, sent)
        whole = sum(each.people + sum(each.skipped.values()) for each in plan)
        alone = draw.choice(people).id
        own = planned(session, 12, member_id=alone)
        assert whole >= len(own)
        got = [each.at for each in plan if alone in each.member_ids]
        assert got == [each.at for each in own if each.people]
        point.rollback()


def _random_past(
    session: Session, draw: random.Random, people: list[Member]
) -> list[tuple[int, date]]:
    sent = []
    for _ in range(draw.randint(0, 3)):
        member, at = draw.choice(people), NOON - draw.randint(2, 9) * DAY
        marketing(session, member, at, purpose=draw.choice((None, "win_back")))
        sent.append((member.id, local_day(at)))
    return sent


def _random_rules(session: Session, draw: random.Random) -> None:
    changes = {
        "day_cap": draw.choice((None, 1, 2)),
        "window_cap": draw.randint(1, 4),
        "window_days": draw.randint(1, 9),
    }
    change_rules(session, changes, note="試", by="店長", now=NOON)


def _random_future(session: Session, draw: random.Random, people: list[Member]) -> None:
    for number in range(draw.randint(1, 4)):
        at = NOON + draw.randint(1, 250) * HOUR
        segment = draw.choice((EVERYBODY, RICH))
        holdout = draw.choice((0, 30))
        told = {"segment": segment, "priority": draw.randint(0, 100), "holdout_percent": holdout}
        schedule(session, f"campaign-{number}", at, **told)
    steps = [send("one", "two"), wait("two", "three"), send("three", None)]
    born = local_day(NOON) + draw.randint(0, 9) * DAY
    people[0].birthday = born.replace(year=1990)
    begin(session, "birthdays", steps, on="birthday", priority=draw.randint(0, 100))
    # What waits for one day is told at its first one's hour: with one hour for all, at anybody's.
    hour = NOON + draw.randint(0, 23) * HOUR
    for _ in range(draw.randint(0, 4)):
        at = hour + draw.randint(0, 8) * DAY
        purpose = draw.choice((None, "win_back"))
        marketing(session, draw.choice(people), at, state="waiting", purpose=purpose)


def _check_caps(rules: OutreachRules, sent: list[tuple[int, date]]) -> None:
    by_day = Counter(sent)
    today = local_day(NOON)
    if rules.day_cap is not None:
        assert all(n <= rules.day_cap for (_, day), n in by_day.items() if day >= today)
    for member_id in {member_id for member_id, _ in sent}:
        for ahead in range(12):
            last = today + ahead * DAY
            days = [last - back * DAY for back in range(rules.window_days)]
            within = sum(by_day[member_id, day] for day in days)
            planned_then = by_day[member_id, last]
            assert rules.window_cap is None or not planned_then or within <= rules.window_cap


def test_the_calendar_writes_nothing(session: Session, make_member: MakeMember) -> None:
    make_member()
    schedule(session, "tea", ELEVEN)
    planned(session)
    assert session.scalars(select(Campaign.state)).all() == ["scheduled"]

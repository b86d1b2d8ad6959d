"""Outreach: whom we may write to, when, how often, and who goes first."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from models.base import Sessions
from models.campaign.table import Campaign
from models.channel.table import MemberChannel
from models.local_day import TAIPEI, local_day
from models.member import Member
from models.outbox import Owed, owe
from models.outreach import (
    OutreachRefused,
    OutreachRules,
    OutreachSetting,
    change_rules,
    get_rules,
    list_rules,
    next_allowed,
    reasons_not_to_write,
)
from models.outreach.asking import judge_messages
from models.segment.table import Segment
from models.sending.table import CampaignBatch, CampaignRecipient, CampaignRun
from tests.conftest import NOON, Committed

MakeMember = Callable[..., Member]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOMENTS = st.integers(0, 365 * 24 * 3600).map(lambda seconds: NOON + timedelta(seconds=seconds))
TIMES = st.times().map(lambda told: told.replace(second=0, microsecond=0))
_numbers = count(1)


def marketing(
    session: Session, member: Member, at: datetime, *, state: str = "accepted", **told: Any
) -> Owed:
    """Keep a marketing message: settled `at`, or waiting and due then."""
    row = owe(
        session,
        member.line_user_id or "",
        told.pop("kind", "content"),
        {},
        language="zh-TW",
        idempotency_key=str(uuid4()),
        now=at,
        member_id=member.id,
        is_marketing=told.pop("is_marketing", True),
        **told,
    )
    row.state = state
    row.settled_at = None if state == "waiting" else at
    session.flush()
    return row


def run_of(session: Session, at: datetime, *, state: str = "sending", **spec: Any) -> CampaignRun:
    """Open a run of a campaign of its own, begun `at`."""
    session.merge(Segment(code="everybody", name={"zh-TW": "全部"}, version=1, created_at=NOON))
    session.flush()
    number = next(_numbers)
    campaign = Campaign(
        code=f"outreach-{number}",
        name={"zh-TW": "活動"},
        segment_code="everybody",
        variants=[{"code": "A", "share": 1, "content": {}}],
        schedule={"at": "now"},
        created_by="owner",
        created_at=at,
    )
    session.add(campaign)
    session.flush()
    run = CampaignRun(
        campaign_id=campaign.id,
        slot="now",
        state=state,
        spec={"code": campaign.code, "kind": "marketing", "priority": 50, "variants": []} | spec,
        unit_name=f"run_{number}",
        send_at=at,
        until=at + DAY,
        created_at=at,
        started_at=at,
        finished_at=at if state == "finished" else None,
    )
    session.add(run)
    session.flush()
    return run


def batch_of(
    session: Session,
    run: CampaignRun,
    members: Sequence[Member],
    at: datetime,
    *,
    state: str = "accepted",
    in_doubt: bool = False,
) -> CampaignBatch:
    """Freeze members into one batch of a run, settled `at`, or waiting."""
    batch = CampaignBatch(
        id=uuid4(),
        run_id=run.id,
        number=next(_numbers),
        variant="A",
        language="zh-TW",
        channel="line",
        is_personal=False,
        members=len(members),
        state=state,
        in_doubt=in_doubt,
        next_try_at=at,
        first_try_at=None if state == "waiting" and not in_doubt else at,
        settled_at=None if state == "waiting" else at,
    )
    session.add(batch)
    session.flush()
    session.add_all(
        CampaignRecipient(run_id=run.id, member_id=member.id, variant="A", batch_id=batch.id)
        for member in members
    )
    session.flush()
    return batch


def why(session: Session, *members: Member, now: datetime = NOON, **told: Any) -> dict[int, str]:
    """Ask the one question about these members."""
    session.flush()
    asked = {"kind": "marketing", "source": None, "priority": 50} | told
    return reasons_not_to_write(session, [m.id for m in members], now=now, **asked)


# --- rules


@settings(deadline=None)
@given(moment=MOMENTS, quiet_from=TIMES, quiet_until=TIMES)
def test_the_next_allowed_moment_is_the_first_that_is_not_quiet(
    moment: datetime, quiet_from: time, quiet_until: time
) -> None:
    """X9: quiet hours, whether they cross midnight or not, or there are none."""
    rules = OutreachRules(quiet_from=quiet_from, quiet_until=quiet_until)
    allowed = next_allowed(moment, rules)
    assert moment <= allowed < moment + DAY
    assert not rules.is_quiet(allowed)
    if allowed > moment:
        assert allowed.astimezone(TAIPEI).time() == quiet_until
        assert rules.is_quiet(moment)
        assert rules.is_quiet(allowed - timedelta(microseconds=1))


def test_every_shop_starts_with_quiet_nights_and_few_messages(session: Session) -> None:
    rules = get_rules(session)
    assert (rules.day_cap, rules.window_cap, rules.window_days) == (1, 3, 7)
    evening = datetime(2026, 3, 5, 23, 0, tzinfo=TAIPEI)
    assert next_allowed(evening, rules) == datetime(2026, 3, 6, 10, 0, tzinfo=TAIPEI)
    assert next_allowed(evening - 3 * HOUR, rules) == evening - 3 * HOUR


def test_rules_are_kept_in_versions(session: Session) -> None:
    """X9: the shop sets its caps and hours; what it does not name stays."""
    first = change_rules(session, {"day_cap": 2}, note="週年慶", by="店長", now=NOON)
    change_rules(
        session,
        {"quiet_from": time(22), "window_cap": None, "priorities": {"journey:birthday": 95}},
        note="夏天",
        by="店長",
        now=NOON,
    )
    rules = get_rules(session)
    assert (rules.day_cap, rules.window_cap, rules.quiet_from) == (2, None, time(22))
    assert rules.priority_of("content", "journey:birthday:1:send") == 95
    change_rules(
        session, {"priorities": {"journey:birthday": None}}, note="改回", by="店長", now=NOON
    )
    assert get_rules(session).priority_of("content", "journey:birthday:1:send") == 60
    assert [row.note for row in list_rules(session)] == ["改回", "夏天", "週年慶"]
    with pytest.raises(DBAPIError, match="append"), session.begin_nested():
        session.execute(
            update(OutreachSetting).where(OutreachSetting.id == first.id).values(day_cap=9)
        )


@pytest.mark.parametrize(
    ("changes", "note", "place"),
    [
        ({"day_cap": 0}, "x", "day_cap"),
        ({"window_cap": True}, "x", "window_cap"),
        ({"window_days": 31}, "x", "window_days"),
        ({"window_days": None}, "x", "window_days"),
        ({"win_back_days": -1}, "x", "win_back_days"),
        ({"quiet_from": "21:00"}, "x", "quiet_from"),
        ({"quiet_until": time(9, tzinfo=UTC)}, "x", "quiet_until"),
        ({"priorities": {"journey": 101}}, "x", "priorities"),
        ({"priorities": {"": 1}}, "x", "priorities"),
        ({"priorities": [1]}, "x", "priorities"),
        ({"loudness": 3}, "x", "loudness"),
        ({}, " ", "note"),
        ({}, "字" * 201, "note"),
    ],
)
def test_rules_that_make_no_sense_are_refused(
    session: Session, changes: dict[str, Any], note: str, place: str
) -> None:
    with pytest.raises(OutreachRefused) as refused:
        change_rules(session, changes, note=note, by="店長", now=NOON)
    assert set(refused.value.facts["why"]) == {place}


# --- who they are


def test_who_cannot_be_reached_is_told_by_the_reason(
    session: Session, make_member: MakeMember
) -> None:
    """X9: every skip has a reason; a service message asks for nothing but a way to its person."""
    well, silent, blocked = make_member(), make_member(marketing=False), make_member(friend=False)
    merged, erased, offline = make_member(), make_member(line=False), make_member(line=False)
    merged.merged_into_id = well.id
    erased.name = erased.phone = erased.birthday = None
    erased.marketing_allowed = False
    erased.erased_at = NOON
    everybody = (well, silent, blocked, merged, erased, offline)
    unreached = {
        blocked.id: "not_a_friend",
        merged.id: "merged",
        erased.id: "erased",
        offline.id: "not_a_friend",
    }
    assert why(session, *everybody, kind="service") == unreached
    assert why(session, *everybody) == unreached | {silent.id: "marketing_stopped"}
    assert why(session) == {}


def test_by_mail_an_address_is_asked_for_instead_of_a_friendship(
    session: Session, make_member: MakeMember
) -> None:
    reached, without = make_member(friend=False), make_member()
    session.add(
        MemberChannel(
            member_id=reached.id,
            email="a@example.com",
            email_state="confirmed",
            email_source="chat",
            email_at=NOON,
        )
    )
    for kind in ("service", "marketing"):
        found = why(session, reached, without, kind=kind, channel="email")
        assert found == {without.id: "no_email"}


# --- how often


@pytest.mark.parametrize(
    ("hours_ago", "state", "counts"),
    [
        (1, "accepted", True),
        (1, "unknown", True),
        (1, "refused", False),
        (1, "skipped", False),
        (13, "accepted", False),  # Yesterday, in Taipei.
    ],
)
def test_one_marketing_message_a_day_from_whatever_source(
    session: Session, make_member: MakeMember, hours_ago: float, state: str, *, counts: bool
) -> None:
    """X9, T6: outbox and campaigns fill one cap; what was not sent fills none of it."""
    told, read, other = make_member(), make_member(), make_member()
    at = NOON - hours_ago * HOUR
    marketing(session, told, at, state=state)
    run = run_of(session, at)
    batch_of(session, run, [read], at, state=state)
    expected = {told.id: "frequency_cap", read.id: "frequency_cap"} if counts else {}
    assert why(session, told, read, other) == expected
    assert why(session, told, read, kind="service") == {}
    own = why(session, told, read, source=f"campaign:{run.id}")
    assert own == ({told.id: "frequency_cap"} if counts else {})


def test_what_is_under_way_counts_and_what_waits_does_not(
    session: Session, make_member: MakeMember
) -> None:
    claimed, waiting, in_flight, frozen = (make_member() for _ in range(4))
    row = marketing(session, claimed, NOON, state="waiting")
    row.in_doubt, row.first_try_at = True, NOON
    marketing(session, waiting, NOON, state="waiting")
    run = run_of(session, NOON)
    batch_of(session, run, [in_flight], NOON, state="waiting", in_doubt=True)
    batch_of(session, run, [frozen], NOON, state="waiting")
    found = why(session, claimed, waiting, in_flight, frozen)
    assert found == {claimed.id: "frequency_cap", in_flight.id: "frequency_cap"}


def test_a_recipients_own_state_goes_before_their_batchs(
    session: Session, make_member: MakeMember
) -> None:
    """X9: who was left out of an accepted batch was sent nothing; service runs never count."""
    skipped, sent, served = make_member(), make_member(), make_member()
    run = run_of(session, NOON)
    batch_of(session, run, [skipped, sent], NOON)
    row = session.get_one(CampaignRecipient, (run.id, skipped.id))
    row.state, row.reason, row.settled_at = "skipped", "no_coupon", NOON
    batch_of(session, run_of(session, NOON, kind="service"), [served], NOON)
    assert why(session, skipped, sent, served) == {sent.id: "frequency_cap"}


def test_three_in_seven_days(session: Session, make_member: MakeMember) -> None:
    """X9, T6: the week is the day itself and the six before it, as Taipei counts them."""
    member = make_member()
    for days in (1, 3):
        marketing(session, member, NOON - days * DAY)
    run = run_of(session, NOON - 6 * DAY, state="finished")
    batch_of(session, run, [member], NOON - 6 * DAY)
    assert why(session, member) == {member.id: "frequency_cap"}
    assert why(session, member, now=NOON + DAY) == {}
    change_rules(session, {"window_cap": 4}, note="更多", by="店長", now=NOON)
    assert why(session, member) == {}
    change_rules(session, {"window_cap": None, "day_cap": None}, note="不限", by="店長", now=NOON)
    for hour in range(5):
        marketing(session, member, NOON - hour * HOUR)
    assert why(session, member) == {}


# --- one win-back


def test_one_win_back_at_a_time(session: Session, make_member: MakeMember) -> None:
    """X9: however many causes there are, one win-back in thirty days; other messages still go."""
    member, before = make_member(), make_member()
    marketing(session, member, NOON - 29 * DAY, purpose="win_back")
    marketing(session, before, NOON - 31 * DAY, kind="win_back")
    found = why(session, member, before, kind="win_back")
    assert found == {member.id: "win_back_lock"}
    assert why(session, member) == {}
    change_rules(session, {"win_back_days": 0}, note="不鎖", by="店長", now=NOON)
    assert why(session, member, kind="win_back") == {}


def test_four_causes_of_dormancy_in_one_claim_bring_one_message(
    session: Session, make_member: MakeMember
) -> None:
    """X9: dormant by 90 days, by month, by lowest R and by NASLD sleep at once."""
    change_rules(session, {"day_cap": None, "window_cap": None}, note="不限", by="店長", now=NOON)
    member = make_member()
    rows = [marketing(session, member, NOON, state="waiting", purpose="win_back") for _ in range(4)]
    held = judge_messages(session, rows, NOON)
    assert held == {row.id: "win_back_lock" for row in rows[1:]}


# --- who goes first


def test_the_last_place_is_kept_for_what_is_more_important(
    session: Session, make_member: MakeMember
) -> None:
    """X9: of two sources that want one member today, the higher priority goes first."""
    member, free = make_member(), make_member()
    marketing(session, member, NOON + HOUR, state="waiting", priority=80)
    assert why(session, member, free) == {member.id: "waiting_for_higher"}
    assert why(session, member, priority=80) == {}
    assert why(session, member, kind="service") == {}
    change_rules(session, {"day_cap": 2}, note="兩則", by="店長", now=NOON)
    assert why(session, member) == {}


def test_a_campaign_that_sends_now_goes_before_what_is_less_important(
    session: Session, make_member: MakeMember
) -> None:
    """X9: one queue over campaigns and journeys."""
    member, later = make_member(), make_member()
    run = run_of(session, NOON, priority=70)
    batch_of(session, run, [member], NOON, state="waiting")
    paused = run_of(session, NOON, priority=90, state="paused")
    batch_of(session, paused, [later], NOON, state="waiting")
    marketing(session, later, NOON + DAY, state="waiting", priority=90)
    assert why(session, member, later) == {member.id: "waiting_for_higher"}


def test_what_says_no_priority_has_that_of_its_source(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    marketing(session, member, NOON, state="waiting", source="journey:welcome:1:hello")
    assert why(session, member, source="campaign:7", priority=None) == {
        member.id: "waiting_for_higher"
    }
    assert why(session, member, kind="birthday_gift", priority=None) == {}


def test_in_one_claim_the_most_important_message_of_a_member_goes(
    session: Session, make_member: MakeMember
) -> None:
    member, other = make_member(), make_member()
    low = marketing(session, member, NOON, state="waiting", priority=10)
    high = marketing(session, member, NOON, state="waiting", priority=90)
    alone = marketing(session, other, NOON, state="waiting")
    for row in (low, high, alone):
        row.in_doubt, row.first_try_at = True, NOON
    session.flush()
    assert judge_messages(session, [low, high, alone], NOON) == {low.id: "frequency_cap"}
    assert judge_messages(session, [], NOON) == {}


# --- against a plain recount


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(seed=st.integers(0, 2**32))
def test_the_cap_is_what_a_plain_recount_says(
    session: Session, make_member: MakeMember, seed: int
) -> None:
    """X9: set-based over outbox and campaigns, and exact for each member."""
    draw = random.Random(seed)
    with session.begin_nested() as point:
        day_cap, window_cap, days = (
            draw.choice((1, 2, None)),
            draw.randint(1, 4),
            draw.randint(1, 9),
        )
        changes = {"day_cap": day_cap, "window_cap": window_cap, "window_days": days}
        change_rules(session, changes, note="試", by="店長", now=NOON)
        people = [make_member() for _ in range(3)]
        sent: dict[int, list[datetime]] = {member.id: [] for member in people}
        for _ in range(draw.randint(0, 5)):
            member, at = draw.choice(people), NOON - draw.uniform(0, 10) * DAY
            state = draw.choice(("accepted", "unknown", "refused"))
            marketing(session, member, at, state=state)
            sent[member.id] += [at] if state != "refused" else []
        for _ in range(draw.randint(0, 3)):
            at, some = NOON - draw.uniform(0, 10) * DAY, draw.sample(people, 2)
            state = draw.choice(("accepted", "skipped"))
            batch_of(session, run_of(session, at, state="finished"), some, at, state=state)
            for member in some:
                sent[member.id] += [at] if state == "accepted" else []
        expected = {}
        for member_id, moments in sent.items():
            ages = [(local_day(NOON) - local_day(at)).days for at in moments]
            is_full = day_cap is not None and ages.count(0) >= day_cap
            if is_full or sum(age < days for age in ages) >= window_cap:
                expected[member_id] = "frequency_cap"
        assert why(session, *people) == expected
        point.rollback()


# --- at once


def test_two_workers_never_fill_one_place_twice(committed: Committed) -> None:
    """X9: who decides holds the lock until what they decided is written."""
    with committed.sessions.begin() as session:
        people = [committed.maker.member(session) for _ in range(5)]
        ids = [member.id for member in people]

    def work(turn: int) -> int:
        return _send_to(committed.sessions, ids, turn)

    with ThreadPoolExecutor(6) as threads:
        sent = sum(threads.map(work, range(6)))
    assert sent == len(ids)


def _send_to(sessions: Sessions, ids: Sequence[int], turn: int) -> int:
    with sessions.begin() as session:
        held = reasons_not_to_write(
            session, ids, kind="marketing", source=f"test:{turn}", priority=None, now=NOON
        )
        free = [member_id for member_id in ids if member_id not in held]
        for member in session.scalars(select(Member).where(Member.id.in_(free))):
            marketing(session, member, NOON)
        return len(free)


def test_parts_of_one_run_decide_side_by_side(committed: Committed) -> None:
    """X9: nobody is twice in a run, so its parts need not wait, until another run sends too."""
    with committed.sessions.begin() as session:
        member = committed.maker.member(session)
        run, other = run_of(session, NOON), run_of(session, NOON, state="planned")
    asked: dict[str, Any] = {"kind": "marketing", "priority": 50, "now": NOON}
    source = f"campaign:{run.id}"
    with committed.sessions.begin() as one, committed.sessions.begin() as two:
        for session in (one, two):
            reasons_not_to_write(session, [member.id], source=source, **asked)
    with committed.sessions.begin() as session:
        session.get_one(CampaignRun, other.id).state = "sending"
    with committed.sessions.begin() as one, committed.sessions() as two:
        reasons_not_to_write(one, [member.id], source=source, **asked)
        two.connection().exec_driver_sql("SET lock_timeout = '20ms'")
        with pytest.raises(DBAPIError, match="lock"):
            reasons_not_to_write(two, [member.id], source=f"campaign:{other.id}", **asked)

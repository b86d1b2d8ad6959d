"""Runs: opened once a slot at their moment, missed where slept through; tests judged once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from jobs.open_campaigns import open_campaigns
from models.base import Sessions
from models.campaign import (
    Campaign,
    CampaignDecision,
    cancel_campaign,
    decide_campaigns,
    figures_of,
    find_decision,
    get_campaign,
    list_changes,
    pause_campaign,
    preview_campaign,
    resume_campaign,
    send_back,
    submit_campaign,
)
from models.campaign.opening import open_due_runs
from models.campaign.refusals import NotInThisState
from models.campaign.stop_rule import NO_DIFFERENCE, TOO_FEW, WINNER, Figure, judge
from models.link import LinkClick, TrackedLink
from models.member import Member
from models.purchase import Purchase
from models.segment import parse_rule
from models.segment.keeping import archive_segment, change_segment
from models.sending import CampaignRecipient, CampaignRun
from models.sending.freezing import begin_run, freeze_run
from tests.bot.gallery_samples import content, said
from tests.conftest import NOON, Committed, Maker
from tests.models.campaign_shop import (
    EVERYBODY,
    MARKETER,
    OWNER,
    RICH,
    end_run,
    make,
    open_office,
    variant,
)
from tests.models.coupon_maker import at_once

MakeMember = Callable[..., Member]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAILY = {"when": "recurring", "every": "daily", "time": "12:30"}
SHOP = "https://tea-days.example/new"
HALVES = [
    variant(code, 50) | {"content": content({"type": "text", "text": said(f"{code} {SHOP}")})}
    for code in "AB"
]


@pytest.fixture(autouse=True)
def office(session: Session) -> None:
    """Make the persons and segments that campaigns here name."""
    open_office(session)


def scheduled(session: Session, make_member: MakeMember, **told: Any) -> Campaign:
    """Submit a campaign to somebody."""
    make_member()
    campaign = make(session, **told)
    submit_campaign(session, campaign.code, by=MARKETER, now=NOON)
    assert campaign.state == "scheduled"
    return campaign


def runs_of(session: Session, campaign: Campaign) -> list[CampaignRun]:
    found = select(CampaignRun).where(CampaignRun.campaign_id == campaign.id)
    return list(session.scalars(found.order_by(CampaignRun.id)))


def end(session: Session, campaign: Campaign) -> None:
    for run in runs_of(session, campaign):
        run.state, run.finished_at = "finished", run.send_at + HOUR
    session.flush()


# --- opening ---


def test_a_slot_is_opened_once_at_its_moment(session: Session, make_member: MakeMember) -> None:
    """Issue 6: time once."""
    at = {"when": "once", "at": "2026-11-22T13:00"}
    campaign = scheduled(session, make_member, schedule=at)
    assert open_due_runs(session, NOON) == []
    opened = open_due_runs(session, NOON + HOUR)
    assert len(opened) == 1
    assert open_due_runs(session, NOON + HOUR) == []
    (run,) = runs_of(session, campaign)
    assert (run.slot, run.send_at) == ("2026-11-22T13:00", NOON + HOUR)
    assert run.until == NOON + 4 * HOUR
    assert campaign.state == "running"
    assert list_changes(session, "winter")[-1].by == "system:open_campaigns"


def test_a_run_says_what_the_campaign_said(session: Session, make_member: MakeMember) -> None:
    campaign = scheduled(session, make_member, variants=HALVES, holdout_percent=10, priority=70)
    (run_id,) = open_due_runs(session, NOON)
    spec = session.get_one(CampaignRun, run_id).spec
    assert (spec["code"], spec["kind"], spec["priority"]) == ("winter", "marketing", 70)
    assert spec["audience"]["code"] == EVERYBODY
    assert spec["audience"]["version"] == 1
    assert [arm["variant"] for arm in spec["arms"]] == [None, "A", "B"]
    assert [each["code"] for each in spec["variants"]] == ["A", "B"]
    assert not spec["is_personal"]
    links = session.scalars(select(TrackedLink).order_by(TrackedLink.id)).all()
    assert [link.source for link in links] == [f"campaign:{run_id}:{code}" for code in "AB"]
    assert spec["variants"][1]["links"] == {SHOP: links[1].id}
    assert campaign.next_slot_at is None


def test_a_run_takes_the_newest_version_of_its_segment(
    session: Session, make_member: MakeMember
) -> None:
    scheduled(session, make_member, schedule=DAILY)
    rule = parse_rule({"schema": 1, "where": {"field": "points", "is": "at_least", "value": 7}})
    change_segment(session, EVERYBODY, rule, made_from=1, by=OWNER, now=NOON)
    (run_id,) = open_due_runs(session, NOON + HOUR)
    audience = session.get_one(CampaignRun, run_id).spec["audience"]
    assert (audience["version"], audience["rule"]) == (2, rule.as_json())


def test_a_version_may_be_kept(session: Session, make_member: MakeMember) -> None:
    """Issue 6: version of the segment."""
    scheduled(session, make_member, schedule=DAILY, segment_version=1)
    rule = parse_rule({"schema": 1, "where": {"field": "points", "is": "at_least", "value": 7}})
    change_segment(session, EVERYBODY, rule, made_from=1, by=OWNER, now=NOON)
    (run_id,) = open_due_runs(session, NOON + HOUR)
    assert session.get_one(CampaignRun, run_id).spec["audience"]["version"] == 1


def test_slots_that_were_slept_through_have_their_runs(
    session: Session, make_member: MakeMember
) -> None:
    """Issue 6: late by more than its grace is missed, not late."""
    campaign = scheduled(session, make_member, schedule=DAILY)
    open_due_runs(session, NOON + 3 * DAY + HOUR)
    slots = [run.slot[:10] for run in runs_of(session, campaign)]
    assert slots == ["2026-11-22", "2026-11-23", "2026-11-24", "2026-11-25"]
    late = [run.until <= NOON + 3 * DAY + HOUR for run in runs_of(session, campaign)]
    assert late == [True, True, True, False]
    assert campaign.next_slot_at == NOON + 4 * DAY + HOUR / 2


def test_a_recurring_campaign_rests_between_its_runs(
    session: Session, make_member: MakeMember
) -> None:
    campaign = scheduled(session, make_member, schedule=DAILY | {"until": "2026-11-23"})
    open_due_runs(session, NOON + HOUR)
    assert campaign.state == "running"
    end(session, campaign)
    open_due_runs(session, NOON + 2 * HOUR)
    assert campaign.state == "scheduled"
    open_due_runs(session, NOON + DAY + HOUR)
    end(session, campaign)
    open_due_runs(session, NOON + DAY + 2 * HOUR)
    assert (campaign.state, campaign.next_slot_at) == ("finished", None)


def test_a_run_that_is_open_keeps_its_campaign_running(
    session: Session, make_member: MakeMember
) -> None:
    campaign = scheduled(session, make_member)
    open_due_runs(session, NOON)
    open_due_runs(session, NOON + HOUR)
    assert campaign.state == "running"
    end(session, campaign)
    open_due_runs(session, NOON + 2 * HOUR)
    assert campaign.state == "finished"
    assert list_changes(session, "winter")[-1].what == "finish"


def test_a_segment_archived_meanwhile_pauses_the_campaign(
    session: Session, make_member: MakeMember
) -> None:
    campaign = scheduled(session, make_member, schedule=DAILY, segment=EVERYBODY)
    archive_segment(session, EVERYBODY, now=NOON)
    assert open_due_runs(session, NOON + HOUR) == []
    assert (campaign.state, campaign.paused_from) == ("paused", "scheduled")
    kept = list_changes(session, "winter")[-1]
    assert kept.after == {"state": "paused", "reason": "segment_archived", "segment": EVERYBODY}
    archive_segment(session, EVERYBODY, now=NOON, is_archived=False)
    resume_campaign(session, "winter", by=MARKETER, now=NOON + HOUR)
    assert len(open_due_runs(session, NOON + HOUR)) == 1


def test_steering_a_campaign_steers_its_runs(session: Session, make_member: MakeMember) -> None:
    """Issue 6: pause, resume, cancel."""
    campaign = scheduled(session, make_member)
    open_due_runs(session, NOON)
    (run,) = runs_of(session, campaign)
    pause_campaign(session, "winter", by=MARKETER, now=NOON)
    session.refresh(run)
    assert run.state == "paused"
    assert open_due_runs(session, NOON) == []
    resume_campaign(session, "winter", by=MARKETER, now=NOON)
    session.refresh(run)
    assert (run.state, campaign.state) == ("planned", "running")
    with pytest.raises(NotInThisState):
        send_back(session, "winter", by=MARKETER, now=NOON)
    cancel_campaign(session, "winter", by=MARKETER, now=NOON)
    session.refresh(run)
    assert (run.state, campaign.state) == ("cancelled", "cancelled")


def test_what_has_run_before_is_no_draft_again(session: Session, make_member: MakeMember) -> None:
    """U17: what was sent stays as it was."""
    campaign = scheduled(session, make_member, schedule=DAILY)
    open_due_runs(session, NOON + HOUR)
    end(session, campaign)
    open_due_runs(session, NOON + 2 * HOUR)
    assert campaign.state == "scheduled"
    with pytest.raises(NotInThisState):
        send_back(session, "winter", by=MARKETER, now=NOON)


def test_a_variant_of_a_segment_is_in_the_arms(session: Session, make_member: MakeMember) -> None:
    """E-08: the run knows both rules."""
    variants = [variant("A", 100, segment=RICH), variant("B", 100)]
    scheduled(session, make_member, variants=variants)
    (run_id,) = open_due_runs(session, NOON)
    arms = session.get_one(CampaignRun, run_id).spec["arms"]
    assert [(arm["variant"], arm["rule"] is None) for arm in arms] == [
        (None, False),
        ("A", False),
        (None, True),
        ("B", True),
    ]


def test_whom_the_preview_counted_is_who_is_frozen(
    session: Session, make_member: MakeMember
) -> None:
    """E-08, E-15, X2: groups, variants and holdout are the same before and after."""
    members = [make_member(points=number * 100) for number in range(12)]
    variants = [
        variant("A", 50, segment=RICH),
        variant("B", 50, segment=RICH),
        variant("C", 100),
    ]
    scheduled(session, make_member, variants=variants, holdout_percent=30)
    sizes = {arm.variant: arm.members for arm in preview_campaign(session, "winter", NOON).arms}
    (run_id,) = open_due_runs(session, NOON)
    assert begin_run(session, run_id, NOON)
    assert freeze_run(session, run_id, NOON) == len(members) + 1
    frozen = session.execute(
        select(CampaignRecipient.variant, func.count())
        .where(CampaignRecipient.run_id == run_id)
        .group_by(CampaignRecipient.variant)
    )
    assert dict(frozen.all()) == {code: members for code, members in sizes.items() if members}


def test_the_round_opens_what_is_due(
    session: Session, sessions: Sessions, make_member: MakeMember
) -> None:
    scheduled(session, make_member)
    session.commit()
    assert open_campaigns(sessions, now=NOON) == 1
    assert open_campaigns(sessions, now=NOON) == 0


def test_two_clocks_open_a_slot_once(committed: Committed) -> None:
    with committed.sessions.begin() as session:
        open_office(session)
        committed.maker.member(session)
        make(session)
        submit_campaign(session, "winter", by=MARKETER, now=NOON)
    opened = at_once([0, 1], lambda _clock: open_campaigns(committed.sessions, now=NOON))
    assert sorted(opened) == [0, 1]


# --- judging ---


@pytest.mark.parametrize(
    ("hits", "verdict", "chosen"),
    [
        ((5, 40), WINNER, "B"),
        ((40, 5), WINNER, "A"),
        ((20, 24), NO_DIFFERENCE, "A"),
        ((0, 0), NO_DIFFERENCE, "A"),
    ],
)
def test_a_winner_is_better_beyond_chance(hits: tuple[int, int], verdict: str, chosen: str) -> None:
    """E-15: interval, and honest where it says nothing."""
    judged = judge([Figure("A", 200, hits[0]), Figure("B", 200, hits[1])], 200)
    assert (judged.verdict, judged.chosen) == (verdict, chosen)
    assert judged.low is not None
    assert judged.high is not None
    assert (judged.low > 0) == (verdict == WINNER)


def test_too_few_say_nothing() -> None:
    judged = judge([Figure("A", 200, 0), Figure("B", 199, 190)], 200)
    assert (judged.verdict, judged.chosen, judged.low) == (TOO_FEW, "A", None)


def test_the_best_of_three_must_beat_both() -> None:
    figures = [Figure("A", 200, 5), Figure("B", 200, 40), Figure("C", 200, 38)]
    assert judge(figures, 200).verdict == NO_DIFFERENCE


def send_test_run(
    session: Session, make_member: MakeMember, *, percent: int = 40, **told: Any
) -> tuple[Campaign, CampaignRun, dict[str, list[int]]]:
    """Send a test to twenty members a variant, and let its run end at NOON + 1 minute."""
    rule = {"size": 20, "wait_hours": 24, "test_percent": percent}
    campaign = scheduled(session, make_member, variants=HALVES, stop_rule=rule, **told)
    open_due_runs(session, NOON + HOUR / 2)
    (run,) = runs_of(session, campaign)
    got = {code: [make_member(points=1).id for _ in range(20)] for code in "AB"}
    end_run(session, run, got, NOON + HOUR)
    return campaign, run, got


def click(session: Session, run: CampaignRun, code: str, member_ids: list[int], hours: int) -> None:
    source = f"campaign:{run.id}:{code}"
    link = session.scalars(select(TrackedLink).where(TrackedLink.source == source)).one()
    at = NOON + HOUR + hours * HOUR
    for member_id in member_ids:
        visitor = f"{member_id}:{hours}"
        row = LinkClick(link_id=link.id, member_id=member_id, visitor=visitor, at=at)
        session.add(row)
    session.flush()


def test_a_test_is_judged_once_and_the_rest_gets_the_winner(
    session: Session, make_member: MakeMember
) -> None:
    """E-15: pre-set metric and size, stop rule; the remainder waits and gets the winner."""
    campaign, run, got = send_test_run(session, make_member)
    assert run.spec["phase"] == "test"
    assert run.spec["is_personal"]
    click(session, run, "A", got["A"][:2], 1)
    click(session, run, "B", got["B"][:12], 1)
    click(session, run, "B", got["B"][:3], 2)  # A second click of the same members.
    assert open_due_runs(session, NOON + 24 * HOUR) == []
    assert find_decision(session, campaign.id) is None
    judged_at = NOON + 25 * HOUR + timedelta(minutes=2)
    (rest_id,) = open_due_runs(session, judged_at)
    decision = find_decision(session, campaign.id)
    assert decision is not None
    assert (decision.verdict, decision.chosen, decision.metric) == (WINNER, "B", "click")
    assert decision.figures == [
        {"variant": "A", "members": 20, "hits": 2},
        {"variant": "B", "members": 20, "hits": 12},
    ]
    rest = session.get_one(CampaignRun, rest_id)
    assert rest.slot.endswith(":rest")
    assert [arm["variant"] for arm in rest.spec["arms"]] == ["B"]
    assert rest.spec["arms"][0]["from"] == run.spec["arms"][-1]["to"]
    assert open_due_runs(session, judged_at) == []
    assert campaign.state == "running"
    end(session, campaign)
    open_due_runs(session, judged_at + HOUR)
    assert campaign.state == "finished"


def test_clicks_after_the_hours_do_not_count(session: Session, make_member: MakeMember) -> None:
    campaign, run, got = send_test_run(session, make_member)
    click(session, run, "B", got["B"], 25)
    figures = figures_of(session, campaign, NOON + 30 * HOUR)
    assert [figure.hits for figure in figures] == [0, 0]


def test_purchases_that_stand_are_conversions(session: Session, make_member: MakeMember) -> None:
    campaign, _run, got = send_test_run(session, make_member, metric="conversion")
    maker = Maker()
    for number, member_id in enumerate(got["B"][:8]):
        member = session.get_one(Member, member_id)
        sale = maker.spend(session, member, 100, (NOON + DAY).date())
        sale.purchased_at = NOON + 3 * HOUR
        if number == 0:
            sale.refunded_twd = 100
    session.flush()
    figures = figures_of(session, campaign, NOON + 30 * HOUR)
    assert [(figure.members, figure.hits) for figure in figures] == [(20, 0), (20, 7)]
    assert session.scalars(select(Purchase)).first() is not None


def test_a_test_too_small_keeps_the_first(session: Session, make_member: MakeMember) -> None:
    rule = {"size": 500, "wait_hours": 24, "test_percent": 40}
    campaign = scheduled(session, make_member, variants=HALVES, stop_rule=rule)
    open_due_runs(session, NOON)
    (run,) = runs_of(session, campaign)
    end_run(session, run, {"A": [make_member().id], "B": [make_member().id]}, NOON)
    (rest_id,) = open_due_runs(session, NOON + 25 * HOUR)
    decision = session.get_one(CampaignDecision, campaign.id)
    assert (decision.verdict, decision.chosen) == (TOO_FEW, "A")
    assert session.get_one(CampaignRun, rest_id).spec["arms"][0]["variant"] == "A"


def test_a_test_that_was_missed_has_no_rest(session: Session, make_member: MakeMember) -> None:
    rule = {"size": 20, "wait_hours": 24, "test_percent": 40}
    campaign = scheduled(session, make_member, variants=HALVES, stop_rule=rule)
    open_due_runs(session, NOON)
    (run,) = runs_of(session, campaign)
    run.state, run.finished_at = "missed", NOON + 4 * HOUR
    session.flush()
    assert open_due_runs(session, NOON + 30 * HOUR) == []
    assert campaign.state == "finished"


def test_a_recurring_test_ends_with_the_winner_for_all(
    session: Session, make_member: MakeMember
) -> None:
    """E-15: later sendings give everybody what won; who was held out stays so."""
    campaign, run, got = send_test_run(session, make_member, percent=100, schedule=DAILY)
    assert run.spec["phase"] == "whole"
    click(session, run, "B", got["B"], 1)
    assert decide_campaigns(session, NOON + 25 * HOUR + timedelta(minutes=5)) == ["winter"]
    assert decide_campaigns(session, NOON + 26 * HOUR) == []
    (later_id,) = open_due_runs(session, NOON + 2 * DAY - HOUR)
    arms = session.get_one(CampaignRun, later_id).spec["arms"]
    assert [(arm["variant"], arm["from"]) for arm in arms] == [(None, 0), ("B", 1_000)]
    assert campaign.state == "running"


def test_a_decision_refuses_changes(session: Session, make_member: MakeMember) -> None:
    send_test_run(session, make_member)
    open_due_runs(session, NOON + 26 * HOUR)
    with pytest.raises(DBAPIError):
        session.execute(text("UPDATE campaign_decision SET chosen = 'A'"))


def test_a_paused_test_waits(session: Session, make_member: MakeMember) -> None:
    campaign, _run, _got = send_test_run(session, make_member)
    pause_campaign(session, "winter", by=MARKETER, now=NOON + 2 * HOUR)
    assert open_due_runs(session, NOON + 26 * HOUR) == []
    resume_campaign(session, "winter", by=MARKETER, now=NOON + 26 * HOUR)
    assert len(open_due_runs(session, NOON + 26 * HOUR)) == 1
    assert get_campaign(session, "winter") is campaign

"""Campaigns: refused where they make no sense, kept with every change, confirmed by two."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import BigInteger, func, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from models.campaign import (
    PARTS,
    Campaign,
    CampaignChange,
    CampaignExists,
    CannotTest,
    EmptyAudience,
    HeldBack,
    NoSuchCampaign,
    NotInThisState,
    NotTheirCampaign,
    ScheduleInPast,
    add_campaign,
    approve_above,
    approve_campaign,
    arms_of,
    cancel_campaign,
    change_campaign,
    clone_campaign,
    foresee_held_back,
    get_campaign,
    list_campaigns,
    list_changes,
    pause_campaign,
    position_of,
    preview_campaign,
    resume_campaign,
    send_back,
    send_test,
    set_approve_above,
    submit_campaign,
)
from models.coupon import Coupon
from models.member import Member
from models.outbox import Owed
from models.segment.keeping import archive_segment
from models.segment.refusals import RuleRefused
from models.segment.table import NoSuchSegment, SegmentArchived
from models.staff import Staff
from tests.bot.gallery_samples import content, said
from tests.conftest import NOON
from tests.models.campaign_shop import (
    CLERK,
    EVERYBODY,
    MANAGER,
    MARKETER,
    NOBODY,
    OWNER,
    RICH,
    make,
    open_office,
    told,
    variant,
)
from tests.models.test_outreach import batch_of, run_of

MakeMember = Callable[..., Member]
HOUR = timedelta(hours=1)
RULE = {"size": 20, "wait_hours": 24, "test_percent": 30}


@pytest.fixture(autouse=True)
def office(session: Session) -> None:
    """Make the persons and segments that campaigns here name."""
    open_office(session)


@pytest.fixture
def people(session: Session, make_member: MakeMember) -> list[Member]:
    """Return sixteen members, of whom every fourth can be reached by no marketing."""
    return [make_member(points=number * 50, marketing=bool(number % 4)) for number in range(16)]


# --- what is refused ---

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a stranger": ({"colour": "red"}, "colour"),
    "no name": ({"name": ...}, "name"),
    "no Chinese name": ({"name": {"en": "Tea"}}, "name"),
    "a blank name": ({"name": {"zh-TW": " "}}, "name.zh-TW"),
    "no variants": ({"variants": []}, "variants"),
    "shares of 90": ({"variants": [variant("A", 50), variant("B", 40)]}, "variants.share"),
    "a share of none": ({"variants": [variant("A", 0), variant("B", 100)]}, "variants[0].share"),
    "a share of a half": ({"variants": [variant("A", 50.5)]}, "variants[0].share"),  # type: ignore[arg-type]
    "two called A": ({"variants": [variant("A", 50), variant("A", 50)]}, "variants[1].code"),
    "a small letter": ({"variants": [variant("a", 100)]}, "variants[0].code"),
    "shares of two groups": (
        {"variants": [variant("A", 100, segment=RICH), variant("B", 50)]},
        "variants.share",
    ),
    "six messages": (
        {"content": content(*[{"type": "text", "text": said("嗨")}] * 6), "variants": ...},
        "variants[0].content.messages",
    ),
    "an unknown coupon": (
        {
            "variants": [
                variant("A", 100) | {"content": content({"type": "coupon", "template": "x"})}
            ]
        },
        "variants[0].content.messages[0].template",
    ),
    "a journey's fact": (
        {"variants": [variant("A", 100, "{expiring}")]},
        "variants[0].content.messages[0].text.zh-TW",
    ),
    "half held out": ({"holdout_percent": 51}, "holdout_percent"),
    "no grace": ({"grace_minutes": 0}, "grace_minutes"),
    "no budget": ({"budget_twd": 0}, "budget_twd"),
    "a pigeon": ({"channel": "pigeon"}, "channel"),
    "another metric": ({"metric": "likes"}, "metric"),
    "a priority of 101": ({"priority": 101}, "priority"),
    "a test of one": ({"stop_rule": RULE}, "stop_rule"),
    "a test of five": (
        {"variants": [variant("A", 50), variant("B", 50)], "stop_rule": RULE | {"size": 5}},
        "stop_rule.size",
    ),
    "a test by segment": (
        {"variants": [variant("A", 100, segment=RICH), variant("B", 100)], "stop_rule": RULE},
        "stop_rule",
    ),
    "a recurring test of some": (
        {
            "variants": [variant("A", 50), variant("B", 50)],
            "stop_rule": RULE,
            "schedule": {"when": "recurring", "every": "daily", "time": "10:30"},
        },
        "stop_rule.test_percent",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_campaign_is_refused_with_the_place(session: Session, case: str) -> None:
    changes, path = REFUSED[case]
    with pytest.raises(RuleRefused) as refused:
        make(session, **changes)
    assert refused.value.facts["path"] == path
    assert set(refused.value.facts["advice"]) == {"zh-TW", "en", "ja"}


@pytest.mark.parametrize("code", ["", "Winter", "冬", "a" * 61])
def test_a_code_is_a_slug(session: Session, code: str) -> None:
    with pytest.raises(RuleRefused):
        make(session, code)


def test_a_code_is_taken_once(session: Session) -> None:
    make(session)
    with pytest.raises(CampaignExists):
        make(session)


def test_a_segment_must_be_there(session: Session) -> None:
    with pytest.raises(NoSuchSegment):
        make(session, segment="no-such")
    with pytest.raises(NoSuchSegment):
        make(session, segment_version=9)
    archive_segment(session, RICH, now=NOON)
    with pytest.raises(SegmentArchived):
        make(session, segment=RICH)


def test_a_moment_that_is_over_is_refused(session: Session) -> None:
    with pytest.raises(ScheduleInPast):
        make(session, schedule={"when": "once", "at": "2026-11-22T08:59"})
    make(session, schedule={"when": "once", "at": "2026-11-22T09:01"})  # Within its three hours.


# --- drafts and their trail ---


def test_a_campaign_has_what_it_is_not_told(session: Session) -> None:
    """X2: holdout by default."""
    campaign = make(session)
    assert (campaign.state, campaign.kind, campaign.channel) == ("draft", "marketing", "line")
    assert (campaign.holdout_percent, campaign.grace_minutes, campaign.priority) == (10, 180, 50)
    assert make(session, "notice", kind="service").holdout_percent == 0


def test_one_content_is_short_for_one_variant(session: Session) -> None:
    campaign = make(session, variants=..., content=variant("A", 100)["content"])
    assert campaign.variants == [variant("A", 100)]


def test_every_change_is_kept(session: Session) -> None:
    """Issue 6: states and every change kept."""
    make(session)
    change_campaign(session, "winter", {"priority": 70, "kind": "marketing"}, by=OWNER, now=NOON)
    first, second = list_changes(session, "winter")
    assert (first.what, first.by, first.before) == ("add", MARKETER, None)
    assert (second.by, second.before, second.after) == (OWNER, {"priority": 50}, {"priority": 70})


def test_the_same_again_is_no_change(session: Session) -> None:
    make(session)
    change_campaign(session, "winter", told(), by=MARKETER, now=NOON)
    assert len(list_changes(session, "winter")) == 1


@pytest.mark.parametrize(
    "statement", ["UPDATE campaign_change SET by = 'x'", "DELETE FROM campaign_change"]
)
def test_the_trail_refuses_changes(session: Session, statement: str) -> None:
    make(session)
    with pytest.raises(DBAPIError):
        session.execute(text(statement))


def test_what_was_submitted_is_not_changed(session: Session, people: list[Member]) -> None:
    """U17: drafts can be changed, what is sent cannot."""
    make(session)
    submit_campaign(session, "winter", by=MARKETER, now=NOON)
    with pytest.raises(NotInThisState) as refused:
        change_campaign(session, "winter", {"priority": 1}, by=MARKETER, now=NOON)
    assert refused.value.facts["state"] == "scheduled"
    send_back(session, "winter", by=MARKETER, now=NOON, note="換照片")
    change_campaign(session, "winter", {"priority": 1}, by=MARKETER, now=NOON)
    assert get_campaign(session, "winter").submitted_by is None


def test_a_change_must_fit_what_stays(session: Session) -> None:
    make(session, variants=[variant("A", 50), variant("B", 50)], stop_rule=RULE)
    with pytest.raises(RuleRefused):
        change_campaign(session, "winter", {"variants": [variant("A", 100)]}, by=OWNER, now=NOON)


def test_a_clone_says_the_same_and_is_a_draft(session: Session, people: list[Member]) -> None:
    source = make(session, priority=80, schedule={"when": "once", "at": "2026-11-22T13:00"})
    submit_campaign(session, "winter", by=MARKETER, now=NOON)
    clone = clone_campaign(session, "winter", "spring", by=OWNER, now=NOON + 2 * HOUR)
    assert (clone.state, clone.priority, clone.variants) == ("draft", 80, source.variants)
    assert clone.schedule == {"when": "now"}
    assert (clone.submitted_by, clone.created_by) == (None, OWNER)
    assert [change.what for change in list_changes(session, "spring")] == ["clone:winter"]


def test_campaigns_are_listed_by_state(session: Session, people: list[Member]) -> None:
    make(session)
    make(session, "spring")
    submit_campaign(session, "spring", by=MARKETER, now=NOON)
    assert [each.code for each in list_campaigns(session)] == ["spring", "winter"]
    assert [each.code for each in list_campaigns(session, states=["draft"])] == ["winter"]
    with pytest.raises(NoSuchCampaign):
        get_campaign(session, "summer")


# --- who may what ---


@pytest.mark.parametrize("login", [CLERK, "nobody-here", ""])
def test_who_is_no_marketer_makes_no_campaign(session: Session, login: str) -> None:
    with pytest.raises(NotTheirCampaign):
        add_campaign(session, "winter", told(), by=login, now=NOON)


def test_who_works_here_no_more_makes_no_campaign(session: Session) -> None:
    session.execute(update(Staff).where(Staff.username == MARKETER).values(is_active=False))
    with pytest.raises(NotTheirCampaign):
        make(session)


def test_above_so_many_a_second_person_approves(session: Session, people: list[Member]) -> None:
    """Issue 6: approval by a second person above n recipients."""
    set_approve_above(session, 5, by=OWNER, now=NOON)
    make(session, holdout_percent=0)
    shown = submit_campaign(session, "winter", by=MARKETER, now=NOON)
    campaign = get_campaign(session, "winter")
    assert shown.needs_approval
    assert (campaign.state, campaign.next_slot_at) == ("waiting_approval", None)
    approve_campaign(session, "winter", by=MANAGER, now=NOON + HOUR)
    assert (campaign.state, campaign.approved_by) == ("scheduled", MANAGER)
    assert campaign.next_slot_at == NOON + HOUR


def test_nobody_approves_their_own(session: Session, people: list[Member]) -> None:
    set_approve_above(session, 0, by=OWNER, now=NOON)
    add_campaign(session, "winter", told(), by=MANAGER, now=NOON)
    submit_campaign(session, "winter", by=MANAGER, now=NOON)
    for login in (MANAGER, MANAGER.upper(), MARKETER, "api:till", "system:budget"):
        with pytest.raises(NotTheirCampaign):
            approve_campaign(session, "winter", by=login, now=NOON)
    with pytest.raises(IntegrityError, match="approved_by_another"):
        session.execute(update(Campaign).values(approved_by=MANAGER, approved_at=NOON))


def test_up_to_so_many_one_person_is_enough(session: Session, people: list[Member]) -> None:
    assert approve_above(session) == 500
    make(session)
    assert not submit_campaign(session, "winter", by=MARKETER, now=NOON).needs_approval
    assert get_campaign(session, "winter").state == "scheduled"


def test_the_number_is_the_managers_to_set(session: Session) -> None:
    for login in (MARKETER, "api:till"):
        with pytest.raises(NotTheirCampaign):
            set_approve_above(session, 9, by=login, now=NOON)
    with pytest.raises(RuleRefused):
        set_approve_above(session, -1, by=OWNER, now=NOON)


def test_an_approval_that_comes_too_late_is_refused(session: Session, people: list[Member]) -> None:
    set_approve_above(session, 0, by=OWNER, now=NOON)
    make(session, schedule={"when": "once", "at": "2026-11-22T13:00"})
    submit_campaign(session, "winter", by=MARKETER, now=NOON)
    with pytest.raises(ScheduleInPast):
        approve_campaign(session, "winter", by=MANAGER, now=NOON + 4 * HOUR)


def test_an_empty_audience_is_refused(session: Session, people: list[Member]) -> None:
    make(session, segment=NOBODY)
    with pytest.raises(EmptyAudience):
        submit_campaign(session, "winter", by=MARKETER, now=NOON)
    daily = {"when": "recurring", "every": "daily", "time": "10:30"}
    make(session, "daily", segment=NOBODY, schedule=daily)
    submit_campaign(session, "daily", by=MARKETER, now=NOON)  # Somebody may come tomorrow.


def test_a_segment_archived_meanwhile_is_refused(session: Session, people: list[Member]) -> None:
    make(session)
    archive_segment(session, EVERYBODY, now=NOON)
    with pytest.raises(SegmentArchived):
        submit_campaign(session, "winter", by=MARKETER, now=NOON)


# --- pause, resume, cancel ---


def test_a_pause_keeps_the_state_it_came_from(session: Session, people: list[Member]) -> None:
    make(session)
    submit_campaign(session, "winter", by=MARKETER, now=NOON)
    pause_campaign(session, "winter", by=MARKETER, now=NOON)
    with pytest.raises(NotInThisState):
        pause_campaign(session, "winter", by=MARKETER, now=NOON)
    assert resume_campaign(session, "winter", by=MARKETER, now=NOON).state == "scheduled"
    cancel_campaign(session, "winter", by=MARKETER, now=NOON)
    assert get_campaign(session, "winter").next_slot_at is None
    with pytest.raises(NotInThisState):
        resume_campaign(session, "winter", by=MARKETER, now=NOON)
    whats = [change.what for change in list_changes(session, "winter")]
    assert whats == ["add", "submit", "pause", "resume", "cancel"]


def test_what_the_budgets_guard_paused_takes_a_second_person(
    session: Session, people: list[Member]
) -> None:
    """X15: it resumes on approval."""
    make(session)
    submit_campaign(session, "winter", by=MARKETER, now=NOON)
    pause_campaign(session, "winter", by="system:budget", now=NOON, reason="budget")
    with pytest.raises(NotTheirCampaign):
        resume_campaign(session, "winter", by=MARKETER, now=NOON)
    assert resume_campaign(session, "winter", by=MANAGER, now=NOON).state == "scheduled"


# --- before confirmation ---


def test_the_preview_counts_live(session: Session, people: list[Member]) -> None:
    """Issue 6: audience, holdout, messages, cost and quota before confirmation."""
    make(session, variants=[variant("A", 50), variant("B", 50)], holdout_percent=20)
    preview = preview_campaign(session, "winter", NOON)
    assert preview.audience == len(people) == sum(arm.members for arm in preview.arms)
    assert [arm.variant for arm in preview.arms] == [None, "A", "B"]
    unwilling = sum(arm.members - arm.by_line for arm in preview.arms)
    assert unwilling == 4
    assert preview.messages == preview.reachable == preview.cost.messages
    assert preview.cost.more_twd == Decimal(0)
    assert preview.remaining.used == 0
    assert preview.window is not None
    assert preview.window.until == NOON + 3 * HOUR


def test_the_preview_foresees_who_would_be_skipped(
    session: Session, people: list[Member], monkeypatch: pytest.MonkeyPatch
) -> None:
    """X9: before confirmation, by the one question; of very many by a sample."""
    batch_of(session, run_of(session, NOON - HOUR, state="finished"), people[:6], NOON - HOUR)
    make(session, holdout_percent=0)
    preview = preview_campaign(session, "winter", NOON)

    held = foresee_held_back(session, "winter", preview, NOON)

    assert held == [HeldBack("frequency_cap", 4, is_estimate=False)]
    monkeypatch.setattr("models.campaign.foreseeing.MOST_ASKED", preview.reachable - 1)
    assert all(each.is_estimate for each in foresee_held_back(session, "winter", preview, NOON))
    monkeypatch.setattr("models.campaign.previewing.LARGEST_DRAW", 1)
    drawn = foresee_held_back(session, "winter", preview, NOON)
    assert [(each.reason, each.is_estimate) for each in drawn] == [("frequency_cap", True)]
    assert drawn == foresee_held_back(session, "winter", preview, NOON)  # A day draws the same.


def test_the_preview_is_what_the_trail_keeps(session: Session, people: list[Member]) -> None:
    make(session)
    shown = submit_campaign(session, "winter", by=MARKETER, now=NOON)
    kept = list_changes(session, "winter")[-1].after
    assert kept is not None
    assert (kept["messages"], kept["holdout"]) == (shown.messages, shown.holdout)


def test_the_preview_of_a_test_counts_who_gets_it_later(
    session: Session, people: list[Member]
) -> None:
    make(session, variants=[variant("A", 50), variant("B", 50)], stop_rule=RULE)
    preview = preview_campaign(session, "winter", NOON)
    assert [arm.variant for arm in preview.arms] == [None, "A", "B", "*"]
    assert preview.audience == sum(arm.members for arm in preview.arms) == len(people)


def test_a_service_message_needs_no_consent(session: Session, people: list[Member]) -> None:
    make(session, kind="service")
    assert preview_campaign(session, "winter", NOON).messages == len(people)


def test_in_quiet_hours_it_waits_for_the_morning(session: Session, people: list[Member]) -> None:
    """X9: quiet hours are 21:00 to 10:00."""
    make(session, schedule={"when": "once", "at": "2026-11-22T22:30"})
    window = preview_campaign(session, "winter", NOON).window
    assert window is not None
    assert window.send_at == NOON + timedelta(hours=22)  # 10:00 the next day.
    make(session, "late", schedule={"when": "once", "at": "2026-11-22T20:00"})
    window = preview_campaign(session, "late", NOON).window
    assert window is not None
    assert window.until == NOON + timedelta(hours=9)  # Not into the night, whatever its grace.


# --- arms ---


def test_arms_share_what_is_not_held_out() -> None:
    variants = [variant("A", 50), variant("B", 30), variant("C", 20)]
    arms = arms_of(variants, {}, holdout_percent=10)
    assert [(arm.variant, arm.first, arm.end) for arm in arms] == [
        (None, 0, 1_000),
        ("A", 1_000, 5_500),
        ("B", 5_500, 8_200),
        ("C", 8_200, PARTS),
    ]


def test_a_test_and_its_rest_part_everybody() -> None:
    """E-15: a share is tested first, the remainder gets the winner."""
    variants = [variant("A", 50), variant("B", 50)]
    tested = arms_of(variants, {}, holdout_percent=10, test_percent=30, phase="test")
    (rest,) = arms_of(variants, {}, holdout_percent=10, test_percent=30, phase="rest", chosen="B")
    assert (tested[-1].end, rest.first, rest.end, rest.variant) == (3_700, 3_700, PARTS, "B")


def test_variants_of_segments_come_before_the_others() -> None:
    """E-08: one campaign, two variants chosen by segment, measured separately."""
    variants = [variant("B", 100), variant("A", 100, segment=RICH)]
    arms = arms_of(variants, {RICH: {"rule": 1}}, holdout_percent=10)
    assert [(arm.variant, arm.rule) for arm in arms] == [
        (None, {"rule": 1}),
        ("A", {"rule": 1}),
        (None, None),
        ("B", None),
    ]


def test_big_spenders_get_their_own_variant(session: Session, people: list[Member]) -> None:
    """E-08: each member has the variant of their segment."""
    variants = [variant("A", 100, segment=RICH), variant("B", 100)]
    make(session, variants=variants, holdout_percent=0)
    sizes = {arm.variant: arm.members for arm in preview_campaign(session, "winter", NOON).arms}
    rich = sum(member.points >= 500 for member in people)
    assert sizes == {"A": rich, "B": len(people) - rich}


def test_a_position_is_sticky_and_its_own(session: Session, people: list[Member]) -> None:
    """E-15: stable random split, sticky assignment."""
    ask = select(Member.id, position_of("winter"), position_of("spring")).order_by(Member.id)
    first, again = session.execute(ask).all(), session.execute(ask).all()
    assert first == again
    assert all(0 <= row[1] < PARTS for row in first)
    assert [row[1] for row in first] != [row[2] for row in first]
    ids = func.generate_series(1, 1_000, type_=BigInteger).column_valued("id")
    spread = select(func.count()).where(position_of("winter", ids) < PARTS // 2)
    assert 450 <= (session.scalar(spread) or 0) <= 550


# --- tests ---


def test_a_test_goes_through_the_outbox_and_needs_no_consent(
    session: Session, make_member: MakeMember
) -> None:
    """Issue 6: test send."""
    make(session, variants=[variant("A", 50, "{name}好"), variant("B", 50)])
    tester = make_member(marketing=False, name="林雅婷")
    rows = send_test(session, "winter", [tester.id], by=MARKETER, now=NOON)
    session.flush()
    assert [(row.kind, row.source, row.is_marketing) for row in rows] == [
        ("content", "test:winter", False)
    ] * 2
    assert rows[0].words["facts"]["values"]["name"] == "林雅婷"
    assert list_changes(session, "winter")[-1].what == "test"
    send_test(session, "winter", [tester.id], by=MARKETER, now=NOON + HOUR, variant="B")
    assert session.scalar(select(func.count()).select_from(Owed)) == 3


def test_a_test_gives_no_coupon(session: Session, make_member: MakeMember) -> None:
    gift = content({"type": "coupon", "template": "welcome"})
    make(session, variants=[variant("A", 100) | {"content": gift}])
    send_test(session, "winter", [make_member().id], by=MARKETER, now=NOON)
    assert session.scalar(select(func.count()).select_from(Coupon)) == 0


def test_only_friends_get_a_test(session: Session, make_member: MakeMember) -> None:
    make(session)
    stranger = make_member(friend=False)
    with pytest.raises(CannotTest) as refused:
        send_test(session, "winter", [stranger.id], by=MARKETER, now=NOON)
    assert refused.value.facts == {"not_friends": [stranger.id]}
    with pytest.raises(CannotTest):
        send_test(session, "winter", [0], by=MARKETER, now=NOON)
    for members, chosen in (([], None), (range(1, 22), None), ([stranger.id], "Z")):
        with pytest.raises(RuleRefused):
            send_test(session, "winter", list(members), by=MARKETER, now=NOON, variant=chosen)


def test_a_change_belongs_to_its_campaign(session: Session) -> None:
    make(session)
    make(session, "spring")
    rows = session.scalars(select(CampaignChange).order_by(CampaignChange.id)).all()
    assert len({row.campaign_id for row in rows}) == 2

"""Opening runs: at its moment a campaign becomes a run with a snapshot of it, once a slot.

Called by a round. A slot that was slept through is opened all the same, and its run ends as missed;
of several the campaign goes through all, so that each has its row. A campaign whose segment was
archived meanwhile is paused instead. When all runs have ended and no slot is left, it is finished.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, select
from sqlalchemy.orm import Session

from models.campaign.arm import REST, TEST, WHOLE, arms_of
from models.campaign.audience import check_audience
from models.campaign.judging import decide_campaigns, find_decision
from models.campaign.keeping import move, schedule_of
from models.campaign.opening_time import Window, window_of
from models.campaign.previewing import rules_of, test_percent_of
from models.campaign.schedule import next_slot, slot_name
from models.campaign.steering import PAUSE
from models.campaign.table import (
    CLICK,
    FINISHED,
    PAUSED,
    RUNNING,
    SCHEDULED,
    Campaign,
    CampaignDecision,
)
from models.content import parse_content
from models.link import TAP, make_links
from models.segment.keeping import get_version
from models.segment.table import NoSuchSegment, SegmentArchived
from models.sending.opening import open_run
from models.sending.table import CampaignRun

ROUND = "system:open_campaigns"
MOST_AT_ONCE = 50
MOST_SLOTS = 40
"""So many slots that were slept through are opened as missed in one go."""


def open_due_runs(session: Session, now: datetime) -> list[int]:
    """Open the runs that are due, and bring campaigns to the state they are in; return the runs.

    Safe to call twice and by two at once: each campaign is locked, and a slot has one run.
    """
    decide_campaigns(session, now)
    opened = [
        run_id for campaign in _due(session, now) for run_id in _open_slots(session, campaign, now)
    ]
    opened += [
        run_id
        for campaign, decision in _decided(session)
        if (run_id := _open_rest(session, campaign, decision, now)) is not None
    ]
    for campaign in _ended(session):
        if campaign.next_slot_at is None:
            move(session, campaign, FINISHED, ROUND, now, what="finish")
        elif campaign.state == RUNNING:
            campaign.state = SCHEDULED
    session.flush()
    return opened


def _due(session: Session, now: datetime) -> list[Campaign]:
    found = session.scalars(
        select(Campaign)
        .where(Campaign.state.in_((SCHEDULED, RUNNING)), Campaign.next_slot_at <= now)
        .order_by(Campaign.priority.desc(), Campaign.next_slot_at, Campaign.id)
        .limit(MOST_AT_ONCE)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return list(found)


def _open_slots(session: Session, campaign: Campaign, now: datetime) -> list[int]:
    """Open all slots of one campaign that are due."""
    opened: list[int] = []
    for _ in range(MOST_SLOTS):
        slot = campaign.next_slot_at
        if slot is None or slot > now or not _has_audience(session, campaign, now):
            break
        window = window_of(session, campaign, slot)
        run_id = _open(session, campaign, window, slot_name(slot), now)
        opened += [run_id] if run_id is not None else []
        campaign.next_slot_at = next_slot(schedule_of(campaign), slot)
        if campaign.state == SCHEDULED:
            move(session, campaign, RUNNING, ROUND, now, what="open", after={"run": run_id})
    session.flush()
    return opened


def _has_audience(session: Session, campaign: Campaign, now: datetime) -> bool:
    """Tell whether the campaign's segments still stand; where not, it is paused."""
    try:
        check_audience(session, campaign.segment_code, campaign.segment_version)
        for variant in campaign.variants:
            if "segment" in variant:
                check_audience(session, variant["segment"], None)
    except (SegmentArchived, NoSuchSegment) as refusal:
        campaign.paused_from = campaign.state
        told = {"reason": refusal.code} | refusal.facts
        move(session, campaign, PAUSED, ROUND, now, what=PAUSE, after=told)
        return False
    return True


def _open(
    session: Session,
    campaign: Campaign,
    window: Window,
    slot: str,
    now: datetime,
    *,
    phase: str | None = None,
) -> int | None:
    spec = spec_of(session, campaign, phase=phase)
    run_id = open_run(session, campaign.id, spec, window.send_at, window.until, slot, now)
    if run_id is not None:
        run = session.get_one(CampaignRun, run_id)
        run.spec = spec | {"variants": _with_links(session, spec["variants"], run_id)}
        session.flush()
    return run_id


def _with_links(
    session: Session, variants: list[dict[str, Any]], run_id: int
) -> list[dict[str, Any]]:
    """Make the counted links of each variant."""
    return [
        each
        | {
            "links": make_links(
                session,
                f"campaign:{run_id}:{each['code']}",
                parse_content(each["content"]).urls,
            )
        }
        for each in variants
    ]


def spec_of(session: Session, campaign: Campaign, *, phase: str | None = None) -> dict[str, Any]:
    """Return the snapshot a run is sent by: see `models/sending/spec.py`."""
    decision = find_decision(session, campaign.id)
    percent = test_percent_of(campaign)
    phase = phase or (TEST if percent < 100 and decision is None else WHOLE)
    chosen = decision.chosen if decision is not None else None
    arms = arms_of(
        campaign.variants,
        rules_of(session, campaign),
        holdout_percent=campaign.holdout_percent,
        test_percent=percent,
        phase=phase,
        chosen=chosen,
    )
    version = get_version(session, campaign.segment_code, campaign.segment_version)
    used = {arm.variant for arm in arms}
    variants = [each for each in campaign.variants if each["code"] in used]
    return {
        "code": campaign.code,
        "name": campaign.name,
        "kind": campaign.kind,
        "priority": campaign.priority,
        "channel": campaign.channel,
        "holdout_percent": campaign.holdout_percent,
        "attribution_days": campaign.attribution_days,
        "budget_twd": campaign.budget_twd,
        "phase": phase,
        "is_personal": _counts_persons(campaign),
        "audience": {
            "code": campaign.segment_code,
            "version": version.version,
            "rule": version.rule,
        },
        "variants": [
            {"code": each["code"], "share": each["share"], "content": each["content"]}
            for each in variants
        ],
        "arms": [arm.as_json() for arm in arms],
    }


def _counts_persons(campaign: Campaign) -> bool:
    """Tell whether the test counts members who click: then each needs links of their own."""
    if campaign.stop_rule is None or campaign.metric != CLICK:
        return False
    urls = (url for each in campaign.variants for url in parse_content(each["content"]).urls)
    return any(not url.startswith(TAP) for url in urls)


def _decided(session: Session) -> list[tuple[Campaign, CampaignDecision]]:
    """Return the running campaigns whose test is decided and of which the others wait."""
    rest = exists().where(
        CampaignRun.campaign_id == Campaign.id, CampaignRun.slot.like(f"%:{REST}")
    )
    found = session.execute(
        select(Campaign, CampaignDecision)
        .join(CampaignDecision, CampaignDecision.campaign_id == Campaign.id)
        .where(
            Campaign.state == RUNNING,
            Campaign.stop_rule["test_percent"].as_integer() < 100,
            ~rest,
        )
        .limit(MOST_AT_ONCE)
        .with_for_update(of=Campaign, skip_locked=True)
    )
    return [(campaign, decision) for campaign, decision in found]


def _open_rest(
    session: Session, campaign: Campaign, decision: CampaignDecision, now: datetime
) -> int | None:
    """Send the chosen variant to everybody who took no part in the test."""
    if not _has_audience(session, campaign, now):
        return None
    if not any(each["members"] for each in decision.figures):
        return None  # The test was missed, and so is what follows it.
    slot = f"{slot_name(decision.at)}:{REST}"
    return _open(session, campaign, window_of(session, campaign, now), slot, now, phase=REST)


def _ended(session: Session) -> list[Campaign]:
    """Return the running campaigns of which nothing is under way and nothing is awaited."""
    is_open = exists().where(
        CampaignRun.campaign_id == Campaign.id, CampaignRun.finished_at.is_(None)
    )
    is_decided = exists().where(CampaignDecision.campaign_id == Campaign.id)
    is_testing = and_(Campaign.stop_rule.is_not(None), Campaign.next_slot_at.is_(None), ~is_decided)
    found = session.scalars(
        select(Campaign)
        .where(Campaign.state == RUNNING, ~is_open, ~is_testing)
        .order_by(Campaign.id)
        .limit(MOST_AT_ONCE)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    return list(found)

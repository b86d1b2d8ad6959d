"""Steering a campaign: submit, approve, send back, pause, resume, cancel; each kept with who.

From the submission on a campaign says what it says (U17). Above so many messages a second person
approves it: the database refuses one who is both.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.campaign.keeping import (
    TOLD,
    check_columns,
    expect_state,
    list_changes,
    lock_campaign,
    move,
    schedule_of,
)
from models.campaign.previewing import Preview, preview_campaign
from models.campaign.refusals import EmptyAudience, NotTheirCampaign
from models.campaign.schedule import check_not_past, first_slot
from models.campaign.setting import APPROVING_ROLES, check_person
from models.campaign.table import (
    CANCELLED,
    DRAFT,
    PAUSED,
    RUNNING,
    SCHEDULED,
    WAITING,
    Campaign,
)
from models.sending.steering import cancel_run, pause_run, resume_run
from models.sending.table import CampaignRun

GUARD = "system:budget"
"""Who pauses a campaign that costs too much; a second person lets it go on."""
PAUSE = "pause"
LONGEST_REASON = 200


def submit_campaign(session: Session, code: str, *, by: str, now: datetime) -> Preview:
    """Confirm a draft as its preview shows it: it is scheduled, or waits for a second person.

    Returns that preview, which the trail keeps. Raises NoSuchCampaign, NotInThisState,
    NotTheirCampaign, EmptyAudience, or a refusal where it could not be sent any more.
    """
    person = check_person(session, by)
    campaign = lock_campaign(session, code)
    expect_state(campaign, DRAFT)
    check_columns(session, {name: getattr(campaign, name) for name in TOLD}, now)
    preview = preview_campaign(session, code, now)
    if not preview.audience and not schedule_of(campaign).recurs:
        raise EmptyAudience(campaign=code, segment=campaign.segment_code)
    campaign.submitted_by, campaign.submitted_at = person, now
    told = {"submitted_by": person} | preview.as_json()
    if preview.needs_approval:
        move(session, campaign, WAITING, person, now, what="submit", after=told)
    else:
        _schedule(session, campaign, now)
        move(session, campaign, SCHEDULED, person, now, what="submit", after=told)
    return preview


def approve_campaign(session: Session, code: str, *, by: str, now: datetime) -> Campaign:
    """Let what another person submitted be sent.

    Raises NoSuchCampaign, NotInThisState, ScheduleInPast, or NotTheirCampaign where the person may
    not approve, or submitted it.
    """
    person = check_person(session, by, APPROVING_ROLES)
    campaign = lock_campaign(session, code)
    expect_state(campaign, WAITING)
    if person == campaign.submitted_by:
        raise NotTheirCampaign(by=by, why="same_person")
    check_columns(session, {name: getattr(campaign, name) for name in TOLD}, now)
    campaign.approved_by, campaign.approved_at = person, now
    _schedule(session, campaign, now)
    move(session, campaign, SCHEDULED, person, now, what="approve", after={"approved_by": person})
    return campaign


def send_back(session: Session, code: str, *, by: str, now: datetime, note: str = "") -> Campaign:
    """Make a campaign that was not approved, or of which nothing was sent yet, a draft again.

    Raises NoSuchCampaign, NotInThisState or NotTheirCampaign.
    """
    person = check_person(session, by)
    campaign = lock_campaign(session, code)
    expect_state(campaign, WAITING, SCHEDULED)
    if _runs(session, campaign, are_open=False):
        expect_state(campaign, WAITING)
    campaign.submitted_by = campaign.submitted_at = None
    campaign.approved_by = campaign.approved_at = campaign.next_slot_at = None
    told = {"note": note[:LONGEST_REASON]}
    move(session, campaign, DRAFT, person, now, what="send_back", after=told)
    return campaign


def pause_campaign(
    session: Session, code: str, *, by: str, now: datetime, reason: str = PAUSE
) -> Campaign:
    """Begin nothing more of a campaign until it is resumed. What the guard stopped stays stopped.

    Raises NoSuchCampaign, NotInThisState or NotTheirCampaign.
    """
    person = check_person(session, by)
    campaign = lock_campaign(session, code)
    expect_state(campaign, SCHEDULED, RUNNING)
    for run in _runs(session, campaign):
        pause_run(session, run.id, reason, now)
    campaign.paused_from = campaign.state
    move(session, campaign, PAUSED, person, now, what=PAUSE, after={"reason": reason})
    return campaign


def resume_campaign(session: Session, code: str, *, by: str, now: datetime) -> Campaign:
    """Go on with a paused campaign; slots that passed meanwhile are missed, not late.

    After the budget's guard it takes a second person, who may approve. Raises NoSuchCampaign,
    NotInThisState or NotTheirCampaign.
    """
    person = check_person(session, by)
    campaign = lock_campaign(session, code)
    expect_state(campaign, PAUSED)
    pauses = [change for change in list_changes(session, code) if change.what == PAUSE]
    if pauses and pauses[-1].by == GUARD:
        person = check_person(session, by, APPROVING_ROLES)
        if person == campaign.submitted_by:
            raise NotTheirCampaign(by=by, why="same_person")
    for run in _runs(session, campaign):
        resume_run(session, run.id, "resume", now)
    state, campaign.paused_from = campaign.paused_from or SCHEDULED, None
    move(session, campaign, state, person, now, what="resume")
    return campaign


def cancel_campaign(session: Session, code: str, *, by: str, now: datetime) -> Campaign:
    """End a campaign: nothing more is sent, for good. What was sent stays as it was.

    Raises NoSuchCampaign, NotInThisState or NotTheirCampaign.
    """
    person = check_person(session, by)
    campaign = lock_campaign(session, code)
    expect_state(campaign, DRAFT, WAITING, SCHEDULED, RUNNING, PAUSED)
    for run in _runs(session, campaign):
        cancel_run(session, run.id, "cancelled", now)
    campaign.paused_from = campaign.next_slot_at = None
    move(session, campaign, CANCELLED, person, now, what="cancel")
    return campaign


def _schedule(session: Session, campaign: Campaign, now: datetime) -> None:
    """Set the moment of the first run, where it can still be met."""
    schedule = schedule_of(campaign)
    check_not_past(schedule, now, timedelta(minutes=campaign.grace_minutes))
    campaign.next_slot_at = first_slot(schedule, now)


def _runs(session: Session, campaign: Campaign, *, are_open: bool = True) -> Sequence[CampaignRun]:
    """Return the campaign's runs that have not ended, or all of them."""
    runs = select(CampaignRun).where(CampaignRun.campaign_id == campaign.id)
    if are_open:
        runs = runs.where(CampaignRun.finished_at.is_(None))
    return session.scalars(runs.order_by(CampaignRun.id)).all()

"""Moving a campaign to another day, as one does on a calendar: the time of the day stays.

What was confirmed is confirmed anew (U17): it goes back to a draft, says its new day, and is
submitted again by who moved it; above the shop's number a second person approves it once more.
"""

from datetime import date, datetime

from sqlalchemy.orm import Session

from models.campaign.keeping import change_campaign, get_campaign, schedule_of
from models.campaign.refusals import NotMovable
from models.campaign.schedule import ONCE, slot_name
from models.campaign.steering import send_back, submit_campaign
from models.campaign.table import DRAFT, SCHEDULED, WAITING, Campaign
from models.local_day import TAIPEI

MOVABLE = (DRAFT, WAITING, SCHEDULED)


def is_movable(campaign: Campaign) -> bool:
    """Tell whether a campaign is sent once, at a moment, and that may still be another one."""
    return campaign.state in MOVABLE and campaign.schedule.get("when") == ONCE


def expect_movable(campaign: Campaign) -> datetime:
    """Return when a movable campaign is sent. Raises NotMovable for one that is not."""
    at = schedule_of(campaign).at
    if at is None or not is_movable(campaign):
        facts = {"state": campaign.state, "when": campaign.schedule.get("when")}
        raise NotMovable(campaign=campaign.code, **facts)
    return at


def moment_on(campaign: Campaign, day: date) -> datetime:
    """Return when a campaign would be sent on a day. Raises NotMovable."""
    at = expect_movable(campaign)
    return datetime.combine(day, at.astimezone(TAIPEI).time(), TAIPEI)


def move_to_day(session: Session, code: str, day: date, *, by: str, now: datetime) -> Campaign:
    """Have a campaign sent on another day, at the same time; on its day already, it stays.

    Raises NotMovable, ScheduleInPast, and whatever sending back, changing and submitting raise.
    """
    campaign = get_campaign(session, code)
    told = {"schedule": {"when": ONCE, "at": slot_name(moment_on(campaign, day))}}
    if campaign.schedule == told["schedule"]:
        return campaign
    was_draft = campaign.state == DRAFT
    if not was_draft:
        send_back(session, code, by=by, now=now, note=f"→ {day.isoformat()}")
    campaign = change_campaign(session, code, told, by=by, now=now)
    if not was_draft:
        submit_campaign(session, code, by=by, now=now)
    return campaign

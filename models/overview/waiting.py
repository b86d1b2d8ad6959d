"""What runs now, what waits for somebody's decision, and where the month's messages will end."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models import fraud
from models.birthday_card import BirthdayCard
from models.campaign import Campaign
from models.campaign.table import PAUSED, SCHEDULED, WAITING
from models.care_task import list_care_tasks
from models.classification import list_alerts
from models.contact import count_open
from models.fraud.alert import list_open_alerts
from models.journey.tasks import list_tasks
from models.local_day import day_start, first_of_month_after, local_day
from models.outreach.calendar import PLANNED_DAYS, read_plan
from models.points.adjustment import list_asked as list_adjustments
from models.prepared import PreparedFigure
from models.quota import Remaining
from models.review import list_reviews
from models.review.table import PENDING
from models.sending import progress_of
from models.sending.proof import Progress
from models.sending.table import CampaignRun

SOON = timedelta(days=1)
CARDS_AHEAD = timedelta(days=14)
"""A card written by hand is asked for so long before the birthday."""
MOST_RUNNING = 20
MOST_COUNTED = 100
"""Of what waits, so many are counted; a page says "100+" beyond."""


@dataclass(frozen=True)
class Running:
    """A campaign that is being sent, waits for its moment within a day, or stands still."""

    campaign: Campaign
    send_at: datetime
    progress: Progress | None
    """None until its moment: nobody is written down before."""


@dataclass(frozen=True)
class Decision:
    """Something that waits for a person: of which kind, and how many."""

    kind: str
    count: int

    @property
    def is_more(self) -> bool:
        """Tell whether there may be more than were counted."""
        return self.count >= MOST_COUNTED


@dataclass(frozen=True)
class Forecast:
    """Where the month's messages will end, as things stand."""

    used: int
    planned: int | None
    """What campaigns and journeys have before them this month; None without a plan of today."""
    expected: int
    """Used, and the planned ones, or as many a day as so far where nothing is planned."""


def list_running(session: Session, now: datetime) -> list[Running]:
    """Return what is being sent and what is scheduled within a day, the earliest first."""
    rows = session.execute(
        select(CampaignRun, Campaign)
        .join(Campaign, Campaign.id == CampaignRun.campaign_id)
        .where(CampaignRun.finished_at.is_(None), CampaignRun.send_at < now + SOON)
        .order_by(CampaignRun.send_at, CampaignRun.id)
        .limit(MOST_RUNNING)
    ).all()
    progress = progress_of(session, [run.id for run, _ in rows])
    under_way = [Running(campaign, run.send_at, progress[run.id]) for run, campaign in rows]
    scheduled = session.scalars(
        select(Campaign)
        .where(Campaign.state == SCHEDULED, Campaign.next_slot_at < now + SOON)
        .order_by(Campaign.next_slot_at, Campaign.id)
        .limit(MOST_RUNNING)
    )
    coming = [Running(each, each.next_slot_at, None) for each in scheduled if each.next_slot_at]
    return sorted([*under_way, *coming], key=lambda one: one.send_at)[:MOST_RUNNING]


def list_decisions(session: Session, now: datetime) -> list[Decision]:
    """Return what waits for somebody, by kind, the most pressing kinds first; nothing empty."""
    today = local_day(now)
    counted: dict[str, Callable[[], int]] = {
        "campaign_approval": lambda: _campaigns(session, WAITING),
        "campaign_paused": lambda: _campaigns(session, PAUSED),
        "fraud": lambda: len(list_open_alerts(session, limit=MOST_COUNTED)),
        "points": lambda: len(list_adjustments(session, MOST_COUNTED)),
        "counter": lambda: len(fraud.list_asked(session, now)),
        "contact": lambda: count_open(session),
        "care": lambda: len(list_care_tasks(session, now)),
        "journey_task": lambda: len(list_tasks(session, now, limit=MOST_COUNTED)),
        "birthday_card": lambda: _unwritten_cards(session, today),
        "review": lambda: len(list_reviews(session, PENDING, limit=MOST_COUNTED)),
        "class_alert": lambda: len(list_alerts(session)),
    }
    found = [Decision(kind, min(count(), MOST_COUNTED)) for kind, count in counted.items()]
    return [decision for decision in found if decision.count]


def forecast_month(left: Remaining, plan: PreparedFigure | None, now: datetime) -> Forecast:
    """Return where the month's messages will end.

    With a plan of the days to come it is what is used and what is planned. Without one, or where
    it plans nothing, as many messages a day go on as went so far.
    """
    used = left.used + left.reserved + left.elsewhere
    today, ends = local_day(now), first_of_month_after(left.month, 1)
    planned = None
    if plan is not None and plan.body is not None:
        until = min(day_start(ends), day_start(today + timedelta(days=PLANNED_DAYS)))
        planned = sum(each.messages for each in read_plan(plan) if now <= each.at < until)
    if planned:
        return Forecast(used, planned, used + planned)
    passed = max((now - day_start(left.month)) / timedelta(days=1), 1.0)
    rest = max((day_start(ends) - now) / timedelta(days=1), 0.0)
    return Forecast(used, planned, used + ceil(used / passed * rest))


def _campaigns(session: Session, state: str) -> int:
    return session.scalars(select(func.count()).where(Campaign.state == state)).one()


def _unwritten_cards(session: Session, today: date) -> int:
    return session.scalars(
        select(func.count()).where(
            BirthdayCard.birthday_on >= today,
            BirthdayCard.birthday_on < today + CARDS_AHEAD,
            BirthdayCard.done_at.is_(None),
        )
    ).one()

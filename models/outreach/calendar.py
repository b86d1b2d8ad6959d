"""The calendar as it is shown: festivals, campaigns and what journeys will send, by day.

What is scheduled is read as it is now. How many get it, what it costs and who is skipped is the
plan's (`plan.py`), which takes minutes for a large shop: it is prepared, and told with its moment.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import Translated
from models.campaign import Campaign, list_slots, schedule_of
from models.campaign.moving import is_movable
from models.campaign.table import DRAFT, PAUSED, RUNNING, SCHEDULED, WAITING
from models.festival import MOST_DAYS as LONGEST_FESTIVAL
from models.festival import Occasion, occasions_beginning
from models.local_day import day_start, local_day
from models.outreach.plan import Planned, plan_of
from models.prepared import NoteProgress, PreparedFigure, find_prepared, prepared, want
from models.sending.table import CampaignRun

FIGURE = "outreach_plan"
PLANNED_DAYS = 31
"""So many days ahead are planned: X9 asks for thirty, and a month has as many."""
STALE = timedelta(hours=6)
CAMPAIGN, JOURNEY, MESSAGE = "campaign", "journey", "message"
SHOWN = (DRAFT, WAITING, SCHEDULED, RUNNING, PAUSED)
MOST_RUNS = 500
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Entry:
    """One thing that is, or was, sent on a day."""

    at: datetime
    kind: str
    """`campaign`, `journey`, or `message`: what waits in the outbox by itself."""
    source: str
    code: str
    names: Translated
    state: str | None = None
    """Of a campaign, or of a run that began."""
    is_movable: bool = False
    planned: Planned | None = None
    """Who gets it and who does not; None where the plan does not know it (yet)."""
    run: CampaignRun | None = None
    """What was sent, where it began."""

    @property
    def day(self) -> date:
        """Return the local day."""
        return local_day(self.at)


@dataclass(frozen=True)
class Calendar:
    """What is on the days `[first, until)`."""

    entries: Sequence[Entry]
    festivals: Sequence[Occasion]
    """Those of which a day lies among these."""
    figure: PreparedFigure | None
    """The plan, with its moment."""

    def on(self, day: date) -> list[Entry]:
        """Return what is sent on a day, in the order of time."""
        return [entry for entry in self.entries if entry.day == day]

    def festivals_on(self, day: date) -> list[Occasion]:
        """Return the festivals of a day."""
        return [each for each in self.festivals if each.begins_on <= day < each.ends_on]


def calendar_of(session: Session, first: date, until: date, now: datetime) -> Calendar:
    """Return what is on the days `[first, until)`; an old plan is wanted anew."""
    figure = find_prepared(session, FIGURE)
    if figure is None or figure.as_of is None or figure.as_of < now - STALE:
        want(session, FIGURE, None, now)
        figure = find_prepared(session, FIGURE)
    begins, ends = day_start(first), day_start(until)
    plan = [each for each in read_plan(figure) if begins <= each.at < ends]
    entries = [
        *_begun(session, begins, ends),
        *_to_come(session, plan, begins, ends, now),
        *_of_plan(plan),
    ]
    return Calendar(
        entries=sorted(entries, key=lambda each: (each.at, each.source)),
        festivals=_festivals(session, first, until),
        figure=figure,
    )


def _festivals(session: Session, first: date, until: date) -> list[Occasion]:
    earliest = first - timedelta(days=LONGEST_FESTIVAL)
    found = occasions_beginning(session, earliest, until - timedelta(days=1))
    return [each for each in found if each.ends_on > first]


def _begun(session: Session, begins: datetime, ends: datetime) -> Iterator[Entry]:
    """Yield the runs of these days that were opened."""
    runs = session.execute(
        select(CampaignRun, Campaign)
        .join(Campaign, Campaign.id == CampaignRun.campaign_id)
        .where(CampaignRun.send_at >= begins, CampaignRun.send_at < ends)
        .order_by(CampaignRun.send_at, CampaignRun.id)
        .limit(MOST_RUNS)
    )
    for run, campaign in runs:
        source = f"campaign:{campaign.code}"
        yield Entry(run.send_at, CAMPAIGN, source, campaign.code, campaign.name, run.state, run=run)


def _to_come(
    session: Session, plan: Sequence[Planned], begins: datetime, ends: datetime, now: datetime
) -> Iterator[Entry]:
    """Yield the sendings of campaigns that are not opened yet, drafts with a moment among them."""
    known = {(each.source, local_day(each.at)): each for each in plan}
    campaigns = select(Campaign).where(Campaign.state.in_(SHOWN)).order_by(Campaign.id)
    for campaign in session.scalars(campaigns):
        source = f"campaign:{campaign.code}"
        for at in _slots(campaign, max(begins, now), ends):
            yield Entry(
                at,
                CAMPAIGN,
                source,
                campaign.code,
                campaign.name,
                campaign.state,
                is_movable=is_movable(campaign),
                planned=known.get((source, local_day(at))),
            )


def _slots(campaign: Campaign, since: datetime, until: datetime) -> list[datetime]:
    """Return the moments of `[since, until)` at which a campaign is, or would be, sent."""
    first = campaign.next_slot_at
    if first is not None:
        since = max(since, first)
    elif campaign.state in (SCHEDULED, RUNNING):
        return []  # The last of it was opened.
    return list_slots(schedule_of(campaign), since - _TICK, until)


def _of_plan(plan: Sequence[Planned]) -> Iterator[Entry]:
    """Yield what journeys and the outbox will send."""
    for each in plan:
        kind, _, rest = each.source.partition(":")
        if kind == CAMPAIGN:
            continue
        code = rest.partition(":")[0] if kind == JOURNEY else each.source
        names = dict(each.names)
        yield Entry(
            each.at, kind if kind == JOURNEY else MESSAGE, each.source, code, names, planned=each
        )


# --- the plan, prepared


@prepared(FIGURE, nightly=True)
def _prepare_plan(
    session: Session, now: datetime, _asked: Mapping[str, Any], note_progress: NoteProgress
) -> dict[str, Any]:
    plan = plan_of(session, PLANNED_DAYS, now, note_progress=note_progress)
    return {"plan": [_written(each) for each in plan]}


def _written(planned: Planned) -> dict[str, Any]:
    return vars(planned) | {
        "at": planned.at.isoformat(),
        "cost_twd": str(planned.cost_twd),
        "member_ids": list(planned.member_ids),
    }


def read_plan(figure: PreparedFigure | None) -> list[Planned]:
    """Return the plan as it was last prepared, in the order of time; empty where it never was."""
    if figure is None or figure.body is None:
        return []
    return [
        Planned(
            **told
            | {
                "at": datetime.fromisoformat(told["at"]),
                "cost_twd": Decimal(told["cost_twd"]),
                "member_ids": tuple(told["member_ids"]),
            }
        )
        for told in figure.body["plan"]
    ]

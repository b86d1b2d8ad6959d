"""Keeping campaigns: adding, changing a draft, cloning, and the trail of every change."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.campaign.audience import RULE, check_audience, own_rule, with_segment
from models.campaign.detail import CONTENT, INSTEAD, NEEDED, check_together, read_details
from models.campaign.refusals import (
    CampaignChangedMeanwhile,
    CampaignExists,
    CampaignRefused,
    NoSuchCampaign,
    NotInThisState,
)
from models.campaign.schedule import Schedule, check_not_past, parse_schedule
from models.campaign.setting import check_person
from models.campaign.table import (
    DRAFT,
    LONGEST_CODE,
    USUAL_GRACE_MINUTES,
    Campaign,
    CampaignChange,
)
from models.content import LANGUAGES, check_content, parse_content
from models.local_day import local_day
from models.segment.rule import Rule

MOST_LISTED = 200
MOST_TRIED = 1_000
"""So many codes of one name, or one day, there are."""
TOLD = (
    "name",
    "segment_code",
    "segment_version",
    "variants",
    "schedule",
    "kind",
    "priority",
    "metric",
    "stop_rule",
    "holdout_percent",
    "grace_minutes",
    "budget_twd",
    "channel",
    "attribution_days",
)
"""What a campaign says of itself, and a clone says again."""
_CODE = re.compile(rf"[a-z0-9][a-z0-9_-]{{0,{LONGEST_CODE - 1}}}")


def add_campaign(
    session: Session, code: str, told: Mapping[str, Any], *, by: str, now: datetime
) -> Campaign:
    """Keep a new draft; `told` is its JSON, see `models/campaign/detail.py`.

    Raises CampaignRefused, ContentRefused, CampaignExists, NotTheirCampaign, NoSuchSegment or
    SegmentArchived.
    """
    person = check_person(session, by)
    for key in NEEDED:
        if key not in told and INSTEAD.get(key) not in told:
            raise CampaignRefused(key, None, NEEDED)
    columns = read_details(dict(told))
    return _insert(session, code, columns, "add", person, now)


def clone_campaign(
    session: Session, code: str, new_code: str, *, by: str, now: datetime
) -> Campaign:
    """Keep a new draft that says what another campaign says. A moment that is over becomes now.

    A rule that was made for the other one alone is made anew: who changes one changes not both.
    Raises NoSuchCampaign, CampaignRefused, CampaignExists, NotTheirCampaign or SegmentArchived.
    """
    person = check_person(session, by)
    source = get_campaign(session, code)
    columns = {name: getattr(source, name) for name in TOLD}
    schedule = parse_schedule(source.schedule)
    if schedule.at is not None and schedule.at <= now:
        columns["schedule"] = {"when": "now"}
    rule = own_rule(session, source)
    if rule is not None:
        columns[RULE] = rule
    return _insert(session, new_code, columns, f"clone:{source.code}", person, now)


def _insert(
    session: Session, code: str, columns: dict[str, Any], what: str, by: str, now: datetime
) -> Campaign:
    if not _CODE.fullmatch(code):
        raise CampaignRefused("code", code, (_CODE.pattern,))
    columns = with_segment(session, columns, None, by=by, now=now)
    check_columns(session, columns, now)
    made = session.scalars(
        insert(Campaign)
        .values(code=code, created_by=by, created_at=now, **columns)
        .on_conflict_do_nothing(index_elements=["code"])
        .returning(Campaign)
    ).one_or_none()
    if made is None:
        raise CampaignExists(campaign=code)
    note_change(session, made, what, by, now, after=columns)
    return made


def change_campaign(
    session: Session,
    code: str,
    told: Mapping[str, Any],
    *,
    by: str,
    now: datetime,
    base: int | None = None,
) -> Campaign:
    """Change what a draft says; what is not told stays. Only a draft is changed (U17).

    `base` is the last change that whoever asks has seen: with a newer one nothing is changed.
    Raises as add_campaign does, NoSuchCampaign, NotInThisState, or CampaignChangedMeanwhile.
    """
    person = check_person(session, by)
    campaign = lock_campaign(session, code)
    expect_state(campaign, DRAFT)
    if base is not None:
        check_unchanged(session, campaign, base)
    columns = with_segment(session, read_details(dict(told)), campaign, by=person, now=now)
    before = {name: getattr(campaign, name) for name in columns}
    check_columns(session, {name: getattr(campaign, name) for name in TOLD} | columns, now)
    changed = {name: value for name, value in columns.items() if value != before[name]}
    for name, value in changed.items():
        setattr(campaign, name, value)
    if changed:
        old = {name: before[name] for name in changed}
        note_change(session, campaign, "change", person, now, before=old, after=changed)
    return campaign


def free_code(session: Session, name: str, now: datetime) -> str:
    """Return a code nobody has: the name's own words, or the day, with a number where it needs one.

    Tried in their order until one is free.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    wanted = slug if _CODE.fullmatch(slug) else f"c{local_day(now):%Y%m%d}"
    wanted = wanted[: LONGEST_CODE - len(str(MOST_TRIED)) - 1]
    tries = [wanted, *(f"{wanted}-{place}" for place in range(2, MOST_TRIED))]
    taken = set(session.scalars(select(Campaign.code).where(Campaign.code.in_(tries))))
    free = next((code for code in tries if code not in taken), None)
    if free is None:
        raise CampaignExists(campaign=wanted)
    return free


def check_columns(session: Session, columns: Mapping[str, Any], now: datetime) -> None:
    """Raise a refusal where what a campaign says contradicts itself, the shop or the time."""
    check_together(columns)
    check_audience(session, columns["segment_code"], columns.get("segment_version"))
    for place, variant in enumerate(columns["variants"]):
        check_content(session, parse_content(variant[CONTENT], path=f"variants[{place}].{CONTENT}"))
        if "segment" in variant:
            check_audience(session, variant["segment"], None)
    grace = timedelta(minutes=columns.get("grace_minutes") or USUAL_GRACE_MINUTES)
    check_not_past(parse_schedule(columns["schedule"]), now, grace)


def get_campaign(session: Session, code: str) -> Campaign:
    """Return the campaign of this code. Raises NoSuchCampaign."""
    found = session.scalars(select(Campaign).where(Campaign.code == code)).one_or_none()
    if found is None:
        raise NoSuchCampaign(campaign=code[:LONGEST_CODE])
    return found


def lock_campaign(session: Session, code: str) -> Campaign:
    """Return the campaign of this code under its row's lock. Raises NoSuchCampaign."""
    found = session.scalars(
        select(Campaign)
        .where(Campaign.code == code)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NoSuchCampaign(campaign=code[:LONGEST_CODE])
    return found


def list_campaigns(
    session: Session,
    *,
    states: Sequence[str] = (),
    named: str = "",
    before_id: int | None = None,
    limit: int = MOST_LISTED,
) -> Sequence[Campaign]:
    """Return campaigns, the newest first; those in some states where they are told.

    `named` is a part of the code or of the name in any language; `before_id` goes on behind one.
    """
    found = select(Campaign).order_by(Campaign.id.desc()).limit(min(limit, MOST_LISTED))
    if states:
        found = found.where(Campaign.state.in_(states))
    if before_id is not None:
        found = found.where(Campaign.id < before_id)
    if named:
        spoken = [Campaign.name[each].as_string() for each in LANGUAGES]
        found = found.where(
            or_(*(column.icontains(named, autoescape=True) for column in (Campaign.code, *spoken)))
        )
    return session.scalars(found).all()


def count_campaigns(session: Session) -> dict[str, int]:
    """Return how many campaigns are in each state that any is in."""
    counted = session.execute(select(Campaign.state, func.count()).group_by(Campaign.state))
    return dict(counted.all())


def list_changes(session: Session, code: str) -> Sequence[CampaignChange]:
    """Return every change of a campaign, the first first. Raises NoSuchCampaign."""
    campaign = get_campaign(session, code)
    return session.scalars(
        select(CampaignChange)
        .where(CampaignChange.campaign_id == campaign.id)
        .order_by(CampaignChange.id)
    ).all()


def last_change(session: Session, campaign: Campaign) -> CampaignChange:
    """Return the newest change of a campaign: its id is the version that a page shows."""
    return session.scalars(
        select(CampaignChange)
        .where(CampaignChange.campaign_id == campaign.id)
        .order_by(CampaignChange.id.desc())
        .limit(1)
    ).one()


def says(session: Session, campaign: Campaign, told: Mapping[str, Any]) -> bool:
    """Tell whether a campaign says what is told already, as when a form is sent twice."""
    columns = read_details(dict(told))
    rule: Rule | None = columns.pop(RULE, None)
    return own_rule(session, campaign) == rule and all(
        getattr(campaign, name) == value for name, value in columns.items()
    )


def check_unchanged(session: Session, campaign: Campaign, base: int) -> None:
    """Raise CampaignChangedMeanwhile where the campaign was changed after its change `base`."""
    newest = last_change(session, campaign)
    if newest.id != base:
        raise CampaignChangedMeanwhile(
            campaign=campaign.code, by=newest.by, at=newest.at.isoformat(), base=newest.id
        )


def schedule_of(campaign: Campaign) -> Schedule:
    """Return when a campaign is sent."""
    return parse_schedule(campaign.schedule)


def expect_state(campaign: Campaign, *states: str) -> None:
    """Raise NotInThisState unless the campaign is in one of these states."""
    if campaign.state not in states:
        raise NotInThisState(campaign=campaign.code, state=campaign.state, wanted=list(states))


def move(
    session: Session,
    campaign: Campaign,
    state: str,
    by: str,
    now: datetime,
    *,
    what: str | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Bring a campaign into another state and note who did it; `after` tells more of it."""
    before = {"state": campaign.state}
    campaign.state = state
    told = {"state": state} | dict(after or {})
    note_change(session, campaign, what or state, by, now, before=before, after=told)


def note_change(
    session: Session,
    campaign: Campaign,
    what: str,
    by: str,
    now: datetime,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Write one change down, and flush it with what it changed."""
    session.add(
        CampaignChange(
            campaign_id=campaign.id,
            at=now,
            by=by,
            what=what,
            before=dict(before) if before is not None else None,
            after=dict(after) if after is not None else None,
        )
    )
    session.flush()

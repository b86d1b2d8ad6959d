"""Before anybody confirms: who would get a campaign now, what it costs, and what quota is left."""

import math
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Row,
    Select,
    bindparam,
    case,
    func,
    literal,
    select,
    text,
)
from sqlalchemy.orm import Session

from models.campaign.arm import PARTS, REST, TEST, WHOLE, Arm, arm_number, arms_of, position_of
from models.campaign.keeping import get_campaign, schedule_of
from models.campaign.opening_time import Window, window_of
from models.campaign.schedule import first_slot
from models.campaign.setting import approve_above
from models.campaign.table import MARKETING, Campaign
from models.channel import channel_sql, with_channels
from models.lifecycle.figures import is_here
from models.local_day import local_day
from models.member import Member
from models.outbox import EMAIL, LINE
from models.quota import Cost, Remaining, cost_of, remaining
from models.segment import Context, condition_of
from models.segment.keeping import get_version, rule_of
from models.segment.sizing import draw_ids, span_of_ids

COUNTING_MEMORY = "128MB"
"""So that the friends of a million are looked up in memory, not one by one."""
LARGEST_DRAW = 0.05
"""A larger share is not looked up one by one, but met on the way through the whole audience."""
LATER = "*"
"""Who gets the variant that an A/B test chooses."""


@dataclass(frozen=True)
class ArmSize:
    """How many members an arm has, and how many of them can be reached by which channel."""

    variant: str | None
    """None: the holdout; `*`: who gets what the test chooses."""
    members: int
    by_line: int
    by_email: int


@dataclass(frozen=True)
class Preview:
    """One sending as it would be now."""

    audience: int
    """Members of the segment."""
    arms: tuple[ArmSize, ...]
    cost: Cost
    remaining: Remaining
    approve_above: int
    window: Window | None
    """From when until when it would be sent; None where it has no moment any more."""

    @property
    def holdout(self) -> int:
        """Return how many are left out, to be compared with."""
        return sum(arm.members for arm in self.arms if arm.variant is None)

    @property
    def messages(self) -> int:
        """Return how many messages of LINE's quota it takes."""
        return sum(arm.by_line for arm in self.arms if arm.variant is not None)

    @property
    def emails(self) -> int:
        """Return how many mails it takes."""
        return sum(arm.by_email for arm in self.arms if arm.variant is not None)

    @property
    def reachable(self) -> int:
        """Return how many people it reaches."""
        return self.messages + self.emails

    @property
    def needs_approval(self) -> bool:
        """Tell whether a second person must approve it."""
        return self.reachable > self.approve_above

    def as_json(self) -> dict[str, Any]:
        """Return the figures as the trail of changes keeps them."""
        return {
            "audience": self.audience,
            "holdout": self.holdout,
            "messages": self.messages,
            "emails": self.emails,
            "more_twd": str(self.cost.more_twd),
            "short": self.cost.short,
        }


def preview_campaign(session: Session, code: str, now: datetime) -> Preview:
    """Count now who would get a campaign, and what that costs. Raises NoSuchCampaign."""
    campaign = get_campaign(session, code)
    arms = _arms(session, campaign)
    rows = _count(session, campaign, arms, now)
    sizes = tuple(_size(arm, number, rows) for number, arm in enumerate(arms))
    by_line = sum(size.by_line for size in sizes if size.variant is not None)
    slot = first_slot(schedule_of(campaign), now)
    return Preview(
        audience=sum(row.members for row in rows),
        arms=_merged(sizes),
        cost=cost_of(session, by_line, now),
        remaining=remaining(session, now),
        approve_above=approve_above(session),
        window=window_of(session, campaign, slot) if slot is not None else None,
    )


def rules_of(session: Session, campaign: Campaign) -> dict[str, dict[str, Any]]:
    """Return the newest rules of the variants' own segments, by code."""
    codes = {each["segment"] for each in campaign.variants if "segment" in each}
    return {code: get_version(session, code).rule for code in sorted(codes)}


def test_percent_of(campaign: Campaign) -> int:
    """Return which share of who is not held out takes part in the A/B test."""
    rule = campaign.stop_rule or {}
    return int(rule.get("test_percent", 100))


def _arms(session: Session, campaign: Campaign) -> list[Arm]:
    """Return all arms of the campaign, those of a later phase among them."""
    rules, percent = rules_of(session, campaign), test_percent_of(campaign)
    told: dict[str, Any] = {"holdout_percent": campaign.holdout_percent, "test_percent": percent}
    if percent == 100:
        return arms_of(campaign.variants, rules, phase=WHOLE, **told)
    tested = arms_of(campaign.variants, rules, phase=TEST, **told)
    return [*tested, *arms_of(campaign.variants, rules, phase=REST, chosen=LATER, **told)]


def _count(session: Session, campaign: Campaign, arms: list[Arm], now: datetime) -> list[Row[Any]]:
    """Count the audience by arm and channel, in one statement."""
    session.execute(text(f"SET LOCAL work_mem = '{COUNTING_MEMORY}'"))
    people = _people(session, campaign, arms, now).subquery()
    columns = (people.c.arm, people.c.channel)
    members = func.count(literal(1)).label("members")
    return list(session.execute(select(*columns, members).group_by(*columns)))


def sample_reached(
    session: Session, campaign: Campaign, share: float, now: datetime
) -> list[tuple[int, str]]:
    """Return the ids, and the channels, of about this share of who would be written to."""
    arms = _arms(session, campaign)
    people = _people(session, campaign, arms, now).subquery()
    held_out = [number for number, arm in enumerate(arms) if arm.variant is None]
    asked = select(people.c.id, people.c.channel).where(
        people.c.channel.is_not(None), people.c.arm.not_in(held_out)
    )
    if share < 1:
        asked = asked.where(_is_drawn(session, people.c.id, share, now))
    return [(member_id, channel) for member_id, channel in session.execute(asked)]


def _is_drawn(
    session: Session, member_id: ColumnElement[int], share: float, now: datetime
) -> ColumnElement[bool]:
    """Return the condition that draws about this share, a day always the same: by ids if few."""
    day = local_day(now).toordinal()
    if share > LARGEST_DRAW:
        return position_of(f"sample:{day}", member_id) < share * PARTS
    first, span = span_of_ids(session)
    drawn = draw_ids(first, span, seed=day, most=math.ceil(span * share))
    return member_id == func.any(bindparam("drawn", drawn, type_=ARRAY(BigInteger)))


def _people(session: Session, campaign: Campaign, arms: list[Arm], now: datetime) -> Select[Any]:
    """Return the audience with the number of each one's arm, and their channel."""
    context = Context(session, now)
    rule = rule_of(get_version(session, campaign.segment_code, campaign.segment_version))
    channel = channel_sql(campaign.channel)  # type: ignore[arg-type]  # The database knows them.
    if campaign.kind == MARKETING:
        channel = case((Member.marketing_allowed, channel))
    arm = arm_number(arms, campaign.code, context).label("arm")
    return with_channels(
        select(Member.id, arm, channel.label("channel")).select_from(Member)
    ).where(is_here(), condition_of(rule, context))


def _size(arm: Arm, number: int, rows: list[Row[Any]]) -> ArmSize:
    found: Counter[str | None] = Counter()
    for row in rows:
        if row.arm == number:
            found[row.channel] += row.members
    return ArmSize(arm.variant, found.total(), found[LINE], found[EMAIL])


def _merged(sizes: tuple[ArmSize, ...]) -> tuple[ArmSize, ...]:
    """Add up the arms of one variant: each group of members has a holdout of its own."""
    variants = dict.fromkeys(size.variant for size in sizes)
    return tuple(
        ArmSize(
            variant,
            sum(size.members for size in sizes if size.variant == variant),
            sum(size.by_line for size in sizes if size.variant == variant),
            sum(size.by_email for size in sizes if size.variant == variant),
        )
        for variant in variants
    )

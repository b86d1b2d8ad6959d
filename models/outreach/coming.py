"""What is coming: every sending of the next days that is known now, with the members it wants.

Campaigns by their schedules, journeys by who is under way and whose day will come, and what waits
in the outbox. Of a journey's way on, the likely one is taken: yes where it asks, and the first arm.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    MetaData,
    Select,
    SQLColumnExpression,
    Table,
    Text,
    and_,
    false,
    func,
    literal,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.orm import Session

from models.campaign import Campaign, arm_number, list_slots, schedule_of, window_of
from models.campaign.arm import Arm
from models.campaign.opening import spec_of
from models.journey import Journey, JourneyVisit
from models.journey.definition import Definition
from models.journey.expecting import starts_ahead
from models.journey.keeping import definition_of, get_version
from models.journey.step import SENDS, YES, Step
from models.journey.table import ACTIVE, UNDER_WAY
from models.lifecycle.figures import is_here
from models.local_day import TAIPEI, day_start, local_day
from models.member import Member
from models.outbox import MENU_KIND, REPLY_KIND, Owed
from models.outreach.setting import OutreachRules, next_allowed
from models.segment import Context, condition_of, parse_rule
from models.sending.table import CampaignRun

_EXPECTED = Table(
    "outreach_expected",
    MetaData(),
    Column("code", Text, index=True),
    Column("day", DateTime(timezone=True)),
    Column("at", DateTime(timezone=True)),
    Column("member_id", BigInteger),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
)
"""Who will start which journey by code, on which day and when."""
SCHEDULED = ("scheduled", "running")
MOST_STEPS = 100
"""So many steps of one way are followed."""


@dataclass(frozen=True)
class Sending:
    """One message to many on one day. `people` selects `member_id` and `is_held_out`."""

    at: datetime
    source: str
    names: Mapping[str, str]
    people: Select[*tuple[Any, ...]]
    priority: int
    intent: str = "marketing"
    is_marketing: bool = True
    channel: str = "preferred"


def list_sendings(
    session: Session,
    rules: OutreachRules,
    now: datetime,
    until: datetime,
    *,
    member_id: int | None = None,
) -> list[Sending]:
    """Return what is known of `[now, until)`, in the order in which places are given away.

    Within a day the more important goes first, as it does when it is sent. For one member only
    journeys and messages are looked for that are theirs; campaigns are few, and all of them told.
    """
    found = [
        *_campaigns(session, now, until),
        *_under_way(session, rules, now, until, member_id),
        *_starting(session, rules, now, until, member_id),
        *_waiting(session, rules, now, until, member_id),
    ]
    return sorted(found, key=lambda each: (local_day(each.at), -each.priority, each.at))


def _is_theirs(column: SQLColumnExpression[Any], member_id: int | None) -> ColumnElement[bool]:
    """Return the condition that something is of one member; of anybody where none is told."""
    return true() if member_id is None else column == member_id


# --- campaigns


def _campaigns(session: Session, now: datetime, until: datetime) -> Iterator[Sending]:
    open_runs = select(CampaignRun).where(
        CampaignRun.state == "planned", CampaignRun.finished_at.is_(None)
    )
    for run in session.scalars(open_runs.order_by(CampaignRun.id)).all():
        yield _of_spec(session, run.spec, max(run.send_at, now), now)
    due = select(Campaign).where(Campaign.state.in_(SCHEDULED), Campaign.next_slot_at.is_not(None))
    for campaign in session.scalars(due.order_by(Campaign.id)).all():
        spec = spec_of(session, campaign)
        assert campaign.next_slot_at is not None
        later = list_slots(schedule_of(campaign), campaign.next_slot_at, until)
        for slot in (campaign.next_slot_at, *later):
            at = max(window_of(session, campaign, slot).send_at, now)
            if at < until:
                yield _of_spec(session, spec, at, now)


def _of_spec(session: Session, spec: Mapping[str, Any], at: datetime, now: datetime) -> Sending:
    context = Context(session, now)
    audience = spec.get("audience")
    wanted = [is_here()]
    if audience is not None:
        wanted.append(condition_of(parse_rule(audience["rule"]), context))
    arms = [Arm.from_json(told) for told in spec.get("arms", ())]
    held: Any = false()
    if arms:
        number = arm_number(arms, spec["code"], context)
        wanted.append(number.is_not(None))
        held = number.in_([place for place, arm in enumerate(arms) if arm.variant is None])
    return Sending(
        at=at,
        source=f"campaign:{spec['code']}",
        names=spec.get("name") or {"zh-TW": spec["code"]},
        people=select(Member.id.label("member_id"), held.label("is_held_out")).where(*wanted),
        priority=spec["priority"],
        is_marketing=spec["kind"] != "service",
        channel=spec["channel"],
    )


# --- journeys


def _under_way(
    session: Session, rules: OutreachRules, now: datetime, until: datetime, member_id: int | None
) -> Iterator[Sending]:
    """Yield what those under way will be sent, by the step they stand at and the day it is due."""
    day = func.date_trunc("day", JourneyVisit.due_at, "Asia/Taipei")
    group = (JourneyVisit.journey_code, JourneyVisit.version, JourneyVisit.step, day)
    stands = and_(
        JourneyVisit.state == UNDER_WAY,
        JourneyVisit.due_at < until,
        _is_theirs(JourneyVisit.member_id, member_id),
    )
    rows = session.execute(
        select(*group, func.min(JourneyVisit.due_at))
        .join(Journey, Journey.code == JourneyVisit.journey_code)
        .where(Journey.state == ACTIVE, stands)
        .group_by(*group)
        .order_by(*group)
    ).all()
    names = {journey.code: journey.name for journey in session.scalars(select(Journey))}
    for code, version, step, on, first_at in rows:
        people = select(
            JourneyVisit.member_id.label("member_id"), false().label("is_held_out")
        ).where(
            stands,
            JourneyVisit.journey_code == code,
            JourneyVisit.version == version,
            JourneyVisit.step == step,
            day == on,
        )
        definition = definition_of(get_version(session, code, version))
        begins = max(first_at.astimezone(UTC), now)
        come = definition.steps.get(step)
        onwards = definition.steps.get(come.onwards or "") if come and come.do == "wait" else come
        for at, sent in _ways(definition, onwards, begins, until):
            yield _of_step(rules, code, version, names[code], definition, sent, at, people)


def _starting(
    session: Session, rules: OutreachRules, now: datetime, until: datetime, member_id: int | None
) -> Iterator[Sending]:
    """Yield what those will be sent whose day comes: birthdays, ends of coupons, silences."""
    active = select(Journey).where(Journey.state == ACTIVE).order_by(Journey.code)
    journeys = session.scalars(active).all()
    days = _expect(session, journeys, now, until, member_id)
    for journey in journeys:
        version = get_version(session, journey.code)
        definition = definition_of(version)
        for on, first_at in days.get(journey.code, ()):
            people = select(_EXPECTED.c.member_id, false().label("is_held_out")).where(
                _EXPECTED.c.code == journey.code, _EXPECTED.c.day == on
            )
            begins = max(first_at.astimezone(UTC), now)
            for at, sent in _ways(definition, definition.first, begins, until):
                yield _of_step(
                    rules,
                    journey.code,
                    version.version,
                    journey.name,
                    definition,
                    sent,
                    at,
                    people,
                )


def _expect(
    session: Session,
    journeys: Iterable[Journey],
    now: datetime,
    until: datetime,
    member_id: int | None,
) -> dict[str, list[tuple[datetime, datetime]]]:
    """Write down who will start which journey when; return each one's days, with the first moment.

    Each journey is asked once: its question takes longer to put than to answer.
    """
    forget_expected(session)
    _EXPECTED.create(session.connection())
    for journey in journeys:
        starts = starts_ahead(session, journey, local_day(now), local_day(until), now)
        if starts is None:
            continue
        visit = starts.subquery("start")
        day = func.date_trunc("day", visit.c.at, "Asia/Taipei")
        found = select(literal(journey.code, Text), day, visit.c.at, visit.c.member_id).where(
            _is_theirs(visit.c.member_id, member_id)
        )
        columns = ["code", "day", "at", "member_id"]
        session.execute(_EXPECTED.insert().from_select(columns, found))
    by = (_EXPECTED.c.code, _EXPECTED.c.day)
    days: dict[str, list[tuple[datetime, datetime]]] = {}
    for code, on, first_at in session.execute(
        select(*by, func.min(_EXPECTED.c.at)).group_by(*by).order_by(*by)
    ):
        days.setdefault(code, []).append((on, first_at))
    return days


def forget_expected(session: Session) -> None:
    """Drop the table of expected starts, where there is one."""
    session.execute(text("DROP TABLE IF EXISTS outreach_expected"))


def _ways(
    definition: Definition, step: Step | None, at: datetime, until: datetime
) -> Iterator[tuple[datetime, Step]]:
    """Follow the likely way from a step on; yield what is sent on it, and when."""
    for _ in range(MOST_STEPS):
        if step is None or at >= until:
            return
        if step.do in SENDS:
            yield at, step
        if step.wait is not None:
            if step.wait.fact is not None:
                return  # Everybody's own day: known once they come to it.
            at += timedelta(minutes=step.wait.minutes)
            if step.wait.at is not None:
                at = _next_time(at, step)
        likely = step.branches.get(YES) or step.onwards or next(iter(step.branches.values()), None)
        step = definition.steps.get(likely) if likely else None


def _next_time(at: datetime, step: Step) -> datetime:
    assert step.wait is not None
    assert step.wait.at is not None
    due = datetime.combine(at.astimezone(TAIPEI).date(), step.wait.at, TAIPEI).astimezone(UTC)
    while due < at or step.wait.weekday not in (None, due.astimezone(TAIPEI).isoweekday()):
        due += timedelta(days=1)
    return due


def _of_step(
    rules: OutreachRules,
    code: str,
    version: int,
    names: Mapping[str, str],
    definition: Definition,
    step: Step,
    at: datetime,
    people: Select[*tuple[Any, ...]],
) -> Sending:
    source = f"journey:{code}:{version}:{step.id}"
    intent = step.words.get("purpose") or definition.kind
    at += timedelta(minutes=definition.hold_minutes)
    return Sending(
        at=next_allowed(at, rules) if definition.is_marketing else at,
        source=source,
        names=names,
        people=people,
        priority=_priority(rules, definition.priority, intent, source),
        intent=intent,
        is_marketing=definition.is_marketing,
    )


def _priority(rules: OutreachRules, told: int | None, intent: str, source: str | None) -> int:
    return rules.priority_of(intent, source) if told is None else told


# --- the outbox


def _waiting(
    session: Session, rules: OutreachRules, now: datetime, until: datetime, member_id: int | None
) -> Iterator[Sending]:
    """Yield the pushes that wait in the outbox, by what they are and the day they are due."""
    intent = func.coalesce(Owed.purpose, Owed.kind)
    day = func.date_trunc("day", func.greatest(Owed.next_try_at, now), "Asia/Taipei")
    waits = and_(
        Owed.state == "waiting",
        Owed.next_try_at < until,
        Owed.member_id.is_not(None),
        _is_theirs(Owed.member_id, member_id),
        Owed.kind.not_in((REPLY_KIND, MENU_KIND)),
        or_(Owed.useful_until.is_(None), Owed.useful_until > now),
    )
    group = (intent, Owed.source, Owed.priority, Owed.is_marketing, Owed.channel, day)
    rows = session.execute(
        select(*group, func.min(Owed.next_try_at)).where(waits).group_by(*group).order_by(*group)
    ).all()
    for told, source, priority, is_marketing, channel, on, first_at in rows:
        at = max(first_at.astimezone(UTC), now, day_start(on.astimezone(TAIPEI).date()))
        yield Sending(
            at=next_allowed(at, rules) if is_marketing else at,
            source=source or "outbox",
            names={"zh-TW": told},
            people=select(Owed.member_id, false().label("is_held_out")).where(
                waits,
                intent == told,
                Owed.source.is_not_distinct_from(source),
                Owed.priority.is_not_distinct_from(priority),
                Owed.is_marketing == is_marketing,
                Owed.channel == channel,
                day == on,
            ),
            priority=_priority(rules, priority, told, source),
            intent=told,
            is_marketing=is_marketing,
            channel=channel,
        )

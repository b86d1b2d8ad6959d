"""Trying: what would happen to a member on a journey, without doing it.

The engine itself walks the journey for them, with the clock jumping from one due moment to the
next, inside a savepoint that is rolled back: what is told is what would be.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import rehearse
from models.campaign.arm import position_of
from models.journey.advancing import MOST_HOPS, walk
from models.journey.definition import EACH, ONCE, Definition
from models.journey.keeping import definition_of, get_version
from models.journey.part import Part
from models.journey.starting import PERCENT
from models.journey.table import UNDER_WAY, JourneyVisit
from models.journey.trigger import Span
from models.journey.walker import Walker
from models.lifecycle.figures import is_here
from models.member import Member
from models.outbox import Owed

LOOKED_BACK = timedelta(days=400)
HELD_OUT, NO_CONSENT, WAS_HERE, GONE = "held_out", "marketing_stopped", "was_here", "gone"
NO_CAUSE = "no_cause"


@dataclass(frozen=True)
class Tried:
    """One step that would be taken: when, from where to where, why, and what it would bring."""

    at: datetime
    step: str
    aim: str | None
    why: str
    owed: Mapping[str, Any] | None = None
    """The words of the message it would owe; `bot` draws them."""
    channel: str | None = None


@dataclass(frozen=True)
class Trial:
    """What would happen, and what would keep the member from starting by themselves."""

    steps: tuple[Tried, ...]
    state: str
    exit_reason: str | None
    cause_at: datetime | None
    """When their last cause was; None where there is none, and one of now is taken."""
    kept_from: tuple[str, ...] = field(default=())


def try_journey(
    session: Session, code: str, member_id: int, now: datetime, *, version: int | None = None
) -> Trial:
    """Tell what a journey would do for a member from their last cause on, or from now.

    Whatever state the journey is in. Nothing is kept, nothing is sent. Raises NoSuchJourney.
    """
    kept = get_version(session, code, version)
    definition = definition_of(kept)

    def attempt() -> Trial:
        cause = _last_cause(session, code, definition, member_id, now)
        visit = _begin(session, code, kept.version, definition, member_id, cause, now)
        steps, walker = _walk(session, code, kept.version, definition, visit)
        return Trial(
            steps=tuple(steps),
            state=walker.state,
            exit_reason=walker.exit_reason,
            cause_at=cause[1] if cause else None,
        )

    trial = rehearse(session, attempt)
    is_begun = trial.cause_at is not None
    kept_from = tuple(_kept_from(session, code, definition, member_id, now, is_begun))
    return replace(trial, kept_from=kept_from)


def _last_cause(
    session: Session, code: str, definition: Definition, member_id: int, now: datetime
) -> tuple[str, datetime, dict[str, Any]] | None:
    """Return the newest cause of a member: key, moment, facts."""
    trigger, params = definition.cause.trigger, definition.cause.params
    span = Span(code, now - LOOKED_BACK, now, definition.cause.from_time)
    causes = trigger.causes(session, params, span)
    if causes is None:
        return None
    cause = causes.subquery("cause")
    row = session.execute(
        select(cause.c.key, cause.c.at, cause.c.facts)
        .where(cause.c.member_id == member_id, cause.c.at >= span.since, cause.c.at <= now)
        .order_by(cause.c.at.desc(), cause.c.key)
        .limit(1)
    ).one_or_none()
    return None if row is None else (row.key, row.at, row.facts)


def _begin(
    session: Session,
    code: str,
    version: int,
    definition: Definition,
    member_id: int,
    cause: tuple[str, datetime, dict[str, Any]] | None,
    now: datetime,
) -> Walker:
    """Write the visit that will be rolled back; it begins when its cause came."""
    key, at, facts = cause or (f"try:{member_id}", now, {})
    visit = JourneyVisit(
        journey_code=code,
        version=version,
        member_id=member_id,
        key=f"try:{key}",
        state=UNDER_WAY,
        step=definition.first.id,
        step_at=at,
        due_at=at,
        cause_at=at,
        started_at=at,
        facts=facts,
    )
    session.add(visit)
    session.flush()
    return Walker(
        id=visit.id,
        version=version,
        member_id=member_id,
        key=key,
        step=definition.first.id,
        step_at=at,
        cause_at=at,
        facts=dict(facts),
        now=max(at, now),
    )


def _walk(
    session: Session, code: str, version: int, definition: Definition, walker: Walker
) -> tuple[list[Tried], Walker]:
    """Let the visit walk, the clock jumping to each moment it waits for."""
    for _ in range(MOST_HOPS):
        part = Part(session, code, version, definition, walker.now)
        walker = walk(part, [walker])[walker.id]
        if walker.state != UNDER_WAY or walker.due_at is None:
            break
        walker.now, walker.due_at = walker.due_at, None
    session.flush()
    found = session.scalars(select(Owed).where(Owed.visit_id == walker.id))
    owed = {str(each.source).rsplit(":", 1)[-1]: each for each in found}
    return [_told(move, owed) for move in walker.moves], walker


def _told(move: Mapping[str, Any], owed: Mapping[str, Owed]) -> Tried:
    message = owed.get(move["from"]) if move["why"] == "owed" else None
    return Tried(
        at=datetime.fromisoformat(move["at"]),
        step=move["from"],
        aim=move["to"],
        why=move["why"],
        owed=dict(message.words) if message else None,
        channel=message.channel if message else None,
    )


def _kept_from(
    session: Session,
    code: str,
    definition: Definition,
    member_id: int,
    now: datetime,
    has_cause: bool,
) -> list[str]:
    """Return what would keep the member from starting by themselves now."""
    position, allowed, here = session.execute(
        select(position_of(code), Member.marketing_allowed, is_here()).where(Member.id == member_id)
    ).one()
    visits = session.execute(
        select(JourneyVisit.started_at, JourneyVisit.state).where(
            JourneyVisit.member_id == member_id, JourneyVisit.journey_code == code
        )
    ).all()
    told = {
        GONE: not here,
        NO_CAUSE: not has_cause,
        HELD_OUT: position < definition.holdout_percent * PERCENT,
        NO_CONSENT: definition.needs_consent and not allowed,
        WAS_HERE: _is_too_soon(definition, visits, now),
    }
    return [why for why, holds in told.items() if holds]


def _is_too_soon(definition: Definition, visits: Any, now: datetime) -> bool:
    if definition.reentry == EACH:
        return False
    if definition.reentry == ONCE:
        return bool(visits)
    after = now - timedelta(days=int(definition.reentry))
    return any(started_at > after or state == UNDER_WAY for started_at, state in visits)

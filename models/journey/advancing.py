"""Moving on: due visits in bounded parts, each one transaction, each step for many at once.

Several workers take different visits (SKIP LOCKED). A worker that dies rolls its part back, and
the next one does it again: what a step did and that it was done commit together. A visit whose
step fails sets itself aside and stops nobody else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models.journey.acting import act
from models.journey.definition import MOST_STEPS
from models.journey.keeping import definition_of
from models.journey.leaving import leave_where_gone, withdraw_of
from models.journey.part import Part
from models.journey.step import Step
from models.journey.table import (
    ACTIVE,
    SET_ASIDE,
    UNDER_WAY,
    Journey,
    JourneyVersion,
    JourneyVisit,
)
from models.journey.walker import Walker, claim_walkers, write_walkers

PART = 500
MOST_HOPS = 2 * MOST_STEPS
"""So many steps one visit takes in one part at most; a circle always waits, so none gets there."""


@dataclass
class Advanced:
    """What one part did: how many visits it took up, and which failed, with the error's kind."""

    seen: int = 0
    failed: dict[int, str] = field(default_factory=dict)


def list_due(session: Session, now: datetime) -> Sequence[str]:
    """Return the codes of the active journeys on which somebody is due, in order."""
    due = select(JourneyVisit.id).where(
        JourneyVisit.journey_code == Journey.code,
        JourneyVisit.state == UNDER_WAY,
        JourneyVisit.due_at <= now,
    )
    return session.scalars(
        select(Journey.code)
        .where(Journey.state == ACTIVE, due.correlate(Journey).exists())
        .order_by(Journey.code)
    ).all()


def advance_journey(session: Session, code: str, now: datetime, *, limit: int = PART) -> Advanced:
    """Move on up to `limit` due visits of one active journey, as far as each goes now."""
    walkers = claim_walkers(session, code, now, limit)
    done = Advanced(seen=len(walkers))
    by_version = sorted(walkers, key=lambda each: (each.version, each.id))
    for version, group in groupby(by_version, key=lambda each: each.version):
        definition = definition_of(session.get_one(JourneyVersion, (code, version)))
        walked = walk(Part(session, code, version, definition, now), list(group)).values()
        write_walkers(session, code, walked, now)
        withdraw_of(session, walked, now)
        done.failed |= {
            each.id: each.exit_reason or "" for each in walked if each.state == SET_ASIDE
        }
    return done


def walk(part: Part, walkers: Sequence[Walker]) -> dict[int, Walker]:
    """Let visits of one version take steps until each waits or has ended; return them by id.

    Before each step it is judged anew whether their reasons are gone.
    """
    standing = {each.id: each for each in walkers}
    for _ in range(MOST_HOPS):
        ahead = [each for each in standing.values() if each.walks]
        if not ahead:
            return standing
        ahead = leave_where_gone(part.session, part.definition, ahead)
        for step_id in sorted({each.step for each in ahead}):
            group = [each for each in ahead if each.step == step_id]
            standing |= _act(part, part.definition.steps[step_id], group)
    for each in standing.values():
        if each.walks:
            each.set_aside("TooManySteps")
    return standing


def _act(part: Part, step: Step, walkers: Sequence[Walker]) -> dict[int, Walker]:
    """Do a step for all of these; where that fails, for each alone, to find who it fails for."""
    try:
        return _done(part, step, walkers)
    except OperationalError:  # A deadlock, a lost connection: nobody's fault, and tried again.
        raise
    except Exception as error:
        if len(walkers) == 1:
            walkers[0].set_aside(type(error).__name__)
            return {}
    done: dict[int, Walker] = {}
    for walker in walkers:
        done |= _act(part, step, [walker])
    return done


def _done(part: Part, step: Step, walkers: Sequence[Walker]) -> dict[int, Walker]:
    """Do a step on copies, in a savepoint: it is done for all of them, or for none."""
    tried = [each.copy() for each in walkers]
    with part.session.begin_nested():
        act(part, step, tried)
    return {each.id: each for each in tried}

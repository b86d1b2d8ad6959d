"""How many came, wait and left, told at once: counted now where that is quick, else prepared.

A journey of a few thousand visits is counted while somebody waits. One of a million is counted by
a worker, and told with the moment it was counted at; whoever looks has it counted anew, soon.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.journey.numbers import JourneyNumbers, StepNumbers, count_by_state, count_journey
from models.journey.table import JourneyVisit
from models.prepared import NoteProgress, PreparedFigure, find_prepared, prepared, want

FIGURE = "journey_numbers"
OVERVIEW = "journey_states"
LIVE_VISITS = 10_000
"""So many visits are counted while somebody waits: some ten milliseconds."""
STALE = timedelta(minutes=5)
"""Numbers counted so long ago are counted anew once somebody looks at them."""


@dataclass(frozen=True)
class Counted:
    """The numbers of a journey, or of one of its versions, as of a moment."""

    numbers: JourneyNumbers
    as_of: datetime | None
    """None where nobody has counted yet; a worker is at it."""
    figure: PreparedFigure | None = None
    """Where they come from, if a worker counts them."""


@dataclass(frozen=True)
class States:
    """How many visits of each journey stand how, as of a moment; None where nobody counted yet."""

    counts: Mapping[str, Counter[str]]
    as_of: datetime | None


def find_numbers(
    session: Session, code: str, version: int | None, now: datetime, *, live: int = LIVE_VISITS
) -> Counted:
    """Return a journey's numbers, of one version or of all; more than `live` visits are prepared.

    Old or missing ones are wanted anew.
    """
    if not _has_more(session, code, live):
        return Counted(count_journey(session, code, version), now)
    asked = {"code": code, "version": version}
    found = _fresh(session, FIGURE, asked, now)
    if found is None or found.body is None:
        return Counted(JourneyNumbers(), None, found)
    return Counted(_read(found.body), found.as_of, found)


def find_states(session: Session, now: datetime, *, live: int = LIVE_VISITS) -> States:
    """Return how many visits of each journey stand how; more than `live` in all are prepared."""
    if not _has_more(session, None, live):
        return States(count_by_state(session), now)
    found = _fresh(session, OVERVIEW, None, now)
    if found is None or found.body is None:
        return States({}, None)
    return States({code: Counter(each) for code, each in found.body.items()}, found.as_of)


def _fresh(
    session: Session, name: str, asked: Mapping[str, Any] | None, now: datetime
) -> PreparedFigure | None:
    """Return a figure as it was last made, and have it made anew where it is old."""
    found = find_prepared(session, name, asked)
    if found is None or found.as_of is None or found.as_of < now - STALE:
        want(session, name, asked, now)
        found = find_prepared(session, name, asked)
    return found


def _has_more(session: Session, code: str | None, most: int) -> bool:
    """Tell whether there are more visits than so many; looks at no more than those."""
    visits = select(JourneyVisit.id).limit(most + 1)
    if code is not None:
        visits = visits.where(JourneyVisit.journey_code == code)
    found = session.scalar(select(func.count()).select_from(visits.subquery()))
    return (found or 0) > most


@prepared(OVERVIEW, nightly=True)
def _prepare_states(
    session: Session, _now: datetime, _asked: Mapping[str, Any], _note: NoteProgress
) -> dict[str, Any]:
    return {code: dict(each) for code, each in count_by_state(session).items()}


@prepared(FIGURE, nightly=False)
def _prepare_numbers(
    session: Session, _now: datetime, asked: Mapping[str, Any], _note: NoteProgress
) -> dict[str, Any]:
    numbers = count_journey(session, asked["code"], asked["version"])
    return {
        "states": dict(numbers.states),
        "exits": dict(numbers.exits),
        "steps": {
            step: [each.came, each.waiting, each.set_aside, dict(each.left)]
            for step, each in numbers.steps.items()
        },
    }


def _read(body: Mapping[str, Any]) -> JourneyNumbers:
    return JourneyNumbers(
        steps={
            step: StepNumbers(came, waiting, set_aside, Counter(left))
            for step, (came, waiting, set_aside, left) in body["steps"].items()
        },
        states=Counter(body["states"]),
        exits=Counter(body["exits"]),
    )

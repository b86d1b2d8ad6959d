"""Numbers: how many came to each step, wait there and left it, by which way; and how they ended."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from models.journey.refusals import NoSuchVisit
from models.journey.table import (
    EXITED,
    HELD_OUT,
    SET_ASIDE,
    UNDER_WAY,
    JourneyMove,
    JourneyVisit,
)
from models.member import Member

MOST_LISTED = 200


@dataclass
class StepNumbers:
    """Of one step: how many came to it, stand at it, were set aside at it, and left it, by why."""

    came: int = 0
    waiting: int = 0
    set_aside: int = 0
    left: Counter[str] = field(default_factory=Counter)
    """By the branch or result: `waited`, `yes`, `A`, `owed`, `no_coupon`, or why they left."""

    @property
    def gone(self) -> int:
        """Return how many left it, whichever way."""
        return self.left.total()


@dataclass
class JourneyNumbers:
    """Of a journey, or one of its versions."""

    steps: dict[str, StepNumbers] = field(default_factory=dict)
    states: Counter[str] = field(default_factory=Counter)
    exits: Counter[str] = field(default_factory=Counter)
    """Who left before the end, by the reason that was gone."""

    @property
    def started(self) -> int:
        """Return how many began to walk it: the held out did not."""
        return self.states.total() - self.states[HELD_OUT]

    def step(self, step_id: str | None) -> StepNumbers:
        """Return a step's numbers, all 0 where nobody came."""
        assert step_id is not None, "the database keeps it so"
        return self.steps.setdefault(step_id, StepNumbers())


def count_journey(session: Session, code: str, version: int | None = None) -> JourneyNumbers:
    """Count a journey's visits and steps, of one version or of all; two statements."""
    numbers = JourneyNumbers()
    _count_moves(session, numbers, code, version)
    _count_visits(session, numbers, code, version)
    return numbers


def _count_moves(session: Session, numbers: JourneyNumbers, code: str, version: int | None) -> None:
    way = (JourneyMove.from_step, JourneyMove.to_step, JourneyMove.why)
    moves = select(*way, func.count()).where(JourneyMove.journey_code == code)
    if version is not None:
        moves = moves.where(JourneyMove.version == version)
    for from_step, to_step, why, count in session.execute(moves.group_by(*way).order_by(*way)):
        if from_step is not None:
            numbers.step(from_step).left[why] += count
        if to_step is not None:
            numbers.step(to_step).came += count


def _count_visits(
    session: Session, numbers: JourneyNumbers, code: str, version: int | None
) -> None:
    stand = (JourneyVisit.state, JourneyVisit.step, JourneyVisit.exit_reason)
    visits = select(*stand, func.count()).where(JourneyVisit.journey_code == code).group_by(*stand)
    if version is not None:
        visits = visits.where(JourneyVisit.version == version)
    for state, step, reason, count in session.execute(visits.order_by(*stand)):
        numbers.states[state] += count
        if state == EXITED:
            numbers.exits[reason or EXITED] += count
        elif state == UNDER_WAY:
            numbers.step(step).waiting += count
        elif state == SET_ASIDE:
            numbers.step(step).set_aside += count


def count_by_state(session: Session, code: str | None = None) -> Mapping[str, Counter[str]]:
    """Return how many visits of each journey, or of one, stand how; one statement."""
    by = (JourneyVisit.journey_code, JourneyVisit.state)
    visits = select(*by, func.count()).group_by(*by)
    if code is not None:
        visits = visits.where(JourneyVisit.journey_code == code)
    rows = session.execute(visits)
    counts: dict[str, Counter[str]] = {}
    for code, state, count in rows:
        counts.setdefault(code, Counter())[state] = count
    return counts


@dataclass(frozen=True)
class Listed:
    """A visit, and whose it is."""

    visit: JourneyVisit
    number: str


def list_visits(
    session: Session,
    code: str,
    *,
    state: str | None = None,
    step: str | None = None,
    after_id: int = 0,
    limit: int = MOST_LISTED,
) -> Sequence[Listed]:
    """Return visits of a journey in the order in which they began, those after `after_id`."""
    found = (
        select(JourneyVisit, Member.number)
        .join(Member, Member.id == JourneyVisit.member_id)
        .where(JourneyVisit.journey_code == code, JourneyVisit.id > after_id)
        .order_by(JourneyVisit.id)
        .limit(limit)
    )
    if state is not None:
        found = found.where(JourneyVisit.state == state)
    if step is not None:
        found = found.where(JourneyVisit.step == step)
    return [Listed(visit, number) for visit, number in session.execute(found)]


def get_visit(session: Session, code: str, visit_id: int) -> Listed:
    """Return one visit of a journey. Raises NoSuchVisit."""
    found = session.execute(
        select(JourneyVisit, Member.number)
        .join(Member, Member.id == JourneyVisit.member_id)
        .where(JourneyVisit.journey_code == code, JourneyVisit.id == visit_id)
    ).one_or_none()
    if found is None:
        raise NoSuchVisit(journey=code, visit=visit_id)
    return Listed(*found)


@dataclass(frozen=True)
class Passed:
    """A step that was taken, and whose it is."""

    move: JourneyMove
    number: str


def list_came(
    session: Session, code: str, step: str, *, before_id: int | None = None, limit: int
) -> Sequence[Passed]:
    """Return who came to a step, the latest first; those before the move `before_id`."""
    return _passed(session, code, JourneyMove.to_step == step, before_id, limit)


def list_left(
    session: Session, code: str, step: str, why: str, *, before_id: int | None = None, limit: int
) -> Sequence[Passed]:
    """Return who left a step in one way, the latest first; those before the move `before_id`."""
    left = and_(JourneyMove.from_step == step, JourneyMove.why == why)
    return _passed(session, code, left, before_id, limit)


def _passed(
    session: Session, code: str, which: ColumnElement[bool], before_id: int | None, limit: int
) -> Sequence[Passed]:
    found = (
        select(JourneyMove, Member.number)
        .join(JourneyVisit, JourneyVisit.id == JourneyMove.visit_id)
        .join(Member, Member.id == JourneyVisit.member_id)
        .where(JourneyMove.journey_code == code, which)
        .order_by(JourneyMove.id.desc())
        .limit(limit)
    )
    if before_id is not None:
        found = found.where(JourneyMove.id < before_id)
    return [Passed(move, number) for move, number in session.execute(found)]


def list_moves(session: Session, visit_id: int) -> Sequence[JourneyMove]:
    """Return the steps a visit took, in order."""
    return session.scalars(
        select(JourneyMove).where(JourneyMove.visit_id == visit_id).order_by(JourneyMove.id)
    ).all()

"""Starting: causes become visits, each once, set-based and in bounded parts.

Whatever is a cause since the journey was switched on, and within its grace, and has no visit yet
gets one; so a late commit is found when it comes, and downtime is made good. Who is held out gets
a visit that never moves, to compare with.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    Subquery,
    Text,
    and_,
    case,
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from models.base import among
from models.campaign.arm import PARTS, position_of
from models.journey.definition import EACH, ONCE, Definition
from models.journey.keeping import definition_of, get_version
from models.journey.table import (
    ACTIVE,
    HELD_OUT,
    UNDER_WAY,
    Journey,
    JourneyMark,
    JourneyMove,
    JourneyVersion,
    JourneyVisit,
)
from models.journey.trigger import TRIGGERS, Span
from models.lifecycle.figures import is_here
from models.member import Member

PART = 10_000
"""Each part looks at all causes of the span once more, so a part is large."""
PERCENT = PARTS // 100
_TO_WRITE = (
    "journey_code",
    "version",
    "member_id",
    "key",
    "state",
    "step",
    "step_at",
    "due_at",
    "cause_at",
    "started_at",
    "facts",
)


@dataclass(frozen=True)
class Active:
    """An active journey as a round found it, with the version on which whoever starts goes."""

    journey: Journey
    version: JourneyVersion
    marks: Mapping[str, int]

    @property
    def code(self) -> str:
        """Return the journey's code."""
        return self.journey.code

    @property
    def is_noted(self) -> bool:
        """Tell whether a look for causes is noted, which `look_for_causes` does."""
        return _is_noted(definition_of(self.version))

    def span(self, now: datetime) -> Span | None:
        """Return where to look for causes now; None where it is not time yet."""
        definition = definition_of(self.version)
        if not _is_time(self.journey, definition, now):
            return None
        return _span(self.journey, definition, self.marks, now)


def list_active(session: Session) -> list[Active]:
    """Return the active journeys in the order of their codes, in two statements."""
    marks = read_marks(session)
    newest = JourneyVersion.version == Journey.version
    rows = session.execute(
        select(Journey, JourneyVersion)
        .join(JourneyVersion, (JourneyVersion.journey_code == Journey.code) & newest)
        .where(Journey.state == ACTIVE)
        .order_by(Journey.code)
    )
    return [Active(journey, version, marks) for journey, version in rows]


def look_for_causes(session: Session, code: str, now: datetime) -> Span | None:
    """Tell where to look for the causes of an active journey now; None where it is not time yet.

    What the trigger takes down is taken down here, in a transaction of its own.
    """
    journey = _lock(session, code)
    if journey is None:
        return None
    definition = definition_of(get_version(session, code))
    if not _is_time(journey, definition, now):
        return None
    span = _span(journey, definition, read_marks(session), now)
    trigger = definition.cause.trigger
    if trigger.prepare is not None:
        trigger.prepare(session, definition.cause.params, span)
    if _is_noted(definition):
        journey.looked_at = now
    return span


def _is_noted(definition: Definition) -> bool:
    """Tell whether a look leaves a note; who is asked each round needs none."""
    trigger = definition.cause.trigger
    return bool(trigger.every) or trigger.prepare is not None


def _is_time(journey: Journey, definition: Definition, now: datetime) -> bool:
    """Tell whether the last look is long enough ago; one of later than now was played by hand."""
    every, looked_at = definition.cause.trigger.every, journey.looked_at
    return looked_at is None or not looked_at <= now < looked_at + every


def _span(
    journey: Journey, definition: Definition, marks: Mapping[str, int], now: datetime
) -> Span:
    assert journey.active_since is not None, "the journey is active"
    since = max(journey.active_since, now - definition.grace)
    return Span(journey.code, since, now, definition.cause.from_time, marks)


def start_visits(session: Session, span: Span, *, limit: int = PART) -> int:
    """Start up to `limit` visits of the causes in a span; return how many, the held out included.

    Fewer than the limit: there are no more now. Two at once wait for each other.
    """
    journey = _lock(session, span.journey_code)
    if journey is None or journey.active_since is None:
        return 0
    # It may have been switched off and on since the span was read.
    span = replace(span, since=max(span.since, journey.active_since))
    definition = definition_of(get_version(session, span.journey_code))
    causes = definition.cause.trigger.causes(session, definition.cause.params, span)
    if causes is None:
        return 0
    rows = new_visits(definition, causes.subquery("cause"), journey, span).limit(limit)
    made = session.execute(
        insert(JourneyVisit)
        .from_select(_TO_WRITE, rows)
        .on_conflict_do_nothing(index_elements=["journey_code", "key"])
        .returning(JourneyVisit.id)
    ).scalars()
    ids = list(made)
    if ids:
        _note_begin(session, ids, span.now)
    return len(ids)


def new_visits(
    definition: Definition, cause: Subquery, journey: Journey, span: Span
) -> Select[Any]:
    """Return the visits to be written: of the causes in the span, who may come, and once each."""
    is_out = position_of(journey.code) < definition.holdout_percent * PERCENT
    code = literal(journey.code, Text)
    new = (
        select(
            code,
            literal(journey.version),
            cause.c.member_id,
            cause.c.key,
            case((is_out, HELD_OUT), else_=UNDER_WAY).label("state"),
            case((is_out, null()), else_=definition.first.id),
            literal(span.now),
            case((is_out, null()), else_=literal(span.now)),
            cause.c.at,
            literal(span.now),
            cause.c.facts,
        )
        .join(Member, Member.id == cause.c.member_id)
        .where(
            cause.c.at >= span.since,
            cause.c.at <= span.now,
            is_here(),
            ~_visits(code, JourneyVisit.key == cause.c.key),
            *_may_come(definition, cause, code, span.now),
        )
    )
    if definition.reentry != EACH:  # Of a member's several causes the first one counts.
        first = new.ext(distinct_on(cause.c.member_id))
        new = first.order_by(cause.c.member_id, cause.c.at, cause.c.key)
    return new


def _may_come(
    definition: Definition, cause: Subquery, code: ColumnElement[str], now: datetime
) -> list[ColumnElement[bool]]:
    """Return what must hold of a member: consent, and that it is not too soon to come again."""
    asked: list[ColumnElement[bool]] = []
    if definition.needs_consent:
        asked.append(Member.marketing_allowed.is_(True))
    theirs = JourneyVisit.member_id == cause.c.member_id
    if definition.reentry == ONCE:
        asked.append(~_visits(code, theirs))
    elif isinstance(definition.reentry, int):
        recent = JourneyVisit.started_at > now - timedelta(days=definition.reentry)
        still = JourneyVisit.state == UNDER_WAY
        asked.append(~_visits(code, and_(theirs, or_(recent, still))))
    return asked


def _visits(code: ColumnElement[str], which: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(JourneyVisit.id).where(JourneyVisit.journey_code == code, which).exists()


def _note_begin(session: Session, ids: list[int], now: datetime) -> None:
    begun = select(
        JourneyVisit.id,
        JourneyVisit.journey_code,
        JourneyVisit.version,
        JourneyVisit.step,
        literal("started", Text),
        literal(now),
    ).where(among(JourneyVisit.id, ids), JourneyVisit.state == UNDER_WAY)
    columns = ["visit_id", "journey_code", "version", "to_step", "why", "at"]
    session.execute(insert(JourneyMove).from_select(columns, begun.order_by(JourneyVisit.id)))


def _lock(session: Session, code: str) -> Journey | None:
    """Lock an active journey for starting; None where it is not active."""
    return session.scalars(
        select(Journey)
        .where(Journey.code == code, Journey.state == ACTIVE)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()


# --- how far tables were looked through ---


def tables_read() -> list[str]:
    """Return the tables that triggers read by their ids."""
    return sorted({table for trigger in TRIGGERS.values() for table in trigger.reads})


def read_marks(session: Session) -> Mapping[str, int]:
    """Return up to which id each table was looked through for good."""
    return dict(session.execute(select(JourneyMark.fact, JourneyMark.last_id)).all())


def move_marks(session: Session, settled: Mapping[str, int]) -> None:
    """Note that tables were looked through: nothing can appear up to these ids any more."""
    if not settled:
        return
    rows = sorted(settled.items())  # As one array each, it is one statement for any number.
    tables = literal([table for table, _ in rows], ARRAY(Text))
    ids = literal([last_id for _, last_id in rows], ARRAY(BigInteger))
    told = func.unnest(tables, ids).table_valued("fact", "last_id").render_derived(name="told")
    moved = insert(JourneyMark).from_select(["fact", "last_id"], select(told))
    newest = func.greatest(JourneyMark.last_id, moved.excluded.last_id)
    session.execute(moved.on_conflict_do_update(index_elements=["fact"], set_={"last_id": newest}))

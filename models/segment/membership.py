"""In which kept segments a member is: all rules asked of one member, some in a statement."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, true
from sqlalchemy.orm import Session

from models.lifecycle.figures import is_here
from models.member import Member
from models.segment.compiling import condition_of
from models.segment.field import Context
from models.segment.keeping import get_version, list_segments, rule_of
from models.segment.table import Segment

AT_ONCE = 20
"""So many rules are asked in one statement: a longer one takes the planner long."""


@dataclass(frozen=True)
class Belonging:
    """A segment, and whether a member is in it now."""

    segment: Segment
    is_in: bool


def list_segments_of(session: Session, member_id: int, now: datetime) -> list[Belonging]:
    """Return all segments in use in the order of their codes, with whether a member is in each."""
    segments = [segment for segment, _ in list_segments(session)]
    context = Context(session, now)
    return [
        belonging
        for place in range(0, len(segments), AT_ONCE)
        for belonging in _asked(session, segments[place : place + AT_ONCE], member_id, context)
    ]


def _asked(
    session: Session, segments: Sequence[Segment], member_id: int, context: Context
) -> Iterator[Belonging]:
    conditions = [
        condition_of(rule_of(get_version(session, segment.code)), context).is_(true())
        for segment in segments
    ]
    found = session.execute(
        select(*conditions).where(Member.id == member_id, is_here())
    ).one_or_none()
    answers = found if found is not None else [False] * len(segments)
    for segment, answer in zip(segments, answers, strict=True):
        yield Belonging(segment, bool(answer))

"""Counting a rule's members one and all, where its size is a sample's: a worker does, in parts.

A sample says little of a rare rule: of a thousand among a million it sees a handful. What was
counted is kept with its moment, for whoever looks at the same rule next.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.member import Member
from models.prepared import NoteProgress, PreparedFigure, find_prepared, prepared, want
from models.segment.rule import Rule, parse_rule
from models.segment.sizing import counting_of, span_of_ids

FIGURE = "segment_count"
PARTS = 10
"""So often progress is told. Few: a rule may look through all purchases for each part."""


def want_count(session: Session, rule: Rule, now: datetime) -> None:
    """Have a rule's members counted, soon; asked twice at once, it is done once."""
    want(session, FIGURE, _asked(rule), now)


def find_count(session: Session, rule: Rule) -> PreparedFigure | None:
    """Return what was counted of a rule, or how far it is; its body has `members`, `reachable`."""
    return find_prepared(session, FIGURE, _asked(rule))


def _asked(rule: Rule) -> dict[str, Any]:
    return {"rule": rule.as_json()}


@prepared(FIGURE, nightly=False)
def _prepare(
    session: Session, now: datetime, asked: Mapping[str, Any], note_progress: NoteProgress
) -> dict[str, Any]:
    statement = counting_of(session, parse_rule(asked["rule"]), now)
    first, span = span_of_ids(session)
    step = max(math.ceil(span / PARTS), 1)
    members = reachable = 0
    for part in range(PARTS):
        low = first + part * step
        among = statement.where(Member.id >= low, Member.id < low + step)
        some, of_them = session.execute(among).one()
        members, reachable = members + some, reachable + of_them
        note_progress(part + 1, PARTS)
    return {"members": members, "reachable": reachable}

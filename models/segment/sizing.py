"""How many members a rule has, and how many of them marketing reaches.

Counted where the database expects it to be quick, which it is in any small shop. Else a sample of
members is asked, drawn evenly over all ids, and what it says is told with the interval in which
the true number lies 19 times of 20. Whoever must know may still have all of them counted.
"""

import math
import random
import time
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ClauseElement,
    Executable,
    Select,
    Text,
    bindparam,
    func,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session

from models.interval import wilson
from models.lifecycle.figures import is_here
from models.local_day import local_day
from models.member import Member
from models.segment.compiling import condition_of
from models.segment.field import Context
from models.segment.fields.reach import is_reachable
from models.segment.freshness import freshness_of
from models.segment.rule import Rule

QUICK_COST = 25_000
"""What PostgreSQL's planner may expect of a count that is done at once: reading the rows of half a
million members costs some 24,000, and takes a tenth of a second where nobody else is at work."""
QUICK_WITH_FRIENDS = 22_000
"""The same where everybody's friendship is looked up as well, which takes longer than it costs."""
SAMPLE = 8_000
AT_ONCE = 500
SAMPLE_SECONDS, REACH_SECONDS = 0.1, 0.03
"""The parts of the sample that are asked in this time are told, and the first in any case. Where
the members are counted, and only who can be reached is asked, less is enough."""
RARE = 30
"""So few in the sample say nothing of the others: friendship is looked up for each of them."""

BY_THE_VALUES = select(func.set_config("plan_cache_mode", "force_custom_plan", True))
"""A plan made for any values takes a sample of some hundred ids for one of any length."""
BY_INDEX = select(func.set_config("enable_seqscan", bindparam("way", type_=Text), True))
"""Some hundred members are looked up, and no table is read for them from end to end."""


@dataclass(frozen=True)
class Size:
    """How many members, of whom how many can be reached; exact, or within `low` to `high`."""

    members: int
    reachable: int
    is_estimate: bool
    low: int
    high: int
    reachable_is_estimate: bool
    """Reachable ones may be estimated where the members are counted: it takes another table."""
    sampled: int
    """How many members were asked for an estimate; 0 where all were."""
    as_of: datetime
    freshness: str
    """How old the oldest of the facts may be: `live`, `minutes` or `nightly`."""


@dataclass(frozen=True)
class _Found:
    """What a sample found."""

    asked: int
    members: int
    reachable: int


class _Explain(Executable, ClauseElement):
    """EXPLAIN of a statement, with its values bound as they are when it runs."""

    inherit_cache = False

    def __init__(self, statement: Select[*tuple[Any, ...]]) -> None:
        self.statement = statement


@compiles(_Explain)
def _compile_explain(element: _Explain, compiler: Any, **told: Any) -> str:
    return f"EXPLAIN (FORMAT JSON) {compiler.process(element.statement, **told)}"


def size_of(session: Session, rule: Rule, now: datetime, *, exact: bool = False) -> Size:
    """Return how many members a rule has now; with `exact` counted, however long it takes."""
    both = counting_of(session, rule, now)
    first, span = span_of_ids(session)
    if exact or not span or is_quick(session, both, QUICK_WITH_FRIENDS):
        return _size(rule, now, *session.execute(both).one())
    ids = draw_ids(first, span, seed=local_day(now).toordinal(), most=SAMPLE)
    alone = both.with_only_columns(func.count())
    if not is_quick(session, alone, QUICK_COST):
        return _estimate(rule, now, _ask(session, both, ids, SAMPLE_SECONDS), span)
    sample = _ask(session, both, ids, REACH_SECONDS)
    if sample.members < RARE:
        return _size(rule, now, *session.execute(both).one())
    members = session.execute(alone).scalar_one()
    size = _size(rule, now, members, round(members * sample.reachable / sample.members))
    return replace(size, reachable_is_estimate=True, sampled=sample.asked)


def counting_of(session: Session, rule: Rule, now: datetime) -> Select[int, int]:
    """Return the question how many members a rule has, and how many of them can be reached."""
    condition = condition_of(rule, Context(session, now))
    session.execute(BY_THE_VALUES)
    reachable = func.count().filter(is_reachable())
    return select(func.count(), reachable).select_from(Member).where(is_here(), condition)


def is_quick(session: Session, statement: Select[*tuple[Any, ...]], most: float) -> bool:
    """Tell whether the planner expects to be done for no more than `most`."""
    plan = session.execute(_Explain(statement)).scalar_one()
    cost: float = plan[0]["Plan"]["Total Cost"]
    return cost <= most


def _ask(session: Session, counting: Select[int, int], ids: list[int], seconds: float) -> _Found:
    """Ask a sample in parts, each spread over the whole, until all are asked or time is up."""
    parts = max(math.ceil(len(ids) / AT_ONCE), 1)
    session.execute(BY_INDEX, {"way": "off"})
    started, found = time.monotonic(), _Found(0, 0, 0)
    among = Member.id == func.any(bindparam("sample", type_=ARRAY(BigInteger)))
    statement = counting.where(among)
    for place in range(parts):
        part = ids[place::parts]
        members, reachable = session.execute(statement, {"sample": part}).one()
        found = _Found(
            found.asked + len(part), found.members + members, found.reachable + reachable
        )
        passed = time.monotonic() - started
        if passed + passed / (place + 1) > seconds:
            break  # The next part would not be done in time.
    session.execute(BY_INDEX, {"way": "on"})
    return found


def _estimate(rule: Rule, now: datetime, sample: _Found, span: int) -> Size:
    if sample.asked == span:
        return _size(rule, now, sample.members, sample.reachable)  # Everybody was asked.
    each = span / sample.asked
    low, high = wilson(sample.members, sample.asked)
    counted = _size(rule, now, round(sample.members * each), round(sample.reachable * each))
    return replace(
        counted,
        is_estimate=True,
        reachable_is_estimate=True,
        low=math.floor(low * span),
        high=math.ceil(high * span),
        sampled=sample.asked,
    )


def _size(rule: Rule, now: datetime, members: int, reachable: int) -> Size:
    return Size(
        members=members,
        reachable=reachable,
        is_estimate=False,
        low=members,
        high=members,
        reachable_is_estimate=False,
        sampled=0,
        as_of=now,
        freshness=freshness_of(rule),
    )


def span_of_ids(session: Session) -> tuple[int, int]:
    """Return the first id of all members, and how many ids there are up to the last."""
    ends = func.coalesce(func.min(Member.id), 1), func.coalesce(func.max(Member.id), 0)
    first, last = session.execute(select(*ends)).one()
    return first, last - first + 1


def draw_ids(first: int, span: int, *, seed: int, most: int) -> list[int]:
    """Return up to `most` ids from `first` on: one from each of as many equal stretches.

    Members who joined together lie together, so all times are in it alike. One day's sample is
    always the same: two rules compared are asked of the same members, and a size does not flicker.
    """
    chance = random.Random(seed)  # noqa: S311 - draws a sample, guards nothing
    count = min(most, span)
    return [first + int((place + chance.random()) * span / count) for place in range(count)]

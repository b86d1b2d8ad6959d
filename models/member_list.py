"""Members in a list: all, or those a rule holds for, newest first, a page at a time.

Where the database expects a rule to be quick the page is asked for at once, and given up soon where
it was wrong. Else members are looked through in stretches of their ids, newest first, for as long
as somebody likes to wait; what was found by then is the page, and the next one goes on from there.
So a rule that hardly anybody fits is no slower than any other, it only takes more pages.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg.errors import QueryCanceled
from sqlalchemy import Select, Text, bindparam, func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models.lifecycle.figures import is_here
from models.member import Member
from models.segment.compiling import condition_of
from models.segment.field import Context
from models.segment.fields.reach import is_reachable
from models.segment.rule import Rule
from models.segment.sizing import BY_INDEX, BY_THE_VALUES, QUICK_COST, is_quick

PAGE = 50
FIRST_STRETCH, LONGEST_STRETCH = 500, 32_000
WHOLE_MS = "60"
"""A page asked for at once has so long; the database itself stops it then."""
SEARCH_SECONDS = 0.08
SHORT_SECONDS = 0.03
"""A stretch done in this time is followed by one twice as long."""
_TIME_OF = select(func.current_setting("statement_timeout"))
_GIVE_TIME = select(func.set_config("statement_timeout", bindparam("ms", type_=Text), True))


@dataclass(frozen=True)
class Listed:
    """A member in a list, with whether marketing reaches them."""

    member: Member
    is_reachable: bool


@dataclass(frozen=True)
class MemberPage:
    """One page of a list; `next_id` is from where the next one goes on, None after the last."""

    rows: Sequence[Listed]
    next_id: int | None
    is_searching: bool
    """Whether the page is short only because time was up: there may be more."""


def list_page(
    session: Session,
    rule: Rule | None,
    now: datetime,
    *,
    before_id: int | None = None,
    limit: int = PAGE,
) -> MemberPage:
    """Return the next members of a rule, or of all, whose ids lie before `before_id`."""
    upper = before_id if before_id is not None else _last_id(session) + 1
    page = select(Member, is_reachable()).where(is_here()).order_by(Member.id.desc())
    if rule is not None:
        session.execute(BY_THE_VALUES)
        page = page.where(condition_of(rule, Context(session, now)))
    rows = _whole(session, page.where(Member.id < upper).limit(limit + 1), is_rule=rule is not None)
    if rows is None:
        return _search(session, page, upper, limit)
    next_id = rows[limit - 1].member.id if len(rows) > limit else None
    return MemberPage(rows[:limit], next_id, is_searching=False)


def _whole(session: Session, page: Select[Member, bool], *, is_rule: bool) -> list[Listed] | None:
    """Return the page's rows, or None where the database takes too long to find them."""
    if not is_rule:
        return _rows(session, page)
    if not is_quick(session, page, QUICK_COST):
        return None
    before = session.scalar(_TIME_OF)
    try:
        with session.begin_nested():
            session.execute(_GIVE_TIME, {"ms": WHOLE_MS})
            rows = _rows(session, page)
            session.execute(_GIVE_TIME, {"ms": before})
    except OperationalError as error:
        if not isinstance(error.orig, QueryCanceled):
            raise
        return None
    return rows


def _last_id(session: Session) -> int:
    return session.scalar(select(func.max(Member.id))) or 0


def _rows(session: Session, page: Select[Member, bool]) -> list[Listed]:
    return [Listed(member, reachable) for member, reachable in session.execute(page)]


def _search(session: Session, page: Select[Member, bool], upper: int, limit: int) -> MemberPage:
    """Look through stretches of ids until the page is full, all are seen, or time is up."""
    first = session.scalar(select(func.coalesce(func.min(Member.id), 0))) or 0
    session.execute(BY_INDEX, {"way": "off"})
    started, stretch = time.monotonic(), FIRST_STRETCH
    found: list[Listed] = []
    while upper > first and len(found) < limit:
        begun = time.monotonic()
        if begun - started > SEARCH_SECONDS:
            break
        lower = max(upper - stretch, first)
        within = page.where(Member.id >= lower, Member.id < upper).limit(limit - len(found))
        rows = _rows(session, within)
        found += rows
        upper = rows[-1].member.id if len(found) == limit else lower
        if time.monotonic() - begun < SHORT_SECONDS:
            stretch = min(stretch * 2, LONGEST_STRETCH)
    session.execute(BY_INDEX, {"way": "on"})
    is_over = upper <= first
    return MemberPage(found, None if is_over else upper, not is_over and len(found) < limit)

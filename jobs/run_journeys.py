"""The round of journeys: who has a cause starts, whose reason is gone leaves, who is due moves on.

Each part is a transaction of its own, so a worker that dies loses nothing but its part; several
at once take different visits. What fails in one journey is logged and stops no other.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.orm import Session

from jobs.settling import find_settled
from models.base import Sessions
from models.journey import (
    SWEEP_PART,
    Active,
    advance_journey,
    end_archived,
    list_active,
    list_due,
    list_waiting,
    look_for_causes,
    move_marks,
    start_visits,
    sweep_visits,
    tables_read,
)
from models.journey.advancing import PART
from models.journey.starting import PART as START_PART

TRIES = 3
PAUSE_SECONDS = 0.2
"""A table written to for longer than this is looked through again by the next round."""
LONGEST = timedelta(seconds=50)
"""A round ends before the next one comes; what is left is the next one's."""
MOST_SWEPT = 20_000
"""So many waiting visits of a journey are asked in a round whether their reason is gone."""

log = structlog.get_logger()


def run_journeys(
    sessions: Sessions, *, now: datetime, timer: Callable[[], float] = time.monotonic
) -> int:
    """Start, end and move on visits until nothing is due or the time is over; return how many.

    Safe to stop anywhere, to run twice, and beside others.
    """
    ends_at = timer() + LONGEST.total_seconds()
    # What is settled before the journeys are listed was seen by each of them, or is older than it.
    settled = find_settled(sessions, tables_read(), tries=TRIES, pause_seconds=PAUSE_SECONDS)
    with sessions() as session:
        active = list_active(session)
    begun = [_guarded(each.code, partial(_start, sessions, each, now)) for each in active]
    if None not in begun:
        with sessions.begin() as session:
            move_marks(session, settled)
    _until_none(sessions, partial(end_archived, now=now), SWEEP_PART)
    with sessions() as session:
        waiting = list_waiting(session)
    for code in waiting:
        _guarded(code, partial(_sweep, sessions, code, now))
    with sessions() as session:
        due = list_due(session, now)
    moved = _advance_all(sessions, due, now, lambda: timer() < ends_at)
    started = sum(filter(None, begun))
    log.info("journeys_run", journeys=len(active), started=started, moved=moved)
    return started + moved


def _guarded(code: str, work: Callable[[], int]) -> int | None:
    """Do one journey's work; what fails there is logged, and None."""
    try:
        return work()
    except Exception:
        log.exception("journey_failed", journey=code)
        return None


def _start(sessions: Sessions, active: Active, now: datetime) -> int:
    span = active.span(now)
    if span is not None and active.is_noted:
        with sessions.begin() as session:
            span = look_for_causes(session, active.code, now)
    if span is None:
        return 0
    return _until_none(sessions, partial(start_visits, span=span), START_PART)


def _sweep(sessions: Sessions, code: str, now: datetime) -> int:
    swept, part = 0, SWEEP_PART
    while part == SWEEP_PART and swept < MOST_SWEPT:
        with sessions.begin() as session:
            part = sweep_visits(session, code, now)
        swept += part
    return swept


def _advance_all(
    sessions: Sessions, codes: Sequence[str], now: datetime, has_time: Callable[[], bool]
) -> int:
    """Move on each journey's due visits, a part of each in turn, so that none waits for another."""
    moved, ahead = 0, list(codes)
    while ahead and has_time():
        seen = {code: _guarded(code, partial(_advance, sessions, code, now)) or 0 for code in ahead}
        moved += sum(seen.values())
        ahead = [code for code in ahead if seen[code] == PART]
    return moved


def _advance(sessions: Sessions, code: str, now: datetime) -> int:
    with sessions.begin() as session:
        done = advance_journey(session, code, now)
    for visit_id, error in done.failed.items():
        log.error("visit_set_aside", journey=code, visit=visit_id, error=error)
    return done.seen


def _until_none(sessions: Sessions, work: Callable[[Session], int], part: int) -> int:
    """Do work in parts, each a transaction, until one is not full."""
    total, done = 0, part
    while done == part:
        with sessions.begin() as session:
            done = work(session)
        total += done
    return total

"""What each member usually buys, kept every night for those of whom something has changed."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.orm import Session

from jobs.settling import find_settled
from models.base import Sessions
from models.favourite import (
    FACTS,
    Kept,
    begin_marks,
    has_begun,
    keep_of_everybody,
    keep_of_facts,
    keep_of_merged,
    keep_of_stale,
    marked_at,
)

TRIES = 10
PAUSE_SECONDS = 0.5
"""A sale takes milliseconds; a table to which somebody writes for longer waits for tomorrow."""

log = structlog.get_logger()


def keep_favourites(sessions: Sessions, *, now: datetime) -> int:
    """Bring members' favourites to today; return how many changed.

    In parts, each one transaction. Safe to stop anywhere and to run twice at once.
    """
    settled = find_settled(sessions, FACTS, tries=TRIES, pause_seconds=PAUSE_SECONDS)
    with sessions.begin() as session:
        begun = has_begun(session)
        if not begun and len(settled) == len(FACTS):
            begin_marks(session, settled, now)
            begun = True
    changed = _keep(sessions, settled, now) if begun else 0
    log.info("favourites_kept", changed=changed, waiting=len(FACTS) - len(settled))
    return changed


def _keep(sessions: Sessions, settled: dict[str, int], now: datetime) -> int:
    changed = _until_last(sessions, lambda session: keep_of_everybody(session, now))
    with sessions.begin() as session:
        changed += keep_of_merged(session, marked_at(session), now)
    for fact, last_id in settled.items():
        keep = partial(keep_of_facts, fact=fact, settled_id=last_id, now=now)
        changed += _until_last(sessions, keep)
    return changed + _until_last(sessions, lambda session: keep_of_stale(session, now))


def _until_last(sessions: Sessions, keep: Callable[[Session], Kept]) -> int:
    changed, is_last = 0, False
    while not is_last:
        with sessions.begin() as session:
            part = keep(session)
        changed, is_last = changed + part.changed, part.is_last
    return changed

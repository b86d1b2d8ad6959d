"""Make the figures that pages wait for: by night all of them, by day what somebody wants anew."""

import time
from collections.abc import Callable
from datetime import datetime

import structlog
from sqlalchemy import text

from models import prepared_figures as prepared_figures  # Registers them.
from models.base import BusinessError, Sessions
from models.prepared import (
    FIGURES,
    WHOLE,
    NoteProgress,
    Wanted,
    claim_wanted,
    give_up,
    keep_prepared,
    note_progress,
    want_nightly,
)

MOST_MADE = 200
LONGEST_STATEMENT = "15min"
"""A report over all members may take longer than a page's statement."""
TOLD_EVERY_SECONDS = 1.0

log = structlog.get_logger()


def want_figures(sessions: Sessions, *, now: datetime) -> int:
    """Have every nightly figure made, and make them; return how many were made."""
    with sessions.begin() as session:
        want_nightly(session, now)
    return prepare_figures(sessions, lambda: now)


def prepare_figures(sessions: Sessions, clock: Callable[[], datetime]) -> int:
    """Make what is wanted, longest waiting first; return how many were made.

    Safe to stop anywhere: a claim lapses, and a figure only reads.
    """
    made = 0
    for _ in range(MOST_MADE):
        with sessions.begin() as session:
            wanted = claim_wanted(session, clock())
        if wanted is None:
            break
        made += _make(sessions, wanted, clock)
    return made


def _make(sessions: Sessions, wanted: Wanted, clock: Callable[[], datetime]) -> bool:
    as_of, began = clock(), time.monotonic()
    try:
        with sessions() as session:
            session.execute(text(f"SET LOCAL statement_timeout = '{LONGEST_STATEMENT}'"))
            figure = FIGURES[wanted.name]
            body = figure.compute(session, as_of, wanted.asked, _teller(sessions, wanted, clock))
    except (BusinessError, KeyError) as error:
        with sessions.begin() as session:
            give_up(session, wanted, getattr(error, "code", type(error).__name__))
        log.info("figure_not_made", figure=wanted.name, error=type(error).__name__)
        return False
    took_ms = int((time.monotonic() - began) * 1000)
    with sessions.begin() as session:
        keep_prepared(session, wanted, body, as_of=as_of, now=clock(), took_ms=took_ms)
    log.info("figure_made", figure=wanted.name, took_ms=took_ms)
    return True


def _teller(sessions: Sessions, wanted: Wanted, clock: Callable[[], datetime]) -> NoteProgress:
    """Return what notes progress, at most once a second, in transactions of its own."""
    told_at = time.monotonic()

    def tell(done: int, total: int) -> None:
        nonlocal told_at
        if time.monotonic() - told_at < TOLD_EVERY_SECONDS:
            return
        told_at = time.monotonic()
        with sessions.begin() as session:
            note_progress(session, wanted, done * WHOLE // max(total, 1), clock())

    return tell

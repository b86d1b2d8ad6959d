"""What people did at the counter, carried into the audit every few minutes."""

import time
from collections.abc import Mapping
from datetime import datetime

import structlog

from models.audit import FACTS, carry
from models.base import Sessions
from models.horizon import Horizon, find_horizons, find_writers

TRIES = 10
PAUSE_SECONDS = 0.5
"""A sale takes milliseconds; a table to which somebody writes for longer waits for next time."""

log = structlog.get_logger()


def audit_sales(sessions: Sessions, *, now: datetime) -> int:
    """Make entries of all that people did since the last time; return how many.

    In parts, each one transaction. Safe to stop anywhere and to run twice at once.
    """
    with sessions() as session:
        horizons = find_horizons(session, tuple(FACTS))
    settled = _wait_for(sessions, horizons)
    carried = sum(_carry_all(sessions, fact, last_id) for fact, last_id in settled.items())
    log.info("audit_carried", entries=carried, waiting=len(FACTS) - len(settled))
    return carried


def _wait_for(sessions: Sessions, horizons: Mapping[str, Horizon]) -> dict[str, int]:
    """Return each table's last id below which nobody writes any more, but for those still busy."""
    settled: dict[str, int] = {}
    for tried in range(TRIES):
        if tried:
            time.sleep(PAUSE_SECONDS)
        with sessions() as session:
            writers = find_writers(session, tuple(FACTS))
        settled = {
            fact: horizon.last_id
            for fact, horizon in horizons.items()
            if horizon.writers.isdisjoint(writers[fact])
        }
        if len(settled) == len(horizons):
            break
    return settled


def _carry_all(sessions: Sessions, fact: str, last_id: int) -> int:
    entries, is_last = 0, False
    while not is_last:
        with sessions.begin() as session:
            part = carry(session, fact, last_id)
        entries, is_last = entries + part.entries, part.is_last
    return entries

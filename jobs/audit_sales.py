"""What people did at the counter, carried into the audit every few minutes."""

from datetime import datetime

import structlog

from jobs.settling import find_settled
from models.audit import FACTS, carry
from models.base import Sessions

TRIES = 10
PAUSE_SECONDS = 0.5
"""A sale takes milliseconds; a table to which somebody writes for longer waits for next time."""

log = structlog.get_logger()


def audit_sales(sessions: Sessions, *, now: datetime) -> int:
    """Make entries of all that people did since the last time; return how many.

    In parts, each one transaction. Safe to stop anywhere and to run twice at once.
    """
    settled = find_settled(sessions, tuple(FACTS), tries=TRIES, pause_seconds=PAUSE_SECONDS)
    carried = sum(_carry_all(sessions, fact, last_id) for fact, last_id in settled.items())
    log.info("audit_carried", entries=carried, waiting=len(FACTS) - len(settled))
    return carried


def _carry_all(sessions: Sessions, fact: str, last_id: int) -> int:
    entries, is_last = 0, False
    while not is_last:
        with sessions.begin() as session:
            part = carry(session, fact, last_id)
        entries, is_last = entries + part.entries, part.is_last
    return entries

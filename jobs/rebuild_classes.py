"""Everybody's classes, worked out every night: cycles first, then classes, then what moved."""

from datetime import datetime

import structlog

from models import classification
from models.base import Sessions
from models.lifecycle.measuring import estimate_cycles, estimate_past, list_unmeasured

log = structlog.get_logger()


def rebuild_classes(sessions: Sessions, *, now: datetime) -> int:
    """Bring everybody's classes to today; return how many rows that changed.

    The classes are one transaction, so that nobody reads half of them. Safe to run twice. The first
    night of a shop that came with its history also estimates the cycles of its past months.
    """
    with sessions.begin() as session:
        cycles = estimate_cycles(session, now)
    with sessions() as session:
        months = list_unmeasured(session)
    for month in months:
        with sessions.begin() as session:
            estimate_past(session, month, now)
    with sessions.begin() as session:
        changed = classification.rebuild_classes(session, now)
    with sessions.begin() as session:
        moves = classification.note_moves(session, now)
    log.info(
        "classes_rebuilt", changed=changed, cycles=cycles, past_months=len(months), moves=moves
    )
    return changed

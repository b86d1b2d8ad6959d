"""The daily seal of the points ledger: one number that stands for every entry so far."""

from datetime import datetime

import structlog
from sqlalchemy.exc import OperationalError

from models.base import Sessions
from models.local_day import local_day
from models.points import seal_entries, settled_entry_id

TRIES = 5
"""Somebody may be posting for longer than tills may be kept waiting; then we stand back."""

log = structlog.get_logger()


def seal_ledger(sessions: Sessions, *, now: datetime) -> int:
    """Seal all entries posted so far, once a Taipei day; return how many the seal adds.

    The tills are kept waiting only while the newest entry is settled; the hashing comes after,
    over entries that nobody can change any more. The root in the log is worth keeping elsewhere.
    """
    last_id = _settle(sessions)
    with sessions.begin() as session:
        seal = seal_entries(session, local_day(now), last_id, now)
        if seal is None:
            return 0
        log.info(
            "ledger_sealed",
            sealed_on=seal.sealed_on.isoformat(),
            last_entry_id=seal.last_entry_id,
            entries=seal.entries,
            root=seal.root.hex(),
        )
        return seal.entries


def _settle(sessions: Sessions) -> int:
    for left in reversed(range(TRIES)):
        try:
            with sessions.begin() as session:
                return settled_entry_id(session)
        except OperationalError:
            if not left:
                raise
    raise AssertionError("the last try returns or raises")

"""Waiting until nobody writes below a place any more, for jobs that read tables by their ids."""

import time
from collections.abc import Sequence

from models.base import Sessions
from models.horizon import find_horizons, find_writers


def find_settled(
    sessions: Sessions, tables: Sequence[str], *, tries: int, pause_seconds: float
) -> dict[str, int]:
    """Return each table's newest id below which nobody can add a row, but for those still busy.

    Looks `tries` times, with a pause in between; nobody is kept waiting for it.
    """
    with sessions() as session:
        horizons = find_horizons(session, tables)
    settled: dict[str, int] = {}
    for tried in range(tries):
        if tried:
            time.sleep(pause_seconds)
        with sessions() as session:
            writers = find_writers(session, tables)
        settled = {
            table: horizon.last_id
            for table, horizon in horizons.items()
            if horizon.writers.isdisjoint(writers[table])
        }
        if len(settled) == len(horizons):
            break
    return settled


def wait_for_writers(sessions: Sessions, table: str, *, tries: int, pause_seconds: float) -> bool:
    """Wait for all who write to a table now; tell whether they have ended."""
    with sessions() as session:
        before = find_writers(session, [table])[table]
    for tried in range(tries):
        if tried:
            time.sleep(pause_seconds)
        with sessions() as session:
            if before.isdisjoint(find_writers(session, [table])[table]):
                return True
    return False

"""Horizons: how far a table can be read without missing a row that is committed late.

Ids are drawn before their rows are committed, so the newest visible id is no end: a transaction
that began earlier may still add a lower one. Whoever inserts holds the table's lock from before
the id is drawn until the end; once all who held it at the horizon are gone, nothing below it can
appear any more. Nobody is kept waiting for this. Who only tidies up (VACUUM, ANALYZE, by hand or by
themselves) holds another lock, adds nothing and is not waited for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.base import squeezed

_WRITERS = text(
    squeezed("""
        SELECT DISTINCT told.name, held.virtualtransaction
        FROM unnest(CAST(:tables AS text[])) AS told(name)
        JOIN pg_locks AS held ON held.relation = CAST(told.name AS regclass)
        WHERE held.locktype = 'relation' AND held.granted AND held.pid <> pg_backend_pid()
            AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND held.mode = 'RowExclusiveLock'
    """)
)


@dataclass(frozen=True)
class Horizon:
    """The newest id of a table, and the transactions that may still add rows below it."""

    last_id: int
    writers: frozenset[str]


def find_horizons(session: Session, tables: Sequence[str]) -> Mapping[str, Horizon]:
    """Return each table's horizon now. Ids are read first, writers after: in this order alone
    whoever is not among the writers has ended, and is seen by the next statement.
    """
    last_ids = {table: _last_id(session, table) for table in tables}
    writers = find_writers(session, tables)
    return {table: Horizon(last_ids[table], writers[table]) for table in tables}


def find_writers(session: Session, tables: Sequence[str]) -> Mapping[str, frozenset[str]]:
    """Return which transactions, but for our own, may be adding rows to each table now."""
    found = session.execute(_WRITERS, {"tables": list(tables)}).all()
    return {table: frozenset(writer for name, writer in found if name == table) for table in tables}


def _last_id(session: Session, table: str) -> int:
    newest = text(f"SELECT coalesce(max(id), 0) FROM {table}")  # noqa: S608  # Our own names only.
    return int(session.scalars(newest).one())

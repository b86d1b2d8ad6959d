"""Seals: once a day, one number that stands for every entry of every member so far.

Whoever keeps a root outside the database can show later that nothing before it was changed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.points.table import LedgerSeal, PointsEntry

LOCK_TIMEOUT_MILLISECONDS = 2_000
"""So long postings may have to wait behind us while we wait for those under way."""
BLOCK = 10_000
"""Entries are hashed in blocks of so many ids, so that no value grows with the ledger."""

_ROOT = text("""
    SELECT coalesce(sum(entries), 0),
        sha256(:before || coalesce(string_agg(digest, ''::bytea ORDER BY block), ''::bytea))
    FROM (
        SELECT id / :block AS block, count(*) AS entries,
            sha256(string_agg(hash, ''::bytea ORDER BY id)) AS digest
        FROM points_entry WHERE id > :after_id AND id <= :last_id
        GROUP BY id / :block
    ) AS blocks
""").bindparams(bindparam("block", BLOCK))


@dataclass(frozen=True)
class BrokenSeal:
    """A seal that does not stand for what the ledger holds now."""

    seal: LedgerSeal
    after_id: int
    found: int
    """How many entries lie in its range now."""


def settled_entry_id(session: Session) -> int:
    """Return the newest entry's id, with none below it still under way; 0 for an empty ledger.

    Waits for who is posting, and lets nobody post until this transaction ends: end it at once.
    Raises OperationalError where that would keep the tills waiting for too long.
    """
    session.execute(text(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MILLISECONDS}"))
    session.execute(text("LOCK TABLE points_entry IN SHARE MODE"))
    return session.scalar(select(func.max(PointsEntry.id))) or 0


def seal_entries(
    session: Session, sealed_on: date, last_entry_id: int, now: datetime
) -> LedgerSeal | None:
    """Seal all entries through a settled one; None where the day has its seal already."""
    last = find_last_seal(session)
    after_id = last.last_entry_id if last else 0
    entries, root = _root(session, last.root if last else b"", after_id, last_entry_id)
    return session.scalars(
        insert(LedgerSeal)
        .values(
            sealed_on=sealed_on,
            last_entry_id=max(last_entry_id, after_id),
            entries=entries,
            root=root,
            sealed_at=now,
        )
        .on_conflict_do_nothing()
        .returning(LedgerSeal)
    ).one_or_none()


def find_last_seal(session: Session) -> LedgerSeal | None:
    """Return the newest seal, or None before the first."""
    return session.scalars(
        select(LedgerSeal).order_by(LedgerSeal.sealed_on.desc()).limit(1)
    ).one_or_none()


def list_broken_seals(session: Session) -> Iterator[BrokenSeal]:
    """Yield each seal that the ledger does not bear out; one query a seal."""
    before, after_id = b"", 0
    for seal in session.scalars(select(LedgerSeal).order_by(LedgerSeal.sealed_on)).all():
        entries, root = _root(session, before, after_id, seal.last_entry_id)
        if (entries, root) != (seal.entries, seal.root):
            yield BrokenSeal(seal, after_id, entries)
        before, after_id = seal.root, max(seal.last_entry_id, after_id)


def _root(session: Session, before: bytes, after_id: int, last_id: int) -> tuple[int, bytes]:
    asked = {"before": before, "after_id": after_id, "last_id": last_id}
    entries, root = session.execute(_ROOT, asked).one()
    return int(entries), bytes(root)

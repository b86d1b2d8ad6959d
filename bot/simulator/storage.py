"""Storage: what survives a restart, in one SQLite file written by one thread in batches.

Nothing in the request path touches the file: the loop notes what changed, and the thread writes
all notes a few times a second. Killing the process loses at most the last batch.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

BATCH_SECONDS = 0.25
ROWS_BETWEEN_TRIMS = 100_000
BUSY_SECONDS = 10

_SCHEMA = """
CREATE TABLE IF NOT EXISTS fact (
    kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, written TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS chat (
    position INTEGER PRIMARY KEY, user_id TEXT NOT NULL, entry_id INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS chat_user ON chat (user_id, position);
"""
_TRIM = """
DELETE FROM chat WHERE position IN (
    SELECT position FROM (
        SELECT position, row_number() OVER (PARTITION BY user_id ORDER BY position DESC) AS age
        FROM chat
    ) WHERE age > ?
)
"""
_FORGET_ORPHANS = "DELETE FROM entry WHERE id NOT IN (SELECT entry_id FROM chat)"

WrittenEntry = tuple[str, str]  # Its id (digits), and its JSON.


class Storage:
    """Keeps facts (kind, key, value) and chat entries; without a path it keeps nothing.

    A value is anything JSON can write, or bytes. A value of None forgets the fact.
    """

    def __init__(self, path: Path | None, *, entries_a_chat: int) -> None:
        self._path = path
        self._entries_a_chat = entries_a_chat
        self._lock = threading.Lock()
        self._facts: dict[tuple[str, str], Any] = {}
        self._entries: list[tuple[list[str], list[WrittenEntry]]] = []
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._rows_since_trim = 0

    def open(
        self,
        restore_fact: Callable[[str, str, Any], None],
        restore_entry: Callable[[str, str, str], None],
    ) -> None:
        """Read what was kept, oldest chat entry first, and start the writing thread."""
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with _Connection(self._path) as connection:
            connection.executescript(_SCHEMA)
            self._trim(connection)
            for kind, key, value in connection.execute("SELECT kind, key, value FROM fact"):
                restore_fact(kind, key, value if isinstance(value, bytes) else json.loads(value))
            _restore_entries(connection, restore_entry)
        self._thread = threading.Thread(target=self._write_batches, name="simulator-storage")
        self._thread.start()

    def close(self) -> None:
        """Write what is left, and stop the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def keep(self, kind: str, key: str, value: Any) -> None:
        """Note one fact; the last value noted before a batch is the one written."""
        if self._path is not None:
            with self._lock:
                self._facts[kind, key] = value

    def keep_entries(self, user_ids: list[str], entries: list[WrittenEntry]) -> None:
        """Note `entries`, added to the chats of all `user_ids`."""
        if self._path is not None and user_ids:
            with self._lock:
                self._entries.append((user_ids, entries))

    def _write_batches(self) -> None:
        path = self._path
        if path is None:
            return
        with _Connection(path) as connection:
            while not self._stopping.wait(BATCH_SECONDS):
                self._write_batch(connection)
            self._write_batch(connection)

    def _write_batch(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            facts, self._facts = self._facts, {}
            entries, self._entries = self._entries, []
        if not facts and not entries:
            return
        with connection:
            _write_facts(connection, facts)
            self._write_entries(connection, entries)
            if self._rows_since_trim > ROWS_BETWEEN_TRIMS:
                self._trim(connection)

    def _write_entries(
        self,
        connection: sqlite3.Connection,
        noted: Iterable[tuple[list[str], list[WrittenEntry]]],
    ) -> None:
        for user_ids, entries in noted:
            connection.executemany("INSERT OR REPLACE INTO entry VALUES (?, ?)", entries)
            rows = [(user_id, entry_id) for entry_id, _ in entries for user_id in user_ids]
            connection.executemany("INSERT INTO chat (user_id, entry_id) VALUES (?, ?)", rows)
            self._rows_since_trim += len(rows)

    def _trim(self, connection: sqlite3.Connection) -> None:
        connection.execute(_TRIM, (self._entries_a_chat,))
        connection.execute(_FORGET_ORPHANS)
        self._rows_since_trim = 0


class _Connection:
    """Open the file for one thread, and close it at the end of the block."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, timeout=BUSY_SECONDS)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")

    def __enter__(self) -> sqlite3.Connection:
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.commit()
        self._connection.close()


def _write_facts(connection: sqlite3.Connection, facts: dict[tuple[str, str], Any]) -> None:
    for (kind, key), value in facts.items():
        if value is None:
            connection.execute("DELETE FROM fact WHERE kind = ? AND key = ?", (kind, key))
        else:
            written = value if isinstance(value, bytes) else json.dumps(value)
            connection.execute("INSERT OR REPLACE INTO fact VALUES (?, ?, ?)", (kind, key, written))


def _restore_entries(
    connection: sqlite3.Connection, restore: Callable[[str, str, str], None]
) -> None:
    shared: dict[int, str] = {}
    rows = connection.execute(
        "SELECT chat.user_id, entry.id, entry.written FROM chat"
        " JOIN entry ON entry.id = chat.entry_id ORDER BY chat.position"
    )
    for user_id, entry_id, written in rows:
        restore(user_id, str(entry_id), shared.setdefault(entry_id, written))

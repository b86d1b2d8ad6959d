"""Keep webhook events, many requests in one commit.

Each request waits until its own events are on disk, but requests that come at the same time share
a statement and a commit: the database's cost per event falls as the load grows. One thread a
process; it holds one connection in autocommit, so a batch is one round trip.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from models.line_event import KEEP_EVENTS, KeptEvent, as_columns

LARGEST_BATCH = 200
ANSWER_WITHIN_SECONDS = 1.6
"""LINE waits two seconds for our answer; a slower database is told as 503, and LINE sends again."""

log = structlog.get_logger()


class CannotKeep(Exception):
    """The events are not on disk; the sender should come again."""


class EventKeeper:
    """Keeps events durably; safe to call from many threads."""

    def __init__(self, engine: Engine, on_kept: Callable[[], None]) -> None:
        """`on_kept` is called after each commit, to wake whoever works the events."""
        self._engine = engine
        self._on_kept = on_kept
        self._asked: queue.SimpleQueue[tuple[Sequence[KeptEvent], Future[None]]] = (
            queue.SimpleQueue()
        )
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None

    def keep(self, events: Sequence[KeptEvent]) -> None:
        """Return when all `events` are on disk, each once. Raises CannotKeep."""
        if self._thread is None:
            self._begin()
        kept: Future[None] = Future()
        self._asked.put((events, kept))
        try:
            kept.result(ANSWER_WITHIN_SECONDS)
        except (DBAPIError, PoolTimeoutError, TimeoutError) as error:
            raise CannotKeep from error

    def _begin(self) -> None:
        """Start the thread at the first call: after the server has forked its workers."""
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            batch = [self._asked.get()]
            while len(batch) < LARGEST_BATCH:
                try:
                    batch.append(self._asked.get_nowait())
                except queue.Empty:
                    break
            self._keep_batch(batch)

    def _keep_batch(self, batch: list[tuple[Sequence[KeptEvent], Future[None]]]) -> None:
        try:
            self._write(as_columns(event for events, _ in batch for event in events))
            self._on_kept()
        except Exception as error:  # The thread serves every request: it must outlive any error.
            log.warning("events_not_kept", batch=len(batch), error=type(error).__name__)
            for _, kept in batch:
                kept.set_exception(error)
            return
        for _, kept in batch:
            kept.set_result(None)

    def _write(self, columns: tuple[list[object], ...]) -> None:
        """Write once more on a fresh connection where the old one was lost: the keys are unique."""
        try:
            self._write_once(columns)
        except DBAPIError as error:
            self._drop_connection()
            if not error.connection_invalidated:
                raise
            self._write_once(columns)

    def _write_once(self, columns: tuple[list[object], ...]) -> None:
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(
                isolation_level="AUTOCOMMIT"
            )
        self._connection.exec_driver_sql(KEEP_EVENTS, columns)

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

"""Keep webhook events, many requests in one commit.

Each request waits until its own events are on disk, but requests that come at the same time share
a statement and a commit: the database's cost per event falls as the load grows. One thread a
process; it holds one connection in autocommit, so a batch is one round trip.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from models.line_event import KEEP_EVENTS, KeptEvent, as_columns

LARGEST_BATCH = 200
GATHER_SECONDS = 0.001
"""After a batch of several, the next waits so long for company: under load half the commits."""
ANSWER_WITHIN_SECONDS = 1.6
"""LINE waits two seconds for our answer; a slower database is told as 503, and LINE sends again."""

log = structlog.get_logger()


class CannotKeep(Exception):
    """The events are not on disk; the sender should come again."""


class _Asked:
    """One request's events. A bare lock wakes its thread: a Future costs 20 us more."""

    __slots__ = ("_settled", "error", "events")

    def __init__(self, events: Sequence[KeptEvent]) -> None:
        self.events = events
        self.error: Exception | None = None
        self._settled = threading.Lock()
        self._settled.acquire()

    def settle(self, error: Exception | None = None) -> None:
        """Tell the waiting thread how it ended."""
        self.error = error
        self._settled.release()

    def wait(self) -> None:
        """Wait for the end. Raises what stood in the way, or TimeoutError."""
        if not self._settled.acquire(timeout=ANSWER_WITHIN_SECONDS):
            raise TimeoutError
        if self.error is not None:
            raise self.error


class EventKeeper:
    """Keeps events durably; safe to call from many threads."""

    def __init__(self, engine: Engine, on_kept: Callable[[], None]) -> None:
        """`on_kept` is called after each commit, to wake whoever works the events."""
        self._engine = engine
        self._on_kept = on_kept
        self._asked: queue.SimpleQueue[_Asked] = queue.SimpleQueue()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None

    def keep(self, events: Sequence[KeptEvent]) -> None:
        """Return when all `events` are on disk, each once. Raises CannotKeep."""
        if self._thread is None:
            self._begin()
        asked = _Asked(events)
        self._asked.put(asked)
        try:
            asked.wait()
        except (DBAPIError, PoolTimeoutError, TimeoutError) as error:
            raise CannotKeep from error

    def _begin(self) -> None:
        """Start the thread at the first call: after the server has forked its workers."""
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        is_busy = False
        while True:
            batch = [self._asked.get()]
            if is_busy:
                time.sleep(GATHER_SECONDS)
            while len(batch) < LARGEST_BATCH:
                try:
                    batch.append(self._asked.get_nowait())
                except queue.Empty:
                    break
            is_busy = len(batch) > 1
            self._keep_batch(batch)

    def _keep_batch(self, batch: list[_Asked]) -> None:
        try:
            self._write(as_columns(event for asked in batch for event in asked.events))
            self._on_kept()
        except Exception as error:  # The thread serves every request: it must outlive any error.
            log.warning("events_not_kept", batch=len(batch), error=type(error).__name__)
            for asked in batch:
                asked.settle(error)
            return
        for asked in batch:
            asked.settle()

    def _write(self, columns: tuple[str]) -> None:
        """Write once more on a fresh connection where the old one was lost: the keys are unique."""
        try:
            self._write_once(columns)
        except DBAPIError as error:
            self._drop_connection()
            if not error.connection_invalidated:
                raise
            self._write_once(columns)

    def _write_once(self, columns: tuple[str]) -> None:
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

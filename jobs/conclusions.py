"""Writing down what calls to LINE brought: those that end together, in one transaction."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from jobs.context import JobContext
from jobs.delivery import Attempt, Parcel, conclude

LARGEST_BATCH = 100


@dataclass(frozen=True)
class _Asked:
    parcel: Parcel
    attempt: Attempt
    written: "asyncio.Future[str]"

    def tell(self, result: str | Exception) -> None:
        """Let the caller go on, unless they were cancelled meanwhile."""
        if self.written.done():
            return
        if isinstance(result, Exception):
            self.written.set_exception(result)
        else:
            self.written.set_result(result)


class Conclusions:
    """Concludes deliveries of one event loop; each caller waits until its own is on disk.

    While one transaction is under way the next ones gather, so a rush costs few commits.
    """

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._waiting: list[_Asked] = []
        self._writer: asyncio.Task[None] | None = None

    async def write(self, parcel: Parcel, attempt: Attempt) -> str:
        """Write down what an attempt means for its row; return the word for the log."""
        asked = _Asked(parcel, attempt, asyncio.get_running_loop().create_future())
        self._waiting.append(asked)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write_all())
        return await asked.written

    async def _write_all(self) -> None:
        while self._waiting:
            batch = self._waiting[:LARGEST_BATCH]
            del self._waiting[:LARGEST_BATCH]
            try:
                results = await asyncio.to_thread(self._write_batch, batch)
            except Exception as error:  # Every caller of the batch learns of it, and no other one.
                for asked in batch:
                    asked.tell(error)
            else:
                for asked, result in zip(batch, results, strict=True):
                    asked.tell(result)
        self._writer = None

    def _write_batch(self, batch: Sequence[_Asked]) -> list[str]:
        now = self._context.clock()
        with self._context.sessions.begin() as session:
            results = [conclude(session, asked.parcel, asked.attempt, now) for asked in batch]
            owes_more = session.info.pop("owes", False)
        if owes_more:
            self._context.ring("deliver_outbox")
        return results

"""Writing down what calls to LINE brought: those that end together, in one transaction."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from jobs.context import JobContext
from jobs.delivery import Attempt, Parcel, conclude, is_out_of_quota
from models import quota
from models.base import take_woken

LARGEST_BATCH = 100
USED = {"accepted": 1, "unknown": 1, "refused": 0}
"""How many messages of the quota a push took, by its end: what LINE may have taken is used."""


@dataclass(frozen=True)
class _Asked:
    parcel: Parcel
    attempt: Attempt
    written: "asyncio.Future[str]"

    @property
    def is_push(self) -> bool:
        """Tell whether it was a push, which takes a message of the quota."""
        return self.attempt.via == "push"

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
            is_gone = _settle_quota(session, batch, results, now)
            woken = take_woken(session)
        for task in woken:
            self._context.ring(task)
        if is_gone:
            self._context.ring("reconcile_quota")
        return results


def _settle_quota(
    session: Session, batch: Sequence[_Asked], results: Sequence[str], now: datetime
) -> bool:
    """Note what the pushes used of the month; tell whether LINE said that it is used up.

    The month stays locked until the transaction ends, so this comes last.
    """
    pushed = [
        (asked, result) for asked, result in zip(batch, results, strict=True) if asked.is_push
    ]
    used = {str(asked.parcel.owed.id): USED[result] for asked, result in pushed if result in USED}
    if used:
        quota.settle_use(session, used, now)
    is_gone = any(is_out_of_quota(asked.attempt.outcome) for asked, _ in pushed)
    if is_gone:
        quota.note_quota_gone(session, now)
    return is_gone

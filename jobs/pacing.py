"""Pacing: calls to one of LINE's endpoints wait for the places that this process took for them."""

import asyncio
import time

from jobs.context import JobContext
from models.line_pace import take

LATE_SECONDS = 1.0
"""A place that is over for so long is void: LINE would count the call among later ones."""
AGAIN = 50
"""So many places are taken anew at once."""


class Pacer:
    """Places for so many calls, in their order; they are taken when the first call asks."""

    def __init__(self, context: JobContext, endpoint: str, calls: int) -> None:
        self._context, self._endpoint = context, endpoint
        self._calls = calls
        self._places = 0
        self._next_at = 0.0
        self._spacing = 0.0
        self._taking = asyncio.Lock()

    async def wait(self) -> None:
        """Return when the next call may be made."""
        async with self._taking:
            if not self._places:
                await self._take(self._calls)
            elif self._next_at < time.monotonic() - LATE_SECONDS:
                await self._take(min(self._places, AGAIN))
            at, self._next_at = self._next_at, self._next_at + self._spacing
            self._places -= 1
        ahead = at - time.monotonic()
        if ahead > 0:
            await asyncio.sleep(ahead)

    async def _take(self, calls: int) -> None:
        turn = await asyncio.to_thread(self._ask, calls)
        self._next_at = time.monotonic() + turn[0]
        self._spacing = turn[1]
        self._places = calls

    def _ask(self, calls: int) -> tuple[float, float]:
        with self._context.sessions.begin() as session:
            return take(session, self._endpoint, calls)

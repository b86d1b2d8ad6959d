"""The crew: who is sending campaigns in this process, beside the queue's jobs.

A run takes minutes, which no job of the queue may. So a job only sends the crew out, which works
until nothing of any run is due; one crew a process is enough, for it makes many calls at once.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot.content import Drawing

FAREWELL_SECONDS = 12.0
"""A call takes ten at most; then its lease lets another worker make it."""

log = structlog.get_logger()


class Crew:
    """The crew of one process; touched by its event loop only."""

    def __init__(self) -> None:
        self.is_closing = False
        self.drawings: dict[tuple[int, str, str], Drawing] = {}
        """What was made ready to be drawn, by run, variant and language."""
        self._is_asked_again = False
        self._task: asyncio.Task[None] | None = None

    def send_out(self, errand: Callable[[], Awaitable[None]]) -> None:
        """Let the crew do its errand; where it is out already, let it look once more."""
        if self.is_closing:
            return
        self._is_asked_again = True
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(errand))

    async def close(self) -> None:
        """Let calls under way end and write down what they brought; begin no more."""
        self.is_closing = True
        if self._task is not None:
            _, late = await asyncio.wait({self._task}, timeout=FAREWELL_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _run(self, errand: Callable[[], Awaitable[None]]) -> None:
        while self._is_asked_again and not self.is_closing:
            self._is_asked_again = False
            try:
                await errand()
            except Exception as error:  # The loop's edge: leases and the sweep let it go on.
                log.exception("crew_lost", error=type(error).__name__)

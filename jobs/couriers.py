"""Couriers: who is bringing events to which endpoint in this process, beside the queue's jobs.

A slow receiver would hold a job of the queue for minutes, and with a few of them all jobs. So a
job only sends couriers out. Each works for one endpoint alone: nobody waits for another's.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from jobs.posting import Postman

EACH = 4
"""So many couriers are on the way for one endpoint at once."""
FAREWELL_SECONDS = 12.0
"""A call takes ten at most; then its lease lets another worker make it."""

log = structlog.get_logger()

Errand = Callable[[Postman], Awaitable[None]]


class Couriers:
    """The couriers of one process; touched by its event loop only."""

    def __init__(self) -> None:
        self.has_listeners = False
        """Whether anybody listened when we last looked, so that nobody is woken in vain."""
        self.is_closing = False
        self._postman: Postman | None = None
        self._on_the_way: dict[int, set[asyncio.Task[None]]] = {}

    def send_out(self, endpoint_id: int, errand: Errand, *, allow_private: bool) -> int:
        """Let as many couriers as may be work for an endpoint; return how many are new."""
        if self.is_closing:
            return 0
        if self._postman is None:
            self._postman = Postman(allow_private=allow_private)
        busy = self._on_the_way.setdefault(endpoint_id, set())
        missing = EACH - len(busy)
        for _ in range(missing):
            task = asyncio.create_task(_run(errand, self._postman, endpoint_id))
            busy.add(task)
            task.add_done_callback(busy.discard)
        return missing

    async def close(self) -> None:
        """Let calls under way end and write down what they brought; begin no more."""
        self.is_closing = True
        tasks = [task for busy in self._on_the_way.values() for task in busy]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=FAREWELL_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._postman is not None:
            await self._postman.close()


async def _run(errand: Errand, postman: Postman, endpoint_id: int) -> None:
    try:
        await errand(postman)
    except Exception as error:  # The loop's edge: its lease lets another courier try again.
        log.exception("courier_lost", endpoint=endpoint_id, error=type(error).__name__)

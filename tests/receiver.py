"""Somebody else's server, which webhooks go to; and the check that the page shows its makers."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aiohttp import web

PAGE = Path(__file__).parents[1] / "docs" / "webhooks.md"
PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Got:
    """One call the receiver got."""

    path: str
    headers: dict[str, str]
    body: str
    at: float

    @property
    def event(self) -> dict[str, Any]:
        """The event it brought."""
        event: dict[str, Any] = json.loads(self.body)
        return event

    @property
    def number(self) -> str:
        """The member it tells of."""
        return str(self.event["data"]["member_number"])


@dataclass
class Receiver:
    """Remembers what came, and answers as a test wishes."""

    got: list[Got] = field(default_factory=list)
    answers: dict[str, list[Any]] = field(default_factory=dict)
    """By path: statuses, seconds to wait first, or handlers, one a call; the last one stays."""
    port: int = 0
    most_at_once: int = 0
    _at_once: int = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def paths(self, path: str) -> list[Got]:
        """Return what came to one path."""
        return [got for got in self.got if got.path == path]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one call."""
        body = (await request.read()).decode()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append(Got(request.path, headers, body, time.monotonic()))
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            return await self._as_told(request)
        finally:
            self._at_once -= 1

    async def _as_told(self, request: web.Request) -> web.StreamResponse:
        script = self.answers.get(request.path, [200])
        told = script.pop(0) if len(script) > 1 else script[0]
        if callable(told):
            answer: web.StreamResponse = await told(request)
            return answer
        if isinstance(told, float):
            await asyncio.sleep(told)
            told = 200
        return web.Response(status=told, text="thanks")


@contextmanager
def listening() -> Iterator[Receiver]:
    """Yield a receiver that listens on this machine, in a thread of its own."""
    made, ready = Receiver(), Future[asyncio.Event]()

    async def serve() -> None:
        application = web.Application()
        application.router.add_route("*", "/{tail:.*}", made.answer)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.port = runner.addresses[0][1]
        ended = asyncio.Event()
        ready.set_result(ended)
        await ended.wait()
        await runner.cleanup()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    ended = ready.result(PATIENCE_SECONDS)
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(PATIENCE_SECONDS)
        loop.close()


def documented_verify(
    now: Callable[[], float] = time.time,
) -> Callable[[str, dict[str, str], bytes], Any]:
    """Return the function that the page for receivers shows, its clock being `now`."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    shown: dict[str, Any] = {}
    exec(code, shown)  # noqa: S102  # The very words that receivers copy.
    shown["time"] = SimpleNamespace(time=now)
    verify: Callable[[str, dict[str, str], bytes], Any] = shown["verify"]
    return verify

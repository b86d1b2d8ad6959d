"""The server: the application, and a background thread that runs it for tests and demos."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from .gate import line_gate
from .phone import misuse_answers
from .routes import line_routes, phone_routes
from .validation import load_models
from .world import WORLD, Channel, World

MAX_BODY_BYTES = 64 * 1024 * 1024  # For seeds and pictures; LINE's calls are held to 2 MB.
START_SECONDS = 120
STOP_SECONDS = 60
SHUTDOWN_SECONDS = 0.5
BACKLOG = 4_096


def build_app(world: World, seed: dict[str, Any] | None = None) -> web.Application:
    """Return the application that plays LINE around `world`."""
    app = web.Application(middlewares=[misuse_answers, line_gate], client_max_size=MAX_BODY_BYTES)
    app[WORLD] = world

    async def live(_: web.Application) -> AsyncIterator[None]:
        load_models()
        world.webhooks.open()
        world.open(seed)
        yield
        await world.webhooks.close()
        world.storage.close()

    app.cleanup_ctx.append(live)
    app.add_routes(phone_routes())
    app.add_routes(line_routes())
    return app


async def serve(
    world: World, *, host: str, port: int, seed: dict[str, Any] | None
) -> web.AppRunner:
    """Start serving and return the runner; `runner.addresses` tells where."""
    runner = web.AppRunner(
        build_app(world, seed), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS
    )
    await runner.setup()
    await web.TCPSite(runner, host, port, backlog=BACKLOG).start()
    return runner


class SimulatorServer:
    """LINE on a port of this machine, in a thread of its own.

    Use it as a context manager, or `start` and `stop` it. Port 0 takes a free one; `url` is the
    address for LINE's API and for the phone page alike. `clock` gives the time in milliseconds.
    """

    def __init__(
        self,
        channel: Channel,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        state_path: Path | None = None,
        seed: dict[str, Any] | None = None,
        rate_limits: bool = True,
        clock: Callable[[], int] | None = None,
    ) -> None:
        also: dict[str, Any] = {} if clock is None else {"clock": clock}
        self.world = World(channel, state_path=state_path, rate_limits=rate_limits, **also)
        self.url = ""
        self._host, self._port, self._seed = host, port, seed
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)
        self._started = threading.Event()
        self._stopping: asyncio.Event | None = None
        self._failure: BaseException | None = None

    def start(self) -> Self:
        """Start the thread, and return once the port answers."""
        self._thread.start()
        if not self._started.wait(START_SECONDS):
            raise TimeoutError("the simulator did not start in time")
        if self._failure is not None:
            raise RuntimeError("the simulator did not start") from self._failure
        return self

    def stop(self) -> None:
        """Stop serving, write what is to be kept, and end the thread."""
        if self._stopping is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(STOP_SECONDS)

    def set_webhook_url(self, url: str | None) -> None:
        """Send webhooks to `url` from now on."""
        self.world.webhooks.url = url

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve())
        except Exception as failure:
            self._failure = failure
            self._started.set()
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        self._stopping = asyncio.Event()
        runner = await serve(self.world, host=self._host, port=self._port, seed=self._seed)
        port = runner.addresses[0][1]
        self.url = f"http://{self._host}:{port}"
        self._started.set()
        await self._stopping.wait()
        await runner.cleanup()

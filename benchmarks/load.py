"""The load generator: HTTP/1.1 over kept connections, in a process of its own.

`measure_load` starts this module as a program, hands it a `Load` as JSON and gets a `LoadResult`
back, so that the measured server shares no interpreter with it. Three ways to load a server:

- `closed`: every connection sends its next request when the last one was answered: capacity.
- `paced`: requests start at a fixed rate whatever the server does, and one that has to wait for
  a connection has been waiting since its moment: latency, without hiding the slow ones.
- `burst`: every request on its own connection, all at once; each closes with its answer, for a
  web worker serves a limited number of open connections.
"""

import asyncio
import gc
import json
import re
import secrets
import statistics
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.figure import BenchmarkError
from benchmarks.sale_request import sale_requests
from benchmarks.webhook_request import tap_requests, text_requests

ROOT = Path(__file__).parents[1]
FASTEST_PER_SECOND = 15_000
"""More than a Python web server answers here: so many requests are built for each second."""
FASTEST_SALES_PER_SECOND = 5_000
OK, CREATED = 200, 201
PEOPLE = 5_000
TICK_SECONDS = 0.001
DRAIN_SECONDS = 20
NO_ANSWER = 0
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Load:
    """What to send: text messages; taps where it is a `burst` of `requests`; sales with `keys`."""

    way: str
    port: int
    connections: int
    seconds: float = 0.0
    rate: float = 0.0
    requests: int = 0
    keys: Sequence[str] = ()
    """The API keys of the tills that sell, in turn."""
    people: int = PEOPLE

    @property
    def good(self) -> int:
        """Return the status of an answer that did what was asked."""
        return CREATED if self.keys else OK


@dataclass(frozen=True)
class LoadResult:
    """What came of it. Times of day are those of `time.monotonic`, one clock for a machine."""

    acknowledged: int
    seconds: float
    began_at: float
    refused: dict[str, int]
    """How many answers other than the good one by status; "0" where the connection broke."""
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Return the acknowledged requests a second."""
        return self.acknowledged / self.seconds


def measure_load(load: Load) -> LoadResult:
    """Run the load in a process of its own. Raises BenchmarkError unless all were answered well."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", json.dumps(asdict(load))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchmarkError(f"the load generator failed: {done.stderr.strip().splitlines()[-1:]}")
    result = LoadResult(**json.loads(done.stdout))
    if result.refused:
        raise BenchmarkError(f"not every request was answered {load.good}: {result.refused}")
    return result


class Connection(asyncio.Protocol):
    """One kept connection with one request under way at most."""

    def __init__(self, answered: Callable[["Connection", int, float], None]) -> None:
        self._answered = answered
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._since = 0.0
        self.is_busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the request under way as unanswered."""
        self._transport = None
        if self.is_busy:
            self._end(NO_ANSWER)

    def send(self, request: bytes, since: float) -> None:
        """Send a request whose waiting began at `since`."""
        self._since, self.is_busy = since, True
        if self._transport is None:
            self._end(NO_ANSWER)
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Notice the end of an answer: its header, and as many bytes as that announces."""
        self._received += data
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0:
            return
        length = LENGTH.search(self._received, 0, head_end)
        if len(self._received) - head_end - 4 < (int(length[1]) if length else 0):
            return
        status = int(self._received[9:12])
        self._received = b""
        self._end(status)

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _end(self, status: int) -> None:
        self.is_busy = False
        self._answered(self, status, self._since)


class Generator:
    """Sends prebuilt requests over its connections and notes when each was answered."""

    def __init__(self, load: Load, requests: list[bytes]) -> None:
        self._load = load
        self._requests: Iterator[bytes] = iter(requests)
        self._idle: deque[Connection] = deque()
        self._late: deque[float] = deque()
        self._connections: list[Connection] = []
        self._until = float("inf")
        self._under_way = 0
        self._finished = asyncio.Event()
        self._waits: list[float] = []
        self._statuses: Counter[int] = Counter()

    async def run(self) -> LoadResult:
        """Load the server and return what came of it."""
        loop = asyncio.get_running_loop()
        for _ in range(self._load.connections):
            _, connection = await loop.create_connection(
                lambda: Connection(self._answered), "127.0.0.1", self._load.port
            )
            self._connections.append(connection)
        began_at = time.monotonic()
        await {"closed": self._closed, "paced": self._paced, "burst": self._burst}[self._load.way]()
        seconds = self._load.seconds or time.monotonic() - began_at
        for connection in self._connections:
            connection.close()
        return self._result(began_at, seconds)

    async def _closed(self) -> None:
        self._until = time.monotonic() + self._load.seconds
        for connection in self._connections:
            self._begin(connection, time.monotonic())
        await self._drain()

    async def _paced(self) -> None:
        self._idle.extend(self._connections)
        began_at = time.monotonic()
        for number in range(int(self._load.rate * self._load.seconds)):
            moment = began_at + number / self._load.rate
            while time.monotonic() < moment:
                await asyncio.sleep(TICK_SECONDS)
            if self._idle:
                self._begin(self._idle.popleft(), moment)
            else:
                self._late.append(moment)
        await self._drain()

    async def _burst(self) -> None:
        began_at = time.monotonic()
        for connection in self._connections:
            self._begin(connection, began_at)
        await self._drain()

    def _begin(self, connection: Connection, since: float) -> None:
        self._under_way += 1
        connection.send(next(self._requests), since)

    def _answered(self, connection: Connection, status: int, since: float) -> None:
        now = time.monotonic()
        self._under_way -= 1
        if now <= self._until or status != self._load.good:
            self._waits.append(now - since)
            self._statuses[status] += 1
        if self._load.way == "closed" and now < self._until and status != NO_ANSWER:
            self._begin(connection, now)
        elif self._late:
            self._begin(connection, self._late.popleft())
        elif self._load.way == "burst":
            connection.close()
        else:
            self._idle.append(connection)
        if not self._under_way:
            self._finished.set()

    async def _drain(self) -> None:
        """Wait for the last answers; those that never come count as unanswered."""
        while self._under_way:
            self._finished.clear()
            try:
                await asyncio.wait_for(
                    self._finished.wait(), max(self._load.seconds, 0) + DRAIN_SECONDS
                )
            except TimeoutError:
                self._statuses[NO_ANSWER] += self._under_way
                return

    def _result(self, began_at: float, seconds: float) -> LoadResult:
        good = self._load.good
        refused = {str(status): n for status, n in self._statuses.items() if status != good}
        percents = statistics.quantiles(self._waits, n=100) if len(self._waits) > 1 else [0.0] * 99
        return LoadResult(
            acknowledged=self._statuses[good],
            seconds=seconds,
            began_at=began_at,
            refused=refused,
            p50_ms=percents[49] * 1_000,
            p99_ms=percents[98] * 1_000,
        )


def build_requests(load: Load) -> list[bytes]:
    """Build as many requests as the load can use, no two with the same event."""
    run = secrets.token_hex(8)
    if load.way == "burst":
        return tap_requests(run, load.requests)
    fastest = FASTEST_SALES_PER_SECOND if load.keys else FASTEST_PER_SECOND
    rate = load.rate if load.way == "paced" else fastest
    count = int(rate * load.seconds) + load.connections
    if load.keys:
        return sale_requests(load.keys, run, count, people=load.people)
    return text_requests(run, count, people=load.people)


def main(load: Load) -> None:
    """Run one load and print its result as JSON."""
    requests = build_requests(load)
    gc.freeze()
    gc.disable()  # Our own pauses would count as the server's.
    print(json.dumps(asdict(asyncio.run(_run(load, requests)))))


async def _run(load: Load, requests: list[bytes]) -> LoadResult:
    return await Generator(load, requests).run()


if __name__ == "__main__":
    main(Load(**json.loads(sys.argv[1])))

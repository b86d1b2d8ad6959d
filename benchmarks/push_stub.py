"""LINE's side of sending at its cheapest: takes every push and multicast after a fixed time.

A raw asyncio protocol, because every millisecond it costs is one that the worker lacks. It checks
nothing and counts everything: calls, people, and the calls above LINE's limits (token buckets).
`python -m benchmarks.push_stub PORT DELAY_SECONDS`.
"""

import asyncio
import json
import sys

BACKLOG = 4_096
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"
ID_MARK = b'"U'
LIMITS = {b"/v2/bot/message/multicast": 200, b"/v2/bot/message/push": 2_000}
"""Calls a second (LINE, Rate limits, read 2026-08)."""
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    b"x-line-request-id: 3f1c7ad2-0000-4000-8000-000000000000\r\n\r\n{}"
)


class Counts:
    """What was taken, and how many calls LINE would have refused for their rate."""

    def __init__(self) -> None:
        self.calls = self.people = self.over = 0
        self._buckets = {mark: (float(limit), 0.0) for mark, limit in LIMITS.items()}

    def note(self, mark: bytes, people: int, at: float) -> None:
        """Count one call to an endpoint."""
        self.calls += 1
        self.people += people
        tokens, filled_at = self._buckets[mark]
        tokens = min(LIMITS[mark], tokens + (at - filled_at) * LIMITS[mark])
        self.over += tokens < 1
        self._buckets[mark] = (max(tokens - 1, 0.0), at)


class Line(asyncio.Protocol):
    """One connection: requests one after the other, each with its length."""

    def __init__(self, counts: Counts, delay_seconds: float) -> None:
        self._counts, self._delay = counts, delay_seconds
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take what came; answer each whole request when its time has come."""
        self._read += data
        while (request := self._next()) is not None:
            head, body = request
            asked = head.split(b"\r\n", 1)[0]
            mark = next((mark for mark in LIMITS if mark in asked), None)
            if mark is not None:
                self._counts.note(mark, body.count(ID_MARK), self._loop.time())
                self._loop.call_later(self._delay, self._answer, ANSWER)
            else:
                self._answer(self._told())

    def _next(self) -> tuple[bytes, bytes] | None:
        head, mark, rest = self._read.partition(HEAD_END)
        if not mark:
            return None
        place = head.lower().find(LENGTH)
        length = int(head[place + len(LENGTH) :].split(b"\r\n", 1)[0]) if place >= 0 else 0
        if len(rest) < length:
            return None
        self._read = rest[length:]
        return head, rest[:length]

    def _told(self) -> bytes:
        counts = self._counts
        told = {"calls": counts.calls, "people": counts.people, "over": counts.over}
        body = json.dumps(told).encode()
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)

    def _answer(self, answer: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(answer)


async def serve(port: int, delay_seconds: float) -> None:
    """Serve until stopped."""
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Line(counts, delay_seconds), "127.0.0.1", port, backlog=BACKLOG
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))

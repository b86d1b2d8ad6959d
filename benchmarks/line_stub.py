"""LINE's side at its plainest: takes every reply after a fixed time and remembers the tokens.

The simulator checks what a real LINE would refuse; here only time counts, so this one checks
nothing. `python -m benchmarks.line_stub PORT DELAY_SECONDS`.
"""

import asyncio
import sys
import time
from collections import Counter

from aiohttp import web

BACKLOG = 4_096


class Stub:
    """Takes replies; tells how many, for how many tokens, and when the last one was answered."""

    def __init__(self, delay_seconds: float) -> None:
        self._delay_seconds = delay_seconds
        self._tokens: Counter[str] = Counter()
        self._cards = 0
        self._last_at = 0.0

    async def reply(self, request: web.Request) -> web.Response:
        """Take a reply."""
        said = await request.json()
        await asyncio.sleep(self._delay_seconds)
        self._tokens[said["replyToken"]] += 1
        self._cards += said["messages"][0]["type"] == "flex"
        self._last_at = time.monotonic()
        return web.json_response({"sentMessages": [{"id": "1", "quoteToken": "q"}]})

    async def seen(self, _request: web.Request) -> web.Response:
        """Tell what was taken since the last `forget`."""
        return web.json_response(
            {
                "replies": self._tokens.total(),
                "tokens": len(self._tokens),
                "cards": self._cards,
                "last_at": self._last_at,
            }
        )

    async def forget(self, _request: web.Request) -> web.Response:
        """Begin to count anew."""
        self._tokens.clear()
        self._cards = 0
        return web.json_response({})


def build_app(delay_seconds: float) -> web.Application:
    """Return the stub as an application."""
    stub = Stub(delay_seconds)
    app = web.Application()
    app.router.add_post("/v2/bot/message/reply", stub.reply)
    app.router.add_get("/seen", stub.seen)
    app.router.add_post("/forget", stub.forget)
    return app


def main(arguments: list[str]) -> None:
    """Serve until stopped."""
    port, delay_seconds = int(arguments[0]), float(arguments[1])
    web.run_app(
        build_app(delay_seconds),
        host="127.0.0.1",
        port=port,
        backlog=BACKLOG,
        access_log=None,
        print=None,
    )


if __name__ == "__main__":
    main(sys.argv[1:])

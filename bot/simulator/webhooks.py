"""Webhooks: signed, one person's events in order, different people at once.

Source: LINE, "Webhooks" and "Webhook Event Objects", read 2026-11.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import Any

import aiohttp

TIMEOUT_SECONDS = 2.0
MAX_REMEMBERED_EVENTS = 10_000
MAX_REDELIVERIES = 100
REDELIVERY_SECONDS = 1.0
TAKEN = 200

Event = dict[str, Any]


def sign(body: bytes, channel_secret: str) -> str:
    """Return the x-line-signature of these bytes."""
    digest = hmac.new(channel_secret.encode(), body, hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def write_body(destination: str, events: list[Event]) -> bytes:
    """Return the bytes LINE would send: compact JSON in UTF-8."""
    body = {"destination": destination, "events": events}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the bot's server answered: its status (None for none in time), and how long it took."""

    status: int | None
    ms: int
    reason: str = ""

    def shown(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {"status": self.status, "ms": self.ms}


class WebhookSender:
    """Posts events to the bot's server, and remembers the last ones for redelivery."""

    def __init__(self, channel_secret: str, url: str | None) -> None:
        self.url = url
        self.redelivers = False
        """Whether what was not taken is sent again, as a channel may choose."""
        self._channel_secret = channel_secret
        self._session: aiohttp.ClientSession | None = None
        self._lanes: dict[str, deque[tuple[asyncio.Future[Outcome], bytes]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sent: OrderedDict[str, tuple[str, Event]] = OrderedDict()

    def open(self) -> None:
        """Make the pool of connections; call inside the running loop."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
        )

    async def close(self) -> None:
        """Stop sending and close all connections."""
        self.redelivers = False
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def remember(self, destination: str, event: Event) -> None:
        """Keep an event, so that it can be delivered again."""
        if len(self._sent) >= MAX_REMEMBERED_EVENTS:
            self._sent.popitem(last=False)
        self._sent[event["webhookEventId"]] = (destination, event)

    def find_sent(self, event_id: object) -> tuple[str, Event] | None:
        """Return where a remembered event went, and the event."""
        return self._sent.get(event_id) if isinstance(event_id, str) else None

    def enqueue(self, lane_name: str, body: bytes) -> asyncio.Future[Outcome]:
        """Send `body` after all earlier bodies of this lane; the future tells how it went."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        lane = self._lanes.get(lane_name)
        if lane is None:
            lane = self._lanes[lane_name] = deque()
            task = asyncio.create_task(self._drain(lane_name, lane))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        lane.append((future, body))
        return future

    async def post(self, body: bytes, signature: str | None = None) -> Outcome:
        """Send `body` now. `signature` replaces the right one; an empty one is left out."""
        if self.url is None or self._session is None:
            return Outcome(None, 0, "no webhook url")
        given = sign(body, self._channel_secret) if signature is None else signature
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "LineBotWebhook/2.0",
        }
        if given:
            headers["x-line-signature"] = given
        started = time.monotonic()
        try:
            async with self._session.post(self.url, data=body, headers=headers) as response:
                await response.read()
                return Outcome(response.status, _ms_since(started), response.reason or "")
        except TimeoutError:
            return Outcome(None, _ms_since(started), "request_timeout")
        except (aiohttp.ClientError, OSError) as error:
            return Outcome(None, _ms_since(started), f"could_not_connect: {type(error).__name__}")

    async def _drain(
        self, lane_name: str, lane: deque[tuple[asyncio.Future[Outcome], bytes]]
    ) -> None:
        # The lane got its first body before this task ran, so it is never empty here.
        while lane:
            future, body = lane.popleft()
            outcome = await self.post(body)
            if not future.done():
                future.set_result(outcome)
        del self._lanes[lane_name]


def _ms_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)

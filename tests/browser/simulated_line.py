"""A bot's server that remembers its webhooks, and LINE as the simulator plays it to that bot."""

from __future__ import annotations

import io
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image, ImageDraw

TOKEN = "simulator-token"
WAIT_SECONDS = 60.0

Json = dict[str, Any]


class Refused(Exception):
    """The simulator answered with an error status."""


@dataclass
class Bot:
    """A bot's server that takes every webhook and remembers its events."""

    events: queue.Queue[Json] = field(default_factory=queue.Queue)

    def next_event(self, kind: str) -> Json:
        """Return the next event, which must be of this type."""
        event = self.events.get(timeout=WAIT_SECONDS)
        assert event["type"] == kind
        return event


@dataclass
class Line:
    """LINE as the simulator plays it, and the bot it talks to."""

    url: str
    bot: Bot
    pictures: str

    def call(self, path: str, body: Json | bytes, *, method: str = "POST") -> Json:
        """Call LINE's API, or with /_sim the simulator's own, and return its JSON.

        Raises Refused for any status that is not a success.
        """
        is_picture = isinstance(body, bytes)
        headers = {
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "image/png" if is_picture else "application/json",
        }
        written = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=WAIT_SECONDS)
        with closing(connection):
            connection.request(method, path, None if method == "GET" else written, headers)
            response = connection.getresponse()
            answered = response.read()
        if response.status >= HTTPStatus.BAD_REQUEST:
            raise Refused(response.status, answered)
        answer: Json = json.loads(answered or b"{}")
        return answer

    def new_person(self, *, language: str = "zh-TW", friend: bool = True) -> str:
        """Return the id of somebody new."""
        person = self.call("/_sim/people", {"name": "林雅婷", "language": language})
        if friend:
            self.call("/_sim/act", {"user": person["id"], "act": {"kind": "follow"}})
            self.bot.next_event("follow")
        return str(person["id"])

    def push(self, user: str, *messages: Json) -> None:
        """Send messages to somebody."""
        self.call("/v2/bot/message/push", {"to": user, "messages": list(messages)})

    def reply(self, event: Json, *messages: Json) -> None:
        """Answer an event."""
        body = {"replyToken": event["replyToken"], "messages": list(messages)}
        self.call("/v2/bot/message/reply", body)


def picture(width: int, height: int, colour: str) -> bytes:
    """Return a PNG: a disc on a light ground."""
    image = Image.new("RGB", (width, height), "#f4efe4")
    inset = min(width, height) // 8
    ImageDraw.Draw(image).ellipse((inset, inset, width - inset, height - inset), fill=colour)
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


@contextmanager
def running_bot() -> Iterator[tuple[str, Bot]]:
    """Run a bot's server and yield its address: POST takes webhooks, GET gives a picture."""
    bot = Bot()
    drawn = picture(800, 520, "#2f7a5f")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            for event in body["events"]:
                bot.events.put(event)
            self.answer(b"", "text/plain")

        def do_GET(self) -> None:
            if self.path.startswith("/picture"):
                self.answer(drawn, "image/png")
            else:
                self.answer("門市".encode(), "text/plain; charset=utf-8")

        def answer(self, body: bytes, content_type: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", bot
    server.shutdown()
    server.server_close()
    thread.join()

"""A real simulator on a free port, and a bot's server that remembers its webhooks."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import urllib3

from bot.simulator import Channel, SimulatorServer, webhooks
from tests.conftest import NOON

SECRET = "8c570fa6dd201bb328f1c1eac23a96d8"
TOKEN = "a-long-lived-token"
PATIENCE_SECONDS = 60.0
LINES_PATIENCE_SECONDS = webhooks.TIMEOUT_SECONDS


class Clock:
    """The time in milliseconds: it stands, so that no bucket fills and no day ends unasked."""

    def __init__(self) -> None:
        self.now_ms = int(NOON.timestamp() * 1000)

    def __call__(self) -> int:
        return self.now_ms

    def forward(self, *, seconds: float) -> None:
        self.now_ms += int(seconds * 1000)


@dataclass
class Answer:
    """What the simulator answered."""

    status: int
    json: Any
    headers: Any
    body: bytes = b""


class Line:
    """A caller of the simulator: LINE's API with the token, and the phone's without."""

    def __init__(self, server: SimulatorServer) -> None:
        self.server = server
        self._pool = urllib3.PoolManager(retries=False, timeout=PATIENCE_SECONDS)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        sent = {"Authorization": f"Bearer {TOKEN}", **(headers or {})}
        if body is not None:
            content = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        response = self._pool.request(method, self.server.url + path, body=content, headers=sent)
        is_json = "json" in response.headers.get("Content-Type", "")
        return Answer(
            response.status,
            json.loads(response.data) if is_json else None,
            response.headers,
            response.data,
        )

    def push(self, to: str, *messages: Any, key: str | None = None) -> Answer:
        headers = {"X-Line-Retry-Key": key} if key else None
        body = {"to": to, "messages": list(messages) or [text()]}
        return self.call("POST", "/v2/bot/message/push", body, headers=headers)

    def reply(self, token: str, *messages: Any, headers: dict[str, str] | None = None) -> Answer:
        body = {"replyToken": token, "messages": list(messages) or [text()]}
        return self.call("POST", "/v2/bot/message/reply", body, headers=headers)

    def act(self, user: str, kind: str, **doing: Any) -> Answer:
        return self.call("POST", "/_sim/act", {"user": user, "act": {"kind": kind, **doing}})

    def tap(self, user: str, action: dict[str, Any], **doing: Any) -> Answer:
        return self.act(user, "action", action=action, **doing)

    def chat(self, user: str) -> Any:
        return self.call("GET", f"/_sim/chat?user={user}").json

    def said(self, user: str) -> list[Any]:
        """Return the account's messages in this chat."""
        entries = self.chat(user)["entries"]
        return [entry["message"] for entry in entries if entry["from"] == "account"]

    def faults(self, *rules: dict[str, Any], **switches: Any) -> Answer:
        return self.call("PUT", "/_sim/faults", {"rules": list(rules), **switches})


@dataclass
class Webhook:
    """One request the bot's server got."""

    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def event(self) -> Any:
        return self.json["events"][0]


@dataclass
class BotServer:
    """A bot's server that keeps every webhook, and answers as it is told."""

    url: str = ""
    status: int = 200
    hears: Callable[[Webhook], object] = lambda _: None
    """What it does first with a webhook; until that is done it neither keeps nor answers it."""
    webhooks: list[Webhook] = field(default_factory=list)
    _came: threading.Condition = field(default_factory=threading.Condition)

    def keep(self, webhook: Webhook) -> None:
        """Keep a webhook."""
        with self._came:
            self.webhooks.append(webhook)
            self._came.notify_all()

    def wait_for(self, count: int) -> list[Webhook]:
        """Return the first `count` webhooks, once they are here."""
        with self._came:
            came = self._came.wait_for(lambda: len(self.webhooks) >= count, PATIENCE_SECONDS)
            assert came, f"only {len(self.webhooks)} webhooks came"
            return self.webhooks[:count]


MakePerson = Callable[..., str]
StartLine = Callable[..., Line]


def text(words: str = "hello") -> dict[str, Any]:
    return {"type": "text", "text": words}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def bot_server() -> Iterator[BotServer]:
    bot = BotServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            webhook = Webhook(self.headers, body)
            bot.hears(webhook)
            bot.keep(webhook)
            self.send_response(bot.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    bot.url = f"http://127.0.0.1:{server.server_port}/callback"
    yield bot
    server.shutdown()
    server.server_close()


@pytest.fixture
def start_line(
    clock: Clock, bot_server: BotServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Line]]:
    """Start simulators as a test wants them, and stop them all at its end.

    They wait longer than LINE for the bot's server, which may be slow on a busy machine.
    """
    monkeypatch.setattr(webhooks, "TIMEOUT_SECONDS", PATIENCE_SECONDS)
    started: list[SimulatorServer] = []

    def start(**options: Any) -> Line:
        channel = Channel(SECRET, TOKEN, "1234567890", bot_server.url)
        started.append(SimulatorServer(channel, clock=clock, **options).start())
        return Line(started[-1])

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def line(start_line: Callable[..., Line]) -> Line:
    return start_line()


@pytest.fixture
def make_person(line: Line) -> Callable[..., str]:
    """Make somebody and return the user id; a friend unless told otherwise."""

    def make(*, friend: bool = True, language: str = "zh-TW") -> str:
        user_id = f"U{uuid.uuid4().hex}"
        person = {"id": user_id, "name": "林小晴", "language": language, "friend": friend}
        line.call("POST", "/_sim/seed", {"people": [person]})
        return user_id

    return make

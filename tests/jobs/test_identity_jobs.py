"""Text messages are handed to the gateway outside any transaction; what is over is forgotten."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar
from urllib.parse import parse_qs

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.text_sender import (
    DemoSender,
    Gateway,
    GatewayNotSafe,
    HttpSender,
    OtpSender,
    TextOutcome,
    message,
)
from jobs.deliver_texts import deliver_texts
from jobs.timetable import get_entry
from models.base import Sessions
from models.identity import TextMessage, derive_pepper, owe_text, request_binding, send_code
from models.member_code import derive_signing_key
from tests.conftest import NOON, Clock, Committed
from tests.jobs.conftest import PATIENT

PHONE = "+886912345678"


class FakeSender:
    """Remembers what was sent, and answers as told, then with yes."""

    def __init__(self, *answers: TextOutcome) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self._answers = list(answers)

    async def send(self, phone: str, code: str, language: str) -> TextOutcome:
        self.sent.append((phone, code, language))
        return self._answers.pop(0) if self._answers else TextOutcome("accepted")


@pytest.fixture
def sessions(committed: Committed) -> Sessions:
    with committed.sessions.begin() as session:
        for number in range(3):
            owe_text(
                session,
                f"+88691234567{number}",
                f"00000{number}",
                language="ja",
                useful_until=NOON + timedelta(minutes=5),
                now=NOON,
            )
    return committed.sessions


def deliver(sessions: Sessions, sender: OtpSender, clock: Callable[[], datetime]) -> int:
    return asyncio.run(deliver_texts(sessions, sender, clock))


def states(sessions: Sessions) -> list[str]:
    with sessions() as session:
        return sorted(session.scalars(select(TextMessage.state)))


def test_each_code_is_sent_once(sessions: Sessions, clock: Clock) -> None:
    """U14: queued work, never inside a transaction."""
    sender = FakeSender()
    assert deliver(sessions, sender, clock) == 3
    assert sorted(sender.sent)[0] == ("+886912345670", "000000", "ja")
    assert deliver(sessions, sender, clock) == 0
    assert states(sessions) == ["accepted"] * 3


def test_a_busy_gateway_is_asked_again_and_a_no_is_kept(sessions: Sessions, clock: Clock) -> None:
    """U14: with retry."""
    sender = FakeSender(TextOutcome("try_later", "503"), TextOutcome("refused", "400"))
    deliver(sessions, sender, clock)
    assert states(sessions) == ["accepted", "refused", "waiting"]
    clock.advance(seconds=6)
    assert deliver(sessions, sender, clock) == 1
    assert states(sessions) == ["accepted", "accepted", "refused"]


def test_a_code_that_is_over_is_not_sent(sessions: Sessions, clock: Clock) -> None:
    sender = FakeSender()
    clock.advance(minutes=5)
    assert deliver(sessions, sender, clock) == 0
    assert (sender.sent, states(sessions)) == ([], ["late"] * 3)


class _Answering(BaseHTTPRequestHandler):
    """A gateway that keeps what it was asked, and answers with the status in its path."""

    asked: ClassVar[list[tuple[str, str | None, str]]] = []

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        self.asked.append((self.path, self.headers.get("Authorization"), body))
        self.send_response(int(self.path.split("/")[1].split("?")[0]))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr("bot.text_sender.TIMEOUT", PATIENT)
    server = HTTPServer(("127.0.0.1", 0), _Answering)
    _Answering.asked.clear()
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def call(gateway: Gateway) -> TextOutcome:
    return asyncio.run(HttpSender(gateway).send(PHONE, "012345", "zh-TW"))


def test_a_form_goes_out_with_its_secret_header(gateway: str) -> None:
    """U14: any gateway, by its template."""
    told = Gateway(f"{gateway}/200", header="Authorization: Bearer s3", body="to={phone}&m={text}")
    assert call(told).verdict == "accepted"
    _path, header, body = _Answering.asked[0]
    assert header == "Bearer s3"
    assert parse_qs(body) == {"to": ["0912345678"], "m": [message("012345", "zh-TW")]}


def test_json_and_plain_addresses_work_too(gateway: str) -> None:
    told = Gateway(
        f"{gateway}/200",
        body='{"to": "{phone_e164}", "text": "{text}"}',
        content_type="application/json",
    )
    assert call(told).verdict == "accepted"
    assert json.loads(_Answering.asked[0][2])["to"] == PHONE
    assert call(Gateway(f"{gateway}/200?p={{phone}}", method="GET")).verdict == "accepted"
    assert _Answering.asked[1][0] == "/200?p=0912345678"


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(201, "accepted"), (400, "refused"), (429, "try_later"), (503, "try_later")],
)
def test_answers_are_read(gateway: str, status: int, verdict: str) -> None:
    assert call(Gateway(f"{gateway}/{status}")).verdict == verdict


def test_a_gateway_that_is_away_is_tried_later() -> None:
    assert call(Gateway("http://127.0.0.1:9/")).verdict == "try_later"


def test_codes_travel_by_tls_alone() -> None:
    with pytest.raises(GatewayNotSafe):
        Gateway("http://sms.example/send")


def test_the_demo_writes_a_file(tmp_path: Path) -> None:
    path = tmp_path / "var" / "text-messages.txt"
    asyncio.run(DemoSender(path).send(PHONE, "012345", "zh-TW"))
    assert path.read_text("utf-8").startswith(f"{PHONE} 012345")


def test_what_is_over_is_forgotten_at_night(sessions: Sessions, clock: Clock) -> None:
    """Privacy: the job "forget_identity" leaves no codes, texts or requests behind."""
    pepper = derive_pepper(derive_signing_key("a secret of the tests"))
    with sessions.begin() as session:
        _ask(session, pepper)
    deliver(sessions, FakeSender(), clock)
    job = get_entry("forget_identity").job
    assert job(sessions, now=NOON) == 0
    assert job(sessions, now=NOON + timedelta(days=40)) == 4 + 1 + 1
    assert job(sessions, now=NOON + timedelta(days=40)) == 0


def _ask(session: Session, pepper: bytes) -> None:
    send_code(session, pepper, PHONE, purpose="join", asker="U1", language="zh-TW", now=NOON)
    request_binding(session, "U1", NOON)

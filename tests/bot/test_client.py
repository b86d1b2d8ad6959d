"""The LINE client against the simulator: what each answer, and no answer, means."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from uuid import UUID, uuid4

import aiohttp
import pytest

from bot import Message
from bot.client import ChannelToken, LineClient, Outcome, Profile, Verdict
from bot.simulator import Channel, SimulatorServer

T = TypeVar("T")
SECRET, LONG_LIVED, CHANNEL_ID = "channel secret", "a long-lived token", "1234567890"
TOKEN = ChannelToken(LONG_LIVED, None, SECRET)
STATELESS = ChannelToken(None, CHANNEL_ID, SECRET)
HELLO: list[Message] = [{"type": "text", "text": "你好 👋"}]
PUSH = "/v2/bot/message/push"
SOON = aiohttp.ClientTimeout(total=0.3)
PATIENT = aiohttp.ClientTimeout(total=120)
"""How long a call may take on a busy machine where nothing hangs."""


@pytest.fixture(autouse=True)
def patient_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.client.PROFILE_TIMEOUT", PATIENT)


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorServer]:
    """Yield a simulator that this module's tests share; faults are taken away after each."""
    with SimulatorServer(Channel(SECRET, LONG_LIVED, CHANNEL_ID), rate_limits=False) as server:
        yield server


@pytest.fixture
def line(simulator: SimulatorServer) -> Iterator[SimulatorServer]:
    yield simulator
    simulator.world.faults.change({"rules": []})
    simulator.world.requests.clear()


@pytest.fixture
def person(line: SimulatorServer) -> str:
    user_id = f"U{uuid4().hex}"
    known = {"id": user_id, "name": "小晴", "language": "ja", "friend": True}
    line.world.plant({"people": [known]})
    return user_id


def ask(
    server: SimulatorServer | str,
    question: Callable[[LineClient], Awaitable[T]],
    *,
    token: ChannelToken = TOKEN,
    timeout: aiohttp.ClientTimeout = PATIENT,
) -> T:
    """Ask LINE one thing with a client of its own."""

    async def run() -> T:
        url = server if isinstance(server, str) else server.url
        client = LineClient(url + "/", token, timeout=timeout)
        try:
            return await question(client)
        finally:
            await client.close()

    return asyncio.run(run())


def push(person: str, key: UUID | None = None) -> Callable[[LineClient], Awaitable[Outcome]]:
    return lambda client: client.push(person, HELLO, retry_key=key or uuid4())


def fail(server: SimulatorServer, fault: str, path: str = PUSH, **also: Any) -> None:
    rule = {"match": {"path": path}, "fault": fault, "times": 1} | also
    server.world.faults.change({"rules": [rule]})


def said(server: SimulatorServer, person: str) -> int:
    """Return how many messages of the account stand in a person's chat."""
    entries = server.world.chats.last(person, 100)
    return sum(entry["from"] == "account" for entry in entries)


def a_token(server: SimulatorServer, person: str) -> str:
    token = uuid4().hex
    server.world.reply_tokens.register(token, person, now=server.world.now())
    return token


# --- messages


def test_a_push_arrives_and_is_known_by_lines_request_id(
    line: SimulatorServer, person: str
) -> None:
    outcome = ask(line, push(person))

    assert (outcome.verdict, outcome.status) == (Verdict.ACCEPTED, 200)
    assert outcome.request_id
    assert said(line, person) == 1


def test_a_multicast_reaches_everybody_under_one_key_and_name(line: SimulatorServer) -> None:
    people = [f"U{uuid4().hex}" for _ in range(3)]
    line.world.plant({"people": [{"id": each, "friend": True} for each in people]})
    key = uuid4()

    def cast(client: LineClient) -> Awaitable[Outcome]:
        return client.multicast(people, HELLO, retry_key=key, unit="autumn_7")

    verdicts = [ask(line, cast).verdict for _ in range(2)]
    assert verdicts == [Verdict.ACCEPTED, Verdict.ALREADY_ACCEPTED]
    assert [said(line, each) for each in people] == [1, 1, 1]
    assert "autumn_7" in line.world.units


def test_a_push_under_the_same_key_is_said_once(line: SimulatorServer, person: str) -> None:
    key = uuid4()

    first, again = ask(line, push(person, key)), ask(line, push(person, key))

    assert (first.verdict, again.verdict) == (Verdict.ACCEPTED, Verdict.ALREADY_ACCEPTED)
    assert again.is_success
    assert said(line, person) == 1


def test_a_reply_token_works_once(line: SimulatorServer, person: str) -> None:
    token = a_token(line, person)

    first = ask(line, lambda client: client.reply(token, HELLO))
    again = ask(line, lambda client: client.reply(token, HELLO))

    assert first.verdict is Verdict.ACCEPTED
    assert again.verdict is Verdict.REFUSED
    assert again.is_dead_reply_token
    assert said(line, person) == 1


def test_another_refusal_is_no_dead_reply_token(line: SimulatorServer, person: str) -> None:
    token = a_token(line, person)

    outcome = ask(line, lambda client: client.reply(token, [{"type": "text", "text": ""}]))

    assert outcome.verdict is Verdict.REFUSED
    assert not outcome.is_dead_reply_token
    assert outcome.reason


def test_half_a_character_is_no_reason_to_fail(line: SimulatorServer, person: str) -> None:
    half: list[Message] = [{"type": "text", "text": "\ud83d小晴"}]

    outcome = ask(line, lambda client: client.push(person, half, retry_key=uuid4()))

    assert outcome.verdict is Verdict.ACCEPTED


# --- faults


@pytest.mark.parametrize(
    ("fault", "verdict", "status", "arrived"),
    [
        ("500_before", Verdict.UNKNOWN, 500, 0),
        ("500_after", Verdict.UNKNOWN, 500, 1),
        ("drop_before", Verdict.UNKNOWN, None, 0),
        ("drop_after", Verdict.UNKNOWN, None, 1),
        ("429_rate", Verdict.TRY_LATER, 429, 0),
        ("429_monthly", Verdict.TRY_LATER, 429, 0),
        ("401", Verdict.TRY_LATER, 401, 0),
        ("409", Verdict.ALREADY_ACCEPTED, 409, 0),
    ],
)
def test_a_fault_is_told_and_the_same_key_then_says_it_once(
    line: SimulatorServer, person: str, fault: str, verdict: Verdict, status: int, arrived: int
) -> None:
    key = uuid4()
    fail(line, fault)

    failed = ask(line, push(person, key))
    assert (failed.verdict, failed.status) == (verdict, status)
    assert said(line, person) == arrived
    assert ask(line, push(person, key)).is_success
    assert said(line, person) == 1


def test_a_hanging_line_is_given_up_in_time(line: SimulatorServer, person: str) -> None:
    fail(line, "hang", ms=5_000)

    outcome = ask(line, push(person), timeout=SOON)

    assert (outcome.verdict, outcome.status) == (Verdict.UNKNOWN, None)


def test_line_that_cannot_be_reached_surely_took_nothing(person: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # Bound and not listening: nobody answers there.
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

        assert ask(url, push(person)).verdict is Verdict.TRY_LATER
        assert ask(url, push(person), token=STATELESS).verdict is Verdict.TRY_LATER
        assert ask(url, lambda client: client.meet(person)) == Profile()
        assert ask(url, lambda client: client.meet(person), token=STATELESS) == Profile()


class Odd(BaseHTTPRequestHandler):
    """A server that is not LINE's: a proxy with its own pages, a half-written answer."""

    pages: dict[str, tuple[int, str]]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, page = self.pages[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(page.encode())))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(page.encode())

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def odd_line() -> Iterator[Callable[[dict[str, tuple[int, str]]], str]]:
    handler = type("Handler", (Odd,), {"pages": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()

    def start(pages: dict[str, tuple[int, str]]) -> str:
        handler.pages = pages  # type: ignore[attr-defined]  # Of Odd.
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "page", "verdict", "reason"),
    [
        (502, "<html>Bad gateway</html>", Verdict.UNKNOWN, "no JSON"),
        (400, "[]", Verdict.REFUSED, "no message"),
        (400, '{"message": 7}', Verdict.REFUSED, "no message"),
        (400, '{"message": "' + "x" * 500 + '"}', Verdict.REFUSED, "x" * 200),
        (403, "", Verdict.REFUSED, "no JSON"),
        (200, "not json", Verdict.ACCEPTED, None),
    ],
)
def test_a_status_decides_whatever_the_page_says(
    odd_line: Any, status: int, page: str, verdict: Verdict, reason: str | None
) -> None:
    outcome = ask(odd_line({PUSH: (status, page)}), push("U1"))

    assert (outcome.verdict, outcome.reason) == (verdict, reason)


@pytest.mark.parametrize(
    ("status", "page"),
    [
        (200, "not json"),
        (200, "{}"),
        (200, "[]"),
        (200, '{"access_token": "a"}'),
        (200, "null"),
        (400, "{}"),
        (401, "{}"),
        (500, ""),
    ],
)
def test_without_a_token_nothing_was_sent(odd_line: Any, status: int, page: str) -> None:
    url = odd_line({"/oauth2/v3/token": (status, page), PUSH: (200, "{}")})

    assert ask(url, push("U1"), token=STATELESS).verdict is Verdict.TRY_LATER
    assert ask(url, lambda client: client.meet("U1"), token=STATELESS) == Profile()


# --- tokens


def test_a_stateless_token_is_got_once_for_many_calls(line: SimulatorServer, person: str) -> None:
    async def many(client: LineClient) -> list[Outcome]:
        return await asyncio.gather(*(push(person)(client) for _ in range(20)))

    outcomes = ask(line, many, token=STATELESS)

    assert {outcome.verdict for outcome in outcomes} == {Verdict.ACCEPTED}
    assert _calls(line, "/oauth2/v3/token") == 1


def test_a_refused_stateless_token_is_renewed_once_and_the_call_made_again(
    line: SimulatorServer, person: str
) -> None:
    fail(line, "401")

    outcome = ask(line, push(person), token=STATELESS)

    assert outcome.verdict is Verdict.ACCEPTED
    assert _calls(line, "/oauth2/v3/token") == 2
    assert said(line, person) == 1


def test_a_token_refused_twice_is_tried_later(line: SimulatorServer, person: str) -> None:
    fail(line, "401", times=2)

    assert ask(line, push(person), token=STATELESS).verdict is Verdict.TRY_LATER


def test_a_token_is_renewed_before_it_ends(
    line: SimulatorServer, person: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def twice(client: LineClient) -> None:
        await push(person)(client)
        moment = asyncio.get_running_loop().time
        later = moment() + 900 - 119
        monkeypatch.setattr("bot.client.time.monotonic", lambda: later)
        await push(person)(client)
        monkeypatch.undo()

    ask(line, twice, token=STATELESS)

    assert _calls(line, "/oauth2/v3/token") == 2


def _calls(server: SimulatorServer, path: str) -> int:
    return sum(call["path"] == path for call in server.world.requests)


# --- people and menus


def test_a_profile_tells_language_and_name(line: SimulatorServer, person: str) -> None:
    assert ask(line, lambda client: client.meet(person)) == Profile("ja", "小晴")


@pytest.mark.parametrize("fault", ["500_before", "401", "drop_before", "429_rate"])
def test_who_line_does_not_tell_of_is_nobody_in_particular(
    line: SimulatorServer, person: str, fault: str
) -> None:
    fail(line, fault, path="/v2/bot/profile/", times=2)  # aiohttp asks twice where cut off.

    assert ask(line, lambda client: client.meet(person)) == Profile()
    assert ask(line, lambda client: client.meet("U" + "0" * 32)) == Profile()


def test_a_menu_is_linked_and_taken_away(line: SimulatorServer, person: str) -> None:
    linked = ask(line, lambda client: client.link_rich_menu(person, "richmenu-none"))
    unlinked = ask(line, lambda client: client.unlink_rich_menu(person))

    assert linked.verdict is Verdict.REFUSED
    assert unlinked.verdict is Verdict.ACCEPTED


# --- statistics


def test_what_line_counted_is_asked_by_unit_and_days(line: SimulatorServer) -> None:
    """Insight: figures as LINE tells them; where it does not answer, nothing is known."""
    days = date(2026, 11, 22), date(2026, 11, 23)
    path = "/v2/bot/insight/message/event/aggregation"

    told = ask(line, lambda client: client.unit_statistics("c1r1", *days))
    fail(line, "500_before", path)
    refused = ask(line, lambda client: client.unit_statistics("c1r1", *days))

    assert told is not None
    assert told["overview"]["uniqueClick"] is None
    assert refused is None

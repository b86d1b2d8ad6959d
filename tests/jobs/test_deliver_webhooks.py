"""Webhooks on their way: signed, tried until taken, each endpoint by itself, whatever answers."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy import delete, select

from jobs import couriers, nightly, posting
from jobs.context import JobContext
from jobs.couriers import EACH, Couriers
from jobs.deliver_webhooks import TASK, deliver_webhooks
from jobs.posting import AddressRefused, Postman, PublicResolver
from jobs.presence import among_workers
from models.checkout import Sale, record_purchase
from models.member import Member
from models.shop import find_store
from models.webhook import (
    LEASE,
    POINTS_CHANGED,
    TRUSTED_FAILURES,
    TRY_FOR,
    Claim,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
    add_endpoint,
    feed,
    replay,
    replay_failed,
    rotate_secret,
    secret_of,
    send_test,
)
from tests.conftest import NOON
from tests.jobs.conftest import Killed, Worker
from tests.receiver import Got, Receiver, documented_verify, listening

SECRET = "the installation's secret"
GIVEN_UP_SECONDS = 120.0
"""When a call of ours is given up here, and not after ten: a busy machine stands still at times."""
HANGS_SECONDS = 100.0
"""Who has not come back by then hangs."""
Answer = Callable[[web.Request], Any]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "TIMEOUT", aiohttp.ClientTimeout(total=GIVEN_UP_SECONDS))
    monkeypatch.setattr(couriers, "FAREWELL_SECONDS", GIVEN_UP_SECONDS)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield a receiver that listens."""
    with listening() as made:
        yield made


@dataclass
class Post:
    """The worker, with what only webhooks need."""

    worker: Worker
    receiver: Receiver
    couriers: Couriers = field(default_factory=Couriers)
    under_way: Callable[[], Awaitable[None]] | None = None
    """What is done while the couriers are out."""

    @property
    def context(self) -> JobContext:
        plain = self.worker.context
        return JobContext(
            sessions=plain.sessions,
            line=plain.line,
            clock=plain.clock,
            ring=plain.ring,
            wants_profile=plain.wants_profile,
            work_event=plain.work_event,
            apologise=plain.apologise,
            webhook_secret=SECRET,
            allow_private_webhooks=True,
            couriers=self.couriers,
        )

    def deliver(self) -> int:
        """Run the job and wait until its couriers are back; return the new events."""

        async def run() -> int:
            try:
                events = await deliver_webhooks(self.context)
                if self.under_way is not None:
                    await self.under_way()
                await all_back()
            finally:
                await self.couriers.close()
            return events

        self.couriers = Couriers()
        return asyncio.run(run())

    def listen(self, path: str = "/hook", *events: str) -> int:
        """Add an endpoint of the receiver; return its id."""
        with self.worker.sessions.begin() as session:
            return add_endpoint(
                session,
                self.receiver.url + path,
                now=self.worker.clock.now,
                events=events or (POINTS_CHANGED,),
                allow_private=True,
            ).id

    def sell(self, *members: Member) -> None:
        """Record a sale for each."""
        for member in members:
            self.worker.run(partial(_sell, member=member, worker=self.worker))

    def deliveries(self, endpoint_id: int | None = None) -> list[WebhookDelivery]:
        """Return the deliveries, the oldest first."""
        found = select(WebhookDelivery).order_by(WebhookDelivery.id)
        if endpoint_id is not None:
            found = found.where(WebhookDelivery.endpoint_id == endpoint_id)
        return list(self.worker.run(lambda session: session.scalars(found).all()))

    def endpoint(self, endpoint_id: int) -> WebhookEndpoint:
        """Return an endpoint as it stands."""
        found: WebhookEndpoint = self.worker.run(
            lambda session: session.get_one(WebhookEndpoint, endpoint_id)
        )
        return found


def held_until(release: threading.Event) -> Answer:
    """Return a receiver's answer that is kept back until `release` is set."""

    async def answer(_request: web.Request) -> web.Response:
        while not release.is_set():
            await asyncio.sleep(0.01)
        return web.Response(text="thanks")

    return answer


async def all_back() -> None:
    """Wait until every courier is back; raise what ended one."""
    while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.gather(*tasks)


def _sell(session: Any, member: Member, worker: Worker) -> None:
    store = find_store(session, "TP01")
    assert store is not None
    key = f"webhook:{member.id}:{time.monotonic_ns()}"
    record_purchase(session, Sale(member.id, store, None, 100, key), worker.clock.now)


@pytest.fixture
def post(worker: Worker, receiver: Receiver) -> Iterator[Post]:
    """Yield a worker with a receiver; what it leaves is taken away."""
    yield Post(worker, receiver)
    for table in (WebhookDelivery, WebhookEvent, WebhookEndpoint):
        with worker.sessions.begin() as session:
            session.execute(delete(table))


def verify(secret: str, got: Got) -> dict[str, Any]:
    """Check as the page for receivers says, and return the event."""
    shown = documented_verify(now=lambda: float(got.headers["webhook-timestamp"]))
    event: dict[str, Any] = shown(secret, got.headers, got.body.encode())
    return event


# --- it arrives


def test_a_sale_reaches_who_listens_signed(post: Post) -> None:
    """U7: delivered, with the headers and the signature of Standard Webhooks."""
    endpoint_id = post.listen()
    post.sell(post.worker.member())

    assert post.deliver() == 1

    (got,) = post.receiver.got
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"].startswith("Regulars")
    event = verify(secret_of(SECRET, post.endpoint(endpoint_id)), got)
    assert (event["id"], event["type"]) == (got.headers["webhook-id"], POINTS_CHANGED)
    (delivery,) = post.deliveries()
    assert (delivery.state, delivery.status, delivery.tries) == ("delivered", 200, 1)
    assert delivery.milliseconds is not None
    assert post.deliver() == 0
    assert len(post.receiver.got) == 1


def test_after_a_rotation_receivers_with_either_secret_are_served(post: Post) -> None:
    endpoint_id = post.listen()
    old = secret_of(SECRET, post.endpoint(endpoint_id))
    post.worker.run(lambda session: rotate_secret(session, endpoint_id, NOON))
    new = secret_of(SECRET, post.endpoint(endpoint_id))
    post.worker.run(lambda session: send_test(session, endpoint_id, NOON))
    post.deliver()

    (got,) = post.receiver.got
    assert verify(old, got) == verify(new, got)
    post.worker.clock.advance(hours=25)
    post.worker.run(lambda session: send_test(session, endpoint_id, post.worker.clock.now))
    post.deliver()
    assert len(post.receiver.got[1].headers["webhook-signature"].split()) == 1


def test_a_members_events_arrive_in_order(post: Post) -> None:
    post.listen()
    one, other = post.worker.member(), post.worker.member()
    post.sell(one, other, one, one, other, one)

    post.deliver()

    numbers = [json.loads(got.body)["data"]["sequence"] for got in post.receiver.got]
    for member in (one, other):
        own = [
            number
            for number, got in zip(numbers, post.receiver.got, strict=True)
            if got.number == member.number
        ]
        assert own == sorted(own)
    assert len(numbers) == 6


def test_no_more_than_a_few_calls_at_once(post: Post) -> None:
    """Bounded concurrency: a rush does not run a receiver over."""
    post.listen()

    async def answer_a_rush(_request: web.Request) -> web.Response:
        while post.receiver.most_at_once < EACH:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)  # One too many would come now.
        return web.Response(text="thanks")

    post.receiver.answers["/hook"] = [answer_a_rush]
    post.sell(*(post.worker.member() for _ in range(12)))
    post.deliver()
    assert len(post.receiver.got) == 12
    assert post.receiver.most_at_once == EACH


# --- what a receiver may do


async def redirect(request: web.Request) -> web.Response:
    raise web.HTTPFound(f"http://{request.host}/elsewhere")


async def cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


async def endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    with suppress(ConnectionError):
        while True:
            await answer.write(b"x" * 10_000)
    return answer


async def packed(_request: web.Request) -> web.Response:
    """A bomb that says it is gzip."""
    return web.Response(body=b"not gzip at all", headers={"Content-Encoding": "gzip"})


@pytest.mark.parametrize(
    ("answer", "status", "reason"),
    [
        (500, 500, "http_500"),
        (404, 404, "http_404"),
        (redirect, 302, "http_302"),
        (cut, None, "cut"),
        (held_until(threading.Event()), None, "timeout"),
    ],
)
def test_what_is_no_yes_is_tried_again(
    post: Post, answer: Any, status: int | None, reason: str
) -> None:
    """U7: 5xx, 4xx, redirect (not followed), a cut line and silence are all tried again."""
    endpoint_id = post.listen()
    post.receiver.answers["/hook"] = [answer, 200]
    post.sell(post.worker.member())

    async def let_time_pass() -> None:
        """Let the caller's time be over as soon as the call has arrived."""
        while not post.receiver.got:
            await asyncio.sleep(0.01)
        loop = asyncio.get_running_loop()
        loop.time = lambda: time.monotonic() + GIVEN_UP_SECONDS  # type: ignore[method-assign]

    post.under_way = let_time_pass if reason == "timeout" else None
    post.deliver()
    post.under_way = None

    (delivery,) = post.deliveries()
    assert (delivery.state, delivery.status, delivery.reason) == ("waiting", status, reason)
    assert post.endpoint(endpoint_id).failures == 1
    assert post.receiver.paths("/elsewhere") == []
    post.worker.clock.advance(seconds=10)
    post.deliver()
    (delivery,) = post.deliveries()
    assert (delivery.state, delivery.tries) == ("delivered", 2)
    first, second = post.receiver.got
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body


@pytest.mark.parametrize("answer", [endless, packed])
def test_a_yes_is_a_yes_whatever_body_follows(post: Post, answer: Answer) -> None:
    """At most 64 KB are read, and none is unpacked."""
    post.listen()
    post.receiver.answers["/hook"] = [answer]
    post.sell(post.worker.member())
    began = time.monotonic()
    post.deliver()
    assert [row.state for row in post.deliveries()] == ["delivered"]
    assert time.monotonic() - began < HANGS_SECONDS


def test_where_nobody_answers_it_is_tried_again(post: Post) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        post.receiver.port = free.getsockname()[1]
        post.listen()
        post.sell(post.worker.member())
        post.deliver()
    assert [row.reason for row in post.deliveries()] == ["no_connection"]


def test_who_is_gone_is_called_no_more(post: Post) -> None:
    """410 disables the endpoint."""
    endpoint_id = post.listen()
    post.receiver.answers["/hook"] = [410]
    post.sell(post.worker.member())
    post.deliver()
    assert post.endpoint(endpoint_id).disabled_because == "gone"
    post.sell(post.worker.member())
    assert post.deliver() == 0
    assert len(post.receiver.got) == 1


def test_a_busy_receiver_is_left_alone_for_as_long_as_it_asks(post: Post) -> None:
    async def busy(_request: web.Request) -> web.Response:
        return web.Response(status=503, headers={"Retry-After": "600"})

    post.listen()
    post.receiver.answers["/hook"] = [busy, 200]
    post.sell(post.worker.member())
    post.deliver()
    (delivery,) = post.deliveries()
    assert delivery.next_try_at == NOON + timedelta(seconds=600)


def test_a_slow_endpoint_holds_up_no_other(post: Post) -> None:
    """U7: each endpoint has couriers of its own, also for what comes while another hangs."""
    post.listen("/slow")
    post.listen("/quick")
    release = threading.Event()
    post.receiver.answers["/slow"] = [held_until(release)]
    members = [post.worker.member() for _ in range(EACH + 2)]
    post.sell(*members[:-1])

    async def arrived(path: str, count: int) -> None:
        while len(post.receiver.paths(path)) < count:
            await asyncio.sleep(0.01)

    async def run() -> None:
        try:
            await deliver_webhooks(post.context)
            async with asyncio.timeout(HANGS_SECONDS):  # Else the quick one waits for the slow one.
                await arrived("/slow", EACH)
                await arrived("/quick", len(members) - 1)
                await asyncio.to_thread(post.sell, members[-1])
                await deliver_webhooks(post.context)
                await arrived("/quick", len(members))
        finally:
            release.set()
            await post.couriers.close()

    asyncio.run(run())
    assert len(post.receiver.paths("/slow")) == EACH


def test_three_days_of_trouble_end_in_a_disabled_endpoint_and_can_be_made_good(
    post: Post,
) -> None:
    """U7: retried for 3 days of played time; what failed is sent again by hand."""
    endpoint_id = post.listen()
    post.receiver.answers["/hook"] = [500]
    members = [post.worker.member() for _ in range(3)]
    post.sell(*members)
    while post.endpoint(endpoint_id).is_active:
        assert post.worker.clock.now < NOON + TRY_FOR + timedelta(hours=8)
        post.deliver()
        post.worker.clock.advance(minutes=65)
    assert post.worker.clock.now >= NOON + TRY_FOR
    assert post.endpoint(endpoint_id).disabled_because == "failing"
    assert {row.state for row in post.deliveries()} == {"failed"}
    calls = len(post.receiver.got)
    assert 60 < calls < 100, "one call a pause once it was clear that the endpoint is broken"

    post.receiver.answers["/hook"] = [200]
    post.worker.change(
        WebhookEndpoint,
        endpoint_id,
        state="active",
        disabled_at=None,
        disabled_because=None,
        failures=0,
        failing_since=None,
        paused_until=None,
    )
    now = post.worker.clock.now
    assert post.worker.run(lambda session: replay_failed(session, endpoint_id, NOON, now)) == 3
    post.deliver()
    assert {row.state for row in post.deliveries()} == {"delivered"}
    assert len(post.receiver.got) == calls + 3


def test_an_endpoint_that_is_back_gets_all_that_waited_in_order(post: Post) -> None:
    post.listen()
    post.receiver.answers["/hook"] = [500] * (TRUSTED_FAILURES + 3) + [200]
    members = [post.worker.member() for _ in range(TRUSTED_FAILURES + 5)]
    post.sell(*members)
    post.deliver()
    while any(row.state == "waiting" for row in post.deliveries()):
        post.deliver()
        post.worker.clock.advance(minutes=2)
    assert {row.state for row in post.deliveries()} == {"delivered"}
    assert post.worker.clock.now < NOON + timedelta(hours=1)


def test_a_delivery_sent_again_by_hand_comes_under_its_same_id(post: Post) -> None:
    """U7: replay."""
    post.listen()
    post.sell(post.worker.member())
    post.deliver()
    (delivery,) = post.deliveries()
    post.worker.run(lambda session: replay(session, delivery.id, NOON))
    post.deliver()
    first, again = post.receiver.got
    assert first.body == again.body
    assert first.headers["webhook-id"] == again.headers["webhook-id"]


# --- workers that die


def test_what_a_killed_worker_held_comes_round_again(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill between the call and its note: the receiver gets it twice under one id, never less."""
    post.listen()
    post.sell(post.worker.member())

    def die(*_: object) -> str:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("jobs.deliver_webhooks.conclude", die)
        with pytest.raises(Killed):
            post.deliver()
    assert [row.state for row in post.deliveries()] == ["waiting"]
    post.deliver()
    assert len(post.receiver.got) == 1, "its lease holds"
    post.worker.clock.advance(seconds=LEASE.total_seconds())
    post.deliver()

    assert [row.state for row in post.deliveries()] == ["delivered"]
    assert len({got.headers["webhook-id"] for got in post.receiver.got}) == 1


def test_a_worker_that_starts_alone_takes_up_what_a_dead_one_held(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.listen()
    post.sell(post.worker.member())

    def die(*_: object) -> str:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("jobs.deliver_webhooks.conclude", die)
        with pytest.raises(Killed):
            post.deliver()

    async def start() -> None:
        async with among_workers(post.context):
            pass

    asyncio.run(start())
    post.deliver()
    assert [row.state for row in post.deliveries()] == ["delivered"]


def test_who_stops_lets_calls_under_way_end_and_begins_no_more(post: Post) -> None:
    """SIGTERM: what is being sent is noted; the rest waits for another worker."""
    post.listen()
    release = threading.Event()
    post.receiver.answers["/hook"] = [held_until(release)]
    post.sell(*(post.worker.member() for _ in range(EACH * 2)))

    async def stop_early() -> None:
        await deliver_webhooks(post.context)
        while len(post.receiver.got) < EACH:
            await asyncio.sleep(0.01)
        asyncio.get_running_loop().call_soon(release.set)  # Once the close below waits for them.
        await post.couriers.close()
        await deliver_webhooks(post.context)

    asyncio.run(stop_early())
    states = Counter(row.state for row in post.deliveries())
    assert states == {"delivered": EACH, "waiting": EACH}
    assert all(row.claimed_at is None for row in post.deliveries())


def test_who_does_not_come_back_in_time_is_called_off(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(couriers, "FAREWELL_SECONDS", 0.1)
    post.listen()
    post.receiver.answers["/hook"] = [held_until(threading.Event())]
    post.sell(post.worker.member())

    async def stop_now() -> None:
        await deliver_webhooks(post.context)
        while not post.receiver.got:
            await asyncio.sleep(0.01)
        await post.couriers.close()

    began = time.monotonic()
    asyncio.run(stop_now())
    assert time.monotonic() - began < HANGS_SECONDS
    assert [row.state for row in post.deliveries()] == ["waiting"]


def test_a_courier_that_breaks_is_logged_and_its_delivery_comes_round_again(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.listen()
    post.sell(post.worker.member())

    def fail(*_: object) -> str:
        raise ValueError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr("jobs.deliver_webhooks.conclude", fail)
        post.deliver()
    post.worker.clock.advance(seconds=LEASE.total_seconds())
    post.deliver()
    assert [row.state for row in post.deliveries()] == ["delivered"]


def test_a_rush_of_facts_goes_on_in_the_next_run(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.deliver_webhooks.MOST_PARTS", 1)
    monkeypatch.setattr("jobs.deliver_webhooks.feed", partial(feed, limit=2))
    post.listen()
    post.sell(*(post.worker.member() for _ in range(3)))
    assert post.deliver() == 2
    assert TASK in post.worker.rung
    assert post.deliver() == 1


def test_what_a_night_forgets(post: Post) -> None:
    """Settled deliveries are kept for 30 days, then the night takes them with their events."""
    post.listen()
    post.sell(post.worker.member())
    post.deliver()
    clock = post.worker.clock
    nightly.forget_old(post.worker.sessions, now=clock.advance(days=30))
    assert len(post.deliveries()) == 1
    nightly.forget_old(post.worker.sessions, now=clock.advance(seconds=1))
    assert post.deliveries() == []
    assert post.worker.run(lambda session: session.scalars(select(WebhookEvent)).all()) == []


# --- where a call may go


def a_claim(url: str) -> Claim:
    return Claim(1, 1, url, "evt_1", "{}", ("whsec_AAAA",))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/hook",
        "http://localhost:{port}/hook",
        "http://2130706433:{port}/hook",
        "http://0x7f.1:{port}/hook",
        "http://[::1]:{port}/hook",
        "http://[::ffff:127.0.0.1]:{port}/hook",
        "http://10.0.0.1/hook",
        "http://169.254.169.254/latest/meta-data",
    ],
)
def test_nobody_makes_us_call_into_our_own_network(receiver: Receiver, url: str) -> None:
    """SSRF: an address is checked where the call is made, by name or by number."""

    async def call() -> str | None:
        async with Postman(allow_private=False) as postman:
            attempt = await postman.post(a_claim(url.format(port=receiver.port)), NOON)
        return attempt.reason

    assert asyncio.run(call()) in ("address_refused", "url")
    assert receiver.got == []


def test_a_name_of_which_one_address_is_private_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And the connection goes to what was checked: nothing looks the name up a second time."""
    asked: list[str] = []

    async def resolve(_self: object, host: str, *_: object) -> list[dict[str, object]]:
        asked.append(host)
        return [{"host": "93.184.215.14", "port": 80}, {"host": "10.0.0.1", "port": 80}]

    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", resolve)

    async def call() -> str | None:
        async with Postman(allow_private=False) as postman:
            return (await postman.post(a_claim("http://two.example/"), NOON)).reason

    assert asyncio.run(call()) == "address_refused"
    assert asked == ["two.example"]


def test_a_public_name_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [{"host": "93.184.215.14", "port": 443}]

    async def resolve(*_: object) -> list[dict[str, object]]:
        return found

    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", resolve)

    async def look_up() -> object:
        resolver = PublicResolver()
        try:
            return await resolver.resolve("shop.example", 443)
        finally:
            await resolver.close()

    assert asyncio.run(look_up()) == found


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (aiohttp.InvalidURL("https://"), "url"),
        (aiohttp.ServerDisconnectedError(), "cut"),
        (OSError("gone"), "cut"),
        (AddressRefused("x"), "address_refused"),
        (aiohttp.ClientPayloadError("x"), "not_http"),
        (ssl.SSLError("x"), "tls"),
    ],
)
def test_why_there_was_no_answer_has_a_stable_word(error: Exception, reason: str) -> None:
    assert posting.reason_of(error) == reason

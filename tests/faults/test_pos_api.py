"""Tills over a bad line: whatever breaks and however often they try, each sale happens once."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import urllib3
from sqlalchemy import func, select, text

from models.api_key import SCOPES, add_api_key, revoke_api_key
from models.coupon import Coupon, get_template, issue_coupon
from models.member import Member
from models.purchase import Purchase, Refund
from models.sandbox import NEWCOMER
from tests.conftest import Maker
from tests.faults.conftest import MakeRegulars, Regular
from tests.faults.events import code_of
from tests.processes import (
    CALL_SECONDS,
    PATIENCE_SECONDS,
    Installation,
    is_serving,
    wait_until,
)

AT_ONCE = 50
TRIES = 20
AMOUNT_TWD = 450
RUNNING = 409


@dataclass(frozen=True)
class Answer:
    """What a till is told."""

    status: int
    body: dict[str, Any]
    is_replayed: bool

    @property
    def code(self) -> str | None:
        """Return why it was refused, or None."""
        return self.body.get("code")


@dataclass(frozen=True)
class Till:
    """A till with an API key."""

    base_url: str
    key_id: int
    secret: str

    def post(self, path: str, body: dict[str, Any], key: str) -> Answer:
        """Ask for something to be done once, under this Idempotency-Key."""
        answer = urllib3.request(
            "POST",
            f"{self.base_url}/api/v1{path}",
            json=body,
            headers=self.headers(key),
            timeout=CALL_SECONDS,
            retries=False,
        )
        is_replayed = answer.headers.get("Idempotency-Replayed") == "true"
        return Answer(answer.status, answer.json(), is_replayed)

    def post_until_answered(self, path: str, body: dict[str, Any], key: str) -> Answer:
        """Try again with the same key for as long as we are told that it is being worked on."""
        answers: list[Answer] = []

        def is_answered() -> bool:
            answers.append(self.post(path, body, key))
            return answers[-1].code != "idempotency_key_in_use"

        wait_until(is_answered, "it is not being worked on any more")
        return answers[-1]

    def headers(self, key: str) -> dict[str, str]:
        """Return the headers of a call that writes."""
        return {"Authorization": f"Bearer {self.secret}", "Idempotency-Key": key}


@pytest.fixture
def till(shop: Installation) -> Till:
    """Return a till with a key of its own, so that nobody else's calls count against it."""
    return make_till(shop)


def make_till(shop: Installation, *, is_sandbox: bool = False) -> Till:
    """Make a till of the first store with every scope."""
    with shop.sessions.begin() as session:
        store_id = Maker().store(session).id
        key, secret = add_api_key(
            session,
            f"till {uuid4().hex[:6]}",
            SCOPES,
            datetime.now(UTC),
            store_id=store_id,
            is_sandbox=is_sandbox,
        )
        return Till(shop.base_url, key.id, secret)


def number_of(shop: Installation, regular: Regular) -> str:
    """Return a member's number."""
    with shop.sessions() as session:
        return session.get_one(Member, regular.id).number


def sale_to(shop: Installation, regular: Regular, **more: object) -> dict[str, Any]:
    """Return a sale as a till sends it."""
    return {"member": {"number": number_of(shop, regular)}, "amount_twd": AMOUNT_TWD, **more}


def count_of(shop: Installation, regular: Regular, table: type[Purchase | Refund]) -> int:
    """Return how many of these a member has."""
    with shop.sessions() as session:
        counted = select(func.count()).select_from(table).where(table.member_id == regular.id)
        return session.scalars(counted).one()


def all_at_once(ask: Callable[[int], Answer]) -> list[Answer]:
    """Ask from fifty tills in the same moment."""
    together = threading.Barrier(AT_ONCE)

    def one(number: int) -> Answer:
        together.wait(PATIENCE_SECONDS)
        return ask(number)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(one, range(AT_ONCE)))


def test_fifty_equal_sales_at_once_are_one(
    shop: Installation, make_regulars: MakeRegulars, till: Till
) -> None:
    """Double submit: whoever comes meanwhile is told to wait, and then gets the first answer."""
    (regular,) = make_regulars(1)
    sale, key = sale_to(shop, regular), uuid4().hex

    answers = all_at_once(lambda _: till.post("/purchases", sale, key))

    assert {answer.status for answer in answers} <= {201, RUNNING}
    assert {answer.code for answer in answers} <= {None, "idempotency_key_in_use"}
    assert count_of(shop, regular, Purchase) == 1
    first = next(answer.body for answer in answers if answer.status == 201)
    again = till.post_until_answered("/purchases", sale, key)
    assert (again.status, again.is_replayed, again.body) == (201, True, first)
    told = {answer.body["id"] for answer in answers if answer.status == 201}
    assert told == {first["id"]}
    assert sum(not answer.is_replayed for answer in answers if answer.status == 201) == 1


def test_one_order_under_fifty_keys_is_one_sale(
    shop: Installation, make_regulars: MakeRegulars, till: Till
) -> None:
    """B-23: source and reference make it one order, whatever keys the tills draw."""
    (regular,) = make_regulars(1)
    sale = sale_to(shop, regular, source="shop", source_ref=uuid4().hex)

    answers = all_at_once(lambda _: till.post("/purchases", sale, uuid4().hex))

    assert count_of(shop, regular, Purchase) == 1
    assert {answer.status for answer in answers} <= {200, 201}
    assert len({answer.body["id"] for answer in answers}) == 1


def test_one_coupon_in_fifty_hands_is_redeemed_once(
    shop: Installation, make_regulars: MakeRegulars, till: Till
) -> None:
    (regular,) = make_regulars(1)
    with shop.sessions.begin() as session:
        coupon = issue_coupon(
            session,
            regular.id,
            get_template(session, "stamp_reward"),
            issue_key=uuid4().hex,
            now=datetime.now(UTC),
        )
        assert coupon is not None
        coupon_id, code = coupon.id, coupon.code

    answers = all_at_once(
        lambda _: till.post("/redemptions", {"coupon": {"code": code}}, uuid4().hex)
    )

    assert Counter(answer.status for answer in answers) == {201: 1, 409: AT_ONCE - 1}
    with shop.sessions() as session:
        assert session.get_one(Coupon, coupon_id).state == "redeemed"
        used = session.scalar(
            text("SELECT count(*) FROM redemption WHERE coupon_id = :id"), {"id": coupon_id}
        )
    assert used == 1


def test_a_refund_tried_fifty_times_gives_back_once(
    shop: Installation, make_regulars: MakeRegulars, till: Till
) -> None:
    (regular,) = make_regulars(1)
    bought = till.post("/purchases", sale_to(shop, regular), uuid4().hex).body
    asked, key = {"amount_twd": 100, "reason": "少給一杯"}, uuid4().hex

    answers = all_at_once(lambda _: till.post(f"/purchases/{bought['id']}/refunds", asked, key))

    assert {answer.status for answer in answers} <= {201, RUNNING}
    assert count_of(shop, regular, Refund) == 1


def test_a_member_code_is_good_for_one_sale(
    shop: Installation, make_regulars: MakeRegulars, till: Till
) -> None:
    """Replayed code: the second till is told that it was used, the first one its own answer."""
    (regular,) = make_regulars(1)
    sale = {"member": {"code": code_of(regular)}, "amount_twd": AMOUNT_TWD}
    key = uuid4().hex

    first = till.post("/purchases", sale, key)
    replayed = till.post("/purchases", sale, uuid4().hex)
    repeated = till.post("/purchases", sale, key)

    assert first.status == 201
    assert (replayed.status, replayed.code) == (409, "code_already_used")
    assert (repeated.is_replayed, repeated.body) == (True, first.body)
    assert count_of(shop, regular, Purchase) == 1


def test_a_key_revoked_between_two_calls_opens_nothing_more(
    shop: Installation, make_regulars: MakeRegulars, till: Till
) -> None:
    """Revoked key: from the next call on, at every web process, for old answers as well."""
    (regular,) = make_regulars(1)
    sale, key = sale_to(shop, regular), uuid4().hex
    assert till.post("/purchases", sale, key).status == 201
    with shop.sessions.begin() as session:
        assert revoke_api_key(session, till.key_id, datetime.now(UTC))

    for tried in (key, uuid4().hex):
        answer = till.post("/purchases", sale, tried)
        assert (answer.status, answer.code) == (401, "api_key_refused")
    assert count_of(shop, regular, Purchase) == 1


@pytest.mark.parametrize("is_committed", [True, False], ids=["after the commit", "at once"])
def test_a_line_lost_before_the_answer_loses_nothing(
    shop: Installation, make_regulars: MakeRegulars, till: Till, is_committed: bool
) -> None:
    """Lost connection: the till tries again with the same key and gets the one answer there is."""
    (regular,) = make_regulars(1)
    sale, key = sale_to(shop, regular), uuid4().hex

    with send_only(till, "/purchases", sale, key) as line:
        if is_committed:
            wait_until(lambda: count_of(shop, regular, Purchase) == 1, "the sale is recorded")
        cut(line)
    answer = till.post_until_answered("/purchases", sale, key)

    assert answer.status == 201
    assert count_of(shop, regular, Purchase) == 1
    if is_committed:
        assert answer.is_replayed


def test_a_server_killed_in_the_middle_leaves_nothing_half_done(
    shop: Installation, make_regulars: MakeRegulars, till: Till
) -> None:
    """Killed server: what was under way did not happen, and the key is not held for ever."""
    (regular,) = make_regulars(1)
    sale, key = sale_to(shop, regular), uuid4().hex
    with shop.sessions() as holder:
        holder.get_one(Member, regular.id, with_for_update=True)
        with send_only(till, "/purchases", sale, key):
            wait_until(lambda: is_waiting_for_lock(shop), "the sale waits for the member's row")
            shop.kill("web")
        holder.rollback()
    shop.start("web")

    answer = till.post_until_answered("/purchases", sale, key)

    assert (answer.status, answer.is_replayed) == (201, False)
    assert count_of(shop, regular, Purchase) == 1


def test_a_sandbox_reset_under_a_running_server_begins_anew(shop: Installation) -> None:
    """The same key and content are a new sale in the new world; the shop saw none of them."""
    till = make_till(shop, is_sandbox=True)
    sale = {"member": {"number": NEWCOMER.number}, "amount_twd": AMOUNT_TWD}
    key = uuid4().hex
    with shop.sessions() as session:
        before = session.scalar(select(func.count()).select_from(Purchase))
    assert till.post("/purchases", sale, key).status == 201
    assert till.post("/purchases", sale, key).is_replayed

    shop.command("sandbox reset")

    assert is_serving(shop.base_url)
    for _ in range(TRIES):  # Every prepared statement of every connection meets the new tables.
        assert till.post("/purchases", sale, uuid4().hex).status == 201
    again = till.post("/purchases", sale, key)
    assert (again.status, again.is_replayed) == (201, False)
    with shop.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Purchase)) == before


def send_only(till: Till, path: str, body: dict[str, Any], key: str) -> socket.socket:
    """Send a whole request and read nothing of its answer; return the open line."""
    address = urlsplit(till.base_url)
    content = json.dumps(body).encode()
    headers = {
        "Host": address.netloc,
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
        **till.headers(key),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    line = socket.create_connection((str(address.hostname), address.port or 80), CALL_SECONDS)
    line.sendall(f"POST /api/v1{path} HTTP/1.1\r\n{head}\r\n".encode() + content)
    return line


def cut(line: socket.socket) -> None:
    """Cut a line as a pulled plug does: at once, whatever is still on its way."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


def is_waiting_for_lock(shop: Installation) -> bool:
    """Tell whether somebody waits for a row that another transaction holds."""
    with shop.sessions() as session:
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(session.scalar(waiting))

"""The database restarts under load: errors while it is away, and then all is well by itself."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
import urllib3
from sqlalchemy import make_url

import migrations
from models.database import embedded_url, make_engine, make_sessions, stop_embedded
from models.demo import TEA_SHOP
from models.setup import set_up_shop
from tests.conftest import NOON
from tests.faults.conftest import (
    RECEIPT,
    Regular,
    let_tokens_live,
    make_members,
    new_clerk,
    sell,
)
from tests.faults.events import code_of, states, text_event
from tests.journeys.people import Clerk, Json, Line, Shopper
from tests.processes import ROOT, Installation, installed, is_serving, wait_until

REPLY = "/v2/bot/message/reply"
PEOPLE = 20
PAUSE_SECONDS = 0.05
ENOUGH_EVENTS = 20
RUNG = 3
"""A worker that is told of a sale sends its receipt at once; one that is not, looks by itself."""
FAILURES = {500, 503, None}
"""What LINE sees of us meanwhile; it sends the event again."""


@dataclass(frozen=True)
class OwnDatabase:
    """A shop whose database server a test may stop and start."""

    shop: Installation
    folder: Path


@pytest.fixture(scope="module")
def own() -> Iterator[OwnDatabase]:
    """Yield a shop on an embedded server of its own, with web, worker and clock running.

    Not in pytest's folder: that is closed to the account PostgreSQL runs as where root tests.
    """
    folder = ROOT / "var" / f"test-postgres-{uuid4().hex[:8]}"
    url = make_url(embedded_url(folder))
    engine = make_engine(url)
    migrations.upgrade(engine)
    with make_sessions(engine).begin() as session:
        set_up_shop(session, TEA_SHOP, NOON)
    engine.dispose()
    try:
        with installed(url, "database-away") as shop:
            let_tokens_live(shop)
            shop.start("web", "worker", "clock")
            yield OwnDatabase(shop, folder)
    finally:
        stop_embedded(folder)
        for path in folder.parent.glob(f"*{folder.name}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@dataclass
class Chatter:
    """People who keep talking while things break; every event and its fate are remembered."""

    line: Line
    people: list[Shopper]
    sent: list[tuple[Json, int | None]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Chatter:
        self._thread = threading.Thread(target=self._talk, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self._thread.join()

    def wait_for(self, count: int) -> None:
        """Wait until so many more events were acknowledged."""
        enough = self.acknowledged() + count
        wait_until(lambda: self.acknowledged() >= enough, f"{count} events acknowledged")

    def acknowledged(self) -> int:
        """Return how many events the web server took."""
        return sum(status == 200 for _, status in self.sent)

    def refused(self) -> int:
        """Return how many events the web server did not take."""
        return sum(status in FAILURES for _, status in self.sent)

    def _talk(self) -> None:
        while not self.stop.wait(PAUSE_SECONDS):
            event = text_event(self.people[len(self.sent) % len(self.people)], "說明")
            self.sent.append((event, self.line.send(event)))


@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param(3.0, id="3 s"),
        pytest.param(12.0, id="12 s", marks=pytest.mark.faults),
        pytest.param(40.0, id="40 s", marks=pytest.mark.faults),
    ],
)
def test_a_restarted_database_costs_nothing_acknowledged(own: OwnDatabase, seconds: float) -> None:
    shop, line = own.shop, Line(own.shop.line.url)
    clerk = new_clerk(shop)
    regulars = make_members(shop, line, PEOPLE)
    before = [process.running for process in shop.processes.values()]
    with Chatter(line, [regular.shopper for regular in regulars]) as chatter:
        chatter.wait_for(ENOUGH_EVENTS)
        _restart(own, seconds, chatter)
        chatter.wait_for(ENOUGH_EVENTS)
    assert {status for _, status in chatter.sent} - {200} <= FAILURES

    taken = [event["webhookEventId"] for event, status in chatter.sent if status == 200]
    wait_until(lambda: states(shop, taken)["done"] == len(taken), "all that was taken is done")
    _redeliver_the_rest(shop, chatter)
    if seconds < 10.0:  # Longer, and some reply tokens have died meanwhile.
        _assert_each_answered_once(chatter)

    with shop.processes["clock"].standing_still():
        for regular in regulars[:RUNG]:
            _buy(clerk, regular)
    sell(shop, regulars[RUNG:], ring=False)
    for regular in regulars[RUNG:]:
        regular.shopper.wait_for(RECEIPT)
    for process in shop.processes.values():
        process.assert_runs()
    assert [process.running for process in shop.processes.values()] == before


def _buy(clerk: Clerk, regular: Regular) -> None:
    """Buy something, and see the receipt come."""
    clerk.look_up(code_of(regular))
    assert clerk.confirm("450").status == 200
    regular.shopper.wait_for(RECEIPT)


def _restart(own: OwnDatabase, seconds: float, chatter: Chatter) -> None:
    """Stop the server, leave it away for some seconds in which events fail, and start it again."""
    own.shop.engine.dispose()
    assert stop_embedded(own.folder)
    health = urllib3.request("GET", f"{own.shop.base_url}/readyz", retries=False)
    assert health.status == 503
    before = chatter.refused()
    threading.Event().wait(seconds)
    wait_until(lambda: chatter.refused() > before, "LINE saw that events failed")
    embedded_url(own.folder)
    wait_until(lambda: is_serving(own.shop.base_url), "the web server is ready again")


def _redeliver_the_rest(shop: Installation, chatter: Chatter) -> None:
    """Send again what was not taken, as LINE does, until it is done."""
    rest = [event["webhookEventId"] for event, status in chatter.sent if status != 200]
    for event_id in rest:
        chatter.line.insist(event_id)
    wait_until(lambda: states(shop, rest)["done"] == len(rest), "the rest is done")


def _assert_each_answered_once(chatter: Chatter) -> None:
    asked = Counter(event["source"]["userId"] for event, _ in chatter.sent)

    def answered() -> Counter[str]:
        calls = chatter.line.calls(REPLY)
        return Counter(call["user"] for call in calls if call["status"] == 200)

    wait_until(lambda: answered() >= asked, "every event is answered")
    assert answered() == asked

"""Campaigns under every fault: each recipient is told once or has a reason, and every run ends."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import make_url, update

import migrations
from models.database import (
    create_database,
    drop_database,
    embedded_url,
    make_engine,
    make_sessions,
    stop_embedded,
)
from models.demo import TEA_SHOP
from models.outreach import change_rules
from models.quota import QuotaMonth, change_plan, month_of
from models.sending import Proof, proof_of
from models.sending.table import CampaignBatch, CampaignRun
from models.setup import set_up_shop
from tests.conftest import NOON
from tests.journeys.people import Json, Line
from tests.models.sending_shop import fill, plan, user_id
from tests.processes import ROOT, Installation, installed, wait_until

MULTICAST, PUSH = "/v2/bot/message/multicast", "/v2/bot/message/push"
MESSAGES = "/v2/bot/message/"
SMALL, MATRIX = 1_200, 20_000
LATENCY_MS = 50
KILLS = 50
END_SECONDS = 420.0
RUN_HOURS = timedelta(hours=6)
LASTING = 6
"""So many calls in a row fail, which is longer than one chunk's retries need."""
FAULTS: dict[str, dict[str, Any]] = {
    "500_before": {"fault": "500_before", "times": LASTING},
    "500_after": {"fault": "500_after", "times": LASTING},
    "drop_after": {"fault": "drop_after", "times": LASTING},
    "hang": {"fault": "hang", "times": 3},
    "429_rate": {"fault": "429_rate", "times": LASTING},
}
ALL_AT_ONCE = [
    {"fault": fault, "times": 1}
    for fault in ("500_after", "drop_after", "500_before", "drop_before", "429_rate")
]


@dataclass
class Sending:
    """A shop whose campaigns are sent, with its people, and what each of them heard."""

    shop: Installation
    people: int = 0

    def fill(self, people: int) -> None:
        """Let so many people be members and friends, on our side and on LINE's."""
        missing = range(self.people + 1, people + 1)
        if not missing:
            return
        with self.shop.sessions.begin() as session:
            fill(session, len(missing), first=missing.start, now=datetime.now(UTC))
        self.line.befriend(user_id(number) for number in missing)
        self.people = people

    @property
    def line(self) -> Line:
        return Line(self.shop.line.url)

    def misbehave(self, path: str, *rules: Json, **switches: Any) -> None:
        """Let calls to a path fail by these rules; LINE's rate limits stand."""
        told = [{"match": {"path": path}, **rule} for rule in rules]
        self.line.misbehave(*told, **{"rate_limits": "on", "latency_ms": LATENCY_MS, **switches})
        self.line.call("DELETE", "/_sim/requests")

    def open(self, *, personal: bool = False, grace: timedelta = RUN_HOURS) -> tuple[int, str]:
        """Open a run to everybody, due now; return its id, and the words only it says."""
        words = f"雨天外送免運費 {uuid4().hex}"
        text = f"{{name}}：{words}" if personal else words
        content = {"schema": 1, "messages": [{"type": "text", "text": {"zh-TW": text}}]}
        with self.shop.sessions.begin() as session:
            run_id = plan(session, content=content, now=datetime.now(UTC), grace=grace)
        self.shop.ring("send_campaigns")
        return run_id, words

    def is_over(self, run_id: int) -> bool:
        with self.shop.sessions() as session:
            return session.get_one(CampaignRun, run_id).finished_at is not None

    def settled(self, run_id: int) -> int:
        """Return how many have an outcome."""
        proof = self.proof(run_id)
        return proof.planned - proof.waiting

    def proof(self, run_id: int) -> Proof:
        with self.shop.sessions() as session:
            return proof_of(session, run_id)

    def wait_for_end(self, run_id: int) -> Proof:
        wait_until(lambda: self.is_over(run_id), "the run ends by itself", seconds=END_SECONDS)
        return self.proof(run_id)

    def heard(self, words: str) -> Counter[int]:
        """Return how many people heard these words how often."""
        chats = self.shop.line.world.chats
        return Counter(
            sum(words in str(entry) for entry in chats.last(user_id(number), 10))
            for number in range(1, self.people + 1)
        )

    def statuses(self) -> Counter[int]:
        """Return LINE's answers to what was sent since the faults were set."""
        return Counter(call["status"] for call in self.line.calls(MESSAGES))

    def assert_each_once(self, run_id: int, words: str) -> None:
        """Fail where somebody was told twice or not at all, or the proof does not hold."""
        proof = self.wait_for_end(run_id)
        assert (proof.accepted, proof.is_complete) == (self.people, True)
        assert self.heard(words) == {1: self.people}


def prepared(shop: Installation) -> Sending:
    """Return a shop without caps, so that its people hear of one campaign after another."""
    now = datetime.now(UTC)
    with shop.sessions.begin() as session:
        change_rules(
            session, {"day_cap": None, "window_cap": None}, note="測試", by="owner", now=now
        )
    sending = Sending(shop)
    sending.line.call("PUT", "/_sim/quota", {"type": "none"})
    return sending


@pytest.fixture(scope="module")
def running(server_url: str, pristine: str) -> Iterator[Sending]:
    """Yield a shop with worker and clock; nobody needs its web server."""
    name = f"regulars_campaigns_{uuid4().hex[:12]}"
    with installed(create_database(server_url, name, pristine), "campaigns") as shop:
        shop.start("worker", "clock")
        yield prepared(shop)
    drop_database(server_url, name)


@pytest.fixture
def sending(running: Sending) -> Iterator[Sending]:
    """Yield the shop with everything running and LINE well, before the test and after it."""
    processes = running.shop.processes
    running.shop.start(*(name for name, process in processes.items() if process.running is None))
    yield running
    running.misbehave(MESSAGES)


# --- LINE fails


@pytest.mark.parametrize(
    ("people", "personal"),
    [
        pytest.param(60, True, id="pushes"),
        pytest.param(SMALL, False, id="multicasts"),
        pytest.param(MATRIX, False, id="20,000 by multicast", marks=pytest.mark.faults),
        pytest.param(MATRIX, True, id="20,000 pushes", marks=pytest.mark.faults),
    ],
)
def test_everybody_is_told_once_whatever_line_does(
    sending: Sending, people: int, personal: bool
) -> None:
    grown(sending, people, personal)
    sending.misbehave(PUSH if personal else MULTICAST, *ALL_AT_ONCE)
    sending.assert_each_once(*sending.open(personal=personal))


def grown(sending: Sending, people: int, personal: bool) -> None:
    """Let there be enough people; pushes to many more than asked for would take their time."""
    sending.fill(people)
    if personal and sending.people > people:
        pytest.skip(f"there are {sending.people} people by now")


@pytest.mark.faults
@pytest.mark.parametrize("personal", [False, True], ids=["multicast", "push"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_lasts(sending: Sending, fault: str, personal: bool) -> None:
    sending.fill(MATRIX)
    sending.misbehave(PUSH if personal else MULTICAST, FAULTS[fault])
    run_id, words = sending.open(personal=personal)
    sending.assert_each_once(run_id, words)
    if fault in ("500_after", "drop_after"):
        assert sending.statuses()[409] >= 1, "a retry was taken for what it is"


@pytest.mark.faults
def test_ordinary_sending_never_exceeds_lines_rate(sending: Sending) -> None:
    sending.fill(MATRIX)
    sending.misbehave(MULTICAST)
    sending.assert_each_once(*sending.open())
    sending.assert_each_once(*sending.open(personal=True))
    assert sending.statuses()[429] == 0


@pytest.mark.faults
def test_a_run_goes_on_when_lines_quota_is_back(sending: Sending) -> None:
    sending.fill(MATRIX)
    sending.misbehave(MULTICAST, {"fault": "429_monthly", "times": 1})
    run_id, words = sending.open()
    wait_until(lambda: held(sending, run_id), "the run is held")
    let_quota_return(sending, run_id)
    sending.assert_each_once(run_id, words)


@pytest.mark.faults
def test_no_call_is_made_above_the_quota(sending: Sending) -> None:
    sending.fill(MATRIX)
    limit(sending, MATRIX // 2)
    sending.misbehave(MULTICAST)
    sending.line.call("PUT", "/_sim/quota", {"type": "limited", "value": MATRIX // 2, "used": 0})
    run_id, words = sending.open(grace=timedelta(seconds=40))
    proof = sending.wait_for_end(run_id)
    sending.line.call("PUT", "/_sim/quota", {"type": "none"})
    limit(sending, None)

    assert proof.is_complete
    assert (proof.accepted, proof.skipped) == (MATRIX // 2, {"quota": MATRIX // 2})
    assert sending.heard(words) == {1: MATRIX // 2, 0: MATRIX // 2}
    assert sending.statuses()[429] == 0


def limit(sending: Sending, messages: int | None) -> None:
    """Let the month still have so many messages; without a number, as many as wanted."""
    now = datetime.now(UTC)
    with sending.shop.sessions.begin() as session:
        session.execute(update(QuotaMonth).values(gone_until=None))
        used = session.get_one(QuotaMonth, month_of(now)).used
        cap = None if messages is None else used + messages
        change_plan(
            session,
            None,
            {"hard_cap": cap, "service_reserve": 0},
            from_month=month_of(now),
            note="測試",
            by="owner",
            now=now,
        )


def held(sending: Sending, run_id: int) -> bool:
    with sending.shop.sessions() as session:
        return session.get_one(CampaignRun, run_id).held_until is not None


def let_quota_return(sending: Sending, run_id: int) -> None:
    """Let the hold be over, as after some minutes."""
    now = datetime.now(UTC)
    with sending.shop.sessions.begin() as session:
        session.execute(update(QuotaMonth).values(gone_until=None))
        session.execute(update(CampaignRun).values(held_until=now))
        session.execute(
            update(CampaignBatch).where(CampaignBatch.state == "waiting").values(next_try_at=now)
        )


# --- our processes die


@pytest.mark.parametrize(
    ("people", "kills", "personal"),
    [
        pytest.param(SMALL, 1, False, id="one kill"),
        pytest.param(MATRIX, 4, False, id="20,000 by multicast", marks=pytest.mark.faults),
        pytest.param(MATRIX, 8, True, id="20,000 pushes", marks=pytest.mark.faults),
    ],
)
def test_killed_processes_lose_nothing_and_double_nothing(
    sending: Sending, people: int, kills: int, personal: bool
) -> None:
    sending.fill(people)
    path = PUSH if personal else MULTICAST
    sending.misbehave(path, {"fault": "500_after", "every": 7, "times": kills}, latency_ms=400)
    run_id, words = sending.open(personal=personal)
    for kill in range(kills):
        reach(sending, run_id, people * kill // (kills + 1))
        sending.shop.restart("worker" if kill % 3 != 2 else "clock")
    sending.misbehave(path)
    sending.assert_each_once(run_id, words)


def reach(sending: Sending, run_id: int, settled: int) -> None:
    """Wait until calls are under way and so many are settled, or the run is over."""
    wait_until(
        lambda: (
            sending.is_over(run_id)
            or (sending.settled(run_id) >= settled and sending.statuses().total() > 0)
            or is_under_way(sending, run_id)
        ),
        "the run is under way",
    )


def is_under_way(sending: Sending, run_id: int) -> bool:
    with sending.shop.sessions() as session:
        found = session.query(CampaignBatch).filter_by(run_id=run_id, in_doubt=True)
        return found.count() > 0


@pytest.mark.faults
def test_fifty_random_kills_and_every_run_finishes(sending: Sending) -> None:
    """A kill each, of worker or clock, somewhere in a run's first moments or later."""
    sending.fill(MATRIX)
    chance = random.Random(20_261_122)
    for number in range(KILLS):
        sending.misbehave(MULTICAST, latency_ms=chance.choice((50, 200, 500)))
        run_id, words = sending.open()
        time.sleep(chance.uniform(0.0, 4.0))
        sending.shop.restart("clock" if number % 5 == 4 else "worker")
        sending.assert_each_once(run_id, words)


@pytest.mark.faults
def test_two_clocks_and_two_workers_send_each_run_once(sending: Sending) -> None:
    sending.fill(MATRIX)
    sending.shop.start("clock2", "worker2")
    try:
        sending.misbehave(MULTICAST)
        sending.assert_each_once(*sending.open())
        sending.assert_each_once(*sending.open(personal=True))
        assert sending.statuses()[429] == 0
    finally:
        sending.shop.kill("clock2", "worker2")
        for name in ("clock2", "worker2"):
            del sending.shop.processes[name]


@pytest.mark.faults
@pytest.mark.parametrize("jump", [timedelta(minutes=40), timedelta(seconds=25)])
def test_a_clock_that_jumps_forward_doubles_nothing(sending: Sending, jump: timedelta) -> None:
    """The worker's clock was slow and is set right while a run is under way."""
    sending.fill(MATRIX)
    sending.shop.kill("worker", "clock")
    sending.shop.play_time(datetime.now(UTC) - jump, datetime.now(UTC), "worker", "clock")
    sending.shop.start("worker", "clock")
    sending.misbehave(MULTICAST, latency_ms=500)
    with sending.shop.sessions.begin() as session:
        words = f"校時 {uuid4().hex}"
        content = {"schema": 1, "messages": [{"type": "text", "text": {"zh-TW": words}}]}
        run_id = plan(session, content=content, now=datetime.now(UTC) - jump, grace=RUN_HOURS)
    reach(sending, run_id, MATRIX // 4)
    sending.shop.kill("worker", "clock")
    sending.shop.play_time(datetime.now(UTC), datetime.now(UTC), "worker", "clock")
    sending.shop.start("worker", "clock")
    sending.assert_each_once(run_id, words)


# --- the database goes away


@pytest.fixture
def movable() -> Iterator[tuple[Sending, Callable[[float], None]]]:
    """Yield a shop on a server of its own, and what leaves that away for some seconds."""
    folder = ROOT / "var" / f"test-postgres-{uuid4().hex[:8]}"
    url = make_url(embedded_url(folder))
    engine = make_engine(url)
    migrations.upgrade(engine)
    with make_sessions(engine).begin() as session:
        set_up_shop(session, TEA_SHOP, NOON)
    engine.dispose()

    def leave(seconds: float) -> None:
        shop.engine.dispose()
        assert stop_embedded(folder)
        threading.Event().wait(seconds)
        embedded_url(folder)

    try:
        with installed(url, "campaigns-database") as shop:
            shop.start("worker", "clock")
            yield prepared(shop), leave
    finally:
        stop_embedded(folder)
        for path in folder.parent.glob(f"*{folder.name}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.faults
@pytest.mark.parametrize("personal", [False, True], ids=["multicast", "push"])
def test_a_restarted_database_costs_nobody_their_message(
    movable: tuple[Sending, Callable[[float], None]], personal: bool
) -> None:
    sending, leave = movable
    sending.fill(MATRIX)
    sending.misbehave(PUSH if personal else MULTICAST, latency_ms=500)
    run_id, words = sending.open(personal=personal)
    reach(sending, run_id, MATRIX // 10)
    leave(5.0)
    sending.misbehave(MESSAGES)
    sending.assert_each_once(run_id, words)

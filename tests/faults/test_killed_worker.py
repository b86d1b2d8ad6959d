"""The worker is killed outright: what it was doing is done, and nothing is done twice."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from models.line_event import LineEvent
from tests.faults.conftest import (
    MakeRegulars,
    assert_each_heard_once,
    owed_to,
    sell,
    wait_settled,
)
from tests.journeys.people import Line, Shopper
from tests.processes import Installation, wait_until

REPLY = "/v2/bot/message/reply"
PUSH = "/v2/bot/message/push"
LATENCY_MS = 100
SENDERS = 8
WORDS = ("點數", "會員卡", "說明", "今天天氣真好", "優惠券")


def accepted(line: Line, path: str, people: list[Shopper]) -> Counter[str]:
    """Return how many calls LINE has accepted for each of these people."""
    ids = {person.id for person in people}
    calls = line.calls(path)
    return Counter(
        call["user"] for call in calls if call["status"] == 200 and call["user"] in ids
    )


def states(shop: Installation, event_ids: list[str]) -> Counter[str]:
    """Return how many of these events are in which state."""
    with shop.sessions() as session:
        found = select(LineEvent.state).where(LineEvent.webhook_event_id.in_(event_ids))
        return Counter(session.scalars(found))


@pytest.mark.parametrize(
    ("people", "events", "kills"),
    [
        pytest.param(20, 60, 1, id="60 events"),
        pytest.param(200, 500, 1, id="500 events", marks=pytest.mark.faults),
        pytest.param(200, 500, 2, id="500 events, killed twice", marks=pytest.mark.faults),
    ],
)
def test_every_event_is_answered_once(
    shop: Installation,
    line: Line,
    make_regulars: MakeRegulars,
    people: int,
    events: int,
    kills: int,
) -> None:
    shoppers = [regular.shopper for regular in make_regulars(people)]
    line.misbehave(latency_ms=LATENCY_MS)
    speakers = [shoppers[number % people] for number in range(events)]

    def speak(number: int) -> str:
        return speakers[number].say(WORDS[number % len(WORDS)])

    with ThreadPoolExecutor(SENDERS) as threads:
        speaking = threads.map(speak, range(events))
        for kill in range(1, kills + 1):
            enough = events * kill // (kills + 2)
            wait_until(
                lambda enough=enough: accepted(line, REPLY, shoppers).total() >= enough,
                f"{enough} answers",
            )
            shop.restart("worker")
        event_ids = list(speaking)
    wait_until(lambda: states(shop, event_ids)["done"] == events, "every event is done")
    expected = Counter(speaker.id for speaker in speakers)
    wait_until(lambda: accepted(line, REPLY, shoppers) >= expected, "every event is answered")
    assert accepted(line, REPLY, shoppers) == expected


@pytest.mark.parametrize(
    "count", [30, pytest.param(200, marks=pytest.mark.faults, id="200 receipts")]
)
def test_every_receipt_arrives_once(
    shop: Installation, line: Line, make_regulars: MakeRegulars, count: int
) -> None:
    regulars = make_regulars(count)
    people = [regular.shopper for regular in regulars]
    line.misbehave(
        {"match": {"path": PUSH}, "fault": "slow", "ms": 2_000, "every": 2}, latency_ms=LATENCY_MS
    )
    sell(shop, regulars)
    wait_until(lambda: accepted(line, PUSH, people).total() >= count // 10, "the first receipts")
    shop.restart("worker")
    line.misbehave()
    wait_settled(shop, regulars)
    assert {owed.state for owed in owed_to(shop, regulars, "receipt")} == {"accepted"}
    assert_each_heard_once(regulars)

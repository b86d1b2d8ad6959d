"""The worker is killed outright: what it was doing is done, and nothing is done twice."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.faults.conftest import (
    MakeRegulars,
    assert_each_heard_once,
    owed_to,
    sell,
    standing_worker,
    wait_settled,
)
from tests.faults.events import states
from tests.journeys.people import Line, Shopper
from tests.processes import Installation, wait_until

REPLY = "/v2/bot/message/reply"
PUSH = "/v2/bot/message/push"
LATENCY_MS = 500
"""Long enough that a kill finds answers on their way."""
RECEIPTS = 200
SENDERS = 8
WORDS = ("點數", "會員卡", "說明", "今天天氣真好", "優惠券")


def speak(people: list[Shopper], number: int) -> str:
    """Let the next of these people say the next of the words; return the event's id."""
    return people[number % len(people)].say(WORDS[number % len(WORDS)])


def has_answered(line: Line, people: list[Shopper], count: int) -> bool:
    """Tell whether LINE has accepted so many answers to these people."""
    return accepted(line, REPLY, people).total() >= count


def accepted(line: Line, path: str, people: list[Shopper]) -> Counter[str]:
    """Return how many calls LINE has accepted for each of these people."""
    ids = {person.id for person in people}
    calls = line.calls(path)
    return Counter(call["user"] for call in calls if call["status"] == 200 and call["user"] in ids)


def answer_only(line: Line, count: int) -> None:
    """Let LINE take so many more answers, slowly, and hang at the others: work is left."""
    answers = {"match": {"path": REPLY}}
    taken = answers | {"fault": "slow", "ms": 0, "times": count}
    line.misbehave(taken, answers | {"fault": "hang"}, latency_ms=LATENCY_MS)


@pytest.mark.parametrize(
    ("people", "events", "kills"),
    [
        pytest.param(20, 60, 1, id="60 events"),
        pytest.param(200, 500, 1, id="500 events", marks=pytest.mark.faults),
        pytest.param(200, 500, 2, id="500 events, killed twice", marks=pytest.mark.faults),
    ],
)
def test_every_event_is_answered_and_every_receipt_arrives_once(
    shop: Installation,
    line: Line,
    make_regulars: MakeRegulars,
    people: int,
    events: int,
    kills: int,
) -> None:
    regulars = make_regulars(people)
    shoppers = [regular.shopper for regular in regulars]
    part = events // (kills + 2)
    with standing_worker(shop):
        with ThreadPoolExecutor(SENDERS) as threads:
            event_ids = list(threads.map(partial(speak, shoppers), range(events)))
        sell(shop, regulars)
        wait_until(lambda: states(shop, event_ids)["waiting"] == events, "every event is kept")
        answer_only(line, 2 * part - 1)
    for kill in range(1, kills + 1):
        enough = part * kill
        wait_until(partial(has_answered, line, shoppers, enough), f"{enough} answers")
        shop.kill("worker")
        assert accepted(line, REPLY, shoppers).total() < events, "there was work left"
        if kill < kills:
            answer_only(line, 2 * part - 1)
        else:
            line.misbehave(latency_ms=LATENCY_MS)
        shop.start("worker")
    wait_until(lambda: states(shop, event_ids)["done"] == events, "every event is done")
    expected = Counter(shoppers[number % people].id for number in range(events))
    wait_until(lambda: accepted(line, REPLY, shoppers) >= expected, "every event is answered")
    wait_settled(shop, regulars)
    assert accepted(line, REPLY, shoppers) == expected
    assert_each_heard_once(regulars)


@pytest.mark.faults
def test_every_one_of_200_receipts_arrives_once(
    shop: Installation, line: Line, make_regulars: MakeRegulars
) -> None:
    regulars = make_regulars(RECEIPTS)
    people = [regular.shopper for regular in regulars]
    slowly = {"match": {"path": PUSH}, "fault": "slow", "ms": 2_000, "every": 2}
    line.misbehave(slowly, latency_ms=LATENCY_MS)
    sell(shop, regulars)
    wait_until(lambda: accepted(line, PUSH, people).total() >= RECEIPTS // 10, "the first receipts")
    shop.kill("worker")
    assert accepted(line, PUSH, people).total() < RECEIPTS, "there was work left"
    shop.start("worker")
    line.misbehave()
    wait_settled(shop, regulars)
    assert {owed.state for owed in owed_to(shop, regulars, "receipt")} == {"accepted"}
    assert_each_heard_once(regulars)

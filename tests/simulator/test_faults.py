"""Faults on demand: what fails, how often, and whether it was accepted before it failed."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
import urllib3

from tests.simulator.conftest import Line, MakePerson, text

PUSH = {"method": "POST", "path": "/v2/bot/message/push"}


@pytest.mark.parametrize(
    ("fault", "status", "arrives"),
    [
        ("500_before", 500, False),
        ("500_after", 500, True),
        ("429_rate", 429, False),
        ("429_monthly", 429, False),
        ("401", 401, False),
        ("409", 409, False),
    ],
)
def test_a_fault_answers_as_asked(
    line: Line, make_person: MakePerson, fault: str, status: int, arrives: bool
) -> None:
    user = make_person()
    line.faults({"match": PUSH, "fault": fault, "times": 1})
    assert line.push(user).status == status
    assert (len(line.said(user)) == 1) is arrives
    assert line.push(user).status == 200


@pytest.mark.parametrize(("fault", "arrives"), [("drop_before", False), ("drop_after", True)])
def test_a_dropped_connection_answers_nothing(
    line: Line, make_person: MakePerson, fault: str, arrives: bool
) -> None:
    user = make_person()
    line.faults({"match": PUSH, "fault": fault, "times": 1})
    with pytest.raises(urllib3.exceptions.ProtocolError):
        line.push(user)
    assert (len(line.said(user)) == 1) is arrives


def test_after_a_lost_answer_the_retry_key_says_it_was_accepted(
    line: Line, make_person: MakePerson
) -> None:
    user, key = make_person(), str(uuid.uuid4())
    line.faults({"match": PUSH, "fault": "500_after", "times": 1})
    first = line.push(user, key=key)
    again = line.push(user, key=key)
    assert (first.status, again.status) == (500, 409)
    assert again.headers["x-line-accepted-request-id"] == first.headers["x-line-request-id"]
    assert len(line.said(user)) == 1


def test_a_hanging_call_ends_without_an_answer(line: Line, make_person: MakePerson) -> None:
    line.faults({"match": PUSH, "fault": "hang", "ms": 200, "times": 1})
    with pytest.raises(urllib3.exceptions.ProtocolError):
        line.push(make_person())


def test_a_slow_call_is_answered_in_the_end(line: Line, make_person: MakePerson) -> None:
    line.faults({"match": PUSH, "fault": "slow", "ms": 200, "times": 1})
    started = time.monotonic()
    assert line.push(make_person()).status == 200
    assert time.monotonic() - started >= 0.2


def test_every_third_call_fails(line: Line, make_person: MakePerson) -> None:
    user = make_person()
    line.faults({"match": PUSH, "fault": "500_before", "every": 3})
    statuses = [line.push(user).status for _ in range(6)]
    assert statuses == [200, 200, 500, 200, 200, 500]


def test_a_rule_hits_its_method_and_path_only(line: Line, make_person: MakePerson) -> None:
    line.faults({"match": PUSH, "fault": "500_before"})
    assert line.call("GET", "/v2/bot/info").status == 200
    assert line.push(make_person()).status == 500


def test_a_rule_without_a_match_hits_all_of_lines_api_and_nothing_else(
    line: Line, make_person: MakePerson
) -> None:
    line.faults({"fault": "500_before"})
    assert line.call("GET", "/v2/bot/info").status == 500
    assert line.call("GET", "/_sim/people").status == 200


def test_latency_is_added_to_every_call(line: Line) -> None:
    line.faults(latency_ms=100)
    started = time.monotonic()
    line.call("GET", "/v2/bot/info")
    assert time.monotonic() - started >= 0.1


def test_what_is_not_named_stays_and_clearing_takes_all_away(line: Line) -> None:
    line.faults({"match": PUSH, "fault": "409"})
    changed = line.call("PUT", "/_sim/faults", {"latency_ms": 5}).json
    assert (len(changed["rules"]), changed["latency_ms"]) == (1, 5)
    cleared = line.call("DELETE", "/_sim/faults").json
    assert (cleared["rules"], cleared["latency_ms"], cleared["webhook"]) == ([], 0, "on")


@pytest.mark.parametrize(
    "given",
    [
        {"rules": [{"fault": "explode"}]},
        {"rules": [{"fault": "500_before", "times": -1}]},
        {"rules": [{"fault": "500_before", "every": 0}]},
        {"rules": "all"},
        {"rules": [7]},
        {"latency_ms": "5"},
        {"webhook": "maybe"},
        {"moon": "full"},
    ],
)
def test_an_unknown_fault_is_refused(line: Line, given: Any) -> None:
    assert line.call("PUT", "/_sim/faults", given).status == 400


def test_a_faults_answer_is_in_the_log(line: Line, make_person: MakePerson) -> None:
    line.faults({"match": PUSH, "fault": "429_rate", "times": 1})
    line.push(make_person(), text("a"))
    (logged,) = line.call("GET", "/_sim/requests").json["requests"]
    assert logged["status"] == 429

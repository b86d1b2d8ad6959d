"""Journeys by the API: definitions in versions, switching, visits, numbers; and how it says no."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from models.api_key import READ_JOURNEYS, WRITE_JOURNEYS
from models.base import Sessions
from models.member import Member
from tests.conftest import NOON
from tests.handlers.api.conftest import MakeKey, Till
from tests.handlers.api.test_problems import problem_of
from tests.models.journey_shop import MINUTE, begin, buy, go, send, visits, wait, written

MakeMember = Callable[..., Member]
WEEK = [wait("week", "care", **{"for": {"days": 7}}), send("care")]
NAME = {"zh-TW": "購後關懷", "en": "Care"}


def keep(till: Till, *steps: Any, code: str = "care", **also: Any) -> TestResponse:
    definition = written(steps or WEEK, **also)
    return till.post("/journeys", {"code": code, "name": NAME, "definition": definition})


def told_by(answer: TestResponse, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json or {}
    return told


def test_a_journey_is_kept_read_switched_and_changed(till: Till) -> None:
    """B-16: the definition comes back in its canonical form, in versions."""
    made = keep(till)
    told = told_by(made, 201)
    assert made.headers["Location"] == "/api/v1/journeys/care"
    assert (told["state"], told["version"], told["visits"]) == ("draft", 1, {})
    assert told["definition"]["reentry"] == "once"
    assert told_by(till.post("/journeys/care/activate"))["state"] == "active"
    definition = told["definition"] | {"reentry": "each"}
    changed = till.post("/journeys/care/versions", {"definition": definition, "made_from": 1})
    assert told_by(changed, 201)["version"] == 2
    assert told_by(till.get("/journeys/care?version=1"))["definition"] == told["definition"]
    assert told_by(till.post("/journeys/care/pause"))["state"] == "paused"
    listed = told_by(till.get("/journeys", Accept_Language="en"))["items"]
    ours = next(each for each in listed if each["code"] == "care")
    assert (ours["name"], ours["trigger"]) == ("Care", "Purchase")
    assert told_by(till.post("/journeys/care/archive"))["state"] == "archived"
    problem_of(till.post("/journeys/care/activate"), 409, "journey_wrong_state")


def test_who_is_on_the_way_is_told_page_by_page_with_the_numbers(
    till: Till, sessions: Sessions, session: Session, make_member: MakeMember
) -> None:
    """B-16: came, waiting and left of each step; members by number alone."""
    people = [make_member() for _ in range(3)]
    begin(session, "care", WEEK, exit_when=["purchase"])
    for member in people:
        buy(session, member, NOON + MINUTE)
    go(sessions, session, NOON + 2 * MINUTE)
    buy(session, people[0], NOON + 3 * MINUTE)
    go(sessions, session, NOON + 4 * MINUTE)
    first = told_by(till.get("/journeys/care/visits?limit=2"))
    rest = told_by(till.get(f"/journeys/care/visits?limit=2&cursor={first['next']}"))
    numbers = [each["number"] for each in first["items"] + rest["items"]]
    assert numbers == [member.number for member in people]
    assert rest["next"] is None
    assert first["items"][0]["reason"] == "purchase"
    waiting = told_by(till.get("/journeys/care/visits?state=under_way&step=week"))["items"]
    assert len(waiting) == 2
    counted = told_by(till.get("/journeys/care/numbers"))
    assert counted["visits"] == {"under_way": 2, "exited": 1}
    assert counted["exits"] == {"purchase": 1}
    assert counted["steps"][0] == {
        "step": "week",
        "does": "等 7 天",
        "came": 3,
        "waiting": 2,
        "set_aside": 0,
        "gone": 1,
        "left_by": {"purchase": 1},
    }


def test_a_trial_tells_and_does_nothing(
    till: Till, session: Session, make_member: MakeMember
) -> None:
    """X5: what would happen to a member, and why it would not begin by itself."""
    member = make_member()
    begin(session, "care", WEEK)
    session.commit()
    told = told_by(till.post("/journeys/care/try", {"member": member.number}))
    assert (told["kept_from"], told["state"]) == (["no_cause"], "done")
    assert [(each["step"], each["why"], each["channel"]) for each in told["steps"]] == [
        ("week", "waited", None),
        ("care", "owed", "line"),
    ]
    assert visits(session, "care") == []
    problem_of(till.post("/journeys/care/try", {"member": "000000000"}), 404, "no_such_member")


def test_the_language_names_every_trigger_and_exit(till: Till) -> None:
    told = told_by(till.get("/journeys/language"))
    triggers = {each["code"]: each for each in told["triggers"]}
    assert triggers["purchase"]["facts"] == ["purchase_id", "purchased_on", "net_twd"]
    assert {"purchase", "refund", "left_segment"} <= {each["code"] for each in told["exits"]}


@pytest.mark.parametrize(
    ("definition", "code", "path"),
    [
        (written([send("a", "b")]), "journey_unknown_step", "steps[0].next"),
        (written([send("a")], on="rain"), "journey_unknown_word", "trigger.on"),
        (written([send("a", words="{x}")]), "content_unknown_variable", None),
        ({}, "journey_unknown_word", ""),
    ],
)
def test_what_cannot_be_walked_is_refused_with_its_place(
    till: Till, definition: dict[str, Any], code: str, path: str | None
) -> None:
    body = {"code": "care", "name": NAME, "definition": definition}
    problem = problem_of(till.post("/journeys", body), 422, code)
    assert path is None or problem["facts"]["path"] == path


def test_it_says_no_by_its_codes(till: Till, make_key: MakeKey) -> None:
    told_by(keep(till), 201)
    problem_of(keep(till), 409, "journey_exists")
    problem_of(keep(till, code="language"), 422, "journey_refused")
    problem_of(till.get("/journeys/none"), 404, "no_such_journey")
    problem_of(till.get("/journeys/care?version=9"), 404, "no_such_journey")
    problem_of(till.get("/journeys/care/visits?cursor=x"), 400, "bad_cursor")
    late = {"definition": written(WEEK), "made_from": 7}
    problem_of(till.post("/journeys/care/versions", late), 409, "journey_changed")
    reader = Till(till.client, make_key(READ_JOURNEYS))
    refused = problem_of(reader.post("/journeys/care/pause"), 403, "scope_missing")
    assert refused["facts"]["any_of"] == [WRITE_JOURNEYS]

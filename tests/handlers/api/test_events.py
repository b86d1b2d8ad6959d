"""Browse events over the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from models.api_key import READ_MEMBERS, WRITE_EVENTS
from models.member import Member
from tests.conftest import NOON
from tests.handlers.api.conftest import MakeKey, Till

MakeMember = Callable[..., Member]


def event(number: str | None = None, **told: Any) -> dict[str, Any]:
    who = {"number": number} if number else {}
    return {"id": "e1", "kind": "view", "occurred_at": NOON.isoformat()} | who | told


def tell(till: Till, *events: dict[str, Any], source: str = "shopline") -> Any:
    return till.post("/events", {"source": source, "events": events})


def test_events_are_kept_once_and_read_again(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    """B-02, B-09: the browse event API."""
    member = make_member()
    session.commit()
    earlier = (NOON - timedelta(hours=1)).isoformat()
    told = [
        event(member.number, sku="MT-L", path="/tea?me=1"),
        event(member.number, id="e2", kind="cart", occurred_at=earlier),
        event(id="e3"),
    ]
    assert tell(till, *told).json == {"kept": 2, "known": 0, "ignored": 1}
    assert tell(till, *told).json == {"kept": 0, "known": 2, "ignored": 1}
    seen = till.get(f"/members/{member.number}/events").json
    assert seen is not None
    assert [(each["id"], each["kind"], each["path"]) for each in seen["items"]] == [
        ("e1", "view", "/tea"),
        ("e2", "cart", None),
    ]


def test_who_did_not_allow_marketing_is_told_apart_from_nobody(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    """The answer counts, and says of no single person whether they are a member."""
    silent = make_member(marketing=False)
    session.commit()
    answers = [tell(till, event(number)).json for number in (silent.number, "820104417", None)]
    assert answers == [{"kept": 0, "known": 0, "ignored": 1}] * 3


@pytest.mark.parametrize(
    "broken",
    [
        {"kind": "buy"},
        {"occurred_at": "2026-11-22T12:00:00"},
        {"sku": "\x00"},
        {"number": "1"},
        {"id": ""},
        {"more": 1},
    ],
)
def test_a_misshapen_event_is_refused(till: Till, broken: dict[str, Any]) -> None:
    answer = tell(till, event() | broken)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_request")
    assert tell(till, event(), source="Shop Line").status_code == 422
    assert tell(till).status_code == 422


def test_writing_and_reading_events_are_two_rights(
    session: Session, client: FlaskClient, make_key: MakeKey, make_member: MakeMember
) -> None:
    member = make_member()
    session.commit()
    shop, office = Till(client, make_key(WRITE_EVENTS)), Till(client, make_key(READ_MEMBERS))
    assert (tell(shop, event()).status_code, tell(office, event()).status_code) == (200, 403)
    address = f"/members/{member.number}/events"
    assert (shop.get(address).status_code, office.get(address).status_code) == (403, 200)
    assert office.get("/members/820104417/events").status_code == 404

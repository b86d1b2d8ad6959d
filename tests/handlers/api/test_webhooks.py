"""The API of webhooks: endpoints, secrets, deliveries and sending them again."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from models.api_key import READ_MEMBERS
from models.webhook import (
    Attempt,
    Search,
    claim_delivery,
    conclude,
    feed,
    get_endpoint,
    list_deliveries,
    secret_of,
)
from tests.conftest import NOON, Clock, Maker
from tests.handlers.api.conftest import MakeKey, Till
from tests.models.shopping import buy

HOOK = {"url": "https://pos.example/hooks", "events": ["points.changed"], "description": "後台"}


@pytest.fixture
def endpoint_id(till: Till) -> int:
    """Return an endpoint added by API."""
    made = till.post("/webhooks", HOOK)
    assert made.status_code == 201
    return int(made.get_json()["id"])


def fail_one(session: Session, endpoint_id: int) -> int:
    """Let a delivery fail for good; return its id."""
    buy(session, Maker().member(session), 100)
    feed(session, NOON)
    claim = claim_delivery(session, endpoint_id, "secret", NOON)
    assert claim is not None
    conclude(session, claim, Attempt(500, "http_500", 9), NOON + timedelta(days=3))
    session.commit()
    return claim.delivery_id


def test_an_endpoint_is_added_read_disabled_and_deleted(till: Till, endpoint_id: int) -> None:
    """U7: endpoints by API; adding twice under one key adds one."""
    first = till.post("/webhooks", HOOK, key="again")
    again = till.post("/webhooks", HOOK, key="again")
    assert first.get_json() == again.get_json()
    assert first.headers["Location"] == f"/api/v1/webhooks/{first.get_json()['id']}"

    one = f"/webhooks/{endpoint_id}"
    told = till.get(one).get_json()
    assert (told["url"], told["events"], told["state"]) == (HOOK["url"], HOOK["events"], "active")
    assert "secret" not in json.dumps(told).replace("both_secrets_until", "")
    disabled = till.send("PATCH", one, {"state": "disabled"}).get_json()
    assert (disabled["state"], disabled["disabled_because"]) == ("disabled", "by_hand")
    assert till.send("PATCH", one, {"state": "active"}).get_json()["state"] == "active"
    assert len(till.get("/webhooks").get_json()["items"]) == 2
    assert till.send("DELETE", one).status_code == 204
    assert till.get(one).get_json()["type"].endswith("no_such_endpoint")


def test_the_secret_is_asked_for_and_rotated(
    till: Till, session: Session, endpoint_id: int, clock: Clock
) -> None:
    """U7: the secret is told by a question of its own; a rotation lets both sign for a day."""
    path = f"/webhooks/{endpoint_id}/secret"
    secret = till.get(path).get_json()["secret"]
    assert secret == secret_of("a secret of the tests", get_endpoint(session, endpoint_id))

    rotated = till.post(f"/webhooks/{endpoint_id}/rotate").get_json()

    assert rotated["both_secrets_until"] == "2026-11-23T12:00:00+08:00"
    assert till.get(path).get_json()["secret"] != secret
    clock.advance(days=2)
    assert till.get(f"/webhooks/{endpoint_id}").get_json()["both_secrets_until"] is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (HOOK | {"url": "http://pos.example/"}, 422),
        (HOOK | {"url": "https://10.0.0.1/"}, 422),
        (HOOK | {"url": "https://pos.example/\u0000"}, 422),
        (HOOK | {"events": []}, 422),
        (HOOK | {"events": ["points.gone"]}, 422),
        (HOOK | {"secret": "mine"}, 422),
        ([], 422),
    ],
)
def test_an_endpoint_that_will_not_do_is_refused(till: Till, body: object, status: int) -> None:
    assert till.post("/webhooks", body).status_code == status
    assert till.get("/webhooks").get_json() == {"items": []}


def test_deliveries_are_listed_page_by_page_and_read_with_their_event(
    till: Till, session: Session, endpoint_id: int
) -> None:
    """U7: what became of each delivery, with cursor pagination."""
    ids = [fail_one(session, endpoint_id) for _ in range(3)]
    first = till.get("/webhooks/deliveries?limit=2&state=failed").get_json()
    assert [row["id"] for row in first["items"]] == ids[:0:-1]
    rest = till.get(f"/webhooks/deliveries?limit=2&state=failed&cursor={first['next']}").get_json()
    assert [row["id"] for row in rest["items"]] == ids[:1]
    assert rest["next"] is None
    elsewhere = till.get(f"/webhooks/deliveries?cursor={first['next']}")
    assert elsewhere.status_code == 400

    one = till.get(f"/webhooks/deliveries/{ids[0]}").get_json()
    assert (one["state"], one["status"], one["reason"]) == ("failed", 500, "http_500")
    assert one["event"]["id"] == one["event_id"]
    assert one["event"]["type"] == one["type"] == "points.changed"


def test_what_failed_is_sent_again_one_or_all(
    till: Till, session: Session, endpoint_id: int
) -> None:
    """U7: replay one, or all that failed since a time."""
    one, other = (fail_one(session, endpoint_id) for _ in range(2))
    again = till.post(f"/webhooks/deliveries/{one}/replay")
    assert (again.status_code, again.get_json()["state"]) == (202, "waiting")
    assert till.post(f"/webhooks/deliveries/{one}/replay").status_code == 409

    late = till.post(f"/webhooks/{endpoint_id}/replay", {"since": "2026-11-23T00:00:00+08:00"})
    assert late.get_json() == {"replayed": 0}
    all_ = till.post(f"/webhooks/{endpoint_id}/replay", {"since": "2026-11-22T00:00:00+08:00"})
    assert (all_.status_code, all_.get_json()) == (202, {"replayed": 1})
    states = {row.id: row.state for row in list_deliveries(session, Search())}
    assert states == {one: "waiting", other: "waiting"}


def test_a_test_event_is_owed_at_once_unless_nobody_is_there(till: Till, endpoint_id: int) -> None:
    sent = till.post(f"/webhooks/{endpoint_id}/test")
    assert (sent.status_code, sent.get_json()["type"]) == (202, "webhook.test")
    till.send("PATCH", f"/webhooks/{endpoint_id}", {"state": "disabled"})
    refused = till.post(f"/webhooks/{endpoint_id}/test")
    assert refused.status_code == 409
    assert refused.get_json()["type"].endswith("endpoint_disabled")


@pytest.mark.parametrize("path", ["/webhooks/7", "/webhooks/7/secret", "/webhooks/deliveries/7"])
def test_what_is_not_there_is_not_found(till: Till, path: str) -> None:
    assert till.get(path).status_code == 404


def test_another_scope_sees_no_endpoint(make_key: MakeKey, till: Till) -> None:
    reader = Till(till.client, make_key(READ_MEMBERS))
    assert reader.get("/webhooks").status_code == 403

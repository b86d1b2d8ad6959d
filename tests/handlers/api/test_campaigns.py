"""Campaigns by the API: from the draft to the report; each step once, and by whom it may."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from models.api_key import READ_CAMPAIGNS, WRITE_CAMPAIGNS
from models.campaign import Campaign
from models.outbox import Owed
from models.sending import CampaignRun
from tests.conftest import Maker
from tests.handlers.api.conftest import MakeKey, Till
from tests.handlers.api.test_problems import problem_of
from tests.models.campaign_shop import EVERYBODY, open_office, text
from tests.models.test_insight import sent

NAME = {"zh-TW": "冬日第二杯", "en": "Second cup"}
DRAFT = {
    "code": "winter",
    "name": NAME,
    "segment": EVERYBODY,
    "content": text(),
    "schedule": {"when": "once", "at": "2026-11-25T11:00"},
}


@pytest.fixture
def members(session: Session) -> list[Any]:
    open_office(session)
    return [Maker().member(session, marketing=place != 3) for place in range(4)]


def told_by(answer: TestResponse, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json or {}
    return told


def test_a_campaign_goes_from_draft_to_sending(till: Till, members: list[Any]) -> None:
    """E-15, X2: kept, changed, previewed with holdout and cost, submitted, steered, cloned."""
    made = till.post("/campaigns", DRAFT)
    assert made.headers["Location"] == "/api/v1/campaigns/winter"
    assert told_by(made, 201)["holdout_percent"] == 10
    changed = till.send("PATCH", "/campaigns/winter", {"holdout_percent": 0, "priority": 70})
    assert told_by(changed)["priority"] == 70

    preview = told_by(till.get("/campaigns/winter/preview"))
    assert (preview["audience"], preview["messages"], preview["holdout"]) == (4, 3, 0)
    assert preview["send_at"] == "2026-11-25T11:00:00+08:00"
    assert (float(preview["more_twd"]), preview["needs_approval"]) == (0, False)

    assert told_by(till.post("/campaigns/winter/submit"))["reachable"] == 3
    for step, state in (("pause", "paused"), ("resume", "scheduled"), ("send-back", "draft")):
        assert told_by(till.post(f"/campaigns/winter/{step}"))["state"] == state
    assert told_by(till.post("/campaigns/winter/clone", {"code": "again"}), 201)["priority"] == 70
    assert told_by(till.post("/campaigns/winter/cancel"))["state"] == "cancelled"
    listed = told_by(till.get("/campaigns?state=draft", Accept_Language="en"))["items"]
    assert [(each["code"], each["name"]) for each in listed] == [("again", "Second cup")]
    assert listed[0]["created_by"].startswith("api:")


def test_a_campaign_goes_by_a_rule_of_its_own(till: Till, members: list[Any]) -> None:
    """E-15: the rule in place of a segment, changed alone, told back; both are one too many."""
    rule = {"schema": 1, "where": {"field": "allows_marketing", "is": "is", "value": True}}
    draft = {name: told for name, told in DRAFT.items() if name != "segment"}
    problem_of(till.post("/campaigns", draft), 422, "campaign_refused")
    problem_of(till.post("/campaigns", DRAFT | {"rule": rule}), 422, "campaign_refused")
    problem_of(till.post("/campaigns", draft | {"rule": {"where": 1}}), 422, "rule_unknown_key")

    made = told_by(till.post("/campaigns", draft | {"rule": rule}), 201)
    assert made["rule"] == rule
    assert told_by(till.get("/campaigns/winter/preview"))["audience"] == 3
    rule["where"]["value"] = False  # type: ignore[index]  # The test wrote it as one.
    assert told_by(till.send("PATCH", "/campaigns/winter", {"rule": rule}))["rule"] == rule
    assert told_by(till.get("/campaigns/winter/preview"))["audience"] == 1
    kept = told_by(till.send("PATCH", "/campaigns/winter", {"segment": EVERYBODY}))
    assert (kept["segment"], kept["rule"]) == (EVERYBODY, None)
    assert made["segment"] not in [each["code"] for each in told_by(till.get("/segments"))["items"]]


def test_a_test_goes_to_those_named_alone_and_once(
    till: Till, members: list[Any], session: Session
) -> None:
    told_by(till.post("/campaigns", DRAFT), 201)
    body = {"members": [members[0].number]}

    first = told_by(till.post("/campaigns/winter/test", body, key="k"))
    again = told_by(till.post("/campaigns/winter/test", body, key="k"))

    assert first == again == {"messages": 1}
    rows = session.scalar(select(func.count()).where(Owed.source.startswith("test:winter")))
    assert rows == 1


def test_proof_and_report_say_what_became_of_it(
    till: Till, members: list[Any], session: Session
) -> None:
    """The proof: sendings, everybody by cursor, one member; the report, honest when small."""
    told_by(till.post("/campaigns", DRAFT), 201)
    ids = [member.id for member in members]
    run_id = sent(session, ids[:2], held=[ids[2]], skipped={ids[3]: "marketing_stopped"})
    campaign = session.scalars(select(Campaign).where(Campaign.code == "winter")).one()
    _give_run(session, run_id, campaign.id)

    (run,) = told_by(till.get("/campaigns/winter/runs"))["items"]
    page = told_by(till.get(f"/campaigns/winter/runs/{run_id}/recipients?limit=3"))
    rest = told_by(
        till.get(f"/campaigns/winter/runs/{run_id}/recipients?limit=3&cursor={page['next']}")
    )
    got = told_by(till.get(f"/campaigns/winter/members/{members[3].number}"))["items"]
    report = told_by(till.get("/campaigns/winter/report"))

    assert (run["planned"], run["accepted"], run["is_complete"]) == (4, 2, True)
    assert run["skipped"] == {"holdout": 1, "marketing_stopped": 1}
    assert (len(page["items"]), len(rest["items"]), rest["next"]) == (3, 1, None)
    assert [(each["state"], each["reason"]) for each in got] == [("skipped", "marketing_stopped")]
    assert (report["planned"], report["adds_up"], report["roas"]) == (4, True, None)
    assert report["lift"]["verdict"] == "not_enough"
    problem_of(till.get("/campaigns/winter/report?run=999999"), 404, "no_such_run")
    problem_of(till.get("/campaigns/winter/runs/999999/recipients"), 404, "no_such_run")


def _give_run(session: Session, run_id: int, campaign_id: int) -> None:
    session.get_one(CampaignRun, run_id).campaign_id = campaign_id
    session.commit()


def test_it_says_no_with_the_place(till: Till, members: list[Any]) -> None:
    wrong = DRAFT | {"content": {"schema": 1, "messages": [{"type": "text"}]}}
    refused = problem_of(till.post("/campaigns", wrong), 422, "content_unknown_key")
    assert refused["facts"]["path"] == "variants[0].content.messages[0]"
    problem_of(till.post("/campaigns", DRAFT | {"segment": "nobodys"}), 404, "no_such_segment")
    past = DRAFT | {"schedule": {"when": "once", "at": "2026-11-01T11:00"}}
    problem_of(till.post("/campaigns", past), 422, "campaign_schedule_in_past")
    told_by(till.post("/campaigns", DRAFT), 201)
    problem_of(till.post("/campaigns", DRAFT), 409, "campaign_exists")
    problem_of(till.post("/campaigns/winter/pause"), 409, "campaign_not_in_this_state")
    problem_of(till.get("/campaigns/nothing"), 404, "no_such_campaign")


def test_scopes_part_reading_writing_and_sending(
    client: FlaskClient, make_key: MakeKey, members: list[Any]
) -> None:
    """Who may write drafts may not send them."""
    reader = Till(client, make_key(READ_CAMPAIGNS))
    writer = Till(client, make_key(WRITE_CAMPAIGNS, READ_CAMPAIGNS))

    problem_of(reader.post("/campaigns", DRAFT), 403, "scope_missing")
    told_by(writer.post("/campaigns", DRAFT), 201)
    problem_of(writer.post("/campaigns/winter/submit"), 403, "scope_missing")
    assert told_by(reader.get("/campaigns/winter"))["state"] == "draft"

"""Segments by the API: rules in versions, sizes, members, reasons, export; and how it says no."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from limits import RateLimitItemPerMinute
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from handlers.api import segments
from models.api_key import READ_MEMBERS, READ_SEGMENTS, WRITE_SEGMENTS
from models.audit import AuditEntry
from models.member import Member
from models.membership import erase_member
from tests.conftest import NOON
from tests.handlers.api.conftest import MakeKey, Till
from tests.handlers.api.test_problems import problem_of
from tests.handlers.segment_people import BAD_RULES, LOST, fill_shop, rule_of

MakeMember = Callable[..., Member]
BOUGHT = rule_of(field="purchases", **{"is": "at_least", "value": 1})
NAME = {"zh-TW": "喚回", "en": "Win back"}


@pytest.fixture
def people(session: Session) -> dict[str, Member]:
    return fill_shop(session)


def keep(till: Till, rule: object = LOST, code: str = "win-back", **more: Any) -> TestResponse:
    return till.post("/segments", {"code": code, "name": NAME, "rule": rule} | more)


def told_by(answer: TestResponse, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    told: dict[str, Any] = answer.json or {}
    return told


def test_a_rule_is_previewed_kept_and_read(till: Till, people: dict[str, Member]) -> None:
    """B-08: size before saving; then kept with its words, and found in the list."""
    preview = told_by(till.post("/segments/rules/preview", {"rule": LOST}))
    assert (preview["size"]["members"], preview["size"]["is_estimate"]) == (1, False)
    assert preview["size"]["freshness"] == "live"

    made = keep(till, note="週年慶")

    told = told_by(made, 201)
    assert made.headers["Location"] == "/api/v1/segments/win-back"
    assert told["rule"] == LOST
    assert told["rule_text"] == preview["rule_text"]
    assert (told["version"], told["note"], told["size"]["members"]) == (1, "週年慶", 1)
    assert told["made_by"].startswith("api:")
    listed = told_by(till.get("/segments", Accept_Language="en"))["items"]
    ours = next(each for each in listed if each["code"] == "win-back")
    assert ours["name"] == "Win back"


def test_a_new_rule_is_a_new_version_and_the_old_one_stays(
    till: Till, people: dict[str, Member]
) -> None:
    """B-08: versions; the same rule again makes none."""
    keep(till)
    path = "/segments/win-back/versions"
    assert told_by(till.post(path, {"rule": LOST, "made_from": 1}), 201)["version"] == 1

    told = told_by(till.post(path, {"rule": BOUGHT, "made_from": 1}), 201)

    assert (told["version"], told["size"]["members"]) == (2, 5)
    assert told_by(till.get("/segments/win-back?version=1"))["rule"] == LOST
    problem_of(till.get("/segments/win-back?version=3"), 404, "no_such_segment")


def test_who_changed_it_in_between_is_told_and_nothing_is_overwritten(
    till: Till, people: dict[str, Member]
) -> None:
    """Bad input: another person's edit in between."""
    keep(till)
    till.post("/segments/win-back/versions", {"rule": BOUGHT, "made_from": 1})

    answer = till.post("/segments/win-back/versions", {"rule": LOST, "made_from": 1})

    facts = problem_of(answer, 409, "segment_changed")["facts"]
    assert (facts["version"], facts["made_by"][:4]) == (2, "api:")
    assert told_by(till.get("/segments/win-back"))["rule"] == BOUGHT


def test_members_come_in_pages(till: Till, people: dict[str, Member]) -> None:
    keep(till, BOUGHT)
    numbers, path = [], "/segments/win-back/members?limit=2"
    while path:
        page = till.get(path)
        told = told_by(page)
        numbers += [each["number"] for each in told["items"]]
        assert (told["next"] is None) == ("Link" not in page.headers)
        path = f"/segments/win-back/members?limit=2&cursor={told['next']}" if told["next"] else ""

    buyers = [member.number for code, member in people.items() if code != "prospect"]
    assert numbers == buyers


def test_why_a_member_is_in_or_not_is_told_in_facts(till: Till, people: dict[str, Member]) -> None:
    """X5: facts, rule version and moment; also for a rule that is not kept."""
    keep(till)
    inside = told_by(till.get(f"/segments/win-back/members/{people['lost'].number}"))
    assert (inside["is_in"], inside["version"]) == (True, 1)
    assert inside["as_of"] == "2026-11-22T12:00:00+08:00"
    assert inside["answers"][0]["found"] == "nasld:lost"

    asked = {"rule": LOST, "member": people["active"].number}
    why = told_by(till.post("/segments/rules/preview", asked, Accept_Language="zh-TW"))["why"]

    assert (why["is_in"], why["version"]) == (False, None)
    assert why["answers"][0]["text"].endswith("（實際：活躍客）")
    assert why["answers"][0]["is_deciding"] is True


def test_who_left_is_in_no_segment(session: Session, till: Till, people: dict[str, Member]) -> None:
    keep(till)
    number = people["lost"].number
    erase_member(session, people["lost"], evidence="test", now=NOON)
    session.commit()

    assert told_by(till.get("/segments/win-back"))["size"]["members"] == 0
    problem_of(till.get(f"/segments/win-back/members/{number}"), 404, "no_such_member")


def test_an_export_has_numbers_and_figures_and_leaves_a_trace(
    session: Session, till: Till, people: dict[str, Member]
) -> None:
    """B-08: CSV that spreadsheets open; no name, no phone."""
    keep(till, BOUGHT)

    answer = till.get("/segments/win-back/export")

    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert "filename=win-back.csv" in answer.headers["Content-Disposition"]
    assert answer.data.startswith(b"\xef\xbb\xbf")
    lines = answer.data.decode("utf-8-sig").splitlines()
    assert len(lines) == 6
    assert lines[1].startswith(people["active"].number)
    assert not any("王小明" in line or "+886" in line for line in lines)
    noted = select(AuditEntry.subject).where(AuditEntry.what == "segment.export")
    assert session.scalars(noted).all() == ["segment:win-back"]


def test_a_builder_reads_what_may_be_asked(till: Till) -> None:
    """B-08: every field with operators, options and what may be chosen in this shop."""
    fields = {
        each["field"]: each
        for each in told_by(till.get("/segments/fields", Accept_Language="en"))["items"]
    }

    assert fields["purchases"]["name"] == "Number of purchases"
    assert "at_least" in fields["purchases"]["operators"]
    assert {"code": "nasld:lost", "name": "Lost"} in fields["nasld"]["choices"]


# --- no


@pytest.mark.parametrize("code", BAD_RULES)
def test_a_bad_rule_is_refused_with_its_place(till: Till, code: str) -> None:
    """Bad input: the place, what stands there, and what might; by every route that takes a rule."""
    rule = BAD_RULES[code]
    told = problem_of(till.post("/segments/rules/preview", {"rule": rule}), 422, code)
    assert "path" in told["facts"]
    assert "advice" not in told["facts"]
    assert told["detail"]
    chinese = till.post("/segments/rules/preview", {"rule": rule}, Accept_Language="zh-TW")
    assert (chinese.json or {})["detail"] != told["detail"]
    problem_of(keep(till, rule), 422, code)
    problem_of(till.get("/segments/win-back"), 404, "no_such_segment")


def test_what_is_no_rule_at_all_is_refused(till: Till) -> None:
    problem_of(till.post("/segments/rules/preview", {"rule": {}}), 422, "rule_unknown_key")
    problem_of(till.post("/segments/rules/preview", {"rule": []}), 422, "invalid_request")
    problem_of(till.post("/segments/rules/preview", {}), 422, "invalid_request")
    where = rule_of(field="usual_item", **{"is": "is", "value": "x" * 70_000})
    problem_of(till.post("/segments/rules/preview", {"rule": where}), 422, "rule_text_refused")
    skus = ["x" * 100] * 900
    huge = rule_of(field="usual_item", **{"is": "any_of", "value": skus})
    problem_of(till.post("/segments/rules/preview", {"rule": huge}), 422, "rule_too_large")


def test_a_huge_body_is_refused(till: Till) -> None:
    """Bad input: a body above the limit of all routes."""
    rule = rule_of(field="usual_item", **{"is": "is", "value": "x" * 1_200_000})
    problem_of(till.post("/segments/rules/preview", {"rule": rule}), 413, "content_too_large")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"code": "A B"}, "invalid_request"),
        ({"code": "fields"}, "segment_refused"),
        ({"name": {"en": "Win back"}}, "invalid_request"),
        ({"name": {"zh-TW": "  "}}, "segment_refused"),
        ({"note": "x" * 501}, "invalid_request"),
        ({"colour": "red"}, "invalid_request"),
    ],
)
def test_a_segment_that_cannot_be_kept_is_refused(
    till: Till, changed: dict[str, Any], code: str
) -> None:
    body = {"code": "mine", "name": NAME, "rule": LOST} | changed

    problem_of(till.post("/segments", body), 422, code)


def test_a_code_is_given_once(till: Till, people: dict[str, Member]) -> None:
    keep(till)

    problem_of(keep(till, BOUGHT), 409, "segment_exists")


def test_each_deed_needs_its_scope(client: FlaskClient, make_key: MakeKey) -> None:
    """Bad input: no scope."""
    reader, writer = Till(client, make_key(READ_SEGMENTS)), Till(client, make_key(WRITE_SEGMENTS))
    other = Till(client, make_key(READ_MEMBERS))

    told = problem_of(keep(reader), 403, "scope_missing")
    assert told["facts"]["any_of"] == [WRITE_SEGMENTS]
    assert keep(writer).status_code == 201
    problem_of(writer.get("/segments"), 403, "scope_missing")
    problem_of(other.get("/segments/models/nasld"), 403, "scope_missing")
    problem_of(client.get("/api/v1/segments"), 401, "api_key_refused")


def test_an_export_may_not_be_asked_all_day(
    till: Till, people: dict[str, Member], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Limits: each export reads the whole segment."""
    assert RateLimitItemPerMinute(6) == segments.EXPORTS
    keep(till)
    answers = [till.get("/segments/win-back/export") for _ in range(7)]
    assert [len(answer.data) > 0 and answer.status_code for answer in answers] == [200] * 6 + [429]


def test_a_cursor_of_another_segment_is_none(till: Till, people: dict[str, Member]) -> None:
    keep(till, BOUGHT)
    keep(till, BOUGHT, "other")
    cursor = told_by(till.get("/segments/win-back/members?limit=1"))["next"]

    problem_of(till.get(f"/segments/other/members?cursor={cursor}"), 400, "bad_cursor")

"""How the API says no: RFC 9457, with a stable code for everything, in two languages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask
from flask.testing import FlaskClient
from limits import RateLimitItemPerMinute
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from handlers.api import door
from handlers.api.codes import KINDS
from handlers.api.schemas.problem import Problem
from models.member import Member
from tests.handlers.api.conftest import Till

MakeMember = Callable[..., Member]
LOOKUP = "/members/lookup"


def problem_of(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """Return a problem, once it is well made and the one expected."""
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.mimetype == "application/problem+json"
    told: dict[str, Any] = answer.json
    Problem.model_validate(told)
    assert told["status"] == status
    assert told["type"] == f"http://localhost/api/docs/problems#{code}"
    assert told["request_id"] == answer.headers["X-Request-Id"]
    return told


def send(
    till: Till, body: bytes, kind: str = "application/json", path: str = LOOKUP
) -> TestResponse:
    """Post bytes as they are."""
    headers = {"Authorization": f"Bearer {till.secret}", "Content-Type": kind}
    return till.client.post(f"/api/v1{path}", data=body, headers=headers)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"number": ', b"\xff", b'{"number": NaN}', b'"\\ud800"', b"[" * 300, b"9" * 5000],
)
def test_what_is_no_json_is_400(till: Till, body: bytes) -> None:
    problem_of(send(till, body), 400, "malformed_json")


def test_a_number_beyond_all_bounds_is_no_json(till: Till) -> None:
    headers = {"Authorization": f"Bearer {till.secret}", "Idempotency-Key": "1"}
    answer = till.client.post(
        "/api/v1/purchases", data=b"[1e400]", content_type="application/json", headers=headers
    )

    problem_of(answer, 400, "malformed_json")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_type_is_415(till: Till, kind: str) -> None:
    problem_of(send(till, b"{}", kind), 415, "unsupported_media_type")


def test_too_much_is_413(app: Flask, till: Till) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 1_000

    problem_of(send(till, b" " * 1_001), 413, "content_too_large")


def test_unknown_addresses_are_404_below_the_api_only(client: FlaskClient) -> None:
    for path in ("/api/v1", "/api/v1/", "/api/v1/nothing"):
        problem_of(client.get(path), 404, "not_found")
    assert client.get("/nothing").mimetype == "text/html"


def test_an_unknown_method_is_405_with_what_is_allowed(client: FlaskClient) -> None:
    answer = client.delete("/api/v1/purchases")

    problem_of(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_every_fault_is_named_with_its_place(till: Till) -> None:
    answer = till.post(
        "/purchases",
        {"amount_twd": -1, "lines": [{"name": "茶", "amount_twd": "x"}], "surprise/~": 1},
    )

    told = problem_of(answer, 422, "invalid_request")
    assert {each["pointer"] for each in told["errors"]} == {
        "/member",
        "/amount_twd",
        "/lines/0/amount_twd",
        "/surprise~1~0",
    }
    assert {each["within"] for each in told["errors"]} == {"body"}


def test_faults_are_told_without_what_was_sent(till: Till) -> None:
    """Section 4: nothing personal comes back, or into a log."""
    answer = till.post(LOOKUP, {"phone": "0912345678", "name": "王小明"})

    assert "0912345678" not in answer.text
    assert "王小明" not in answer.text


@pytest.mark.parametrize(
    ("spoken", "title"),
    [
        ("zh-TW", "找不到會員"),
        ("zh-TW,en;q=0.5", "找不到會員"),
        ("en", "Nobody has this number, phone or code"),
        ("fr", "Nobody has this number, phone or code"),
    ],
)
def test_the_words_are_in_the_askers_language(till: Till, spoken: str, title: str) -> None:
    answer = till.get("/members/820104417", Accept_Language=spoken)

    assert problem_of(answer, 404, "no_such_member")["title"] == title


@pytest.mark.parametrize(
    ("told", "is_kept"),
    [("till-3:42", True), ("a" * 65, False), ("new\tline", False), ("", False), ("名", False)],
)
def test_a_sane_request_id_is_the_askers_own(till: Till, told: str, *, is_kept: bool) -> None:
    answer = till.get("/members/820104417", X_Request_Id=told)

    known = answer.headers["X-Request-Id"]
    assert (known == told) is is_kept
    assert known


def test_beyond_the_limit_one_is_told_when_to_come_again(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Section 4: 429 with Retry-After, by key."""
    monkeypatch.setattr(door, "CALLS", RateLimitItemPerMinute(3))

    answers = [till.get("/purchases") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    problem_of(answers[-1], 429, "too_many_requests")
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 61


def test_our_own_failure_is_500_and_nothing_stays(app: Flask, till: Till) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with patch("handlers.api.members.tell_member", side_effect=RuntimeError):
        missing = till.get("/members/820104417")
    with patch("handlers.api.purchases.list_of_store", side_effect=RuntimeError):
        broken = till.get("/purchases")

    problem_of(missing, 404, "no_such_member")
    problem_of(broken, 500, "internal_error")


@pytest.mark.parametrize("at", ["handlers.api.door.open_call", "sqlalchemy.orm.Session.commit"])
def test_a_database_that_is_away_is_503(app: Flask, till: Till, at: str) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with patch(at, side_effect=OperationalError("SELECT 1", {}, Exception("gone"))):
        answer = till.get("/purchases")

    problem_of(answer, 503, "unavailable")
    assert answer.headers["Retry-After"] == "2"


def test_each_call_is_logged_once_and_says_nothing_personal(
    session: Session, till: Till, make_member: MakeMember, capsys: pytest.CaptureFixture[str]
) -> None:
    """Section 4: key in the access log; never codes, numbers or phones."""
    member = make_member(phone="+886912345678")
    session.commit()
    capsys.readouterr()

    till.post(LOOKUP, {"phone": "0912345678"}, X_Request_Id="till-7")
    till.get(f"/members/{member.number}")
    till.get("/nothing")

    lines = [line for line in capsys.readouterr().out.splitlines() if "event=api_call" in line]
    assert len(lines) == 3
    assert "route=/api/v1/members/lookup status=200" in lines[0]
    assert "request_id=till-7" in lines[0]
    assert "number>" in lines[1]
    for personal in (member.number, "0912345678", "912345678", till.secret):
        assert not any(personal in line for line in lines)


def test_every_code_says_what_to_do_in_both_languages() -> None:
    for code, kind in KINDS.items():
        assert 400 <= kind.status <= 503, code
        assert all((kind.title, kind.advice, kind.title_zh, kind.advice_zh)), code

"""Registering a member at a till, over the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.api_key import WRITE_PURCHASES
from models.consent import Consent, get_notice
from models.member import Member, get_member_by_typed
from tests.handlers.api.conftest import MakeKey, Till

MakeMember = Callable[..., Member]
PHONE = "0912 345 678"


def person(session: Session, **told: Any) -> dict[str, Any]:
    consent = {"notice_version": get_notice(session).version, "agreed": True}
    return {"phone": PHONE, "name": "王小明", "consent": consent} | told


def test_a_person_who_agreed_is_a_member_by_phone(session: Session, till: Till) -> None:
    """U23: a card at once, and the proof of their consent to the notice they were told."""
    notice = till.get("/notice").json
    assert notice is not None
    assert len(notice["items"]) == 6
    body = person(session, consent={"notice_version": notice["version"], "agreed": True})
    answer = till.post("/members", body, key="join-1")
    assert answer.status_code == 201
    assert answer.json is not None
    member = get_member_by_typed(session, PHONE)
    assert answer.json["number"] == member.number
    assert answer.json["join_url"] == "http://localhost/join/TP01"
    assert answer.headers["Location"] == f"/api/v1/members/{member.number}"
    assert not {"name", "phone"} & set(answer.json)  # The answer is kept for a week.
    said = session.scalars(select(Consent).filter_by(member_id=member.id)).one()
    assert (said.purpose, said.notice_version, said.channel) == (
        "membership",
        notice["version"],
        "till",
    )
    assert said.evidence.endswith(":join-1")
    assert not member.marketing_allowed


def test_a_phone_that_is_taken_is_refused_without_a_word_of_whose(
    session: Session, till: Till, make_member: MakeMember
) -> None:
    make_member(phone="+886912345678", name="陳大文")
    session.commit()
    answer = till.post("/members", person(session))
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (409, "phone_taken")
    assert "facts" not in answer.json


def test_a_repeated_key_registers_once(session: Session, till: Till) -> None:
    first, again = (till.post("/members", person(session), key="k") for _ in range(2))
    assert (first.status_code, first.json) == (again.status_code, again.json)


@pytest.mark.parametrize(
    ("told", "status", "code"),
    [
        ({"consent": {"notice_version": "old", "agreed": True}}, 409, "notice_outdated"),
        ({"consent": {"notice_version": "old", "agreed": False}}, 422, "invalid_request"),
        ({"consent": None}, 422, "invalid_request"),
        ({"phone": "02-2345-6789"}, 422, "not_a_mobile_number"),
        ({"name": "\u200b"}, 422, "name_refused"),
    ],
)
def test_without_a_yes_a_phone_or_a_name_nobody_joins(
    session: Session, till: Till, told: dict[str, Any], status: int, code: str
) -> None:
    answer = till.post("/members", person(session) | told)
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert session.scalars(select(Member)).all() == []


def test_only_its_own_scope_registers(
    session: Session, client: FlaskClient, make_key: MakeKey
) -> None:
    till = Till(client, make_key(WRITE_PURCHASES))
    assert till.post("/members", person(session)).status_code == 403
    assert till.get("/notice").status_code == 403

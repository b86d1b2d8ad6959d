"""The API: why a member stands where they stand, behind a key."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from models.api_key import READ_MEMBERS, add_api_key
from models.member import Member
from tests.conftest import NOON

MakeMember = Callable[..., Member]


@pytest.fixture
def key(session: Session) -> str:
    _, secret = add_api_key(session, "till", [READ_MEMBERS], NOON)
    session.commit()
    return secret


def test_a_key_reads_why_a_member_is_in_their_tier(
    session: Session, client: FlaskClient, make_member: MakeMember, key: str
) -> None:
    """X5: the API returns the deciding facts."""
    member = make_member(spend_twd=8_000)
    session.commit()
    answer = client.get(
        f"/api/v1/members/{member.number}/tier", headers={"Authorization": f"Bearer {key}"}
    )
    assert answer.status_code == 200
    assert answer.json is not None
    assert (answer.json["tier"], answer.json["next"]["gap"]) == ("silver", 7_000)


@pytest.mark.parametrize(
    ("authorization", "status", "title"),
    [
        (None, 401, "api_key_refused"),
        ("Basic abc", 401, "api_key_refused"),
        ("Bearer rk_wrong", 401, "api_key_refused"),
    ],
)
def test_without_a_good_key_nothing_is_told(
    client: FlaskClient, authorization: str | None, status: int, title: str
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    answer = client.get("/api/v1/members/123456789/tier", headers=headers)
    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.json is not None
    assert answer.json["title"] == title


def test_a_key_without_the_scope_is_told_so(session: Session, client: FlaskClient) -> None:
    _, secret = add_api_key(session, "till", ["purchases:write"], NOON)
    session.commit()
    headers = {"Authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/members/1/tier", headers=headers).status_code == 403


def test_nobody_of_that_number_is_not_found(client: FlaskClient, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    assert client.get("/api/v1/members/999/tier", headers=headers).status_code == 404

"""Tags of members over the API (B-08)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.api_key import (
    READ_MEMBERS,
    READ_SEGMENTS,
    WRITE_EVENTS,
    WRITE_MEMBERS,
    WRITE_SEGMENTS,
)
from models.member import Member
from models.tag import MemberTag, Tag, TagEvent, keep_tag
from tests.conftest import NOON
from tests.handlers.api.conftest import MakeKey, Till

MakeMember = Callable[..., Member]


@pytest.fixture
def collab(session: Session) -> Tag:
    tag = keep_tag(session, "designer-collab", {"zh-TW": "喜歡設計師聯名"}, now=NOON)
    session.commit()
    return tag


def test_a_tag_is_given_told_and_taken_off(
    session: Session, till: Till, make_member: MakeMember, collab: Tag
) -> None:
    """B-08: with its source, its moment and its end."""
    member = make_member()
    session.commit()
    address = f"/members/{member.number}/tags"
    until = (NOON + timedelta(days=9)).isoformat()
    given = till.post(address, {"code": collab.code, "expires_at": until})
    assert given.status_code == 201
    assert given.json is not None
    assert given.json["source"] == "api"
    assert given.json["detail"].startswith("api:")
    assert given.json["expires_at"] == "2026-12-01T12:00:00+08:00"
    assert till.get(address).json == {"items": [given.json]}
    taken = till.send("DELETE", f"{address}/{collab.code}")
    assert (taken.status_code, taken.json) == (200, {"taken": 1})
    assert till.send("DELETE", f"{address}/{collab.code}").json == {"taken": 0}
    assert till.get(address).json == {"items": []}


def test_a_repeated_call_gives_it_once(
    session: Session, till: Till, make_member: MakeMember, collab: Tag
) -> None:
    member = make_member()
    session.commit()
    address = f"/members/{member.number}/tags"
    answers = [till.post(address, {"code": collab.code}, key="same") for _ in range(2)]
    assert answers[0].json == answers[1].json
    assert len(session.scalars(select(MemberTag)).all()) == 1
    assert len(session.scalars(select(TagEvent)).all()) == 1


def test_the_shops_tags_are_listed(till: Till, collab: Tag) -> None:
    assert till.get("/tags").json == {
        "items": [{"code": "designer-collab", "name": "喜歡設計師聯名"}]
    }


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"code": "unknown"}, 404, "no_such_tag"),
        (
            {"code": "designer-collab", "expires_at": "2026-11-22T12:00:00+08:00"},
            422,
            "tag_refused",
        ),
        ({"code": "Ü"}, 422, "invalid_fields"),
        ({"code": "a\x00"}, 422, "invalid_fields"),
        ({"code": "designer-collab", "why": "x"}, 422, "invalid_fields"),
        ({}, 422, "invalid_fields"),
    ],
)
def test_what_cannot_be_given_is_refused(
    session: Session,
    till: Till,
    make_member: MakeMember,
    collab: Tag,
    body: dict[str, str],
    status: int,
    code: str,
) -> None:
    member = make_member()
    session.commit()
    refused = till.post(f"/members/{member.number}/tags", body)
    assert refused.status_code == status, refused.json
    assert refused.json is not None
    if code != "invalid_fields":
        assert refused.json["code"] == code


def test_who_is_nobody_has_no_tags(till: Till, collab: Tag) -> None:
    assert till.get("/members/200000008/tags").status_code == 404


def test_only_a_key_that_may_write_gives_one(
    session: Session,
    client: FlaskClient,
    make_key: MakeKey,
    make_member: MakeMember,
    collab: Tag,
) -> None:
    """Either of two scopes is enough; others open nothing."""
    member = make_member()
    address = f"/members/{member.number}/tags"
    for scope, status in ((WRITE_MEMBERS, 201), (WRITE_SEGMENTS, 201), (WRITE_EVENTS, 403)):
        till = Till(client, make_key(scope))
        assert till.post(address, {"code": collab.code}).status_code == status
    assert Till(client, make_key(READ_SEGMENTS)).get("/tags").status_code == 200
    assert Till(client, make_key(READ_MEMBERS)).get(address).status_code == 200
    assert Till(client, make_key(WRITE_MEMBERS)).get(address).status_code == 403

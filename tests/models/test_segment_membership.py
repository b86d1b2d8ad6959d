"""In which segments a member is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy.orm import Session

from models.member import Member
from models.membership import erase_member
from models.segment import membership, parse_rule
from models.segment.keeping import add_segment, archive_segment
from models.segment.membership import list_segments_of
from tests.conftest import NOON

MakeMember = Callable[..., Member]


@pytest.mark.parametrize("at_once", [1, 20])
def test_all_segments_are_asked_some_in_a_statement(
    session: Session,
    make_member: MakeMember,
    monkeypatch: pytest.MonkeyPatch,
    at_once: int,
) -> None:
    monkeypatch.setattr(membership, "AT_ONCE", at_once)
    member = make_member(points=50)
    known = {each.segment.code for each in list_segments_of(session, member.id, NOON)}
    for code, least in (("test-few", 10), ("test-many", 100), ("test-gone", 10)):
        rule = parse_rule(
            {"schema": 1, "where": {"field": "points", "is": "at_least", "value": least}}
        )
        add_segment(session, code, {"zh-TW": code}, rule, by="t", now=NOON)
    archive_segment(session, "test-gone", now=NOON)
    found = {
        each.segment.code: each.is_in
        for each in list_segments_of(session, member.id, NOON)
        if each.segment.code not in known
    }
    assert found == {"test-few": True, "test-many": False}
    erase_member(session, member, evidence="e", now=NOON)
    assert not any(each.is_in for each in list_segments_of(session, member.id, NOON))

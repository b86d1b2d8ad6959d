"""Members in a list, a page at a time, by any rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from models import member_list
from models.member import Member
from models.member_list import MemberPage, list_page
from models.membership import erase_member
from models.segment import Rule, parse_rule
from tests.conftest import NOON

MakeMember = Callable[..., Member]
REACHABLE: dict[str, Any] = {"field": "reachable", "is": "is", "value": True}


def rule_of(node: dict[str, Any]) -> Rule:
    return parse_rule({"schema": 1, "where": node})


def all_pages(session: Session, rule: Rule | None, limit: int) -> list[int]:
    """Return the ids of all members of a rule, page after page."""
    found: list[int] = []
    before: int | None = None
    while True:
        page = list_page(session, rule, NOON, before_id=before, limit=limit)
        found += [listed.member.id for listed in page.rows]
        if page.next_id is None:
            return found
        before = page.next_id


def test_pages_hold_everybody_once_newest_first(session: Session, make_member: MakeMember) -> None:
    made = [make_member().id for _ in range(7)]
    assert all_pages(session, None, 3) == made[::-1]


def test_a_rule_narrows_the_list_and_says_whom_marketing_reaches(
    session: Session, make_member: MakeMember
) -> None:
    yes, _, left = make_member(), make_member(marketing=False), make_member()
    erase_member(session, left, evidence="e", now=NOON)
    page = list_page(session, rule_of(REACHABLE), NOON)
    assert [(listed.member.id, listed.is_reachable) for listed in page.rows] == [(yes.id, True)]
    assert page == MemberPage(page.rows, None, is_searching=False)


def test_a_slow_rule_is_looked_through_in_stretches(
    session: Session, make_member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [make_member(marketing=place % 3 == 0).id for place in range(12)]
    monkeypatch.setattr(member_list, "QUICK_COST", -1)
    monkeypatch.setattr(member_list, "FIRST_STRETCH", 2)
    assert all_pages(session, rule_of(REACHABLE), 2) == made[::3][::-1]


def test_when_time_is_up_the_page_says_so_and_the_next_goes_on(
    session: Session, make_member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [make_member(marketing=place == 0).id for place in range(6)]
    monkeypatch.setattr(member_list, "QUICK_COST", -1)
    monkeypatch.setattr(member_list, "FIRST_STRETCH", 1)
    monkeypatch.setattr(member_list, "SEARCH_SECONDS", -1.0)
    page = list_page(session, rule_of(REACHABLE), NOON)
    assert (page.rows, page.is_searching) == ([], True)
    monkeypatch.setattr(member_list, "SEARCH_SECONDS", 5.0)
    assert all_pages(session, rule_of(REACHABLE), 2) == made[:1]


def test_a_rule_the_planner_took_for_quick_is_given_up(
    session: Session, make_member: MakeMember, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes a minute while it is timed, and no time at all afterwards."""
    member = make_member()
    is_timed = func.current_setting("statement_timeout") == "200ms"
    slow = func.pg_sleep(case((is_timed, 60), else_=0)).is_(None)
    monkeypatch.setattr(member_list, "WHOLE_MS", "200")
    monkeypatch.setattr(member_list, "condition_of", lambda *_: slow.is_(False))
    page = list_page(session, rule_of(REACHABLE), NOON)
    assert [listed.member.id for listed in page.rows] == [member.id]
    assert session.scalar(select(func.current_setting("statement_timeout"))) != "200ms"

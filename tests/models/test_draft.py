"""Drafts: what is typed is kept, each person's own, and others are told of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from models.draft import (
    EDITING,
    KEPT,
    LARGEST_BODY,
    DraftTooLarge,
    drop_draft,
    find_draft,
    forget_drafts,
    keep_draft,
    others_drafting,
)
from models.staff import Staff
from tests.conftest import NOON

MakeStaff = Callable[..., Staff]


def test_the_last_words_are_kept(session: Session, make_staff: MakeStaff) -> None:
    staff = make_staff()
    keep_draft(session, staff, "campaign:new", {"name": "中秋"}, "", NOON)

    keep_draft(session, staff, "campaign:new", {"name": "中秋節"}, "3", NOON)

    draft = find_draft(session, staff, "campaign:new")
    assert draft is not None
    assert (draft.body, draft.base) == ({"name": "中秋節"}, "3")


def test_a_draft_is_its_writers_own(session: Session, make_staff: MakeStaff) -> None:
    one, other = make_staff(username="one"), make_staff(username="other")
    keep_draft(session, one, "tiers", {"a": "1"}, "", NOON)

    assert find_draft(session, other, "tiers") is None
    assert [each.name for each in others_drafting(session, other, "tiers", NOON)] == [one.name]
    assert others_drafting(session, one, "tiers", NOON) == []


def test_who_stopped_typing_is_not_told_of(session: Session, make_staff: MakeStaff) -> None:
    one, other = make_staff(username="one"), make_staff(username="other")
    keep_draft(session, one, "tiers", {}, "", NOON)

    assert others_drafting(session, other, "tiers", NOON + EDITING) == []


def test_what_was_saved_is_no_draft(session: Session, make_staff: MakeStaff) -> None:
    staff = make_staff()
    keep_draft(session, staff, "tiers", {}, "", NOON)

    drop_draft(session, staff, "tiers")

    assert find_draft(session, staff, "tiers") is None


def test_a_book_is_no_draft(session: Session, make_staff: MakeStaff) -> None:
    staff = make_staff()

    with pytest.raises(DraftTooLarge):
        keep_draft(session, staff, "tiers", {"text": "字" * LARGEST_BODY}, "", NOON)
    with pytest.raises(DraftTooLarge):
        keep_draft(session, staff, "x" * 81, {}, "", NOON)


def test_old_drafts_go(session: Session, make_staff: MakeStaff) -> None:
    staff = make_staff()
    keep_draft(session, staff, "old", {}, "", NOON - KEPT - timedelta(seconds=1))
    keep_draft(session, staff, "new", {}, "", NOON)

    assert forget_drafts(session, NOON) == 1
    assert find_draft(session, staff, "new") is not None

"""A member's file: all that is kept of one person, and nothing of anybody else."""

from __future__ import annotations

import json
from collections.abc import Callable

from sqlalchemy.orm import Session

from models.audit import list_audit
from models.base import Base
from models.identity import merge_members
from models.member import Member
from models.member_file import LEFT_OUT, told_tables, write_file
from models.staff import Staff
from tests.conftest import NOON
from tests.models.shopping import buy

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]


def test_u13_the_file_holds_everything_of_a_person_and_of_their_merged_cards(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """U13: the history of a merged card is told with the kept one."""
    keep, drop, other = make_member(), make_member(), make_member()
    staff = make_staff("manager")
    for member in (keep, drop, other):
        buy(session, member, 300, categories=("奶茶",))
    session.flush()
    merge_members(session, keep, drop, staff=staff, reason="同一人", key="m", now=NOON)
    content = write_file(session, keep, staff=staff, now=NOON)
    assert content["member"]["number"] == keep.number
    assert [card["number"] for card in content["merged_cards"]] == [drop.number]
    tables = content["tables"]
    assert len(tables["purchase"]) == len(tables["purchase_line"]) == 2
    assert {row["member_id"] for row in tables["points_entry"]} == {keep.id, drop.id}
    assert tables["friend"][0]["line_user_id"] == keep.line_user_id
    text = json.dumps(content)
    assert str(other.phone) not in text
    assert "idempotency_key" not in text
    assert '"hash"' not in text
    assert list_audit(session, limit=1)[0].what == "member.export"


def test_every_table_that_names_members_is_told_or_left_out_for_a_reason() -> None:
    naming = {
        table.name
        for table in Base.metadata.sorted_tables
        if any(key.column.table.name == "member" for key in table.foreign_keys)
    }
    told = {table.name for table, _ in told_tables()}
    assert naming - told - {"member"} <= set(LEFT_OUT)
    assert not told & set(LEFT_OUT)
    assert all(LEFT_OUT.values())

"""Stopping marketing and leaving at a member's wish, done by the shop."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.audit import list_audit
from models.consent import Consent
from models.coupon import get_template, issue_coupon
from models.fraud import OwnCard, link_staff
from models.identity import ReasonMissing, merge_members
from models.leaving import (
    AlreadyLeft,
    WrongNumber,
    erase_for,
    preview_leaving,
    stop_marketing,
)
from models.member import Member
from models.member_note import write_note
from models.staff import Staff
from models.tag import BY_STAFF, give_tag, keep_tag
from tests.conftest import NOON

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]


def test_the_preview_tells_what_goes_and_writes_nothing(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    member = make_member(points=120)
    issue_coupon(session, member.id, get_template(session, "welcome"), issue_key="e", now=NOON)
    tag = keep_tag(session, "tea", {"zh-TW": "茶"}, now=NOON)
    give_tag(session, member.id, tag, source=BY_STAFF, now=NOON)
    write_note(session, member, "愛喝無糖", staff=make_staff(), key="k", now=NOON)
    seen = preview_leaving(session, member, NOON)
    assert (seen.points, seen.points_twd, seen.coupons, seen.tags, seen.notes) == (
        120,
        120,
        1,
        1,
        1,
    )
    assert (seen.plan_until, seen.visits, seen.has_line) == (None, 0, True)
    assert member.name is not None


def test_u13_erasing_needs_the_number_and_a_reason_and_says_who_did_it(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    member, staff = make_member(), make_staff("manager")

    def erase(number: str, reason: str) -> None:
        erase_for(
            session, member, typed_number=number, reason=reason, staff=staff, key="k", now=NOON
        )

    with pytest.raises(WrongNumber):
        erase("123456789", "來電要求")
    with pytest.raises(ReasonMissing):
        erase(member.number, " ")
    number = member.number
    erase(f"{number[:4]} {number[4:8]} {number[8:]}", "來電要求")
    assert (member.name, member.phone, member.line_user_id) == (None, None, None)
    entry = list_audit(session, limit=1)[0]
    assert (entry.what, entry.staff_id, entry.reason) == ("member.erase", staff.id, "來電要求")
    with pytest.raises(AlreadyLeft):
        erase(number, "again")
    with pytest.raises(AlreadyLeft):
        preview_leaving(session, member, NOON)


def test_nobody_erases_their_own_card_or_one_that_was_merged(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    own, staff, other = make_member(), make_staff("manager"), make_staff("owner")
    link_staff(session, staff.username, own)
    with pytest.raises(OwnCard):
        erase_for(
            session, own, typed_number=own.number, reason="退出", staff=staff, key="k", now=NOON
        )
    keep, drop = make_member(), make_member()
    merge_members(session, keep, drop, staff=other, reason="同一人", key="m", now=NOON)
    with pytest.raises(AlreadyLeft):
        preview_leaving(session, drop, NOON)


def test_marketing_is_stopped_once_with_a_consent_that_says_how(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    member, staff = make_member(marketing=True), make_staff("marketer")
    with pytest.raises(ReasonMissing):
        stop_marketing(session, member, reason="", staff=staff, key="k", now=NOON)
    for key in ("k", "again"):
        stop_marketing(session, member, reason="來電要求", staff=staff, key=key, now=NOON)
    assert not member.marketing_allowed
    said = session.scalars(select(Consent).where(Consent.purpose == "marketing")).all()
    assert [(row.is_given, row.channel, row.evidence) for row in said] == [
        (False, "office", "office:k")
    ]

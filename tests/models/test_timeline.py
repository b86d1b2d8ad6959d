"""A member's whole story on one line of time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from models.coupon import get_template, issue_coupon
from models.fraud.adjusting import ask_within_pace
from models.fraud.freezing import BY_STAFF, freeze_member
from models.identity import merge_members, undo_merge
from models.member import Member
from models.member_note import write_note
from models.membership import set_marketing
from models.programme import get_programme
from models.staff import Staff
from models.tag import BY_STAFF as TAGGED_BY_STAFF
from models.tag import give_tag, keep_tag, take_tag
from models.tier import note_change
from models.timeline import KINDS, Happening, Place, list_happenings
from models.timeline.reading import SOURCES
from tests.conftest import NOON
from tests.models.shopping import buy, take_back

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
DAY = timedelta(days=1)


def line_of(session: Session, member: Member, kind: str | None = None) -> list[tuple[str, str]]:
    session.flush()
    return [(each.source, each.what) for each in list_happenings(session, member.id, kind=kind)]


def test_b09_everything_that_happened_stands_on_one_line_newest_first(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """B-09: what was bought, given, said and changed, joined to one profile."""
    member, staff, tiers = make_member(), make_staff("manager"), get_programme(session).tiers
    purchase = buy(session, member, 300, categories=("奶茶",), now=NOON)
    issue_coupon(
        session, member.id, get_template(session, "welcome"), issue_key="e", now=NOON + 1 * DAY
    )
    tag = keep_tag(session, "tea", {"zh-TW": "愛茶"}, now=NOON)
    give_tag(session, member.id, tag, source=TAGGED_BY_STAFF, now=NOON + 2 * DAY)
    set_marketing(session, member, allowed=False, evidence="e", now=NOON + 3 * DAY)
    session.add(note_change(member.id, tiers[0], tiers[1], {"rule": "grant"}, NOON + 4 * DAY))
    write_note(session, member, "不喝冰", staff=staff, key="k", now=NOON + 5 * DAY)
    freeze_member(session, member, BY_STAFF, now=NOON + 6 * DAY, staff_id=staff.id)
    take_back(session, member, purchase, now=NOON + 7 * DAY)

    told = [each for each in line_of(session, member) if each[0] not in ("message", "points")]
    assert told == [
        ("refund", "full"),
        ("audit", "member.freeze"),
        ("note", ""),
        ("tier", "up"),
        ("consent", "taken_back"),
        ("tag", "added"),
        ("coupon", "issued"),
        ("purchase", "undone"),
        ("joined", ""),
    ]
    assert ("message", "waiting") in line_of(session, member, "messages")
    assert ("points", "refund") in line_of(session, member, "points")


def test_what_a_sale_brought_is_told_by_the_sale_and_alone_where_points_are_asked_for(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    purchase = buy(session, member, 300, categories=("奶茶", "果茶"))
    (sale,) = list_happenings(session, member.id, kind="purchases")
    assert (sale.amount_twd, sale.points, sale.facts) == (
        300,
        purchase.points_earned,
        (sale.facts or {})
        | {"lines": [{"name": "奶茶", "quantity": 1}, {"name": "果茶", "quantity": 1}]},
    )
    assert ("points", "purchase") not in line_of(session, member)
    assert ("points", "purchase") in line_of(session, member, "points")


def test_pages_tell_everything_once_whatever_stands_at_one_moment(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    member, staff = make_member(), make_staff("manager")
    for place in range(6):
        buy(session, member, 100 + place, now=NOON + (place // 2) * DAY)
        write_note(session, member, f"n{place}", staff=staff, key=f"k{place}", now=NOON)
    session.flush()
    whole = list_happenings(session, member.id)
    paged: list[Happening] = []
    after: Place | None = None
    while page := list_happenings(session, member.id, after=after, limit=3):
        paged += page
        after = page[-1].place
    assert paged == whole
    assert len({(each.source, each.id) for each in whole}) == len(whole)
    assert [each.at for each in whole] == sorted((each.at for each in whole), reverse=True)


def test_u13_a_merged_card_tells_its_part_until_it_is_parted_again(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """U13: a merge loses no history."""
    keep, drop, staff = make_member(), make_member(points=70), make_staff("manager")
    tag = keep_tag(session, "tea", {"zh-TW": "愛茶"}, now=NOON)
    give_tag(session, drop.id, tag, source=TAGGED_BY_STAFF, now=NOON)
    take_tag(session, drop.id, tag, now=NOON)
    merge = merge_members(session, keep, drop, staff=staff, reason="同一人", key="m", now=NOON)
    told = line_of(session, keep)
    assert ("tag", "removed") in told
    assert ("points", "adjustment") in told
    assert ("audit", "member.merge") in told
    undo_merge(session, merge, staff=staff, now=NOON)
    assert ("tag", "removed") not in line_of(session, keep)


def test_points_tell_their_reason_who_moved_them_and_what_waits(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    member, staff = make_member(), make_staff("manager")
    for key, points in (("a", 20), ("b", 900)):
        ask_within_pace(
            session,
            member,
            points,
            reason="補登",
            asked_by=staff,
            allowed_by=None,
            idempotency_key=key,
            now=NOON,
        )
    session.flush()
    told = {each.source: each for each in list_happenings(session, member.id, kind="points")}
    assert (told["points"].points, told["points"].balance, told["points"].words) == (20, 20, "補登")
    assert told["points"].staff_name == staff.name
    assert (told["adjustment"].what, told["adjustment"].points) == ("asked", 900)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_tells_its_own_sources_alone(
    session: Session, make_member: MakeMember, kind: str
) -> None:
    own = {source.name for source in SOURCES if source.kind == kind}
    assert own
    assert {source for source, _ in line_of(session, make_member(points=5), kind)} <= own


def test_a_place_far_back_is_before_everything(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    assert list_happenings(session, member.id, after=Place(NOON - 9_999 * DAY, "zzz", 1)) == []

"""Browsing: kept once, of members who allowed it, for 180 days; and who never bought anything."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.browse_event import (
    CLOCK_SKEW,
    KEPT_DAYS,
    MOST_AT_ONCE,
    BrowseEvent,
    Look,
    Noted,
    TooManyEvents,
    find_last_look,
    forget_old_looks,
    keep_looks,
    list_looks,
)
from models.identity import merge_members
from models.member import Member, registered_without_order
from models.membership import erase_member, set_marketing
from models.staff import Staff
from tests.conftest import NOON, Committed
from tests.handlers.statements import count_statements
from tests.models.shopping import buy, take_back

MakeMember = Callable[..., Member]
SHOP = "shopline"


def look(who: str, number: int = 1, *, minutes_ago: float = 0, **more: str) -> Look:
    told = {"kind": "view", "sku": f"S{number}"} | more
    return Look(f"e{number}", who, occurred_at=NOON - timedelta(minutes=minutes_ago), **told)


def count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(BrowseEvent)) or 0


def test_a_look_is_kept_once_however_often_it_is_told(
    session: Session, make_member: MakeMember
) -> None:
    """B-02, B-09: the browse event API."""
    member = make_member()
    told = [look(member.number), look(member.number, 2), look(member.number)]
    assert keep_looks(session, SHOP, told, NOON) == Noted(kept=2, known=1, ignored=0)
    assert keep_looks(session, SHOP, told, NOON) == Noted(kept=0, known=3, ignored=0)
    assert keep_looks(session, "91app", told[:1], NOON).kept == 1


def test_the_last_look_is_the_latest_by_its_own_time(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    told = [look(member.number, 1), look(member.number, 2, minutes_ago=5, kind="cart")]
    keep_looks(session, SHOP, told[::-1], NOON)
    last = find_last_look(session, member.id)
    assert last is not None
    assert (last.kind, last.sku) == ("view", "S1")
    assert [each.kind for each in list_looks(session, member.id, limit=9)] == ["view", "cart"]
    assert find_last_look(session, make_member().id) is None


def test_a_member_is_known_by_phone_too_and_by_the_number_of_a_merged_card(
    session: Session, make_member: MakeMember, make_staff: Callable[..., Staff]
) -> None:
    kept, dropped = make_member(phone="+886912345678"), make_member(line=False)
    merge_members(
        session, kept, dropped, staff=make_staff("manager"), reason="同一個人", key="m", now=NOON
    )
    told = [look("0912-345-678"), look(dropped.number, 2)]
    assert keep_looks(session, SHOP, told, NOON).kept == 2
    assert set(session.scalars(select(BrowseEvent.member_id))) == {kept.id}


def test_only_members_who_allow_marketing_leave_a_trace(
    session: Session, make_member: MakeMember
) -> None:
    """Privacy: what is of nobody we may follow is not kept, and which it was is not told."""
    silent, left = make_member(marketing=False), make_member()
    erase_member(session, left, evidence="e", now=NOON)
    session.flush()
    told = [look(silent.number), look(left.number, 2), look("0911222333", 3), look("nobody", 4)]
    assert keep_looks(session, SHOP, told, NOON) == Noted(0, 0, ignored=4)
    assert count(session) == 0


def test_taking_the_yes_back_takes_the_looks_along(
    session: Session, make_member: MakeMember
) -> None:
    member, other = make_member(), make_member()
    keep_looks(session, SHOP, [look(member.number), look(other.number, 2)], NOON)
    set_marketing(session, member, allowed=False, evidence="e", now=NOON)
    assert session.scalars(select(BrowseEvent.member_id)).all() == [other.id]
    erase_member(session, other, evidence="e", now=NOON)
    assert count(session) == 0


def test_a_closed_card_leaves_no_looks(
    session: Session, make_member: MakeMember, make_staff: Callable[..., Staff]
) -> None:
    kept, dropped = make_member(), make_member(line=False)
    keep_looks(session, SHOP, [look(dropped.number)], NOON)
    merge_members(
        session, kept, dropped, staff=make_staff("manager"), reason="同一個人", key="m", now=NOON
    )
    assert count(session) == 0


def test_a_path_is_kept_without_what_people_typed(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    keep_looks(session, SHOP, [look(member.number, path="/tea/milk?phone=0912345678#a")], NOON)
    assert session.scalars(select(BrowseEvent.path)).all() == ["/tea/milk"]


@pytest.mark.parametrize(
    ("age", "kept"),
    [
        (timedelta(days=KEPT_DAYS), 1),
        (timedelta(days=KEPT_DAYS, seconds=1), 0),
        (-CLOCK_SKEW, 1),
        (-CLOCK_SKEW - timedelta(seconds=1), 0),
    ],
)
def test_looks_of_long_ago_and_of_the_future_are_ignored(
    session: Session, make_member: MakeMember, age: timedelta, kept: int
) -> None:
    told = [Look("e", make_member().number, "view", NOON - age)]
    assert keep_looks(session, SHOP, told, NOON) == Noted(kept, 0, 1 - kept)


def test_a_batch_is_one_statement_and_has_an_end(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    told = [look(member.number, number) for number in range(MOST_AT_ONCE)]
    with count_statements(session) as statements:
        assert keep_looks(session, SHOP, told, NOON).kept == MOST_AT_ONCE
    assert len(statements) == 1
    with pytest.raises(TooManyEvents):
        keep_looks(session, SHOP, [*told, look(member.number, 999)], NOON)


def test_old_looks_are_forgotten_part_by_part(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    keep_looks(session, SHOP, [look(member.number, number) for number in range(5)], NOON)
    later = NOON + timedelta(days=KEPT_DAYS)
    assert forget_old_looks(session, later, limit=9) == 0
    later += timedelta(seconds=1)
    assert [forget_old_looks(session, later, limit=3) for _ in range(3)] == [3, 2, 0]


def test_the_same_batch_at_once_is_kept_once(committed: Committed) -> None:
    with committed.sessions.begin() as session:
        member = committed.maker.member(session)
        number = member.number
    told = [look(number, each) for each in range(100)]

    def keep(batch: list[Look]) -> int:
        with committed.sessions.begin() as session:
            return keep_looks(session, SHOP, batch, NOON).kept

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(keep, [told, told[::-1], told, told[::-1]])) == len(told)


# --- who never bought


def test_who_registered_and_never_bought_is_found_until_an_order_arrives(
    session: Session, make_member: MakeMember
) -> None:
    """B-02: "registered, 0 orders, N days"; it stops the moment an order arrives."""
    waiting = [make_member(joined_at=NOON - timedelta(days=days)) for days in (7, 8)]
    make_member(joined_at=NOON - timedelta(days=6))
    left = make_member(joined_at=NOON - timedelta(days=9))
    erase_member(session, left, evidence="e", now=NOON)
    found = registered_without_order(session, 7, NOON, limit=9)
    assert found == [member.id for member in waiting]
    assert registered_without_order(session, 7, NOON, after_id=found[0], limit=9) == found[1:]
    assert registered_without_order(session, 7, NOON, limit=1) == found[:1]

    purchase = buy(session, waiting[0])
    assert registered_without_order(session, 7, NOON, limit=9) == found[1:]
    take_back(session, waiting[0], purchase)
    assert registered_without_order(session, 7, NOON, limit=9) == found

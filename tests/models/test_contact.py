"""Who waits to be called: one wish each, by level and age, with what the caller should know."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.audit import list_audit
from models.contact import (
    FEWEST_MEASURED,
    LONGEST_ABOUT,
    SHOWN_EACH,
    USUAL_HOURS,
    AboutTooLong,
    ContactRequest,
    ContactSettled,
    ask_for_contact,
    list_open,
    say_about,
    settle_contact,
    usual_hours,
)
from models.coupon import get_template, issue_coupon
from models.member import Member
from models.membership import erase_member
from models.programme import get_programme
from models.staff import Staff
from tests.conftest import NOON, Committed
from tests.models.shopping import buy

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]


def ask(session: Session, member: Member, minutes: int = 0) -> ContactRequest:
    now = NOON + timedelta(minutes=minutes)
    return ask_for_contact(session, member, get_programme(session), now)


def test_the_highest_level_comes_first_then_the_oldest(
    session: Session, make_member: MakeMember
) -> None:
    """A-11: the service queue of gold and black, as set-up gives it."""
    basic, late, gold, black = (
        make_member(tier=tier) for tier in ("basic", "basic", "gold", "black")
    )
    for minutes, member in enumerate((basic, late, gold, black)):
        ask(session, member, minutes)
    waiting = list_open(session, NOON + timedelta(hours=1))
    assert [one.member.id for one in waiting] == [black.id, gold.id, basic.id, late.id]
    assert [one.request.level for one in waiting] == [2, 1, 0, 0]


def test_a_paid_plans_queue_counts_while_it_holds(
    session: Session, make_member: MakeMember
) -> None:
    """A-11, A-02: the better of tier and plan, at the moment of asking."""
    member = make_member(tier="gold")
    request = ask(session, member)
    member.tier_id = get_programme(session).tiers[0].id
    session.flush()
    assert list_open(session, NOON)[0].request.level == request.level == 1


def test_a_member_has_one_open_wish(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """E-09: asking again is the same wish; once settled, it is a new one."""
    member, staff = make_member(), make_staff("manager")
    first = ask(session, member)
    assert ask(session, member, 5).id == first.id
    settle_contact(session, first.id, staff, now=NOON)
    with pytest.raises(ContactSettled):
        settle_contact(session, first.id, staff, now=NOON)
    with pytest.raises(ContactSettled):
        say_about(session, member.id, "太晚了")
    assert ask(session, member, 9).id != first.id
    entry = list_audit(session, subject=f"contact:{first.id}")[0]
    assert (entry.what, entry.staff_id, entry.member_id) == ("contact.settle", staff.id, member.id)


def test_of_many_taps_at_once_comes_one_wish(committed: Committed) -> None:
    """E-09, X1: real threads."""
    with committed.sessions.begin() as session:
        member_id = committed.maker.member(session).id
    start = threading.Barrier(6)

    def tap() -> None:
        start.wait()
        with committed.sessions.begin() as session:
            ask(session, session.get_one(Member, member_id))

    threads = [threading.Thread(target=tap) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with committed.sessions() as session:
        assert session.scalar(select(func.count()).select_from(ContactRequest)) == 1


def test_what_it_is_about_is_short_and_plain(session: Session, make_member: MakeMember) -> None:
    """E-09: context; a later word replaces the first."""
    member = make_member()
    request = ask(session, member)
    say_about(session, member.id, "想問\n 生日禮\x00")
    assert request.about == "想問 生日禮"
    with pytest.raises(AboutTooLong):
        say_about(session, member.id, "茶" * (LONGEST_ABOUT + 1))
    say_about(session, member.id, "茶" * LONGEST_ABOUT)
    assert request.about == "茶" * LONGEST_ABOUT
    say_about(session, member.id, " \u200b\n")
    assert request.about is None


def test_whoever_calls_sees_the_context_of_each(session: Session, make_member: MakeMember) -> None:
    """E-09: last purchases, open coupons, kinds of the last messages, each their own."""
    first, second = make_member(), make_member(line=False)
    for amount_twd in (100, 200, 300, 400):
        buy(session, first, amount_twd)
    buy(session, second, 50)
    issue_coupon(session, first.id, get_template(session, "win_back"), issue_key="ctx:1", now=NOON)
    ask(session, first)
    ask(session, second, 1)
    one, other = list_open(session, NOON + timedelta(hours=1))
    assert [sale.paid_twd for sale in one.purchases] == [400, 300, 200]
    assert [coupon.template.code for coupon in one.coupons] == ["win_back"]
    assert {kind for kind, _ in one.messages} == {"receipt"}
    assert len(one.messages) == SHOWN_EACH
    assert [sale.paid_twd for sale in other.purchases] == [50]
    assert (list(other.coupons), list(other.messages)) == ([], [])


def test_leaving_takes_the_words_along(session: Session, make_member: MakeMember) -> None:
    """X14: what was written goes with the member's data, and nobody calls them."""
    member = make_member()
    request = ask(session, member)
    say_about(session, member.id, "我的地址是…")
    erase_member(session, member, evidence="test", now=NOON)
    session.refresh(request)
    assert (request.state, request.about, request.settled_by) == ("settled", None, None)
    assert list_open(session, NOON) == []


def test_the_usual_time_is_measured_once_enough_were_answered(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """E-09: timely help, told as it is."""
    staff = make_staff("manager")
    assert usual_hours(session, NOON) == USUAL_HOURS
    for hours in range(1, FEWEST_MEASURED + 1):
        request = ask(session, make_member())
        settle_contact(session, request.id, staff, now=NOON + timedelta(hours=hours, minutes=-20))
    assert usual_hours(session, NOON + timedelta(days=1)) == 3
    assert usual_hours(session, NOON + timedelta(days=200)) == USUAL_HOURS


def test_how_many_queries_does_not_depend_on_how_many_wait(
    session: Session, make_member: MakeMember
) -> None:
    from tests.handlers.statements import count_statements

    counts = []
    for _ in range(2):
        for _ in range(3):
            ask(session, make_member())
        session.flush()
        with count_statements(session) as found:
            list_open(session, NOON)
        counts.append(len(found))
    assert counts[0] == counts[1] == 4

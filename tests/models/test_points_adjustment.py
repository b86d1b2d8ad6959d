"""Adjustments by hand: a reason always, a second person above the limit, and the member is told."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.audit import AuditEntry
from models.fraud import OwnCard, SecondPersonNeeded
from models.member import Member
from models.outbox import Owed
from models.points import (
    AdjustmentRefused,
    AdjustmentSettled,
    IdempotencyKeyReused,
    InsufficientPoints,
    PointsAdjustment,
    PointsEntry,
    approve_adjustment,
    ask_adjustment,
    list_asked,
    refuse_adjustment,
    verify_member,
)
from models.shop import get_shop
from models.staff import Staff
from tests.conftest import NOON, Committed

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
LIMIT = 500


def ask(
    session: Session, member: Member, points: int, staff: Staff, key: str = "a", why: str = "補登"
) -> PointsAdjustment:
    return ask_adjustment(
        session, member, points, reason=why, asked_by=staff, idempotency_key=key, now=NOON
    )


def test_a_small_adjustment_is_posted_at_once_and_the_member_is_told(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """U10, U11: with reason and new balance, in the member's own words."""
    member, clerk = make_member(points=30), make_staff()

    wish = ask(session, member, LIMIT, clerk, why="  機器故障\n補登 ")

    entry = session.get_one(PointsEntry, wish.entry_id)
    assert (wish.state, wish.needs_second, member.points) == ("posted", False, 530)
    assert (entry.reason, entry.note, entry.staff_id) == ("adjustment", "機器故障 補登", clerk.id)
    told = session.scalars(select(Owed).where(Owed.kind == "points_adjusted")).one()
    assert told.words == {"reason": "機器故障 補登", "points": 500, "balance": 530, "pending": 0}
    audit = session.scalars(select(AuditEntry)).one()
    assert (audit.what, audit.staff_id) == ("points.adjustment_posted", clerk.id)
    assert verify_member(session, member.id) == []


def test_above_the_limit_a_second_person_decides(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    member, clerk, manager = make_member(), make_staff(), make_staff("manager")

    wish = ask(session, member, LIMIT + 1, clerk)
    assert (wish.state, member.points, list_asked(session)) == ("asked", 0, [wish])
    approve_adjustment(session, wish.id, decided_by=manager, now=NOON)

    assert (wish.state, wish.decided_by, member.points) == ("posted", manager.id, 501)
    assert list_asked(session) == []
    with pytest.raises(AdjustmentSettled):
        approve_adjustment(session, wish.id, decided_by=manager, now=NOON)
    assert member.points == 501


def test_the_limit_is_for_all_that_one_person_posts_in_a_day(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """U10: many small ones are one large one, up and down alike."""
    member, clerk, other = make_member(points=1000), make_staff(), make_staff()
    ask(session, member, 300, clerk, "a")
    assert ask(session, member, -201, clerk, "b").state == "asked"
    assert ask(session, member, -200, clerk, "c").state == "posted"
    assert ask(session, member, 300, other, "d").state == "posted"

    tomorrow = ask_adjustment(
        session,
        member,
        300,
        reason="補登",
        asked_by=clerk,
        idempotency_key="e",
        now=NOON + timedelta(days=1),
    )
    assert tomorrow.state == "posted"


def test_nobody_approves_their_own_wish(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    manager, clerk = make_staff("manager"), make_staff()
    wish = ask(session, make_member(), 900, manager)
    for nobody in (manager, clerk, make_staff("marketer"), make_staff("auditor")):
        with pytest.raises(SecondPersonNeeded):
            approve_adjustment(session, wish.id, decided_by=nobody, now=NOON)
    assert wish.state == "asked"


@pytest.mark.parametrize(
    "change",
    [
        "decided_by = asked_by",
        "state = 'posted', decided_at = now(), entry_id = (SELECT max(id) FROM points_entry)",
    ],
)
def test_the_database_says_so_too(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, change: str
) -> None:
    wish = ask(session, make_member(points=1), 900, make_staff())
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(text(f"UPDATE points_adjustment SET {change} WHERE id = {wish.id}"))  # noqa: S608 - Ours.


def test_nobody_moves_points_on_their_own_card(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    member = make_member()
    own = make_staff("manager", member_id=member.id)
    with pytest.raises(OwnCard):
        ask(session, member, 10, own)
    wish = ask(session, member, 900, make_staff())
    with pytest.raises(OwnCard):
        approve_adjustment(session, wish.id, decided_by=own, now=NOON)
    assert member.points == 0


def test_a_refused_wish_moves_nothing(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    member, manager = make_member(), make_staff("manager")
    wish = ask(session, member, 900, make_staff())
    refuse_adjustment(session, wish.id, decided_by=manager, now=NOON)
    assert (wish.state, wish.entry_id, member.points) == ("refused", None, 0)
    with pytest.raises(AdjustmentSettled):
        refuse_adjustment(session, wish.id + 1, decided_by=manager, now=NOON)


def test_a_repeated_wish_is_one(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    member, clerk = make_member(), make_staff()
    assert ask(session, member, 10, clerk) is ask(session, member, 10, clerk)
    assert member.points == 10
    with pytest.raises(IdempotencyKeyReused):
        ask(session, member, 11, clerk)


@pytest.mark.parametrize(
    ("points", "why"), [(0, "x"), (10, "  "), (10, "x" * 201), (1_000_001, "x")]
)
def test_an_adjustment_without_sense_is_refused(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, points: int, why: str
) -> None:
    with pytest.raises(AdjustmentRefused):
        ask(session, make_member(), points, make_staff(), why=why)


def test_who_may_not_work_the_counter_may_not_even_ask(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    with pytest.raises(SecondPersonNeeded):
        ask(session, make_member(), 10, make_staff("marketer"))


def test_points_no_longer_there_leave_the_wish_asked(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    get_shop(session).adjust_limit_points = 0
    member, manager = make_member(points=10), make_staff("manager")
    wish = ask(session, member, -11, make_staff())
    with pytest.raises(InsufficientPoints), session.begin_nested():
        approve_adjustment(session, wish.id, decided_by=manager, now=NOON)
    session.refresh(wish)
    assert (wish.state, wish.decided_by) == ("asked", None)


def test_many_small_ones_at_once_do_not_pass_the_limit(committed: Committed) -> None:
    """U10: ten of 100 at once against a limit of 500: five are posted."""
    with committed.sessions.begin() as session:
        clerk_id = committed.maker.staff(session).id
        ids = [committed.maker.member(session).id for _ in range(10)]

    def adjust(member_id: int) -> str:
        with committed.sessions.begin() as session:
            member = session.get_one(Member, member_id)
            staff = session.get_one(Staff, clerk_id)
            return ask(session, member, 100, staff, f"key:{member_id}").state

    with ThreadPoolExecutor(10) as pool:
        states = list(pool.map(adjust, ids))
    assert (states.count("posted"), states.count("asked")) == (5, 5)
    with committed.sessions() as session:
        assert session.scalar(select(func.sum(Member.points))) == 500

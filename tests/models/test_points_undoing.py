"""Pending points, taking back, giving back: exact to the lot, and never more than there was."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.local_day import day_start
from models.member import Member
from models.outbox import Owed
from models.points import (
    IdempotencyKeyReused,
    InsufficientPoints,
    MoreThanEarned,
    MoreThanSpent,
    NotReversible,
    PointsEntry,
    PointsLot,
    activate_due,
    activate_early,
    expire_member_points,
    give_back,
    list_expiring,
    list_members_with_due_lots,
    list_pending,
    pending_until,
    post_points,
    reverse_entry,
    take_back,
    undo,
    verify_member,
)
from models.purchase import Purchase
from models.shop import get_shop
from tests.conftest import NOON, Maker

MakeMember = Callable[..., Member]

TODAY = date(2026, 11, 22)
WEEK = TODAY + timedelta(days=7)
DECEMBER, JANUARY, MARCH = date(2026, 12, 1), date(2027, 1, 1), date(2027, 3, 1)


def earn(
    session: Session,
    member: Member,
    points: int,
    key: str,
    *,
    expires_on: date = MARCH,
    pending: date | None = None,
    tier_points: int = 0,
    purchase_id: int | None = None,
) -> PointsEntry:
    return post_points(
        session,
        member,
        points,
        reason="purchase",
        idempotency_key=key,
        now=NOON,
        expires_on=expires_on,
        pending_until=pending,
        tier_points=tier_points,
        purchase_id=purchase_id,
    )


def spend(
    session: Session, member: Member, points: int, key: str, now: datetime = NOON
) -> PointsEntry:
    return post_points(session, member, -points, reason="redemption", idempotency_key=key, now=now)


def lots(session: Session, member: Member) -> list[int]:
    session.flush()
    return list(
        session.scalars(
            select(PointsLot.remaining)
            .where(PointsLot.member_id == member.id)
            .order_by(PointsLot.entry_id)
        )
    )


def lot_of(session: Session, entry: PointsEntry) -> PointsLot:
    return session.get_one(PointsLot, entry.id)


def holds(session: Session, member: Member) -> bool:
    session.flush()
    return verify_member(session, member.id) == []


def let_debts_stand(session: Session) -> None:
    get_shop(session).negative_points = "debt"
    session.flush()


# --- pending


def test_pending_points_cannot_be_spent(session: Session, make_member: MakeMember) -> None:
    """Pending points (section 4): they wait for the return window."""
    member = make_member()
    entry = earn(session, member, 50, "a", pending=WEEK)

    with pytest.raises(InsufficientPoints):
        spend(session, member, 1, "b")

    assert (member.points, member.points_pending) == (0, 50)
    assert (entry.points, entry.pending, entry.pending_after) == (0, 50, 50)
    assert lot_of(session, entry).state == "pending"
    assert [(due.active_on, due.points) for due in list_pending(session, member.id)] == [(WEEK, 50)]
    assert list_expiring(session, member.id) == []
    assert holds(session, member)


def test_pending_points_become_active_on_their_day_once(
    session: Session, make_member: MakeMember
) -> None:
    """Pending points (section 4): pending → active by date."""
    member = make_member()
    entry = earn(session, member, 50, "a", pending=WEEK)

    assert activate_due(session, member.id, WEEK - timedelta(days=1), NOON) == 0
    assert list_members_with_due_lots(session, WEEK, 10) == [member.id]
    assert activate_due(session, member.id, WEEK, NOON) == 50
    assert activate_due(session, member.id, WEEK, NOON) == 0

    assert (member.points, member.points_pending) == (50, 0)
    assert lot_of(session, entry).state == "active"
    assert holds(session, member)


def test_due_points_can_be_spent_before_the_night_has_said_so(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    earn(session, member, 50, "a", pending=WEEK)

    spend(session, member, 50, "b", day_start(WEEK))

    assert (member.points, member.points_pending) == (0, 0)
    assert holds(session, member)


def test_points_become_active_by_an_event_too(session: Session, make_member: MakeMember) -> None:
    """Pending points (section 4): pending → active by event, such as delivery."""
    member = make_member()
    entry = earn(session, member, 50, "a", pending=WEEK)

    assert activate_early(session, member, entry.id, NOON) == 50
    assert activate_early(session, member, entry.id, NOON) == 0

    assert member.points == 50
    assert holds(session, member)


def test_the_return_window_is_the_shops(session: Session) -> None:
    shop = get_shop(session)
    assert pending_until(shop, TODAY) is None
    shop.return_days = 7
    assert pending_until(shop, TODAY) == WEEK


def test_an_earning_ends_by_the_shops_rule_unless_told(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    entry = post_points(session, member, 5, reason="reward", idempotency_key="a", now=NOON)
    assert lot_of(session, entry).expires_on == date(2027, 12, 1)


# --- the second wallet


def test_spending_never_touches_the_second_wallet(
    session: Session, make_member: MakeMember
) -> None:
    """E-05: tier points are a second wallet; redeeming never lowers them."""
    member = make_member()
    earn(session, member, 50, "a", tier_points=50)
    post_points(session, member, 0, reason="mission", idempotency_key="b", now=NOON, tier_points=7)

    entry = spend(session, member, 50, "c")
    expire_member_points(session, member.id, MARCH, NOON)

    assert (member.points, member.tier_points) == (0, 57)
    assert (entry.tier_points, entry.tier_points_after) == (0, 57)
    assert holds(session, member)


def test_the_second_wallet_never_falls_below_zero(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    with pytest.raises(InsufficientPoints):
        post_points(
            session, member, 0, reason="adjustment", idempotency_key="a", now=NOON, tier_points=-1
        )


def test_taking_back_lowers_the_second_wallet_with_it(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    entry = earn(session, member, 50, "a", tier_points=50)

    done = take_back(session, member, entry, 20, tier_points=20, idempotency_key="b", now=NOON)

    assert done.entry is not None
    assert (member.points, member.tier_points, done.entry.tier_points) == (30, 30, -20)
    assert holds(session, member)


# --- taking back


def test_what_is_pending_is_taken_back_first(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    entry = earn(session, member, 50, "a", pending=WEEK)
    earn(session, member, 30, "b")

    done = take_back(session, member, entry, 50, idempotency_key="c", now=NOON)

    assert (done.taken, done.forgiven) == (50, 0)
    assert (member.points, member.points_pending) == (30, 0)
    assert lot_of(session, entry).state == "reversed"
    assert holds(session, member)


def test_its_own_lot_is_taken_from_before_others(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    earn(session, member, 10, "early", expires_on=DECEMBER)
    entry = earn(session, member, 10, "own", expires_on=MARCH)
    earn(session, member, 10, "middle", expires_on=JANUARY)
    spend(session, member, 15, "spent")  # All of the early one and half of the middle one.

    take_back(session, member, entry, 10, idempotency_key="c", now=NOON)

    assert lots(session, member) == [0, 0, 5]
    assert holds(session, member)


def test_what_its_own_lot_lacks_comes_from_the_others(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    entry = earn(session, member, 10, "own", expires_on=DECEMBER)
    earn(session, member, 10, "other")
    spend(session, member, 6, "spent")

    done = take_back(session, member, entry, 10, idempotency_key="c", now=NOON)

    assert done.taken == 10
    assert lots(session, member) == [0, 4]
    assert holds(session, member)


def test_what_is_spent_is_forgiven_and_said(session: Session, make_member: MakeMember) -> None:
    """Points correctness (section 4): policy floor, the balance ends at 0 and says so."""
    member = make_member()
    entry = earn(session, member, 50, "a")
    spend(session, member, 30, "b")

    done = take_back(session, member, entry, 50, idempotency_key="c", now=NOON)

    assert (done.taken, done.forgiven, member.points) == (20, 30, 0)
    assert done.entry is not None
    assert (done.entry.points, done.entry.forgiven) == (-20, 30)
    assert holds(session, member)


def test_even_where_nothing_can_be_taken_an_entry_says_so(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    entry = earn(session, member, 50, "a")
    spend(session, member, 50, "b")

    done = take_back(session, member, entry, 50, idempotency_key="c", now=NOON)
    earn(session, member, 9, "later")
    again = take_back(session, member, entry, 50, idempotency_key="c", now=NOON)

    assert (again.entry, again.taken, again.forgiven) == (done.entry, 0, 50)
    assert member.points == 9
    assert holds(session, member)


def test_a_debt_stands_and_the_next_earnings_repay_it(
    session: Session, make_member: MakeMember
) -> None:
    """Points correctness (section 4): policy debt, repaid by what is earned next."""
    let_debts_stand(session)
    member = make_member()
    entry = earn(session, member, 50, "a")
    spend(session, member, 30, "b")

    done = take_back(session, member, entry, 50, idempotency_key="c", now=NOON)
    assert (done.taken, done.forgiven, member.points) == (50, 0, -30)
    assert holds(session, member)

    first = earn(session, member, 20, "d")
    assert (member.points, lot_of(session, first).repaid) == (-10, 20)
    waiting = earn(session, member, 25, "e", pending=WEEK)
    assert (member.points, member.points_pending) == (-10, 25)
    activate_due(session, member.id, WEEK, NOON)
    assert (member.points, lot_of(session, waiting).remaining) == (15, 15)
    assert holds(session, member)


def test_nobody_spends_into_a_debt(session: Session, make_member: MakeMember) -> None:
    let_debts_stand(session)
    member = make_member(points=10)
    with pytest.raises(InsufficientPoints):
        spend(session, member, 11, "a")


def test_only_an_undoing_may_leave_a_debt(session: Session, make_member: MakeMember) -> None:
    """The database says so too, whatever writes to it."""
    member = make_member()
    session.add(
        PointsEntry(
            member_id=member.id,
            points=-1,
            balance_after=-1,
            reason="redemption",
            idempotency_key="a",
            posted_at=NOON,
        )
    )
    with pytest.raises(IntegrityError, match="balance_not_negative"):
        session.flush()


def test_never_more_is_taken_back_than_was_earned(
    session: Session, make_member: MakeMember
) -> None:
    """Points correctness (section 4): never more than earned, over all parts together."""
    member = make_member(points=100)
    entry = earn(session, member, 10, "a")
    take_back(session, member, entry, 6, idempotency_key="b", now=NOON)

    with pytest.raises(MoreThanEarned) as refusal:
        take_back(session, member, entry, 5, idempotency_key="c", now=NOON)

    assert refusal.value.facts == {"asked": 5, "left": 4}
    assert member.points == 104


def test_what_expired_by_itself_is_not_asked_for_again(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member(points=100)
    entry = earn(session, member, 10, "a", expires_on=DECEMBER)
    spend(session, member, 4, "b")
    expire_member_points(session, member.id, DECEMBER, NOON)

    done = take_back(session, member, entry, 10, idempotency_key="c", now=NOON)

    assert (done.taken, done.forgiven, member.points) == (4, 6, 96)
    assert holds(session, member)


def test_taking_back_twice_under_one_key_takes_once(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    entry = earn(session, member, 10, "a")
    first = take_back(session, member, entry, 4, idempotency_key="b", now=NOON)
    again = take_back(session, member, entry, 4, idempotency_key="b", now=NOON)

    assert (again.entry, again.is_new, first.is_new) == (first.entry, False, True)
    assert member.points == 6
    with pytest.raises(IdempotencyKeyReused):
        take_back(session, member, entry, 5, idempotency_key="b", now=NOON)


def test_a_purchase_is_taken_back_with_all_it_brought(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    purchase = Maker().spend(session, member, 500, TODAY)
    main = earn(session, member, 5, "base", purchase_id=purchase.id)
    earn(session, member, 20, "bonus", pending=WEEK, purchase_id=purchase.id)
    purchase = session.get_one(Purchase, purchase.id)

    part = take_back(session, member, purchase, 22, idempotency_key="b", now=NOON)

    assert part.entry is not None
    assert (part.entry.answers_id, part.entry.purchase_id) == (main.id, purchase.id)
    assert (member.points, member.points_pending) == (3, 0)
    with pytest.raises(MoreThanEarned):
        take_back(session, member, purchase, 4, idempotency_key="c", now=NOON)
    assert holds(session, member)


def test_nothing_to_take_back_is_no_entry(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    entry = earn(session, member, 10, "a")
    done = take_back(session, member, entry, 0, idempotency_key="b", now=NOON)
    assert (done.entry, done.taken, member.points) == (None, 0, 10)


# --- giving back


def test_a_spending_is_given_back_to_its_own_lots(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    earn(session, member, 10, "early", expires_on=DECEMBER)
    earn(session, member, 10, "late")
    entry = spend(session, member, 15, "b")

    give_back(session, member, entry, 15, idempotency_key="c", now=NOON)

    assert lots(session, member) == [10, 10]
    assert member.points == 20
    assert holds(session, member)


def test_a_part_given_back_goes_to_what_lives_longest(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    earn(session, member, 10, "early", expires_on=DECEMBER)
    earn(session, member, 10, "late")
    entry = spend(session, member, 15, "b")

    give_back(session, member, entry, 7, idempotency_key="c", now=NOON)
    assert lots(session, member) == [2, 10]
    give_back(session, member, entry, 8, idempotency_key="d", now=NOON)

    assert lots(session, member) == [10, 10]
    with pytest.raises(MoreThanSpent):
        give_back(session, member, entry, 1, idempotency_key="e", now=NOON)
    assert holds(session, member)


def test_what_came_from_an_ended_lot_gets_thirty_days(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    earn(session, member, 10, "early", expires_on=DECEMBER)
    earn(session, member, 10, "late")
    entry = spend(session, member, 15, "b")
    december = day_start(DECEMBER)

    first = give_back(session, member, entry, 9, idempotency_key="c", now=december)
    second = give_back(session, member, entry, 6, idempotency_key="d", now=december)

    assert lots(session, member) == [0, 10, 4, 6]
    assert lot_of(session, first).expires_on == DECEMBER + timedelta(days=30)
    assert lot_of(session, second).granted == 6
    assert holds(session, member)


def test_a_debt_keeps_its_part_of_what_is_given_back(
    session: Session, make_member: MakeMember
) -> None:
    let_debts_stand(session)
    member = make_member()
    earned = earn(session, member, 10, "a")
    spent = spend(session, member, 10, "b")
    take_back(session, member, earned, 10, idempotency_key="c", now=NOON)

    give_back(session, member, spent, 10, idempotency_key="d", now=NOON)

    assert (member.points, lots(session, member)) == (0, [0])
    assert holds(session, member)


def test_only_a_spending_can_be_given_back(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    entry = earn(session, member, 10, "a")
    with pytest.raises(NotReversible):
        give_back(session, member, entry, 1, idempotency_key="b", now=NOON)


# --- reversing


def test_a_reversal_explains_itself_to_the_member(
    session: Session, make_member: MakeMember
) -> None:
    """U11: the reversal's message explains, and shows a balance below zero honestly."""
    let_debts_stand(session)
    member = make_member()
    entry = earn(session, member, 200, "a", tier_points=200)
    spend(session, member, 150, "b")

    done = reverse_entry(session, member, entry, note="兌換碼外流", idempotency_key="c", now=NOON)
    again = reverse_entry(session, member, entry, note="兌換碼外流", idempotency_key="c", now=NOON)

    assert (done.taken, again.is_new, member.points, member.tier_points) == (200, False, -150, 0)
    told = session.scalars(select(Owed).where(Owed.kind == "points_reversed")).one()
    assert told.words == {
        "reason": "兌換碼外流",
        "undone_reason": "purchase",
        "undone_points": 200,
        "undone_at": NOON.isoformat(),
        "forgiven": 0,
        "points": -200,
        "balance": -150,
        "pending": 0,
    }
    assert holds(session, member)


def test_a_spending_is_reversed_by_giving_it_back(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member(points=20)
    entry = spend(session, member, 15, "a")
    give_back(session, member, entry, 5, idempotency_key="b", now=NOON)

    done = undo(session, member, entry, idempotency_key="c", now=NOON)

    assert (done.taken, member.points) == (-10, 20)
    with pytest.raises(NotReversible):
        undo(session, member, entry, idempotency_key="d", now=NOON)


def test_what_the_ledger_did_by_itself_is_not_reversed(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    earn(session, member, 10, "a", expires_on=DECEMBER)
    expire_member_points(session, member.id, DECEMBER, NOON)
    expiry = session.scalars(select(PointsEntry).where(PointsEntry.reason == "expiry")).one()
    with pytest.raises(NotReversible):
        undo(session, member, expiry, idempotency_key="b", now=NOON)


def test_an_earning_of_tier_points_alone_is_reversed_too(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    entry = post_points(
        session, member, 0, reason="mission", idempotency_key="a", now=NOON, tier_points=7
    )
    undo(session, member, entry, idempotency_key="b", now=NOON)
    assert member.tier_points == 0
    with pytest.raises(NotReversible):
        undo(session, member, entry, idempotency_key="c", now=NOON)


def test_a_member_without_line_is_told_nothing(session: Session, make_member: MakeMember) -> None:
    member = make_member(line=False)
    entry = earn(session, member, 10, "a")
    reverse_entry(session, member, entry, note="錯", idempotency_key="b", now=NOON)
    assert session.scalars(select(Owed)).all() == []


def test_a_lot_tells_what_ended_it(session: Session, make_member: MakeMember) -> None:
    member = make_member()
    spent, ended = earn(session, member, 9, "a", expires_on=DECEMBER), earn(session, member, 9, "b")
    spend(session, member, 9, "c")
    assert (lot_of(session, spent).state, lot_of(session, spent).spent) == ("spent", 9)
    expire_member_points(session, member.id, MARCH, NOON)
    assert lot_of(session, ended).state == "expired"

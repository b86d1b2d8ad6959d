"""Merging two cards of one person, and taking it back as if it had never been."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.audit import AuditEntry
from models.coupon import Coupon, get_template, issue_coupon
from models.fraud import OwnCard
from models.identity import (
    MemberMerge,
    MergeOver,
    MergeRefused,
    ReasonMissing,
    find_standing_merge,
    forget_personal,
    merge_members,
    preview_merge,
    undo_merge,
)
from models.identity.merge import UNDO_FOR
from models.line_binding import list_bindings
from models.local_day import local_day
from models.member import Member, get_member_by_card, get_member_by_typed
from models.membership import erase_member
from models.outbox import Owed
from models.points import PointsEntry, PointsLot, post_points
from models.programme import get_programme
from models.purchase import Purchase
from models.staff import Staff
from models.stamp_card import EarnedStamps, StampCard, post_stamps
from tests.conftest import NOON, Maker

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]

TODAY = local_day(NOON)
MOST_DAYS_LEFT = 300


@pytest.fixture
def manager(make_staff: MakeStaff) -> Staff:
    return make_staff("manager")


def merge(
    session: Session, keep: Member, drop: Member, staff: Staff, key: str = "merge-1"
) -> MemberMerge:
    return merge_members(session, keep, drop, staff=staff, reason="同一人", key=key, now=NOON)


def dump(session: Session, member: Member) -> dict[str, Any]:
    """Return all that is a member's own, in a form that two moments can be compared in."""
    session.flush()
    session.expire_all()
    row = session.get_one(Member, member.id)
    lots = session.execute(
        select(PointsLot.expires_on, PointsLot.pending_until, func.sum(PointsLot.remaining))
        .where(PointsLot.member_id == row.id, PointsLot.remaining > 0)
        .group_by(PointsLot.expires_on, PointsLot.pending_until)
        .order_by(PointsLot.expires_on, PointsLot.pending_until)
    ).all()
    sums = session.execute(
        select(
            func.coalesce(func.sum(PointsEntry.points), 0),
            func.coalesce(func.sum(PointsEntry.pending), 0),
            func.coalesce(func.sum(PointsEntry.tier_points), 0),
        ).where(PointsEntry.member_id == row.id)
    ).one()
    assert tuple(sums) == (row.points, row.points_pending, row.tier_points)
    owned = {
        "purchase": sorted(
            session.scalars(select(Purchase.id).where(Purchase.member_id == row.id))
        ),
        # A reward that only both cards' stamps had filled is void once they are parted.
        "coupon": sorted(
            session.scalars(
                select(Coupon.id).where(Coupon.member_id == row.id, Coupon.state != "void")
            )
        ),
    }
    stamps = session.execute(
        select(StampCard.programme_id, StampCard.stamps, StampCard.expires_on)
        .where(StampCard.member_id == row.id, StampCard.stamps > 0)
        .order_by(StampCard.programme_id)
    ).all()
    columns = {
        column.name: getattr(row, column.name)
        for column in Member.__table__.columns
        if column.name != "card_ref"  # Drawn anew: codes shown before the merge stay dead.
    }
    return columns | owned | {"lots": [tuple(lot) for lot in lots], "stamps": [*map(tuple, stamps)]}


# --- what a random member has


@dataclass(frozen=True)
class Plan:
    """What one member is made of."""

    lots: list[tuple[int, int, bool]]
    """Points, days left, and whether they are pending."""
    spent: int
    sales: list[tuple[int, int]]
    """NT$ and days ago."""
    stamps: int
    coupons: int
    tier_points: int
    line: bool
    phone: bool


plans = st.builds(
    Plan,
    lots=st.lists(
        st.tuples(st.integers(1, 200), st.integers(40, MOST_DAYS_LEFT), st.booleans()), max_size=4
    ),
    spent=st.integers(0, 150),
    sales=st.lists(st.tuples(st.integers(1, 9_000), st.integers(0, 500)), max_size=4),
    stamps=st.integers(0, 23),
    coupons=st.integers(0, 2),
    tier_points=st.integers(0, 300),
    line=st.booleans(),
    phone=st.booleans(),
)


def build(session: Session, plan: Plan) -> Member:
    maker = Maker()
    member = maker.member(session, line=plan.line)
    if not plan.phone:
        member.phone = None
    for points, days_left, is_pending in plan.lots:
        post_points(
            session,
            member,
            points,
            reason="purchase",
            idempotency_key=f"made:{uuid4()}",
            now=NOON,
            expires_on=TODAY + timedelta(days=days_left),
            pending_until=TODAY + timedelta(days=35) if is_pending else None,
        )
    if plan.tier_points:
        post_points(
            session,
            member,
            0,
            tier_points=plan.tier_points,
            reason="purchase",
            idempotency_key=f"made:{uuid4()}",
            now=NOON,
        )
    spent = min(plan.spent, member.points)
    if spent:
        post_points(
            session,
            member,
            -spent,
            reason="redemption",
            idempotency_key=f"made:{uuid4()}",
            now=NOON,
        )
    for paid_twd, days_ago in plan.sales:
        sell(session, member, paid_twd, TODAY - timedelta(days=days_ago))
    if plan.stamps:
        programme = get_programme(session).stamp_programmes[0]
        post_stamps(
            session,
            member.id,
            [EarnedStamps(programme, plan.stamps)],
            reason="import",
            idempotency_key=f"made:{uuid4()}",
            now=NOON,
        )
    for number in range(plan.coupons):
        template = get_template(session, "birthday")
        issue_coupon(session, member.id, template, issue_key=f"made:{member.id}:{number}", now=NOON)
    session.flush()
    return member


def sell(session: Session, member: Member, paid_twd: int, day: date) -> None:
    """Give the member a past sale, with every running figure it moves."""
    in_window = day > TODAY - timedelta(days=365)
    Maker().spend(session, member, paid_twd, day)
    member.spend_twd -= 0 if in_window else paid_twd
    member.lifetime_twd += paid_twd
    member.year_twd += paid_twd if day.year == TODAY.year else 0
    session.flush()


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(kept=plans, dropped=plans)
def test_a_merge_taken_back_leaves_no_trace_on_either_card(
    session: Session, make_staff: MakeStaff, kept: Plan, dropped: Plan
) -> None:
    """U14: merge and undo leave an identical dump, for random members."""
    with session.begin_nested() as transaction:
        keep, drop = build(session, kept), build(session, dropped)
        manager = make_staff("manager")
        before = dump(session, keep), dump(session, drop)
        done = merge(session, keep, drop, manager, key=str(uuid4()))
        together = dump(session, keep)
        for figure in ("points", "points_pending", "tier_points", "spend_twd", "lifetime_twd"):
            assert together[figure] == before[0][figure] + before[1][figure]
        assert together["purchase"] == sorted(before[0]["purchase"] + before[1]["purchase"])
        assert dump(session, drop)["points"] == 0
        undo_merge(session, done, staff=manager, now=NOON + timedelta(hours=1))
        assert (dump(session, keep), dump(session, drop)) == before
        transaction.rollback()


@pytest.fixture
def pair(session: Session, make_member: MakeMember) -> tuple[Member, Member]:
    """Return a card in LINE and one known at the till with points and a past."""
    keep = make_member(points=30, name="林小晴")
    drop = make_member(points=50, spend_twd=5_400, tier="silver", line=False, name="林小琴")
    return keep, drop


def test_a_preview_says_what_a_merge_would_bring_and_does_nothing(
    session: Session, pair: tuple[Member, Member]
) -> None:
    """U14: points, tier, coupons, purchases and conflicts, before anybody decides."""
    keep, drop = pair
    before = dump(session, keep), dump(session, drop)
    seen = preview_merge(session, keep, drop, NOON)
    assert (seen.keep.points, seen.drop.points, seen.after.points) == (30, 50, 80)
    assert (seen.keep.tier_rank, seen.after.tier_rank) == (0, 1)
    assert (seen.after.spend_twd, seen.after.purchases) == (5_400, 1)
    assert seen.conflicts == ("name", "phone")
    assert (dump(session, keep), dump(session, drop)) == before


def test_a_merged_number_leads_to_the_kept_card(
    session: Session, pair: tuple[Member, Member], manager: Staff
) -> None:
    """U14: who shows the old number or code at the counter is served on the kept card."""
    keep, drop = pair
    merge(session, keep, drop, manager)
    assert get_member_by_typed(session, drop.number) is keep
    assert get_member_by_card(session, drop.card_ref) is keep
    assert (drop.merged_into_id, drop.phone, drop.name, drop.birthday) == (
        keep.id,
        None,
        None,
        None,
    )


def test_points_keep_their_last_days(
    session: Session, make_member: MakeMember, manager: Staff
) -> None:
    soon, late = TODAY + timedelta(days=9), TODAY + timedelta(days=90)
    keep = make_member(points=5, points_expire_on=soon)
    drop = make_member(points=7, points_expire_on=late)
    merge(session, keep, drop, manager)
    assert [lot[0::2] for lot in dump(session, keep)["lots"]] == [(soon, 5), (late, 7)]


def test_the_better_tier_stays_and_the_line_account_moves(
    session: Session, make_member: MakeMember, manager: Staff
) -> None:
    keep = make_member(line=False)
    drop = make_member(tier="gold")
    account, gold = drop.line_user_id, drop.tier_id
    merge(session, keep, drop, manager)
    assert (keep.line_user_id, keep.tier_id, drop.line_user_id) == (account, gold, None)
    assert [row.bound_how for row in list_bindings(session, keep.id)] == ["merge"]
    assert [row.revoke_reason for row in list_bindings(session, drop.id)] == ["merged"]


def test_the_second_line_account_is_a_guest_and_both_are_told(
    session: Session, make_member: MakeMember, manager: Staff
) -> None:
    keep, drop = make_member(points=5), make_member(points=7)
    account = drop.line_user_id
    merge(session, keep, drop, manager)
    rows = session.execute(select(Owed.line_user_id, Owed.kind).order_by(Owed.seq)).all()
    assert (account, "line_moved") in [tuple(row) for row in rows]
    assert (keep.line_user_id, "member_merged") in [tuple(row) for row in rows]


def test_stamps_together_may_fill_a_card(
    session: Session, make_member: MakeMember, manager: Staff
) -> None:
    programme = get_programme(session).stamp_programmes[0]
    keep, drop = make_member(), make_member()
    for member, stamps in ((keep, 7), (drop, 16)):
        post_stamps(
            session,
            member.id,
            [EarnedStamps(programme, stamps)],
            reason="import",
            idempotency_key=f"made:{member.id}",
            now=NOON,
        )
    merge(session, keep, drop, manager)
    assert [card[1] for card in dump(session, keep)["stamps"]] == [13]
    rewards = select(func.count()).where(
        Coupon.member_id == keep.id, Coupon.template_id == programme.reward_template_id
    )
    assert session.scalar(rewards) == 2  # The one drop had earned, and the one just filled.


def test_the_same_key_merges_once(
    session: Session, pair: tuple[Member, Member], manager: Staff
) -> None:
    keep, drop = pair
    first = merge(session, keep, drop, manager)
    assert merge(session, keep, drop, manager) is first
    with pytest.raises(MergeRefused):
        merge(session, drop, keep, manager)
    assert keep.points == 80


def test_what_cannot_be_merged_is_refused(
    session: Session,
    pair: tuple[Member, Member],
    manager: Staff,
    make_member: MakeMember,
    make_staff: MakeStaff,
) -> None:
    """U14: same card, merged or erased before, frozen; the own card; without a reason."""
    keep, drop = pair
    third = make_member()
    with pytest.raises(MergeRefused):
        merge(session, keep, keep, manager)
    with pytest.raises(OwnCard):
        merge(session, keep, drop, make_staff("manager", member_id=drop.id))
    with pytest.raises(ReasonMissing):
        merge_members(session, keep, drop, staff=manager, reason=" ", key="k", now=NOON)
    merge(session, keep, drop, manager)
    with pytest.raises(MergeRefused):
        merge(session, third, drop, manager, key="again")
    third.frozen_at, third.frozen_reason = NOON, "not_me"
    with pytest.raises(MergeRefused):
        merge(session, keep, third, manager, key="frozen")


def test_a_merge_is_undone_once_and_within_thirty_days(
    session: Session, pair: tuple[Member, Member], manager: Staff
) -> None:
    """U14: expiry at the second."""
    keep, drop = pair
    done = merge(session, keep, drop, manager)
    assert find_standing_merge(session, drop.id) is done
    with pytest.raises(MergeOver):
        undo_merge(session, done, staff=manager, now=NOON + UNDO_FOR)
    last = NOON + UNDO_FOR - timedelta(microseconds=1)
    assert undo_merge(session, done, staff=manager, now=last) is drop
    assert find_standing_merge(session, drop.id) is None
    with pytest.raises(MergeOver):
        undo_merge(session, done, staff=manager, now=last)


def test_points_spent_meanwhile_are_not_missing_on_the_returned_card(
    session: Session, pair: tuple[Member, Member], manager: Staff
) -> None:
    """U14: whoever was wrongly merged gets all of theirs back."""
    keep, drop = pair
    done = merge(session, keep, drop, manager)
    post_points(session, keep, -70, reason="redemption", idempotency_key="spend", now=NOON)
    undo_merge(session, done, staff=manager, now=NOON + timedelta(days=2))
    assert drop.points == 50
    assert keep.points <= 0
    dump(session, keep)


def test_points_that_ended_meanwhile_do_not_come_back(
    session: Session, make_member: MakeMember, manager: Staff
) -> None:
    keep = make_member()
    drop = make_member(points=40, points_expire_on=TODAY + timedelta(days=5))
    done = merge(session, keep, drop, manager)
    undo_merge(session, done, staff=manager, now=NOON + timedelta(days=9))
    assert (keep.points, drop.points) == (0, 0)
    dump(session, drop)


def test_what_happened_since_stays_where_it_happened(
    session: Session, pair: tuple[Member, Member], manager: Staff
) -> None:
    keep, drop = pair
    done = merge(session, keep, drop, manager)
    sell(session, keep, 800, TODAY)
    undo_merge(session, done, staff=manager, now=NOON + timedelta(hours=2))
    assert (keep.spend_twd, keep.purchase_count, keep.last_purchase_on) == (800, 1, TODAY)
    assert (drop.spend_twd, drop.purchase_count) == (5_400, 1)


def test_both_are_written_down(
    session: Session, pair: tuple[Member, Member], manager: Staff
) -> None:
    """Audit: who merged, who took it back, why."""
    keep, drop = pair
    done = merge(session, keep, drop, manager)
    undo_merge(session, done, staff=manager, now=NOON)
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [entry.what for entry in entries] == ["member.merge", "member.unmerge"]
    assert {entry.staff_id for entry in entries} == {manager.id}


def test_the_journal_forgets_the_person_in_time(
    session: Session, pair: tuple[Member, Member], manager: Staff
) -> None:
    """Privacy: what a merge keeps of a person ends with its undoing, or with their leaving."""
    keep, drop = pair
    done = merge(session, keep, drop, manager)
    assert done.personal is not None
    assert str(done.personal["phone"]) not in str(done.moved)
    assert forget_personal(session, NOON) == 0
    assert forget_personal(session, NOON + UNDO_FOR) == 1
    session.refresh(done)
    assert done.personal is None


def test_leaving_empties_the_journal_at_once(
    session: Session, pair: tuple[Member, Member], manager: Staff
) -> None:
    """Privacy: deletion on request reaches what a merge kept."""
    keep, drop = pair
    done = merge(session, keep, drop, manager)
    erase_member(session, keep, evidence="event", now=NOON)
    session.refresh(done)
    assert done.personal is None
    with pytest.raises(MergeOver):
        undo_merge(session, done, staff=manager, now=NOON)

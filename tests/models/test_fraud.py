"""Fraud rules: pace, own cards, a second person, frozen cards, 「不是我」."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.audit import AuditEntry
from models.coupon import Redemption, get_template, issue_coupon
from models.device import enrol_device
from models.fraud import (
    ApprovalNotUsable,
    CardFrozen,
    FraudAlert,
    OwnCard,
    SecondPersonNeeded,
    approve,
    ask_approval,
    check_own_card,
    freeze_member,
    link_staff,
    list_asked,
    list_open_alerts,
    refuse,
    refuse_if_frozen,
    unfreeze_member,
    use_approval,
)
from models.fraud.approval import LIFE, MAY_APPROVE
from models.fraud.checking import Level, Verdict, check_adjustment, check_sale, judge
from models.fraud.not_me import (
    TOLD_WITHIN,
    NotTheirs,
    ToldTooLate,
    confirm_fraud,
    list_doubts,
    release_member,
    say_not_me,
)
from models.fraud.own_card import NoSuchStaff
from models.local_day import local_day
from models.member import Member
from models.membership import change_phone
from models.outbox import Owed
from models.points import post_points
from models.programme import get_programme
from models.purchase import Purchase
from models.staff import ROLES, Staff
from models.velocity_rule import (
    LimitsRefused,
    NoSuchRule,
    VelocityRule,
    change_velocity_rule,
    list_velocity_rules,
)
from tests.conftest import NOON, Committed, Maker
from tests.handlers.statements import count_statements

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]

TODAY = local_day(NOON)


def sold(
    session: Session,
    member: Member,
    staff: Staff | None = None,
    *,
    at: datetime = NOON,
    times: int = 1,
    device: int | None = None,
) -> list[Purchase]:
    """Record sales as the tables have them, without what follows from a sale."""
    store_id = staff.store_id if staff else Maker().store(session).id
    rows = [
        Purchase(
            member_id=member.id,
            store_id=store_id,
            staff_id=staff.id if staff else None,
            device_id=device,
            amount_twd=120,
            paid_twd=120,
            points_earned=1,
            purchased_at=at,
            purchased_on=local_day(at),
            idempotency_key=f"sold:{uuid4()}",
        )
        for _ in range(times)
    ]
    session.add_all(rows)
    session.flush()
    return rows


def judged(
    session: Session,
    member: Member,
    staff: Staff | None,
    *,
    now: datetime = NOON,
    points: int = 0,
    redeems: bool = False,
    device: int | None = None,
) -> Verdict:
    store_id = staff.store_id if staff else Maker().store(session).id
    return check_sale(
        session,
        member,
        staff=staff,
        store_id=store_id,
        now=now,
        points=points,
        redeems=redeems,
        device=device,
    )


def make_tablet(session: Session) -> int:
    store = Maker().store(session, "TP02")
    return enrol_device(session, "平板", store, by=None, now=NOON)[0].id


def on_day(member: Member, *, purchases: int = 0, points: int = 0) -> None:
    member.day_on, member.day_purchases, member.day_points = TODAY, purchases, points


# --- velocity


@pytest.mark.parametrize(
    ("made", "level"),
    [(0, "ok"), (3, "ok"), (4, "warn"), (8, "warn"), (9, "needs_approval"), (40, "needs_approval")],
)
def test_a_card_used_too_often_a_day_warns_then_needs_a_manager(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, made: int, level: str
) -> None:
    """Velocity, U10: warn → block → manager approval; a cap keyed by member and day."""
    member = make_member()
    on_day(member, purchases=made)
    assert judged(session, member, make_staff()).level == level


def test_yesterdays_sales_count_for_yesterday(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """Velocity: a day is Taipei's; at its midnight the count begins anew."""
    member, clerk = make_member(), make_staff()
    on_day(member, purchases=40)
    midnight = datetime.fromisoformat("2026-11-23T00:00+08:00")
    before = judged(session, member, clerk, now=midnight - timedelta(microseconds=1))
    assert before.level == Level.NEEDS_APPROVAL
    assert judged(session, member, clerk, now=midnight).level == Level.OK


def test_points_a_day_have_their_limit(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """U10: replaying a screen draws no points past the day's cap."""
    member, clerk = make_member(), make_staff()
    on_day(member, points=490)
    assert judged(session, member, clerk, points=9).level == Level.OK
    found = judged(session, member, clerk, points=10)
    assert [(reason.code, reason.count) for reason in found.reasons] == [("member_points_day", 500)]


def test_a_clerk_who_sells_too_fast_is_counted_from_the_sales(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """Velocity: per clerk, in a window of minutes that ends at the second."""
    member, clerk, colleague = make_member(), make_staff(), make_staff()
    sold(session, member, clerk, at=NOON - timedelta(minutes=9), times=29)
    sold(session, member, clerk, at=NOON - timedelta(minutes=10), times=40)
    found = judged(session, make_member(), clerk)
    assert [(r.code, r.count, r.limit) for r in found.reasons] == [("staff_10_minutes", 30, 30)]
    assert judged(session, make_member(), colleague).level == Level.OK
    sold(session, member, clerk, times=30)
    assert judged(session, make_member(), clerk).level == Level.NEEDS_APPROVAL


def test_a_store_and_a_device_have_limits_where_the_shop_wants_them(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """Velocity: per device and store."""
    for code in ("store_hour", "device_hour"):
        change_velocity_rule(session, code, warn_at=3, block_at=5, is_active=True)
    clerk, member = make_staff(), make_member()
    sold(session, member, None, times=2)
    assert [r.code for r in judged(session, make_member(), clerk).reasons] == ["store_hour"]
    tablet, other_tablet = make_tablet(session), make_tablet(session)
    levels = []
    for _ in range(5):
        elsewhere = make_staff(store="TP02")
        levels.append(judged(session, make_member(), elsewhere, device=tablet).level)
        sold(session, member, elsewhere, device=tablet)
    assert levels == ["ok", "ok", "warn", "warn", "needs_approval"]
    other = make_staff(store="TC01")
    assert judged(session, make_member(), other, device=other_tablet).level == Level.OK


def test_redemptions_a_day_have_their_limit(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """U12: nine coffees on one card do not go unseen."""
    member, clerk = make_member(), make_staff()
    for row in sold(session, member, clerk, times=2):
        row.points_used, row.points_twd, row.paid_twd = 20, 20, 100
    session.flush()
    assert judged(session, member, clerk).level == Level.OK
    assert judged(session, member, clerk, redeems=True).level == Level.WARN


def test_a_member_costs_no_statement_and_a_clerk_one(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """Velocity: the hot path stays hot."""
    member, clerk = make_member(), make_staff()
    rules = get_programme(session).velocity_rules
    mine = [rule for rule in rules if rule.scope == "member"]
    session.flush()
    told = {"staff": clerk, "store_id": clerk.store_id, "now": NOON}
    with count_statements(session) as counted:
        check_sale(session, member, rules=mine, **told)  # type: ignore[arg-type]  # By name.
    assert counted == []
    with count_statements(session) as counted:
        check_sale(session, member, rules=rules, **told)  # type: ignore[arg-type]  # As above.
    assert len(counted) == 1


@given(st.integers(1, 50), st.integers(0, 50), st.integers(0, 200))
def test_the_worst_count_decides(warn_at: int, more: int, count: int) -> None:
    """Velocity: below warning nothing, from blocking on a manager, a warning in between."""
    rule = VelocityRule(code="r", scope="member", what="purchase")
    rule.warn_at, rule.block_at = warn_at, warn_at + more
    expected = (
        Level.NEEDS_APPROVAL
        if count >= rule.block_at
        else Level.WARN
        if count >= warn_at
        else Level.OK
    )
    found = judge([(rule, count)])
    assert found.level == expected
    assert found.may_go_on == (expected is not Level.NEEDS_APPROVAL)


def test_a_changed_rule_holds_from_the_next_sale_on(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """Velocity: adjustable; the programme's version tells every process."""
    member, clerk = make_member(), make_staff()
    on_day(member, purchases=1)
    assert judged(session, member, clerk).level == Level.OK
    change_velocity_rule(session, "member_day", warn_at=2, block_at=3, is_active=True)
    assert judged(session, member, clerk).level == Level.WARN
    change_velocity_rule(session, "member_day", warn_at=2, block_at=3, is_active=False)
    assert judged(session, member, clerk).level == Level.OK
    assert "member_day" not in [r.code for r in list_velocity_rules(session, active_only=True)]
    with pytest.raises(LimitsRefused):
        change_velocity_rule(session, "member_day", warn_at=3, block_at=2, is_active=True)
    with pytest.raises(NoSuchRule):
        change_velocity_rule(session, "none", warn_at=2, block_at=3, is_active=True)


def test_corrections_by_hand_have_their_limit(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """Clerk rights: so many corrections a clerk and day, none on the own card."""
    member, clerk = make_member(), make_staff()
    for number in range(9):
        post_points(
            session,
            member,
            1,
            reason="adjustment",
            idempotency_key=f"by-hand:{number}",
            now=NOON,
            staff_id=clerk.id,
        )
    assert check_adjustment(session, clerk, member, NOON).level == Level.WARN
    assert check_adjustment(session, make_staff(), member, NOON).level == Level.OK
    own = make_staff(member_id=member.id)
    assert check_adjustment(session, own, member, NOON).level == Level.BLOCKED


# --- own cards


def test_a_clerk_earns_nothing_on_their_own_card(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """U8, clerk rights: linked by hand, by phone, and by a phone given later."""
    member, clerk = make_member(), make_staff(username="amy")
    check_own_card(clerk, member)
    link_staff(session, " AMY ", member)
    with pytest.raises(OwnCard):
        check_own_card(clerk, member)
    found = judged(session, member, clerk)
    assert (found.level, found.reasons[0].code) == (Level.BLOCKED, "own_card")
    with pytest.raises(NoSuchStaff):
        link_staff(session, "nobody", member)


def test_the_same_phone_makes_it_their_card(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """U8: the link is found where staff and member gave the same phone."""
    member = make_member(phone="+886911111111")
    clerk = make_staff(phone="+886911111111")
    with pytest.raises(OwnCard):
        check_own_card(clerk, member)
    newcomer, other = make_staff(phone="+886922222222"), make_member()
    change_phone(session, other, "0922222222")
    session.refresh(newcomer)
    assert newcomer.member_id == other.id


# --- approvals


SUBJECT = {"what": "purchase", "member": 12, "amount_twd": 900}


def test_a_second_person_allows_once_and_exactly_that(
    session: Session, make_staff: MakeStaff
) -> None:
    """Velocity: a manager approves; the yes is single use and fits nothing else."""
    clerk, manager = make_staff(), make_staff("manager")
    asked = ask_approval(session, clerk, SUBJECT, reason="生日派對", now=NOON)
    assert list_asked(session, NOON) == [asked]
    with pytest.raises(ApprovalNotUsable):
        use_approval(session, asked.code, clerk, SUBJECT, NOON)
    approve(session, asked.code.lower(), manager, NOON)
    for staff, subject in ((clerk, SUBJECT | {"amount_twd": 9_000}), (make_staff(), SUBJECT)):
        with pytest.raises(ApprovalNotUsable):
            use_approval(session, asked.code, staff, subject, NOON)
    assert use_approval(session, asked.code, clerk, SUBJECT, NOON).state == "used"
    with pytest.raises(ApprovalNotUsable):
        use_approval(session, asked.code, clerk, SUBJECT, NOON)
    assert session.scalars(select(AuditEntry.what)).all() == ["approval.approved"]


@pytest.mark.parametrize("role", ROLES)
def test_only_another_manager_or_owner_decides(
    session: Session, make_staff: MakeStaff, role: str
) -> None:
    """Clerk rights: second person above the limit."""
    clerk, decider = make_staff(), make_staff(role)
    asked = ask_approval(session, clerk, SUBJECT, reason="x", now=NOON)
    if role in MAY_APPROVE:
        assert approve(session, asked.code, decider, NOON).decided_by == decider.id
    else:
        with pytest.raises(SecondPersonNeeded):
            approve(session, asked.code, decider, NOON)


def test_nobody_approves_their_own_question(session: Session, make_staff: MakeStaff) -> None:
    """Clerk rights: not even a manager; and the database says so too."""
    manager = make_staff("manager")
    asked = ask_approval(session, manager, SUBJECT, reason="x", now=NOON)
    with pytest.raises(SecondPersonNeeded):
        approve(session, asked.code, manager, NOON)
    with pytest.raises(IntegrityError), session.begin_nested():
        session.execute(
            text(
                "UPDATE approval SET state = 'approved', decided_by = asked_by, decided_at = now()"
            )
        )


def test_an_approval_ends_at_the_second_and_a_no_is_no(
    session: Session, make_staff: MakeStaff
) -> None:
    clerk, manager = make_staff(), make_staff("owner")
    asked = ask_approval(session, clerk, SUBJECT, reason="x", now=NOON)
    with pytest.raises(ApprovalNotUsable):
        approve(session, asked.code, manager, NOON + LIFE)
    refuse(session, asked.code, manager, NOON)
    with pytest.raises(ApprovalNotUsable):
        use_approval(session, asked.code, clerk, SUBJECT, NOON)
    late = ask_approval(session, clerk, SUBJECT, reason="x", now=NOON)
    approve(session, late.code, manager, NOON)
    with pytest.raises(ApprovalNotUsable):
        use_approval(session, late.code, clerk, SUBJECT, NOON + LIFE)


def test_an_approval_used_at_once_counts_once(committed: Committed) -> None:
    """Velocity: two tills with one yes make one sale."""
    with committed.sessions.begin() as session:
        clerk = committed.maker.staff(session)
        manager = committed.maker.staff(session, "manager")
        code = ask_approval(session, clerk, SUBJECT, reason="x", now=NOON).code
        approve(session, code, manager, NOON)

    def use(_: int) -> bool:
        try:
            with committed.sessions.begin() as session:
                use_approval(session, code, clerk, SUBJECT, NOON)
        except ApprovalNotUsable:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(use, range(6))) == 1


# --- frozen cards


def test_a_frozen_card_earns_and_spends_nothing(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """U12: redemption refused, earning goes on with a notice to the clerk."""
    member, manager = make_member(), make_staff("manager")
    refuse_if_frozen(member)
    assert freeze_member(session, member, "by_staff", now=NOON, staff_id=manager.id)
    assert not freeze_member(session, member, "by_staff", now=NOON, staff_id=manager.id)
    with pytest.raises(CardFrozen):
        refuse_if_frozen(member)
    earning = judged(session, member, make_staff())
    assert (earning.level, earning.reasons[0].code) == (Level.WARN, "card_frozen")
    assert judged(session, member, make_staff(), redeems=True).level == Level.BLOCKED
    assert unfreeze_member(session, member, staff_id=manager.id, now=NOON)
    assert not unfreeze_member(session, member, staff_id=manager.id, now=NOON)
    refuse_if_frozen(member)
    said = session.scalars(select(AuditEntry.what).order_by(AuditEntry.id)).all()
    assert said == ["member.freeze", "member.unfreeze"]


# --- 「不是我」


@pytest.fixture
def redemption(session: Session, make_member: MakeMember, make_staff: MakeStaff) -> Redemption:
    member, clerk = make_member(), make_staff()
    template = get_template(session, "stamp_reward")
    coupon = issue_coupon(session, member.id, template, issue_key="made", now=NOON)
    assert coupon is not None
    coupon.state, coupon.redeemed_at = "redeemed", NOON
    row = Redemption(
        coupon_id=coupon.id,
        member_id=member.id,
        store_id=clerk.store_id,
        staff_id=clerk.id,
        discount_twd=0,
        redeemed_at=NOON,
        idempotency_key="r1",
    )
    session.add(row)
    session.flush()
    return row


def owner_of(session: Session, redemption: Redemption) -> Member:
    return session.get_one(Member, redemption.member_id)


def test_not_me_freezes_at_once_and_alerts_a_manager_once(
    session: Session, redemption: Redemption
) -> None:
    """U12: the button freezes; twice is once."""
    member = owner_of(session, redemption)
    told = say_not_me(session, member, "redemption", redemption.id, NOON)
    assert (told.happened_at, told.store_id, told.is_repeat) == (NOON, redemption.store_id, False)
    assert (member.frozen_at, member.frozen_reason) == (NOON, "not_me")
    assert say_not_me(session, member, "redemption", redemption.id, NOON).is_repeat
    alert = session.scalars(select(FraudAlert)).one()
    assert (alert.kind, alert.staff_id) == ("not_me", redemption.staff_id)
    assert alert.evidence == {"redemption": [redemption.id]}


def test_not_me_is_the_owners_alone_for_fourteen_days(
    session: Session, redemption: Redemption, make_member: MakeMember
) -> None:
    """U12: another's tap and a late one freeze nothing; the end is at the second."""
    member, other = owner_of(session, redemption), make_member()
    with pytest.raises(NotTheirs):
        say_not_me(session, other, "redemption", redemption.id, NOON)
    with pytest.raises(NotTheirs):
        say_not_me(session, member, "redemption", 2**62, NOON)
    with pytest.raises(ToldTooLate):
        say_not_me(session, member, "redemption", redemption.id, NOON + TOLD_WITHIN)
    assert (member.frozen_at, other.frozen_at) == (None, None)
    last = NOON + TOLD_WITHIN - timedelta(microseconds=1)
    assert not say_not_me(session, member, "redemption", redemption.id, last).is_repeat


def test_two_taps_at_once_make_one_alert(committed: Committed) -> None:
    """U12: two taps of an impatient thumb."""
    with committed.sessions.begin() as session:
        member = committed.maker.member(session)
        member_id, purchase_id = member.id, sold(session, member)[0].id

    def tap(_: int) -> bool:
        with committed.sessions.begin() as session:
            member = session.get_one(Member, member_id)
            return say_not_me(session, member, "purchase", purchase_id, NOON).is_repeat

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(tap, range(4))) == [False, True, True, True]


def test_a_member_is_shown_what_lately_happened(
    session: Session, redemption: Redemption, make_member: MakeMember
) -> None:
    member = owner_of(session, redemption)
    sold(session, member, at=NOON - timedelta(days=2))
    sold(session, member, at=NOON - timedelta(days=15))
    sold(session, make_member())
    assert [doubt.kind for doubt in list_doubts(session, member, NOON)] == [
        "redemption",
        "purchase",
    ]


def test_a_manager_releases_and_the_member_is_told(
    session: Session, redemption: Redemption, make_staff: MakeStaff
) -> None:
    """U12: what happens next."""
    member, manager = owner_of(session, redemption), make_staff("manager")
    say_not_me(session, member, "redemption", redemption.id, NOON)
    settled = release_member(session, member, staff=manager, note_text="家人領的", now=NOON)
    assert [alert.state for alert in settled] == ["released"]
    assert member.frozen_at is None
    assert list_open_alerts(session) == []
    assert session.scalars(select(Owed.kind)).all() == ["card_unfrozen"]


def test_a_manager_confirms_and_the_card_stays_frozen(
    session: Session, redemption: Redemption, make_staff: MakeStaff
) -> None:
    member, manager = owner_of(session, redemption), make_staff("manager")
    say_not_me(session, member, "redemption", redemption.id, NOON)
    settled = confirm_fraud(session, member, staff=manager, note_text="監視器", now=NOON)
    assert [(alert.state, alert.decided_by) for alert in settled] == [("confirmed", manager.id)]
    assert member.frozen_at == NOON


def test_alerts_are_of_somebody(session: Session) -> None:
    session.add(FraudAlert(kind="x", evidence={}, idempotency_key="k", opened_at=NOON))
    with pytest.raises(IntegrityError):
        session.flush()

"""What one clerk may give away alone: points in a sale and in a day, and by coupons (U6, U12)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

import pytest
from sqlalchemy.orm import Session

from models.checkout import (
    ApprovalNeeded,
    Sale,
    approval_subject,
    preview_purchase,
    record_purchase,
)
from models.coupon import Coupon, get_template, issue_coupon
from models.fraud import ApprovalNotUsable, approve, ask_approval
from models.fraud.checking import Level
from models.member import Member
from models.programme import get_programme
from models.staff import Staff
from models.velocity_rule import change_velocity_rule, list_velocity_rules
from tests.conftest import NOON, Maker
from tests.handlers.statements import count_statements

MakeStaff = Callable[..., Staff]
MakeMember = Callable[..., Member]
CODES = ("staff_points_sale", "staff_points_day", "staff_coupon_sale")
MOST_STATEMENTS = 5
_keys = count(1)


@pytest.fixture
def limit(session: Session) -> Callable[[str, int, int], None]:
    """Return what sets a limit: from where the clerk is warned, from where a manager is asked."""

    def change(code: str, warn_at: int, block_at: int) -> None:
        change_velocity_rule(session, code, warn_at=warn_at, block_at=block_at, is_active=True)

    return change


def sale(
    session: Session, member: Member, staff: Staff | None, amount_twd: int, **told: object
) -> Sale:
    store = Maker().store(session)
    key = f"till:limits:{next(_keys)}"
    return Sale(member.id, store, staff, amount_twd, key, **told)  # type: ignore[arg-type]  # By name.


def refused(session: Session, asked: Sale, now: datetime = NOON) -> list[str]:
    """Return the rules that a sale is beyond."""
    with pytest.raises(ApprovalNeeded) as error, session.begin_nested():
        record_purchase(session, asked, now)
    reasons: list[str] = error.value.facts["reasons"]
    return reasons


@pytest.fixture
def coupon_of(session: Session) -> Callable[[Member, int], Coupon]:
    """Return a maker of coupons that take off so many NT$."""

    def make(member: Member, value_twd: int) -> Coupon:
        template = get_template(session, "welcome")
        template.value = value_twd
        template.min_spend_twd = 0
        session.flush()
        made = issue_coupon(session, member.id, template, issue_key=f"l{next(_keys)}", now=NOON)
        assert made is not None
        return made

    return make


def test_a_shop_begins_with_limits_for_its_clerks(session: Session) -> None:
    """U6: also one that was at work before; the migration and set-up agree."""
    rules = {rule.code: rule for rule in list_velocity_rules(session, active_only=True)}
    assert {rules[code].scope for code in CODES} == {"staff"}
    assert [rules[code].window_minutes for code in CODES] == [0, None, 0]


def test_points_in_one_sale_have_a_clerks_limit(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, limit: Callable[..., None]
) -> None:
    """U6: the limit itself needs a manager; below it the clerk is warned, then left in peace."""
    limit("staff_points_sale", 5, 10)
    clerk = make_staff()
    verdicts = [
        record_purchase(session, sale(session, make_member(), clerk, amount), NOON).verdict
        for amount in (400, 500, 999)
    ]
    assert [verdict.level for verdict in verdicts] == [Level.OK, Level.WARN, Level.WARN]
    assert refused(session, sale(session, make_member(), make_staff(), 1_000)) == [
        "staff_points_sale"
    ]


def test_points_in_a_day_have_a_clerks_limit_until_midnight(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, limit: Callable[..., None]
) -> None:
    """U6: many small gifts are one large one; a day is Taipei's."""
    limit("staff_points_day", 8, 10)
    clerk, colleague = make_staff(), make_staff()
    last = datetime.fromisoformat("2026-11-22T23:59:59+08:00")
    for _ in range(9):
        record_purchase(session, sale(session, make_member(), clerk, 100), last)
    assert refused(session, sale(session, make_member(), clerk, 100), last) == ["staff_points_day"]
    gives_none = record_purchase(session, sale(session, make_member(), clerk, 99), last)
    assert gives_none.verdict.level is Level.OK
    others = record_purchase(session, sale(session, make_member(), colleague, 100), last)
    assert others.verdict.level is Level.OK
    morning = last + timedelta(seconds=1)
    fresh = record_purchase(session, sale(session, make_member(), clerk, 100), morning)
    assert fresh.verdict.level is Level.OK


def test_coupons_in_one_sale_have_a_clerks_limit(
    session: Session,
    make_member: MakeMember,
    make_staff: MakeStaff,
    limit: Callable[..., None],
    coupon_of: Callable[[Member, int], Coupon],
) -> None:
    """U12: what coupons take off, whatever they are called."""
    limit("staff_coupon_sale", 50, 100)
    clerk, member = make_staff(), make_member()
    coupon = coupon_of(member, 100)
    asked = sale(session, member, clerk, 400, coupon_ids=(coupon.id,))
    assert preview_purchase(session, asked, NOON).verdict.level is Level.NEEDS_APPROVAL
    assert [r.code for r in preview_purchase(session, asked, NOON).verdict.reasons] == [
        "staff_coupon_sale"
    ]
    with pytest.raises(ApprovalNeeded):
        record_purchase(session, asked, NOON)


def test_all_reasons_are_told_at_once(
    session: Session,
    make_member: MakeMember,
    make_staff: MakeStaff,
    limit: Callable[..., None],
    coupon_of: Callable[[Member, int], Coupon],
) -> None:
    """U6: a manager is asked once, for everything."""
    for code in CODES:
        limit(code, 1, 2)
    clerk, member = make_staff(), make_member()
    coupon = coupon_of(member, 50)
    asked = sale(session, member, clerk, 400, coupon_ids=(coupon.id,))
    assert sorted(refused(session, asked)) == sorted(CODES)


@pytest.mark.parametrize("who", ["manager", "owner", "nobody"])
def test_who_would_say_yes_needs_none(
    session: Session,
    make_member: MakeMember,
    make_staff: MakeStaff,
    limit: Callable[..., None],
    who: str,
) -> None:
    """U6: limits are a clerk's; an order without anybody is a till's."""
    for code in CODES:
        limit(code, 1, 2)
    staff = make_staff(who) if who != "nobody" else None
    made = record_purchase(session, sale(session, make_member(), staff, 900), NOON)
    assert made.verdict.level is Level.OK


def test_a_yes_covers_the_coupons_it_was_asked_for(
    session: Session,
    make_member: MakeMember,
    make_staff: MakeStaff,
    limit: Callable[..., None],
    coupon_of: Callable[[Member, int], Coupon],
) -> None:
    """U6, U12: asked for without coupons, it lets none through."""
    limit("staff_points_sale", 1, 2)
    clerk, manager, member = make_staff(), make_staff("manager"), make_member()
    coupon = coupon_of(member, 50)

    def with_yes(coupon_ids: tuple[int, ...]) -> Sale:
        subject = approval_subject(member.id, 900, coupon_ids)
        code = ask_approval(session, clerk, subject, reason="pace", now=NOON).code
        approve(session, code, manager, NOON)
        told = {"coupon_ids": (coupon.id,), "approval_code": code}
        return sale(session, member, clerk, 900, **told)

    plain = with_yes(())
    with pytest.raises(ApprovalNotUsable), session.begin_nested():
        record_purchase(session, plain, NOON)
    assert record_purchase(session, with_yes((coupon.id,)), NOON).purchase.discount_twd == 50


def test_all_limits_of_a_sale_cost_one_statement_and_a_sale_five(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """The budget of recording: limits of clerk, device and store join the counting that was."""
    for rule in list_velocity_rules(session):
        change_velocity_rule(
            session, rule.code, warn_at=rule.warn_at, block_at=rule.block_at, is_active=True
        )
    asked = sale(session, make_member(), make_staff(), 450)
    get_programme(session)
    session.flush()
    with count_statements(session) as counted:
        record_purchase(session, asked, NOON)
    assert sum("AS recent" in statement for statement in counted) == 1
    assert len(counted) <= MOST_STATEMENTS

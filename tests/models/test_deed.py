"""What one person did: all of it, in the order of time, page after page."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy.orm import Session

from models.audit import note
from models.checkout import Return, Sale, approval_subject, record_purchase, refund_purchase
from models.coupon import redeem_alone
from models.deed import Deed, list_deeds
from models.device import enrol_device
from models.fraud import ask_approval
from models.member import Member
from models.membership import register_at_till
from models.points import ask_adjustment
from models.shift import end_shift, start_shift
from models.staff import Staff
from tests.conftest import NOON
from tests.handlers.statements import count_statements
from tests.models.coupon_maker import give, make_template
from tests.models.test_audit_carrying import carry_all

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
_numbers = count(1)
SINCE, UNTIL = NOON - timedelta(days=30), NOON + timedelta(days=1)


@pytest.fixture
def clerk(make_staff: MakeStaff) -> Staff:
    return make_staff()


def sell(session: Session, clerk: Staff, member: Member, minutes: int = 0) -> int:
    key, moment = f"deed:{next(_numbers)}", NOON + timedelta(minutes=minutes)
    sale = Sale(member.id, clerk.store, clerk, 300, key)
    return record_purchase(session, sale, moment).purchase.id


def kinds(deeds: list[Deed]) -> list[str]:
    return [deed.kind for deed in deeds]


def deeds_of(session: Session, clerk: Staff) -> list[Deed]:
    session.flush()
    return list(list_deeds(session, clerk.id, since=SINCE, until=UNTIL))


def test_every_kind_of_deed_is_there_in_order(
    session: Session, clerk: Staff, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """What this clerk did: sign-ins, sales, refunds, redemptions, adjustments, registrations."""
    member, minute = make_member(name="王小明"), timedelta(minutes=1)
    device, _ = enrol_device(session, "收銀一號", clerk.store, by=None, now=NOON)
    shift = start_shift(session, clerk, device, NOON)
    bought = sell(session, clerk, member, minutes=1)
    asked = Return(bought, clerk.store, clerk.id, "打翻", "back", amount_twd=100)
    refund_purchase(session, asked, NOON + 2 * minute)
    coupon = give(session, member, make_template(session, kind="item", value=0))
    redeem_alone(
        session,
        coupon.code,
        store=clerk.store,
        staff=clerk,
        idempotency_key="u",
        now=NOON + 3 * minute,
    )
    ask_adjustment(
        session,
        member,
        50,
        reason="補登",
        asked_by=clerk,
        idempotency_key="a",
        now=NOON + 4 * minute,
    )
    register_at_till(
        session,
        "0912345678",
        name="陳大文",
        store=clerk.store,
        staff_id=clerk.id,
        evidence="e",
        now=NOON + 5 * minute,
    )
    ask_approval(
        session,
        clerk,
        approval_subject(member.id, 1_200),
        reason="pace",
        now=NOON + 6 * minute,
    )
    end_shift(shift, "sign_out", NOON + 7 * minute)
    done = deeds_of(session, clerk)
    assert kinds(done) == [
        "sign_out",
        "asked",
        "member.register",
        "points.adjustment_posted",
        "redemption",
        "refund",
        "purchase",
        "sign_in",
    ]
    sale = done[6]
    assert (sale.member_name, sale.purchase_id, sale.amount_twd) == ("王小明", bought, 300)
    assert (done[5].amount_twd, done[5].reason) == (-100, "打翻")
    assert (done[3].points, done[3].reason) == (50, "補登")
    assert done[2].member_name == "陳大文"
    assert (done[1].amount_twd, done[7].device) == (1_200, "收銀一號")


def test_what_was_carried_into_the_audit_is_told_once(
    session: Session, clerk: Staff, make_member: MakeMember
) -> None:
    """What this clerk did: the fact, not its twin in the audit."""
    sell(session, clerk, make_member())
    before = deeds_of(session, clerk)
    assert carry_all(session) == 1
    assert deeds_of(session, clerk) == before
    assert kinds(before) == ["purchase"]


def test_nobody_elses_deeds_are_told(
    session: Session, clerk: Staff, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    other = make_staff()
    sell(session, other, make_member())
    note(session, "member.freeze", "member:1", now=NOON, staff_id=other.id)
    assert deeds_of(session, clerk) == []


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_leave_nothing_out_and_repeat_nothing(
    session: Session, clerk: Staff, make_member: MakeMember, size: int
) -> None:
    """What this clerk did: keyset pages, also where many things happened at one moment."""
    for number in range(5):
        sell(session, clerk, make_member(), minutes=number // 2)
        note(
            session,
            "contact.settle",
            f"contact:{number}",
            now=NOON + timedelta(minutes=number // 2),
            staff_id=clerk.id,
        )
    whole = deeds_of(session, clerk)
    assert len(whole) == 10
    paged: list[Deed] = []
    while len(paged) < 20:
        after = paged[-1].place if paged else None
        page = list_deeds(session, clerk.id, since=SINCE, until=UNTIL, after=after, limit=size)
        if not page:
            break
        paged += page
    assert paged == whole


def test_a_page_is_one_question(session: Session, clerk: Staff, make_member: MakeMember) -> None:
    sell(session, clerk, make_member())
    session.flush()
    with count_statements(session) as asked:
        list_deeds(session, clerk.id, since=SINCE, until=UNTIL)
    assert len(asked) == 1


def test_its_days_end_where_they_are_told_to(
    session: Session, clerk: Staff, make_member: MakeMember
) -> None:
    sell(session, clerk, make_member())
    sell(session, clerk, make_member(), minutes=60)
    inside = list_deeds(session, clerk.id, since=NOON, until=NOON + timedelta(hours=1))
    assert [deed.at for deed in inside] == [NOON]

"""Carrying into the audit: every fact a person made, once, with who, where and how much."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

import migrations
from models.audit import FACTS, HIDDEN, AuditEntry, AuditMark, carry, list_audit, verify_audit
from models.checkout import Return, Sale, record_purchase, refund_purchase
from models.coupon import cancel_redemption, redeem_alone
from models.device import enrol_device
from models.horizon import find_horizons
from models.member import Member
from models.purchase import Purchase
from models.shift import start_shift
from models.staff import Staff
from models.stamp_card import get_stamp_programme, give_stamps
from tests.conftest import NOON, Committed
from tests.models.coupon_maker import give, make_template

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
_numbers = count(1)


def carry_all(session: Session, *, limit: int = 500) -> int:
    """Carry all that is there now; return how many entries it makes."""
    session.flush()
    entries = 0
    for fact, horizon in find_horizons(session, tuple(FACTS)).items():
        is_last = False
        while not is_last:
            part = carry(session, fact, horizon.last_id, limit=limit)
            entries, is_last = entries + part.entries, part.is_last
    return entries


def sell(
    session: Session, clerk: Staff | None, member: Member, amount_twd: int = 250, **told: object
) -> Purchase:
    assert clerk is None or clerk.store is not None
    store = clerk.store if clerk else session.get_one(Staff, told.pop("at_store_of")).store
    sale = Sale(member.id, store, clerk, amount_twd, f"carried:{next(_numbers)}", **told)  # type: ignore[arg-type]  # Told by name.
    return record_purchase(session, sale, NOON).purchase


def test_a_sale_is_in_the_audit_with_who_where_and_how_much(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """Section 4, audit: who, what, store, device and figures of a sale at the counter."""
    clerk, member = make_staff(), make_member(phone="+886912345678")
    device, _ = enrol_device(session, "收銀一號", clerk.store, by=make_staff("manager"), now=NOON)
    bought = sell(session, clerk, member, device=device.id)
    carry_all(session)
    (entry,) = list_audit(session, subject=f"purchase:{bought.id}")
    assert (entry.what, entry.actor, entry.staff_id) == ("purchase.record", "staff", clerk.id)
    assert (entry.member_id, entry.store_id) == (member.id, clerk.store_id)
    assert (entry.device, entry.at) == (device.label, NOON)
    assert entry.after == {
        "amount_twd": 250,
        "discount_twd": 0,
        "points_twd": 0,
        "paid_twd": 250,
        "points_earned": bought.points_earned,
        "stamps_added": bought.stamps_added,
    }


def test_a_refund_stands_beside_its_sale_without_what_names_a_person(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """Section 4, audit: refunds with their reason; privacy: a phone in it is hidden."""
    clerk, member = make_staff(), make_member()
    bought = sell(session, clerk, member, 400)
    asked = Return(bought.id, clerk.store, clerk.id, "打 0912-345-678 確認", "back", amount_twd=100)
    refund_purchase(session, asked, NOON)
    carry_all(session)
    refund, sale = list_audit(session, subject=f"purchase:{bought.id}")
    assert (sale.what, refund.what) == ("purchase.record", "purchase.refund")
    assert refund.reason == f"打 {HIDDEN} 確認"
    assert refund.after is not None
    assert (refund.after["amount_twd"], refund.after["is_full"]) == (100, False)


def test_a_deed_without_a_device_was_done_where_its_person_stood(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """Section 4, audit: device of a refund; where a person stood at two, none is guessed."""
    clerk, member = make_staff(), make_member()
    devices = [
        enrol_device(session, name, clerk.store, by=None, now=NOON)[0] for name in ("前", "後")
    ]
    start_shift(session, clerk, devices[0], NOON - timedelta(hours=1))
    for number in range(2):
        bought = sell(session, clerk, member, 400)
        asked = Return(bought.id, clerk.store, clerk.id, "不好喝", f"back {number}")
        refund_purchase(session, asked, NOON)
        carry_all(session)
        start_shift(session, clerk, devices[1], NOON - timedelta(minutes=1))
    told = [entry.device for entry in list_audit(session, what="purchase.refund")]
    assert told == [None, devices[0].label]


def test_a_coupon_used_and_given_back_is_two_entries(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """Section 4, audit: redemptions at the counter, and their cancelling."""
    clerk, member = make_staff(), make_member()
    coupon = give(session, member, make_template(session, kind="item", value=0))
    used = redeem_alone(
        session, coupon.code, store=clerk.store, staff=clerk, idempotency_key="u", now=NOON
    )
    cancel_redemption(session, used.id, staff_id=clerk.id, now=NOON)
    carry_all(session)
    told = {entry.what: entry for entry in list_audit(session, subject=f"coupon:{coupon.id}")}
    assert set(told) == {"coupon.redeem", "coupon.cancel"}
    assert told["coupon.redeem"].store_id == clerk.store_id
    assert told["coupon.cancel"].before == {"state": "redeemed"}


def test_stamps_by_hand_and_sign_ins_are_in_it(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """Section 4, audit: what is no sale, too."""
    clerk, member = make_staff(), make_member()
    programme = get_stamp_programme(session, _first_programme(session))
    give_stamps(
        session,
        member.id,
        programme,
        2,
        note="漏蓋",
        staff_id=clerk.id,
        idempotency_key="s",
        now=NOON,
    )
    device, _ = enrol_device(session, "收銀一號", clerk.store, by=make_staff("manager"), now=NOON)
    start_shift(session, clerk, device, NOON)
    carry_all(session)
    told = {entry.what: entry for entry in list_audit(session, staff_id=clerk.id)}
    assert told["stamps.move"].reason == "漏蓋"
    assert told["shift.start"].device == device.label


def _first_programme(session: Session) -> str:
    return str(session.scalars(text("SELECT min(code) FROM stamp_programme")).one())


def test_what_no_person_made_is_not_carried(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """Section 4, audit: a till's own sales have no clerk; they are facts, not deeds."""
    sell(session, None, make_member(), at_store_of=make_staff().id)
    assert carry_all(session) == 0


@pytest.mark.parametrize("limit", [1, 2, 3, 500])
def test_each_fact_is_carried_once_in_parts_of_any_size(
    session: Session, make_member: MakeMember, make_staff: MakeStaff, limit: int
) -> None:
    """Section 4, audit: exactly once, also where the mark was lost."""
    clerk, member = make_staff(), make_member()
    for _ in range(3):
        sell(session, clerk, member)
    assert carry_all(session, limit=limit) == 3
    assert carry_all(session, limit=limit) == 0
    sell(session, clerk, member)
    session.execute(text("UPDATE audit_mark SET last_id = 0"))
    assert carry_all(session, limit=limit) == 1
    facts = session.scalars(select(AuditEntry.fact).where(AuditEntry.fact.is_not(None))).all()
    assert len(facts) == len(set(facts)) == 4


def test_the_mark_never_goes_back(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    sell(session, make_staff(), make_member())
    carry_all(session)
    before = session.get_one(AuditMark, "purchase").last_id
    assert carry(session, "purchase", 0).is_last
    session.expire_all()
    assert session.get_one(AuditMark, "purchase").last_id == before


def test_what_was_carried_is_sealed_in_the_chain(committed: Committed) -> None:
    """Section 4, audit: append-only and chained; many at once carry each fact once."""
    with committed.sessions.begin() as session:
        clerks = [committed.maker.staff(session) for _ in range(4)]
        members = [committed.maker.member(session) for _ in range(20)]
        for number in range(40):
            sell(session, clerks[number % 4], members[number % 20])

    def work(_: int) -> int:
        with committed.sessions.begin() as session:
            return carry_all(session, limit=7)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(work, range(4))) == 40
    with committed.sessions() as session:
        assert session.scalar(select(func.count()).select_from(AuditEntry)) == 40
        assert verify_audit(session).is_whole


def test_what_was_done_before_the_upgrade_stays_where_it_is(committed: Committed) -> None:
    """Section 4, audit: a shop that upgrades begins there, and the audit says where."""
    with committed.sessions.begin() as session:
        clerk, member = committed.maker.staff(session), committed.maker.member(session)
        last = sell(session, clerk, member).id
        ids = clerk.id, member.id
    migrations.downgrade(committed.engine, "0018")
    migrations.upgrade(committed.engine)
    with committed.sessions.begin() as session:
        (begun,) = list_audit(session, what="audit.begin")
        assert begun.after is not None
        assert begun.after["purchase"] == last
        assert verify_audit(session).is_whole
        clerk, member = session.get_one(Staff, ids[0]), session.get_one(Member, ids[1])
        new = sell(session, clerk, member).id
        carry_all(session)
        told = list_audit(session, what="purchase.record")
        assert [entry.subject for entry in told] == [f"purchase:{new}"]

"""Sales made without a network (row X7): judged as of their own time, each once, nothing lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.audit import AuditEntry
from models.checkout import Line, Sale, SoldTooLongAgo, preview_purchase, record_purchase
from models.coupon import get_template, issue_coupon, qr_text
from models.device import Device, enrol_device, revoke_device
from models.fraud import SecondPersonNeeded
from models.local_day import local_day
from models.member import Member
from models.member_code import issue_code
from models.offline_sale import (
    MemberMissing,
    OfflineSale,
    OfflineSettled,
    Received,
    Scanned,
    Seen,
    SettlingReasonMissing,
    Told,
    Typed,
    accept_loss,
    count_open,
    dismiss,
    list_open,
    receive_sale,
    record_after_all,
)
from models.outbox import Owed
from models.points import IdempotencyKeyReused, PointsEntry
from models.purchase import Purchase
from models.shop import Store
from models.staff import Staff
from tests.conftest import NOON, Committed

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
KEY = Ed25519PrivateKey.generate()
HOUR = timedelta(hours=1)


@dataclass
class Counter:
    """A tablet that was without a network for an hour, and whose queue comes in at NOON."""

    session: Session
    store: Store
    staff: Staff
    device: Device

    def told(self, who: Any, **changed: Any) -> Told:
        told = Told(
            key=f"till:{self.store.id}:{uuid4()}",
            device=self.device,
            staff=self.staff,
            store=self.store,
            pass_issued_at=NOON - 3 * HOUR,
            told_at=NOON - HOUR,
            skew_ms=0,
            who=who,
            shown="會員卡 …A3F2",
            amount_twd=450,
        )
        return replace(told, **changed)

    def code(self, member: Member, at: datetime = NOON - HOUR) -> Scanned:
        return Scanned(issue_code(KEY, member.card_ref, at).text)

    def receive(self, told: Told, now: datetime = NOON) -> Received:
        return receive_sale(self.session, told, KEY.public_key(), now)

    def refused(self, told: Told, now: datetime = NOON) -> OfflineSale:
        received = self.receive(told, now)
        assert received.sale.purchase_id is None
        return received.sale


@pytest.fixture
def counter(session: Session, store: Store, make_staff: MakeStaff) -> Counter:
    """Return a counter with its clerk and its device."""
    device, _ = enrol_device(session, "平板", store, by=None, now=NOON - 9 * HOUR)
    return Counter(session, store, make_staff(), device)


def purchases(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Purchase)) or 0


# --- sold_at


def test_a_sale_told_late_counts_for_the_day_it_happened_on(
    session: Session, store: Store, make_member: MakeMember
) -> None:
    """X7: New Year's Eve's sale, told of on New Year's Day, is last year's."""
    eve, day = datetime.fromisoformat("2026-12-31T15:30Z"), datetime.fromisoformat("2027-01-01T02Z")
    member = make_member()
    sale = Sale(member.id, store, None, 5_000, "late", sold_at=eve)
    recorded = record_purchase(session, sale, day)
    session.refresh(member)
    assert recorded.purchase.purchased_on == date(2026, 12, 31)
    assert (member.year_twd, member.spend_twd, member.lifetime_twd) == (0, 5_000, 5_000)
    assert (member.day_on, member.last_purchase_on) == (date(2026, 12, 31), date(2026, 12, 31))
    assert member.spend_on == date(2027, 1, 1)
    entry = session.scalars(select(PointsEntry).where(PointsEntry.member_id == member.id)).one()
    owed = session.scalars(select(Owed).where(Owed.member_id == member.id)).all()
    assert entry.posted_at == day
    assert {row.created_at for row in owed} == {day}
    assert recorded.receipt["at"] == eve.isoformat()


def test_a_late_sale_counts_against_the_cap_of_its_own_day(
    session: Session, store: Store, make_member: MakeMember
) -> None:
    """X7, U10: caps of a day hold for what is told of after it."""
    member = make_member()
    yesterday = NOON - timedelta(days=1)
    session.execute(text("UPDATE shop SET earn_daily_cap = 5, programme_version = 99"))
    record_purchase(session, Sale(member.id, store, None, 300, "a", sold_at=yesterday), NOON)
    record_purchase(session, Sale(member.id, store, None, 200, "b"), NOON)
    late = Sale(member.id, store, None, 900, "c", sold_at=yesterday)
    assert preview_purchase(session, late, NOON).earned.points == 2
    assert record_purchase(session, late, NOON).purchase.points_earned == 2
    session.refresh(member)
    assert (member.day_on, member.day_points, member.day_purchases) == (local_day(NOON), 2, 1)


@pytest.mark.parametrize("off", [timedelta(days=7, seconds=1), timedelta(seconds=-1)])
def test_a_sale_is_told_of_within_a_week_and_not_beforehand(
    session: Session, store: Store, make_member: MakeMember, off: timedelta
) -> None:
    sale = Sale(make_member().id, store, None, 100, "x", sold_at=NOON - off)
    with pytest.raises(SoldTooLongAgo):
        record_purchase(session, sale, NOON)


def test_points_of_a_late_sale_wait_from_its_own_day(
    session: Session, store: Store, make_member: MakeMember
) -> None:
    """X7: with a return window of two days, a sale of three days ago may be spent at once."""
    session.execute(text("UPDATE shop SET return_days = 2, programme_version = 98"))
    member = make_member()
    old = Sale(member.id, store, None, 400, "old", sold_at=NOON - timedelta(days=3))
    record_purchase(session, old, NOON)
    session.refresh(member)
    assert (member.points, member.points_pending) == (4, 0)
    new = Sale(member.id, store, None, 400, "new", sold_at=NOON - timedelta(days=1))
    record_purchase(session, new, NOON)
    session.refresh(member)
    assert (member.points, member.points_pending) == (4, 4)


# --- what comes in


def test_an_item_is_recorded_once_however_often_it_comes(
    counter: Counter, session: Session, make_member: MakeMember
) -> None:
    """X7: the same key and content bring the first answer again."""
    member = make_member()
    told = counter.told(counter.code(member))
    first, again = counter.receive(told), counter.receive(told)
    assert (first.is_repeat, again.is_repeat) == (False, True)
    assert first.recorded is not None
    assert again.sale.purchase_id == first.recorded.purchase_id
    purchase = first.recorded.purchase
    assert purchase.purchased_at == NOON - HOUR
    assert (purchase.member_id, purchase.device_id) == (member.id, counter.device.id)
    assert purchases(session) == 1


def test_a_key_that_comes_with_another_sale_is_refused(
    counter: Counter, make_member: MakeMember
) -> None:
    """X7: the key stands for one sale."""
    told = counter.told(counter.code(make_member()))
    counter.receive(told)
    with pytest.raises(IdempotencyKeyReused):
        counter.receive(replace(told, amount_twd=999))


def test_a_confirm_whose_answer_was_lost_comes_back_as_known(
    counter: Counter, session: Session, make_member: MakeMember
) -> None:
    """X7, section 4: the purchase committed, the answer did not arrive; the queue's twin is it."""
    member = make_member()
    told = counter.told(Seen(member.id, "a code"))
    sale = Sale(
        member.id, counter.store, counter.staff, 450, told.key, code_id="a code", device=None
    )
    record_purchase(session, sale, NOON - HOUR)
    received = counter.receive(told)
    assert received.recorded is not None
    assert received.recorded.is_repeat
    assert purchases(session) == 1


def test_a_confirm_that_never_arrived_is_recorded_with_its_items(
    counter: Counter, session: Session, make_member: MakeMember
) -> None:
    """X7: the other half of not knowing."""
    told = counter.told(Seen(make_member().id, None), lines=(Line("奶茶", 450, quantity=9),))
    received = counter.receive(told)
    assert received.recorded is not None
    assert received.sale.lines is not None
    assert received.sale.lines[0]["name"] == "奶茶"


def test_a_code_is_good_for_one_sale_whoever_sends_it(
    counter: Counter, session: Session, make_member: MakeMember
) -> None:
    """X7, U6: single use is decided where all devices meet; the second waits for a manager."""
    code = counter.code(make_member())
    counter.receive(counter.told(code))
    sale = counter.refused(counter.told(code))
    assert sale.problem == "code_already_used"
    assert sale.is_open
    assert sale.code_digest
    assert code.text not in json.dumps([str(value) for value in vars(sale).values()])
    assert purchases(session) == 1


def test_a_code_is_judged_by_the_corrected_time_of_the_sale(
    counter: Counter, make_member: MakeMember
) -> None:
    """X7, U7: a tablet three minutes slow refuses nobody wrongly, and lets no screenshot in."""
    slow_ms = -180_000
    at = NOON - HOUR
    by_its_clock = at + timedelta(milliseconds=slow_ms)
    fresh = counter.told(counter.code(make_member()), told_at=by_its_clock, skew_ms=slow_ms)
    received = counter.receive(fresh)
    assert received.sale.sold_at == at
    assert received.sale.purchase_id is not None
    old = counter.code(make_member(), at - timedelta(minutes=5))
    stale = counter.told(old, told_at=by_its_clock, skew_ms=slow_ms)
    assert counter.refused(stale).problem == "member_code_expired"


@pytest.mark.parametrize("skew_ms", [None, 3 * 3_600_000])
def test_where_the_clock_is_in_doubt_the_codes_minute_is_the_time(
    counter: Counter, make_member: MakeMember, skew_ms: int | None
) -> None:
    """X7: a clock hours off, or never measured, does not cost a customer their points."""
    at = NOON - HOUR
    code = counter.code(make_member(), at)
    told = counter.told(code, told_at=NOON + 5 * HOUR, skew_ms=skew_ms)
    received = counter.receive(told)
    assert received.sale.purchase_id is not None
    assert received.sale.sold_at == at


def test_a_forged_code_records_nothing_and_is_kept(
    counter: Counter, session: Session, make_member: MakeMember
) -> None:
    """X7, U6."""
    forged = issue_code(Ed25519PrivateKey.generate(), make_member().card_ref, NOON - HOUR).text
    assert counter.refused(counter.told(Scanned(forged))).problem == "member_code_forged"
    assert counter.refused(counter.told(Scanned("HELLO"))).problem == "not_a_member_code"
    assert count_open(session) == 2


def test_a_typed_number_finds_its_member_or_waits(
    counter: Counter, make_member: MakeMember
) -> None:
    member = make_member(phone="+886912345678")
    for typed in (member.number, "0912345678"):
        assert counter.receive(counter.told(Typed(typed))).sale.member_id == member.id
    assert counter.refused(counter.told(Typed("0999999999"))).problem == "no_such_member"


def test_old_future_revoked_and_gone_each_have_their_answer_and_are_kept(
    counter: Counter, session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """X7: nothing is lost, and nothing is recorded that nobody vouches for."""
    long_ago = NOON - timedelta(days=3, minutes=10)
    cases = {
        "offline_too_old": counter.told(
            Typed(make_member().number), told_at=long_ago, pass_issued_at=long_ago
        ),
        "offline_in_future": counter.told(Typed(make_member().number), told_at=NOON + HOUR),
        "offline_pass_over": counter.told(
            Typed(make_member().number), pass_issued_at=NOON - timedelta(days=4)
        ),
        "offline_staff_gone": replace(
            counter.told(Typed(make_member().number)), staff=make_staff(is_active=False)
        ),
    }
    for problem, told in cases.items():
        assert counter.refused(told).problem == problem
    revoke_device(session, counter.device.id, by=None, now=NOON)
    told = counter.told(Typed(make_member().number))
    assert counter.refused(told).problem == "offline_device_revoked"
    assert {sale.problem for sale in list_open(session)} == {*cases, "offline_device_revoked"}
    assert purchases(session) == 0
    noted = session.scalars(select(AuditEntry).where(AuditEntry.what == "offline_sale.open")).all()
    assert len(noted) == 5


def test_a_clock_a_little_ahead_does_not_make_a_sale_of_tomorrow(
    counter: Counter, make_member: MakeMember
) -> None:
    told = counter.told(Typed(make_member().number), told_at=NOON + timedelta(seconds=50))
    assert counter.receive(told).sale.sold_at == NOON


def test_twenty_sales_of_an_evening_need_no_manager(
    counter: Counter, make_member: MakeMember
) -> None:
    """X7: limits of pace look at when things happened, not at when they came in."""
    for minute in range(20):
        at = NOON - HOUR - timedelta(minutes=minute)
        code = counter.code(make_member(), at)
        assert counter.receive(counter.told(code, told_at=at)).sale.problem is None


def test_beyond_the_limits_of_pace_a_manager_decides(
    counter: Counter, session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """X7, U8: the limits hold for a queue too."""
    session.execute(
        text("UPDATE velocity_rule SET warn_at = 1, block_at = 1 WHERE code = 'staff_10_minutes'")
    )
    session.execute(text("UPDATE shop SET programme_version = 97"))
    sale = counter.refused(counter.told(counter.code(make_member())))
    assert sale.problem == "approval_needed"
    recorded = record_after_all(session, sale.id, make_staff("manager"), None, NOON)
    assert recorded.purchase.staff_id == counter.staff.id


# --- redeeming


def test_what_is_covered_is_redeemed(
    counter: Counter, session: Session, make_member: MakeMember
) -> None:
    """X7: points and a coupon within the limit, decided where the balance is."""
    member = make_member(points=50)
    coupon = issue_coupon(
        session, member.id, get_template(session, "welcome"), issue_key="w", now=NOON - 2 * HOUR
    )
    assert coupon is not None
    told = counter.told(
        counter.code(member),
        points=40,
        points_twd=40,
        coupon_text=qr_text(coupon.code),
        coupon_twd=30,
    )
    received = counter.receive(told)
    assert received.recorded is not None
    assert received.recorded.purchase.paid_twd == 450 - 40 - 30
    assert (received.sale.problem, received.sale.loss_twd) == (None, 0)


def test_what_is_not_covered_is_recorded_without_it_and_the_loss_is_told(
    counter: Counter, session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """X7: the customer has gone with the discount; the shop knows what it cost."""
    told = counter.told(
        counter.code(make_member(points=10)),
        points=40,
        points_twd=40,
        coupon_text="C:NOSUCHCODE22",
        coupon_twd=30,
    )
    received = counter.receive(told)
    assert received.recorded is not None
    assert received.recorded.purchase.paid_twd == 450
    assert (received.sale.problem, received.sale.loss_twd) == ("redeem_uncovered", 70)
    assert received.sale.is_open
    accept_loss(session, received.sale.id, make_staff("manager"), NOON)
    assert count_open(session) == 0
    with pytest.raises(OfflineSettled):
        accept_loss(session, received.sale.id, make_staff("manager"), NOON)


def test_points_are_used_where_only_the_coupon_fails(
    counter: Counter, session: Session, make_member: MakeMember
) -> None:
    told = counter.told(
        counter.code(make_member(points=50)),
        points=40,
        points_twd=40,
        coupon_text="C:NOSUCHCODE22",
        coupon_twd=30,
    )
    received = counter.receive(told)
    assert received.recorded is not None
    assert received.recorded.purchase.points_used == 40
    assert received.sale.loss_twd == 30


# --- settling


def test_a_manager_records_it_for_whom_it_was(
    counter: Counter, session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """X7: settled by a second person, in the clerk's name, at its own time, in the audit."""
    sale = counter.refused(counter.told(Typed("0999999999")))
    manager, member = make_staff("manager"), make_member()
    with pytest.raises(MemberMissing):
        record_after_all(session, sale.id, manager, None, NOON)
    recorded = record_after_all(session, sale.id, manager, member, NOON + HOUR)
    purchase = recorded.purchase
    assert (purchase.member_id, purchase.staff_id) == (member.id, counter.staff.id)
    assert purchase.purchased_at == NOON - HOUR
    assert (sale.settlement, sale.settled_by) == ("recorded", manager.id)
    with pytest.raises(OfflineSettled):
        record_after_all(session, sale.id, manager, member, NOON)
    noted = session.scalars(
        select(AuditEntry).where(AuditEntry.what == "offline_sale.recorded")
    ).one()
    assert noted.staff_id == manager.id


def test_what_is_older_than_a_week_is_recorded_as_of_now(
    counter: Counter, session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    sale = counter.refused(
        counter.told(Typed(make_member().number), told_at=NOON - timedelta(days=9))
    )
    recorded = record_after_all(session, sale.id, make_staff("owner"), None, NOON)
    assert recorded.purchase.purchased_at == NOON


def test_a_manager_dismisses_it_with_a_reason(
    counter: Counter, session: Session, make_staff: MakeStaff
) -> None:
    sale = counter.refused(counter.told(Typed("0999999999")))
    manager = make_staff("manager")
    with pytest.raises(SettlingReasonMissing):
        dismiss(session, sale.id, manager, "  ", NOON)
    assert dismiss(session, sale.id, manager, "客人說沒買", NOON).settlement == "dismissed"
    assert count_open(session) == 0


def test_nobody_settles_what_they_sold(
    counter: Counter, session: Session, make_staff: MakeStaff, make_member: MakeMember
) -> None:
    """X7, U8: a second person, also by the database."""
    manager = make_staff("manager")
    told = replace(counter.told(Typed("0999999999")), staff=manager)
    sale = counter.refused(told)
    for settle in (
        lambda: dismiss(session, sale.id, manager, "不要", NOON),
        lambda: record_after_all(session, sale.id, manager, make_member(), NOON),
    ):
        with pytest.raises(SecondPersonNeeded):
            settle()
    with pytest.raises(SecondPersonNeeded):
        dismiss(session, sale.id, make_staff(), "不要", NOON)
    sale.settlement, sale.settled_by, sale.settled_at = "dismissed", manager.id, NOON
    with pytest.raises(IntegrityError), session.begin_nested():
        session.flush()


# --- at once


def test_two_uploads_at_once_record_one_sale(committed: Committed) -> None:
    """X7: a page and its worker send the same item in the same moment."""
    with committed.sessions.begin() as session:
        store = committed.maker.store(session)
        staff, member = committed.maker.staff(session), committed.maker.member(session)
        device, _ = enrol_device(session, "平板", store, by=None, now=NOON - 9 * HOUR)
    told = Counter(session, store, staff, device).told(Typed(member.number))

    def send(_number: int) -> bool:
        with committed.sessions.begin() as own:
            fresh = replace(
                told, staff=own.get_one(Staff, staff.id), store=own.get_one(Store, store.id)
            )
            return receive_sale(own, fresh, KEY.public_key(), NOON).is_repeat

    with ThreadPoolExecutor(8) as pool:
        repeats = list(pool.map(send, range(8)))
    assert sorted(repeats) == [False] + [True] * 7
    with committed.sessions() as session:
        assert purchases(session) == 1

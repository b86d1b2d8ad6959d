"""Shifts: begun by a sign-in, ended by somebody or by themselves, and never rewritten (U6)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Barrier, Thread
from uuid import uuid4

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from models.device import Device, enrol_device, revoke_device
from models.local_day import local_day
from models.member import Member
from models.purchase import Purchase
from models.shift import (
    FORGOTTEN_AFTER,
    Shift,
    Worked,
    end_forgotten_shifts,
    end_shift,
    end_shifts_on,
    find_at_work,
    start_shift,
    worked_in,
    worked_today,
)
from models.shop import Store
from models.staff import Staff
from tests.conftest import NOON, Committed
from tests.handlers.statements import count_statements

MakeStaff = Callable[..., Staff]
MakeMember = Callable[..., Member]
HOUR = timedelta(hours=1)


@pytest.fixture
def tablet(session: Session, store: Store) -> tuple[Device, str]:
    """Return a device of the first store with its secret."""
    return enrol_device(session, "平板", store, by=None, now=NOON)


def sold(session: Session, staff: Staff, member: Member, paid_twd: int, at: datetime) -> Purchase:
    """Record a sale as the table has it."""
    purchase = Purchase(
        member_id=member.id,
        store_id=staff.store_id,
        staff_id=staff.id,
        amount_twd=paid_twd,
        paid_twd=paid_twd,
        points_earned=0,
        purchased_at=at,
        purchased_on=local_day(at),
        idempotency_key=f"sold:{uuid4()}",
    )
    session.add(purchase)
    session.flush()
    return purchase


def test_the_next_person_ends_the_shift_before(
    session: Session, make_staff: MakeStaff, tablet: tuple[Device, str]
) -> None:
    """U6: one open shift a device."""
    device, _ = tablet
    first = start_shift(session, make_staff(), device, NOON)
    assert start_shift(session, session.get_one(Staff, first.staff_id), device, NOON) is first
    second = start_shift(session, make_staff(), device, NOON + HOUR)
    assert (first.ended_at, first.ended_by) == (NOON + HOUR, "next")
    assert (second.ended_at, second.store_id) == (None, device.store_id)


def test_a_person_may_work_two_counters_at_once(
    session: Session, make_staff: MakeStaff, store: Store, tablet: tuple[Device, str]
) -> None:
    staff = make_staff()
    other, _ = enrol_device(session, "另一台", store, by=None, now=NOON)
    shifts = [start_shift(session, staff, device, NOON) for device in (tablet[0], other)]
    assert [shift.ended_at for shift in shifts] == [None, None]


def test_one_statement_says_who_works_where(
    session: Session, make_staff: MakeStaff, tablet: tuple[Device, str]
) -> None:
    """U8: what every request of a counter pays for its door."""
    (device, secret), staff = tablet, make_staff()
    shift = start_shift(session, staff, device, NOON)
    with count_statements(session) as counted:
        found = find_at_work(session, shift.id, staff.session_version, secret)
    assert len(counted) == 1
    assert found is not None
    assert (found.staff, found.device, found.store.code) == (staff, device, "TP01")
    assert found.shop.lock_minutes == 5


@pytest.mark.parametrize(
    "why", ["ended", "version", "gone", "revoked", "forged", "another device", "another shift"]
)
def test_a_login_that_is_over_is_nobodys(
    session: Session, make_staff: MakeStaff, store: Store, tablet: tuple[Device, str], why: str
) -> None:
    """U6: shift, version of access, and the very device: all must hold."""
    (device, secret), staff = tablet, make_staff()
    shift = start_shift(session, staff, device, NOON)
    shift_id, version = shift.id, staff.session_version
    if why == "ended":
        end_shift(shift, "sign_out", NOON)
    elif why == "version":
        version += 1
    elif why == "gone":
        staff.is_active = False
    elif why == "revoked":
        revoke_device(session, device.id, by=None, now=NOON)
    elif why == "forged":
        secret = "forged"
    elif why == "another device":
        secret = enrol_device(session, "另一台", store, by=None, now=NOON)[1]
    else:
        shift_id += 1
    session.flush()
    assert find_at_work(session, shift_id, version, secret) is None


def test_a_revoked_devices_shift_ends(
    session: Session, make_staff: MakeStaff, tablet: tuple[Device, str]
) -> None:
    device, _ = tablet
    shift = start_shift(session, make_staff(), device, NOON)
    end_shifts_on(session, device.id, NOON + HOUR)
    assert (shift.ended_at, shift.ended_by) == (NOON + HOUR, "revoked")


def test_a_forgotten_shift_ends_when_its_device_was_last_seen(
    session: Session, make_staff: MakeStaff, store: Store
) -> None:
    """U6: whoever goes home without a word worked until the tablet's last request."""
    devices = [enrol_device(session, name, store, by=None, now=NOON)[0] for name in "甲乙"]
    left, busy = [start_shift(session, make_staff(), device, NOON) for device in devices]
    devices[0].last_seen_at = NOON + HOUR
    later = NOON + HOUR + FORGOTTEN_AFTER + timedelta(seconds=1)
    devices[1].last_seen_at = later
    session.flush()
    assert end_forgotten_shifts(session, later) == 1
    session.expire_all()
    assert (left.ended_at, left.ended_by) == (NOON + HOUR, "forgotten")
    assert busy.ended_at is None
    assert end_forgotten_shifts(session, later) == 0


@pytest.mark.parametrize("is_same", [True, False])
def test_the_next_mornings_sign_in_ends_what_was_forgotten_in_the_evening(
    session: Session, make_staff: MakeStaff, tablet: tuple[Device, str], is_same: bool
) -> None:
    """U6: nobody works through the night because the tablet was left signed in."""
    device, staff = tablet[0], make_staff()
    evening = start_shift(session, staff, device, NOON)
    device.last_seen_at = NOON + HOUR
    session.flush()
    morning = start_shift(session, staff if is_same else make_staff(), device, NOON + 12 * HOUR)
    assert (evening.ended_at, evening.ended_by) == (NOON + HOUR, "forgotten")
    assert morning.started_at == NOON + 12 * HOUR


def test_a_shift_counts_its_own_sales_across_midnight(
    session: Session, make_staff: MakeStaff, make_member: MakeMember, tablet: tuple[Device, str]
) -> None:
    """U6: a night's shift is one; the day's figure begins anew at midnight."""
    staff, member = make_staff(), make_member()
    evening = datetime.fromisoformat("2026-11-22T23:30+08:00")
    after = datetime.fromisoformat("2026-11-23T00:10+08:00")
    sold(session, staff, member, 999, evening - timedelta(seconds=1))
    shift = start_shift(session, staff, tablet[0], evening)
    sold(session, staff, member, 120, evening)
    sold(session, staff, member, 80, after)
    sold(session, make_staff(), member, 500, after)
    undone = sold(session, staff, member, 60, after)
    undone.refunded_twd, undone.undone_at = 60, after
    session.flush()
    end = after + timedelta(minutes=5)
    assert worked_in(session, shift, end) == Worked(2, 200)
    assert worked_today(session, staff.id, end) == Worked(1, 80)


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM shift",
        "UPDATE shift SET started_at = started_at - interval '1 hour'",
        "UPDATE shift SET staff_id = (SELECT max(id) FROM staff)",
        "UPDATE shift SET ended_at = ended_at + interval '1 hour'",
        "UPDATE shift SET ended_at = NULL, ended_by = NULL",
    ],
)
def test_a_shift_that_is_over_is_never_rewritten(
    session: Session, make_staff: MakeStaff, tablet: tuple[Device, str], change: str
) -> None:
    """U6: the database keeps who worked when."""
    end_shift(start_shift(session, make_staff(), tablet[0], NOON), "sign_out", NOON + HOUR)
    session.flush()
    make_staff()
    with pytest.raises(IntegrityError, match="only gets its end"):
        session.execute(text(change))


def test_of_many_sign_ins_at_once_on_one_device_one_shift_stays_open(committed: Committed) -> None:
    with committed.sessions.begin() as session:
        store = committed.maker.store(session)
        device_id = enrol_device(session, "平板", store, by=None, now=NOON)[0].id
        staff_ids = [committed.maker.staff(session).id for _ in range(6)]
    start = Barrier(len(staff_ids))

    def sign_in(staff_id: int) -> None:
        start.wait()
        with committed.sessions.begin() as session:
            staff = session.get_one(Staff, staff_id)
            start_shift(session, staff, session.get_one(Device, device_id), NOON)

    threads = [Thread(target=sign_in, args=(staff_id,)) for staff_id in staff_ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with committed.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Shift)) == len(staff_ids)
        still_open = select(func.count()).where(Shift.ended_at.is_(None))
        assert session.scalar(still_open) == 1

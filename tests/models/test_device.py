"""Devices: enrolled once, known by a secret we do not keep, shut out at once (U6)."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.audit import AuditEntry
from models.device import (
    CODE_LIFE,
    LONGEST_NAME,
    CodeRefused,
    Device,
    DeviceCode,
    DeviceNameRefused,
    NoSuchDevice,
    enrol_device,
    enrol_with_code,
    find_device,
    forget_enrolment_codes,
    is_secret_of,
    list_devices,
    make_enrolment_code,
    note_seen,
    revoke_device,
)
from models.shop import Store
from models.staff import Staff
from tests.conftest import NOON, Committed, Maker


@pytest.fixture
def manager(session: Session) -> Staff:
    """Return a manager of the first store."""
    return Maker().staff(session, "manager")


def test_a_device_is_known_by_its_secret_alone(
    session: Session, store: Store, manager: Staff
) -> None:
    """U6: only a digest is kept, and no other secret finds it."""
    device, secret = enrol_device(session, "  櫃台   平板 ", store, by=manager, now=NOON)
    assert find_device(session, secret) is device
    assert is_secret_of(device, secret)
    assert device.name == "櫃台 平板"
    assert secret not in (device.digest, device.name)
    for forged in ("", secret[:-1], secret.swapcase(), device.digest, str(device.id)):
        assert find_device(session, forged) is None
        assert not is_secret_of(device, forged)


@pytest.mark.parametrize("name", ["", "   ", "平" * (LONGEST_NAME + 1)])
def test_a_device_needs_a_name_that_fits(session: Session, store: Store, name: str) -> None:
    with pytest.raises(DeviceNameRefused):
        enrol_device(session, name, store, by=None, now=NOON)


def test_a_code_enrols_one_device_for_its_store(
    session: Session, store: Store, manager: Staff
) -> None:
    """U6: made elsewhere, typed in any way, good once."""
    code, typed = make_enrolment_code(session, store, by=manager, now=NOON)
    device, secret = enrol_with_code(
        session,
        f" {typed[:4].lower()} {typed[4:]}",
        "平板",
        NOON + CODE_LIFE - timedelta(seconds=1),
    )
    assert (device.store_id, device.enrolled_by) == (store.id, manager.id)
    assert find_device(session, secret) is device
    assert (code.device_id, typed in code.digest) == (device.id, False)
    with pytest.raises(CodeRefused):
        enrol_with_code(session, typed, "另一台", NOON)
    assert session.scalar(select(func.count()).select_from(Device)) == 1


@pytest.mark.parametrize("typed", ["", "ABCDEFGH", "'; DROP TABLE device; --"])
def test_another_code_enrols_nothing(session: Session, store: Store, typed: str) -> None:
    make_enrolment_code(session, store, by=None, now=NOON)
    with pytest.raises(CodeRefused):
        enrol_with_code(session, typed, "平板", NOON)


def test_a_code_is_over_after_a_quarter_of_an_hour(session: Session, store: Store) -> None:
    _, typed = make_enrolment_code(session, store, by=None, now=NOON)
    with pytest.raises(CodeRefused):
        enrol_with_code(session, typed, "平板", NOON + CODE_LIFE)


def test_old_codes_are_forgotten(session: Session, store: Store) -> None:
    make_enrolment_code(session, store, by=None, now=NOON)
    assert forget_enrolment_codes(session, NOON + timedelta(days=1)) == 0
    assert forget_enrolment_codes(session, NOON + timedelta(days=2)) == 1


def test_of_two_devices_with_one_code_at_once_one_gets_in(committed: Committed) -> None:
    """U6: a code seen over a shoulder is no second tablet."""
    with committed.sessions.begin() as session:
        store = committed.maker.store(session)
        _, typed = make_enrolment_code(session, store, by=None, now=NOON)
    start, outcomes = Barrier(8), list[str]()

    def enter(number: int) -> None:
        start.wait()
        try:
            with committed.sessions.begin() as session:
                enrol_with_code(session, typed, f"平板 {number}", NOON)
            outcomes.append("in")
        except CodeRefused:
            outcomes.append("out")

    threads = [Thread(target=enter, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["in"] + ["out"] * 7
    with committed.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Device)) == 1
        assert session.scalars(select(DeviceCode)).one().used_at == NOON


def test_a_revoked_device_is_nobody_and_is_revoked_once(
    session: Session, store: Store, manager: Staff
) -> None:
    device, secret = enrol_device(session, "平板", store, by=manager, now=NOON)
    revoke_device(session, device.id, by=manager, now=NOON)
    assert find_device(session, secret) is None
    with pytest.raises(NoSuchDevice):
        revoke_device(session, device.id, by=manager, now=NOON)
    with pytest.raises(NoSuchDevice):
        revoke_device(session, 0, by=manager, now=NOON)


def test_that_a_device_is_at_work_is_written_once_a_minute(session: Session, store: Store) -> None:
    device, _ = enrol_device(session, "平板", store, by=None, now=NOON)
    for seconds, seen in ((59, 0), (60, 60), (119, 60), (120, 120)):
        note_seen(session, device, NOON + timedelta(seconds=seconds))
        session.refresh(device)
        assert device.last_seen_at == NOON + timedelta(seconds=seen)


def test_devices_in_use_come_first_with_who_let_them_in(
    session: Session, store: Store, manager: Staff
) -> None:
    names = ("舊平板", "平板", "手機")
    devices = [enrol_device(session, name, store, by=None, now=NOON)[0] for name in names[:2]]
    devices.append(enrol_device(session, names[2], store, by=manager, now=NOON)[0])
    revoke_device(session, devices[0].id, by=None, now=NOON)
    found = [(device.name, by) for device, by in list_devices(session)]
    assert found == [("手機", manager.name), ("平板", None), ("舊平板", None)]


def test_the_audit_tells_who_let_a_device_in_and_out(
    session: Session, store: Store, manager: Staff
) -> None:
    """U6: enrolment, codes and revocation name person, store and device."""
    _, typed = make_enrolment_code(session, store, by=manager, now=NOON)
    device, _ = enrol_with_code(session, typed, "平板", NOON)
    revoke_device(session, device.id, by=manager, now=NOON)
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [entry.what for entry in entries] == ["device.code", "device.enrol", "device.revoke"]
    assert {(entry.staff_id, entry.store_id) for entry in entries} == {(manager.id, store.id)}
    assert entries[-1].after == {"device": f"#{device.id} 平板"}

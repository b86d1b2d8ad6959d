"""The counter's devices: who may enrol one, what an unknown one may do, and how one is shut out."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import Installation, create_app
from handlers.device_cookie import DEVICE_COOKIE, DEVICE_COOKIE_PATH
from handlers.limiting import limiter
from handlers.site.start import DEMO_COUNTER
from models.audit import AuditEntry
from models.device import Device, enrol_device, make_enrolment_code
from models.member import Member
from models.purchase import Purchase
from models.shift import Shift
from models.shop import find_store
from models.staff import Staff
from tests.conftest import STAFF_PIN, Clock, Maker
from tests.handlers.clerk_driver import Counter, enrol, words

MakeStaff = Callable[..., Staff]


@pytest.fixture(autouse=True)
def fresh_limits(app: Flask) -> None:
    """Forget the tries of other tests."""
    limiter.reset()


@pytest.fixture
def counter(client: FlaskClient) -> Counter:
    """Return a browser nobody enrolled."""
    return Counter(client, script=False)


def count_devices(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Device)) or 0


# --- an unknown device


def test_a_manager_enrols_the_device_in_their_hand(
    counter: Counter, client: FlaskClient, session: Session, make_staff: MakeStaff
) -> None:
    """U6: password, then name and store; their shift begins at once."""
    manager = make_staff("manager")
    assert counter.log_in_by_password(manager).headers["Location"] == "/clerk/enrol"
    assert "師大店" in client.get("/clerk/enrol").text
    done = counter.send("/clerk/enrol", store="TP02", name="吧台手機")
    assert done.headers["Location"] == "/clerk"
    cookie = next(c for c in done.headers.getlist("Set-Cookie") if c.startswith(DEVICE_COOKIE))
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/clerk" in cookie
    device = session.scalars(select(Device)).one()
    assert (device.name, device.store.code, device.enrolled_by) == ("吧台手機", "TP02", manager.id)
    assert "師大店" in client.get("/clerk").text
    assert session.scalars(select(Shift)).one().staff_id == manager.id


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize("path", ["/clerk/lookup", "/clerk/purchases", "/clerk/people/1/pin"])
def test_an_unknown_device_does_nothing_but_enrol(
    counter: Counter, client: FlaskClient, make_staff: MakeStaff, path: str, script: bool
) -> None:
    """U6: not even a manager works on it before."""
    counter.log_in_by_password(make_staff("manager"))
    counter.script = script
    assert counter.send(path).status_code == 401
    assert client.get("/clerk").headers["Location"] == "/clerk/enrol"
    assert client.get("/clerk/today").headers["Location"] == "/clerk/enrol"


def test_a_clerk_enrols_nothing_and_has_no_pin_there(
    counter: Counter, session: Session, make_staff: MakeStaff
) -> None:
    """U6: a password is no clerk's way in, and a PIN counts on an enrolled device alone."""
    clerk = make_staff()
    refused = counter.log_in_by_password(clerk)
    assert refused.status_code == 403
    assert "店員請用 PIN 登入" in refused.text
    assert counter.send("/clerk/pin", person=str(clerk.id), pin=STAFF_PIN).status_code == 401
    assert counter.send("/clerk/pin", person=str(clerk.id), pin="0001").status_code == 401
    assert count_devices(session) == 0
    assert clerk.pin_tries == 0


@pytest.mark.parametrize(
    ("typed", "words"),
    [({"store": "TP01", "name": " "}, "取個名字"), ({"store": "XX", "name": "平板"}, "選擇門市")],
)
def test_a_device_needs_name_and_store(
    counter: Counter,
    session: Session,
    make_staff: MakeStaff,
    typed: dict[str, str],
    words: str,
) -> None:
    counter.log_in_by_password(make_staff("owner"))
    refused = counter.send("/clerk/enrol", **typed)
    assert refused.status_code == 409
    assert words in refused.text
    assert count_devices(session) == 0


# --- a code made elsewhere


def test_a_code_enrols_a_device_without_a_manager_beside_it(
    app: Flask, session: Session, make_staff: MakeStaff
) -> None:
    """U6: made on one device, typed on another, good once."""
    asked = Counter(app.test_client())
    asked.log_in(make_staff("manager"))
    shown = words(asked.send("/clerk/devices/codes", store="TC01"))
    code = shown.partition("台中公益店的啟用碼 ")[2][:9]
    tablet = Counter(app.test_client(), script=False)
    tablet.open_door()
    done = tablet.send("/clerk/enrol/code", code=code, name="新平板")
    assert done.headers["Location"] == "/clerk/login"
    clerk = make_staff(store="TC01", name="阿哲")
    assert "阿哲" in tablet.client.get("/clerk/login").text
    assert tablet.log_in(clerk).headers["Location"] == "/clerk"
    assert "台中公益店" in tablet.client.get("/clerk").text
    again = Counter(app.test_client(), script=False)
    again.open_door()
    replayed = again.send("/clerk/enrol/code", code=code, name="另一台")
    assert replayed.status_code == 409
    assert "啟用碼不對或已失效" in replayed.text
    assert count_devices(session) == 2


def test_a_code_is_over_after_a_quarter_of_an_hour(
    counter: Counter, session: Session, clock: Clock
) -> None:
    store = Maker().store(session)
    _, code = make_enrolment_code(session, store, by=None, now=clock())
    clock.advance(minutes=15)
    counter.open_door()
    assert counter.send("/clerk/enrol/code", code=code, name="平板").status_code == 409
    assert count_devices(session) == 0


def test_codes_are_guessed_ten_times_a_minute_at_most(counter: Counter) -> None:
    counter.open_door()
    guesses = [
        counter.send("/clerk/enrol/code", code=f"GUESS{n:03}", name="x").status_code
        for n in range(11)
    ]
    assert guesses == [409] * 10 + [429]


# --- shut out


def test_a_revoked_device_is_out_at_its_next_request(
    app: Flask, session: Session, make_staff: MakeStaff
) -> None:
    """U6, faults: whoever has the lost tablet has nothing."""
    lost = Counter(app.test_client())
    lost.log_in(make_staff())
    device = session.scalars(select(Device)).one()
    boss = Counter(app.test_client())
    boss.log_in(make_staff("manager"))
    assert "已停用" in boss.send(f"/clerk/devices/{device.id}/revoke").text
    refused = lost.send("/clerk/lookup", code="0912345678")
    assert refused.status_code == 401
    assert "重新登入" in refused.text
    assert lost.client.get("/clerk").headers["Location"] == "/clerk/login"
    assert "啟用這台裝置" in lost.client.get("/clerk/login").text
    shift = session.scalars(select(Shift).where(Shift.device_id == device.id)).one()
    assert shift.ended_by == "revoked"


@pytest.mark.parametrize("forged", ["", "1", "forged", "another"])
def test_a_session_without_its_devices_cookie_is_nobodys(
    client: FlaskClient, session: Session, make_staff: MakeStaff, forged: str
) -> None:
    """U6, faults: a session stolen from one device opens nothing on another."""
    counter = Counter(client)
    counter.log_in(make_staff())
    store = Maker().store(session)
    _, secret = enrol_device(session, "另一台", store, by=None, now=Maker().now)
    value = secret if forged == "another" else forged
    client.set_cookie(DEVICE_COOKIE, value, path=DEVICE_COOKIE_PATH)
    assert client.get("/clerk").headers["Location"] == "/clerk/login"
    assert counter.send("/clerk/lookup", code="0912345678").status_code == 401


def test_clerks_neither_see_nor_shut_out_devices(
    client: FlaskClient, session: Session, make_staff: MakeStaff
) -> None:
    counter = Counter(client)
    counter.log_in(make_staff())
    device = session.scalars(select(Device)).one()
    assert client.get("/clerk/devices").status_code == 403
    assert counter.send("/clerk/devices/codes", store="TP01").status_code == 403
    assert counter.send(f"/clerk/devices/{device.id}/revoke").status_code == 403
    assert device.revoked_at is None


# --- what is done on a device says so


def test_sales_and_the_audit_name_device_and_store(
    client: FlaskClient, session: Session, make_staff: MakeStaff, make_member: Callable[..., Member]
) -> None:
    """U6, X13: the store is the device's, and every entry carries both."""
    device = enrol(client, session, store="TP02", name="吧台手機")
    counter, manager = Counter(client), make_staff("manager", store="TP01")
    counter.log_in(manager)
    counter.look_up(make_member().number)
    assert counter.confirm("120").status_code == 200
    sale = session.scalars(select(Purchase).where(Purchase.device_id.is_not(None))).one()
    store = find_store(session, "TP02")
    assert store is not None
    assert (sale.device_id, sale.store_id, sale.staff_id) == (device.id, store.id, manager.id)
    clerk = make_staff()
    counter.send(f"/clerk/people/{clerk.id}/pin")
    noted = session.scalars(select(AuditEntry).where(AuditEntry.what == "staff.pin_reset")).one()
    assert (noted.staff_id, noted.store_id, noted.device) == (manager.id, store.id, device.label)


def test_a_wrong_pin_is_noted_with_its_device(
    client: FlaskClient, session: Session, make_staff: MakeStaff
) -> None:
    device = enrol(client, session)
    assert Counter(client).log_in(make_staff(), pin="0001").status_code == 403
    noted = session.scalars(select(AuditEntry).where(AuditEntry.what == "staff.pin_wrong")).one()
    assert (noted.store_id, noted.device) == (device.store_id, device.label)


# --- the demo


def test_one_tap_on_the_demos_start_page_opens_a_counter(
    installation: Installation, session: Session, make_staff: MakeStaff
) -> None:
    """U6: a newcomer's browser becomes a tablet of the demo shop, once."""
    installation.settings.demo = True
    browser = create_app(installation).test_client()
    assert f'action="{DEMO_COUNTER}"' in browser.get("/").text
    assert browser.post(DEMO_COUNTER).headers["Location"] == "/clerk"
    clerk = make_staff(name="小安")
    assert "小安" in browser.get("/clerk/login").text
    assert Counter(browser).log_in(clerk).headers["Location"] == "/clerk"
    assert "信義店" in browser.get("/clerk").text
    browser.post(DEMO_COUNTER)
    assert count_devices(session) == 1


def test_a_real_shop_has_no_such_address(app: Flask) -> None:
    """U6: the route itself is not there."""
    assert DEMO_COUNTER not in {rule.rule for rule in app.url_map.iter_rules()}

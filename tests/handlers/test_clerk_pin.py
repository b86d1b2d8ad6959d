"""The counter's PINs: signing in, locking, people's page, and a manager's yes on the spot."""

from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handlers.limiting import limiter
from models.audit import AuditEntry
from models.fraud import Approval
from models.member import Member
from models.pin import MOST_TRIES, set_pin
from models.purchase import Purchase
from models.shift import Shift
from models.shop import get_shop
from models.staff import Staff
from models.velocity_rule import change_velocity_rule
from tests.conftest import STAFF_PASSWORD, STAFF_PIN, Clock
from tests.handlers.clerk_driver import Counter, enrol, hidden, words
from tests.handlers.statements import count_statements

MakeStaff = Callable[..., Staff]
MakeMember = Callable[..., Member]


@pytest.fixture(autouse=True)
def fresh_limits(app: Flask) -> None:
    """Forget the tries of other tests."""
    limiter.reset()


@pytest.fixture
def clerk(make_staff: MakeStaff) -> Staff:
    return make_staff(name="小安")


@pytest.fixture
def manager(make_staff: MakeStaff) -> Staff:
    return make_staff("manager", name="林店長")


@pytest.fixture
def counter(client: FlaskClient, clerk: Staff) -> Counter:
    """Return the clerk's page, signed in."""
    page = Counter(client)
    page.log_in(clerk)
    return page


def by_pin(person: Staff, pin: str = STAFF_PIN) -> dict[str, str]:
    """Return what a manager types into a clerk's form."""
    return {"manager": str(person.id), "manager_pin": pin}


def count_sales(session: Session) -> int:
    return session.scalar(select(func.count()).where(Purchase.device_id.is_not(None))) or 0


# --- signing in


def test_who_may_work_here_is_a_tap_away(
    client: FlaskClient, session: Session, make_staff: MakeStaff
) -> None:
    """U6: this store's people first, others below, nobody who does not belong at a counter."""
    enrol(client, session)
    make_staff(name="小安")
    make_staff(name="阿哲", store="TC01")
    make_staff("marketer", name="吳小編")
    make_staff(name="離職者", is_active=False)
    make_staff(name="新來的", pin_hash=None)
    shown = words(client.get("/clerk/login"))
    assert shown.index("小安") < shown.index("其他門市的同事") < shown.index("阿哲")
    assert "尚未設定 PIN" in shown
    assert "吳小編" not in shown
    assert "離職者" not in shown


def test_five_wrong_pins_lock_the_person_on_every_device(
    app: Flask, session: Session, clerk: Staff, clock: Clock
) -> None:
    """U6, faults: the count outlives the refusals, and a manager is told how to help."""
    for _ in range(MOST_TRIES):
        page = Counter(app.test_client())
        refused = page.log_in(clerk, pin="0001")
        assert refused.status_code == 403
    assert "PIN 已鎖定" in refused.text
    assert "PIN 已鎖定" in Counter(app.test_client()).log_in(clerk).text
    session.refresh(clerk)
    assert clerk.pin_locked_until is not None
    clock.advance(minutes=15)
    assert Counter(app.test_client()).log_in(clerk).status_code == 302


def test_the_next_person_takes_the_counter_over(
    client: FlaskClient, session: Session, counter: Counter, manager: Staff
) -> None:
    """U6: the shift before ends; the page that was open is the other's no more."""
    counter.log_in(manager)
    shifts = session.scalars(select(Shift).order_by(Shift.id)).all()
    assert [shift.ended_by for shift in shifts] == ["next", None]
    client.get("/clerk")
    assert "林店長" in client.get("/clerk/today").text


def test_a_shift_tells_its_figures_when_it_ends(
    counter: Counter, clerk: Staff, make_member: MakeMember, clock: Clock
) -> None:
    """U6: own count and sum, of the shift and of the day."""
    clock.now = datetime.fromisoformat("2026-11-22T23:58+08:00")
    counter.log_in(clerk)
    for amount in ("120", "80"):
        counter.look_up(make_member().number)
        assert counter.confirm(amount).status_code == 200
        clock.advance(minutes=2)
    shown = words(counter.send("/clerk/logout"))
    assert "小安，辛苦了" in shown
    assert "這一班的筆數 2" in shown
    assert "NT$200" in shown
    assert "今天共 1 筆" in shown


def test_a_password_is_no_clerks_way_in(counter: Counter, clerk: Staff, manager: Staff) -> None:
    """U6: on an enrolled device it stays possible for who manages."""
    counter.send("/clerk/logout")
    assert "店員請用 PIN 登入" in counter.log_in_by_password(clerk).text
    assert counter.log_in_by_password(manager).headers["Location"] == "/clerk"


# --- the lock


@pytest.mark.parametrize("script", [True, False])
def test_a_counter_at_rest_is_locked_and_opens_in_place(
    counter: Counter, clerk: Staff, make_member: MakeMember, clock: Clock, script: bool
) -> None:
    """U6: five minutes by the server's clock; the same form works after the PIN."""
    counter.script = script
    counter.look_up(make_member().number)
    clock.advance(minutes=5)
    assert counter.preview("450").status_code == 200
    clock.advance(minutes=5, seconds=1)
    refused = counter.confirm("450")
    assert refused.status_code == 401
    assert "櫃台已鎖定" in refused.text
    assert hidden(refused.text, "person") == str(clerk.id)
    assert counter.client.get("/clerk").headers["Location"] == "/clerk/login"
    assert counter.send("/clerk/pin", person=str(clerk.id), pin=STAFF_PIN).status_code < 400
    assert counter.confirm("450").status_code == 200


def test_a_shop_chooses_when_its_counters_lock(
    counter: Counter, session: Session, clock: Clock
) -> None:
    get_shop(session).lock_minutes = 1
    session.flush()
    clock.advance(seconds=61)
    assert counter.send("/clerk/lookup", code="1").status_code == 401


def test_locking_by_hand_holds_until_the_pin(
    counter: Counter, client: FlaskClient, clerk: Staff
) -> None:
    """U6: also for a page that is reloaded; nothing of a member is shown meanwhile."""
    assert counter.send("/clerk/lock").status_code == 204
    assert counter.send("/clerk/awake").status_code == 401
    assert counter.send("/clerk/lookup", code="1").status_code == 401
    page = client.get("/clerk/login")
    assert clerk.name in page.text
    assert "今日" not in words(page)
    wrong = counter.send("/clerk/pin", person=str(clerk.id), pin="0001")
    assert wrong.status_code == 403
    assert "還可以再試 4 次" in wrong.text
    assert counter.send("/clerk/pin", person=str(clerk.id), pin=STAFF_PIN).status_code == 200
    assert counter.send("/clerk/awake").status_code == 204


def test_a_late_answer_undoes_neither_a_lock_nor_a_login(counter: Counter) -> None:
    """U6: what needs no login may be on its way while one begins or ends: it sends no session."""
    for beside_the_door in ("/clerk/ping", "/clerk/offline", "/clerk/sw.js"):
        answer = counter.client.get(beside_the_door)
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
    assert "Set-Cookie" in counter.send("/clerk/awake").headers  # Work renews it.


def test_a_counter_in_use_stays_open_across_midnight(counter: Counter, clock: Clock) -> None:
    """U6: a day's end ends no session, whatever the hour of the sign-in."""
    clock.now = datetime.fromisoformat("2026-11-22T12:00+08:00")
    counter.work_on(clock, minutes=40)
    assert counter.client.get("/clerk").status_code == 200


def test_a_door_costs_one_statement(counter: Counter, session: Session) -> None:
    """U8: staff, device, store, shift and shop of a session in one."""
    session.flush()
    with count_statements(session) as counted:
        assert counter.client.get("/clerk").status_code == 200
    assert len(counted) == 1


# --- ended at once


@pytest.mark.parametrize("how", ["out", "role", "version", "reset"])
def test_a_clerk_who_is_locked_out_is_out_at_once(
    app: Flask, counter: Counter, session: Session, clerk: Staff, make_staff: MakeStaff, how: str
) -> None:
    """U6, faults: access, role, version and PIN each end every session of the person."""
    boss = Counter(app.test_client())
    boss.log_in(make_staff("owner"))
    if how == "out":
        boss.send(f"/clerk/people/{clerk.id}/access", answer="no")
    elif how == "role":
        boss.send(f"/clerk/people/{clerk.id}/role", role="manager")
    elif how == "reset":
        boss.send(f"/clerk/people/{clerk.id}/pin")
    else:
        clerk.session_version += 1
        session.flush()
    assert counter.send("/clerk/lookup", code="1").status_code == 401
    assert counter.client.get("/clerk").headers["Location"] == "/clerk/login"


def test_who_is_let_in_again_signs_in_anew(
    app: Flask, counter: Counter, clerk: Staff, manager: Staff
) -> None:
    boss = Counter(app.test_client())
    boss.log_in(manager)
    boss.send(f"/clerk/people/{clerk.id}/access", answer="no")
    assert counter.log_in(clerk).status_code == 403
    boss.send(f"/clerk/people/{clerk.id}/access", answer="yes")
    assert counter.log_in(clerk).headers["Location"] == "/clerk"


# --- people and their PINs


def test_a_temporary_pin_only_serves_to_choose_ones_own(
    app: Flask, client: FlaskClient, clerk: Staff, manager: Staff
) -> None:
    """U6: shown to the manager once, changed at the first sign-in."""
    boss = Counter(app.test_client())
    boss.log_in(manager)
    shown = words(boss.send(f"/clerk/people/{clerk.id}/pin"))
    pin = shown.partition("小安 的臨時 PIN ")[2][:6]
    counter = Counter(client)
    assert counter.log_in(clerk, pin=pin).status_code == 302
    assert client.get("/clerk").headers["Location"] == "/clerk/my-pin"
    refused = counter.send("/clerk/lookup", code="1")
    assert refused.status_code == 409
    assert "請先設定自己的 PIN" in refused.text
    assert "臨時 PIN" in client.get("/clerk/my-pin").text
    own = "7305"  # Shorter than any temporary one, so another.
    done = counter.send("/clerk/my-pin", old=pin, new=own, again=own)
    assert "新的 PIN 已經生效" in done.text
    assert client.get("/clerk").status_code == 200


def test_a_manager_takes_a_new_clerk_in_without_any_command(
    counter: Counter, session: Session, manager: Staff
) -> None:
    """U6: a name, a PIN to change; their password nobody knows."""
    counter.log_in(manager)
    assert counter.send("/clerk/people", name="  ").status_code == 409
    shown = words(counter.send("/clerk/people", name=" 小  美 "))
    pin = shown.partition("小 美 的臨時 PIN ")[2][:6]
    clerk = session.scalars(select(Staff).where(Staff.name == "小 美")).one()
    assert (clerk.role, clerk.store.code) == ("clerk", "TP01")
    assert counter.log_in(clerk, pin=pin).status_code == 302
    assert counter.client.get("/clerk").headers["Location"] == "/clerk/my-pin"
    noted = session.scalars(select(AuditEntry).where(AuditEntry.what == "staff.add")).one()
    assert (noted.staff_id, noted.subject) == (manager.id, f"staff:{clerk.id}")


@pytest.mark.parametrize(
    ("typed", "status", "told"),
    [
        ({"old": "0001", "new": "730519", "again": "730519"}, 403, "PIN 不對"),
        ({"old": STAFF_PIN, "new": "1234", "again": "1234"}, 409, "這個 PIN 不能用"),
        ({"old": STAFF_PIN, "new": "730519", "again": "730518"}, 409, "兩次輸入的不一樣"),
        ({"old": STAFF_PIN, "new": STAFF_PIN, "again": STAFF_PIN}, 409, "這個 PIN 不能用"),
    ],
)
@pytest.mark.parametrize("script", [True, False])
def test_ones_own_pin_is_not_changed_by_mistake(
    counter: Counter,
    session: Session,
    clerk: Staff,
    typed: dict[str, str],
    status: int,
    told: str,
    script: bool,
) -> None:
    counter.script = script
    refused = counter.send("/clerk/my-pin", **typed)
    assert (refused.status_code, told in refused.text) == (status, True)
    session.refresh(clerk)
    assert clerk.pin_tries == (1 if status == 403 else 0)
    assert counter.log_in(clerk).status_code == 302


def test_an_owner_without_a_pin_chooses_one_by_password(
    app: Flask, session: Session, make_staff: MakeStaff
) -> None:
    """U6: nobody stands above an owner to give them one."""
    owner, page = make_staff("owner", pin_hash=None), Counter(app.test_client())
    enrol(page.client, session)
    page.log_in_by_password(owner)
    wrong = page.send("/clerk/my-pin", old="wrong-wrong", new="730519", again="730519")
    assert wrong.status_code == 403
    done = page.send("/clerk/my-pin", old=STAFF_PASSWORD, new="730519", again="730519")
    assert "已經生效" in done.text
    assert page.log_in(owner, pin="730519").status_code == 302


def test_a_manager_looks_after_clerks_and_the_owner_after_managers(
    counter: Counter, session: Session, clerk: Staff, manager: Staff, make_staff: MakeStaff
) -> None:
    """Section 4: on the page there is no button beyond one's reach, and the server refuses it."""
    for _ in range(MOST_TRIES):
        counter.log_in(clerk, pin="0001")
    counter.log_in(manager)
    page = counter.client.get("/clerk/people")
    assert f"/clerk/people/{clerk.id}/unlock" in page.text
    assert f"/clerk/people/{manager.id}/pin" not in page.text
    assert f"/clerk/people/{clerk.id}/role" not in page.text
    assert counter.send(f"/clerk/people/{manager.id}/pin").status_code == 409
    assert counter.send(f"/clerk/people/{clerk.id}/role", role="manager").status_code == 409
    assert "可以再輸入 PIN 了" in counter.send(f"/clerk/people/{clerk.id}/unlock").text
    assert counter.log_in(clerk).status_code == 302
    counter.log_in(make_staff("owner"))
    assert "職務已更改" in counter.send(f"/clerk/people/{clerk.id}/role", role="manager").text
    session.refresh(clerk)
    assert clerk.role == "manager"
    assert counter.send(f"/clerk/people/{clerk.id}/role", role="owner").status_code == 409


# --- above a clerk's limits


@pytest.fixture
def limited(session: Session) -> None:
    """Let a clerk give three points a sale, and nothing beyond."""
    change_velocity_rule(session, "staff_points_sale", warn_at=2, block_at=3, is_active=True)


@pytest.mark.usefixtures("limited")
def test_a_manager_allows_on_the_spot_by_pin(
    counter: Counter, session: Session, clerk: Staff, manager: Staff, make_member: MakeMember
) -> None:
    """U6, U12: one name, one PIN; the audit names both and the device."""
    counter.look_up(make_member().number)
    refused = counter.confirm("900")
    assert refused.status_code == 409
    assert "這一筆給的點數超過店員的上限" in refused.text
    assert f'<option value="{manager.id}">' in refused.text
    assert "已入帳" in counter.confirm("900", **by_pin(manager)).text
    approval = session.scalars(select(Approval)).one()
    assert (approval.asked_by, approval.decided_by) == (clerk.id, manager.id)
    noted = session.scalars(select(AuditEntry).where(AuditEntry.what == "approval.approved")).one()
    sale = session.scalars(select(Purchase).where(Purchase.device_id.is_not(None))).one()
    assert (noted.staff_id, noted.store_id) == (manager.id, sale.store_id)
    assert str(noted.device).startswith(f"#{sale.device_id} ")


@pytest.mark.usefixtures("limited")
@pytest.mark.parametrize("who", ["oneself", "a clerk", "wrong", "temporary", "nobody", "no pin"])
@pytest.mark.parametrize("script", [True, False])
def test_nobody_else_allows_anything(
    counter: Counter,
    session: Session,
    clerk: Staff,
    manager: Staff,
    make_member: MakeMember,
    make_staff: MakeStaff,
    who: str,
    script: bool,
) -> None:
    """U6: another person, who manages, by a PIN that only they know."""
    typed = {
        "oneself": lambda: by_pin(clerk),
        "a clerk": lambda: by_pin(make_staff()),
        "wrong": lambda: by_pin(manager, "0001"),
        "temporary": lambda: by_pin(make_staff("manager", pin_is_temporary=True)),
        "nobody": lambda: {"manager": "x", "manager_pin": STAFF_PIN},
        "no pin": lambda: by_pin(make_staff("manager", pin_hash=None)),
    }[who]()
    counter.look_up(make_member().number)
    counter.script = script
    refused = counter.confirm("900", **typed)
    assert refused.status_code in (403, 409)
    assert "店長的 PIN 或密碼不對" in refused.text
    assert count_sales(session) == 0
    session.refresh(manager)
    assert manager.pin_tries == (1 if who == "wrong" else 0)


@pytest.mark.usefixtures("limited")
def test_guesses_at_a_managers_pin_lock_it(
    counter: Counter, session: Session, manager: Staff, make_member: MakeMember
) -> None:
    """U6: a clerk at the till is no better at guessing than a stranger."""
    counter.look_up(make_member().number)
    told = [counter.confirm("900", **by_pin(manager, "0001")) for _ in range(MOST_TRIES)]
    assert "PIN 已鎖定" in told[-1].text
    assert "PIN 已鎖定" in counter.confirm("900", **by_pin(manager)).text
    assert count_sales(session) == 0


def test_a_stranger_cannot_guess_a_managers_pin(
    app: Flask, session: Session, manager: Staff
) -> None:
    """U6: a form counts as a try only from within the counter."""
    stranger = Counter(app.test_client())
    stranger.open_door()
    stranger.send("/clerk/login", username="x", password="y", **by_pin(manager, "0001"))
    stranger.send("/clerk/purchases", **by_pin(manager, "0001"))
    session.refresh(manager)
    assert manager.pin_tries == 0


def test_two_people_of_one_pin_are_two_people(
    counter: Counter, clerk: Staff, manager: Staff, session: Session
) -> None:
    """U6: a PIN alone says nothing; the name that was picked does."""
    for person in (clerk, manager):
        set_pin(person, "730519")
    session.flush()
    for person in (clerk, manager):
        answer = counter.log_in(person, pin="730519")
        assert answer.headers["X-Signed-In"] == str(person.id)
    assert manager.pin_tries == 0

"""The console's door: password and second factor, who may come in, and what ends a session."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session, object_session

from handlers.console.door import IDLE_SECONDS
from handlers.headers import PAGE_HEADERS
from handlers.limiting import limiter
from models.staff import Staff, change_role
from models.totp import totp_secret
from tests.conftest import NOON, STAFF_PASSWORD, Clock
from tests.handlers.clerk_driver import Counter, hidden, words
from tests.handlers.console_driver import Desk

MakeStaff = Callable[..., Staff]
HOME = "/console/"


@pytest.fixture(autouse=True)
def fresh_limits(client: FlaskClient) -> None:
    """Forget the tries of other tests."""
    limiter.reset()


def phone_of(app: Flask, staff: Staff, clock: Clock, *, seconds: int = 0) -> str:
    """Return what a person's phone shows now, or so much later."""
    session = object_session(staff)
    assert session is not None
    session.refresh(staff)
    secret = totp_secret(staff, app.config["SECRET_KEY"])
    return pyotp.TOTP(secret).at(clock() + timedelta(seconds=seconds))


def wrong_for(app: Flask, staff: Staff, clock: Clock) -> str:
    """Return a code that a person's phone does not show about now."""
    shown = {phone_of(app, staff, clock, seconds=near) for near in range(-150, 151, 30)}
    return next(code for code in map("{:06}".format, range(12)) if code not in shown)


def test_strangers_are_led_to_the_login_and_back(
    client: FlaskClient, make_staff: MakeStaff
) -> None:
    led = client.get("/console/?x=1")
    assert led.headers["Location"] == "/console/login?next=/console/?x%3D1"

    desk, manager = Desk(client), make_staff("manager")
    desk.get(led.headers["Location"])
    answer = desk.send(
        "/console/login", username=manager.username, password=STAFF_PASSWORD, next="/console/?x=1"
    )

    assert answer.headers["Location"] == "/console/?x=1"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/console", "//evil.example", "/clerk", "/console\\@evil"]
)
def test_a_login_leads_nowhere_else(
    client: FlaskClient, make_staff: MakeStaff, elsewhere: str
) -> None:
    desk, manager = Desk(client), make_staff("manager")
    desk.get("/console/login")

    answer = desk.send(
        "/console/login", username=manager.username, password=STAFF_PASSWORD, next=elsewhere
    )

    assert answer.headers["Location"] == HOME


def test_a_wrong_password_keeps_the_name(client: FlaskClient, make_staff: MakeStaff) -> None:
    manager = make_staff("manager")

    answer = Desk(client).log_in(manager, "wrong-wrong")

    assert answer.status_code == 403
    assert "帳號或密碼不對" in answer.text
    assert manager.username in answer.text


def test_a_clerk_has_no_desk(client: FlaskClient, make_staff: MakeStaff) -> None:
    answer = Desk(client).log_in(make_staff("clerk"))

    assert answer.status_code == 403
    assert "櫃台" in words(answer)


def test_guesses_of_one_name_are_few(client: FlaskClient, make_staff: MakeStaff) -> None:
    manager, desk = make_staff("manager"), Desk(client)

    seen = [desk.log_in(manager, "wrong-wrong").status_code for _ in range(11)]

    assert seen == [403] * 10 + [429]


def test_an_owner_sets_up_a_phone_before_anything_else(
    app: Flask, client: FlaskClient, make_staff: MakeStaff, clock: Clock
) -> None:
    """Architecture 11: TOTP for owner and marketer."""
    owner, desk = make_staff("owner"), Desk(client)
    desk.get("/console/login")
    desk.send("/console/login", username=owner.username, password=STAFF_PASSWORD)
    assert desk.get(HOME).headers["Location"] == "/console/login/totp"
    page = desk.get("/console/login/totp")
    assert "掃描這個條碼" in page.text

    wrong = desk.send("/console/login/totp", code=wrong_for(app, owner, clock))
    assert wrong.status_code == 403
    assert "驗證碼不對" in wrong.text
    right = desk.send("/console/login/totp", code=phone_of(app, owner, clock))

    assert "備用碼" in right.text
    assert desk.get(HOME).status_code == 200


def test_the_second_factor_is_asked_for_at_every_login(
    app: Flask, client: FlaskClient, session: Session, make_staff: MakeStaff, clock: Clock
) -> None:
    owner = make_staff("owner")
    Desk(client).log_in(owner)
    desk = Desk(app.test_client())
    desk.get("/console/login")

    led = desk.send("/console/login", username=owner.username, password=STAFF_PASSWORD)
    assert led.headers["Location"].startswith("/console/login/code")
    assert desk.get(HOME).status_code == 302
    clock.advance(minutes=1)
    wrong = desk.send("/console/login/code", code=wrong_for(app, owner, clock))
    right = desk.send("/console/login/code", code=phone_of(app, owner, clock))

    assert (wrong.status_code, right.status_code) == (403, 303)
    assert desk.get(HOME).status_code == 200


def test_a_right_password_does_not_wait_long(
    app: Flask, client: FlaskClient, make_staff: MakeStaff, clock: Clock
) -> None:
    owner = make_staff("owner")
    Desk(client).log_in(owner)
    desk = Desk(app.test_client())
    desk.get("/console/login")
    desk.send("/console/login", username=owner.username, password=STAFF_PASSWORD)

    clock.advance(minutes=6)
    answer = desk.send("/console/login/code", code=phone_of(app, owner, clock))

    assert answer.headers["Location"].startswith("/console/login?")


def test_an_hour_of_rest_ends_the_session(
    client: FlaskClient, make_staff: MakeStaff, clock: Clock
) -> None:
    desk = Desk(client)
    desk.log_in(make_staff("manager"))
    clock.advance(seconds=IDLE_SECONDS)
    assert desk.get(HOME).status_code == 200

    clock.advance(seconds=IDLE_SECONDS + 1)

    assert desk.get(HOME).headers["Location"].startswith("/console/login")
    over = desk.send("/console/drafts/x", script=True)
    assert over.status_code == 401
    assert "登入已過期" in over.text


def test_after_a_login_that_was_over_the_form_is_opened_again(
    client: FlaskClient, make_staff: MakeStaff, clock: Clock
) -> None:
    desk = Desk(client)
    desk.log_in(make_staff("manager"))
    clock.advance(seconds=IDLE_SECONDS + 1)
    form = {"csrf_token": desk.token, "q": "陳"}

    over = client.post(
        "/console/segments/send",
        data=form,
        headers={"Referer": "http://localhost/console/segments/new"},
    )

    assert over.status_code == 401
    assert hidden(over.text, "next") == "/console/segments/new"


def test_a_secret_in_force_is_shown_to_nobody(
    app: Flask, client: FlaskClient, make_staff: MakeStaff, clock: Clock
) -> None:
    """Whoever finds an open desk may not copy the second factor of its owner."""
    owner, desk = make_staff("owner"), Desk(client)
    desk.log_in(owner)
    secret = totp_secret(owner, app.config["SECRET_KEY"])

    answers = [desk.get("/console/login/totp"), desk.send("/console/login/totp", code="000000")]

    assert [answer.headers["Location"] for answer in answers] == [f"{HOME}", f"{HOME}"]
    assert not any(secret in answer.text for answer in answers)


def test_a_code_may_be_typed_in_full_width_digits(
    app: Flask, client: FlaskClient, make_staff: MakeStaff, clock: Clock
) -> None:
    owner = make_staff("owner")
    Desk(client).log_in(owner)
    desk = Desk(app.test_client())
    desk.get("/console/login")
    desk.send("/console/login", username=owner.username, password=STAFF_PASSWORD)
    clock.advance(minutes=1)

    assert desk.send("/console/login/code", code="ⅣⅤ²").status_code == 403
    wide = phone_of(app, owner, clock).translate({ord(str(n)): chr(0xFF10 + n) for n in range(10)})
    assert desk.send("/console/login/code", code=wide).status_code == 303


def test_another_role_ends_all_sessions(
    client: FlaskClient, session: Session, make_staff: MakeStaff
) -> None:
    desk, manager = Desk(client), make_staff("manager")
    desk.log_in(manager)

    change_role(session, manager.id, "clerk", by=None, now=NOON)

    assert desk.get(HOME).status_code == 302


def test_a_browser_is_a_counter_and_a_desk_at_once(
    client: FlaskClient, make_staff: MakeStaff
) -> None:
    manager, desk, counter = make_staff("manager"), Desk(client), Counter(client)
    counter.log_in(manager)
    desk.log_in(manager)

    assert client.get("/clerk").status_code == 200
    assert desk.get(HOME).status_code == 200
    desk.send("/console/logout")
    assert desk.get(HOME).status_code == 302
    assert client.get("/clerk").status_code == 200
    desk.log_in(manager)
    counter.token = hidden(client.get("/clerk").text, "csrf_token")
    counter.send("/clerk/logout")
    assert client.get("/clerk").status_code == 302
    assert desk.get(HOME).status_code == 200


def test_a_form_without_its_token_does_nothing(client: FlaskClient, make_staff: MakeStaff) -> None:
    desk = Desk(client)
    desk.log_in(make_staff("manager"))
    desk.token = ""

    assert desk.send("/console/logout").status_code == 400
    assert desk.get(HOME).status_code == 200


def test_pages_run_nothing_foreign(client: FlaskClient, make_staff: MakeStaff) -> None:
    desk = Desk(client)
    desk.log_in(make_staff("manager"))

    page = desk.get(HOME)

    assert {name: page.headers[name] for name in PAGE_HEADERS} == PAGE_HEADERS
    assert ' style="' not in page.text


@pytest.mark.parametrize("language", ["zh-TW", "en", "ja"])
def test_the_language_stays_chosen(
    client: FlaskClient, make_staff: MakeStaff, language: str
) -> None:
    desk = Desk(client)
    desk.log_in(make_staff("manager"))
    desk.get(f"{HOME}?language={language}")

    expected = "zh-Hant-TW" if language == "zh-TW" else language
    assert f'<html lang="{expected}"' in desk.get(HOME).text


def test_the_theme_stays_chosen(client: FlaskClient, make_staff: MakeStaff) -> None:
    desk = Desk(client)
    desk.log_in(make_staff("manager"))
    desk.get(HOME)
    assert desk.send("/console/theme", theme="dark", next=HOME).headers["Location"] == HOME

    assert 'data-bs-theme="dark"' in desk.get(HOME).text
    assert desk.send("/console/theme", theme="pink").status_code == 409

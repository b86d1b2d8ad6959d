"""The counter's door: who comes in, who is led where, and how a login is renewed in place."""

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from handlers.headers import PAGE_HEADERS
from handlers.limiting import limiter
from models.staff import Staff
from tests.conftest import STAFF_PIN
from tests.handlers.clerk_driver import Counter, enrol, hidden, words

PAGES = ("/clerk", "/clerk/today")
FORMS = ("/clerk/lookup", "/clerk/preview", "/clerk/purchases")


@pytest.fixture(autouse=True)
def fresh_limits(client: FlaskClient) -> None:
    """Forget the tries of other tests."""
    limiter.reset()
    return


def test_a_clerk_who_signs_in_stands_at_the_devices_counter(
    client: FlaskClient, session: Session, make_staff: Callable[..., Staff]
) -> None:
    """U6: store and shift are the device's, wherever the person belongs."""
    enrol(client, session, store="TP02")
    answer = Counter(client).log_in(make_staff(store="TP01"))
    assert answer.headers["Location"] == "/clerk"
    page = client.get("/clerk")
    assert page.status_code == 200
    assert "師大店" in page.text
    assert "請掃描會員條碼" in page.text


def test_whoever_is_signed_in_skips_the_login_page(
    client: FlaskClient, make_staff: Callable[..., Staff]
) -> None:
    Counter(client).log_in(make_staff())
    assert client.get("/clerk/login").headers["Location"] == "/clerk"


def test_a_wrong_password_keeps_the_typed_name(
    client: FlaskClient, make_staff: Callable[..., Staff]
) -> None:
    manager = make_staff("manager")
    answer = Counter(client).log_in_by_password(manager, "wrong-wrong")
    assert answer.status_code == 403
    assert "帳號或密碼不對" in answer.text
    assert hidden(answer.text, "username") == manager.username


@pytest.mark.parametrize("role", ["marketer", "auditor"])
def test_other_roles_do_not_come_in(
    client: FlaskClient, session: Session, make_staff: Callable[..., Staff], role: str
) -> None:
    enrol(client, session)
    person, counter = make_staff(role), Counter(client)
    assert counter.log_in(person).status_code == 403
    answer = counter.log_in_by_password(person)
    assert answer.status_code == 403
    assert "不能使用櫃台" in answer.text
    assert client.get("/clerk").headers["Location"] == "/clerk/login"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_strangers_to_log_in(client: FlaskClient, path: str) -> None:
    assert client.get(path).headers["Location"] == "/clerk/login"


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("script", [True, False])
def test_a_form_asks_strangers_to_log_in(client: FlaskClient, path: str, script: bool) -> None:
    answer = Counter(client, script=script).send(path)
    assert answer.status_code == 401
    assert "登入已過期" in answer.text


@pytest.mark.parametrize("path", FORMS)
def test_reloading_an_answer_leads_back_to_the_start(
    client: FlaskClient, make_staff: Callable[..., Staff], path: str
) -> None:
    Counter(client).log_in(make_staff())
    assert client.get(path).headers["Location"] == "/clerk"


def test_raising_the_session_version_ends_a_login(
    client: FlaskClient, session: Session, make_staff: Callable[..., Staff]
) -> None:
    staff = make_staff()
    Counter(client).log_in(staff)
    staff.session_version += 1
    session.flush()
    assert client.get("/clerk").headers["Location"] == "/clerk/login"


def test_signing_out_ends_the_login(client: FlaskClient, make_staff: Callable[..., Staff]) -> None:
    counter = Counter(client, script=False)
    counter.log_in(make_staff())
    counter.send("/clerk/logout")
    assert client.get("/clerk").headers["Location"] == "/clerk/login"


def test_one_name_may_be_tried_ten_times_a_minute_from_anywhere(
    client: FlaskClient, make_staff: Callable[..., Staff]
) -> None:
    manager, counter = make_staff("manager"), Counter(client)
    statuses = []
    for place in range(11):
        client.environ_base["REMOTE_ADDR"] = f"203.0.113.{place}"
        statuses.append(counter.log_in_by_password(manager, "wrong-wrong").status_code)
    assert statuses == [403] * 10 + [429]


def test_one_address_may_try_ten_names_a_minute(client: FlaskClient) -> None:
    counter = Counter(client)
    nobody = [Staff(username=f"nobody-{place}") for place in range(11)]
    answers = [counter.log_in_by_password(one, "wrong-wrong") for one in nobody]
    assert [answer.status_code for answer in answers] == [403] * 10 + [429]
    assert "請等一分鐘" in words(answers[-1])


def test_a_login_without_its_token_is_asked_again(
    client: FlaskClient, make_staff: Callable[..., Staff]
) -> None:
    staff = make_staff()
    answer = client.post("/clerk/login", data={"username": staff.username, "password": "x"})
    assert answer.status_code == 400
    assert "再按一次" in answer.text
    assert hidden(answer.text, "username") == staff.username


def test_a_login_in_place_lets_the_work_go_on(
    client: FlaskClient, session: Session, make_staff: Callable[..., Staff]
) -> None:
    enrol(client, session)
    staff, counter = make_staff(), Counter(client)
    counter.token = counter.send("/clerk/lookup").headers["X-Fresh-CSRF-Token"]
    answer = counter.send("/clerk/pin", person=str(staff.id), pin=STAFF_PIN)
    assert answer.status_code == 200
    assert answer.headers["HX-Retarget"] == "#notice"
    assert "已重新登入" in answer.text
    assert counter.look_up("").status_code == 409


@pytest.mark.parametrize(
    ("language", "heading"), [("en", "Log in"), ("ja", "ログイン"), ("xx", "登入")]
)
def test_the_chosen_language_stays(client: FlaskClient, language: str, heading: str) -> None:
    client.get(f"/clerk/login?language={language}")
    assert heading in words(client.get("/clerk/login"))


def test_every_page_carries_the_security_headers(client: FlaskClient) -> None:
    answer = client.get("/clerk/login")
    for name, value in PAGE_HEADERS.items():
        assert answer.headers[name] == value

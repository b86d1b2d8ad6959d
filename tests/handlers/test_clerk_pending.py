"""What waits for a manager, and who may open which of the counter's pages."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from handlers.limiting import limiter
from models.checkout import approval_subject
from models.fraud import (
    Approval,
    FraudAlert,
    ask_approval,
    freeze_member,
    raise_alert,
)
from models.member import Member
from models.points import PointsAdjustment, ask_adjustment
from models.shop import get_shop
from models.staff import COUNTER_ROLES, ROLES, Staff
from tests.conftest import NOON
from tests.handlers.clerk_driver import Counter, path_of, words


@pytest.fixture
def clerk(make_staff: Callable[..., Staff]) -> Staff:
    """Return a clerk who asks for things."""
    return make_staff(name="小安")


@pytest.fixture
def manager(make_staff: Callable[..., Staff]) -> Staff:
    """Return the manager who decides."""
    return make_staff("manager", name="林店長")


@pytest.fixture
def counter(client: FlaskClient, manager: Staff) -> Counter:
    """Return the manager's page, logged in."""
    limiter.reset()
    counter = Counter(client)
    counter.log_in(manager)
    return counter


@pytest.fixture
def wish(session: Session, clerk: Staff, make_member: Callable[..., Member]) -> PointsAdjustment:
    """Return an adjustment above what a clerk may do alone."""
    return ask_adjustment(
        session,
        make_member(name="王小明"),
        get_shop(session).adjust_limit_points + 1,
        reason="活動漏給",
        asked_by=clerk,
        idempotency_key="wish",
        now=NOON,
    )


@pytest.fixture
def alert(session: Session, make_member: Callable[..., Member]) -> FraudAlert:
    """Return an alert about a member who said: not me."""
    member = make_member()
    freeze_member(session, member, "not_me", now=NOON)
    raised = raise_alert(
        session, "not_me", evidence={"purchase": [7]}, key="a", now=NOON, member_id=member.id
    )
    assert raised is not None
    return raised


def test_nothing_to_do_says_so(counter: Counter) -> None:
    assert "目前沒有待處理的事" in counter.client.get("/clerk/pending").text


def test_all_that_waits_is_listed(
    counter: Counter,
    session: Session,
    clerk: Staff,
    wish: PointsAdjustment,
    alert: FraudAlert,
) -> None:
    ask_approval(session, clerk, approval_subject(wish.member_id, 1_200), reason="pace", now=NOON)
    shown = words(counter.client.get("/clerk/pending"))
    for fact in ("NT$1,200", "活動漏給", "王○明", "小安", "客人按了「不是我」"):
        assert fact in shown
    assert "小明" not in shown


@pytest.mark.parametrize(
    ("answer", "state", "points"), [("yes", "posted", 501), ("no", "refused", 0)]
)
def test_an_adjustment_is_decided_once(
    counter: Counter,
    session: Session,
    wish: PointsAdjustment,
    answer: str,
    state: str,
    points: int,
) -> None:
    path = f"/clerk/pending/adjustments/{wish.id}"
    assert counter.send(path, answer=answer).status_code == 200
    again = counter.send(path, answer=answer)
    assert again.status_code == 409
    assert "已有人處理" in again.text
    session.expire_all()
    assert wish.state == state
    assert session.get_one(Member, wish.member_id).points == points


def test_what_one_asked_for_oneself_another_decides(
    counter: Counter, session: Session, manager: Staff, make_member: Callable[..., Member]
) -> None:
    own = ask_adjustment(
        session, make_member(), 900, reason="x", asked_by=manager, idempotency_key="o", now=NOON
    )
    page = counter.client.get("/clerk/pending")
    assert "您自己提出的" in page.text
    assert f"/pending/adjustments/{own.id}" not in page.text
    assert counter.send(f"/clerk/pending/adjustments/{own.id}", answer="yes").status_code == 409


@pytest.mark.parametrize(("answer", "state"), [("yes", "approved"), ("no", "refused")])
def test_a_sale_beyond_the_limits_is_allowed_or_not(
    counter: Counter,
    session: Session,
    clerk: Staff,
    make_member: Callable[..., Member],
    answer: str,
    state: str,
) -> None:
    subject = approval_subject(make_member().id, 100)
    asked = ask_approval(session, clerk, subject, reason="pace", now=NOON)
    path = f"/clerk/pending/approvals/{asked.code}"
    assert counter.send(path, answer=answer).status_code == 200
    session.expire_all()
    assert session.get_one(Approval, asked.id).state == state
    assert counter.send(path, answer=answer).status_code == 409


@pytest.mark.parametrize(
    ("answer", "state", "frozen"), [("yes", "confirmed", True), ("no", "released", False)]
)
def test_an_alert_is_settled_and_the_card_follows(
    counter: Counter,
    session: Session,
    alert: FraudAlert,
    answer: str,
    state: str,
    frozen: bool,
) -> None:
    path = f"/clerk/pending/alerts/{alert.id}"
    assert counter.send(path, answer=answer).status_code == 200
    session.expire_all()
    assert alert.state == state
    assert alert.member_id is not None
    assert (session.get_one(Member, alert.member_id).frozen_at is not None) is frozen
    assert "已有人處理" in counter.send(path, answer=answer).text


def test_an_alert_about_staff_is_not_for_themselves(
    counter: Counter, session: Session, manager: Staff, clerk: Staff
) -> None:
    own = raise_alert(session, "buy_return", evidence={}, key="m", now=NOON, staff_id=manager.id)
    other = raise_alert(session, "buy_return", evidence={}, key="c", now=NOON, staff_id=clerk.id)
    assert own is not None
    assert other is not None
    assert "須由另一位店長" in counter.client.get("/clerk/pending").text
    assert counter.send(f"/clerk/pending/alerts/{own.id}", answer="no").status_code == 409
    assert counter.send(f"/clerk/pending/alerts/{other.id}", answer="no").status_code == 200


def test_without_script_a_refused_decision_comes_back_on_the_list(counter: Counter) -> None:
    counter.script = False
    answer = counter.send("/clerk/pending/adjustments/999999", answer="yes")
    assert answer.status_code == 409
    assert "<html" in answer.text
    assert "待處理" in answer.text


# --- who may open what

OPEN_TO_ALL = {"clerk.show_login", "clerk.log_in", "clerk.sign_in", "clerk.use_code"}
FOR_MANAGERS = {
    "clerk.show_pending",
    "clerk.decide_approval",
    "clerk.decide_adjustment",
    "clerk.settle_alert",
    "clerk.settle_contact",
    "clerk.show_birthday_cards",
    "clerk.tick_card",
    "clerk.show_care_tasks",
    "clerk.tick_care",
    "clerk.show_devices",
    "clerk.make_code",
    "clerk.revoke",
    "clerk.show_people",
    "clerk.take_in",
    "clerk.renew_pin",
    "clerk.unlock",
    "clerk.give_role",
    "clerk.give_access",
    "clerk.record_item",
    "clerk.accept_item",
    "clerk.dismiss_item",
    "clerk.show_connections",
    "clerk.add_connection",
    "clerk.show_connection",
    "clerk.change_connection",
    "clerk.replay_delivery",
    "clerk.show_lens",
    "clerk.show_figure",
    "clerk.look",
    "clerk.show_deeds",
    "clerk.show_audit",
}
LAST = ("clerk.lock", "clerk.log_out")
"""What ends the work, so that it is tried last."""
SERVER_ERROR = 500


def clerk_routes(app: Flask) -> list[tuple[str, str, str]]:
    """Return endpoint, method and path of each of the counter's routes."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("clerk.offline."):
            continue  # Beside the door, with one of its own: test_clerk_sync.py.
        if rule.endpoint.startswith("clerk.") and rule.endpoint not in OPEN_TO_ALL:
            path = path_of(rule)
            methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
            found += [(rule.endpoint, method, path) for method in methods]
    return sorted(found, key=lambda route: (route[0] in LAST, route))


def test_nobody_opens_no_page_of_the_counter(app: Flask, client: FlaskClient) -> None:
    for endpoint, method, path in clerk_routes(app):
        answer = client.open(path, method=method)
        is_sent_away = answer.status_code == 302 and answer.location.endswith("/clerk/login")
        assert is_sent_away or answer.status_code == 401, endpoint


@pytest.mark.parametrize("role", ROLES)
def test_every_page_of_the_counter_knows_every_role(
    app: Flask, client: FlaskClient, make_staff: Callable[..., Staff], role: str
) -> None:
    """Clerk, manager and owner work the counter; only the last two decide what waits."""
    limiter.reset()
    counter = Counter(client, script=False)
    staff = make_staff(role)
    counter.log_in(staff)
    if role not in COUNTER_ROLES:
        with client.session_transaction() as cookie:
            cookie["_user_id"] = f"{staff.id}.{staff.session_version}.0"
            cookie["signed_in"] = {"counter": cookie["_user_id"]}
    for endpoint, method, path in clerk_routes(app):
        limiter.reset()
        form = {"csrf_token": counter.token} if method == "POST" else None
        status = client.open(path, method=method, data=form).status_code
        may_enter = role in COUNTER_ROLES
        may_decide = role != "clerk" or endpoint not in FOR_MANAGERS
        assert status < SERVER_ERROR, endpoint
        if may_enter and may_decide:
            assert status not in (401, 403), endpoint
        else:
            assert status == 403, endpoint

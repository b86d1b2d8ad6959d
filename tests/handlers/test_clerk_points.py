"""Points that pay, frozen cards, hints, and sales beyond the limits of pace."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handlers.limiting import limiter
from models.fraud import Approval, freeze_member
from models.local_day import local_day
from models.member import Member
from models.purchase import Purchase
from models.staff import Staff
from models.velocity_rule import change_velocity_rule
from tests.conftest import NOON, STAFF_PASSWORD
from tests.handlers.clerk_driver import Counter, hidden, words


@pytest.fixture
def clerk(make_staff: Callable[..., Staff]) -> Staff:
    """Return the clerk at the counter."""
    return make_staff(name="小安")


@pytest.fixture
def counter(client: FlaskClient, clerk: Staff) -> Counter:
    """Return the clerk's page, logged in."""
    limiter.reset()
    counter = Counter(client)
    counter.log_in(clerk)
    return counter


def count_purchases(session: Session) -> int:
    """Return how many purchases there are."""
    return session.scalars(select(func.count()).select_from(Purchase)).one()


def test_points_pay_one_nt_dollar_each(
    counter: Counter, session: Session, make_member: Callable[..., Member]
) -> None:
    member = make_member(points=128)
    page = counter.look_up(member.number)
    assert "可用 128 點" in page.text
    assert 'data-use-points="100"' in counter.preview("100").text
    assert 'data-use-points="128"' in counter.preview("450").text
    shown = words(counter.preview("450", points="１２０"))
    assert "應付 NT$330" in shown
    assert "點數折 NT$120" in shown
    assert "點數折抵 120 點 −NT$120" in words(counter.confirm("450", points="120"))
    purchase = session.scalars(select(Purchase)).one()
    assert (purchase.points_used, purchase.paid_twd) == (120, 330)


def test_a_preview_says_how_many_points_could_pay(
    counter: Counter, make_member: Callable[..., Member]
) -> None:
    counter.look_up(make_member(points=128).number)
    assert "會員目前有 128 點" in counter.preview("450", points="129").text
    assert "最多可折 100 點" in counter.preview("100", points="101").text


@pytest.mark.parametrize(
    ("amount", "points", "title"),
    [
        ("100", "101", "最多可折 100 點"),
        ("450", "200", "點數不足"),
        ("450", "abc", "看不懂點數"),
        ("450", "-5", "看不懂點數"),
    ],
)
def test_points_that_cannot_pay_are_refused_in_place(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    amount: str,
    points: str,
    title: str,
) -> None:
    counter.look_up(make_member(points=128).number)
    answer = counter.confirm(amount, points=points)
    assert answer.status_code == 409
    assert title in answer.text
    assert count_purchases(session) == 0


def test_a_member_without_points_is_offered_none(
    counter: Counter, make_member: Callable[..., Member]
) -> None:
    assert 'name="points"' not in counter.look_up(make_member().number).text


def test_a_frozen_card_earns_and_spends_nothing(
    counter: Counter, session: Session, make_member: Callable[..., Member]
) -> None:
    member = make_member(points=128)
    freeze_member(session, member, "not_me", now=NOON)
    page = counter.look_up(member.number)
    assert "這張卡已凍結" in page.text
    assert 'name="points"' not in page.text
    assert "這張卡已凍結" in counter.confirm("450", points="10").text
    assert count_purchases(session) == 0
    assert "已入帳" in counter.confirm("450").text


@pytest.mark.parametrize(
    ("told", "hint"),
    [
        ({}, "還沒有消費過"),
        ({"spend_twd": 100, "spent_on": local_day(NOON) - timedelta(days=500)}, "上次消費是"),
    ],
)
def test_a_typed_number_that_may_be_wrong_is_pointed_out(
    counter: Counter, make_member: Callable[..., Member], told: dict[str, object], hint: str
) -> None:
    """U23: the masked name is confirmed, and what looks unlikely is said."""
    assert hint in counter.look_up(make_member(**told).number).text


def test_a_second_sale_of_the_day_is_pointed_out(
    counter: Counter, make_member: Callable[..., Member]
) -> None:
    member = make_member()
    counter.look_up(member.number)
    counter.confirm("100")
    assert "今天已有 1 筆" in counter.look_up(member.number).text


def test_an_own_card_is_pointed_out_and_refused(
    counter: Counter, session: Session, clerk: Staff, make_member: Callable[..., Member]
) -> None:
    member = make_member()
    clerk.member_id = member.id
    session.flush()
    assert "請由同事結帳" in counter.look_up(member.number).text
    assert "這是您自己的會員卡" in counter.confirm("100").text
    assert count_purchases(session) == 0


# --- beyond the limits of pace


@pytest.fixture
def fast(session: Session) -> None:
    """Let the day's second sale warn and the third ask for a manager."""
    change_velocity_rule(session, "member_day", warn_at=2, block_at=3, is_active=True)


@pytest.fixture
def third(counter: Counter, make_member: Callable[..., Member], fast: None) -> Member:
    """Return a member with two sales today and a third on the screen."""
    member = make_member()
    for _ in range(2):
        counter.look_up(member.number)
        counter.confirm("100")
    counter.look_up(member.number)
    return member


def test_a_busy_card_warns(
    counter: Counter, make_member: Callable[..., Member], fast: None
) -> None:
    member = make_member()
    for _ in range(2):
        counter.look_up(member.number)
        answer = counter.confirm("100")
    assert "消費次數偏多" in answer.text


def test_a_manager_on_the_spot_lets_a_sale_through(
    counter: Counter,
    session: Session,
    third: Member,
    make_staff: Callable[..., Staff],
) -> None:
    refused = counter.confirm("100")
    assert refused.status_code == 409
    assert "需要店長核准" in refused.text
    assert 'name="manager_username"' in refused.text
    manager = make_staff("manager")
    typed = {"manager_username": manager.username, "manager_password": STAFF_PASSWORD}
    assert "已入帳" in counter.confirm("100", **typed).text
    assert count_purchases(session) == 3
    assert session.scalars(select(Approval.decided_by)).one() == manager.id


def test_a_wrong_manager_lets_nothing_through(
    counter: Counter, session: Session, third: Member, make_staff: Callable[..., Staff]
) -> None:
    colleague = make_staff()
    typed = {"manager_username": colleague.username, "manager_password": STAFF_PASSWORD}
    assert "店長的 PIN 或密碼不對" in counter.confirm("100", **typed).text
    assert count_purchases(session) == 2


def test_a_manager_elsewhere_is_asked_and_the_next_try_holds(
    counter: Counter,
    client: FlaskClient,
    session: Session,
    third: Member,
    clerk: Staff,
    make_staff: Callable[..., Staff],
) -> None:
    asked = counter.send("/clerk/approvals", **counter.sale, amount="100")
    assert asked.status_code == 200
    code = hidden(asked.text, "approval_code")
    assert "還沒有核准" in counter.confirm("100", approval_code=code).text
    counter.send("/clerk/logout")
    counter.log_in(make_staff("manager"))
    assert "小安" in client.get("/clerk/pending").text
    assert "已核准" in counter.send(f"/clerk/pending/approvals/{code}", answer="yes").text
    counter.send("/clerk/logout")
    counter.log_in(clerk)
    assert "還沒有核准" in counter.confirm("101", approval_code=code).text
    assert "已入帳" in counter.confirm("100", approval_code=code).text
    assert count_purchases(session) == 3


def test_without_script_a_manager_is_asked_on_a_page_that_keeps_the_sale(
    counter: Counter, third: Member
) -> None:
    counter.script = False
    refused = counter.confirm("100")
    assert "<html" in refused.text
    assert 'name="manager_username"' in refused.text
    asked = counter.send("/clerk/approvals", **counter.sale, amount="100")
    assert "已送出申請" in asked.text
    assert 'name="amount" value="100"' in asked.text
    assert hidden(asked.text, "approval_code")

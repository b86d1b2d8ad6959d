"""What a clerk does for a member beside a sale: points, stamps, plans, LINE, a frozen card."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from handlers import EXTENSION, HandlerSettings
from handlers.limiting import limiter
from models.fraud import freeze_member
from models.identity import BindingRequest, request_binding
from models.member import Member
from models.member_code import issue_code
from models.plan import Plan, PlanPayment, add_plan, request_plan
from models.points import PointsAdjustment
from models.programme import get_programme
from models.shop import get_shop
from models.staff import Staff
from models.stamp_card import count_stamps
from tests.conftest import NOON, STAFF_PASSWORD, Clock
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


@pytest.fixture
def manager(make_staff: Callable[..., Staff]) -> Staff:
    """Return a manager who comes to the counter."""
    return make_staff("manager", name="林店長")


def by(person: Staff) -> dict[str, str]:
    """Return a login as it is typed into a form."""
    return {"manager_username": person.username, "manager_password": STAFF_PASSWORD}


def open_service(counter: Counter, member: Member) -> TestResponse:
    """Look the member up, check the name, and open their services."""
    counter.look_up(member.number)
    answer = counter.send("/clerk/service", visit=counter.sale["visit"], name_checked="yes")
    counter.sale = {name: hidden(answer.text, name) for name in ("visit", "key")}
    return answer


def do(counter: Counter, what: str, **told: str) -> TestResponse:
    """Send one of the services' forms; each with a key of its own unless told."""
    return counter.send(f"/clerk/service/{what}", **(counter.sale | {"key": str(uuid4())} | told))


# --- the page


def test_the_services_show_the_last_purchases(
    counter: Counter, make_member: Callable[..., Member]
) -> None:
    member = make_member()
    counter.look_up(member.number)
    counter.confirm("450")
    page = open_service(counter, member)
    assert "NT$450" in page.text
    assert "/clerk/purchases/" in page.text


def test_a_typed_members_name_is_checked_first(
    counter: Counter, make_member: Callable[..., Member]
) -> None:
    counter.look_up(make_member().number)
    visit = counter.sale["visit"]
    assert "請先核對姓名" in counter.send("/clerk/service", visit=visit).text
    adjusted = counter.send("/clerk/service/points", visit=visit, points="5", reason="x")
    assert "請先核對姓名" in adjusted.text


def test_a_scanned_member_is_known(
    app: Flask, counter: Counter, make_member: Callable[..., Member]
) -> None:
    known: HandlerSettings = app.extensions[EXTENSION]
    counter.look_up(issue_code(known.signing_key, make_member().card_ref, NOON).text)
    answer = counter.send("/clerk/service", visit=counter.sale["visit"])
    assert 'data-view="service"' in answer.text


def test_a_sale_follows_without_asking_for_the_name_again(
    counter: Counter, make_member: Callable[..., Member]
) -> None:
    open_service(counter, make_member())
    page = counter.send("/clerk/sale", visit=counter.sale["visit"])
    assert "name_checked" not in page.text
    counter.sale = {name: hidden(page.text, name) for name in ("visit", "key")}
    assert "已入帳" in counter.confirm("100").text


def test_the_page_is_over_after_a_quarter_of_an_hour(
    counter: Counter, make_member: Callable[..., Member], clock: Clock
) -> None:
    open_service(counter, make_member())
    counter.work_on(clock, minutes=15)
    assert "超過 15 分鐘" in do(counter, "points", points="5", reason="補點").text


# --- points


@pytest.mark.parametrize(("way", "balance"), [("give", 130), ("take", 70)])
def test_points_are_adjusted_with_a_reason(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    way: str,
    balance: int,
) -> None:
    member = make_member(points=100)
    open_service(counter, member)
    shown = words(do(counter, "points", points="３０", way=way, reason="上次漏給"))
    assert "已調整" in shown
    assert f"{balance} 點" in shown
    session.expire_all()
    assert member.points == balance


def test_the_same_adjustment_twice_moves_once(
    counter: Counter, session: Session, make_member: Callable[..., Member]
) -> None:
    member = make_member()
    open_service(counter, member)
    for _ in range(2):
        do(counter, "points", points="30", reason="補點", key=counter.sale["key"])
    session.expire_all()
    assert member.points == 30


def test_above_the_limit_an_adjustment_waits(
    counter: Counter, session: Session, make_member: Callable[..., Member]
) -> None:
    member = make_member()
    open_service(counter, member)
    points = str(get_shop(session).adjust_limit_points + 1)
    assert "等店長核准" in do(counter, "points", points=points, reason="活動").text
    session.expire_all()
    assert member.points == 0
    assert session.scalars(select(PointsAdjustment.state)).one() == "asked"


@pytest.mark.parametrize(
    ("told", "title"),
    [
        ({"points": "5", "reason": " "}, "請填寫原因與點數"),
        ({"points": "", "reason": "補點"}, "請輸入數量"),
        ({"points": "0", "reason": "補點"}, "請輸入數量"),
        ({"points": "-5", "reason": "補點"}, "請輸入數量"),
        ({"points": "1.5", "reason": "補點"}, "請輸入數量"),
        ({"points": "9", "way": "take", "reason": "補點"}, "點數不足"),
        ({"points": "5", "reason": "補點", "key": ""}, "這一頁已失效"),
    ],
)
def test_a_wrong_adjustment_is_refused_in_place(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    told: dict[str, str],
    title: str,
) -> None:
    open_service(counter, make_member())
    answer = do(counter, "points", **told)
    assert answer.status_code == 409
    assert answer.headers["HX-Retarget"] == "#notice"
    assert title in answer.text
    assert session.scalars(select(PointsAdjustment)).all() == []


def test_without_script_a_refused_service_keeps_what_was_typed(
    counter: Counter, make_member: Callable[..., Member]
) -> None:
    counter.script = False
    open_service(counter, make_member())
    answer = do(counter, "points", points="5000000", reason="補給王先生")
    assert answer.status_code == 409
    assert "<html" in answer.text
    assert 'value="5000000"' in answer.text
    assert 'value="補給王先生"' in answer.text


@pytest.mark.parametrize("what", ["points", "stamps", "plan", "line", "release", "plan-refund"])
def test_no_service_touches_an_own_card(
    counter: Counter,
    session: Session,
    clerk: Staff,
    make_member: Callable[..., Member],
    what: str,
) -> None:
    member = make_member()
    asked = request_binding(session, "U" + "1" * 32, NOON)
    clerk.member_id = member.id
    session.flush()
    open_service(counter, member)
    told = {"points": "5", "stamps": "1", "programme": "main", "reason": "補點"}
    answer = do(counter, what, **told, code=asked.code)
    assert answer.status_code == 409
    assert "這是您自己的會員卡" in answer.text


# --- stamps


def test_stamps_are_given_and_taken_by_hand(
    counter: Counter, session: Session, make_member: Callable[..., Member]
) -> None:
    member, card = make_member(), get_programme(session).stamp_programmes[0]
    open_service(counter, member)
    told = {"programme": card.code, "reason": "漏蓋"}
    assert "已補章 +3" in do(counter, "stamps", stamps="3", **told).text
    assert "已補章 -1" in do(counter, "stamps", stamps="1", way="take", **told).text
    assert count_stamps(session, member.id, card) == 2


@pytest.mark.parametrize(
    ("told", "title"),
    [
        ({"stamps": "3", "reason": ""}, "請填寫原因與章數"),
        ({"stamps": "99", "reason": "x"}, "一次最多 20 章"),
        ({"stamps": "1", "way": "take", "reason": "x"}, "章數不足"),
        ({"stamps": "1", "reason": "x", "programme": "gone"}, "找不到這張集點卡"),
    ],
)
def test_wrong_stamps_are_refused(
    counter: Counter, make_member: Callable[..., Member], told: dict[str, str], title: str
) -> None:
    open_service(counter, make_member())
    answer = do(counter, "stamps", **({"programme": "main"} | told))
    assert answer.status_code == 409
    assert title in answer.text


# --- plans


@pytest.fixture
def plan(session: Session) -> Plan:
    """Return a plan that is sold."""
    return add_plan(
        session, code="tea-year", name={"zh-TW": "茶友年卡"}, period="yearly", fee_twd=999
    )


def test_a_plan_is_sold_and_renewed(
    counter: Counter, session: Session, make_member: Callable[..., Member], plan: Plan
) -> None:
    member = make_member()
    assert "茶友年卡" in open_service(counter, member).text
    shown = words(do(counter, "plan", plan=plan.code, method="counter"))
    assert "已開通" in shown
    assert "NT$999" in shown
    assert "已續約" in do(counter, "plan", plan=plan.code, method="linepay", reference="LP1").text
    assert len(session.scalars(select(PlanPayment)).all()) == 2
    counter.look_up(member.number)
    assert "茶友年卡" in counter.look_up(member.number).text


def test_a_clerk_cannot_say_that_a_transfer_came(
    counter: Counter, session: Session, make_member: Callable[..., Member], plan: Plan
) -> None:
    open_service(counter, make_member())
    answer = do(counter, "plan", plan=plan.code, method="transfer", reference="12345")
    assert "請選擇付款方式" in answer.text
    assert session.scalars(select(PlanPayment)).all() == []


def test_a_renewal_code_is_scanned_and_paid_once(
    counter: Counter, session: Session, make_member: Callable[..., Member], plan: Plan
) -> None:
    asked = request_plan(session, make_member().id, plan, NOON)
    page = counter.send("/clerk/lookup", code=f"PLAN:{asked.code}")
    for fact in ("王○明", "NT$999", "茶友年卡"):
        assert fact in words(page)
    key = hidden(page.text, "key")
    for _ in range(2):
        answer = counter.send(
            f"/clerk/plan-requests/{asked.code}/payments", key=key, method="counter"
        )
        assert "已開通" in answer.text
    assert len(session.scalars(select(PlanPayment)).all()) == 1
    assert "已經付過" in counter.send("/clerk/lookup", code=asked.code).text
    again = counter.send(
        f"/clerk/plan-requests/{asked.code}/payments", key=str(uuid4()), method="counter"
    )
    assert again.status_code == 409


@pytest.mark.parametrize("told", [{}, {"method": "bitcoin"}])
def test_a_fee_needs_a_known_method(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    plan: Plan,
    told: dict[str, str],
) -> None:
    counter.script = False
    asked = request_plan(session, make_member().id, plan, NOON)
    answer = counter.send(f"/clerk/plan-requests/{asked.code}/payments", key=str(uuid4()), **told)
    assert answer.status_code == 409
    assert "請選擇付款方式" in answer.text
    assert "茶友年卡" in answer.text


def test_an_unknown_renewal_code_is_a_friendly_no(counter: Counter) -> None:
    assert "繳費碼不對" in counter.send("/clerk/lookup", code="PLAN:23456789ABCD").text
    answer = counter.send("/clerk/plan-requests/NOPE/payments", key=str(uuid4()))
    assert "繳費碼不對" in answer.text


def test_a_fee_goes_back_with_a_manager(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    plan: Plan,
    manager: Staff,
) -> None:
    member = make_member()
    open_service(counter, member)
    do(counter, "plan", plan=plan.code, method="counter")
    payment = str(session.scalars(select(PlanPayment.id)).one())
    assert "退會費" in open_service(counter, member).text
    told = {"payment": payment, "reason": "搬家"}
    assert "需要店長同意" in do(counter, "plan-refund", **told).text
    assert "已退費 NT$999" in do(counter, "plan-refund", **told, **by(manager)).text
    again = do(counter, "plan-refund", **told, **by(manager))
    assert "沒有可退的" in again.text


# --- LINE


def test_a_member_is_bound_to_the_line_account_whose_code_is_scanned(
    app: Flask, counter: Counter, session: Session, make_member: Callable[..., Member]
) -> None:
    known: HandlerSettings = app.extensions[EXTENSION]
    member, line_user_id = make_member(), "U" + "2" * 32
    asked = request_binding(session, line_user_id, NOON)
    code = issue_code(known.signing_key, asked.ref, NOON).text
    assert "這是綁定 LINE 的條碼" in counter.send("/clerk/lookup", code=code).text
    open_service(counter, member)
    assert "已綁定 LINE" in do(counter, "line", code=code, reason="換手機").text
    session.expire_all()
    assert member.line_user_id == line_user_id
    assert session.get_one(BindingRequest, asked.ref).used_at == NOON
    assert "綁定碼不對" in do(counter, "line", code=code, reason="換手機").text


def test_a_line_account_with_another_card_is_not_bound(
    counter: Counter, session: Session, make_member: Callable[..., Member]
) -> None:
    member, other = make_member(), make_member()
    assert other.line_user_id is not None
    asked = request_binding(session, other.line_user_id, NOON)
    open_service(counter, member)
    answer = do(counter, "line", code=asked.code, reason="換手機")
    assert answer.status_code == 409
    assert "已有另一張會員卡" in answer.text


@pytest.mark.parametrize(("code", "title"), [("", "不是我們的"), ("12345678", "綁定碼不對")])
def test_a_wrong_binding_code_is_a_friendly_no(
    counter: Counter, make_member: Callable[..., Member], code: str, title: str
) -> None:
    open_service(counter, make_member())
    answer = do(counter, "line", code=code, reason="換手機")
    assert answer.status_code == 409
    assert title in answer.text


# --- frozen


def test_a_card_is_released_with_a_manager(
    counter: Counter, session: Session, make_member: Callable[..., Member], manager: Staff
) -> None:
    member = make_member()
    freeze_member(session, member, "not_me", now=NOON)
    assert "客人按了「不是我」" in open_service(counter, member).text
    assert "需要店長同意" in do(counter, "release").text
    session.expire_all()
    assert member.frozen_at is not None
    assert "已解除凍結" in do(counter, "release", reason="是家人用的", **by(manager)).text
    session.expire_all()
    assert member.frozen_at is None


def test_a_manager_releases_alone(
    client: FlaskClient, session: Session, make_member: Callable[..., Member], manager: Staff
) -> None:
    member = make_member()
    freeze_member(session, member, "by_staff", now=NOON)
    limiter.reset()
    counter = Counter(client)
    counter.log_in(manager)
    assert "店長密碼" not in open_service(counter, member).text
    assert "已解除凍結" in do(counter, "release").text

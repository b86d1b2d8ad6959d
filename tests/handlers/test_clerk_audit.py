"""The store's audit at the counter: for who manages, searched, page after page."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from handlers.clerk import audit
from handlers.limiting import limiter
from models.audit import note
from models.checkout import Sale, record_purchase
from models.member import Member
from models.staff import Staff
from tests.conftest import NOON
from tests.handlers.clerk_driver import Counter, words
from tests.models.test_audit_carrying import carry_all

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
ALONE = {"HX-Request": "true"}


@pytest.fixture
def manager(make_staff: MakeStaff) -> Staff:
    return make_staff("manager", name="林店長")


@pytest.fixture
def counter(client: FlaskClient, manager: Staff) -> Counter:
    limiter.reset()
    counter = Counter(client)
    counter.log_in(manager)
    return counter


def shown(counter: Counter, **asked: object) -> str:
    answer = counter.client.get("/clerk/audit", query_string=asked, headers=ALONE)
    assert answer.status_code == 200
    return words(answer)


def test_the_audit_is_for_who_manages(client: FlaskClient, make_staff: MakeStaff) -> None:
    limiter.reset()
    counter = Counter(client)
    counter.log_in(make_staff())
    assert client.get("/clerk/audit").status_code == 403


def test_a_sale_is_shown_with_who_sold_what_to_whom(
    counter: Counter, session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """Section 4, audit: sales of this store, members masked; another store's stay there."""
    member = make_member(name="王小明")
    for store, amount_twd in (("TP01", 310), ("TC01", 450)):
        clerk = make_staff(name="小安", store=store)
        sale = Sale(member.id, clerk.store, clerk, amount_twd, f"audit:{store}")
        record_purchase(session, sale, NOON)
    carry_all(session)
    page = shown(counter)
    assert "結帳 小安 王○明" in page
    assert "金額 310" in page
    assert "金額 450" not in page
    assert "小明" not in page


def test_it_is_narrowed_by_what_who_and_since_when(
    counter: Counter, session: Session, manager: Staff, make_staff: MakeStaff
) -> None:
    """Section 4, audit: search."""
    clerk = make_staff(name="阿哲")
    for what, staff, days in (
        ("member.freeze", manager, 0),
        ("member.unfreeze", clerk, 0),
        ("points.adjustment_posted", clerk, 5),
    ):
        note(
            session,
            what,
            "member:1",
            now=NOON - timedelta(days=days),
            staff_id=staff.id,
            store_id=manager.store_id,
            reason="客訴",
        )
    session.flush()
    assert "解除凍結" in shown(counter, what="member.")
    assert "調整點數 阿哲" not in shown(counter, what="member.")
    assert "凍結會員卡" not in shown(counter, by=clerk.id)
    assert "調整點數 阿哲" not in shown(counter, since="2026-11-20")
    assert "調整點數 阿哲" in shown(counter, since="0001-01-01", what="nonsense", by="x")
    assert "沒有符合的紀錄" in shown(counter, since="2030-01-01")


def test_pages_leave_nothing_out(
    counter: Counter, session: Session, manager: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "PAGE", 2)
    for number in range(5):
        note(
            session,
            "contact.settle",
            f"contact:{number}",
            now=NOON - timedelta(minutes=number // 2),
            staff_id=manager.id,
            store_id=manager.store_id,
            reason=f"第{number}件",
        )
    session.flush()
    path, seen = f"/clerk/audit?by={manager.id}", []
    for _ in range(6):
        page = counter.client.get(path, headers=ALONE)
        seen += re.findall(r"第(\d)件", words(page))
        more = re.search(r'href="([^"]*after=[^"]*)"', page.text)
        if more is None:
            break
        path = unescape(more[1])
    assert sorted(seen) == ["0", "1", "2", "3", "4"]

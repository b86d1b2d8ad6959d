"""What somebody did, at the counter: their own by day, and anybody's for who manages."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from handlers.clerk import deeds
from handlers.limiting import limiter
from models.checkout import Sale, record_purchase
from models.member import Member
from models.staff import Staff
from tests.conftest import NOON
from tests.handlers.clerk_driver import Counter, words

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]


@pytest.fixture
def clerk(make_staff: MakeStaff) -> Staff:
    return make_staff(name="小安")


@pytest.fixture
def counter(client: FlaskClient) -> Counter:
    limiter.reset()
    return Counter(client)


def sell(
    session: Session, clerk: Staff, member: Member, amount_twd: int, days_ago: int = 0
) -> None:
    moment = NOON - timedelta(days=days_ago)
    key = f"deeds:{amount_twd}:{days_ago}"
    record_purchase(session, Sale(member.id, clerk.store, clerk, amount_twd, key), moment)


def test_a_clerk_sees_their_own_day(
    counter: Counter,
    session: Session,
    clerk: Staff,
    make_member: MakeMember,
    make_staff: MakeStaff,
) -> None:
    """What this clerk did: own, by day, members masked."""
    member = make_member(name="王小明")
    sell(session, clerk, member, 310)
    sell(session, clerk, member, 420, days_ago=1)
    sell(session, make_staff(), make_member(), 530)
    counter.log_in(clerk)
    today = words(counter.client.get("/clerk/mine"))
    assert "結帳 王○明" in today
    assert "NT$310" in today
    assert "登入" in today
    assert "NT$420" not in today
    assert "NT$530" not in today
    assert "NT$420" in words(counter.client.get("/clerk/mine?day=2026-11-21"))


@pytest.mark.parametrize("day", ["2099-01-01", "9999-12-31", "0001-01-01", "nonsense", ""])
def test_no_day_is_today(counter: Counter, clerk: Staff, day: str) -> None:
    counter.log_in(clerk)
    shown = counter.client.get(f"/clerk/mine?day={day}")
    assert "11/22" in words(shown)
    assert "2026-11-23" not in shown.text


def test_anybodys_deeds_are_for_who_manages(
    counter: Counter, clerk: Staff, make_staff: MakeStaff
) -> None:
    counter.log_in(clerk)
    assert counter.client.get(f"/clerk/people/{make_staff().id}/deeds").status_code == 403


def test_a_manager_pages_back_to_the_first(
    counter: Counter,
    session: Session,
    clerk: Staff,
    make_member: MakeMember,
    make_staff: MakeStaff,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What this clerk did: keyset pages."""
    monkeypatch.setattr(deeds, "PAGE", 2)
    for day in range(5):
        sell(session, clerk, make_member(), 100 + day, days_ago=day)
    counter.log_in(make_staff("manager"))
    path, seen = f"/clerk/people/{clerk.id}/deeds", []
    for _ in range(5):
        page = counter.client.get(path, headers={"HX-Request": "true"})
        assert page.status_code == 200
        seen += re.findall(r"NT\$(\d+)", words(page))
        more = re.search(r'href="([^"]*after=[^"]*)"', page.text)
        if more is None:
            break
        path = unescape(more[1])
    assert seen == ["100", "101", "102", "103", "104"]


@pytest.mark.parametrize(
    "after", ["nonsense", "1.purchase", "99999999999999999.purchase.1", "1.x\x00.1"]
)
def test_a_place_that_is_none_begins_anew(
    counter: Counter, session: Session, clerk: Staff, make_member: MakeMember, after: str
) -> None:
    sell(session, clerk, make_member(), 310)
    counter.log_in(clerk)
    answer = counter.client.get("/clerk/mine", query_string={"after": after})
    assert answer.status_code == 200
    assert "NT$310" in words(answer)


def test_who_is_nobody_has_no_deeds(counter: Counter, make_staff: MakeStaff) -> None:
    counter.log_in(make_staff("manager"))
    answer = counter.client.get("/clerk/people/999999/deeds")
    assert answer.status_code == 409
    assert "找不到這個人" in words(answer)

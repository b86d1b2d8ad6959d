"""The day's figures at the top of the counter's list."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from handlers.limiting import limiter
from models.member import Member
from models.staff import Staff
from tests.conftest import NOON
from tests.handlers.clerk_driver import Counter, words
from tests.handlers.statements import count_statements
from tests.models.shopping import buy, take_back

MakeMember = Callable[..., Member]
MOST_STATEMENTS = 4
"""The list and the figures together, beside what the door asks."""


@pytest.fixture
def counter(client: FlaskClient, make_staff: Callable[..., Staff]) -> Counter:
    limiter.reset()
    counter = Counter(client)
    counter.log_in(make_staff())
    return counter


def test_the_days_figures_stand_above_its_list(
    counter: Counter, session: Session, make_member: MakeMember
) -> None:
    """Today's figures: count, sum, average, points, coupons, refunds, new members."""
    member = make_member()
    buy(session, member, 300)
    take_back(session, member, buy(session, member, 500), 100)
    shown = words(counter.client.get("/clerk/today"))
    for figure in ("筆數 2", "實收合計 NT$700", "平均每筆 NT$350", "發出點數 8", "退款 1 NT$100"):
        assert figure in shown
    assert "每小時會員消費" in shown
    assert "同一天的平均" not in shown


def test_the_hours_are_drawn_beside_what_is_usual(
    counter: Counter, session: Session, make_member: MakeMember
) -> None:
    """Today's figures: by hour against the same weekday's usual."""
    member = make_member(joined_at=NOON - timedelta(days=90))
    buy(session, member, 300, now=NOON - timedelta(weeks=1))
    buy(session, member, 200)
    page = counter.client.get("/clerk/today")
    assert "近 1 週同一天的平均" in words(page)
    assert "12:00 · NT$200 · 平常 NT$300" in page.text
    assert "style=" not in page.text.partition('class="hour-bars"')[2].partition("</svg>")[0]


def test_a_day_without_sales_has_no_chart(counter: Counter) -> None:
    page = counter.client.get("/clerk/today")
    assert "筆數 0" in words(page)
    assert "hour-bars" not in page.text


def test_the_page_asks_the_same_whatever_the_day_brought(
    counter: Counter, session: Session, make_member: MakeMember
) -> None:
    """Today's figures: flat cost."""
    asked = []
    for sales in (1, 8):
        for _ in range(sales):
            buy(session, make_member(), 150)
        with count_statements(session) as statements:
            assert counter.client.get("/clerk/today").status_code == 200
        asked.append(len([one for one in statements if "shift" not in one]))
    assert asked[0] == asked[1] <= MOST_STATEMENTS

"""The day's list at the counter."""

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask
from flask.testing import FlaskClient

from handlers.limiting import limiter
from models.member import Member
from models.staff import Staff
from tests.conftest import Clock
from tests.handlers.clerk_driver import Counter, words


def buy(client: FlaskClient, staff: Staff, member: Member, amount: str) -> None:
    """Let a clerk record one sale for a member whose number they type."""
    limiter.reset()
    counter = Counter(client)
    counter.log_in(staff)
    counter.look_up(member.number)
    assert counter.confirm(amount).status_code == 200


def test_the_day_shows_this_stores_sales_with_own_ones_marked(
    app: Flask,
    client: FlaskClient,
    make_member: Callable[..., Member],
    make_staff: Callable[..., Staff],
) -> None:
    member = make_member(name="王小明")
    buy(app.test_client(), make_staff(store="TC01"), member, "777")
    buy(app.test_client(), make_staff(name="阿哲"), member, "200")
    buy(client, make_staff(name="小安"), member, "1300")
    shown = words(client.get("/clerk/today"))
    assert "筆數 2" in shown
    assert "NT$1,500" in shown
    assert "王○明" in shown
    assert "阿哲" in shown
    assert "我" in shown
    assert "NT$777" not in shown  # A member's number may have three sevens.


def test_the_day_ends_at_midnight_in_taipei(
    client: FlaskClient,
    make_member: Callable[..., Member],
    make_staff: Callable[..., Staff],
    clock: Clock,
) -> None:
    clock.now = datetime(2026, 11, 22, 15, 59, tzinfo=UTC)  # 23:59 in Taipei.
    buy(client, make_staff(), make_member(), "200")
    assert "筆數 1" in words(client.get("/clerk/today"))
    clock.advance(minutes=1)
    assert "今天還沒有會員消費" in words(client.get("/clerk/today"))

"""The start page: the demo's doors, and nothing of them without a demo."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from handlers import EXTENSION
from handlers.site.start import DEMO_COUNTER, demo_regular
from models.demo import DEMO_STAFF
from models.member import Member
from tests.handlers.clerk_driver import words

CHAT = "http://127.0.0.1:8001"


@pytest.fixture
def demo(app: Flask) -> None:
    """Make the application a demo with a simulated phone."""
    app.extensions[EXTENSION] = replace(app.extensions[EXTENSION], demo=True, chat_url=CHAT)


@pytest.mark.usefixtures("demo")
def test_a_demo_offers_three_roles(client: FlaskClient, make_member: Callable[..., Member]) -> None:
    member = make_member()
    page = client.get("/")
    shown = words(page)
    for role in ("新客人 New shopper", "老客人 A regular", "店員 Clerk"):
        assert role in shown
    assert f"{CHAT}/?new=1" in page.text
    assert f"{CHAT}/?user={member.line_user_id}" in page.text
    name, pin = next((row[3], row[5]) for row in DEMO_STAFF if row[2] == "clerk")
    assert name in shown
    assert str(pin) in shown


@pytest.mark.usefixtures("demo")
def test_a_demo_without_members_says_so(client: FlaskClient) -> None:
    assert "There is no demo member yet" in client.get("/").text


def test_a_real_shop_shows_no_logins(client: FlaskClient) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert all(password not in page.text for _, password, *_ in DEMO_STAFF)
    assert all(pin not in page.text for *_, pin in DEMO_STAFF if pin)
    assert client.post(DEMO_COUNTER).status_code in (404, 405)
    assert "/clerk" in page.text


def test_the_regular_stands_as_high_as_one_can_and_still_climb(
    session: Session, make_member: Callable[..., Member]
) -> None:
    make_member(spend_twd=40_000)
    make_member(spend_twd=6_000)
    make_member(spend_twd=20_000, line=False)
    make_member(spend_twd=21_000, friend=False)
    gold = make_member(spend_twd=16_000)
    assert demo_regular(session) == gold.line_user_id


def test_an_empty_shop_has_no_regular(session: Session) -> None:
    assert demo_regular(session) is None

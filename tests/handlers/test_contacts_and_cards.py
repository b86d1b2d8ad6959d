"""The counter's list of whom to call and of cards to write; the same by command."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from handlers.limiting import limiter
from models.birthday_card import BirthdayCard, make_birthday_cards
from models.contact import ContactRequest, ask_for_contact, say_about
from models.member import Member
from models.programme import get_programme
from models.staff import Staff
from tests.conftest import NOON
from tests.handlers.clerk_driver import Counter, words

MakeMember = Callable[..., Member]


@pytest.fixture
def counter(client: FlaskClient, make_staff: Callable[..., Staff]) -> Counter:
    """Return a manager's page, logged in."""
    limiter.reset()
    counter = Counter(client)
    counter.log_in(make_staff("manager", name="林店長", username="boss"))
    return counter


@pytest.fixture
def request_(session: Session, make_member: MakeMember) -> ContactRequest:
    """Return the wish of a gold member."""
    member = make_member(name="王小明", tier="gold", points=120)
    ask_for_contact(session, member, get_programme(session), NOON)
    return say_about(session, member.id, "想問生日禮")


@pytest.fixture
def card(session: Session, make_member: MakeMember) -> BirthdayCard:
    """Return the card of a member of the highest tier, born in December."""
    make_member(name="陳怡君", tier="black", birthday=date(1980, 12, 5))
    make_birthday_cards(session, get_programme(session), NOON, after_id=0, limit=10)
    return session.scalars(select(BirthdayCard)).one()


@pytest.fixture
def run(app: Flask, session: Session) -> Callable[..., str]:
    """Return a runner of commands."""
    cli: FlaskCliRunner = app.test_cli_runner()

    def run_command(*told: str, exit_code: int = 0) -> str:
        session.commit()
        done = cli.invoke(args=list(told))
        assert done.exit_code == exit_code, done.output
        session.expire_all()
        return str(done.output)

    return run_command


def test_whom_to_call_waits_with_context(
    counter: Counter, session: Session, request_: ContactRequest
) -> None:
    """E-09, A-11: one screen, the name masked, settled with a tap."""
    page = counter.client.get("/clerk/pending")
    shown = words(page)
    for fact in ("請聯絡這些會員", "王○明", "優先", "金卡會員", "120 點", "想問生日禮"):
        assert fact in shown
    assert "王小明" not in shown
    path = f"/clerk/pending/contacts/{request_.id}"
    assert "已記錄：聯絡完成" in counter.send(path).text
    assert "已有人處理" in counter.send(path).text
    session.expire_all()
    assert request_.state == "settled"


def test_cards_are_listed_and_ticked_off(
    counter: Counter, session: Session, card: BirthdayCard
) -> None:
    """C-13: printable, with the whole name, which is what one writes."""
    page = counter.client.get("/clerk/birthday-cards")
    for fact in ("2026 年 12 月", "陳怡君", "黑卡會員", "還有 1 張", "地址"):
        assert fact in words(page)
    path = f"/clerk/birthday-cards/{card.id}"
    assert "還有 0 張" in counter.send(path, answer="yes").text
    session.expire_all()
    assert card.done_at == NOON
    assert "還有 1 張" in counter.send(path, answer="no").text
    assert counter.send("/clerk/birthday-cards/999999", answer="yes").status_code == 409


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("2026-11", "2026 年 11 月"),
        ("2027-01", "2027 年 1 月"),
        ("9999-12", "2026 年 12 月"),
        ("0001-01", "2026 年 12 月"),
        ("soon", "2026 年 12 月"),
    ],
)
def test_any_month_can_be_asked_for(counter: Counter, asked: str, shown: str) -> None:
    page = counter.client.get("/clerk/birthday-cards", query_string={"month": asked})
    assert f"手寫生日卡 {shown}" in words(page)
    assert "沒有要寫的生日卡" in page.text


def test_without_script_a_refused_tick_comes_back_on_the_list(counter: Counter) -> None:
    counter.script = False
    answer = counter.send("/clerk/birthday-cards/999999", answer="yes")
    assert answer.status_code == 409
    assert "<html" in answer.text
    assert "手寫生日卡" in answer.text


def test_contacts_by_command(
    counter: Counter, run: Callable[..., str], request_: ContactRequest
) -> None:
    """A-11, E-09: `contact list` and `contact settle`."""
    told = run("contact", "list")
    for fact in ("level 1", "王○明", "金卡會員", "120 points", "「想問生日禮」"):
        assert fact in told
    run("contact", "settle", str(request_.id), "--by", "boss")
    assert run("contact", "list") == ""
    assert "contact_settled" in run(
        "contact", "settle", str(request_.id), "--by", "boss", exit_code=1
    )


def test_cards_by_command(counter: Counter, run: Callable[..., str], card: BirthdayCard) -> None:
    """C-13: `birthday-cards list --month 2026-12` and `done`."""
    assert f"[ ] {card.id}  2026-12-05  陳怡君" in run("birthday-cards", "list")
    run("birthday-cards", "done", str(card.id), "--by", "boss")
    assert f"[x] {card.id}" in run("birthday-cards", "list", "--month", "2026-12")
    run("birthday-cards", "done", str(card.id), "--by", "boss", "--undo")
    assert "[ ]" in run("birthday-cards", "list", "--month", "2026-12")
    assert run("birthday-cards", "list", "--month", "2026-11") == ""

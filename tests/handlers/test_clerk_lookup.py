"""Who stands at the counter: scanned or typed, and every way that can fail."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from handlers import EXTENSION, HandlerSettings
from handlers.limiting import limiter
from models.coupon import get_template, issue_coupon
from models.member import Member, draw_number
from models.member_code import issue_code
from models.membership import erase_member
from models.staff import Staff
from tests.conftest import NOON, Clock
from tests.handlers.clerk_driver import Counter, words
from tests.handlers.statements import count_statements


@pytest.fixture
def counter(client: FlaskClient, make_staff: Callable[..., Staff]) -> Counter:
    """Return a clerk's page, logged in."""
    limiter.reset()
    counter = Counter(client)
    counter.log_in(make_staff())
    return counter


@pytest.fixture
def signing_key(app: Flask) -> Ed25519PrivateKey:
    """Return the shop's key."""
    known: HandlerSettings = app.extensions[EXTENSION]
    return known.signing_key


def test_a_scanned_code_shows_the_member_with_a_masked_name(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    signing_key: Ed25519PrivateKey,
) -> None:
    member = make_member(name="王小明", points=128, spend_twd=6_000, phone="+886912345678")
    issue_coupon(session, member.id, get_template(session, "welcome"), issue_key="w", now=NOON)
    answer = counter.look_up(issue_code(signing_key, member.card_ref, NOON).text)
    shown = words(answer)
    assert answer.status_code == 200
    for fact in (
        "王○明",
        f"{member.number[:4]} {member.number[4:8]}",
        "128 點",
        "銀卡會員",
        "入會禮",
    ):
        assert fact in shown
    assert "小明" not in answer.text
    assert "912345678" not in answer.text
    assert "name_checked" not in answer.text


@pytest.mark.parametrize(
    "typed", ["0912345678", "+886 912-345-678", "０９１２３４５６７８", "886912345678"]
)
def test_a_typed_phone_finds_the_member_and_asks_for_the_name(
    counter: Counter, make_member: Callable[..., Member], typed: str
) -> None:
    make_member(name="王小明", phone="+886912345678")
    answer = counter.look_up(typed)
    assert "王○明" in answer.text
    assert "name_checked" in answer.text


def test_a_typed_number_finds_the_member(
    counter: Counter, make_member: Callable[..., Member]
) -> None:
    member = make_member(name="Amy")
    number = member.number
    assert "A○y" in counter.look_up(f"{number[:4]} {number[4:8]} {number[8:]}").text


def test_a_scanner_under_a_full_width_input_method_is_understood(
    counter: Counter, make_member: Callable[..., Member], signing_key: Ed25519PrivateKey
) -> None:
    code = issue_code(signing_key, make_member().card_ref, NOON).text.lower()
    wide = "".join(chr(ord(character) + 0xFEE0) for character in code)
    assert counter.look_up(wide).status_code == 200


@pytest.mark.parametrize(
    ("typed", "title"),
    [
        ("", "還沒有會員資料"),
        ("https://line.me/R/ti/p/@somebody", "這不是我們的會員條碼"),
        ("王小明", "找不到這位會員"),
        ("0999999999", "找不到這位會員"),
        ("02-2345-6789", "找不到這位會員"),
        ("A" * 5_000, "這不是我們的會員條碼"),
        ("１" * 5_000, "這不是我們的會員條碼"),
    ],
)
@pytest.mark.parametrize("script", [True, False])
def test_what_names_nobody_is_refused_in_place(
    counter: Counter, typed: str, title: str, script: bool
) -> None:
    counter.script = script
    answer = counter.look_up(typed)
    assert answer.status_code == 409
    assert title in answer.text
    assert ("<html" in answer.text) is not script


def test_a_page_without_script_keeps_what_was_typed(counter: Counter) -> None:
    counter.script = False
    assert 'value="0999999999"' in counter.look_up("0999999999").text


def test_an_expired_code_is_refused(
    counter: Counter,
    make_member: Callable[..., Member],
    signing_key: Ed25519PrivateKey,
    clock: Clock,
) -> None:
    code = issue_code(signing_key, make_member().card_ref, NOON).text
    clock.advance(minutes=2)
    assert "條碼已過期" in counter.look_up(code).text


def test_a_code_signed_by_another_is_refused(
    counter: Counter, make_member: Callable[..., Member]
) -> None:
    code = issue_code(Ed25519PrivateKey.generate(), make_member().card_ref, NOON).text
    assert "條碼無法驗證" in counter.look_up(code).text


def test_a_code_that_made_a_purchase_is_refused(
    counter: Counter, make_member: Callable[..., Member], signing_key: Ed25519PrivateKey
) -> None:
    code = issue_code(signing_key, make_member().card_ref, NOON).text
    counter.look_up(code)
    counter.confirm("100")
    assert "這個條碼已經用過" in counter.look_up(code).text


def test_an_erased_member_is_not_found(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    signing_key: Ed25519PrivateKey,
) -> None:
    member = make_member(phone="+886912345678")
    code, number = issue_code(signing_key, member.card_ref, NOON).text, member.number
    erase_member(session, member, evidence="test", now=NOON)
    for typed in (code, number, "0912345678"):
        assert "找不到這位會員" in counter.look_up(typed).text


def test_a_number_nobody_has_is_not_found(counter: Counter) -> None:
    assert "找不到這位會員" in counter.look_up(draw_number()).text


def test_a_clerk_may_look_up_thirty_a_minute(counter: Counter) -> None:
    statuses = [counter.look_up("").status_code for _ in range(31)]
    assert statuses == [409] * 30 + [429]


def test_a_lookup_costs_five_statements(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    signing_key: Ed25519PrivateKey,
) -> None:
    code = issue_code(signing_key, make_member().card_ref, NOON).text
    counter.look_up(code)
    with count_statements(session) as statements:
        counter.look_up(code)
    assert len(statements) <= 5, statements

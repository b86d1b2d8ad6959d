"""Receipt codes at the counter (U15): issued for who forgot to scan, shown, printed, cancelled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from handlers.limiting import limiter
from models.audit import AuditEntry
from models.member import Member
from models.purchase import PurchaseLine
from models.receipt_code import ReceiptCode, claim_receipt_code
from models.shop import get_shop
from models.staff import Staff
from tests.conftest import NOON, STAFF_PIN
from tests.handlers.clerk_driver import Counter, hidden, words


@pytest.fixture
def clerk(make_staff: Callable[..., Staff]) -> Staff:
    """Return the clerk at the counter."""
    return make_staff()


@pytest.fixture
def counter(client: FlaskClient, clerk: Staff) -> Counter:
    """Return the clerk's page, logged in."""
    limiter.reset()
    counter = Counter(client)
    counter.log_in(clerk)
    return counter


def issue(counter: Counter, amount: str = "450", **typed: str) -> TestResponse:
    """Send the form of a receipt code."""
    return counter.send("/clerk/receipts", **({"amount": amount, "key": str(uuid4())} | typed))


def the_code(session: Session) -> ReceiptCode:
    return session.scalars(select(ReceiptCode)).one()


def shown(answer: TestResponse) -> str:
    """Return the code on the page."""
    return next(word for word in words(answer).split() if word.startswith("R-"))


def test_a_code_is_shown_large_with_a_qr_and_its_end(
    counter: Counter, session: Session, clerk: Staff, make_member: Callable[..., Member]
) -> None:
    """U15: the shopper scans it, or types it; it is what the chat takes."""
    answer = issue(counter)
    assert 'class="slip-code"' in answer.text
    assert 'class="qr"' in answer.text
    assert "2026/11/29" in words(answer)
    recorded = claim_receipt_code(session, make_member(), shown(answer), NOON + timedelta(hours=1))
    assert recorded.purchase.staff_id == clerk.id
    assert recorded.purchase.paid_twd == 450


def test_sending_the_page_twice_gives_one_code(counter: Counter, session: Session) -> None:
    key = str(uuid4())
    first, again = issue(counter, key=key), issue(counter, key=key)
    assert shown(first) == shown(again)
    assert the_code(session).amount_twd == 450


def test_items_travel_with_the_code(
    counter: Counter, session: Session, make_member: Callable[..., Member]
) -> None:
    item = {"line_sku": "", "line_name": "奶茶", "line_price": "65", "line_quantity": "2"}
    answer = issue(counter, "", **item)
    claim_receipt_code(session, make_member(), shown(answer), NOON)
    assert session.scalars(select(PurchaseLine.amount_twd)).all() == [130]


def test_a_code_is_listed_shown_again_and_cancelled(counter: Counter, session: Session) -> None:
    code = shown(issue(counter))
    receipt = the_code(session)
    page = counter.client.get("/clerk/receipts")
    assert "NT$450" in words(page)
    assert "再顯示" in page.text
    assert shown(counter.client.get(f"/clerk/receipts/{receipt.id}")) == code
    assert "已取消" in counter.send(f"/clerk/receipts/{receipt.id}/cancel").text
    session.refresh(receipt)
    assert receipt.cancelled_at == NOON
    again = counter.client.get(f"/clerk/receipts/{receipt.id}")
    assert 'class="qr"' not in again.text


def test_a_claimed_code_is_not_cancelled(
    counter: Counter, session: Session, make_member: Callable[..., Member]
) -> None:
    code = shown(issue(counter))
    claim_receipt_code(session, make_member(), code, NOON)
    answer = counter.send(f"/clerk/receipts/{the_code(session).id}/cancel")
    assert "已被補登" in words(answer)
    assert "已補登" in words(counter.client.get("/clerk/receipts"))


def test_another_stores_code_is_nobodys_here(
    client: FlaskClient, counter: Counter, session: Session, make_staff: Callable[..., Staff]
) -> None:
    issue(counter)
    receipt = the_code(session)
    receipt.store_id = make_staff(store="TC01").store_id
    session.flush()
    assert counter.client.get(f"/clerk/receipts/{receipt.id}").status_code == 409
    assert counter.send(f"/clerk/receipts/{receipt.id}/cancel").status_code == 409


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ({"amount": ""}, "請輸入金額"),
        ({"amount": "0"}, "金額超出範圍"),
        ({"invoice_number": "123"}, "發票號碼不對"),
    ],
)
def test_what_is_mistyped_is_told_and_kept(
    counter: Counter, typed: dict[str, str], told: str
) -> None:
    assert told in words(issue(counter, **typed))
    counter.script = False
    page = issue(counter, **typed)
    assert "<html" in page.text
    assert 'data-view="receipts"' in page.text


def test_a_paper_receipt_is_good_for_one_code(counter: Counter) -> None:
    """U15: once per receipt."""
    assert issue(counter, invoice_number="AB-12345678").status_code == 200
    assert "這張發票已經開過收據碼" in words(issue(counter, invoice_number="ab12345678"))


def test_beyond_the_days_limit_a_manager_says_yes(
    counter: Counter, session: Session, make_staff: Callable[..., Staff], clerk: Staff
) -> None:
    """U8: a clerk does not give away what nobody bought, without a second person."""
    get_shop(session).receipt_codes_per_day = 1
    manager = make_staff("manager", name="店長")
    issue(counter)
    refused = issue(counter)
    assert "需要店長同意" in words(refused)
    assert "manager_pin" in refused.text
    allowed = issue(counter, manager=str(manager.id), manager_pin=STAFF_PIN)
    assert shown(allowed)
    noted = session.scalars(
        select(AuditEntry.staff_id).where(AuditEntry.what == "receipt_code.issue").order_by("id")
    ).all()
    assert noted == [clerk.id, manager.id]


def test_the_key_of_a_form_must_be_a_pages(counter: Counter) -> None:
    assert issue(counter, key="x").status_code == 409
    assert hidden(counter.client.get("/clerk/receipts").text, "key")

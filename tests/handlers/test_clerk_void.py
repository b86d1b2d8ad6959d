"""Voiding: the clerk's own last sale, minutes ago, with one tap and a reason from a list."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from handlers.limiting import limiter
from models.base import BusinessError
from models.checkout import (
    LARGE_REFUND_TWD,
    VOID_WITHIN,
    Sale,
    find_voidable,
    record_purchase,
    void_purchase,
)
from models.member import Member
from models.purchase import Purchase, Refund
from models.staff import Staff
from tests.conftest import NOON, Clock, Committed
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


def sell(counter: Counter, member: Member, amount: str = "450") -> TestResponse:
    """Sell something to the member."""
    counter.look_up(member.number)
    return counter.confirm(amount)


def void(counter: Counter, purchase_id: int, **typed: str) -> TestResponse:
    """Tap a reason under 作廢."""
    fields = {"key": str(uuid4()), "reason": "mistyped"} | typed
    return counter.send(f"/clerk/purchases/{purchase_id}/void", **fields)


def last_purchase(session: Session) -> int:
    return session.scalars(select(func.max(Purchase.id))).one()


def test_a_void_takes_the_whole_sale_back_with_its_reason(
    counter: Counter, session: Session, make_member: Callable[..., Member]
) -> None:
    """Refund and void with reason: everything the sale brought is undone."""
    member = make_member()
    result = sell(counter, member)
    assert "作廢" in words(result)
    answer = void(counter, last_purchase(session))
    assert "已退款" in words(answer)
    refund = session.scalars(select(Refund)).one()
    assert (refund.is_full, refund.amount_twd, refund.reason) == (True, 450, "作廢：打錯金額")
    session.refresh(member)
    assert (member.points, member.spend_twd) == (0, 0)


def test_the_same_tap_twice_voids_once(
    counter: Counter, session: Session, make_member: Callable[..., Member]
) -> None:
    sell(counter, make_member())
    key, purchase_id = str(uuid4()), last_purchase(session)
    void(counter, purchase_id, key=key)
    assert "沒有重複退款" in words(void(counter, purchase_id, key=key))
    assert "這筆不能直接作廢" in words(void(counter, purchase_id))


def test_todays_list_offers_it_for_the_last_sale_only(
    counter: Counter, session: Session, make_member: Callable[..., Member]
) -> None:
    sell(counter, make_member())
    sell(counter, make_member())
    page = counter.client.get("/clerk/today").text
    assert page.count('class="void"') == 1
    assert f"/clerk/purchases/{last_purchase(session)}/void" in page
    counter.script = False
    done = void(counter, last_purchase(session), key=hidden(page, "key"))
    assert "<html" in done.text
    assert "已退款" in words(done)


def test_an_older_sale_a_colleagues_and_a_large_one_need_a_refund(
    counter: Counter,
    session: Session,
    clock: Clock,
    clerk: Staff,
    make_member: Callable[..., Member],
    make_staff: Callable[..., Staff],
) -> None:
    """U8: the second person's rules hold; a void is no way round them."""
    sell(counter, make_member())
    older = last_purchase(session)
    large = sell(counter, make_member(), str(LARGE_REFUND_TWD))
    assert 'class="void"' not in large.text
    assert void(counter, last_purchase(session)).status_code == 409
    assert void(counter, older).status_code == 409
    other = make_staff()
    sale = Sale(make_member().id, other.store, other, 100, "other", code_id=None)
    theirs = record_purchase(session, sale, NOON).purchase_id
    assert void(counter, theirs).status_code == 409
    sell(counter, make_member(), "60")
    clock.now += VOID_WITHIN
    assert find_voidable(session, clerk, clerk.store, clock.now) is None
    assert session.scalar(select(func.count()).select_from(Refund)) == 0


def test_a_voided_sale_opens_no_way_to_the_one_before(
    counter: Counter, session: Session, clerk: Staff, make_member: Callable[..., Member]
) -> None:
    sell(counter, make_member())
    before = last_purchase(session)
    sell(counter, make_member())
    void(counter, last_purchase(session))
    assert find_voidable(session, clerk, clerk.store, NOON) is None
    assert void(counter, before).status_code == 409


@pytest.mark.parametrize("reason", ["", "because"])
def test_a_void_needs_a_reason_of_the_list(
    counter: Counter, session: Session, make_member: Callable[..., Member], reason: str
) -> None:
    sell(counter, make_member())
    assert "請填寫原因" in words(void(counter, last_purchase(session), reason=reason))


def test_a_sale_voided_by_two_taps_at_once_is_voided_once(committed: Committed) -> None:
    """Two tabs, two keys, one sale: one refund, the other is told."""
    with committed.sessions.begin() as session:
        clerk_id = committed.maker.staff(session).id
        member = committed.maker.member(session)
        clerk = session.get_one(Staff, clerk_id)
        sale = Sale(member.id, clerk.store, clerk, 450, "till")
        purchase_id = record_purchase(session, sale, NOON).purchase_id
    ready = Barrier(4)

    def tap(key: int) -> str:
        ready.wait()
        try:
            with committed.sessions.begin() as session:
                staff = session.get_one(Staff, clerk_id)
                void_purchase(
                    session,
                    purchase_id,
                    store=staff.store,
                    staff=staff,
                    reason="打錯金額",
                    idempotency_key=f"k{key}",
                    now=NOON + timedelta(minutes=1),
                )
        except BusinessError:
            return "refused"
        return "voided"

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(tap, range(4)))
    assert answers == ["refused"] * 3 + ["voided"]

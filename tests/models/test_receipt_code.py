"""Receipt codes (U15): claimed once, within days, by whoever brings them, never by guessing."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.checkout import Line, Return, refund_purchase
from models.fraud import OwnCard
from models.member import Member
from models.outbox import Owed
from models.points import IdempotencyKeyReused, PointsEntry
from models.purchase import AmountRefused, Purchase, PurchaseLine
from models.receipt_code import (
    CODE_ALPHABET,
    MOST_GUESSES,
    InvoiceKnown,
    InvoiceNumberRefused,
    Issued,
    ReceiptAsked,
    ReceiptCode,
    ReceiptCodeCancelled,
    ReceiptCodeClaimed,
    ReceiptCodeGuesses,
    ReceiptCodeLimit,
    ReceiptCodeOver,
    ReceiptCodeUnknown,
    cancel_receipt_code,
    claim_receipt_code,
    code_of,
    issue_receipt_code,
    list_receipt_codes,
    normal_invoice_number,
    normal_receipt_code,
    shown_code,
)
from models.shop import Store, find_store, get_shop
from models.staff import Staff
from tests.conftest import NOON, Committed

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
SECRET = b"a secret of the tests, 32 bytes."
WRONG = "R-2222-2222-2222"
_keys = count(1)


@pytest.fixture
def clerk(make_staff: MakeStaff) -> Staff:
    """Return the clerk who issues."""
    return make_staff()


@pytest.fixture
def issue(session: Session, store: Store, clerk: Staff) -> Callable[..., Issued]:
    """Return a function that issues a code of NT$450, or of what it is told."""

    def issue_one(**told: object) -> Issued:
        now = told.pop("now", NOON)
        row: dict[str, object] = {
            "store": store,
            "staff": clerk,
            "amount_twd": 450,
            "idempotency_key": f"code:{next(_keys)}",
            "secret": SECRET,
        }
        return issue_receipt_code(session, ReceiptAsked(**row | told), now)  # type: ignore[arg-type]

    return issue_one


def test_a_claimed_code_is_a_purchase_of_when_it_was_issued(
    session: Session,
    clerk: Staff,
    store: Store,
    make_member: MakeMember,
    issue: Callable[..., Issued],
) -> None:
    """U15: credited later, as of the day of the sale, to the clerk who issued it."""
    member = make_member()
    issued = issue()

    recorded = claim_receipt_code(session, member, issued.code, NOON + timedelta(days=3))

    purchase = recorded.purchase
    assert not recorded.is_repeat
    assert (purchase.purchased_at, purchase.staff_id, purchase.store_id) == (
        NOON,
        clerk.id,
        store.id,
    )
    assert (purchase.source, purchase.source_ref) == ("receipt", str(issued.id))
    assert purchase.idempotency_key == f"receipt:{issued.id}"
    session.refresh(member)
    assert (member.points, member.spend_twd) == (4, 450)


def test_a_claimed_code_keeps_its_items(
    session: Session, make_member: MakeMember, issue: Callable[..., Issued]
) -> None:
    lines = (Line("珍珠奶茶", 130, quantity=2, sku="A1"), Line("青茶", 35))
    issued = issue(amount_twd=165, lines=lines)

    recorded = claim_receipt_code(session, make_member(), issued.code, NOON)

    kept = session.execute(
        select(PurchaseLine.name, PurchaseLine.quantity, PurchaseLine.amount_twd, PurchaseLine.sku)
        .where(PurchaseLine.purchase_id == recorded.purchase_id)
        .order_by(PurchaseLine.line_no)
    ).all()
    assert kept == [("珍珠奶茶", 2, 130, "A1"), ("青茶", 1, 35, None)]


def test_the_database_holds_no_code(session: Session, issue: Callable[..., Issued]) -> None:
    """U15: who reads the table can claim nothing."""
    issued = issue()
    row = session.execute(text("SELECT row_to_json(r)::text FROM receipt_code AS r")).scalar_one()
    plain = normal_receipt_code(issued.code)
    assert plain is not None
    assert plain not in row
    assert code_of(SECRET, session.get_one(ReceiptCode, issued.id)) == issued.code


def test_a_repeated_key_brings_the_same_code(issue: Callable[..., Issued]) -> None:
    first, again = issue(idempotency_key="k"), issue(idempotency_key="k")
    assert (again.code, again.id, again.is_repeat) == (first.code, first.id, True)
    with pytest.raises(IdempotencyKeyReused):
        issue(idempotency_key="k", amount_twd=451)


def test_who_claimed_it_gets_the_same_answer_again(
    session: Session, make_member: MakeMember, issue: Callable[..., Issued]
) -> None:
    member, issued = make_member(), issue()
    first = claim_receipt_code(session, member, issued.code, NOON)
    again = claim_receipt_code(session, member, issued.code, NOON + timedelta(days=30))
    assert (again.purchase_id, again.is_repeat) == (first.purchase_id, True)
    assert session.scalar(select(func.count()).select_from(Purchase)) == 1


def test_nobody_else_gets_it(
    session: Session, make_member: MakeMember, issue: Callable[..., Issued]
) -> None:
    """U15: once per receipt."""
    issued = issue()
    claim_receipt_code(session, make_member(), issued.code, NOON)
    with pytest.raises(ReceiptCodeClaimed):
        claim_receipt_code(session, make_member(), issued.code, NOON)


def test_a_code_is_good_for_the_shops_days_and_no_moment_longer(
    session: Session, make_member: MakeMember, issue: Callable[..., Issued]
) -> None:
    member, late, last = make_member(), issue(), issue()
    assert late.good_until == NOON + timedelta(days=7)
    with pytest.raises(ReceiptCodeOver):
        claim_receipt_code(session, member, late.code, late.good_until)
    moment_before = last.good_until - timedelta(microseconds=1)
    assert claim_receipt_code(session, member, last.code, moment_before).purchase_id

    get_shop(session).receipt_code_days = 2
    assert issue().good_until == NOON + timedelta(days=2)


def test_a_cancelled_code_cannot_be_claimed_nor_a_claimed_one_cancelled(
    session: Session,
    clerk: Staff,
    store: Store,
    make_member: MakeMember,
    issue: Callable[..., Issued],
) -> None:
    gone, used = issue(), issue()
    for _ in range(2):
        cancel_receipt_code(session, gone.id, store=store, staff=clerk, now=NOON)
    with pytest.raises(ReceiptCodeCancelled):
        claim_receipt_code(session, make_member(), gone.code, NOON)
    claim_receipt_code(session, make_member(), used.code, NOON)
    with pytest.raises(ReceiptCodeClaimed):
        cancel_receipt_code(session, used.id, store=store, staff=clerk, now=NOON)
    states = [code.state(NOON) for code in list_receipt_codes(session, store, since=NOON)]
    assert states == ["claimed", "cancelled"]


def test_another_stores_code_is_not_cancelled(
    session: Session, clerk: Staff, issue: Callable[..., Issued]
) -> None:
    other = find_store(session, "TP02")
    assert other is not None
    with pytest.raises(ReceiptCodeUnknown):
        cancel_receipt_code(session, issue().id, store=other, staff=clerk, now=NOON)


def test_guessing_ends_after_some_tries_and_begins_anew_after_an_hour(
    session: Session, make_member: MakeMember, issue: Callable[..., Issued]
) -> None:
    """U15: nobody finds a code by trying; an honest typing error costs nothing."""
    member, issued = make_member(), issue()
    for _ in range(MOST_GUESSES):
        with pytest.raises(ReceiptCodeUnknown):
            claim_receipt_code(session, member, WRONG, NOON)
    with pytest.raises(ReceiptCodeGuesses):
        claim_receipt_code(session, member, issued.code, NOON)
    assert claim_receipt_code(session, make_member(), issue().code, NOON).purchase_id
    later = NOON + timedelta(hours=1)
    assert claim_receipt_code(session, member, issued.code, later).purchase_id


def test_the_clerk_who_issued_it_cannot_claim_it_on_their_own_card(
    session: Session, clerk: Staff, make_member: MakeMember, issue: Callable[..., Issued]
) -> None:
    """U8: a clerk cannot earn on their own card, by whatever door."""
    own = make_member()
    clerk.member_id = own.id
    issued = issue()
    with pytest.raises(OwnCard):
        claim_receipt_code(session, own, issued.code, NOON)
    assert session.scalar(select(func.count()).select_from(Purchase)) == 0
    assert claim_receipt_code(session, make_member(), issued.code, NOON).purchase_id


def test_a_clerk_issues_so_many_a_day_alone(
    session: Session, make_staff: MakeStaff, issue: Callable[..., Issued]
) -> None:
    """U8: beyond it, and for large sums, a manager says yes."""
    get_shop(session).receipt_codes_per_day = 2
    manager = make_staff("manager")
    issue()
    issue()
    with pytest.raises(ReceiptCodeLimit) as many:
        issue()
    with pytest.raises(ReceiptCodeLimit) as both:
        issue(amount_twd=3_000)
    assert (many.value.facts["why"], both.value.facts["why"]) == (["many"], ["many", "large"])
    assert issue(amount_twd=3_000, allowed_by=manager).id
    assert issue(staff=manager, amount_twd=3_000).id
    assert issue(now=NOON + timedelta(days=1)).id


def test_a_paper_receipt_counts_once(
    session: Session, store: Store, clerk: Staff, issue: Callable[..., Issued]
) -> None:
    """U15: once per receipt; a cancelled code sets its number free."""
    first = issue(invoice_number="ab-12345678")
    assert session.get_one(ReceiptCode, first.id).invoice_number == "AB12345678"
    with pytest.raises(InvoiceKnown):
        issue(invoice_number="ＡＢ１２３４５６７８")
    cancel_receipt_code(session, first.id, store=store, staff=clerk, now=NOON)
    assert issue(invoice_number="AB12345678").id


@pytest.mark.parametrize("number", ["A-12345678", "AB-1234567", "AB-123456789", "12345678AB"])
def test_a_number_of_another_shape_is_no_receipts(number: str) -> None:
    with pytest.raises(InvoiceNumberRefused):
        normal_invoice_number(number)


@pytest.mark.parametrize("amount_twd", [0, -1, 200_001])
def test_an_amount_out_of_range_is_refused(issue: Callable[..., Issued], amount_twd: int) -> None:
    with pytest.raises(AmountRefused):
        issue(amount_twd=amount_twd)


@given(st.text(CODE_ALPHABET, min_size=12, max_size=12), st.sampled_from("- \u3000－–"))
def test_a_code_is_read_however_it_is_written(code: str, between: str) -> None:
    shown = shown_code(code)
    assert re.fullmatch(r"R(-[2-9A-HJ-KM-NP-Z]{4}){3}", shown)
    for typed in (shown, shown.lower(), shown.replace("-", between), shown.replace("-", "")):
        assert normal_receipt_code(typed) == code


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading(typed: str) -> None:
    code = normal_receipt_code(typed)
    assert code is None or set(code) <= set(CODE_ALPHABET)


def test_a_claim_can_be_refunded_whole(
    session: Session, store: Store, make_member: MakeMember, issue: Callable[..., Issued]
) -> None:
    member = make_member()
    recorded = claim_receipt_code(session, member, issue().code, NOON + timedelta(days=1))
    asked = Return(recorded.purchase_id, store, None, "不要了", "r")
    refund_purchase(session, asked, NOON + timedelta(days=2))
    session.refresh(member)
    assert (member.points, member.spend_twd, member.purchase_count) == (0, 0, 0)


def test_a_code_claimed_by_ten_at_once_is_ones(committed: Committed) -> None:
    """U15, U9: two people with one slip: exactly one gets it, and the others are told."""
    people = 10
    with committed.sessions.begin() as session:
        clerk = committed.maker.staff(session)
        members = [committed.maker.member(session).id for _ in range(people)]
        asked = ReceiptAsked(committed.maker.store(session), clerk, 450, "race", SECRET)
        issued = issue_receipt_code(session, asked, NOON)
    ready = Barrier(people)

    def claim(member_id: int) -> str:
        ready.wait()
        try:
            with committed.sessions.begin() as session:
                member = session.get_one(Member, member_id)
                claim_receipt_code(session, member, issued.code, NOON)
        except BusinessError as refused:
            return refused.code
        return "claimed"

    with ThreadPoolExecutor(people) as pool:
        answers = sorted(pool.map(claim, members))

    assert answers == ["claimed"] + ["receipt_code_claimed"] * (people - 1)
    with committed.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Purchase)) == 1
        assert session.scalar(select(func.count()).select_from(PointsEntry)) == 1
        assert session.scalar(select(func.count()).where(Owed.kind == "receipt")) == 1


def test_a_claim_and_a_cancel_at_once_end_one_way(committed: Committed) -> None:
    """U15: whoever comes first; never both."""
    with committed.sessions.begin() as session:
        clerk = committed.maker.staff(session)
        member_id, clerk_id = committed.maker.member(session).id, clerk.id
        store = committed.maker.store(session)
        codes = [
            issue_receipt_code(session, ReceiptAsked(store, clerk, 100, f"c{n}", SECRET), NOON)
            for n in range(8)
        ]
    ready = Barrier(2)

    def act(what: str, issued: Issued) -> str:
        ready.wait()
        try:
            with committed.sessions.begin() as session:
                member, staff = session.get_one(Member, member_id), session.get_one(Staff, clerk_id)
                if what == "claim":
                    claim_receipt_code(session, member, issued.code, NOON)
                else:
                    cancel_receipt_code(
                        session, issued.id, store=staff.store, staff=staff, now=NOON
                    )
        except (ReceiptCodeClaimed, ReceiptCodeCancelled):
            return "refused"
        return what

    with ThreadPoolExecutor(2) as pool:
        for issued in codes:
            ends = sorted(pool.map(lambda what, code=issued: act(what, code), ("claim", "cancel")))
            assert ends in (["claim", "refused"], ["cancel", "refused"])

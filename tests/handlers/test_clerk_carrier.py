"""Two codes in a row on one screen, never mixed: member, carrier, coupon, item, next customer."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest
import zxingcpp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from handlers.clerk.carrier import find_carrier
from handlers.limiting import limiter
from handlers.pictures import NARROW, code39_picture
from models.base import Base
from models.catalogue import Item, keep_items
from models.coupon import Coupon, get_template, issue_coupon, qr_text
from models.member import Member
from models.member_code import derive_signing_key, issue_code
from models.purchase import Purchase, PurchaseLine
from models.staff import Staff
from tests.conftest import NOON, Clock
from tests.handlers.clerk_driver import Counter, hidden, words

CARRIER = "/ABC+12."
CERTIFICATE = "AB12345678901234"
CODE39 = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.Code39Std)
CARRIER_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ.+-"


@pytest.fixture
def signing_key() -> Ed25519PrivateKey:
    """Return the key that signs the shop's member codes."""
    return derive_signing_key("a secret of the tests")


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


@pytest.fixture
def code(signing_key: Ed25519PrivateKey) -> Callable[[Member], str]:
    """Return a function that draws what a member's phone shows."""
    return lambda member: issue_code(signing_key, member.card_ref, NOON).text


def beside(counter: Counter, scanned: str, **typed: str) -> TestResponse:
    """Scan something while a customer is on the screen."""
    return counter.send("/clerk/beside", code=scanned, **(counter.sale | typed))


def with_items(
    counter: Counter, path: str, rows: Sequence[tuple[str, ...]], **typed: str
) -> TestResponse:
    """Send the sale with items: sku, name, price, quantity each."""
    names = ("line_sku", "line_name", "line_price", "line_quantity")
    fields = MultiDict(counter.sale | {"csrf_token": counter.token} | typed)
    for row in rows:
        for name, cell in zip(names, row, strict=True):
            fields.add(name, cell)
    return counter.client.post(path, data=fields, headers={"HX-Request": "true"})


def give_coupon(session: Session, member: Member) -> Coupon:
    coupon = issue_coupon(
        session, member.id, get_template(session, "welcome"), issue_key=f"w{member.id}", now=NOON
    )
    assert coupon is not None
    return coupon


# --- what a carrier is, and its barcode ---


@pytest.mark.parametrize(
    "scanned", [CARRIER, "/abc+12.", CERTIFICATE, "ＡＢ１２３４５６７８９０１２３４"]
)
def test_a_carrier_is_known_by_its_shape(scanned: str) -> None:
    assert find_carrier(scanned) is not None


@pytest.mark.parametrize(
    "scanned", ["", "/ABC", "/ABC+12.5", "0912345678", "A123456789012345", "C:AB"]
)
def test_nothing_else_is_a_carrier(scanned: str) -> None:
    assert find_carrier(scanned) is None


def as_seen(carrier: str) -> Image.Image:
    """Draw the barcode's SVG as a screen shows it."""
    picture = code39_picture(carrier)
    image = Image.new("L", (picture["width"] * 2, 120), 255)
    pen = ImageDraw.Draw(image)
    for bar in picture["path"].removesuffix("z").split("z"):
        at, width = bar.removeprefix("M").split(" ")[0], bar.split("h")[1].split("v")[0]
        pen.rectangle((int(at) * 2, 10, (int(at) + int(width)) * 2 - 1, 109), fill=0)
    return image


@given(st.text(CARRIER_LETTERS, min_size=7, max_size=7))
def test_a_scanner_reads_the_carriers_barcode(letters: str) -> None:
    """The invoice machine reads it off the screen: checked with zxing."""
    carrier = f"/{letters}"
    found = zxingcpp.read_barcodes(as_seen(carrier), formats=CODE39)
    assert [result.text for result in found] == [carrier]


def test_a_certificates_barcode_is_read_too() -> None:
    found = zxingcpp.read_barcodes(as_seen(CERTIFICATE), formats=CODE39)
    assert [result.text for result in found] == [CERTIFICATE]
    assert code39_picture(CERTIFICATE)["path"].startswith(f"M{10 * NARROW} ")


# --- on the page ---


def test_a_carrier_before_its_customer_waits_and_travels(
    counter: Counter, make_member: Callable[..., Member]
) -> None:
    """The code of the invoice first, the member second: nothing is scanned again."""
    page = counter.send("/clerk/lookup", code=CARRIER)
    assert 'data-view="scan"' in page.text
    assert CARRIER in words(page)
    assert hidden(page.text, "carrier") == CARRIER
    member = make_member()
    shown = counter.send("/clerk/lookup", code=member.number, carrier=CARRIER)
    assert 'data-view="member"' in shown.text
    assert hidden(shown.text, "carrier") == CARRIER
    assert "請確認是這位客人的" in shown.text


def test_a_carrier_beside_a_customer_is_shown_and_changes_nothing_else(
    counter: Counter, make_member: Callable[..., Member]
) -> None:
    counter.look_up(make_member().number)
    answer = beside(counter, CARRIER, amount="450")
    assert answer.headers["HX-Retarget"] == "#carrier"
    assert 'form="sale" name="carrier"' in answer.text
    assert "<path" in answer.text


def test_a_carrier_after_the_sale_is_not_the_next_customers(counter: Counter) -> None:
    answer = counter.send("/clerk/beside", code=CARRIER, is_served="yes")
    assert answer.headers["HX-Retarget"] == "#carrier"
    assert 'name="carrier"' not in answer.text


def test_a_carrier_is_written_nowhere(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Privacy: it is the tax office's; the page shows it, no table and no log has it."""
    counter.send("/clerk/lookup", code=CARRIER)
    counter.look_up(make_member().number)
    beside(counter, CARRIER)
    result = counter.confirm("450", carrier=CARRIER)
    assert CARRIER in result.text
    for table in Base.metadata.sorted_tables:
        for row in session.execute(select(table)):
            assert "ABC+12." not in str(tuple(row)), table.name
    assert "ABC+12." not in capsys.readouterr().out


def test_the_customers_coupon_is_ticked_and_anothers_is_not(
    counter: Counter, session: Session, make_member: Callable[..., Member]
) -> None:
    """Never mixed: somebody else's coupon says so and is not used."""
    member, other = make_member(), make_member(name="林小晴")
    own, foreign = give_coupon(session, member), give_coupon(session, other)
    counter.look_up(member.number)
    ticked = beside(counter, qr_text(own.code), amount="450")
    assert json.loads(ticked.headers["HX-Trigger"]) == {"tick-coupon": {"id": str(own.id)}}
    refused = beside(counter, qr_text(foreign.code))
    assert refused.status_code == 409
    assert "不是這位會員的" in words(refused)
    assert "林" not in refused.text


def test_the_next_customer_opens_at_once_where_nothing_was_typed(
    counter: Counter, make_member: Callable[..., Member], code: Callable[[Member], str]
) -> None:
    counter.look_up(make_member().number)
    answer = beside(counter, code(make_member(name="林小晴")))
    assert 'data-view="member"' in answer.text
    assert "林○晴" in words(answer)


@pytest.mark.parametrize("typed", [{"amount": "450"}, {"points": "5"}, {"carrier": CARRIER}])
def test_the_next_customer_is_asked_about_where_something_was(
    counter: Counter,
    make_member: Callable[..., Member],
    code: Callable[[Member], str],
    typed: dict[str, str],
) -> None:
    counter.look_up(make_member().number)
    scanned = code(make_member(name="林小晴"))
    answer = beside(counter, scanned, **typed)
    assert answer.headers["HX-Retarget"] == "#notice"
    assert "這是另一位會員：林○晴" in words(answer)
    assert hidden(answer.text, "code") == scanned


def test_the_customers_own_code_proves_who_was_typed(
    counter: Counter,
    session: Session,
    make_member: Callable[..., Member],
    code: Callable[[Member], str],
) -> None:
    """U23: a code says more than a name asked for; what was typed stays."""
    member = make_member()
    counter.look_up(member.number)
    answer = beside(counter, code(member), amount="450")
    counter.sale["visit"] = json.loads(answer.headers["HX-Trigger"])["visit-proved"]["visit"]
    del counter.sale["name_checked"]
    assert "已入帳" in counter.confirm("450").text
    assert session.scalars(select(Purchase.code_id)).one() is not None


def test_a_page_too_old_to_go_on_opens_what_is_scanned(
    counter: Counter,
    clock: Clock,
    signing_key: Ed25519PrivateKey,
    make_member: Callable[..., Member],
) -> None:
    """Its own advice is to scan again: that must lead somewhere."""
    member = make_member()
    counter.look_up(member.number)
    counter.work_on(clock, minutes=16)
    assert "距離掃描已超過 15 分鐘" in words(counter.confirm("450"))
    scanned = issue_code(signing_key, member.card_ref, clock.now).text
    assert 'data-view="member"' in beside(counter, scanned, amount="450").text


def test_a_used_code_proves_nothing(
    counter: Counter, make_member: Callable[..., Member], code: Callable[[Member], str]
) -> None:
    member = make_member()
    scanned = code(member)
    counter.look_up(scanned)
    counter.confirm("450")
    counter.look_up(member.number)
    assert "這個條碼已經用過" in words(beside(counter, scanned))


# --- items ---


def test_a_thing_for_sale_becomes_an_item(
    counter: Counter, session: Session, make_member: Callable[..., Member]
) -> None:
    """U15's neighbour: lines by scanner, priced by the catalogue."""
    keep_items(
        session,
        [
            Item(
                "MILK-TEA",
                "珍珠奶茶",
                barcode="4710088412345",
                category="奶茶",
                price_twd=65,
                cost_twd=20,
            )
        ],
        NOON,
    )
    counter.look_up(make_member().number)
    answer = beside(counter, "4710088412345")
    assert answer.headers["HX-Retarget"] == "#item-rows"
    assert hidden(answer.text, "line_sku") == "MILK-TEA"
    assert hidden(answer.text, "line_price") == "65"
    assert "商品目錄沒有這個條碼" in words(beside(counter, "4710088999999"))

    rows = [("MILK-TEA", "珍珠奶茶", "65", "2"), ("", "加料", "10", "1")]
    shown = with_items(counter, "/clerk/preview", rows)
    assert "應付 NT$140" in words(shown)
    assert "已入帳" in with_items(counter, "/clerk/purchases", rows, amount="140").text
    kept = session.execute(
        select(
            PurchaseLine.name,
            PurchaseLine.quantity,
            PurchaseLine.amount_twd,
            PurchaseLine.category,
            PurchaseLine.cost_twd,
        ).order_by(PurchaseLine.line_no)
    ).all()
    assert kept == [("珍珠奶茶", 2, 130, "奶茶", 40), ("加料", 1, 10, None, None)]


@pytest.mark.parametrize(
    ("rows", "amount", "told"),
    [
        ([("", "奶茶", "65", "2")], "100", "品項合計 NT$130，金額輸入 NT$100"),
        ([("", "", "65", "1")], "65", "第 1 項品項看不懂"),
        ([("", "奶茶", "abc", "1")], "65", "第 1 項品項看不懂"),
        ([("", "奶茶", "65", "0")], "65", "第 1 項品項看不懂"),
        ([("", "", "", "1")], "", "請輸入金額"),
    ],
)
def test_items_that_make_no_sense_are_told(
    counter: Counter,
    make_member: Callable[..., Member],
    rows: Sequence[tuple[str, ...]],
    amount: str,
    told: str,
) -> None:
    counter.look_up(make_member().number)
    assert told in words(with_items(counter, "/clerk/purchases", rows, amount=amount))


def test_without_script_a_refused_sale_keeps_items_and_carrier(
    counter: Counter, make_member: Callable[..., Member]
) -> None:
    counter.look_up(make_member().number)
    fields = counter.sale | {"line_sku": "", "line_name": "奶茶", "line_price": "65"}
    fields |= {"line_quantity": "2", "amount": "1", "carrier": CARRIER}
    counter.script = False
    page = counter.send("/clerk/purchases", **fields)
    assert "<html" in page.text
    assert hidden(page.text, "line_name") == "奶茶"
    assert hidden(page.text, "carrier") == CARRIER


# --- what the clerk sees before confirming ---


def test_each_coupon_says_what_it_takes_off_or_why_not(
    counter: Counter, session: Session, make_member: Callable[..., Member]
) -> None:
    member = make_member(points=50)
    coupon = give_coupon(session, member)
    coupon.template.min_spend_twd = 200
    session.flush()
    counter.look_up(member.number)
    low = words(counter.preview("100", coupon=str(coupon.id)))
    assert "未滿 NT$200" in low
    assert "應付 NT$100" in low
    high = words(counter.preview("450", coupon=str(coupon.id), points="20"))
    assert "−NT$30" in high
    assert "點數折 NT$20" in high
    assert "距 銀卡會員 還差" in high


def test_the_customers_stamp_cards_are_shown(
    counter: Counter, make_member: Callable[..., Member]
) -> None:
    page = counter.look_up(make_member().number)
    assert "stamps-held" in page.text


def test_every_answer_of_a_second_scan_can_be_reloaded(counter: Counter) -> None:
    assert counter.client.get("/clerk/beside").status_code == 302

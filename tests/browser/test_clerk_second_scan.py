"""Two codes in a row in a real browser: what a scanner types beside a customer is never mixed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from models.catalogue import Item, keep_items
from models.member_code import issue_code
from tests.browser.conftest import OpenPage, Screenshot
from tests.browser.scanner import HAND_MS, reach_for_it, scan
from tests.browser.test_clerk_page import Shop, log_in, press, shop

pytestmark = pytest.mark.browser

CARRIER = "/ABC+12."
BARCODE = "4710088412345"
SMALLEST_TARGET_PX = 48
__all__ = ["shop"]  # The fixture.


def test_a_carrier_and_a_coupon_come_beside_the_customer(
    open_page: OpenPage, shop: Shop, screenshot: Screenshot
) -> None:
    """Two codes in a row (member, then carrier) on one screen; what was typed stays."""
    page = open_page(f"{shop.address}/clerk")
    log_in(page, shop)
    scan(page, shop.fresh_code())
    press(page, "450")
    reach_for_it(page)
    scan(page, CARRIER)
    expect(page.locator("#carrier .carrier-text")).to_have_text(CARRIER)
    expect(page.locator("#amount")).to_have_value("450")
    reach_for_it(page)
    scan(page, shop.coupon_text)
    expect(page.locator("[name=coupon]")).to_be_checked()
    expect(page.locator("#amount")).to_have_value("450")
    expect(page.locator("#preview")).to_contain_text("應付 NT$420")
    screenshot(page, "clerk-carrier")
    page.keyboard.press("Enter")
    expect(page.locator("[data-view=result]")).to_contain_text(CARRIER)


def test_a_carrier_scanned_first_travels_to_the_customer(open_page: OpenPage, shop: Shop) -> None:
    page = open_page(f"{shop.address}/clerk")
    log_in(page, shop)
    scan(page, CARRIER)
    expect(page.locator(".carrier-text")).to_have_text(CARRIER)
    reach_for_it(page)
    scan(page, shop.fresh_code())
    expect(page.locator("#carrier .carrier-short")).to_have_text(CARRIER)


def test_the_next_customer_waits_until_the_clerk_says_so(open_page: OpenPage, shop: Shop) -> None:
    """Never mixed: an amount typed for one is not lost, nor given to another."""
    with shop.committed.sessions.begin() as session:
        ref = shop.committed.maker.member(session, name="林小晴").card_ref
    key = shop.installation.settings.signing_key
    page = open_page(f"{shop.address}/clerk")
    log_in(page, shop)
    scan(page, shop.fresh_code())
    press(page, "450")
    reach_for_it(page)
    scan(page, issue_code(key, ref, datetime.now(UTC)).text)
    expect(page.locator("#notice")).to_contain_text("這是另一位會員：林○晴")
    page.click("[data-stay]")
    expect(page.locator("#amount")).to_have_value("450")
    expect(page.locator(".who-name")).to_have_text("王○明")
    reach_for_it(page)
    scan(page, issue_code(key, ref, datetime.now(UTC)).text)
    page.get_by_text("換下一位").click()
    expect(page.locator(".who-name")).to_have_text("林○晴")
    expect(page.locator("#amount")).to_have_value("")


def test_goods_are_scanned_into_items_that_fill_the_amount(open_page: OpenPage, shop: Shop) -> None:
    """Lines optional: by scanner, from the catalogue, or by hand."""
    with shop.committed.sessions.begin() as session:
        tea = Item("MILK-TEA", "珍珠奶茶", barcode=BARCODE, price_twd=65)
        keep_items(session, [tea], datetime.now(UTC))
    page = open_page(f"{shop.address}/clerk")
    log_in(page, shop)
    scan(page, shop.fresh_code())
    expect(page.locator(".who-name")).to_be_visible()
    for quantity in ("1", "2"):
        reach_for_it(page)
        scan(page, BARCODE)
        expect(page.locator("#item-rows [name=line_quantity]")).to_have_value(quantity)
    expect(page.locator("#amount")).to_have_value("130")
    page.click("[data-add-item]")
    page.keyboard.type("加料", delay=HAND_MS)
    page.keyboard.press("Enter")
    reach_for_it(page)
    page.keyboard.type("10", delay=HAND_MS)
    expect(page.locator("#amount")).to_have_value("140")
    page.locator("[data-drop-item]").first.click()
    expect(page.locator("#amount")).to_have_value("10")


def test_every_key_is_in_reach_of_a_thumb(open_page: OpenPage, shop: Shop) -> None:
    """One hand, 390 px wide: targets of 48 px, every key of the amount in sight."""
    page = open_page(f"{shop.address}/clerk")
    page.set_viewport_size({"width": 390, "height": 844})
    log_in(page, shop)
    scan(page, shop.fresh_code())
    expect(page.locator(".who-name")).to_be_visible()
    for target in page.locator(".keypad button, .finish-row > *, .items > summary").all():
        box = target.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= SMALLEST_TARGET_PX
    zero, confirm = page.locator("[data-key='0']"), page.locator("#confirm")
    under, above = zero.bounding_box(), confirm.bounding_box()
    assert under is not None
    assert above is not None
    assert under["y"] + under["height"] <= above["y"]


def test_the_sound_switch_is_kept_on_the_device(open_page: OpenPage, shop: Shop) -> None:
    page = open_page(f"{shop.address}/clerk")
    log_in(page, shop)
    page.click(".menu summary")
    switch = page.locator("[data-sound-switch]")
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    page.reload()
    expect(page.locator("[data-sound-switch]")).to_have_attribute("aria-checked", "false")


def test_a_receipt_code_is_given_away_and_printed(
    open_page: OpenPage, shop: Shop, screenshot: Screenshot
) -> None:
    """U15: the amount, one tap, a code and a QR; the slip prints alone."""
    page = open_page(f"{shop.address}/clerk")
    log_in(page, shop)
    page.get_by_text("客人忘了掃碼").click()
    press(page, "450")
    page.get_by_role("button", name="開立收據碼").click()
    expect(page.locator(".slip-code")).to_contain_text("R-")
    screenshot(page, "clerk-receipt-code")
    page.emulate_media(media="print")
    expect(page.locator(".slip-code")).to_be_visible()
    expect(page.locator("header.bar")).to_be_hidden()
    expect(page.locator("[data-next]")).to_be_hidden()

"""One day at the counter, told once from its opening to its books: a phone, a thumb, a scanner.

Each chapter leaves the page where the next one finds it, as on a real day. The other files try each
part in all its cases; here they have to hold together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import utc_now
from jobs.audit_sales import audit_sales
from models.audit import AuditEntry, verify_audit
from models.coupon import Coupon
from models.device import Device
from models.member import Member
from models.offline_sale import OfflineSale
from models.points import PointsEntry, verify_ledger
from models.purchase import Purchase
from models.receipt_code import ReceiptCode
from models.shift import Shift
from models.staff import Staff
from tests.browser import test_clerk_offline, test_clerk_page
from tests.browser.conftest import OpenPage, Screenshot, visit, wait_until
from tests.browser.scanner import scan
from tests.browser.test_clerk_door import add_manager, press_pin
from tests.browser.test_clerk_offline import (
    Wire,
    code_of,
    cut,
    mend,
    sell_offline,
    wait_for_purchases,
    wait_for_shell,
)
from tests.browser.test_clerk_page import Shop, press
from tests.conftest import STAFF_PASSWORD, STAFF_PIN

shop = test_clerk_page.shop
wire = test_clerk_offline.wire

CARRIER = "/ABC+12."
PHONE_NAME = "櫃台手機"
NEW_PHONE = "0988 123 456"
MOST_SKEW_MS = 2_000
"""Page and server tell the same clock here; the rest is a busy machine."""

pytestmark = pytest.mark.browser


@dataclass
class Day:
    """The counter's phone and all who have to do with it."""

    page: Page
    shop: Shop
    wire: Wire
    manager: Staff
    others: Sequence[Member]
    screenshot: Screenshot
    pictures: int = 0

    def look(self, name: str) -> None:
        """Keep a picture of what the clerk sees."""
        self.pictures += 1
        self.screenshot(self.page, f"story-{self.pictures:02}-{name}")

    def see(self, view: str) -> None:
        """Wait until a view of the counter is open."""
        expect(self.page.locator(f"html.has-script [data-view={view}]")).to_be_visible()


def test_a_day_at_the_counter(
    open_page: OpenPage, shop: Shop, wire: Wire, screenshot: Screenshot
) -> None:
    """U6, U7, U8, U9, U12, U14, U15, U23, X6, X7: the whole counter, one story."""
    with shop.committed.sessions.begin() as session:
        others = [shop.committed.maker.member(session, name=name) for name in ("陳大文", "李美玲")]
    page = open_page(f"{shop.address}/clerk", touch=True)
    day = Day(page, shop, wire, add_manager(shop), others, screenshot)
    a_manager_enrols_the_phone(day)
    a_clerk_signs_in(day)
    a_member_pays_with_coupon_and_points(day)
    the_sale_is_voided_from_todays_list(day)
    somebody_joins_by_phone(day)
    a_large_sale_needs_the_manager(day)
    somebody_forgot_to_scan(day)
    the_phone_rests_in_the_middle_of_a_sale(day)
    the_network_is_away_and_comes_back_twice(day)
    an_answer_is_lost(day)
    the_clerk_goes_home(day)
    the_books_agree(day)


def a_manager_enrols_the_phone(day: Day) -> None:
    """Let an unknown phone in, by who manages, for one store."""
    page = day.page
    expect(page.locator("main h1")).to_have_text("啟用這台裝置")
    day.look("unknown-device")
    page.fill("#username", day.manager.username)
    page.fill("#password", STAFF_PASSWORD)
    page.tap("main button.primary")
    expect(page.locator("#device-name")).to_be_visible()
    page.get_by_label("信義店").check()
    page.fill("#device-name", PHONE_NAME)
    day.look("enrol")
    page.tap("main button.primary")
    day.see("scan")
    day.look("manager-scan")
    page.tap(".menu summary")
    expect(page.locator(".menu-sheet")).to_be_visible()
    day.look("manager-menu")
    page.tap(".menu >> text=登出")
    expect(page.locator(".signed-out")).to_contain_text("林店長，辛苦了")
    page.tap("text=下一位登入")
    expect(page.locator(".tiles")).to_be_visible()


def a_clerk_signs_in(day: Day) -> None:
    """Choose a name, type a PIN, and wait until the phone can go on alone."""
    page = day.page
    day.look("names")
    page.tap(f".tile:has-text('{day.shop.staff.name}')")
    expect(page.locator(".pin-form .pad-go")).to_be_visible()
    day.look("pin")
    press_pin(page, STAFF_PIN)
    day.see("scan")
    wait_for_shell(page)
    day.look("scan")


def a_member_pays_with_coupon_and_points(day: Day) -> None:
    """Scan the member, then their carrier; type the amount, tick the coupon, pay by points."""
    page = day.page
    scan(page, day.shop.fresh_code())
    expect(page.locator(".who-name")).to_have_text("王○明")
    expect(page.locator("body")).not_to_contain_text("王小明")
    day.look("member")
    scan(page, CARRIER)
    expect(page.locator("#carrier .carrier-text")).to_have_text(CARRIER)
    expect(page.locator("#amount")).to_have_value("")
    expect(page.locator(".who-name")).to_have_text("王○明")
    day.look("carrier")
    press(page, "215×2+20")
    expect(page.locator("#preview")).to_contain_text("應付 NT$450")
    page.locator(".coupon").tap()
    expect(page.locator("[name=coupon]")).to_be_checked()
    expect(page.locator("#preview")).to_contain_text("應付 NT$420")
    expect(page.locator("#preview")).to_contain_text("將升等 銀卡會員")
    day.look("coupon")
    page.tap("#points")
    press(page, "50")
    expect(page.locator("#preview")).to_contain_text("應付 NT$370")
    expect(page.locator("#amount")).to_have_value("215×2+20")
    day.look("points")
    assert day.shop.count_purchases() == 0
    page.tap("#confirm")
    result = page.locator("[data-view=result]")
    expect(result).to_contain_text("NT$370")
    expect(result).to_contain_text("恭喜升等 銀卡會員")
    expect(result).to_contain_text(CARRIER)
    day.look("result")
    page.tap("[data-next]")
    day.see("scan")


def the_sale_is_voided_from_todays_list(day: Day) -> None:
    """Find the sale in the list of the day and take it back with one tap on its reason."""
    page = day.page
    page.tap(".bar >> text=今日")
    line = page.locator(".lines li.own")
    expect(line).to_contain_text("王○明")
    expect(line).to_contain_text("NT$370")
    day.look("today")
    line.locator(".void summary").tap()
    day.look("void")
    line.get_by_text("掃錯會員").tap()
    refunded = page.locator("[data-view=refunded]")
    expect(refunded).to_contain_text("NT$370")
    expect(refunded).to_contain_text("128")
    day.look("voided")
    page.tap("[data-next]")
    day.see("scan")


def somebody_joins_by_phone(day: Day) -> None:
    """Take a phone number at the counter; LINE comes later, by the QR code on the page."""
    page = day.page
    page.tap(".bar >> text=新會員")
    page.fill("#phone", NEW_PHONE)
    page.fill("#name", "林小晴")
    page.locator("[name=consent]").check()
    day.look("join")
    page.get_by_role("button", name="加入會員").tap()
    expect(page.locator("[data-view=joined]")).to_contain_text("林○晴")
    expect(page.locator("[data-view=joined] .qr")).to_be_visible()
    day.look("joined")
    page.get_by_role("button", name="為這位會員結帳").tap()
    expect(page.locator(".who-name")).to_have_text("林○晴")


def a_large_sale_needs_the_manager(day: Day) -> None:
    """Sell more than a clerk may alone: the manager's PIN on the spot, the clerk stays."""
    page = day.page
    page.locator("[name=name_checked]").check()
    press(page, "21000")
    expect(page.locator("#preview")).to_contain_text("應付 NT$21,000")
    page.tap("#confirm")
    expect(page.locator("#notice .manager")).to_be_visible()
    expect(page.locator("#amount")).to_be_in_viewport()
    expect(page.locator("#preview")).to_be_in_viewport()
    day.look("approval")
    assert day.shop.count_purchases() == 1
    for pin in ("0009", STAFF_PIN):
        page.select_option("[name=manager]", str(day.manager.id))
        page.fill("[name=manager_pin]", pin)
        page.get_by_role("button", name="店長核准並入帳").tap()
        if pin != STAFF_PIN:
            expect(page.locator("#notice")).to_contain_text("PIN 或密碼不對")
            day.look("wrong-manager-pin")
    expect(page.locator("[data-view=result]")).to_contain_text("NT$21,000")
    expect(page.locator("[data-view=result]")).not_to_contain_text("超過")
    day.look("approved")
    page.tap("[data-next]")
    day.see("scan")


def somebody_forgot_to_scan(day: Day) -> None:
    """Give a receipt code away; it is no purchase until somebody claims it."""
    page = day.page
    page.get_by_text("客人忘了掃碼").tap()
    press(page, "85")
    day.look("receipt-amount")
    page.get_by_role("button", name="開立收據碼").tap()
    expect(page.locator(".slip-code")).to_contain_text("R-")
    day.look("receipt-code")
    page.tap("[data-next]")
    day.see("scan")


def the_phone_rests_in_the_middle_of_a_sale(day: Day) -> None:
    """Cover the page after five minutes; the PIN brings it back as it was."""
    page = day.page
    scan(page, day.shop.fresh_code())
    expect(page.locator(".who-name")).to_have_text("王○明")
    press(page, "65×2")
    page.evaluate("""() => {
        localStorage.setItem("regulars-touched-at", String(Date.now() - 6 * 60_000));
        document.dispatchEvent(new Event("visibilitychange"));
    }""")
    expect(page.locator("#lock")).to_be_visible()
    day.look("locked")
    press_pin(page, STAFF_PIN)
    expect(page.locator("#lock")).to_be_hidden()
    expect(page.locator("#amount")).to_have_value("65×2")
    expect(page.locator("#preview")).to_contain_text("應付 NT$130")
    page.tap("#confirm")
    expect(page.locator("[data-view=result]")).to_contain_text("NT$130")
    page.tap("[data-next]")
    day.see("scan")


def the_network_is_away_and_comes_back_twice(day: Day) -> None:
    """Sell to three without a network, reload, and have the first upload's answer lost."""
    page, known = day.page, day.shop.count_purchases()
    cut(page)
    scan(page, day.shop.fresh_code())
    day.see("offline-sale")
    expect(page.locator("#offline-away")).to_be_visible()
    press(page, "120")
    expect(page.locator("#preview")).to_contain_text("NT$120")
    day.look("offline-sale")
    page.tap("#confirm")
    day.see("offline-done")
    day.look("offline-done")
    page.tap("[data-offline-next]")
    for member, amount in zip(day.others, ("95", "60"), strict=True):
        sell_offline(page, code_of(day.shop, member), amount)
    expect(page.locator("#offline-count b")).to_have_text("3")
    day.look("offline-scan")
    page.reload()
    day.see("offline-scan")
    expect(page.locator("#offline-count b")).to_have_text("3")
    page.tap("#offline-count")
    expect(page.locator(".offline-rows li")).to_have_count(3)
    day.look("offline-queue")
    assert day.shop.count_purchases() == known
    day.wire.cut.append("/clerk/sync")
    mend(page)
    wait_until(page, lambda: not day.wire.cut)
    cut(page)
    mend(page)
    wait_for_purchases(page, day.shop, known + 3)
    expect(page.locator("#offline-away")).to_be_hidden()
    visit(page, f"{day.shop.address}/clerk")
    day.see("scan")


def an_answer_is_lost(day: Day) -> None:
    """Confirm a sale whose answer never comes: it was recorded, and is known to be."""
    page, known = day.page, day.shop.count_purchases()
    scan(page, day.shop.fresh_code())
    expect(page.locator(".who-name")).to_have_text("王○明")
    press(page, "88")
    expect(page.locator("#preview")).to_contain_text("應付 NT$88")
    day.wire.cut.append("/clerk/purchases")
    page.tap("#confirm")
    expect(page.locator("[data-view=offline-done]")).to_contain_text("不確定是否已入帳")
    day.look("lost-answer")
    wait_for_purchases(page, day.shop, known + 1)
    page.tap("[data-offline-open-queue]")
    expect(page.locator("[data-offline-list]")).to_contain_text("先前已經入帳")
    day.look("queue-known")


def the_clerk_goes_home(day: Day) -> None:
    """Sign out, and read what the shift has sold."""
    page = day.page
    page.tap(".bar >> text=今日")
    expect(page.locator(".lines li.own")).to_have_count(7)
    day.look("today-at-the-end")
    page.tap(".menu summary")
    page.tap(".menu >> text=登出")
    shift = page.locator(".signed-out")
    expect(shift).to_contain_text("小安，辛苦了")
    expect(shift.locator(".panel", has_text="這一班的筆數")).to_contain_text("6")
    expect(shift.locator(".panel", has_text="這一班的實收")).to_contain_text("NT$21,493")
    day.look("signed-out")


def the_books_agree(day: Day) -> None:
    """Work out anew from the rows what the counter has shown and kept."""
    sessions = day.shop.committed.sessions
    audit_sales(sessions, now=utc_now())
    with sessions() as session:
        device = session.scalars(select(Device).where(Device.name == PHONE_NAME)).one()
        sales = session.scalars(
            select(Purchase).where(Purchase.device_id == device.id).order_by(Purchase.id)
        ).all()
        sold = [(sale.amount_twd, sale.paid_twd, sale.refunded_twd) for sale in sales]
        assert sold == [
            (450, 370, 370),
            (21_000, 21_000, 0),
            (130, 130, 0),
            (120, 120, 0),
            (95, 95, 0),
            (60, 60, 0),
            (88, 88, 0),
        ]
        assert {sale.staff_id for sale in sales} == {day.shop.staff.id}
        assert list(verify_ledger(session)) == []
        members_add_up(session, sales)
        loose_ends_are_tied(session, day, device)
        everything_is_in_the_audit(session, day, device, len(sales))


def members_add_up(session: Session, sales: Sequence[Purchase]) -> None:
    """Points are what stands of the sales, spending is what was paid and kept."""
    for member in session.scalars(select(Member)):
        moved = select(func.sum(PointsEntry.points)).where(PointsEntry.member_id == member.id)
        assert member.points == (session.scalar(moved) or 0)
        kept = select(func.sum(Purchase.paid_twd - Purchase.refunded_twd))
        assert member.spend_twd == session.scalar(kept.where(Purchase.member_id == member.id))
    points = {member.name: member.points for member in session.scalars(select(Member))}
    standing = sum(sale.points_earned for sale in sales if not sale.refunded_twd)
    assert points == {"王小明": 128 + 2, "陳大文": 0, "李美玲": 0, "林小晴": 210}
    assert sum(points.values()) == 128 + standing
    assert [coupon.state for coupon in session.scalars(select(Coupon))] == ["issued"]


def loose_ends_are_tied(session: Session, day: Day, device: Device) -> None:
    """Nothing waits: shifts are over, the queue is settled, the receipt code is still open."""
    shifts = session.scalars(select(Shift).order_by(Shift.id)).all()
    assert [(shift.staff_id, shift.ended_by) for shift in shifts] == [
        (day.manager.id, "sign_out"),
        (day.shop.staff.id, "sign_out"),
    ]
    assert {shift.device_id for shift in shifts} == {device.id}
    queued = session.scalars(select(OfflineSale)).all()
    assert len(queued) == 4  # Three without a network, and the confirm that got no answer.
    assert {(sale.device_id, sale.problem) for sale in queued} == {(device.id, None)}
    receipt = session.scalars(select(ReceiptCode)).one()
    assert (receipt.amount_twd, receipt.state(utc_now())) == (85, "open")
    assert device.skew_ms is not None
    assert abs(device.skew_ms) < MOST_SKEW_MS


def everything_is_in_the_audit(session: Session, day: Day, device: Device, sale_count: int) -> None:
    """Who did what, where from, in one unbroken chain."""
    assert verify_audit(session).is_whole
    entries = session.scalars(select(AuditEntry).where(AuditEntry.staff_id.is_not(None))).all()
    done = Counter((entry.staff_id, entry.what) for entry in entries)
    clerk, manager = day.shop.staff.id, day.manager.id
    assert done == {
        (manager, "device.enrol"): 1,
        (manager, "shift.start"): 1,
        (manager, "approval.approved"): 1,
        (clerk, "shift.start"): 1,
        (clerk, "purchase.record"): sale_count,
        (clerk, "coupon.redeem"): 1,
        (clerk, "purchase.refund"): 1,
        (clerk, "member.register"): 1,
        (clerk, "receipt_code.issue"): 1,
    }
    there = {entry.device for entry in entries if entry.what != "device.enrol"}
    assert there == {device.label}
    (refund,) = (entry for entry in entries if entry.what == "purchase.refund")
    assert refund.reason == "作廢：掃錯會員"

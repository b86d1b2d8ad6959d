"""The counter without a network, in a real browser (row X7): none is lost, none counts twice."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from playwright.sync_api import Page, Route, ViewportSize, expect
from sqlalchemy import select

from handlers import keep_so_far
from handlers.clerk import offline
from models.device import Device
from models.member import Member
from models.member_code import issue_code, read_code
from models.offline_sale import OfflineSale
from models.purchase import Purchase
from tests.browser.conftest import OpenPage, Screenshot, visit, wait_for_script, wait_until
from tests.browser.scanner import scan
from tests.browser.test_clerk_page import Shop, log_in, press, shop

__all__ = ["shop"]
"""The shop that a browser can visit, with one clerk and one member, is the counter's own."""

SCANS = 20
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
SLOW_CLOCK = """
    const wall = Date;
    const behind = 3 * 60_000;
    window.Date = class extends wall {
        constructor(...told) { told.length ? super(...told) : super(wall.now() - behind); }
        static now() { return wall.now() - behind; }
    };
"""
NOTE_NEWS = (
    "window.news = []; document.addEventListener('network', ({detail}) => news.push(detail))"
)

pytestmark = pytest.mark.browser


@dataclass
class Wire:
    """The wire between tablet and server: cuts the answer off after the work was done."""

    app: Any
    cut: list[str] = field(default_factory=list)
    """Paths whose next answer does not arrive."""

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        is_cut = environ["PATH_INFO"] in self.cut
        answer = self.app(environ, start)
        if is_cut:
            self.cut.remove(environ["PATH_INFO"])
            list(answer)
            with suppress(OSError):
                environ["werkzeug.socket"].shutdown(2)
        result: Iterable[bytes] = answer
        return result


@pytest.fixture
def wire(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Wire:
    """Return the wire of the running shop."""
    wire = Wire(shop.app.wsgi_app)
    monkeypatch.setattr(shop.app, "wsgi_app", wire)
    return wire


def wait_for_shell(page: Page) -> None:
    """Wait until the browser keeps what it needs to go on alone."""
    wait_for_script(page, "navigator.serviceWorker.controller !== null")
    kept = "caches.open('regulars-shell').then((cache) => cache.match('/clerk/offline'))"
    wait_for_script(page, f"{kept}.then(Boolean)")


def open_counter(open_page: OpenPage, shop: Shop) -> Page:
    """Sign in, and wait until the browser keeps what it needs to go on alone."""
    page = open_page(f"{shop.address}/clerk")
    log_in(page, shop)
    wait_for_shell(page)
    return page


def cut(page: Page) -> None:
    page.context.set_offline(True)


def mend(page: Page) -> None:
    page.context.set_offline(False)


def code_of(shop: Shop, member: Member, at: datetime | None = None) -> str:
    key = shop.installation.settings.signing_key
    return issue_code(key, member.card_ref, at or datetime.now(UTC)).text


def sell_offline(page: Page, code: str, amount: str) -> None:
    """Scan, type, confirm, and be ready for the next customer."""
    scan(page, code)
    expect(page.locator("[data-view=offline-sale]")).to_be_visible()
    press(page, amount)
    page.click("#confirm")
    expect(page.locator("[data-view=offline-done]")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("[data-view=offline-scan]")).to_be_visible()


def wait_for_purchases(page: Page, shop: Shop, count: int) -> None:
    """Wait until the server has so many sales and the queue is empty."""
    wait_until(page, lambda: shop.count_purchases() >= count)
    expect(page.locator("#offline-count")).to_be_hidden()
    assert shop.count_purchases() == count


def test_twenty_scans_without_a_network_make_twenty_purchases(
    open_page: OpenPage,
    shop: Shop,
    wire: Wire,
    monkeypatch: pytest.MonkeyPatch,
    screenshot: Screenshot,
) -> None:
    """X7: cut the network, 20 scans, reconnect twice, with a crash and a lost answer between."""
    with shop.committed.sessions.begin() as session:
        members = [shop.committed.maker.member(session) for _ in range(SCANS)]
    page = open_counter(open_page, shop)
    cut(page)
    for number, member in enumerate(members, start=1):
        sell_offline(page, code_of(shop, member), str(100 + number))
    expect(page.locator("#offline-count b")).to_have_text(str(SCANS))
    page.click("#offline-count")
    screenshot(page, "clerk-offline-queue")

    kept: list[int] = []

    def crash_in_the_middle() -> None:
        keep()
        kept.append(1)
        if len(kept) == 7:
            wire.cut.append("/clerk/sync")  # Whoever tries next gets no answer.
            raise RuntimeError("the server dies in the middle of the batch")

    keep = keep_so_far
    monkeypatch.setattr(offline, "keep_so_far", crash_in_the_middle)
    shop.app.config["PROPAGATE_EXCEPTIONS"] = False
    mend(page)
    wait_until(page, lambda: len(kept) >= 7)
    cut(page)
    mend(page)
    wait_until(page, lambda: not wire.cut)
    cut(page)
    mend(page)
    wait_for_purchases(page, shop, SCANS)
    with shop.committed.sessions() as session:
        sold = session.scalars(select(Purchase).where(Purchase.idempotency_key.like("till:%")))
        bought = {purchase.member_id: purchase.amount_twd for purchase in sold}
    assert bought == {member.id: 100 + n for n, member in enumerate(members, start=1)}


def test_the_answer_to_a_confirm_is_lost_after_the_server_committed(
    open_page: OpenPage, shop: Shop, wire: Wire, screenshot: Screenshot
) -> None:
    """X7, section 4: the confirm joins the queue under its page's key and is known already."""
    page = open_counter(open_page, shop)
    scan(page, shop.fresh_code())
    expect(page.locator(".who-name")).to_have_text("王○明")
    press(page, "450")
    expect(page.locator("#preview")).to_contain_text("NT$450")
    wire.cut.append("/clerk/purchases")
    page.click("#confirm")
    expect(page.locator("[data-view=offline-done]")).to_contain_text("不確定是否已入帳")
    screenshot(page, "clerk-offline-lost")
    wait_for_purchases(page, shop, 1)
    visit(page, f"{shop.address}/clerk/queue")
    expect(page.locator("[data-offline-list]")).to_contain_text("先前已經入帳")
    screenshot(page, "clerk-queue-known")


def test_the_counter_opens_and_sells_when_it_is_reloaded_without_a_network(
    open_page: OpenPage, shop: Shop, screenshot: Screenshot
) -> None:
    """X7: from the home screen, with the last clerk's pass; the queue survives it all."""
    page = open_counter(open_page, shop)
    cut(page)
    sell_offline(page, shop.fresh_code(), "120")
    visit(page, f"{shop.address}/clerk")
    expect(page.locator("[data-view=offline-scan]")).to_contain_text(shop.staff.name)
    expect(page.locator("#offline-away")).to_be_visible()
    expect(page.locator("#offline-count b")).to_have_text("1")
    assert "王○明" not in page.content()
    screenshot(page, "clerk-offline-shell")
    sell_offline(page, shop.fresh_code(), "80")
    page.context.clear_cookies(name="session")
    visit(page, f"{shop.address}/clerk/queue")
    expect(page.locator(".offline-rows li")).to_have_count(2)
    mend(page)
    visit(page, f"{shop.address}/clerk/login")
    wait_for_purchases(page, shop, 2)


def test_a_code_is_checked_on_the_device(
    open_page: OpenPage, shop: Shop, screenshot: Screenshot
) -> None:
    """X7, U6, U7: forged, old and used codes are refused without anybody to ask."""
    page = open_counter(open_page, shop)
    cut(page)
    forged = issue_code(Ed25519PrivateKey.generate(), shop.member.card_ref, datetime.now(UTC)).text
    scan(page, forged)
    expect(page.locator("#notice")).to_contain_text("條碼無法驗證")
    scan(page, code_of(shop, shop.member, datetime.now(UTC) - timedelta(minutes=5)))
    expect(page.locator("#notice")).to_contain_text("條碼已過期")
    code = shop.fresh_code()
    sell_offline(page, code, "100")
    scan(page, code)
    expect(page.locator("#notice")).to_contain_text("這個條碼已經用過")
    screenshot(page, "clerk-offline-refused")
    for typed, notice in (("123456789", "號碼不對"), ("0212345678", "號碼不對")):
        page.fill("#code", typed)
        page.press("#code", "Enter")
        expect(page.locator("#notice")).to_contain_text(notice)
    page.fill("#code", shop.member.number)
    page.press("#code", "Enter")
    press(page, "65×2")
    page.click("#confirm")
    expect(page.locator("#notice")).to_contain_text("請先核對號碼")
    page.check("[name=number_checked]")
    page.click("#confirm")
    expect(page.locator("[data-view=offline-done]")).to_contain_text("NT$130")
    mend(page)
    wait_for_purchases(page, shop, 2)


def test_a_code_used_elsewhere_waits_for_a_manager(
    open_page: OpenPage, shop: Shop, screenshot: Screenshot
) -> None:
    """X7: single use is decided when the queue comes in; the page says what to do."""
    page = open_counter(open_page, shop)
    code = shop.fresh_code()
    public_key = shop.installation.settings.signing_key.public_key()
    code_id = read_code(public_key, code, datetime.now(UTC)).code_id
    cut(page)
    sell_offline(page, code, "100")
    with shop.committed.sessions.begin() as session:
        shop.committed.maker.spend(
            session, session.get_one(Member, shop.member.id), 50, datetime.now(UTC).date()
        )
        used = session.scalars(select(Purchase).order_by(Purchase.id.desc())).first()
        assert used is not None
        used.code_id = code_id
    mend(page)
    expect(page.locator("#offline-count")).to_have_class("bar-link offline-count has-problem")
    visit(page, f"{shop.address}/clerk/queue")
    expect(page.locator("[data-offline-list]")).to_contain_text("這個條碼已經用過")
    expect(page.locator("[data-view=queue]")).to_contain_text("需要店長處理")
    screenshot(page, "clerk-queue-problem")
    page.set_viewport_size(DESKTOP)
    screenshot(page, "clerk-queue-problem-desktop")
    page.click("[data-clear]")
    expect(page.locator("#offline-count")).to_be_hidden()
    assert shop.count_purchases() == 0


def test_a_slow_clock_is_told_and_corrected(
    open_page: OpenPage, shop: Shop, screenshot: Screenshot
) -> None:
    """X7: three minutes slow: nobody is refused wrongly, and the sale has its true time."""
    page = open_page(f"{shop.address}/clerk")
    page.context.add_init_script(SLOW_CLOCK)
    log_in(page, shop)
    expect(page.locator("#offline-clock")).to_contain_text("平板時間慢 3 分鐘")
    wait_for_script(page, "navigator.serviceWorker.controller !== null")
    cut(page)
    began = datetime.now(UTC)
    sell_offline(page, shop.fresh_code(), "100")
    sold_by = datetime.now(UTC)
    screenshot(page, "clerk-offline-clock")
    mend(page)
    wait_for_purchases(page, shop, 1)
    with shop.committed.sessions() as session:
        sold = session.scalars(
            select(Purchase).where(Purchase.idempotency_key.like("till:%"))
        ).one()
        device = session.scalars(select(Device)).one()
    rough = timedelta(minutes=1)
    assert began - rough < sold.purchased_at < sold_by + rough
    assert device.skew_ms is not None
    assert abs(device.skew_ms + 180_000) < 5_000


def test_redeeming_without_a_network_has_its_limit_and_its_price(
    open_page: OpenPage, shop: Shop, screenshot: Screenshot
) -> None:
    """X7: within NT$100; what is not covered is recorded without it and told to the manager."""
    page = open_counter(open_page, shop)
    cut(page)
    scan(page, shop.fresh_code())
    press(page, "300")
    page.click(".offline-redeem summary")
    page.fill("#points", "150")
    page.click("#confirm")
    expect(page.locator("#notice")).to_contain_text("離線折抵超過上限")
    page.fill("#points", "20")
    page.fill("#offline-coupon", "C:NOSUCHCODE22")
    page.fill("#offline-coupon-twd", "30")
    expect(page.locator("#preview")).to_contain_text("應付 NT$250")
    screenshot(page, "clerk-offline-redeem")
    page.click("#confirm")
    expect(page.locator("[data-view=offline-done]")).to_contain_text("折抵要連線後才確定")
    mend(page)
    wait_until(page, lambda: shop.count_purchases() == 1)
    with shop.committed.sessions() as session:
        sale = session.scalars(select(OfflineSale)).one()
        sold = session.scalars(select(Purchase).where(Purchase.id == sale.purchase_id)).one()
    assert (sold.points_used, sold.paid_twd) == (20, 280)
    assert (sale.problem, sale.loss_twd) == ("redeem_uncovered", 30)


def test_an_old_answer_is_no_proof_of_a_network(open_page: OpenPage, shop: Shop) -> None:
    """X7: a page that went home on old news would take the customer's scan from under the clerk."""
    page = open_counter(open_page, shop)
    held: list[Route] = []
    page.route("**/clerk/ping", lambda route: held.append(route))
    page.evaluate("dispatchEvent(new Event('online'))")
    wait_until(page, lambda: len(held) == 1)
    page.evaluate("dispatchEvent(new Event('offline'))")
    wait_until(page, lambda: len(held) == 2)
    held[1].abort()
    expect(page.locator("#offline-away")).to_be_visible()
    page.evaluate(NOTE_NEWS)
    with page.expect_event("requestfinished"):
        held[0].fulfill(json={"now": datetime.now(UTC).timestamp() * 1000})
    wait_until(page, lambda: len(held) == 3)
    held[2].abort()
    wait_until(page, lambda: len(held) == 4)
    assert page.evaluate("news") == []
    held[3].continue_()
    expect(page.locator("[data-view=scan]")).to_be_visible()


def test_a_sale_on_the_screen_goes_on_when_the_network_comes_back(
    open_page: OpenPage, shop: Shop, screenshot: Screenshot
) -> None:
    """X7: nothing is taken from under a clerk's hands."""
    page = open_counter(open_page, shop)
    page.set_viewport_size(DESKTOP)
    cut(page)
    scan(page, shop.fresh_code())
    press(page, "200")
    screenshot(page, "clerk-offline-sale-desktop")
    mend(page)
    expect(page.locator("#offline-away")).to_be_hidden()
    expect(page.locator("#offline-back")).to_be_visible()
    expect(page.locator("#amount")).to_have_value("200")
    page.click("#confirm")
    expect(page.locator("[data-view=offline-done]")).to_be_visible()
    wait_for_purchases(page, shop, 1)
    page.keyboard.press("Enter")
    expect(page.locator("[data-view=scan]")).to_be_visible()

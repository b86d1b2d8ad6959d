"""The counter in a real browser: scanner, camera, keys, and what happens when something fails."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image
from playwright.sync_api import Browser, Page, Response, expect
from sqlalchemy import func, select

from app import Installation, utc_now
from handlers.device_cookie import DEVICE_COOKIE, DEVICE_COOKIE_PATH
from handlers.site.qr import draw_qr
from models.coupon import get_template, issue_coupon, qr_text
from models.device import enrol_device
from models.member import Member
from models.member_code import issue_code
from models.purchase import Purchase
from models.staff import Staff
from tests.browser.conftest import (
    CHROMIUM_ARGUMENTS,
    PATIENCE,
    WAIT_MS,
    OpenPage,
    Screenshot,
    find_chromium,
    visit,
)
from tests.browser.scanner import HAND_MS, reach_for_it, scan
from tests.browser.serving import served
from tests.conftest import STAFF_PIN, Committed

MOST_BYTES_AT_FIRST = 150_000
CAMERA_PICTURE = (1280, 720)
CAMERA_FRAMES = 30

pytestmark = pytest.mark.browser


@dataclass
class Shop:
    """A running shop with one clerk and one member, and real commits."""

    address: str
    installation: Installation
    committed: Committed
    staff: Staff
    member: Member
    coupon_text: str
    """What the QR of the member's coupon says."""
    device_secret: str
    app: Flask

    def fresh_code(self) -> str:
        """Return what the member's phone shows now."""
        key = self.installation.settings.signing_key
        return issue_code(key, self.member.card_ref, datetime.now(UTC)).text

    def count_purchases(self) -> int:
        """Return how many sales the counter has recorded."""
        with self.committed.sessions() as session:
            counted = select(func.count()).where(Purchase.idempotency_key.like("till:%"))
            return session.scalars(counted).one()


@pytest.fixture
def shop(committed: Committed) -> Iterator[Shop]:
    """Yield a shop that a browser can visit."""
    committed.maker.now = utc_now()
    with committed.sessions.begin() as session:
        staff = committed.maker.staff(session)
        member = committed.maker.member(session, name="王小明", points=128, spend_twd=4_800)
        template = get_template(session, "welcome")
        coupon = issue_coupon(session, member.id, template, issue_key="w", now=utc_now())
        assert coupon is not None
        coupon_text = qr_text(coupon.code)
        store = committed.maker.store(session)
        _, secret = enrol_device(session, "櫃台平板", store, by=None, now=utc_now())
    with served(committed) as counter:
        yield Shop(
            address=counter.address,
            installation=counter.installation,
            committed=committed,
            staff=staff,
            member=member,
            coupon_text=coupon_text,
            device_secret=secret,
            app=counter.app,
        )


def log_in(page: Page, shop: Shop, *, name: str | None = None) -> None:
    """Sign in on the shop's tablet: tap a name, type the PIN."""
    url = f"{shop.address}{DEVICE_COOKIE_PATH}"
    page.context.add_cookies([{"name": DEVICE_COOKIE, "value": shop.device_secret, "url": url}])
    visit(page, f"{shop.address}/clerk/login")
    page.click(f".tile:has-text('{name or shop.staff.name}')")
    page.fill("[name=pin]", STAFF_PIN)
    page.press("[name=pin]", "Enter")
    expect(page.locator("[data-view=scan]")).to_be_visible()


def press(page: Page, keys: str) -> None:
    """Press the big keys, and wait until our script has taken their form over."""
    for key in keys:
        page.click(f"[data-key='{key}']")
    expect(page.locator(".htmx-added")).to_have_count(0)


def test_a_clerk_serves_a_customer(open_page: OpenPage, shop: Shop, screenshot: Screenshot) -> None:
    page = open_page(f"{shop.address}/clerk")
    log_in(page, shop)
    screenshot(page, "clerk-scan")
    scan(page, shop.fresh_code())
    expect(page.locator(".who-name")).to_have_text("王○明")
    press(page, "450")
    page.locator(".coupon input").check(force=True)
    expect(page.locator("#preview")).to_contain_text("應付 NT$420")
    expect(page.locator("#preview")).to_contain_text("將升等 銀卡會員")
    screenshot(page, "clerk-amount")
    page.click("#confirm")
    expect(page.locator("[data-view=result]")).to_contain_text("恭喜升等 銀卡會員")
    expect(page.locator("[data-view=result]")).to_contain_text("目前共 132 點")
    screenshot(page, "clerk-result")
    page.keyboard.press("Enter")
    expect(page.locator("[data-view=scan]")).to_be_visible()
    assert shop.count_purchases() == 1


def test_digits_typed_after_ticking_a_coupon_are_the_amount(
    open_page: OpenPage, shop: Shop
) -> None:
    page = open_page(f"{shop.address}/clerk")
    log_in(page, shop)
    scan(page, shop.fresh_code())
    page.locator(".coupon input").check(force=True)
    page.keyboard.type("459", delay=HAND_MS)
    page.keyboard.press("Backspace")
    page.keyboard.type("0")
    expect(page.locator("#amount")).to_have_value("450")
    page.locator(".coupon input").focus()
    reach_for_it(page)
    scan(page, shop.fresh_code())
    expect(page.locator("#amount")).to_have_value("450")
    expect(page.locator(".coupon input")).to_be_checked()  # The same customer: nothing is lost.


def test_points_pay_by_the_big_keys_and_the_sale_is_taken_back(
    open_page: OpenPage, shop: Shop, screenshot: Screenshot
) -> None:
    page = open_page(f"{shop.address}/clerk")
    log_in(page, shop)
    scan(page, shop.fresh_code())
    press(page, "450")
    page.click("#points")
    press(page, "50")
    expect(page.locator("#preview")).to_contain_text("應付 NT$400")
    expect(page.locator("#amount")).to_have_value("450")
    page.click("#confirm")
    expect(page.locator("[data-view=result]")).to_contain_text("點數折抵 50 點")
    page.click(".more-links a")
    page.check("input[value=mistyped]")
    screenshot(page, "clerk-purchase")
    page.click(".refund-form [type=submit]")
    expect(page.locator("[data-view=refund-check]")).to_contain_text("82 → 128")
    screenshot(page, "clerk-refund-check")
    page.click(".refund-form [type=submit]")
    expect(page.locator("[data-view=refunded]")).to_contain_text("NT$400")
    page.keyboard.press("Escape")
    expect(page.locator("[data-view=scan]")).to_be_visible()


def test_a_short_coupon_code_is_heard_from_any_page(
    open_page: OpenPage, shop: Shop, screenshot: Screenshot
) -> None:
    page = open_page(f"{shop.address}/clerk/join")
    log_in(page, shop)
    visit(page, f"{shop.address}/clerk/join")
    reach_for_it(page)
    scan(page, shop.coupon_text)
    expect(page.locator("[data-view=coupon]")).to_contain_text("王○明")
    screenshot(page, "clerk-coupon")


def test_a_scanner_is_heard_through_an_input_method(open_page: OpenPage, shop: Shop) -> None:
    page = open_page(f"{shop.address}/clerk")
    log_in(page, shop)
    page.evaluate(
        """(code) => {
            const type = (init) => document.activeElement.dispatchEvent(
                new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init }));
            for (const character of code)
                type({ key: "Process", code: (character < "A" ? "Digit" : "Key") + character });
            type({ key: "Enter", code: "Enter" });
        }""",
        shop.fresh_code(),
    )
    expect(page.locator(".who-name")).to_have_text("王○明")


def test_the_next_customers_scan_does_not_touch_the_amount(open_page: OpenPage, shop: Shop) -> None:
    page = open_page(f"{shop.address}/clerk")
    log_in(page, shop)
    scan(page, shop.fresh_code())
    expect(page.locator(".who-name")).to_be_visible()
    press(page, "65+80")
    scan(page, "https://example.com/a/menu/of/some/other/shop/1234567")
    expect(page.locator("#notice")).to_contain_text("這不是我們的會員條碼")
    expect(page.locator("#amount")).to_have_value("65+80")
    scan(page, shop.fresh_code())
    expect(page.locator("#notice")).to_be_empty()
    expect(page.locator("#amount")).to_have_value("65+80")
    assert shop.count_purchases() == 0


def test_a_scanner_that_stumbles_is_heard_whole(open_page: OpenPage, shop: Shop) -> None:
    """A busy tablet, bad radio: what began as no hand can type may stand still for a moment."""
    page = open_page(f"{shop.address}/clerk")
    log_in(page, shop)
    scan(page, shop.fresh_code(), stumbles={10: 1.5, 25: 0.9})
    expect(page.locator(".who-name")).to_be_visible()
    page.keyboard.type("4590", delay=HAND_MS)
    reach_for_it(page)  # A hand's keys before a scan are not of it,
    scan(page, shop.coupon_text, stumbles={14: 1.0})
    expect(page.locator("[name=coupon]")).to_be_checked()
    expect(page.locator("#amount")).to_have_value("4590")
    page.evaluate("""() => {
        const init = { key: "0", code: "Digit0", bubbles: true, repeat: true };
        for (let times = 0; times < 9; times += 1)
            document.activeElement.dispatchEvent(new KeyboardEvent("keydown", init));
    }""")
    scan(page, "/ABC+12.")  # nor are those of a key held down.
    expect(page.locator("#carrier .carrier-text")).to_have_text("/ABC+12.")


def test_a_field_that_takes_no_whole_scan_keeps_what_was_typed(
    open_page: OpenPage, shop: Shop
) -> None:
    page = open_page(f"{shop.address}/clerk")
    log_in(page, shop)
    scan(page, shop.fresh_code())
    page.click(".items > summary")
    page.click("[data-add-item]")
    name = page.locator("#item-rows [name=line_name]")
    name.fill("加料")
    reach_for_it(page)
    scan(page, shop.fresh_code(), stumbles={40: 1.5})
    expect(name).to_have_value("加料")


def test_without_a_network_a_confirm_waits_on_the_device_and_is_recorded_once(
    open_page: OpenPage, shop: Shop
) -> None:
    page = open_page(f"{shop.address}/clerk")
    log_in(page, shop)
    page.fill("#code", shop.member.number)
    page.press("#code", "Enter")
    expect(page.locator(".who-name")).to_be_visible()
    expect(page.locator(".htmx-added")).to_have_count(0)  # Our script has taken the form over.
    page.keyboard.type("１２０")
    page.click("#confirm")
    expect(page.locator("#notice")).to_contain_text("請先核對姓名")
    page.check("[name=name_checked]")
    page.context.set_offline(True)
    page.click("#confirm")
    expect(page.locator("[data-view=offline-done]")).to_contain_text("NT$120")
    expect(page.locator("#offline-count b")).to_have_text("1")
    page.context.set_offline(False)
    expect(page.locator("#offline-count")).to_be_hidden()
    assert shop.count_purchases() == 1


def test_a_login_that_ended_is_renewed_in_place(open_page: OpenPage, shop: Shop) -> None:
    page = open_page(f"{shop.address}/clerk", width=1280, height=900)
    log_in(page, shop)
    scan(page, shop.fresh_code())
    expect(page.locator(".who-name")).to_be_visible()
    expect(page.locator(".htmx-added")).to_have_count(0)  # Our script has taken the form over.
    page.keyboard.type("300")
    expect(page.locator("#preview")).to_contain_text("應付 NT$300")  # No answer is on its way
    page.context.clear_cookies(name="session")  # that would bring the session back.
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("登入已過期")
    page.select_option(".again [name=person]", str(shop.staff.id))
    page.fill(".again [name=pin]", STAFF_PIN)
    page.press(".again [name=pin]", "Enter")
    expect(page.locator("#notice")).to_contain_text("已重新登入")
    page.click("#confirm")
    expect(page.locator("[data-view=result]")).to_contain_text("NT$300")


def compressed(answer: Response) -> int:
    return len(gzip.compress(answer.body()))


def test_the_first_load_is_light_and_leaves_the_camera_code_alone(
    open_page: OpenPage, shop: Shop
) -> None:
    page = open_page(f"{shop.address}/clerk/login")
    log_in(page, shop)
    loaded: dict[str, int] = {}
    page.on("response", lambda answer: loaded.update({answer.url: compressed(answer)}))
    page.reload(wait_until="networkidle")
    assert loaded
    assert not [url for url in loaded if "camera" in url or "wasm" in url]
    assert all(url.startswith(shop.address) for url in loaded)
    assert sum(loaded.values()) < MOST_BYTES_AT_FIRST, loaded


def test_without_scripts_a_sale_is_recorded(browser: Browser, shop: Shop) -> None:
    context = browser.new_context(java_script_enabled=False, locale="zh-TW")
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    visit(page, f"{shop.address}/clerk")
    log_in(page, shop)
    page.fill("#code", shop.fresh_code())
    page.press("#code", "Enter")
    expect(page.locator(".keypad")).to_be_hidden()
    page.fill("#amount", "80")
    page.click("#confirm")
    expect(page.locator("[data-view=result]")).to_contain_text("NT$80")
    page.click("[data-next]")
    expect(page.locator("[data-view=scan]")).to_be_visible()
    context.close()
    assert shop.count_purchases() == 1


def film(code: str, path: Path) -> None:
    """Write what a camera sees of a phone's screen: a QR code, as a film of JPEG pictures."""
    qr = Image.open(io.BytesIO(draw_qr(code))).convert("L").resize((560, 560))
    picture = Image.new("L", CAMERA_PICTURE, 90)
    picture.paste(qr, (360, 80))
    frame = io.BytesIO()
    picture.convert("RGB").save(frame, "JPEG", quality=85)
    path.write_bytes(frame.getvalue() * CAMERA_FRAMES)


def open_with_camera(browser: Browser, *arguments: str) -> Browser:
    """Start another Chromium, with these arguments about its camera."""
    return browser.browser_type.launch(
        executable_path=find_chromium(), args=[*CHROMIUM_ARGUMENTS, *arguments]
    )


def test_the_camera_reads_the_code(browser: Browser, shop: Shop, tmp_path: Path) -> None:
    path = tmp_path / "phone.mjpeg"
    chromium = open_with_camera(
        browser, "--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={path}"
    )
    context = chromium.new_context(
        viewport={"width": 390, "height": 844}, locale="zh-TW", permissions=["camera"]
    )
    context.set_default_timeout(WAIT_MS)
    context.add_init_script(PATIENCE)
    page = context.new_page()
    visit(page, f"{shop.address}/clerk")
    log_in(page, shop)
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    film(shop.fresh_code(), path)  # Only now, for a code does not last long.
    page.click("[data-open-camera]")
    expect(page.locator(".who-name")).to_have_text("王○明")
    expect(page.locator("#camera")).to_be_hidden()
    chromium.close()
    assert [url for url in fetched if url.endswith(".wasm")]
    assert all(url.startswith(shop.address) for url in fetched)


def test_a_device_without_a_camera_says_what_to_do(open_page: OpenPage, shop: Shop) -> None:
    page = open_page(f"{shop.address}/clerk")
    log_in(page, shop)
    page.click("[data-open-camera]")
    expect(page.locator("#notice .notice")).to_contain_text("相機")
    expect(page.locator("#camera")).to_be_hidden()

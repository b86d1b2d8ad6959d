"""The counter's door in a real browser: enrolment, the PIN's keys, the lock over an open page."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from models.shop import get_shop
from models.staff import Staff
from tests.browser import test_clerk_page
from tests.browser.conftest import WAIT_MS, OpenPage, Screenshot, visit
from tests.browser.scanner import scan
from tests.browser.test_clerk_page import Shop, log_in
from tests.conftest import STAFF_PASSWORD, STAFF_PIN

shop = test_clerk_page.shop
DESKTOP = {"width": 1280, "height": 800}
CLOCK_LEAP_SECONDS = 60
"""A page's clock is stopped so far ahead that it has not come there by itself."""

pytestmark = pytest.mark.browser


def press_pin(page: Page, pin: str) -> None:
    """Press the PIN's big keys and the one that sends it."""
    for digit in pin:
        page.click(f"[data-pad] [data-digit='{digit}']:visible")
    page.click(".pad-go:visible")


def add_manager(shop: Shop) -> Staff:
    """Add a manager to the shop."""
    with shop.committed.sessions.begin() as session:
        return shop.committed.maker.staff(session, "manager", name="林店長")


def lock_by_hand(page: Page) -> None:
    """Lock the page from its menu."""
    page.click(".menu summary")
    page.click("text=鎖定")
    expect(page.locator("#lock")).to_be_visible()


def let_rest(page: Page, minutes: int) -> None:
    """Let the page's clock run on while nobody touches it."""
    page.clock.fast_forward(minutes * 60 * 1000)


def scan_in_no_time(page: Page, code: str) -> None:
    """Scan where a page's clock is ours: it dates the keys too, so it stands still meanwhile."""
    now_ms = page.evaluate("Date.now()")
    page.clock.pause_at(datetime.fromtimestamp(now_ms / 1000 + CLOCK_LEAP_SECONDS, UTC))
    scan(page, code)
    page.clock.resume()


def test_a_manager_enrols_a_tablet_and_a_colleague_signs_in_with_one_hand(
    open_page: OpenPage, shop: Shop, screenshot: Screenshot
) -> None:
    """U6: password to enrol, then names and big keys."""
    manager = add_manager(shop)
    page = open_page(f"{shop.address}/clerk")
    screenshot(page, "door-unknown")
    page.fill("#username", manager.username)
    page.fill("#password", STAFF_PASSWORD)
    page.click("main button.primary")
    page.fill("#device-name", "櫃台平板")
    screenshot(page, "door-enrol")
    page.click("main button.primary")
    expect(page.locator("[data-view=scan]")).to_be_visible()
    page.click(".menu summary")
    screenshot(page, "door-menu")
    page.click("text=登出")
    expect(page.locator(".signed-out")).to_contain_text("林店長，辛苦了")
    screenshot(page, "door-signed-out")
    page.click("text=下一位登入")
    screenshot(page, "door-tiles")
    page.click(f".tile:has-text('{shop.staff.name}')")
    press_pin(page, "0001")
    expect(page.locator("#notice")).to_contain_text("還可以再試 4 次")
    screenshot(page, "door-wrong-pin")
    press_pin(page, STAFF_PIN)
    expect(page.locator("[data-view=scan]")).to_be_visible()


def test_a_page_left_alone_is_covered_and_opens_as_it_was(
    open_page: OpenPage, shop: Shop, screenshot: Screenshot
) -> None:
    """U6: after five minutes the lock covers the sale; the PIN brings it back as typed."""
    page = open_page("about:blank", width=390, height=844)
    page.clock.install()
    log_in(page, shop)
    page.wait_for_load_state("networkidle")  # A leap of time would cut a request off.
    scan_in_no_time(page, shop.fresh_code())
    expect(page.locator(".who-name")).to_be_visible()
    expect(page.locator(".htmx-added")).to_have_count(0)  # Our script has taken the form over.
    page.locator("#amount").fill("450")
    expect(page.locator("#preview")).to_contain_text("NT$450")
    let_rest(page, 4)
    expect(page.locator("#lock")).to_be_hidden()
    let_rest(page, 2)
    expect(page.locator("#lock")).to_be_visible()
    expect(page.locator("#lock [name=pin]")).to_be_focused()
    screenshot(page, "door-lock")
    page.keyboard.press("Escape")
    scan_in_no_time(page, shop.fresh_code())
    expect(page.locator("#lock")).to_be_visible()
    press_pin(page, "0001")
    expect(page.locator(".lock-notice")).to_contain_text("PIN 不對")
    page.keyboard.type(STAFF_PIN)
    page.keyboard.press("Enter")
    expect(page.locator("#lock")).to_be_hidden()
    expect(page.locator("#amount")).to_have_value("450")
    page.click("#confirm")
    expect(page.locator("[data-view=result]")).to_contain_text("NT$450")


def test_a_session_the_server_locked_is_opened_in_place(open_page: OpenPage, shop: Shop) -> None:
    """U6: the server keeps its own time; the form goes on after the PIN."""
    page = open_page("about:blank", **DESKTOP)
    log_in(page, shop)
    scan(page, shop.fresh_code())
    expect(page.locator(".who-name")).to_be_visible()
    expect(page.locator(".htmx-added")).to_have_count(0)
    page.keyboard.type("300")
    expect(page.locator("#preview")).to_contain_text("應付 NT$300")  # No answer is on its way
    page.request.get(
        f"{shop.address}/clerk"
    )  # that would open it. Another window of this browser …
    token = page.locator("#lock [name=csrf_token]").input_value()
    page.request.post(  # … locks the session they share.
        f"{shop.address}/clerk/lock", form={"csrf_token": token}, max_redirects=0
    )
    page.keyboard.press("Enter")
    expect(page.locator("#notice")).to_contain_text("櫃台已鎖定")
    page.fill(".again [name=pin]", STAFF_PIN)
    page.press(".again [name=pin]", "Enter")
    expect(page.locator("#notice")).to_contain_text("已重新登入")
    page.click("#confirm")
    expect(page.locator("[data-view=result]")).to_contain_text("NT$300")


def test_without_a_network_the_page_stays_open(open_page: OpenPage, shop: Shop) -> None:
    """X7: a queue does not stand still because nobody can check a PIN."""
    page = open_page("about:blank")
    page.clock.install()
    log_in(page, shop)
    page.context.set_offline(True)
    expect(page.locator("[data-view=offline-scan]")).to_be_visible()
    let_rest(page, 20)
    expect(page.locator("#lock")).to_be_hidden()
    page.context.set_offline(False)
    expect(page.locator("[data-view=scan]")).to_be_visible()  # The server's own page is back:
    page.wait_for_load_state("networkidle")  # from here on it rests.
    expect(page.locator("#lock")).to_be_hidden()
    let_rest(page, 6)
    expect(page.locator("#lock")).to_be_visible()


def test_who_is_quicker_than_the_lock_is_not_undone_by_it(
    open_page: OpenPage, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """U6: on a slow network the server locks a while after the page did."""
    may_lock, serve = threading.Event(), shop.app.wsgi_app

    def serve_slowly(environ: Any, start: Any) -> Any:
        if environ["PATH_INFO"] == "/clerk/lock":
            assert may_lock.wait(WAIT_MS / 1000)
        return serve(environ, start)

    monkeypatch.setattr(shop.app, "wsgi_app", serve_slowly)
    page = open_page("about:blank")
    log_in(page, shop)
    lock_by_hand(page)
    press_pin(page, STAFF_PIN)
    may_lock.set()
    expect(page.locator("#lock")).to_be_hidden()
    page.reload()
    expect(page.locator("[data-view=scan]")).to_be_visible()
    may_lock.clear()
    lock_by_hand(page)
    page.click("#lock >> text=換人")
    may_lock.set()
    expect(page.locator(f".tile:has-text('{shop.staff.name}')")).to_be_visible()


def test_people_change_with_one_tap_from_the_lock(open_page: OpenPage, shop: Shop) -> None:
    """U6: whoever stands there now picks their name."""
    manager = add_manager(shop)
    page = open_page("about:blank")
    log_in(page, shop)
    lock_by_hand(page)
    page.click("#lock >> text=換人")
    page.click(f".tile:has-text('{manager.name}')")
    press_pin(page, STAFF_PIN)
    expect(page.locator("[data-view=scan]")).to_be_visible()
    page.click(".menu summary")
    expect(page.locator(".menu-who")).to_contain_text(manager.name)


def test_a_manager_looks_after_people_and_devices(
    open_page: OpenPage, shop: Shop, screenshot: Screenshot
) -> None:
    """U6: PINs, roles, access and tablets on two pages, phone and desktop."""
    add_manager(shop)
    with shop.committed.sessions.begin() as session:
        shop.committed.maker.staff(session, name="阿哲", store="TC01", pin_hash=None)
        get_shop(session).lock_minutes = 5
    for place, size in {"phone": {}, "desktop": DESKTOP}.items():
        page = open_page("about:blank", **size)
        log_in(page, shop, name="林店長")
        visit(page, f"{shop.address}/clerk/people")
        page.locator("li", has_text="阿哲").get_by_text("重設 PIN").click()
        expect(page.locator(".code-ticket")).to_contain_text("阿哲 的臨時 PIN")
        screenshot(page, f"door-people-{place}")
        visit(page, f"{shop.address}/clerk/devices")
        page.click("text=啟用另一台裝置")
        page.click("text=產生啟用碼")
        expect(page.locator(".code-ticket")).to_contain_text("只能用一次")
        screenshot(page, f"door-devices-{place}")
        visit(page, f"{shop.address}/clerk/my-pin")
        screenshot(page, f"door-my-pin-{place}")

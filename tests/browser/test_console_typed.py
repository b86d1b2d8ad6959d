"""What was typed is not lost where a login ends in the middle of a form."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, visit
from tests.browser.serving import served
from tests.conftest import NOON, STAFF_PASSWORD, Committed

pytestmark = pytest.mark.browser
WORDS = "補上週五的點數"


def log_in(page: Page) -> None:
    page.fill("#f-username", "lin")
    page.fill("#f-password", STAFF_PASSWORD)
    page.locator("main form button[type=submit]").first.click()


def test_words_come_back_after_a_login_that_ended_and_only_once(
    committed: Committed, open_page: OpenPage
) -> None:
    """The login leads back to the page, whose form holds the words; opened again it is empty."""
    with committed.sessions.begin() as session:
        committed.maker.staff(session, "manager", username="lin")
        number = committed.maker.member(session).number
    with served(committed, clock=lambda: NOON + timedelta(hours=2)) as office:
        page = open_page(f"{office.address}/console/login")
        log_in(page)
        page.wait_for_url("**/console/")
        there = f"{office.address}/console/members/{number}/points"
        visit(page, there)
        reason = page.locator("[name=reason]")
        page.fill("[name=points]", "25")
        reason.fill(WORDS)
        page.context.clear_cookies()
        page.get_by_role("button", name="看看會怎樣").click()
        expect(page.locator("main")).to_contain_text("登入已過期")
        page.clock.install(time=NOON)
        page.clock.pause_at(NOON + timedelta(hours=3))  # A word at the edge stays to be read.
        log_in(page)
        expect(reason).to_have_value(WORDS)
        expect(page.locator("[name=points]")).to_have_value("25")
        expect(page.locator("#toasts")).to_contain_text("已放回")
        visit(page, there)
        expect(reason).to_have_value("")

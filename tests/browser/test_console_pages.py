"""Every reading page of the console in a real browser: axe, phone width, an unbroken policy.

The demo shop with its figures prepared, seen by its owner: on a phone in the dark, at a desk in
the light. axe-core finds nothing serious, no page is wider than its window, no script fails, and
nothing breaks the pages' Content-Security-Policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from models.campaign import Campaign
from models.member import Member
from tests.browser.conftest import ROOT, WAIT_MS, visit
from tests.browser.console_pages import PAGES
from tests.browser.serving import Served, served_demo

AXE = (ROOT / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
FIND_SERIOUS = """axe.run(document, {resultTypes: ["violations"]}).then(({violations}) => violations
    .filter(({impact}) => ["serious", "critical"].includes(impact))
    .map(({id, nodes}) => id + ": " + nodes.slice(0, 3).map((node) => node.target.join(" "))))"""
UNDER_WAY = ".htmx-request, .htmx-swapping, .htmx-added, .htmx-settling"
ASK_NO_MORE = """document.addEventListener(
    "htmx:beforeRequest", (event) => event.preventDefault(), {capture: true})"""
FADE_IN = """document.fonts.ready.then(() => document.getAnimations()
    .filter(({effect}) => Number.isFinite(effect.getComputedTiming().endTime))
    .forEach((animation) => animation.finish()))"""
WIDTH_NOW = "document.documentElement.scrollWidth"
Theme = Literal["light", "dark"]

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def shop(server_url: str, pristine_demo: str) -> Iterator[Served]:
    with served_demo(server_url, pristine_demo) as office:
        yield office


def pages_of(shop: Served) -> list[str]:
    """Return the fixed pages, and those of one member and of one campaign that was sent."""
    with shop.installation.sessions() as session:
        number = session.scalars(select(Member.number).order_by(Member.id).limit(1)).one()
        code = session.scalars(select(Campaign.code).order_by(Campaign.id).limit(1)).one()
    member, campaign = f"/console/members/{number}", f"/console/campaigns/{code}"
    return [*PAGES, member, f"{member}/segments", campaign, f"{campaign}/results"]


def log_in(page: Page, address: str) -> None:
    """Log in as the demo's owner."""
    visit(page, f"{address}/console/login")
    page.fill("#f-username", "owner")
    page.fill("#f-password", "tea-owner-1")
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url("**/console/")


@pytest.mark.parametrize(("turn", "width", "theme"), [(0, 390, "dark"), (1, 1280, "light")])
def test_every_page_is_for_everybody(
    browser: Browser, shop: Served, turn: int, width: int, theme: Theme
) -> None:
    """Each page once, in one of its two looks; all in all looks below."""
    pages = pages_of(shop)[turn::2]

    assert walk(browser, shop, pages, width, theme) == {}


@pytest.mark.faults
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_every_page_is_for_everybody_in_every_look(
    browser: Browser, shop: Served, width: int, theme: Theme
) -> None:
    assert walk(browser, shop, pages_of(shop), width, theme) == {}


def walk(
    browser: Browser, shop: Served, paths: list[str], width: int, theme: Theme
) -> dict[str, list[str]]:
    """Open pages one after the other and return what is wrong, by page."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=theme,
        locale="zh-TW",
        reduced_motion="reduce",
    )
    context.set_default_timeout(WAIT_MS)
    complaints: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda told: complaints.append(told.text) if told.type == "error" else None)
    log_in(page, shop.address)
    wrong: dict[str, list[str]] = {}
    for path in paths:
        found = faults_of(page, shop.address, path, width)
        if found or complaints:
            wrong[path] = [*found, *complaints]
        complaints.clear()
    context.close()
    return wrong


def faults_of(page: Page, address: str, path: str, width: int) -> list[str]:
    """Open a page and return what is wrong with it."""
    answer = page.goto(f"{address}{path}")
    if answer is None or answer.status != 200:
        return [f"status {answer.status if answer else None}"]
    if page.locator("[data-chart]").count():
        page.locator("[data-chart] svg").first.wait_for(state="attached")
    come_to_rest(page)
    page.evaluate(AXE)
    found: list[str] = page.evaluate(FIND_SERIOUS)
    wide = page.evaluate(WIDTH_NOW)
    return [*found, *([f"{wide} pixels wide"] if wide > width else [])]


def come_to_rest(page: Page) -> None:
    """Wait for what was asked, and let the page ask no more: until it has come, colours are pale.

    What fades in has faded in; what spins goes on.
    """
    expect(page.locator(UNDER_WAY)).to_have_count(0)
    page.evaluate(ASK_NO_MORE)
    expect(page.locator(UNDER_WAY)).to_have_count(0)
    page.evaluate(FADE_IN)

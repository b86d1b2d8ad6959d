"""An owner designs tiers on the shop's own data, simulates them, and publishes for next month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import delete, func, select

from jobs.nightly import evaluate_tiers
from jobs.prepare_figures import prepare_figures
from models.analysis.figures import DESIGN, HEALTH
from models.local_day import day_start
from models.prepared import PreparedFigure, want
from models.tier import TierChange, list_versions
from tests.browser.conftest import OpenPage, Screenshot
from tests.browser.serving import served
from tests.conftest import NOON, Committed

DESK = {"width": 1280, "height": 900}
NEXT_MONTH = date(2026, 12, 1)

pytestmark = pytest.mark.browser


@dataclass
class Office:
    """The demo shop, served to a browser; its worker works when it is told to."""

    address: str
    committed: Committed

    def work(self) -> None:
        """Make the figures that pages wait for."""
        prepare_figures(self.committed.sessions, lambda: NOON)


@pytest.fixture
def office(committed_demo: Committed) -> Iterator[Office]:
    """Yield the demo shop as of NOON, with the figures of its last night."""
    with committed_demo.sessions.begin() as session:
        session.execute(delete(PreparedFigure))  # What other pages show takes its time.
        for figure in (HEALTH, DESIGN):
            want(session, figure, None, NOON)
    prepare_figures(committed_demo.sessions, lambda: NOON)
    with served(committed_demo, clock=lambda: NOON, demo=True) as shown:
        yield Office(shown.address, committed_demo)


def test_an_owner_designs_simulates_and_publishes_tiers(
    open_page: OpenPage, office: Office, screenshot: Screenshot
) -> None:
    """X3, X4, E-20, U17: from the shop's own figures to rules in force next month."""
    page = open_page(f"{office.address}/console/login", **DESK)
    page.fill("#f-username", "owner")
    page.fill("#f-password", "tea-owner-1")
    page.locator("main form button[type=submit]").first.click()
    the_designer_proposes_thresholds(page, screenshot)
    a_proposal_is_written_and_checked(page)
    whom_it_hits_is_counted(page, office)
    two_years_are_replayed(page, office, screenshot)
    it_is_published_for_next_month(page, screenshot)
    the_night_of_that_day_follows_it(office)


def the_designer_proposes_thresholds(page: Page, screenshot: Screenshot) -> None:
    """Look at what the shop's own baskets, repeats and silences propose."""
    page.get_by_role("link", name="會員制度").click()
    expect(page.get_by_role("heading", name="現行等級")).to_be_visible()
    page.get_by_role("link", name="門檻設計").first.click()
    expect(page.locator("#thresholds")).to_contain_text("第一個門檻")
    expect(page.locator("[data-chart=trend] svg").first).to_be_visible()
    screenshot(page, "owner-1-designer")


def a_proposal_is_written_and_checked(page: Page) -> None:
    """Begin with the proposed thresholds, change one, and be told what is wrong and unwise."""
    page.get_by_role("link", name="用這些門檻起草").click()
    expect(page.locator("#check")).to_contain_text("請寫修改原因")
    page.fill("[name=name]", "十二月新規則")
    page.fill("[name=threshold_silver]", "6,000")
    page.fill("[name=threshold_gold]", "12,000")
    page.fill("[name=grace_days]", "14")
    page.fill("[name=note]", "客單價提高，門檻跟著調整")
    page.press("[name=note]", "Tab")  # A field is checked once it is left.
    expect(page.locator("#check")).not_to_contain_text("請寫修改原因")
    expect(page.locator("#check")).to_contain_text("近 365 天消費 NT$12,000，門檻 NT$12,000")
    page.get_by_role("button", name="儲存提案").click()
    expect(page.locator("h1")).to_have_text("十二月新規則")


def whom_it_hits_is_counted(page: Page, office: Office) -> None:
    """Who would move on the first day is counted unasked; the page shows it once it is."""
    expect(page.locator("#hits")).to_contain_text("計算中")
    office.work()
    expect(page.locator("#hits")).to_contain_text("立即升級")
    expect(page.locator("#hits a.people").first).to_be_visible()


def two_years_are_replayed(page: Page, office: Office, screenshot: Screenshot) -> None:
    """Simulate, read who moves and what it costs, and open the people behind a number."""
    page.get_by_role("button", name="開始試算").click()
    expect(page.locator(".prepared")).to_contain_text("計算中")
    office.work()
    expect(page.locator("main")).to_contain_text("100.0%")
    expect(page.locator("main")).to_contain_text("點數負債")
    screenshot(page, "owner-2-simulation")
    page.locator("a.people").first.click()
    expect(page.locator(".list-group-item").first).to_contain_text("近 365 天")
    page.go_back()


def it_is_published_for_next_month(page: Page, screenshot: Screenshot) -> None:
    """See the whole effect on one page, tick that it was seen, publish."""
    page.get_by_role("link", name="看總影響並發布").click()
    expect(page.locator("main")).to_contain_text("點數負債從")
    page.get_by_label("我看過受影響的會員").check()
    screenshot(page, "owner-3-publish")
    page.get_by_role("button", name="發布").click()
    expect(page.locator("#notices")).to_contain_text("已發布")
    expect(page.locator("main")).to_contain_text("即將生效")


def the_night_of_that_day_follows_it(office: Office) -> None:
    """Do the night of the day: who reached a lower threshold is lifted."""
    sessions = office.committed.sessions
    night = day_start(NEXT_MONTH) + timedelta(minutes=10)
    lifted = select(func.count()).where(TierChange.changed_at >= night)
    evaluate_tiers(sessions, now=night)
    with sessions() as session:
        newest = list_versions(session)[-1]
        assert (newest.effective_on, newest.created_by) == (NEXT_MONTH, "owner")
        assert session.scalar(lifted)

"""The editor of journeys and the calendar in a browser: what only dragging can show."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from models.campaign import get_campaign
from models.journey import add_journey, definition_of, get_version, parse_definition
from models.local_day import TAIPEI
from tests.browser.conftest import OpenPage, visit
from tests.browser.serving import Served, served
from tests.conftest import NOON, STAFF_PASSWORD, Committed
from tests.models.campaign_shop import open_office
from tests.models.journey_shop import send, wait, written
from tests.models.test_outreach_plan import schedule

TEN = datetime(2026, 11, 24, 10, 0, tzinfo=TAIPEI)
DESK: ViewportSize = {"width": 1280, "height": 900}
MOST_NUDGES = 200
"""A hand moves on until the others have made room."""
CARE = [wait("week", "care"), send("care", words="{name}，好嗎？")]

pytestmark = pytest.mark.browser


@pytest.fixture
def shop(committed: Committed) -> Iterator[Served]:
    """Serve a shop with a journey and a campaign that is scheduled."""
    with committed.sessions.begin() as session:
        open_office(session)
        committed.maker.staff(session, "manager", username="lin")
        committed.maker.member(session)
        add_journey(
            session,
            "care",
            {"zh-TW": "購後關懷"},
            parse_definition(written(CARE)),
            by="林",
            now=NOON,
        )
        schedule(session, "tea", TEN)
    with served(committed, clock=lambda: NOON) as office:
        yield office


def test_steps_and_campaigns_are_dragged(
    shop: Served, committed: Committed, open_page: OpenPage
) -> None:
    """B-16, X9: from the palette into a way, a step to another place, a campaign to a day."""
    page = open_page(f"{shop.address}/console/login")
    page.set_viewport_size(DESK)
    page.fill("#f-username", "lin")
    page.fill("#f-password", STAFF_PASSWORD)
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url("**/console/")

    visit(page, f"{shop.address}/console/journeys/care/edit")
    flow = page.locator("#editor .flow").first
    between = flow.locator("[data-id=week] ~ [data-do=task] ~ [data-id=care]")
    drag(page, page.locator("[data-do=task]"), flow.locator("[data-id=care]"), between)
    page.get_by_label("要店員做什麼（繁體中文）").fill("打電話問好")
    page.get_by_role("button", name="套用到草稿").click()
    expect(flow.locator("[data-id=task_1]")).to_contain_text("打電話問好")
    grip = flow.locator("[data-id=care] .flow-grip")
    first = flow.locator("[data-id=care] ~ [data-id=week]")
    drag(page, grip, flow.locator("[data-id=week]"), first)
    expect(page.locator("#step-title")).to_contain_text("care")
    expect(flow.locator(".flow-step").first).to_contain_text("{name}，好嗎？")
    page.get_by_role("button", name="復原上一個改動").click()
    expect(flow.locator(".flow-step").first).to_contain_text("等 3 天")
    flow.locator("[data-id=week] .flow-line").click()
    page.get_by_label("等到什麼時候").select_option("time")
    expect(page.get_by_label("天", exact=True)).to_be_hidden()
    page.get_by_role("link", name="檢查並發布").click()
    page.get_by_role("button", name="存成第 2 版").click()
    expect(page.locator("main")).to_contain_text("已存成第 2 版")
    with committed.sessions() as session:
        steps = definition_of(get_version(session, "care")).steps
        assert list(steps) == ["week", "task_1", "care"]

    visit(page, f"{shop.address}/console/calendar")
    days = page.locator(".month-day")
    entry = days.filter(has_text="冬日第二杯").locator("[data-move]")
    friday = page.locator("[data-day='2026-11-27'] .month-entries")
    drag(page, entry, friday, friday.locator("[data-move]"))
    page.wait_for_url("**/console/calendar/campaigns/tea/move?day=2026-11-27")
    page.get_by_role("button", name="移到 11/27（五）").click()
    page.wait_for_url("**/console/calendar/day/2026-11-27")
    with committed.sessions() as session:
        assert get_campaign(session, "tea").next_slot_at == TEN + timedelta(days=3)


def drag(page: Page, what: Locator, where: Locator, there: Locator) -> None:
    """Drag something with the mouse onto the upper part of something else until it is `there`.

    What was swapped in can be dragged once it has settled; a short while before it can be seen.
    """
    expect(page.locator(".htmx-request, .htmx-added, .htmx-settling")).to_have_count(0)
    what.scroll_into_view_if_needed()
    start, end = what.bounding_box(), where.bounding_box()
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
    page.mouse.down()
    for nudge in range(MOST_NUDGES):
        page.mouse.move(end["x"] + end["width"] / 2, end["y"] + nudge % 2 * 8, steps=8)
        if there.count():
            break
    page.mouse.up()

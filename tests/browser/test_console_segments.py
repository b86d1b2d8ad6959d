"""The rule builder and the grid of RFM in a browser: what only their script can do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from models.classification import rebuild_classes
from models.segment.keeping import get_version
from models.segment.opening import cells_rule
from models.segment.table import Segment
from tests.browser.conftest import OpenPage, visit
from tests.browser.serving import Served, served
from tests.conftest import NOON, STAFF_PASSWORD, Committed
from tests.models.class_shop import ClassShop

MEMBERS = 12
REGULARS = 5
"""So many of them have bought twice."""
TWICE = {
    "schema": 1,
    "where": {
        "all": [
            {"field": "purchases", "is": "at_least", "value": 2, "within_days": 90},
            {"any": [{"field": "tier", "is": "any_of", "value": ["basic", "silver"]}]},
        ]
    },
}

pytestmark = pytest.mark.browser


@pytest.fixture
def shop(committed: Committed) -> Iterator[Served]:
    """Serve a shop in which some bought once and some twice, all classed."""
    with committed.sessions.begin() as session:
        people = ClassShop(session)
        people.maker = committed.maker
        for place in range(MEMBERS):
            person = people.join(200)
            people.sell(person, 5 + place)
            if place < REGULARS:
                people.sell(person, 2)
        committed.maker.staff(session, "manager", username="lin")
        rebuild_classes(session, NOON + timedelta(hours=1))
    with served(committed, clock=lambda: NOON + timedelta(hours=2)) as office:
        yield office


def log_in(page: Page, address: str) -> None:
    visit(page, f"{address}/console/login")
    page.fill("#f-username", "lin")
    page.fill("#f-password", STAFF_PASSWORD)
    page.locator("main form button[type=submit]").first.click()
    page.wait_for_url("**/console/")


def test_a_rule_is_built_sized_and_kept_and_cells_are_marked_by_keyboard(
    shop: Served, committed: Committed, open_page: OpenPage
) -> None:
    """B-08, B-06: groups and conditions by their controls; the size follows; arrows and space."""
    page = open_page(f"{shop.address}/console/login")
    log_in(page, shop.address)
    build(page, shop.address)
    with committed.sessions() as session:
        [code] = session.scalars(select(Segment.code).where(Segment.code.startswith("seg-")))
        assert get_version(session, code).rule == TWICE

    visit(page, f"{shop.address}/console/models/rfm")
    page.locator("#cell-3-3").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect(page.locator("#size")).to_contain_text("看名單")
    page.get_by_role("button", name="發送給他們").click()
    page.wait_for_url("**/console/campaigns/new?rule=*")
    expect(page.locator(".rule-leaf").first).to_be_visible()
    assert json.loads(page.locator("#f-rule").input_value()) == cells_rule(["3-3", "2-3"])


def build(page: Page, address: str) -> None:
    """Ask for two purchases in 90 days, in a tier of a group; remove one too many; keep it."""
    visit(page, f"{address}/console/segments/new")
    fields = page.get_by_label("問什麼")
    fields.first.select_option("purchases")
    page.get_by_label("怎麼比").first.select_option("at_least")
    page.get_by_label("值", exact=True).first.fill("2")
    page.get_by_label("加限定…").first.select_option("within_days")
    page.get_by_role("spinbutton", name="最近幾天內").fill("90")
    expect(page.locator("#size")).to_contain_text(f"{REGULARS} 人")

    page.get_by_role("button", name="加條件").click()
    page.get_by_role("button", name="刪除", exact=True).last.click()
    page.get_by_role("button", name="加群組").click()
    page.get_by_label("群組怎麼算").last.select_option("any")
    fields.last.select_option("tier")
    page.get_by_label("怎麼比").last.select_option("any_of")
    page.locator(".rule-pick summary").click()
    page.get_by_label("輸入文字篩選").fill("銀")
    page.get_by_role("checkbox", name="銀卡會員").check()
    expect(page.locator("#size")).not_to_contain_text("還沒填")

    page.get_by_label("分群名稱").fill("近期回購")
    page.get_by_role("button", name="儲存").click()
    page.wait_for_url("**/console/segments/of/seg-*")
    expect(page.locator("main")).to_contain_text("已儲存分群")

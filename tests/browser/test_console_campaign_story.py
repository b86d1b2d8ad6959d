"""A marketer's story in a browser: who slid into sleep, a coupon with a holdout, the lift.

She finds the people, sees what it costs, writes the message beside a phone, confirms it for ten
o'clock tomorrow, watches it go out, and reads days later what it brought.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from jobs import send_campaigns as sending
from jobs.prepare_figures import prepare_figures
from models.campaign import Campaign, set_approve_above
from models.classification.spanning import CLASS_MOVES
from models.coupon import Coupon
from models.local_day import local_day
from models.member import Member
from models.prepared import want
from models.purchase import Purchase
from models.sending import CampaignRecipient, CampaignRun
from models.totp import begin_totp, renew_paper_codes
from tests.browser.conftest import OpenPage, Screenshot
from tests.browser.serving import served
from tests.conftest import NOON, STAFF_PASSWORD, Clock, Committed
from tests.jobs.conftest import Worker
from tests.jobs.test_send_campaigns import CountingLine
from tests.jobs.test_send_campaigns import Desk as Sender
from tests.models.class_shop import ClassShop

MARKETER = "mei"
SLID, STAYED = 90, 6
BOUGHT_THEN, BOUGHT_BEFORE = 35, 40
"""So many days ago they came last: within a cycle then, and no more today."""
DESK = {"width": 1280, "height": 900}

pytestmark = pytest.mark.browser


@dataclass
class Story:
    """The marketer's browser, the shop behind it, and the time it is there."""

    address: str
    committed: Committed
    clock: Clock
    codes: list[str]
    screenshot: Screenshot
    line: CountingLine = field(default_factory=CountingLine)
    pictures: int = 0

    def look(self, page: Page, name: str) -> None:
        """Keep a picture of what the marketer sees."""
        self.pictures += 1
        self.screenshot(page, f"campaign-story-{self.pictures:02}-{name}")

    @property
    def sender(self) -> Sender:
        """Return a worker at this hour, whose LINE remembers who heard what."""
        lent = self.committed
        return Sender(Worker(lent.sessions, lent.engine, lent.url, self.clock), self.line)


@pytest.fixture
def story(committed: Committed, screenshot: Screenshot) -> Iterator[Story]:
    """Yield a shop with people who slid from active to asleep, and a marketer who may look."""
    clock = Clock(NOON)
    with committed.sessions.begin() as session:
        shop = ClassShop(session)
        for number in range(SLID + STAYED):
            person = shop.join()
            shop.sell(person, BOUGHT_BEFORE)
            shop.sell(person, BOUGHT_THEN)
            if number >= SLID:
                shop.sell(person, 12)
                shop.sell(person, 3)
        staff = committed.maker.staff(session, "marketer", username=MARKETER)
        committed.maker.staff(session, "owner", username="boss")
        set_approve_above(session, SLID, by="boss", now=NOON)
        begin_totp(staff)
        staff.totp_at = NOON
        codes = renew_paper_codes(session, staff)
        want(session, CLASS_MOVES, {}, NOON)
    prepare_figures(committed.sessions, clock)
    with served(committed, clock=clock) as office:
        yield Story(office.address, committed, clock, codes, screenshot)


def test_a_marketer_wins_back_who_slid_into_sleep(open_page: OpenPage, story: Story) -> None:
    """E-15, U1, U16, U17, X2, A-17: from the people to the lift, in one browser."""
    page = open_page(f"{story.address}/console/login", **DESK)
    she_logs_in(story, page)
    she_finds_who_slid(story, page)
    she_writes_to_them(story, page)
    she_confirms_it(story, page)
    it_goes_out_in_the_morning(story, page)
    she_reads_the_lift(story, page)


def she_logs_in(story: Story, page: Page) -> None:
    """Log in with a password and a code from paper."""
    page.goto(f"{story.address}/console/login")
    page.fill("#f-username", MARKETER)
    page.fill("#f-password", STAFF_PASSWORD)
    page.click("main form button[type=submit]")
    page.fill("#f-code", story.codes.pop())
    page.click("main form button[type=submit]")
    expect(page.locator(".navbar-vertical")).to_be_visible()


def she_finds_who_slid(story: Story, page: Page) -> None:
    """Open the number of who went from active to asleep, and begin a campaign to just them."""
    page.goto(f"{story.address}/console/models/moves")
    active = page.locator(".moves-matrix tbody tr", has=page.locator("th", has_text="活躍"))
    cell = active.locator("a.people", has_text=re.compile(rf"^{SLID}$"))
    story.look(page, "moves")
    cell.click()
    expect(page.locator("main h1")).to_have_text("會員名單")
    story.look(page, "members")
    page.click("text=發送訊息")
    expect(page.locator("main h1")).to_have_text("新活動")


def she_writes_to_them(story: Story, page: Page) -> None:
    """Write a message with a coupon, a phone beside it; half are held out to compare with."""
    expect(page.locator(".rule-leaf")).to_have_count(2)
    expect(page.locator("#estimate")).to_contain_text(f"{SLID} 人")
    page.get_by_label("名稱（只有您們看得到）").fill("回來喝茶")
    page.get_by_label("代碼（可留空）").fill("come-back")
    page.get_by_label("對照組（%）").fill("50")
    page.get_by_label("對照組（%）").press("Tab")
    expect(page.locator("#estimate")).to_contain_text(f"留 {SLID // 2} 人當對照組")
    page.locator("[data-path='messages[0].text.zh-TW']").fill("{nam|朋友}，好久不見")
    expect(page.locator(".content-slot .invalid-feedback").first).to_contain_text("nam")
    page.locator("[data-path='messages[0].text.zh-TW']").fill("{name|朋友}，好久不見")
    expect(page.locator(".phone-chat")).to_contain_text("王小明，好久不見")
    page.click(".content-adding button:has-text('優惠券')")
    page.locator("[data-path='messages[1].template']").select_option("welcome")
    expect(page.locator(".phone-chat .fx-bubble")).to_be_visible()
    expect(page.locator("[name=at]")).to_have_value("2026-11-23T10:00")
    expect(page.locator("[data-draft-state]")).not_to_be_empty()
    story.look(page, "editor")
    page.click("button:has-text('儲存草稿')")
    expect(page.locator("main h1")).to_have_text("回來喝茶")


def she_confirms_it(story: Story, page: Page) -> None:
    """See who gets it and what it costs, counted, and confirm."""
    page.click("text=確認並送出")
    expect(page.locator("main")).to_contain_text(f"{SLID} 人")
    expect(page.locator("main")).to_contain_text("免費額度")
    story.look(page, "confirm")
    page.get_by_role("button", name="送出").click()
    expect(page.locator("main")).to_contain_text("已排程")
    expect(page.locator("main")).to_contain_text("2026/11/23 10:00")


def it_goes_out_in_the_morning(story: Story, page: Page) -> None:
    """Watch it: the list is frozen at ten, then each gets theirs, and the page follows."""
    story.clock.advance(hours=22)
    she_logs_in(story, page)
    page.goto(f"{story.address}/console/campaigns/come-back")
    sending.begin_runs(story.sender.context)
    expect(page.locator("#progress progress")).to_be_visible()
    story.look(page, "sending")
    _apart(story.sender.send)
    sending.end_runs(story.sender.context)
    expect(page.locator("#progress")).to_contain_text("已完成")
    story.look(page, "sent")
    with story.committed.sessions() as session:
        run = session.scalars(select(CampaignRun)).one()
        given = session.scalars(select(Coupon.member_id)).all()
        assert run.planned == SLID
        assert len(given) == len(set(given)) == len(story.line.heard)


def she_reads_the_lift(story: Story, page: Page) -> None:
    """Read days later that who got it bought more, and how sure that is; and find one member."""
    number = _let_them_buy(story)
    story.clock.advance(days=5)
    she_logs_in(story, page)
    page.goto(f"{story.address}/console/campaigns/come-back/results")
    expect(page.locator("section", has=page.locator("#lift"))).to_contain_text(
        "有收到的人買得比較多"
    )
    expect(page.locator("main")).to_contain_text("95% 區間")
    story.look(page, "lift")
    page.click("text=名單與證明")
    expect(page.locator("main")).to_contain_text("相符")
    page.get_by_label("找一位會員").fill(number)
    page.get_by_role("button", name="查").click()
    expect(page.locator("section", has=page.locator("#found"))).to_contain_text("送達")
    story.look(page, "proof")


def _let_them_buy(story: Story) -> str:
    """Let who got the message come the day after; return the number of one of them."""
    at = story.clock.now + timedelta(days=1)
    with story.committed.sessions.begin() as session:
        code = select(Campaign.id).where(Campaign.code == "come-back")
        runs = select(CampaignRun.id).where(CampaignRun.campaign_id.in_(code))
        got = session.scalars(
            select(CampaignRecipient.member_id).where(
                CampaignRecipient.run_id.in_(runs), CampaignRecipient.variant.is_not(None)
            )
        ).all()
        store = story.committed.maker.store(session)
        session.add_all(
            Purchase(
                member_id=member_id,
                store_id=store.id,
                amount_twd=120,
                paid_twd=120,
                points_earned=0,
                purchased_at=at,
                purchased_on=local_day(at),
                idempotency_key=f"story:{uuid4()}",
            )
            for member_id in got
        )
        return session.get_one(Member, got[0]).number


def _apart(send: Callable[[], None]) -> None:
    """Send in a thread of its own: the browser's event loop counts as running in this one."""
    thread = threading.Thread(target=send)
    thread.start()
    thread.join()

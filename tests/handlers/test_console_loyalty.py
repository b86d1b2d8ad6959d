"""The console's tiers: health, thresholds, budget, proposals, simulator, publishing."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from jobs.prepare_figures import prepare_figures
from models.analysis.figures import DESIGN, HEALTH, PER_TIER
from models.base import Sessions
from models.benefit import Benefit
from models.checkout import Sale, record_purchase
from models.demo.article_shop import load_article_shop
from models.draft import find_draft, keep_draft
from models.member import Member
from models.prepared import want
from models.programme import get_programme
from models.shop import Store
from models.staff import Staff
from models.tier import list_tiers, list_versions
from models.tier_proposal import TierProposal
from tests.conftest import NOON
from tests.handlers.clerk_driver import words
from tests.handlers.console_driver import Desk

MakeStaff = Callable[..., Staff]
MakeMember = Callable[..., Member]
LOYALTY, PROPOSALS = "/console/loyalty", "/console/loyalty/proposals"
FORM = {
    "name": "明年規則",
    "effective_on": "2027-01-01",
    "basis": "rolling_365",
    "threshold_silver": "8,000",
    "threshold_gold": "15000",
    "threshold_black": "30000",
    "grace_days": "30",
    "warn_days": "14",
    "note": "客單價提高",
}


@pytest.fixture
def owner(make_staff: MakeStaff) -> Staff:
    """Return who may publish."""
    return make_staff("owner", name="陳老闆")


@pytest.fixture
def desk(client: FlaskClient, owner: Staff) -> Desk:
    """Return the owner's browser, logged in."""
    desk = Desk(client)
    desk.log_in(owner)
    return desk


@pytest.fixture
def buyers(session: Session, make_member: MakeMember, store: Store) -> list[Member]:
    """Return members who spent 6,000 and 16,000 lately."""
    found = [make_member(joined_at=NOON - timedelta(days=500)) for _ in range(2)]
    for member, twd in zip(found, (6_000, 16_000), strict=True):
        sale = Sale(member.id, store, None, twd, f"bought:{member.id}")
        record_purchase(session, sale, NOON - timedelta(days=40))
    session.flush()
    return found


def make_figures(sessions: Sessions) -> int:
    return prepare_figures(sessions, lambda: NOON)


def send(desk: Desk, path: str, fields: dict[str, str], *, script: bool = False) -> TestResponse:
    """Send a form whose fields are told as they are named, with dashes and all."""
    return desk.send(path, script=script, **dict[str, Any](fields))


def propose(desk: Desk, **changed: str) -> str:
    """Propose new rules with the form, and return the proposal's address."""
    desk.get(f"{PROPOSALS}/new")
    return send(desk, PROPOSALS, FORM | changed).headers["Location"]


# --- the ladder ---


def test_the_first_page_tells_each_tier_in_two_lines_and_how_healthy_it_is(
    desk: Desk, session: Session, sessions: Sessions, buyers: list[Member]
) -> None:
    """A-10, E-03, E-04: thresholds, what members read, advice; numbers open people."""
    assert "還沒有計算過" in desk.get(LOYALTY).text
    want(session, HEALTH, None, NOON)
    make_figures(sessions)
    page = desk.get(LOYALTY)
    told = words(page)
    assert "NT$5,000" in told
    assert "NT$15,000" in told
    assert "近 365 天消費 NT$15,000，門檻 NT$15,000" in told
    assert "共 4 個等級：超過 3 級，會員較難理解。" in told
    assert re.search(r'class="people" href="/console/members\?rule=[^"]*gold', page.text)


def test_a_tier_is_named_coloured_and_multiplied_by_the_owner(desk: Desk, session: Session) -> None:
    """D-02, A-11: names, colours, benefits that the system keeps; at once, and audited."""
    told = words(desk.get(f"{LOYALTY}/tiers/gold"))
    assert "點數加倍" in told
    told_anew = {
        "name_zh-TW": "黃金會員",
        "name_en": "Gold",
        "name_ja": "ゴールド",
        "colour": "#123ABC",
        "points_percent": "160",
        "lines_zh-TW": "生日禮\n優先購",
        "lines_en": "Gift",
        "lines_ja": "ギフト",
    }
    answer = send(desk, f"{LOYALTY}/tiers/gold", told_anew)
    assert answer.status_code == 303
    session.expire_all()
    gold = next(tier for tier in list_tiers(session) if tier.code == "gold")
    assert (gold.name["zh-TW"], gold.colour, gold.points_percent) == ("黃金會員", "#123ABC", 160)
    assert gold.benefits["zh-TW"] == ["生日禮", "優先購"]
    assert desk.send(f"{LOYALTY}/tiers/gold", colour="red").status_code == 409


# --- designing ---


def test_the_designer_shows_the_golden_thresholds_and_leads_to_a_draft(
    desk: Desk, sessions: Sessions, buyers: list[Member]
) -> None:
    """X4, C-02, C-03: 1,500 gives 1,600; three orders of it give 4,500."""
    asked = {"basket_twd": "1500", "orders": "3", "margin_percent": "10", "rebate_percent": "5"}
    led = send(desk, f"{LOYALTY}/designer", asked).headers["Location"]
    make_figures(sessions)
    page = desk.get(led)
    told = words(page)
    assert "NT$1,600" in told
    assert "再買 NT$100 升級" in told
    assert "NT$4,500" in told
    draft = re.search(r'href="(/console/loyalty/proposals/new\?[^"]+)"', page.text)
    assert draft is not None
    form = desk.get(draft[1].replace("&amp;", "&")).text
    assert 'name="threshold_silver" inputmode="numeric" value="1600"' in form
    assert 'name="threshold_gold" inputmode="numeric" value="4500"' in form
    for title in ("停在這級的比例", "又再買的比例", "沒有回來的比例"):  # C-04, C-06, C-07
        assert title in told


def test_the_designer_shows_the_articles_figures_on_one_page(
    desk: Desk, session: Session, sessions: Sessions
) -> None:
    """X4, C-04, C-06, C-07: 31.72% stop at 2,000; 48.28% stay from the third; remind on day 83."""
    load_article_shop(session, NOON)
    session.execute(text("ANALYZE member, purchase"))  # As the server itself does in a minute.
    want(session, DESIGN, None, NOON)
    make_figures(sessions)
    page = desk.get(f"{LOYALTY}/designer")
    told = words(page)
    for figure in ("NT$1,600", "NT$4,500", "31.72%", "48.28%", "超過 NT$2,000", "第 4 個月"):
        assert figure in told
    assert "NT$4,000、NT$15,000" in told
    assert re.search(r'class="people" href="/console/members\?rule=[^"]*purchased_twd', page.text)
    led = desk.send(f"{LOYALTY}/designer/remind", days="83").headers["Location"]
    assert led.startswith("/console/journeys/before-month-4")


def test_the_designer_refuses_what_it_cannot_read(desk: Desk) -> None:
    desk.get(f"{LOYALTY}/designer")
    assert desk.send(f"{LOYALTY}/designer", basket_twd="many").status_code == 409
    assert "門檻設計" in desk.get(f"{LOYALTY}/designer").text


@pytest.mark.parametrize(
    ("rebate", "told"), [("5", ("NT$2,500", "還有 NT$2,500")), ("10", ("NT$0", "紅字"))]
)
def test_the_budget_leaves_2500_of_5000_and_turns_red_at_ten_percent(
    desk: Desk, rebate: str, told: tuple[str, ...]
) -> None:
    """C-08: 50,000 at 10%; a rebate of 5% leaves half, one of 10% nothing."""
    asked = f"?revenue_twd=50000&margin_percent=10&rebate_percent={rebate}"
    sheet = desk.fragment(f"{LOYALTY}/budget{asked}")
    assert "<html" not in sheet.text
    for each in told:
        assert each in words(sheet)


def test_the_budget_counts_gifts_events_and_messages_and_begins_with_the_shops_figures(
    desk: Desk, session: Session, sessions: Sessions, buyers: list[Member]
) -> None:
    """C-05, C-08: not the rebate only; expected redemption; what a member brings."""
    want(session, PER_TIER, None, NOON)
    make_figures(sessions)
    assert 'value="16000"' in desk.get(f"{LOYALTY}/budget?tier=gold").text
    asked = (
        "?revenue_twd=50000&margin_percent=10&rebate_percent=2&coupon_times=10&coupon_twd=100"
        "&coupon_redeemed_percent=50&gift_times=1&gift_twd=500&event_times=1&event_twd=300"
        "&message_times=50&message_twd=0.2"
    )
    told = words(desk.fragment(f"{LOYALTY}/budget{asked}"))
    assert "剩下 NT$2,690" in told
    assert "請填數字" in words(desk.fragment(f"{LOYALTY}/budget?revenue_twd=x"))


# --- proposals ---


def test_a_proposal_is_drafted_checked_and_kept_in_editions(
    desk: Desk, session: Session, owner: Staff
) -> None:
    """U17: a form that is kept while typing, an edition a change."""
    keep_draft(session, owner, "tiers:new", {"name": "打到一半"}, "", NOON)
    assert 'value="打到一半"' in desk.get(f"{PROPOSALS}/new").text
    there = propose(desk)
    assert find_draft(session, owner, "tiers:new") is None
    told = words(desk.get(there))
    assert "NT$8,000" in told
    assert "客單價提高" in told
    assert "第 1 版" in told
    desk.get(f"{there}/edit")
    send(desk, there, FORM | {"edition": "1", "threshold_silver": "7000"})
    assert "第 2 版" in words(desk.get(there))
    stale = send(desk, there, FORM | {"edition": "1", "threshold_silver": "6000"})
    assert stale.status_code == 409
    assert "陳老闆 在" in words(stale)
    assert "門檻：銀卡會員 7000 6000" in words(stale)
    assert 'name="edition" value="2"' in stale.text
    assert "明年規則" in words(desk.get(PROPOSALS))
    assert "明年規則" in words(desk.get(LOYALTY))


def test_what_is_wrong_or_unwise_is_told_while_typing(desk: Desk) -> None:
    """E-03: the check's advice, and what members would read."""
    desk.get(f"{PROPOSALS}/new")
    wrong = FORM | {"threshold_gold": "7000", "effective_on": "2026-01-01"}
    told = words(send(desk, f"{PROPOSALS}/check", wrong, script=True))
    assert "由低到高" in told
    assert "生效日已經過去" in told
    fine = words(send(desk, f"{PROPOSALS}/check", FORM, script=True))
    assert "近 365 天消費 NT$8,000，門檻 NT$8,000" in fine
    assert "還沒填完" in words(desk.send(f"{PROPOSALS}/check", script=True, basis="whim"))


def test_a_score_of_weighted_parts_is_proposed_with_caps_and_windows(
    desk: Desk, session: Session
) -> None:
    """E-01: factors with weight, unit, cap and window; their caps are the most."""
    score = FORM | {"basis": "score", "threshold_silver": "20", "threshold_gold": "60"}
    score |= {"threshold_black": "90"}
    for place, source in enumerate(("spend_twd", "purchases", "attendances"), start=1):
        score |= {
            f"factor_{place}_source": source,
            f"factor_{place}_label": f"第{place}項",
            f"factor_{place}_weight": "2",
            f"factor_{place}_unit": "100",
            f"factor_{place}_cap": "40",
            f"factor_{place}_window_days": "180",
        }
    assert "總分最高 120 分" in words(send(desk, f"{PROPOSALS}/check", score, script=True))
    there = propose(desk, **score)
    draft = session.scalars(select(TierProposal)).one().proposed.draft
    assert [factor.source for factor in draft.factors] == ["spend_twd", "purchases", "attendances"]
    assert (draft.factors[0].cap, draft.factors[0].window_days) == (40, 180)
    assert "依綜合分數" in words(desk.get(there))


def test_whom_a_proposal_hits_and_what_a_new_tier_costs_is_counted_before(
    desk: Desk, sessions: Sessions, buyers: list[Member]
) -> None:
    """U17, C-05: who falls, protected or not, opens its people; a new tier has its budget."""
    new = {
        "new_1_name_zh-TW": "翡翠會員",
        "new_1_code": "jade",
        "new_1_threshold": "60000",
        "new_1_points_percent": "300",
        "new_1_colour": "#0A7A5A",
    }
    there = propose(desk, **new)
    assert "計算中" in words(desk.get(there))
    make_figures(sessions)
    page = desk.get(there)
    assert "保留到期限或權益保留日" in words(page)
    assert "新等級的預算" in words(page)
    assert "毛利未知" in words(page)
    assert re.search(r'class="people" href="/console/members\?rule=[^"]*spend_365_twd', page.text)


def test_benefits_begin_and_end_with_a_proposals_rules(desk: Desk, session: Session) -> None:
    """A-11, E-20: of each kind by its own fields; a wrong one is refused."""
    there = propose(desk)
    page = desk.get(f"{there}/benefits?kind=points_multiplier")
    assert "點數倍率 %" in words(page)
    doubled = {"kind": "points_multiplier", "tier": "gold", "percent": "200", "month_days": "8,18"}
    assert send(desk, f"{there}/benefits", doubled | {"edition": "1"}).status_code == 303
    assert "點數加倍 ×2（每月 8、18 日）" in words(desk.get(there))
    halved = send(desk, f"{there}/benefits", doubled | {"edition": "2", "percent": "50"})
    assert halved.status_code == 409
    running = session.scalars(select(Benefit.id).where(Benefit.tier_id.is_not(None))).first()
    desk.send(f"{there}/benefits/end", edition="2", ended=str(running))
    assert "生效日起停止的權益" in words(desk.get(there))
    desk.send(f"{there}/benefits/remove", edition="3", place="0")
    assert session.scalars(select(TierProposal)).one().proposed.benefits == ()


# --- simulating, publishing ---


def test_a_simulation_names_who_moves_and_what_it_costs(
    desk: Desk, sessions: Sessions, buyers: list[Member]
) -> None:
    """X3: progress, then moves with their people, costs, liability, messages."""
    there = propose(desk)
    led = desk.send(f"{there}/simulation").headers["Location"]
    assert "計算中" in words(desk.get(led))
    make_figures(sessions)
    told = words(desk.get(led))
    assert "在現行規則下與目前等級完全相同" in told
    assert "點數負債" in told
    people = desk.get(f"{led}/people?from=silver&to=basic")
    assert buyers[0].number in people.text
    assert buyers[1].number not in people.text
    assert desk.get(f"{led}/people?from=gold&to=basic").status_code == 409
    assert "會換等級的人" in words(desk.get(there))


def test_only_the_owner_publishes_and_only_what_was_seen(
    desk: Desk,
    session: Session,
    sessions: Sessions,
    owner: Staff,
    app: Flask,
    make_staff: MakeStaff,
) -> None:
    """E-20, U17: the whole effect on one page, a tick, an effective date, a version."""
    there = propose(desk)
    manager = Desk(app.test_client())
    manager.log_in(make_staff("manager"))
    assert manager.get(there).status_code == 200
    assert manager.get(f"{there}/publish").status_code == 403
    assert "發布後不能再改" in words(desk.get(f"{there}/publish"))
    assert desk.send(f"{there}/publish", edition="1").status_code == 409
    unseen = desk.send(f"{there}/publish", edition="1", seen="1")
    assert "還在計算誰會受影響" in words(unseen)
    make_figures(sessions)
    assert desk.send(f"{there}/publish", edition="1", seen="1").status_code == 303
    session.expire_all()
    newest = list_versions(session)[-1]
    assert (newest.effective_on, newest.created_by) == (date(2027, 1, 1), owner.username)
    assert newest.parameters["thresholds"]["silver"] == 8_000
    assert get_programme(session).ladder.on(date(2027, 1, 1)).grace_days == 30
    assert "即將生效" in words(desk.get(LOYALTY))
    assert desk.get(f"{there}/edit").status_code == 200
    assert send(desk, there, FORM | {"edition": "1"}).status_code == 409


def test_a_proposal_is_given_up(desk: Desk, session: Session, owner: Staff) -> None:
    there = propose(desk)
    assert desk.send(f"{there}/drop").status_code == 303
    assert "已放棄" in words(desk.get(there))
    assert desk.get(f"{PROPOSALS}/999").status_code == 409

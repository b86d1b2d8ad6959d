"""The console's campaigns: writing, confirming, approving, watching, proving, reading the lift."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from handlers.console.campaigns.content_words import tap_name
from handlers.console.campaigns.typed import blank
from handlers.console.campaigns.words import detail_names, state_names
from handlers.console.door import console_texts
from handlers.console.segments.typed import EMPTY as EMPTY_RULE
from handlers.limiting import limiter
from models.campaign import (
    Campaign,
    approve_campaign,
    get_campaign,
    list_changes,
    set_approve_above,
    submit_campaign,
)
from models.campaign.keeping import TOLD, move
from models.campaign.opening import open_due_runs
from models.campaign.table import STATES
from models.content import TAPS
from models.draft import find_draft
from models.insight import campaign_prepared
from models.member import Member
from models.outbox import Owed
from models.prepared import FIGURES, claim_wanted, find_prepared, keep_prepared
from models.quota import change_plan, month_of
from models.segment.keeping import archive_segment, get_segment
from models.sending import CampaignRun
from models.sending.freezing import begin_run, freeze_run
from models.sending.table import RUN_STATES
from models.staff import Staff
from tests.conftest import NOON, Clock
from tests.handlers.clerk_driver import words
from tests.handlers.console_driver import Desk
from tests.models.campaign_shop import (
    EVERYBODY,
    MANAGER,
    MARKETER,
    OWNER,
    RICH,
    make,
    open_office,
    text,
)
from tests.models.sending_shop import fill
from tests.models.test_insight import buy, sent

LIST, NEW = "/console/campaigns", "/console/campaigns/new"
WINTER = "/console/campaigns/winter"
TOMORROW = "2026-11-23T10:00"
ASKS = {"field": "points", "is": "at_least", "value": 0}
PICTURES = "img-src 'self' https:"


@pytest.fixture
def people(session: Session) -> list[int]:
    """Make the office, the segments, and forty members who can be written to."""
    open_office(session)
    return fill(session, 40)


@pytest.fixture
def marketer(app: Flask, session: Session, people: list[int]) -> Desk:
    limiter.reset()
    return at_desk(app, session, MARKETER)


def at_desk(app: Flask, session: Session, username: str) -> Desk:
    staff = session.scalars(select(Staff).where(Staff.username == username)).one()
    desk = Desk(app.test_client())
    assert desk.log_in(staff).status_code == 303
    return desk


def typed(**changes: str | list[str]) -> dict[str, Any]:
    """Return the fields of a new campaign's form, as a marketer fills them in."""
    begun = blank(NOON, segment=EVERYBODY, name="冬日第二杯")
    told = {"variant_content": json.dumps(text()), "at": TOMORROW, "code": "winter"}
    return begun | told | changes


def kept(session: Session, code: str = "winter") -> Campaign:
    return get_campaign(session, code)


def test_every_page_draws(marketer: Desk, session: Session) -> None:
    make(session)
    pages = (
        LIST,
        f"{LIST}?state=draft&q=冬",
        NEW,
        f"{LIST}/estimate",
        f"{LIST}/estimate?segment={EVERYBODY}",
        f"{LIST}/variant?place=1",
        WINTER,
        f"{WINTER}?in=en",
        f"{WINTER}/edit",
        f"{WINTER}/confirm",
        f"{WINTER}/preview",
        f"{WINTER}/progress",
        f"{WINTER}/results",
        f"{WINTER}/proof",
        f"{WINTER}/results.csv",
    )
    for page in pages:
        for answer in (marketer.get(page), marketer.fragment(page)):
            assert answer.status_code == 200, page
            assert " style=" not in answer.text, page
            answer.close()


def test_a_campaign_is_written_and_submitted(marketer: Desk, session: Session) -> None:
    """U1, X2: audience, content, holdout and time; cost and quota before confirmation."""
    estimate = words(marketer.fragment(f"{LIST}/estimate?segment={EVERYBODY}&holdout_percent=10"))
    assert "符合條件 40 人" in estimate
    assert "會收到 36 人" in estimate
    answer = marketer.send(NEW, **typed())
    assert (answer.status_code, answer.location) == (303, WINTER)
    assert kept(session).schedule == {"when": "once", "at": TOMORROW}
    assert kept(session).holdout_percent == 10
    shown = words(marketer.get(f"{WINTER}/preview"))
    assert "對象 40 人" in shown
    assert "免費額度" in shown
    assert "2026/11/23 10:00 開始發，最晚 2026/11/23 13:00" in shown
    marketer.get(f"{WINTER}/confirm")
    answer = marketer.send(f"{WINTER}/confirm", draft_base=base_of(marketer, f"{WINTER}/preview"))
    assert (answer.status_code, kept(session).state) == (303, "scheduled")


def test_a_short_quota_and_the_age_of_the_facts_are_told_before_confirming(
    marketer: Desk, session: Session
) -> None:
    """X1, U16: who goes first where the quota is short; how old the segment's facts may be."""
    short = {"hard_cap": 30, "service_reserve": 10}
    terms: dict[str, Any] = {"from_month": month_of(NOON), "note": "小店", "by": OWNER}
    change_plan(session, None, short, now=NOON, **terms)
    make(session, holdout_percent=0)
    shown = words(marketer.fragment(f"{WINTER}/preview"))
    assert "額度不足：有 20 則發不出去，預期毛利高的會員優先" in shown
    assert "條件的資料：即時" in shown
    estimate = words(marketer.fragment(f"{LIST}/estimate?segment={EVERYBODY}&holdout_percent=0"))
    assert "額度不夠：有 20 則發不出去" in estimate


def base_of(desk: Desk, page: str) -> str:
    found = re.search(r'name="draft_base" value="(\d+)"', desk.get(page).text)
    assert found is not None
    return found[1]


def test_the_form_begins_with_what_led_to_it(marketer: Desk) -> None:
    page = marketer.get(f"{NEW}?segment={RICH}&coupon=welcome&name=回來喝茶").text
    assert 'value="回來喝茶"' in page
    assert f'<option value="{RICH}" selected>' in page
    assert "&#34;coupon&#34;" in page


def test_what_is_wrong_is_said_with_its_place_and_nothing_typed_is_lost(
    marketer: Desk, session: Session
) -> None:
    empty = {"schema": 1, "messages": [{"type": "text", "text": {"zh-TW": "{nam}"}}]}
    cases: tuple[tuple[dict[str, str], str], ...] = (
        ({"variant_content": json.dumps(empty)}, "A 版的第 1 則訊息"),
        ({"variant_content": "{"}, "A 版"),
        ({"name_zh-TW": ""}, "名稱"),
        ({"at": ""}, "日期與時間"),
        ({"at": "2026-01-01T10:00"}, "時間"),
        ({"variant_share": "60"}, "占比"),
        ({"holdout_percent": "80"}, "對照組"),
        ({"when": "recurring", "every": "monthly", "on_month": "1, x"}, "每月的哪幾日"),
        ({"code": "Not a code"}, "代碼"),
        ({"segment": ""}, "對象"),
    )
    for wrong, place in cases:
        answer = marketer.send(NEW, **typed(budget_twd="12345") | wrong)
        assert answer.status_code == 409, wrong
        assert place in words(answer), wrong
        assert 'value="12345"' in answer.text
    assert session.scalars(select(Campaign)).all() == []
    make(session)
    assert "代碼已經有人用了" in words(marketer.send(NEW, **typed()))


def test_a_recurring_campaign_in_two_variants_for_two_groups(
    marketer: Desk, session: Session
) -> None:
    """E-08: big spenders see a variant of their own."""
    told = typed(
        variant_code=["A", "B"],
        variant_share=["100", "100"],
        variant_segment=[RICH, ""],
        variant_content=[json.dumps(text("大戶")), json.dumps(text("大家"))],
        when="recurring",
        every="weekly",
        on_week=["mon", "thu"],
        time="11:30",
    )
    assert marketer.send(NEW, **told | {"from": "2026-11-30"}).status_code == 303
    made = kept(session)
    assert [each.get("segment") for each in made.variants] == [RICH, None]
    assert made.schedule["on"] == ["mon", "thu"]
    assert "每週一、四 11:30" in words(marketer.get(WINTER))
    again = marketer.get(f"{WINTER}/edit").text
    assert again.count("data-variant>") == 2
    assert 'name="from"' in again


def test_an_ab_test_keeps_its_rule(marketer: Desk, session: Session) -> None:
    """E-15: the metric and the stop rule are set before anybody sees a figure."""
    told = typed(
        variant_code=["A", "B"],
        variant_share=["50", "50"],
        variant_segment=["", ""],
        variant_content=[json.dumps(text("一")), json.dumps(text("二"))],
        judged="1",
        metric="conversion",
        size="20",
        wait_hours="48",
        test_percent="40",
    )
    assert marketer.send(NEW, **told).status_code == 303
    made = kept(session)
    assert made.metric == "conversion"
    assert made.stop_rule == {"size": 20, "wait_hours": 48, "test_percent": 40}
    assert "測試後的勝出版" in words(marketer.get(f"{WINTER}/preview"))


def test_a_campaign_goes_to_conditions_of_its_own(marketer: Desk, session: Session) -> None:
    """U1: whom it means is asked in its own form and sized at once; it is on no list."""
    rule = json.dumps({"schema": 1, "where": {"all": [ASKS]}})
    unfinished = json.dumps({"schema": 1, "where": {"all": [ASKS | {"value": None}]}})
    whom = {"audience": "own", "holdout_percent": "10"}
    marketer.get(f"{NEW}?rule={quote(rule)}")
    for asked, told in (
        (rule, "符合條件 40 人"),
        (unfinished, "有一格還沒填"),
        ("", "先加一個條件"),
    ):
        size = marketer.send(f"{LIST}/estimate", script=True, rule=asked or EMPTY_RULE, **whom)
        assert told in words(size)
    sent = typed(audience="own", rule=rule, segment="", code="")
    first, again = (marketer.send(NEW, **sent).location for _ in "ab")
    assert first == again
    campaign = session.scalars(select(Campaign)).one()
    assert get_segment(session, campaign.segment_code).is_one_off
    assert "自設條件" in words(marketer.get(LIST))
    assert "可用點數 ≥ 0 點" in words(marketer.get(first))
    assert "這些條件是為一個活動設的" in words(
        marketer.get(f"/console/segments/of/{campaign.segment_code}")
    )
    assert "&#34;at_least&#34;" in marketer.get(f"{first}/edit").text
    taken = marketer.send(NEW, **typed(code=campaign.code))
    assert taken.status_code == 409


def test_who_saves_second_sees_what_the_first_changed(marketer: Desk, session: Session) -> None:
    make(session)
    base = base_of(marketer, f"{WINTER}/edit")
    told = typed() | {"draft_base": base}
    assert marketer.send(f"{WINTER}/edit", **told | {"priority": "70"}).status_code == 303
    answer = marketer.send(f"{WINTER}/edit", **told | {"priority": "30"})
    assert answer.status_code == 409
    shown = words(answer)
    assert "對方改了這些" in shown
    assert "優先順序 50 70" in shown
    assert kept(session).priority == 70
    newest = re.search(r'name="draft_base" value="(\d+)"', answer.text)
    assert newest is not None
    again = told | {"priority": "30", "draft_base": newest[1]}
    assert marketer.send(f"{WINTER}/edit", **again).status_code == 303
    assert kept(session).priority == 30


def test_what_was_changed_after_it_was_seen_is_not_submitted(
    marketer: Desk, session: Session
) -> None:
    """U17: what is confirmed is what was shown."""
    make(session)
    base = base_of(marketer, f"{WINTER}/preview")
    marketer.send(f"{WINTER}/edit", **typed() | {"draft_base": base})
    answer = marketer.send(f"{WINTER}/confirm", draft_base=base)
    assert answer.status_code == 409
    assert "有人剛改過" in words(answer)
    assert kept(session).state == "draft"


def test_a_draft_is_kept_and_forgotten_once_saved(marketer: Desk, session: Session) -> None:
    staff = session.scalars(select(Staff).where(Staff.username == MARKETER)).one()
    marketer.get(NEW)
    marketer.send("/console/drafts/campaign:new", script=True, **typed() | {"priority": "77"})
    assert 'value="77"' in marketer.get(NEW).text
    marketer.send(NEW, **typed())
    assert find_draft(session, staff, "campaign:new") is None


def test_a_second_person_approves_what_they_saw(
    app: Flask, session: Session, people: list[int]
) -> None:
    set_approve_above(session, 10, by=OWNER, now=NOON)
    make(session)
    submit_campaign(session, "winter", by=MANAGER, now=NOON)
    manager = at_desk(app, session, MANAGER)
    page = manager.get(WINTER)
    assert "等第二個人核准" in page.text
    assert "核准發送" not in manager.get(f"{WINTER}/preview").text
    base = str(list_changes(session, "winter")[-1].id)
    refused = manager.send(f"{WINTER}/approve", draft_base=base)
    assert refused.status_code == 409
    assert "要由另一個人核准" in words(refused)
    owner = at_desk(app, session, OWNER)
    assert "核准發送" in owner.get(f"{WINTER}/preview").text
    assert owner.send(f"{WINTER}/approve", draft_base=base).status_code == 303
    assert kept(session).state == "scheduled"


def test_a_marketer_may_not_approve(marketer: Desk, session: Session) -> None:
    make(session)
    assert marketer.send(f"{WINTER}/approve", draft_base="1").status_code == 403


def test_steps_are_taken_from_the_page(marketer: Desk, session: Session) -> None:
    make(session, schedule={"when": "once", "at": TOMORROW})
    submit_campaign(session, "winter", by=MARKETER, now=NOON)
    steps = (
        ("pause", "paused"),
        ("resume", "scheduled"),
        ("return", "draft"),
        ("cancel", "cancelled"),
    )
    marketer.get(WINTER)
    for step, state in steps:
        assert marketer.send(f"{WINTER}/{step}").status_code == 303
        assert kept(session).state == state
    again = marketer.send(f"{WINTER}/pause")
    assert again.status_code == 409
    assert "狀態已經不同了" in words(again)
    once, twice = (marketer.send(f"{WINTER}/clone").location for _ in "ab")
    assert once == twice
    assert kept(session, once.split("/")[3]).state == "draft"


def test_a_test_goes_to_members_named_by_number(
    marketer: Desk, session: Session, make_member: Callable[..., Member]
) -> None:
    make(session)
    marketer.get(WINTER)
    members = ", ".join(make_member().number for _ in range(2))
    answer = marketer.send(f"{WINTER}/test", members=members)
    assert answer.status_code == 303
    assert len(session.scalars(select(Owed).where(Owed.source == "test:winter")).all()) == 2
    refused = marketer.send(f"{WINTER}/test", members="999999999")
    assert refused.status_code == 409


def test_an_archived_segment_is_told_on_the_page(marketer: Desk, session: Session) -> None:
    make(session)
    archive_segment(session, EVERYBODY, now=NOON)
    session.flush()
    assert "已封存" in words(marketer.get(WINTER))
    refused = marketer.send(f"{WINTER}/confirm", draft_base=base_of(marketer, f"{WINTER}/preview"))
    assert refused.status_code == 409


# --- content


def test_the_editor_is_told_its_parts(marketer: Desk) -> None:
    parts = marketer.get("/console/content/parts").get_json()
    assert {each["code"] for each in parts["cards"]} >= {"announcement", "products"}
    assert ["name", "會員姓名", "王小明"] in parts["variables"]
    assert {tap for tap, _ in parts["taps"]} == set(TAPS)


def draw(desk: Desk, content: object, **more: object) -> Any:
    desk.get(LIST)
    answer = desk.client.post(
        "/console/content/draw",
        json={"content": content} | more,
        headers={"X-CSRFToken": desk.token},
    )
    assert answer.status_code == 200
    return answer.get_json()


def test_content_is_drawn_as_members_get_it(
    marketer: Desk, make_member: Callable[..., Member]
) -> None:
    own = text("{name|朋友}，您有 {points} 點")
    assert draw(marketer, own)["messages"][0]["text"] == "王小明，您有 1,280 點"
    real = draw(marketer, own, member=make_member(name="林小美", points=30).number)
    assert real["messages"][0]["text"] == "林小美，您有 30 點"
    coupon = {"schema": 1, "messages": [{"type": "coupon", "template": "welcome"}]}
    assert draw(marketer, coupon)["messages"][0]["type"] == "flex"
    given = {"schema": 1, "messages": [{"type": "coupon", "template": "given"}]}
    assert "messages" in draw(marketer, given, variables=["given"])


def test_what_cannot_be_drawn_is_told_with_its_place(marketer: Desk) -> None:
    wrong = draw(marketer, text("{nam}"))["refused"]
    assert wrong["path"] == "messages[0].text.zh-TW"
    assert wrong["text"].startswith("沒有「nam」這個變數")
    assert draw(marketer, text(), member="999999999")["refused"]["path"] == "member"
    assert draw(marketer, "nothing")["refused"]["path"] == ""
    missing = {"schema": 1, "messages": [{"type": "coupon", "template": "gone"}]}
    assert draw(marketer, missing)["refused"]["path"] == "messages[0].template"


def test_pages_with_messages_may_show_their_pictures(marketer: Desk, session: Session) -> None:
    make(session)
    for page in (NEW, WINTER, f"{WINTER}/edit"):
        assert PICTURES in marketer.get(page).headers["Content-Security-Policy"]
    assert PICTURES not in marketer.get(LIST).headers["Content-Security-Policy"]


# --- watching and results


def started(session: Session, people: list[int], **changes: Any) -> CampaignRun:
    """Begin the campaign's first sending, as the rounds do."""
    make(session, **changes)
    preview = submit_campaign(session, "winter", by=MARKETER, now=NOON)
    if preview.needs_approval:
        approve_campaign(session, "winter", by=OWNER, now=NOON)
    (run_id,) = open_due_runs(session, NOON)
    assert begin_run(session, run_id, NOON)
    freeze_run(session, run_id, NOON)
    return session.get_one(CampaignRun, run_id)


def test_a_sending_is_watched(marketer: Desk, session: Session, people: list[int]) -> None:
    run = started(session, people, holdout_percent=0)
    session.refresh(run)
    shown = marketer.fragment(f"{WINTER}/progress")
    assert "發送中" in words(shown)
    assert 'max="40" value="0"' in shown.text
    assert 'hx-trigger="every 2s"' in marketer.get(WINTER).text
    assert 'max="40" value="0"' in marketer.get(LIST).text


def test_a_finished_sending_is_not_asked_after(marketer: Desk, session: Session) -> None:
    run_id = sent(session, fill(session, 3, first=900))
    campaign = session.get_one(Campaign, session.get_one(CampaignRun, run_id).campaign_id)
    campaign.schedule = {"when": "now"}
    move(session, campaign, "finished", OWNER, NOON)
    page = marketer.get(f"{LIST}/{campaign.code}")
    assert "every 2s" not in page.text
    assert "已完成" in words(page)


def finished(session: Session, people: list[int]) -> Campaign:
    """Return a campaign that was sent to most, with some held out and some skipped."""
    day = NOON - timedelta(days=1)
    run_id = sent(session, people[:30], held=people[30:38], skipped={people[38]: "quota"}, at=day)
    buy(session, people[0], day + timedelta(hours=2), 200)
    return session.get_one(Campaign, session.get_one(CampaignRun, run_id).campaign_id)


def test_the_proof_adds_up_and_finds_a_member(
    marketer: Desk, session: Session, people: list[int], make_member: Callable[..., Member]
) -> None:
    """Every recipient has one outcome, and each can be found."""
    known, stranger = make_member(), make_member()
    people[0] = known.id
    page = f"{LIST}/{finished(session, people).code}/proof"
    shown = words(marketer.get(page))
    assert "相符" in shown
    assert "送達 30" in shown
    assert "未發送 9" in shown
    skipped = words(marketer.get(f"{page}?state=skipped"))
    assert "訊息額度不足" in skipped
    assert known.number not in skipped
    assert "送達 A 版" in words(marketer.get(f"{page}?member={known.number}"))
    assert "不在這個活動的名單裡" in words(marketer.get(f"{page}?member={stranger.number}"))
    assert "找不到這位會員" in words(marketer.get(f"{page}?member=1"))
    assert marketer.get(f"{page}?run=999999").status_code == 409


def test_the_proof_is_read_page_by_page(
    marketer: Desk, session: Session, people: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.console.campaigns.proof.LISTED", 20)
    url = f"{LIST}/{finished(session, people).code}/proof"
    numbers: list[str] = []
    while url:
        answer = marketer.fragment(url)
        numbers += re.findall(r"/console/members/(\d{9})", answer.text)
        found = re.search(r'hx-get="([^"]+after=\d+)"', answer.text)
        url = found[1].replace("&amp;", "&") if found else ""
    assert len(numbers) == len(set(numbers)) == 39


def test_the_proof_is_sent_as_a_file_to_who_may(
    app: Flask, session: Session, people: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handlers.console.campaigns.proof.ROWS_AT_ONCE", 10)
    address = f"{LIST}/{finished(session, people).code}/proof.csv"
    assert at_desk(app, session, MARKETER).get(address).status_code == 403
    rows = rows_of(at_desk(app, session, OWNER).get(address))
    assert len(rows) == 40
    assert [row[3] for row in rows[1:]].count("送達") == 30


def rows_of(answer: TestResponse) -> list[list[str]]:
    assert answer.mimetype == "text/csv"
    rows = list(csv.reader(StringIO(answer.data.decode("utf-8-sig"))))
    answer.close()
    return rows


def test_the_lift_is_read_with_its_interval(
    marketer: Desk, session: Session, people: list[int]
) -> None:
    """X2: lift against the holdout, its interval, and that it is not enough to say."""
    page = f"{LIST}/{finished(session, people).code}/results"
    shown = words(marketer.get(page))
    assert "和對照組比 資料不足" in shown
    assert "1 / 31 人" in shown
    assert "95% 區間" in shown
    assert "還不能說有沒有用" in shown
    assert "NT$200" in shown
    told = dict(rows_of(marketer.get(f"{page}.csv"))[1:])
    assert (told["送達"], told["對照組人數"], told["淨營收"]) == ("30", "8", "200")


def test_a_large_report_is_prepared(
    marketer: Desk, session: Session, people: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page over a million recipients waits for nobody: a worker makes the report."""
    monkeypatch.setattr(campaign_prepared, "LIVE_UP_TO", 10)
    code = finished(session, people).code
    assert "正在背後計算" in words(marketer.get(f"{LIST}/{code}/results"))
    wanted = claim_wanted(session, NOON)
    assert wanted is not None
    figure = FIGURES[wanted.name]
    body = figure.compute(session, NOON, wanted.asked, lambda _done, _all: None)
    keep_prepared(session, wanted, body, as_of=NOON, now=NOON, took_ms=1)
    assert "送達 30" in words(marketer.get(f"{LIST}/{code}/results"))
    session.expire_all()
    found = find_prepared(session, campaign_prepared.REPORT, {"code": code})
    assert found is not None
    assert not found.is_wanted


def test_a_report_that_still_grows_is_made_anew_once_it_is_old(
    marketer: Desk,
    session: Session,
    people: list[int],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(campaign_prepared, "LIVE_UP_TO", 10)
    campaign = finished(session, people)
    shown = campaign_prepared.show_report(session, campaign, NOON)
    assert shown.figure is not None
    wanted = claim_wanted(session, NOON)
    assert wanted is not None
    body = FIGURES[wanted.name].compute(session, NOON, wanted.asked, lambda _done, _all: None)
    keep_prepared(session, wanted, body, as_of=NOON, now=NOON, took_ms=1)
    later = NOON + campaign_prepared.STALE_AFTER + timedelta(minutes=1)
    again = campaign_prepared.show_report(session, campaign, later)
    assert again.report is not None
    assert again.figure is not None
    assert again.figure.is_wanted


def test_every_word_is_known(marketer: Desk) -> None:
    """Every state, button and detail has its name."""
    with marketer.client:
        marketer.get(LIST)
        t = console_texts()
        assert set(state_names(t)) == {*STATES, *RUN_STATES}
        assert all(tap_name(t, tap) for tap in TAPS)
        assert set(TOLD) <= set(detail_names(t))

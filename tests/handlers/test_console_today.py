"""The first page: stages of the lifecycle, revenue, list health, quota, what waits (E-22, A-26)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from models.campaign import add_campaign
from models.campaign.steering import submit_campaign
from models.fraud.alert import raise_alert
from models.local_day import local_day
from models.member import Member
from models.overview import STAGES, forecast_month, list_decisions, read_overview
from models.overview.figures import FIGURE, Overview, compute
from models.overview.stage import stage_rule
from models.prepared import claim_wanted, keep_prepared, want
from models.quota import remaining
from models.segment import parse_rule, size_of
from models.staff import Staff
from tests.conftest import NOON, Maker
from tests.handlers.clerk_driver import words
from tests.handlers.console_driver import Desk

TODAY = local_day(NOON)
YESTERDAY = TODAY - timedelta(days=1)
MakeMember = Callable[..., Member]


def work_out(session: Session) -> Overview:
    """Return the page's figures as of now."""
    return read_overview(compute(session, NOON, {}, lambda _done, _total: None))


def prepare(session: Session) -> None:
    """Do what the worker does."""
    want(session, FIGURE, None, NOON)
    claimed = claim_wanted(session, NOON)
    assert claimed is not None
    body = compute(session, NOON, {}, lambda _done, _total: None)
    keep_prepared(session, claimed, body, as_of=NOON, now=NOON, took_ms=1)


@pytest.fixture
def people(session: Session, make_member: MakeMember) -> dict[str, Member]:
    """Make a member of each stage, and one who is not here any more."""
    maker = Maker()
    made = {
        "recruit": make_member(joined_at=NOON - timedelta(days=3)),
        "activate": make_member(),
        "retain": make_member(),
        "upgrade": make_member(spend_twd=6_000, spent_on=TODAY - timedelta(days=90)),
    }
    maker.spend(session, made["activate"], 100, YESTERDAY)
    maker.spend(session, made["retain"], 200, TODAY - timedelta(days=40))
    maker.spend(session, made["retain"], 300, YESTERDAY)
    gone = make_member()
    gone.merged_into_id = made["retain"].id
    session.flush()
    return made


def test_each_member_stands_in_one_stage(session: Session, people: dict[str, Member]) -> None:
    """E-22: recruit, activate, retain, upgrade; their sum is everybody who is here."""
    overview = work_out(session)

    assert {stage.code: stage.members for stage in overview.stages} == dict.fromkeys(STAGES, 1)
    assert overview.health.members == len(people)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stages_number_opens_to_its_people(
    session: Session, people: dict[str, Member], stage: str
) -> None:
    """E-22: the rule behind a number has just its members."""
    rule = parse_rule(stage_rule(session, stage))

    assert size_of(session, rule, NOON, exact=True).members == 1


def test_who_came_lately_is_counted(session: Session, people: dict[str, Member]) -> None:
    """E-22: joined, bought first, came again within thirty days, and in the thirty before."""
    came = {stage.code: (stage.came, stage.came_before) for stage in work_out(session).stages}

    assert came["recruit"] == (1, 0)
    assert came["activate"] == (1, 1)
    assert came["retain"] == (1, 0)


def test_revenue_is_net_and_of_whole_days(session: Session, people: dict[str, Member]) -> None:
    Maker().spend(session, people["recruit"], 9_000, TODAY)  # Today is not over.
    overview = work_out(session)

    assert (overview.net_twd(), overview.net_twd(before=True)) == (400, 200)
    last = overview.lately[-1]
    assert (last.on, last.first_twd, last.again_twd, last.orders) == (YESTERDAY, 100, 300, 2)


def test_the_month_ends_where_it_goes_so_far(session: Session) -> None:
    """U1: the forecast goes on at the month's pace where nothing is planned."""
    left = remaining(session, NOON)

    assert forecast_month(left, None, NOON).expected == 0


def test_the_page_of_a_new_shop_says_what_comes(
    client: FlaskClient, make_staff: Callable[..., Staff]
) -> None:
    desk = Desk(client)
    desk.log_in(make_staff("auditor"))

    page = words(desk.get("/console/"))

    assert "數字正在準備" in page
    assert "目前沒有等待決定的事" in page


def test_the_page_shows_the_prepared_figures(
    client: FlaskClient,
    session: Session,
    make_staff: Callable[..., Staff],
    people: dict[str, Member],
) -> None:
    """A-26: the list's health stands beside the stages, with the moment they are of."""
    prepare(session)
    desk = Desk(client)
    desk.log_in(make_staff("marketer"))

    page = words(desk.get("/console/"))

    assert "資料截至 2026/11/22 12:00" in page
    for shown in ("招募", "啟用", "留存", "升級", "NT$400", "名單健康度", "本月訊息額度"):
        assert shown in page


def test_figures_are_made_anew_when_asked(
    client: FlaskClient, session: Session, make_staff: Callable[..., Staff]
) -> None:
    prepare(session)
    desk = Desk(client)
    desk.log_in(make_staff("marketer"))
    desk.get("/console/")

    asked = desk.send(f"/console/prepared/{FIGURE}", script=True, asked="{}")

    assert "計算中" in asked.text
    prepare(session)
    assert desk.fragment(f"/console/prepared/{FIGURE}").headers["HX-Refresh"] == "true"
    assert desk.send("/console/prepared/nothing", script=True).status_code == 409


def test_what_waits_is_told(session: Session, make_staff: Callable[..., Staff]) -> None:
    assert list_decisions(session, NOON) == []
    raise_alert(session, "not_me", evidence={}, key="alert:1", now=NOON, staff_id=make_staff().id)

    assert [(each.kind, each.count) for each in list_decisions(session, NOON)] == [("fraud", 1)]


def test_drafts_are_kept_by_the_page(client: FlaskClient, make_staff: Callable[..., Staff]) -> None:
    desk = Desk(client)
    desk.log_in(make_staff("marketer"))
    desk.get("/console/")

    saved = desk.send("/console/drafts/campaign:new", script=True, name="中秋", tags=["a", "b"])

    assert "草稿已存" in saved.text
    thrown = desk.send("/console/drafts/campaign:new/throw")
    assert thrown.status_code == 303
    assert desk.send(f"/console/drafts/{'x' * 81}", script=True).status_code == 409


def test_a_shop_without_members_is_led_to_its_set_up(
    client: FlaskClient, session: Session, make_staff: Callable[..., Staff]
) -> None:
    prepare(session)
    desk = Desk(client)
    desk.log_in(make_staff("owner"))

    page = desk.get("/console/").text

    assert "開始設定" in page
    assert "/console/settings/setup" in page


def test_what_is_scheduled_within_a_day_is_told_before_anybody_is_written_down(
    client: FlaskClient,
    session: Session,
    make_staff: Callable[..., Staff],
    make_member: MakeMember,
) -> None:
    """A campaign of tomorrow morning has no run yet; one of next week is not among them."""
    content = {"schema": 1, "messages": [{"type": "text", "text": {"zh-TW": "雨天外送"}}]}
    rule = {"schema": 1, "where": {"field": "points", "is": "at_least", "value": 0}}
    manager = make_staff("manager")
    make_member()
    for code, name, days in (("soon", "明早的活動", 0.9), ("later", "下週的活動", 7)):
        at = (NOON + timedelta(days=days)).isoformat()
        told = {"name": {"zh-TW": name}, "rule": rule, "content": content}
        told["schedule"] = {"when": "once", "at": at}
        add_campaign(session, code, told, by=manager.username, now=NOON)
        submit_campaign(session, code, by=manager.username, now=NOON)
    session.flush()
    desk = Desk(client)
    desk.log_in(manager)
    page = words(desk.get("/console/"))
    assert "明早的活動" in page
    assert "等待發送時間" in page
    assert "下週的活動" not in page

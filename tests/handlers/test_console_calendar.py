"""The calendar in the console: who gets what on which day, moving a campaign, festivals (X9)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.orm import Session

from jobs.prepare_figures import prepare_figures
from models.base import Sessions
from models.campaign import Campaign, get_campaign, set_approve_above
from models.campaign.moving import move_to_day
from models.campaign.refusals import NotMovable, ScheduleInPast
from models.journey import Journey
from models.local_day import TAIPEI, local_day
from models.member import Member
from models.outreach.calendar import calendar_of
from models.staff import Staff
from tests.conftest import NOON
from tests.handlers.clerk_driver import words
from tests.handlers.console_driver import Desk
from tests.models.campaign_shop import MANAGER, MARKETER, OWNER, RICH, make, open_office
from tests.models.test_outreach_plan import schedule

MakeMember = Callable[..., Member]
DAY = timedelta(days=1)
TODAY = local_day(NOON)
TOMORROW = TODAY + DAY
TEN = datetime(2026, 11, 24, 10, 0, tzinfo=TAIPEI)
A_MONTH = (date(2026, 11, 1), date(2026, 12, 1))


@pytest.fixture
def desk(client: FlaskClient, session: Session, make_staff: Callable[..., Staff]) -> Desk:
    """Return a marketer's desk, of a shop whose own journeys stand still."""
    open_office(session)
    session.execute(update(Journey).values(state="paused"))
    desk = Desk(client)
    desk.log_in(make_staff("marketer"))
    return desk


def prepare(session: Session, sessions: Sessions) -> None:
    """Do what the worker does."""
    session.commit()
    prepare_figures(sessions, lambda: NOON)
    session.expire_all()


def test_a_month_shows_who_gets_what_and_who_is_skipped(
    desk: Desk, session: Session, sessions: Sessions, make_member: MakeMember
) -> None:
    """X9: campaigns at once; people, cost and skips once they are worked out; festivals."""
    well = [make_member(points=600), make_member()]
    make_member(marketing=False)
    schedule(session, "tea", TEN, holdout_percent=0)
    schedule(session, "rich", TEN + timedelta(hours=2), segment=RICH, priority=90)
    make(session, "idea", schedule={"when": "once", "at": "2026-11-26T10:00"})
    session.commit()
    first = desk.get("/console/calendar").text
    assert "正在預估" in first
    assert first.count("冬日第二杯") >= 3
    prepare(session, sessions)
    month = desk.get("/console/calendar").text
    assert "略過 2" in month
    assert "草稿" in month
    assert "元旦" in desk.get("/console/calendar?month=2027-01").text
    day = desk.get("/console/calendar/day/2026-11-24").text
    assert "不同意行銷 1" in day
    assert "讓給更重要的訊息 1" in day
    assert all(member.number in day for member in well)
    assert "這一天沒有要發的訊息" in desk.get("/console/calendar/day/2026-11-25").text
    assert desk.get("/console/calendar/day/soon").status_code == 404
    assert desk.get("/console/calendar/day/1900-01-01").status_code == 404
    assert desk.get("/console/calendar?month=never").status_code == 200


def test_one_members_calendar_says_what_they_get_and_why_not(
    desk: Desk, session: Session, make_member: MakeMember
) -> None:
    """X9: of one member, each message with the reason where it will not go."""
    member = make_member(points=600)
    schedule(session, "tea", TEN)
    schedule(session, "rich", TEN + timedelta(hours=2), segment=RICH, priority=90)
    session.commit()
    page = desk.get(f"/console/calendar/member?member={member.number}").text
    assert "會收到" in page
    assert "讓給更重要的訊息" in page
    assert "找不到" in desk.get("/console/calendar/member?member=000000000").text
    assert "輸入一位會員" in desk.get("/console/calendar/member").text
    other = make_member(friend=False)
    session.commit()
    theirs = desk.get(f"/console/calendar/member?member={other.number}").text
    assert "不是好友或已封鎖" in theirs


def test_a_campaign_is_moved_after_its_effect_was_shown(
    desk: Desk, session: Session, make_member: MakeMember
) -> None:
    """X9, U17: shown first, then moved: the time stays, and it is confirmed anew."""
    make_member()
    schedule(session, "tea", TEN, holdout_percent=0)
    schedule(session, "other", TEN + 2 * DAY, priority=90)
    session.commit()
    move = "/console/calendar/campaigns/tea/move"
    shown = desk.get(f"{move}?day=2026-11-26").text
    assert "2026/11/24 10:00" in shown
    assert "2026/11/26 10:00" in shown
    assert "那一天還有" in shown
    session.expire_all()
    assert get_campaign(session, "tea").next_slot_at == TEN
    moved = desk.send(move, day="2026-11-26")
    assert moved.location == "/console/calendar/day/2026-11-26"
    session.expire_all()
    tea = get_campaign(session, "tea")
    assert (tea.next_slot_at, tea.state) == (TEN + 2 * DAY, "scheduled")
    assert "那個時間已經過了" in desk.get(f"{move}?day=2026-11-20").text
    assert desk.send(move, day="2026-11-20").status_code == 409
    assert desk.send(move).status_code == 409
    assert desk.get(f"{move}?day=never").status_code == 200


def test_what_needs_a_second_person_needs_one_again(
    session: Session, make_member: MakeMember
) -> None:
    open_office(session)
    make_member()
    draft = make(session, "idea", schedule={"when": "once", "at": TEN.isoformat()})
    moved = move_to_day(session, "idea", local_day(TEN + DAY), by=MARKETER, now=NOON)
    assert (moved.state, moved.schedule["at"]) == ("draft", "2026-11-25T10:00")
    schedule(session, "tea", TEN)
    set_approve_above(session, 0, by=OWNER, now=NOON)
    tea = move_to_day(session, "tea", local_day(TEN + DAY), by=MANAGER, now=NOON)
    assert (tea.state, tea.submitted_by, tea.next_slot_at) == ("waiting_approval", MANAGER, None)
    with pytest.raises(ScheduleInPast):
        move_to_day(session, draft.code, local_day(NOON - DAY), by=MARKETER, now=NOON)
    make(session, "weekly", schedule={"when": "recurring", "every": "daily", "time": "11:00"})
    with pytest.raises(NotMovable):
        move_to_day(session, "weekly", TOMORROW, by=MARKETER, now=NOON)


def test_the_calendar_knows_what_began_what_recurs_and_what_waits(
    session: Session, make_member: MakeMember
) -> None:
    """X9: runs that were opened stay on their day; a recurring campaign stands on each of its."""
    open_office(session)
    make_member()
    daily = {"when": "recurring", "every": "daily", "time": "11:00"}
    schedule(session, "daily", TEN + timedelta(hours=1), schedule=daily)
    waiting: Campaign = schedule(session, "waiting", TEN)
    waiting.state, waiting.next_slot_at = "waiting_approval", None
    over: Campaign = schedule(session, "over", TEN)
    over.state, over.next_slot_at = "scheduled", None
    session.flush()
    calendar = calendar_of(session, *A_MONTH, NOON)
    on_the_day = [(entry.code, entry.state) for entry in calendar.on(local_day(TEN))]
    assert on_the_day == [("waiting", "waiting_approval"), ("daily", "scheduled")]
    assert {entry.code for entry in calendar.entries} == {"daily", "waiting"}
    assert [entry.is_movable for entry in calendar.on(local_day(TEN))] == [True, False]
    assert len(calendar.entries) == 8


def test_festivals_are_listed_added_and_removed(desk: Desk, session: Session) -> None:
    """A-20: the shop's own days stand among those everybody has."""
    assert "中秋節" in desk.get("/console/festivals?year=2027").text
    told: dict[str, Any] = {"day": "2026-12-05", "days": "3", "name_zh-TW": "開幕慶"}
    kept = desk.send("/console/festivals", code="opening", once="1", **told)
    assert kept.location == "/console/festivals?year=2026"
    assert "開幕慶" in desk.get("/console/festivals").text
    assert "開幕慶" not in desk.get("/console/festivals?year=2027").text
    assert "開幕慶" in desk.get("/console/calendar?month=2026-12").text
    refused = desk.send("/console/festivals", code="christmas", **told)
    assert "不能和內建節日相同" in refused.text
    assert desk.send("/console/festivals", code="opening").status_code == 409
    desk.send("/console/drafts/festival:opening", script=True, code="opening", days="9")
    assert 'value="9"' in desk.get("/console/festivals?edit=opening").text
    again = desk.send("/console/festivals", code="opening", **told | {"days": "5"})
    assert again.status_code == 409
    assert "12 月 5 日起 3 天" in words(again)
    assert "小安 在 2026/11/22 12:00 設定" in words(again)
    desk.send("/console/festivals/opening/drop")
    assert "開幕慶" not in desk.get("/console/festivals").text
    assert "找不到這個節日" in desk.send("/console/festivals/opening/drop").text

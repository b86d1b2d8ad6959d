"""`flask outreach …` and `calendar`: as a marketer types and reads them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy.orm import Session

from models.journey import Journey
from models.member import Member
from models.outbox import Owed, forget_settled, settle
from models.outreach import get_rules
from models.staff import Staff
from tests.conftest import NOON
from tests.models.campaign_shop import open_office
from tests.models.test_outreach import marketing
from tests.models.test_outreach_plan import ELEVEN, schedule

MakeMember = Callable[..., Member]
Run = Callable[..., Result]
DAY = timedelta(days=1)


@pytest.fixture
def run(app: Flask, session: Session) -> Run:
    """Return a runner of commands."""
    cli = app.test_cli_runner()

    def run_command(*words: str) -> Result:
        session.commit()
        done: Result = cli.invoke(args=list(words))
        session.expire_all()
        return done

    return run_command


def test_rules_are_shown_and_set_in_versions(
    run: Run, session: Session, make_staff: Callable[..., Staff]
) -> None:
    """X9: caps, quiet hours and priorities are the shop's; who set them when is kept."""
    by = make_staff("manager").username
    assert run("outreach", "rules", "show").output.splitlines() == [
        "行銷訊息上限：每人每天 1 則；7 天內 3 則",
        "靜音時段：21:00–10:00（台北時間）",
        "喚回訊息：發出後 30 天內不再發另一則",
        "優先順序：birthday_gift 80、coupon_expiry 70、journey 60、win_back 55、campaign 50",
    ]
    told = run(
        "outreach", "rules", "set", "--day-cap", "off", "--window-cap", "5", "--quiet-from",
        "22:00", "--quiet-until", "22:00", "--priority", "campaign=90", "--priority",
        "birthday_gift=off", "--note", "年終", "--by", by,
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    assert told.output.startswith("行銷訊息上限：每人每天 不限；7 天內 5 則\n靜音時段：無\n")
    assert "campaign 90、coupon_expiry 70" in told.output
    assert "birthday_gift" not in told.output
    rules = get_rules(session)
    assert (rules.day_cap, rules.priorities["campaign"]) == (None, 90)
    shown = run("outreach", "rules", "show").output
    assert f"2026-11-22 12:00  {by}" in shown
    assert "年終" in shown


@pytest.mark.parametrize(
    "typed",
    [
        ("--day-cap", "few"),
        ("--quiet-from", "night"),
        ("--priority", "journey"),
        ("--priority", "=3"),
        ("--window-days", "99"),
    ],
)
def test_what_makes_no_sense_is_refused(
    run: Run, make_staff: Callable[..., Staff], typed: tuple[str, str]
) -> None:
    told = run(
        "outreach", "rules", "set", *typed, "--note", "x", "--by", make_staff("manager").username
    )
    assert told.exit_code != 0
    assert "Traceback" not in told.output


def test_the_calendar_tells_who_gets_what_and_what_it_costs(
    run: Run, session: Session, make_member: MakeMember
) -> None:
    """X9: day, time, what, source, people, cost, skipped with reasons, collisions."""
    open_office(session)
    session.query(Journey).update({"state": "paused"})
    assert run("calendar").output == "這段期間沒有預定的訊息。\n"
    member, held = make_member(), make_member()
    make_member(marketing=False)
    marketing(session, held, ELEVEN)
    schedule(session, "tea", ELEVEN)
    schedule(session, "later", ELEVEN + 3 * DAY)
    shown = run("calendar", "--days", "3").output.splitlines()
    assert shown[0].split() == [
        "日期", "時間", "內容", "來源", "優先", "人數", "費用", "略過（原因）", "撞期",
    ]  # fmt: skip
    assert shown[2].split() == [
        "2026-11-23（一）", "11:00", "冬日第二杯", "campaign:tea", "50", "1", "NT$0",
        "達到頻率上限", "1、不同意行銷", "1", "–",
    ]  # fmt: skip
    assert shown[3] == "合計 1 人次，LINE 訊息 1 則，加購約 NT$0"
    day = run("calendar", "--day", "2026-11-23").output
    number = member.number
    assert f"冬日第二杯：{number[:4]} {number[4:8]} {number[8:]}\n" in day
    own = run("calendar", "--member", held.number).output
    assert own.count("campaign:") == 2
    assert "達到頻率上限 1" in own
    assert run("calendar", "--member", "000000000").exit_code == 1


def test_the_share_of_free_deliveries_outlives_the_outbox(
    run: Run, session: Session, make_member: MakeMember
) -> None:
    """X10: nudges that rode on replies, month by month, also of rows that are long forgotten."""
    member = make_member()
    for days, via, push_at in (
        (0, "reply", NOON), (0, "reply", NOON), (0, "push", NOON), (0, "push", None),
        (0, "reply", None), (40, "reply", NOON), (40, "push", None),
    ):  # fmt: skip
        row = marketing(session, member, NOON, state="waiting", push_at=push_at)
        settle(session, row.id, "accepted", NOON - days * DAY, via=via)
    marketing(session, member, NOON - 40 * DAY, state="skipped")
    before = run("outreach", "share").output
    assert [line.split() for line in before.splitlines()[2:]] == [
        ["2026-11", "2", "1", "67%", "1", "1"],
        ["2026-10", "1", "0", "100%", "1", "0"],
    ]
    assert forget_settled(session, NOON - 30 * DAY, limit=2) == 2
    assert forget_settled(session, NOON - 30 * DAY, limit=2) == 1
    assert session.query(Owed).count() == 5
    assert run("outreach", "share").output == before

"""Campaigns by command: written in a line, confirmed by two, proved and reported in Chinese."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.campaign import Campaign
from models.member import Member
from models.sending import CampaignRun
from tests.conftest import NOON, Clock, Maker
from tests.models.campaign_shop import EVERYBODY, MARKETER, OWNER, open_office, told
from tests.models.test_insight import AFTER, buy, sent

SIMPLE = ("--segment", EVERYBODY, "--text", "{name|朋友}，雙 11 第二杯半價！")


@pytest.fixture
def cli(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


@pytest.fixture
def members(session: Session) -> list[Member]:
    open_office(session)
    made = [Maker().member(session, marketing=place != 3) for place in range(4)]
    session.commit()
    return made


def run(cli: FlaskCliRunner, *words: str, by: str | None = MARKETER, fails: bool = False) -> str:
    """Run a campaign command; return what it printed."""
    also = ["--by", by] if by else []
    done = cli.invoke(args=["campaign", *words, *also])
    assert (done.exit_code != 0) is fails, done.output
    return done.output


def test_a_campaign_is_written_in_a_line(cli: FlaskCliRunner, members: list[Member]) -> None:
    """X2: the simple path; before anybody confirms: audience, holdout, cost and quota."""
    printed = run(cli, "add", "雙十一", *SIMPLE, "--at", "2026-11-25 11:00", "--holdout", "0")

    assert "c20261122：草稿已建立" in printed
    assert "對象 4 人" in printed
    assert "送得到 3 人（LINE 3、郵件 0）" in printed
    assert "發送 2026-11-25 11:00" in printed
    assert "費用 NT$0（免費額度 3 則" in printed
    assert "雙十一" in run(cli, "list", by=None)
    shown = run(cli, "show", "c20261122", by=None)
    assert "文字：{name|朋友}，雙 11 第二杯半價！" in shown
    assert "c20261122-2" in run(cli, "add", "另一個", *SIMPLE)
    assert "spring-sale" in run(cli, "add", "Spring Sale", *SIMPLE, "--weekly", "mon,thu")
    assert "每週一、四 11:00" in run(cli, "list", by=None)


def test_a_draft_is_changed_by_file_and_options(
    cli: FlaskCliRunner, members: list[Member], tmp_path: Path
) -> None:
    file = tmp_path / "campaign.json"
    file.write_text(json.dumps({key: value for key, value in told().items() if key != "name"}))
    run(cli, "add", "冬日", str(file), "--code", "winter")
    assert json.loads(run(cli, "show", "winter", "--json", by=None))["segment"] == EVERYBODY

    run(cli, "change", "winter", "--text", "新的內容", "--name", "冬天", "--weekly", "fri")
    run(cli, "clone", "winter", "winter-2")

    assert "新的內容" in run(cli, "show", "winter-2", by=None)
    log = run(cli, "log", "winter", by=None)
    assert ("建立" in log, "修改" in log, MARKETER in log) == (True, True, True)
    assert "announcement" in run(cli, "gallery", by=None)
    assert "campaign_exists" in run(cli, "clone", "winter", "winter-2", fails=True)
    assert "--text" in run(cli, "add", "x", "--segment", EVERYBODY, fails=True)


def test_above_the_limit_a_second_person_approves(
    cli: FlaskCliRunner, members: list[Member]
) -> None:
    """Approval: not by who submitted it; every step is kept."""
    run(cli, "limit", "2", by=OWNER)
    when = ("--at", "2026-11-25 11:00", "--holdout", "0")
    run(cli, "add", "大活動", *SIMPLE, "--code", "big", *when)

    submitted = run(cli, "submit", "big", by=OWNER)

    assert "待核准" in submitted
    assert "campaign_not_allowed" in run(cli, "approve", "big", by=OWNER, fails=True)
    assert "已排程，2026-11-25 11:00 發送" in run(cli, "approve", "big", by="kai")
    for step, done in (("pause", "已暫停"), ("resume", "繼續發送"), ("cancel", "已取消")):
        assert done in run(cli, step, "big")
    log = run(cli, "log", "big", by=None)
    assert all(what in log for what in ("送出", "核准", "暫停", "繼續", "取消"))


def test_a_test_goes_to_members_by_number(cli: FlaskCliRunner, members: list[Member]) -> None:
    run(cli, "add", "試", *SIMPLE, "--code", "try")
    assert "1 人，共 1 則" in run(cli, "test", "try", members[0].number)
    assert "對象" in run(cli, "preview", "try", by=None)
    assert "campaign_not_in_this_state" in run(cli, "send-back", "try", fails=True)


def test_proof_and_report_are_told_in_words(
    cli: FlaskCliRunner, members: list[Member], session: Session, clock: Clock
) -> None:
    """X2, U5, T9: the sum, each member's outcome with its reason, the lift with 「資料不足」."""
    run(cli, "add", "冬日", *SIMPLE, "--code", "winter")
    assert "還沒有發送" in run(cli, "report", "winter", by=None)
    ids = [member.id for member in members]
    run_id = sent(session, ids[:2], held=[ids[2]], skipped={ids[3]: "marketing_stopped"})
    campaign = session.scalars(select(Campaign).where(Campaign.code == "winter")).one()
    session.get_one(CampaignRun, run_id).campaign_id = campaign.id
    buy(session, ids[0], NOON.replace(hour=8), paid=120)
    session.commit()
    clock.now = AFTER

    proof = run(cli, "proof", "winter", by=None)
    listed = run(cli, "proof", "--run", str(run_id), "--state", "skipped", by=None)
    one = run(cli, "proof", "--member", members[3].number, by=None)
    report = run(cli, "report", "winter", by=None)

    assert "✓" in proof
    assert "不同意行銷 1" in proof
    assert (members[2].number in listed, members[0].number in listed) == (True, False)
    assert "不同意行銷" in one
    rows = {line.split()[0]: line.split() for line in report.splitlines() if line.strip()}
    assert rows["對象"][1] == "4"
    assert rows["購買"][1:3] == ["1", "50.0%"]
    assert rows["淨營收"][1] == "NT$120"
    assert "資料不足" in report
    assert "CODE" in run(cli, "proof", by=None, fails=True)

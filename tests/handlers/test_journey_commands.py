"""`flask journey …`: as a marketer types and reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy.orm import Session

from models.base import Sessions
from models.journey import get_journey
from models.member import Member
from models.staff import Staff
from tests.conftest import NOON
from tests.models.journey_shop import DAY, MINUTE, begin, buy, go, owed, send, visits, wait, written

MakeMember = Callable[..., Member]
Run = Callable[..., Result]
WEEK = [wait("week", "care", **{"for": {"days": 7}}), send("care", words="{name}，好嗎？")]


@pytest.fixture
def run(app: Flask, session: Session) -> Run:
    """Return a runner of commands."""
    cli = app.test_cli_runner()

    def run_command(*words: str) -> Result:
        session.commit()
        done: Result = cli.invoke(args=["journey", *words])
        session.expire_all()
        return done

    return run_command


@pytest.fixture
def by(make_staff: Callable[..., Staff]) -> tuple[str, str]:
    return "--by", make_staff("manager").username


def file_of(path: Path, *steps: object, **also: object) -> str:
    file = path / "journey.json"
    file.write_text(json.dumps(written(steps or WEEK, **also), ensure_ascii=False))
    return str(file)


def test_a_journey_is_kept_switched_on_changed_and_shown(
    run: Run, by: tuple[str, str], tmp_path: Path
) -> None:
    """B-16: from a file to a diagram in words."""
    kept = run("add", "care", file_of(tmp_path), "--name", "購後關懷", "--note", "試辦", *by)
    assert kept.output == "care：已存為草稿，用 journey activate care 啟用\n"
    assert run("activate", "care", *by).output == "care：進行中\n"
    exported = json.loads(run("export", "care").output)
    exported["holdout_percent"] = 20
    (tmp_path / "new.json").write_text(json.dumps(exported))
    changed = run("change", "care", str(tmp_path / "new.json"), "--made-from", "1", *by)
    assert changed.output == "care：第 2 版\n"
    shown = run("show", "care").output
    assert "購後關懷（care）第 2 版，進行中" in shown
    assert "觸發：消費（只走一次）" in shown
    assert " 1. week｜等 7 天\n    進 0　等待 0　出 0\n    → care" in shown
    assert "對照組：20%" in shown
    versions = run("versions", "care").output
    assert "試辦" in versions
    assert run("rename", "care", "關懷", *by).output == "care：關懷\n"
    assert run("pause", "care", *by).output == "care：暫停\n"
    assert "care" in run("list").output
    assert run("archive", "care", *by).output == "care：已封存\n"
    assert "care " not in run("list").output
    assert "care " in run("list", "--archived").output


def test_what_cannot_be_walked_is_told_with_its_place(
    run: Run, by: tuple[str, str], tmp_path: Path
) -> None:
    nowhere = run("add", "x", file_of(tmp_path, send("a", "b")), "--name", "x", *by)
    assert nowhere.exit_code == 1
    assert "journey_unknown_step: steps[0].next：沒有「b」這個步驟；有：a。" in nowhere.output
    (tmp_path / "bad.json").write_text("{")
    assert (
        "journey_not_a_definition"
        in run("add", "x", str(tmp_path / "bad.json"), "--name", "x", *by).output
    )
    (tmp_path / "long.json").write_text(" " * 300_000)
    assert (
        "journey_not_a_definition"
        in run("add", "x", str(tmp_path / "long.json"), "--name", "x", *by).output
    )
    assert "no_such_journey" in run("show", "x").output


def test_members_on_the_way_are_seen_moved_and_taken_off(
    run: Run,
    by: tuple[str, str],
    tmp_path: Path,
    sessions: Sessions,
    session: Session,
    make_member: MakeMember,
) -> None:
    member, other = make_member(), make_member()
    begin(session, "care", WEEK, exit_when=["purchase"])
    for each in (member, other):
        buy(session, each, NOON + MINUTE)
    go(sessions, session, NOON + 2 * MINUTE)
    buy(session, other, NOON + 3 * MINUTE)
    go(sessions, session, NOON + 4 * MINUTE)
    visit = visits(session)[0].id
    listed = run("members", "care", "--limit", "1").output
    assert member.number in listed
    assert f"接著看：--after {visit}" in listed
    assert (
        other.number not in run("members", "care", "--state", "under_way", "--step", "week").output
    )
    shown = run("show", "care").output
    assert "進 2　等待 1　出 1（已再消費 1）" in shown
    assert "提前離開的原因" in shown
    assert "started" not in run("path", str(visit)).output
    month = [wait("month", "care", **{"for": {"days": 30}}), send("care")]
    run("change", "care", file_of(tmp_path, *month), "--made-from", "1", *by)
    refused = run("move", "care", "--from", "1", "--to", "2", *by)
    assert "journey_steps_missing" in refused.output
    moved = run("move", "care", "--from", "1", "--to", "2", "--step", "week=month", *by)
    assert moved.output == "care：1 人改走第 2 版\n"
    assert "（其他版本）week：進 2，出 2" in run("show", "care").output
    assert run("give-up", "care", str(visit), *by).output == f"{visit}：提前離開\n"


def test_a_trial_says_what_would_be_said(
    run: Run, session: Session, make_member: MakeMember
) -> None:
    """X5: every step with its moment, and the very words; nothing is done."""
    member = make_member(phone="+886912345678")
    ask = {"id": "ask", "do": "condition", "if": {"may_write": True}, "yes": "week", "no": None}
    begin(session, "care", [ask, *WEEK], hold_minutes=30)
    buy(session, member, NOON)
    told = run("try", "care", "0912345678").output
    assert "觸發：2026-11-22 12:00" in told
    assert "2026-11-29 12:00  care｜發送訊息：已交付發送 → 結束" in told
    assert "經 LINE：\n    王小明，好嗎？" in told
    assert told.endswith("結果：走完\n")
    stranger = make_member(marketing=False)
    told = run("try", "care", stranger.number).output
    assert "沒有觸發事件，假設是現在" in told
    assert "實際上不會開始：不收行銷訊息" in told
    assert owed(session) == []


def test_templates_are_listed_and_installed(
    run: Run, by: tuple[str, str], session: Session
) -> None:
    """B-16: at least twelve are on the shelf."""
    listed = run("templates").output
    assert len(listed.splitlines()) >= 2 + 12
    assert "birthday" in listed
    code = next(
        line.split()[0]
        for line in listed.splitlines()[2:]
        if line.split()[0] not in {each.split()[0] for each in run("list").output.splitlines()}
    )
    installed = run("install", code, "--draft", *by)
    assert installed.output.endswith("（草稿）\n")
    assert get_journey(session, code).state == "draft"


def test_tasks_are_listed_and_ticked_off(
    run: Run,
    by: tuple[str, str],
    sessions: Sessions,
    session: Session,
    make_member: MakeMember,
) -> None:
    card = {"id": "card", "do": "task", "what": {"zh-TW": "手寫生日卡"}, "next": None}
    begin(session, "care", [card], now=NOON - DAY)
    buy(session, make_member(), NOON - MINUTE)
    go(sessions, session, NOON)
    listed = run("tasks").output
    assert "手寫生日卡" in listed
    task = listed.splitlines()[2].split()[0]
    assert run("done", task, *by).output == f"{task}：已完成\n"
    assert "no_such_journey_task" in run("done", task, *by).output

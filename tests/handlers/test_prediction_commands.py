"""`segment predict …`: what is foretold, as a marketer reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models.base import Sessions
from models.care_task import CareTask
from models.member import get_member
from models.staff import Staff
from tests.conftest import NOON
from tests.models.prediction_shop import TODAY, add_members, make_buyers

Run = Callable[..., str]


@pytest.fixture
def run(app: Flask, session: Session) -> Run:
    """Return a runner of the commands."""
    cli = app.test_cli_runner()

    def run_command(*told: str, exit_code: int = 0) -> str:
        session.commit()
        done = cli.invoke(args=["segment", "predict", *told])
        assert done.exit_code == exit_code, done.output
        session.expire_all()
        return done.output

    return run_command


@pytest.fixture
def ids(sessions: Sessions, session: Session) -> list[int]:
    """Return the members of a shop that can be foretold."""
    return make_buyers(session, 400)


def test_a_fit_is_told_with_its_back_test(run: Run, ids: list[int]) -> None:
    """B-18: parameters, hit rate in the top 10% against the average, calibration by tenths."""
    told = run("fit")
    for words in (
        "買過的會員 400 人",
        "BG/NBD：r=",
        "Gamma-Gamma：p=",
        "分數最高的 10% 會員",
        "倍",
    ):
        assert words in told
    assert told.count("個十分之一") == 10
    assert told.endswith(run("show"))


def test_one_member_and_the_likeliest_are_told(run: Run, session: Session, ids: list[int]) -> None:
    """B-18, E-10, A-26: chance, orders, value, risk with reasons."""
    run("fit")
    number = get_member(session, ids[0]).number
    told = run("member", number)
    for words in ("未來 14 天會購買", "365 天預期", "終身價值", "流失風險", "・"):
        assert words in told
    assert len(run("likely", "--most", "5").splitlines()) == 1 + 2 + 5
    stranger = get_member(session, add_members(session, [TODAY])[0]).number
    assert "無從預測" in run("member", stranger)


def test_worth_health_and_tiers_are_told(run: Run, ids: list[int], tmp_path: Path) -> None:
    """A-26, E-19: value a tier, list health, tiers in a quarter under these and other rules."""
    run("fit")
    assert "每人終身價值" in run("value")
    assert "可推播" in run("health")
    draft = tmp_path / "rules.json"
    rules = {
        "effective_on": "2026-12-01",
        "thresholds": {"silver": 1_000, "gold": 9_000, "black": 30_000},
        "note": "easier",
    }
    draft.write_text(json.dumps(rules))
    told = run("tiers", "--draft", str(draft))
    assert "2027-02-21 的各等級人數預測（抽樣 400 人" in told
    assert "新規則 2027-02-21" in told
    assert "新規則" not in run("tiers")


def test_too_little_is_said_with_what_is_missing(run: Run, session: Session) -> None:
    """B-18: nothing yet, then a refusal with its numbers; no table of guesses."""
    assert "還沒有預測" in run("show", exit_code=1)
    assert "no_forecast_yet" in run("likely", exit_code=1)
    make_buyers(session, 30)
    told = run("fit")
    assert "資料太少，不做預測" in told
    assert "在兩天以上買過的會員" in told
    assert "至少要 100 人" in told
    assert "not_enough_to_predict" in run("value", exit_code=1)


def test_care_is_listed_ticked_and_reported(
    run: Run, session: Session, make_staff: Callable[..., Staff]
) -> None:
    """E-10: whom to call, what came of it, whether it helps."""
    make_staff("manager", username="boss")
    assert "沒有要聯絡的會員" in run("care", "list")
    (member_id,) = add_members(session, [TODAY])
    task = CareTask(
        member_id=member_id,
        made_on=TODAY,
        made_at=NOON,
        is_holdout=False,
        risk=0.75,
        value_twd=12_000,
        reasons=[{"code": "points_ending", "figures": {"points": 80, "ending_days": 30}}],
    )
    session.add(task)
    session.flush()
    told = run("care", "list")
    assert f"[ ] {task.id}" in told
    assert "王○明  NT$12,000  流失風險 75%" in told
    assert "・80 點將在 30 天內到期" in told
    run("care", "done", str(task.id), "--by", "boss", "--outcome", "will_come")
    assert "→ 會再來" in run("care", "list")
    run("care", "done", str(task.id), "--by", "boss", "--undo")
    assert f"[ ] {task.id}" in run("care", "list")
    run("care", "done", str(task.id), "--by", "boss", exit_code=2)
    assert "資料還不夠：兩邊都要有 30 人以上" in run("care", "report")

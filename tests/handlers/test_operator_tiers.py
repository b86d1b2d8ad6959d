"""Tiers by command: look, preview, publish; metrics, events, sales, pages, benefits, keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.benefit import Benefit
from models.gathering import ContentPage, Gathering, SaleEvent
from models.member import Member
from models.tier import TierVersion

MakeMember = Callable[..., Member]
DRAFT = {
    "effective_on": "2026-12-01",
    "basis": "rolling_365",
    "thresholds": {"silver": 8_000, "gold": 20_000, "black": 40_000},
    "note": "年度調整",
    "rights_kept_until": "2027-06-30",
}


@pytest.fixture
def cli(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


@pytest.fixture
def draft(tmp_path: Path) -> str:
    file = tmp_path / "draft.json"
    file.write_text(json.dumps(DRAFT), encoding="utf-8")
    return str(file)


def run(cli: FlaskCliRunner, *arguments: str) -> str:
    done = cli.invoke(args=list(arguments))
    assert done.exit_code == 0, done.output
    return done.output


def test_a_draft_is_previewed_and_published(
    cli: FlaskCliRunner, session: Session, make_member: MakeMember, draft: str
) -> None:
    """E-20, U17: preview, then publish; the list marks what is in force."""
    make_member(spend_twd=6_000)
    session.commit()
    assert "silver     -> basic" in run(cli, "tier", "preview", draft)
    assert "保留權益" in run(cli, "tier", "publish", draft, "--by", "owner", "--yes")
    newest = select(TierVersion.note).order_by(TierVersion.effective_on.desc()).limit(1)
    assert session.scalars(newest).one() == "年度調整"
    assert "銀卡會員 8,000" in run(cli, "tier", "list")
    refused = cli.invoke(args=["tier", "publish", draft, "--by", "owner", "--yes"])
    assert "tier_rules_refused" in refused.output
    assert "4 個等級" in run(cli, "tier", "lint", draft)


def test_a_tier_may_be_called_and_coloured_otherwise(cli: FlaskCliRunner) -> None:
    """D-02: names and colours are the shop's."""
    told = run(cli, "tier", "style", "gold", "--name", "白金會員", "--colour", "#C0C0C0")
    assert told == "gold: 白金會員 #C0C0C0\n"
    assert "白金會員 15,000" in run(cli, "tier", "list")
    assert cli.invoke(args=["tier", "style", "gold", "--colour", "gold"]).exit_code == 2
    assert cli.invoke(args=["tier", "style", "jade"]).exit_code == 1


def test_a_file_that_is_no_draft_is_refused(cli: FlaskCliRunner, tmp_path: Path) -> None:
    file = tmp_path / "draft.json"
    file.write_text('{"basis": "whim"}', encoding="utf-8")
    assert "No draft" in cli.invoke(args=["tier", "lint", str(file)]).output


def test_staff_read_why_a_member_is_there(
    cli: FlaskCliRunner, session: Session, make_member: MakeMember
) -> None:
    """X5: by command."""
    member = make_member(spend_twd=8_000)
    session.commit()
    assert "再 NT$7,000 升級金卡會員" in run(cli, "tier", "explain", member.number)
    told = json.loads(run(cli, "tier", "explain", member.number, "--json"))
    assert told["value"] == 8_000
    assert cli.invoke(args=["tier", "explain", "999"]).exit_code == 1
    assert run(cli, "tier", "funnel", "--stuck", "qualified").startswith("qualified")


def test_metrics_are_set_and_shown(
    cli: FlaskCliRunner, session: Session, make_member: MakeMember
) -> None:
    """D-03: by command."""
    member = make_member()
    session.commit()
    assert run(cli, "metric", "set", member.number, "lessons", "7") == "lessons = 7.\n"
    assert "7" in run(cli, "metric", "show", member.number)
    assert "已完成課程數" in run(cli, "metric", "define", "lessons", "已完成課程數")


def test_events_sales_pages_and_benefits_are_added(
    cli: FlaskCliRunner, session: Session, make_member: MakeMember
) -> None:
    """A-11, C-13, D-02: by command."""
    at = ["--at", "2026-12-10T19:00", "--seats", "8", "--tier", "black"]
    run(cli, "event", "add", "tea", "--name", "品茶會", "--place", "信義店", *at)
    assert "8 left" in run(cli, "event", "list")
    member = make_member(tier="black")
    session.commit()
    assert "had no seat" in run(cli, "event", "attendance", "tea", "--came", member.number)
    run(cli, "sale", "add", "new", "--name", "新品", "--opens", "2026-12-01T10:00")
    run(cli, "content", "add", "guide", "--title", "茶", "--body", "泡茶", "--tier", "silver")
    terms = ["--tier", "gold", "--terms", '{"percent": 200, "month_days": [8]}']
    run(cli, "benefit", "add", "points_multiplier", *terms)
    assert "points_multiplier" in run(cli, "benefit", "list")
    for model in (Gathering, SaleEvent, ContentPage, Benefit):
        assert session.scalars(select(model)).all()
    assert cli.invoke(args=["benefit", "add", "points_multiplier", *terms[:3], "{}"]).exit_code == 1


def test_a_key_is_printed_once(cli: FlaskCliRunner) -> None:
    secret = run(
        cli, "api-key", "add", "till", "--store", "TP01", "--scope", "members:read"
    ).strip()
    assert secret.startswith("rk_")
    assert secret not in run(cli, "api-key", "list")
    assert "Revoked" in run(cli, "api-key", "revoke", run(cli, "api-key", "list").split()[0])


def test_the_ladders_health_is_printed(
    cli: FlaskCliRunner, session: Session, make_member: MakeMember
) -> None:
    """E-04: share, who is close, months to the next step, and what is odd."""
    make_member(spend_twd=4_500)
    session.commit()
    first, *_ = run(cli, "tier", "health").splitlines()
    assert first.startswith("一般會員：1 人（100.0%），接近下一級 1 人，到下一級中位數 1.3 個月")
    assert "門檻可能太高" in first

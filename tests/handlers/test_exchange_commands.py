"""A-08, U18: moving in and out by command, as an operator types it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.member import Member
from models.purchase import Purchase

MEMBERS = "手機,姓名,點數\n0912000001,王小明,50\n02-27001234,李,\n"
PURCHASES = "訂單編號,訂單時間,手機,金額\nA1,2026/11/20 10:30,0912000001,500\n"


@pytest.fixture
def cli(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "members.csv").write_text(MEMBERS, encoding="cp950")
    (tmp_path / "purchases.csv").write_text(PURCHASES, encoding="utf-8-sig")
    return tmp_path


def run(cli: FlaskCliRunner, *words: str | Path) -> Result:
    return cli.invoke(args=[str(word) for word in words])


def count(session: Session, model: type[Member | Purchase]) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def test_a_dry_run_reports_each_row_in_words(
    cli: FlaskCliRunner, session: Session, folder: Path
) -> None:
    """A-08: dry run and report in zh-TW; nothing is written."""
    report = folder / "report.csv"
    done = run(cli, "import", "members", folder / "members.csv", "--dry-run", "--report", report)

    assert done.exit_code == 0, done.output
    assert "試跑：什麼都沒有寫入" in done.output
    assert "新的：1" in done.output
    assert count(session, Member) == 0
    with report.open(encoding="utf-8-sig") as opened:
        (row,) = csv.DictReader(opened)
    assert (row["列號"], row["欄位"], row["程度"]) == ("3", "手機", "錯誤（不匯入）")
    assert "02-27001234" in row["問題"]
    assert row["建議處理"]


def test_members_then_purchases_then_undone(
    cli: FlaskCliRunner, session: Session, folder: Path
) -> None:
    """A-08, U18: the whole way in, the list of imports, and back."""
    assert "完成" in run(cli, "import", "members", folder / "members.csv").output
    told = ("--store", "tp01", "--earn", "points")
    done = run(cli, "import", "purchases", folder / "purchases.csv", *told)
    assert done.exit_code == 0, done.output
    assert "給出的點數：5" in done.output
    assert session.scalars(select(Member.points)).one() == 55

    listed = run(cli, "import", "list").output.splitlines()
    assert ["purchases" in line for line in listed] == [True, False]
    batch_id = listed[0].split()[0]
    undone = run(cli, "import", "undo", batch_id, "--yes")
    assert "1 筆消費已沖銷" in undone.output
    assert "5 點已收回" in undone.output
    session.expire_all()
    assert session.scalars(select(Member.points)).one() == 50


def test_points_are_off_and_the_operator_is_told(cli: FlaskCliRunner, folder: Path) -> None:
    run(cli, "import", "members", folder / "members.csv")
    done = run(cli, "import", "purchases", folder / "purchases.csv", "--store", "TP01")

    assert "這些消費不給點數" in done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("import", "members", "purchases.csv", "--map", "nowhere.json"), "不是預設對應"),
        (("import", "purchases", "members.csv", "--store", "TP01"), "找不到需要的欄位"),
        (("import", "purchases", "purchases.csv"), "--store"),
        (("import", "purchases", "purchases.csv", "--store", "XX99"), "no store has the code"),
        (("import", "undo", "999999", "--yes"), "no_such_batch"),
        (("restore", "."), "manifest.json"),
        (("export", "."), "已經有東西"),
    ],
    ids=lambda given: " ".join(given[:3]) if isinstance(given, tuple) else given,
)
def test_what_cannot_be_done_is_said_in_a_line(
    cli: FlaskCliRunner,
    session: Session,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(folder)
    done = run(cli, *words)

    assert done.exit_code != 0
    assert said in done.output
    assert "Traceback" not in done.output
    assert count(session, Purchase) == 0


def test_everything_goes_out_and_says_what_stays(cli: FlaskCliRunner, tmp_path: Path) -> None:
    """U18, X14: one command for all, one for people."""
    done = run(cli, "export", tmp_path / "all")
    assert done.exit_code == 0, done.output
    assert "outbox" in done.output
    assert (tmp_path / "all" / "manifest.json").exists()

    readable = run(cli, "export", tmp_path / "people", "--readable")
    assert "未遮蔽的個人資料" in readable.output
    assert {file.name for file in (tmp_path / "people").iterdir()} == {
        "members.csv",
        "purchases.csv",
        "points.csv",
    }

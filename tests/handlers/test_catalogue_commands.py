"""The catalogue by command: brought in from a file, shown, and written to one."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy.orm import Session

from models.browse_event import Look, keep_looks
from models.catalogue import CatalogueItem, Item, keep_items, list_items
from models.checkout import Line, Sale, record_purchase
from models.member import Member
from models.shop import Store
from tests.conftest import NOON

MakeMember = Callable[..., Member]
Run = Callable[..., Result]
FILE = """商品貨號,商品名稱,國際條碼,分類,售價,成本,有貨
MT-L,珍珠鮮奶茶（大）,4710000000017,鮮奶茶,NT$75,24,是
GT-M,四季春,,原茶,35,,否
,沒有編號,,,,,
MT-L,又一次,,,,,
BAD,壞價格,,,七十五,,
"""


@pytest.fixture
def run(app: Flask, session: Session) -> Run:
    """Return a runner of commands."""
    cli = app.test_cli_runner()

    def run_command(*words: str | Path) -> Result:
        session.commit()
        done: Result = cli.invoke(args=["catalogue", *map(str, words)])
        session.expire_all()
        return done

    return run_command


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "items.csv"
    path.write_text(FILE, encoding="cp950")
    return path


def skus(session: Session) -> list[str]:
    return [item.sku for item in list_items(session, limit=9)]


def test_a_file_of_items_comes_in_and_each_bad_row_is_named(
    run: Run, session: Session, file: Path
) -> None:
    """B-09: catalogue items with cost, from the shop's own spreadsheet in Big5."""
    report = file.with_name("report.csv")
    done = run("import", file, "--report", report)
    assert done.exit_code == 0, done.output
    assert "新的：2" in done.output
    item = session.get_one(CatalogueItem, "MT-L")
    assert (item.price_twd, item.cost_twd, item.barcode) == (75, 24, "4710000000017")
    assert not session.get_one(CatalogueItem, "GT-M").is_available
    with report.open(encoding="utf-8-sig") as opened:
        problems = {row["列號"]: row["欄位"] for row in csv.DictReader(opened)}
    assert problems == {"4": "商品貨號", "5": "商品貨號", "6": "售價"}
    assert "沒有變更：2" in run("import", file).output


def test_a_dry_run_keeps_nothing(run: Run, session: Session, file: Path) -> None:
    done = run("import", file, "--dry-run")
    assert "試跑" in done.output
    assert "新的：2" in done.output
    assert skus(session) == []


def test_a_row_with_the_barcode_of_another_item_is_left_out(
    run: Run, session: Session, file: Path
) -> None:
    keep_items(session, [Item("OLD", "舊品", barcode="4710000000017")], NOON)
    done = run("import", file)
    assert done.exit_code == 0, done.output
    assert "已屬於另一項商品" in done.output
    assert skus(session) == ["GT-M", "OLD"]


def test_a_file_that_is_no_catalogue_is_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("手機,姓名\n0912,王\n", encoding="utf-8")
    done = run("import", path)
    assert done.exit_code == 1
    assert "商品編號" in done.output


def test_what_is_written_can_be_read_again(run: Run, session: Session, tmp_path: Path) -> None:
    items = [
        Item("=1+1", "+特調", "0012", "茶", 0, 0, False, "https://a.example/x?y=1"),
        Item("B", "紅茶, 大", is_available=True, image_url="https://a.example/b.jpg"),
    ]
    keep_items(session, items, NOON)
    path = tmp_path / "out.csv"
    assert "2 items" in run("export", path).output
    assert "沒有變更：2" in run("import", path).output
    assert skus(session) == ["=1+1", "B"]


def test_items_and_bestsellers_are_listed(
    run: Run, session: Session, make_member: MakeMember, store: Store
) -> None:
    """A-07: what sold best and can be had."""
    keep_items(session, [Item("A", "紅茶", price_twd=35), Item("B", "奶茶", cost_twd=9)], NOON)
    lines = (Line("", 35, sku="A"), Line("", 100, 2, sku="B"))
    record_purchase(session, Sale(make_member().id, store, None, 135, "k", lines=lines), NOON)
    assert run("list", "--after", "A").output.splitlines() == [f"{'B':<16} 奶茶  cost NT$9"]
    best = run("list", "--best").output.splitlines()
    assert [line.split()[0] for line in best] == ["2", "1"]


def test_who_never_bought_is_listed_with_what_they_looked_at(
    app: Flask, session: Session, make_member: MakeMember
) -> None:
    """B-02: registered, no order, so many days, and what to recommend."""
    member = make_member(joined_at=NOON - timedelta(days=7))
    make_member(joined_at=NOON - timedelta(days=6))
    looks = [Look("e", member.number, "view", NOON, sku="MT-L")]
    keep_looks(session, "shop", looks, NOON)
    session.commit()
    done = app.test_cli_runner().invoke(args=["member", "without-order", "--days", "7"])
    (line,) = done.output.splitlines()
    assert line.endswith("view MT-L")

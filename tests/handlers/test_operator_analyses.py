"""The analyses by command: tables a shop's owner understands, JSON, and the articles' shop."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from handlers.operator.analysis_tables import SHOWN
from handlers.operator.table import width_of
from models.analysis import ANALYSES
from models.checkout import Line, Sale, record_purchase
from models.demo.article_shop import load_article_shop
from models.member import Member
from models.shop import Store
from tests.conftest import NOON

MakeMember = Callable[..., Member]


@pytest.fixture
def cli(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


def run(cli: FlaskCliRunner, *arguments: str) -> str:
    done = cli.invoke(args=["segment", "analyse", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_every_analysis_has_its_table(
    cli: FlaskCliRunner, session: Session, make_member: MakeMember, store: Store
) -> None:
    """X4: what the registry lists can be asked by command, of a shop with one sale and of none."""
    assert set(SHOWN) == set(ANALYSES)
    for name in set(ANALYSES) - {"budget"}:
        assert "截至 2026-11-22" in run(cli, name)
    member = make_member()
    lines = (Line("金萱烏龍", 1_500, cost_twd=500),)
    record_purchase(session, Sale(member.id, store, None, 1_500, "till:1", lines=lines), NOON)
    session.commit()
    for name in ANALYSES:
        assert "截至 2026-11-22" in run(cli, name)
        assert json.loads(run(cli, name, "--json"))


def test_the_articles_figures_are_shown_beside_a_made_up_shops(
    cli: FlaskCliRunner, session: Session
) -> None:
    """T11: side by side, named as made up; nothing of it stays in the shop."""
    told = run(cli, "article")
    assert "示範資料重現文章的五個數字（虛構的店，不是您的店）" in told
    for figure in ("3,600", "11,350", "31.72%", "48.28%", "第 4 個月"):
        assert told.count(figure) == 2
    assert session.scalar(select(func.count()).select_from(Member)) == 0


def test_the_page_of_the_designer_reads_like_the_articles(
    cli: FlaskCliRunner, session: Session
) -> None:
    """X4, C-02, C-03, C-04, C-06, C-07, C-08, T5: all of it on one page, in Chinese."""
    load_article_shop(session, NOON)
    session.commit()
    told = run(cli, "design", "--margin-percent", "10", "--further-twd", "15000")
    for sentence in (
        "第一個門檻 NT$1,600",
        "再買 NT$100 升級",
        "第二個門檻 NT$4,500：客單價 × 3 次",
        "更高的門檻 NT$15,000：新增等級前請先看預算，並由負責人確認",
        "共 4 個等級：超過 3 級，會員較難理解。",
        "NT$1,001–2,000  3,600    11,350    31.72%  ← 最多人停在這裡",
        "建議的第一個門檻：超過 NT$2,000。",
        "之後的門檻可以考慮：超過 NT$4,000、超過 NT$15,000。",
        "從第 3 次購買起回購穩定，回購率 48.28%",
        "請在購買後第 83 天提醒，讓下一次購買早於第 4 個月。",
        "利潤（優惠前）",
    ):
        assert sentence in told
    assert max(width_of(line) for line in told.splitlines()) <= 120


def test_a_budget_that_leaves_nothing_is_red(cli: FlaskCliRunner) -> None:
    """C-08: 50,000 at 10%: 5% leaves 2,500; 10% nothing, and red."""
    asked = ("budget", "--revenue-twd", "50000", "--margin-percent", "10", "--rebate-percent")
    assert "NT$2,500" in run(cli, *asked, "5")
    assert "紅燈" not in run(cli, *asked, "5")
    assert "紅燈：優惠後只剩 NT$0，沒有餘裕。" in run(cli, *asked, "10")


def test_a_members_dependency_on_promotions_is_told(
    cli: FlaskCliRunner, session: Session, make_member: MakeMember
) -> None:
    """A-05: per member."""
    member = make_member()
    member.purchase_count, member.promo_count = 4, 1
    prospect = make_member()
    session.commit()
    told = run(cli, "promotion-of", member.number)
    assert told == "促銷依賴度 25.00%：4 筆訂單中有 1 筆用了優惠。\n"
    assert "還沒有購買過" in run(cli, "promotion-of", prospect.number)


def test_what_cannot_be_asked_is_told_in_words(cli: FlaskCliRunner) -> None:
    """Bad input: edges out of order, an unknown population, a day before the shop opened."""
    for arguments, sentence in (
        (("stall", "--edges", "2000,1000"), "請由小到大填 1 到 60 個大於 0 的金額"),
        (("stall", "--population", "some"), "population 不符；可用：all|repeat"),
        (("stall", "--as-of", "2020-01-01"), "before_the_shop_opened"),
        (("budget",), "沒有商品成本"),
    ):
        refused = cli.invoke(args=["segment", "analyse", *arguments])
        assert (refused.exit_code, sentence in refused.output) == (1, True), refused.output

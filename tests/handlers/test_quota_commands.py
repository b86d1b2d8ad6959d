"""`flask quota …`: what is left, what it costs, the plan and the ledger, as an owner reads them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from handlers.operator.table import width_of
from models.campaign.table import Campaign
from models.member import Member
from models.quota import (
    MessagePlan,
    list_plan_versions,
    note_line_figure,
    note_quota_gone,
    reserve,
    settle_use,
)
from models.segment.table import Segment
from models.staff import Staff
from tests.conftest import NOON, Clock

MakeMember = Callable[..., Member]
Run = Callable[..., str]
WIDEST = 110


@pytest.fixture
def owner(make_staff: Callable[..., Staff]) -> str:
    return make_staff("owner").username


@pytest.fixture
def run(app: Flask, session: Session) -> Run:
    """Return a runner of `quota` commands that returns what they print."""
    cli = app.test_cli_runner()

    def run_command(*told: str, exit_code: int = 0) -> str:
        session.commit()
        done = cli.invoke(args=["quota", *told])
        session.expire_all()
        assert done.exit_code == exit_code, done.output
        printed: str = done.output
        return printed

    return run_command


def send(session: Session, key: str, wanted: int, used: int | None = None) -> None:
    """Reserve for a run and, where told, use of it."""
    reserve(session, source="campaign:7", key=key, wanted=wanted, is_service=False, now=NOON)
    if used is not None:
        settle_use(session, {key: used}, NOON)


def test_what_is_left_is_shown_with_lines_own_count(run: Run, session: Session, owner: str) -> None:
    """U1, U2, U3: used, reserved, left and kept for service, the difference, the price."""
    assert "上限未設" in run("show")
    run("plan", "set", "--cap", "10000", "--note", "上限", "--by", owner)
    send(session, "a", 5_000, 5_000)
    send(session, "b", 500)
    note_line_figure(session, 6_000, 20_000, NOON)
    told = run("show", "--messages", "1000")
    bar = next(line for line in told.splitlines() if line.startswith("["))
    assert {sign: bar.split("]")[0].count(sign) for sign in "█▓░▒"} == {
        "█": 22, "▓": 2, "░": 14, "▒": 2
    }  # fmt: skip
    assert "已使用 5,500｜保留中 500（其中 500 則由 LINE 官方後台等處發送）" in told
    assert "行銷可用 3,700｜服務專用 300｜上限 10,000" in told
    assert "LINE 的數字：已用 6,000、上限 20,000" in told
    assert "相差 +500" in told
    assert "再發 1,000 則：免費 0、加購 1,000，增加 NT$200；本月帳單 NT$1,400（未稅）" in told
    assert "尚未與 LINE 官方價目核對" in told
    assert all(width_of(line) <= WIDEST for line in told.splitlines())


def test_what_is_amiss_is_shown(run: Run, session: Session, clock: Clock, owner: str) -> None:
    """U2, U3: leftovers, a quota that is gone, more messages than there are."""
    run("plan", "set", "light", "--note", "小店", "--by", owner)
    send(session, "dead", 10)
    clock.advance(hours=30)
    note_quota_gone(session, clock.now)
    told = run("show", "--messages", "500")
    assert "1 筆保留超過一天仍未結算" in told
    assert "LINE 回報額度用盡，行銷暫停中" in told
    assert "額度不足 500 則" in told
    assert "dead" in run("ledger", "--left-over")


def test_the_plan_is_set_in_versions(run: Run, session: Session, owner: str) -> None:
    """U1: plan and price are configuration, with who, when and why."""
    assert "未核對" in run("plan", "show")
    assert "尚未設定" in run("plan", "list")
    told = run(
        "plan", "set", "--step", "35000:0.2", "--step", ":0.15", "--checked", "--fee", "1300",
        "--free", "7000", "--margin-percent", "55.5", "--block-percent", "0.3",
        "--note", "新價目", "--by", owner,
    )  # fmt: skip
    assert "高用量，月費 NT$1,300，免費 7,000 則，加購 ≤35,000:0.2 之後:0.15" in told
    run("plan", "set", "medium", "--from", "next", "--note", "降級", "--by", owner)
    kept: list[MessagePlan] = list(list_plan_versions(session))
    assert [(row.code, row.from_month.month) for row in kept] == [("medium", 12), ("high", 11)]
    assert (kept[1].margin_percent, kept[1].set_by) == (Decimal("55.50"), owner)
    listed = run("plan", "list")
    assert "新價目" in listed
    assert "不可加購" in listed
    assert "已核對" in run("plan", "show")


def test_a_cap_and_the_further_messages_are_taken_away_with_a_word(
    run: Run, session: Session, owner: str
) -> None:
    by = ("--note", "n", "--by", owner)
    run("plan", "set", "--cap", "9000", *by)
    assert "自訂上限 未設" in run("plan", "set", "--cap", "none", *by)
    assert "不可加購" in run("plan", "set", "--step", "none", *by)


def test_so_many_are_kept_for_service(run: Run, owner: str) -> None:
    """U3: the reserve is the owner's to choose."""
    by = ("--note", "訂單通知", "--by", owner)
    assert "服務專用 800 則" in run("reserve", "800", *by)
    run("plan", "set", "light", *by)
    assert "plan_refused" in run("reserve", "201", *by, exit_code=1)


@pytest.mark.parametrize(
    "told",
    [
        ("--step", "0.2"),
        ("--step", "many:0.2"),
        ("--step", ":dear"),
        ("--cap", "-1"),
        ("--margin-percent", "nan"),
    ],
)
def test_what_is_no_figure_is_refused(
    run: Run, session: Session, owner: str, told: tuple[str, str]
) -> None:
    run("plan", "set", *told, "--note", "n", "--by", owner, exit_code=2)
    assert list_plan_versions(session) == []


def test_the_ledger_tells_each_movement(run: Run, session: Session) -> None:
    """U2: reserved, used with what it added to the bill, released."""
    send(session, "batch-1", 6_100, 6_050)
    told = run("ledger").splitlines()
    assert [line.split()[3] for line in told[2:]] == ["釋出", "使用", "保留"]
    assert "NT$10" in told[3]
    assert len(run("ledger", "--most", "1").splitlines()) == 3


def test_what_choosing_is_worth_is_told(
    run: Run, session: Session, make_member: MakeMember, owner: str
) -> None:
    """U4, X1: the best against anybody, of the shop's own members."""
    for spent_twd in (10_000, 90_000):
        member = make_member()
        member.purchase_days, member.lifetime_twd = 10, spent_twd
        member.first_purchase_on = member.last_purchase_on = member.spend_on
    told = run("simulate", "--messages", "1")
    assert "2 人，發送 1 則" in told
    assert "相差 1.80 倍" in told
    assert "--messages" in run("simulate", exit_code=2)
    run("plan", "set", "light", "--note", "n", "--by", owner)
    assert "發送 2 則" in run("simulate")


def test_budgets_are_told_with_what_benefits_cost(run: Run, session: Session) -> None:
    """X15: what the guard compares, before it stops anything."""
    assert "沒有設定優惠預算的活動" in run("budgets")
    segment = session.scalars(select(Segment.code).limit(1)).one()
    session.add(
        Campaign(
            code="second-cup",
            name={"zh-TW": "第二杯半價"},
            segment_code=segment,
            variants=[{"code": "A"}],
            schedule={"when": "now"},
            budget_twd=5_000,
            created_by="owner",
            created_at=NOON,
        )
    )
    told = run("budgets").splitlines()[2].split()
    assert told[:4] == ["second-cup", "draft", "NT$0", "NT$5,000"]

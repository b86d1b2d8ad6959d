"""`flask tag …`, `engagement …` and `metric kpi …`: as a marketer types and reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy.orm import Session

from models.browse_event import Look, keep_looks
from models.engagement import Engagement, MarketingSent
from models.member import Member
from models.segment import parse_rule
from models.segment.keeping import add_segment
from models.staff import Staff
from tests.conftest import NOON
from tests.models.test_suppression import classify

MakeMember = Callable[..., Member]
Run = Callable[..., Result]


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


@pytest.fixture
def collab(run: Run) -> str:
    added = run("tag", "add", "designer-collab", "--name", "喜歡設計師聯名", "--en", "Collab fan")
    assert added.output == "designer-collab: 喜歡設計師聯名\n"
    return "designer-collab"


def test_a_tag_is_given_by_name_shown_and_taken_off(
    run: Run, make_member: MakeMember, make_staff: Callable[..., Staff], collab: str
) -> None:
    """B-08: manual, with source, date, expiry and who; told as a marketer reads it."""
    member, staff = make_member(phone="+886912345678"), make_staff("manager")
    given = run(
        "tag", "give", "0912345678", "喜歡設計師聯名", "--until", "2026-12-01",
        "--by", staff.username,
    )  # fmt: skip
    assert given.output == "designer-collab: 至 2026-11-30\n"
    shown = run("tag", "show", member.number).output
    assert "喜歡設計師聯名  手動 manual:staff  2026-11-22 12:00  至 2026-11-30" in shown
    assert run("tag", "members", collab).output.count("王○明") == 1
    assert run("tag", "take", member.number, collab).output == "Taken off.\n"
    assert run("tag", "take", member.number, collab).output == "They did not have it.\n"
    history = run("tag", "show", member.number, "--history").output
    assert "移除" in history
    assert "加上" in history


def test_the_list_says_what_brings_each(
    run: Run, session: Session, make_member: MakeMember, collab: str
) -> None:
    """B-08: by hand, by a rule, by an event."""
    make_member(joined_at=NOON)
    run("tag", "add", "cart-unpaid", "--name", "購物車未結帳", "--about", "放了沒買")
    on = run("tag", "on", "cart-unpaid", "cart", "--days", "3", "--until-bought")
    assert on.output == "cart-unpaid: 加入購物車後 3 天，購買後移除\n"
    rule = parse_rule(
        {"schema": 1, "where": {"field": "joined_days_ago", "is": "at_most", "value": 30}}
    )
    add_segment(session, "joined-lately", {"zh-TW": "新註冊"}, rule, by="test", now=NOON)
    run("tag", "add", "new-this-month", "--name", "本月新註冊")
    assert run("tag", "follow", "new-this-month", "joined-lately").exit_code == 0
    listed = run("tag", "list").output
    for words in ("手動或 API", "加入購物車後 3 天", "符合分眾 joined-lately"):
        assert words in listed
    assert run("tag", "follow", "new-this-month").output == "new-this-month follows no segment.\n"
    assert run("tag", "off", "cart-unpaid").output == "1 ended.\n"


def test_archiving_takes_it_off_everybody(run: Run, make_member: MakeMember, collab: str) -> None:
    member = make_member()
    run("tag", "give", member.number, collab)
    assert run("tag", "archive", collab).output == "designer-collab is archived; 1 taken off.\n"
    assert run("tag", "give", member.number, collab).exit_code == 1


@pytest.mark.parametrize(
    "words",
    [
        ("add", "Ü", "--name", "好"),
        ("add", "fine", "--name", "\u200b"),
        ("give", "nobody", "designer-collab"),
        ("give", "0912345678", "unknown"),
        ("follow", "designer-collab", "unknown"),
        ("on", "designer-collab", "cart", "--days", "0"),
    ],
)
def test_a_no_is_told_without_a_trace(
    run: Run, make_member: MakeMember, collab: str, words: tuple[str, ...]
) -> None:
    make_member(phone="+886912345678")
    done = run("tag", *words)
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")


def test_who_is_left_in_peace_is_counted_and_listed(
    run: Run, session: Session, make_member: MakeMember
) -> None:
    """B-07: 沉睡 who never answer; never a bare letter (T1)."""
    member = classify(session, make_member())
    session.add(Engagement(member_id=member.id, unanswered=3, sent_at=NOON - timedelta(days=1)))
    for days in (3, 2, 1):
        session.add(
            MarketingSent(
                owed_id=uuid4(),
                member_id=member.id,
                kind="win_back",
                sent_at=NOON - timedelta(days=days),
            )
        )
    listed = run("engagement", "suppressed").output
    assert "沉睡會員（rfm:sleeping）連續 3 則未回應即暫停付費推播：1 人" in listed
    assert "王○明" in listed
    shown = run("engagement", "show", member.number).output
    assert "連續未回應：3 則" in shown
    assert "付費推播：暫停（suppressed）" in shown
    assert "最近購買：–" in shown
    assert run("engagement", "stop-after", "5", "--note", "放寬").output == "After 5.\n"
    assert "：0 人" in run("engagement", "suppressed").output
    off = run("engagement", "stop-after", "off", "--note", "先不停")
    assert off.output == "Nobody is left in peace.\n"
    assert "目前不暫停" in run("engagement", "suppressed").output
    assert "可發送" in run("engagement", "show", member.number).output
    for bad in (("0",), ("many",), ("101",)):
        assert run("engagement", "stop-after", *bad, "--note", "x").exit_code != 0


def test_a_kpi_is_added_measured_shown_and_ended(
    run: Run, session: Session, make_member: MakeMember, tmp_path: Path
) -> None:
    """E-14: own KPIs as saved queries, typed by the shop."""
    member = make_member()
    keep_looks(session, "web", [Look("k", member.number, "cart", NOON)], NOON)
    file = tmp_path / "carts.json"
    file.write_text(json.dumps({"schema": 1, "count": "browse_events", "kind": "cart"}))
    added = run("metric", "kpi", "add", "carts", str(file), "--name", "放進購物車")
    assert added.output == "carts v1：瀏覽次數，kind=cart，全部期間\n"
    measured = run("metric", "kpi", "measure", "carts", "--on", "2026-11-22")
    assert measured.output == "carts 2026-11-22：1（1 位會員）\n"
    assert run("metric", "kpi", "measure", "carts").output == "carts 2026-11-21：0（0 位會員）\n"
    shown = run("metric", "kpi", "show", "carts").output
    assert "2026-11-22     1       1  v1" in shown
    assert "放進購物車" in run("metric", "kpi", "list").output
    assert run("metric", "kpi", "end", "carts").exit_code == 0
    assert run("metric", "kpi", "show", "carts").exit_code == 1


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"schema": 1, "count": "dance"}'])
def test_a_file_that_is_no_query_is_told(run: Run, tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    done = run("metric", "kpi", "add", "bad", str(file), "--name", "壞")
    assert done.exit_code == 1
    assert done.output.startswith("Error: ")

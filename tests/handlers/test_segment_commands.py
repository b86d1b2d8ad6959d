"""Segments by command: models as tables, rules in versions, reasons, and refusals in words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy.orm import Session

from models.checkout import Line, Sale, record_purchase
from models.local_day import local_day
from models.member import Member
from models.shop import Store
from tests.conftest import NOON
from tests.handlers.segment_people import (
    BAD_RULES,
    LONG_AGO,
    LOST,
    TOMORROW,
    fill_shop,
)
from tests.models.class_shop import ClassShop

MakeStaff = Callable[..., object]
BARE_LETTER = re.compile(r"(?<![\w:.$])[NASLDPHRFM](?![\w:.])|\b[HL]{3}\b")
"""A class told by its letter, or an RFM group by three."""


@pytest.fixture
def cli(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


@pytest.fixture
def people(session: Session) -> dict[str, Member]:
    return fill_shop(session)


@pytest.fixture
def owner(session: Session, make_staff: MakeStaff) -> str:
    make_staff("owner", username="boss")
    session.commit()
    return "boss"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[object], str]:
    def write_rule(rule: object) -> str:
        file = tmp_path / "rule.json"
        file.write_text(json.dumps(rule), encoding="utf-8")
        return str(file)

    return write_rule


def run(cli: FlaskCliRunner, *arguments: str) -> str:
    done = cli.invoke(args=["segment", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def refuse(cli: FlaskCliRunner, *arguments: str) -> str:
    """Return what a refused command says: one line, and no traceback."""
    done = cli.invoke(args=["segment", *arguments])
    assert done.exit_code in (1, 2), done.output
    assert isinstance(done.exception, SystemExit)
    assert "Traceback" not in done.output
    return done.output


def row_of(table: str, key: str) -> list[str]:
    """Return the cells of the row with this key."""
    line = next(line for line in table.splitlines() if re.search(rf"\b{key}\b", line))
    return re.split(r"\s{2,}", line)


def test_a_model_is_a_table_a_marketer_understands(
    cli: FlaskCliRunner, people: dict[str, Member]
) -> None:
    """B-03, A-17, T2: names, counts, shares, money, rule and action of each; prospects beside."""
    told = run(cli, "show", "nasld")

    name, key, members, share, net_twd, *rest = row_of(told, "nasld:lost")
    assert (name, key, members, share, net_twd) == ("流失客", "nasld:lost", "1", "20.0%", "400")
    assert "好久不見，回來有折扣" in rest
    assert "3 個回購週期" in told
    assert "另有未購會員（nasld:prospect）1 人" in told
    assert "合計 5 人" in told
    assert "回購週期 30 天" in told
    assert "截至 2026-11-22 12:00" in told


@pytest.mark.parametrize("model", ["nasld", "napl_article", "napl_91app", "rfm"])
def test_no_command_tells_a_class_by_its_letter(
    cli: FlaskCliRunner, people: dict[str, Member], model: str
) -> None:
    """T1: keys and names, in tables of every model."""
    for arguments in (
        ("show", model),
        ("matrix", model),
        ("cross", "nasld", model),
        ("action", "list", model),
        ("why", people["lost"].number),
        ("alerts",),
        ("list",),
    ):
        told = run(cli, *arguments)
        assert not BARE_LETTER.search(told), (arguments, BARE_LETTER.search(told))
    assert f"{model}:" in run(cli, "show", model)


def test_a_model_is_shown_as_of_any_day(cli: FlaskCliRunner, people: dict[str, Member]) -> None:
    """B-05, X5: time travel says which day it is."""
    on = (local_day(NOON) - timedelta(days=99)).isoformat()

    told = run(cli, "show", "nasld", "--on", on)

    assert f"{on} 當日結束時" in told
    assert row_of(told, "nasld:lost")[2] == "0"
    assert row_of(told, "nasld:new")[2] == "1"


def test_a_model_may_look_at_one_category_alone(
    cli: FlaskCliRunner, session: Session, people: dict[str, Member], store: Store
) -> None:
    """B-03: who has gone quiet on milk tea, whatever else they buy."""
    basket = (Line("珍珠奶茶", 60, category="奶茶"),)
    sale = Sale(people["active"].id, store, None, 60, "tea", lines=basket)
    record_purchase(session, sale, NOON - timedelta(days=100))
    session.commit()

    told = run(cli, "show", "nasld", "--category", "奶茶")

    assert "只看含「奶茶」的購買" in told
    assert row_of(told, "nasld:lost")[2:5] == ["1", "100.0%", "60"]
    assert "（nasld:prospect）5 人" in told
    assert "紅茶" in refuse(cli, "show", "nasld", "--category", "紅茶")
    assert "--category is for" in refuse(cli, "show", "rfm", "--category", "奶茶")


def test_who_moved_where_and_how_two_models_meet(
    cli: FlaskCliRunner, people: dict[str, Member]
) -> None:
    """A-17: the migration matrix, and the cross table of any two models."""
    assert "列：2026-10-23 當日結束時；欄：2026-11-22 當日結束時" in run(cli, "matrix", "nasld")
    assert "未購會員 nasld:prospect" in run(cli, "cross", "nasld", "rfm")


def test_a_class_gets_another_action(
    cli: FlaskCliRunner, people: dict[str, Member], owner: str
) -> None:
    """B-04: each class has a default action, and the shop may put its own in its place."""
    run(cli, "action", "set", "nasld", "nasld:lost", "--title", "回來喝一杯", "--by", owner)

    assert "回來喝一杯" in run(cli, "show", "nasld")
    assert row_of(run(cli, "action", "list", "nasld"), "nasld:lost")[5] == owner


def test_settings_make_versions(cli: FlaskCliRunner, people: dict[str, Member], owner: str) -> None:
    """A-16, B-03, B-05: windows, cycles and cut-offs are the shop's, each change a version."""
    by = ("--note", "試試看", "--by", owner)
    run(cli, "settings", "lifecycle", "--cycle-days", "10", *by)
    assert "回購週期 10 天" in run(cli, "show", "nasld")
    run(cli, "settings", "lifecycle", "--cycle-days", "auto", "--window-days", "60", *by)
    run(cli, "settings", "rfm", "--recency", "fixed:30", "--monetary", "fixed:1,2,3,4", *by)

    told = run(cli, "settings", "show")

    assert "window_days=60" in told
    assert "recency=fixed:30" in told
    assert told.count("試試看") == 3


def test_a_rule_is_sized_kept_changed_listed_and_exported(
    cli: FlaskCliRunner,
    people: dict[str, Member],
    owner: str,
    write: Callable[[object], str],
    tmp_path: Path,
) -> None:
    """B-08: rules by command, from a file or a pipe."""
    assert "1 人" in run(cli, "size", write(LOST))
    run(cli, "add", "come-back", write(LOST), "--name", "喚回", "--by", owner, "--note", "週年慶")
    assert row_of(run(cli, "list"), "come-back")[1] == "喚回"
    shown = run(cli, "show", "come-back")
    assert "週年慶" in shown
    assert "流失客" in shown
    assert json.loads(run(cli, "show", "come-back", "--json")) == LOST
    assert row_of(run(cli, "list", "--count"), "seed-members")[3] == "0"
    both = {"schema": 1, "where": {"any": [LOST["where"], BOUGHT]}}
    changed = ("--made-from", "1", "--by", owner)
    assert "第 2 版：5 人" in run(cli, "change", "come-back", write(both), *changed)
    out = tmp_path / "out.csv"
    run(cli, "export", "come-back", str(out), "--by", owner)
    lines = out.read_text("utf-8-sig").splitlines()
    assert lines[0].startswith("會員編號,")
    assert len(lines) == 6
    assert people["lost"].number in run(cli, "members", "come-back")
    run(cli, "rename", "come-back", "回來吧", "--by", owner)
    assert "回來吧" in run(cli, "show", "come-back")
    run(cli, "archive", "come-back", "--by", owner)
    assert "come-back" not in run(cli, "list")
    assert "（已封存）" in run(cli, "list", "--archived")


BOUGHT = {"field": "purchases", "is": "at_least", "value": 1}


def test_a_rule_comes_from_a_pipe(cli: FlaskCliRunner, people: dict[str, Member]) -> None:
    done = cli.invoke(args=["segment", "size", "-"], input=json.dumps(LOST))

    assert "1 人，可推播 1 人；截至 2026-11-22 12:00，資料即時" in done.output


def test_the_members_of_a_class_are_listed_by_its_key(
    cli: FlaskCliRunner, people: dict[str, Member]
) -> None:
    """B-06: a class is as good as a segment; one page follows the other."""
    assert people["lost"].number in run(cli, "members", "nasld:lost")
    first = run(cli, "members", "napl_article:passout", "--limit", "1")
    after = re.search(r"--after (\d{9})", first)
    assert after is not None
    assert after[1] not in run(cli, "members", "napl_article:passout", "--after", after[1])


def test_why_is_answered_for_a_class_and_for_a_segment(
    cli: FlaskCliRunner, people: dict[str, Member], write: Callable[[object], str], owner: str
) -> None:
    """X5: the deciding facts with rule version and as-of moment."""
    told = run(cli, "why", people["lost"].number)
    assert "流失客（nasld:lost）" in told
    assert "有效購買 1 次" in told
    assert "rfm:" in told
    run(cli, "add", "come-back", write(LOST), "--name", "喚回", "--by", owner)
    inside = run(cli, "why", people["lost"].number, "--segment", "come-back")
    assert "在分群內（截至 2026-11-22 12:00，規則第 1 版）" in inside
    assert "✓" in inside
    outside = run(cli, "why", people["active"].number, "--rule", write(LOST))
    assert "不在分群內" in outside
    assert "（實際：活躍客）（決定因素）" in outside


def test_what_a_rule_may_say_is_printed(cli: FlaskCliRunner) -> None:
    """B-08: the catalogue with operators and an example that is itself a good rule."""
    assert '{"field": "purchases", "is": "is", "value": 3}' in run(cli, "fields")
    assert "usual_item" not in run(cli, "fields", "--topic", "tier")
    assert json.loads(run(cli, "schema"))["properties"]["schema"] == {"const": 1}


def test_the_night_is_done_now(cli: FlaskCliRunner, people: dict[str, Member]) -> None:
    """A-17: safe to do twice."""
    assert "0 位會員的分類有變動" in run(cli, "rebuild")
    assert "目前沒有需要注意的變動" in run(cli, "alerts")


def test_alerts_are_set_and_need_a_person(cli: FlaskCliRunner, owner: str) -> None:
    """A-17, B-07: above x%, and of 維持型 above y%."""
    assert "15 個百分點" in run(cli, "alerts", "--shift", "15", "--by", owner)
    assert "Say --by whom" in refuse(cli, "alerts", "--shift", "15")
    assert "alert_setting_refused" in refuse(cli, "alerts", "--shift", "0", "--by", owner)
    assert "no_such_alert" in refuse(cli, "alerts", "--seen", "9", "--by", owner)


# --- bad input


@pytest.mark.parametrize("code", BAD_RULES)
def test_a_bad_rule_is_refused_in_words_with_its_place(
    cli: FlaskCliRunner, write: Callable[[object], str], code: str
) -> None:
    """Bad input: one clear answer each, in the asker's words."""
    told = refuse(cli, "size", write(BAD_RULES[code]))

    assert f"{code}: " in told
    assert re.search(r"[\u4e00-\u9fff]", told)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "not_a_rule"),
        (b"[]", "not_a_rule"),
        (b"\xff", "not_a_rule"),
        (b'{"schema": 1, "schema": 1}', "rule_duplicate_key"),
        (b'{"not":' * 5_000, "rule_too_deep"),
        (b" " * 70_000, "rule_too_large"),
    ],
)
def test_a_file_that_is_no_rule_is_refused(
    cli: FlaskCliRunner, tmp_path: Path, content: bytes, code: str
) -> None:
    file = tmp_path / "rule.json"
    file.write_bytes(content)

    assert code in refuse(cli, "size", str(file))


@pytest.mark.parametrize(("day", "words"), [(TOMORROW, "還沒到"), (LONG_AGO, "還沒有會員")])
def test_a_day_that_cannot_be_told_about_is_refused(
    cli: FlaskCliRunner, people: dict[str, Member], day: str, words: str
) -> None:
    """Bad input: before the shop opened, or in the future; of every model."""
    for model in ("nasld", "napl_article", "napl_91app", "rfm"):
        assert words in refuse(cli, "show", model, "--on", day)
    assert words in refuse(cli, "cross", "nasld", "rfm", "--on", day)


def test_days_and_cut_offs_out_of_order_are_refused(
    cli: FlaskCliRunner, people: dict[str, Member], owner: str
) -> None:
    """Bad input: nothing is kept."""
    days = ("--from", "2026-11-20", "--to", "2026-11-10")
    assert "days_out_of_order" in refuse(cli, "matrix", "nasld", *days)
    by = ("--note", "x", "--by", owner)
    assert "沒有由小到大" in refuse(cli, "settings", "rfm", "--monetary", "fixed:9,5,3,1", *by)
    assert "lifecycle_refused" in refuse(
        cli, "settings", "lifecycle", "--near-cycles", "6", "--far-cycles", "3", *by
    )
    assert "not of the form" in refuse(cli, "settings", "rfm", "--recency", "fixed:a", *by)
    assert "number of days" in refuse(cli, "settings", "lifecycle", "--cycle-days", "x", *by)
    assert "試" not in run(cli, "settings", "show")


def test_two_people_do_not_overwrite_each_other(
    cli: FlaskCliRunner, people: dict[str, Member], owner: str, write: Callable[[object], str]
) -> None:
    """Bad input: an edit by somebody else in between."""
    run(cli, "add", "mine", write(LOST), "--name", "我的", "--by", owner)
    rule = write({"schema": 1, "where": BOUGHT})
    run(cli, "change", "mine", rule, "--made-from", "1", "--by", owner)

    told = refuse(cli, "change", "mine", write(LOST), "--made-from", "1", "--by", owner)

    assert "segment_changed" in told
    assert "boss" in told
    assert "segment_exists" in refuse(cli, "add", "mine", rule, "--name", "x", "--by", owner)


def test_what_is_not_there_is_said_to_be_missing(
    cli: FlaskCliRunner, people: dict[str, Member], owner: str
) -> None:
    assert "no_such_segment" in refuse(cli, "show", "nothing")
    assert "no_such_member" in refuse(cli, "why", "000")
    assert "nobody has the login" in refuse(cli, "archive", "x", "--by", "nobody")
    assert "rule_unknown_code" in refuse(cli, "members", "nasld:gone")
    assert "rule_unknown_field" in refuse(cli, "members", "nasl:lost")
    assert "--on is for models" in refuse(cli, "show", "x", "--on", "2026-11-01")
    told = refuse(cli, "action", "set", "nasld", "gone", "--title", "x", "--by", owner)
    assert "沒有「gone」這一類" in told


def test_refunds_beyond_the_purchases_and_nobody_at_all(
    cli: FlaskCliRunner, session: Session
) -> None:
    """Bad input: who gave everything back never bought, and a shop without buyers has a table."""
    shop = ClassShop(session)
    person = shop.join()
    shop.sell(person, 10, 100, ((5, 100),))
    session.commit()

    told = run(cli, "show", "nasld")

    assert "合計 0 人，累計淨消費 NT$0" in told
    assert "另有未購會員（nasld:prospect）1 人" in told
    assert row_of(run(cli, "show", "rfm"), "rfm:vip")[2:4] == ["0", "0.0%"]
    assert "未購會員（nasld:prospect）" in run(cli, "why", person.member.number)

"""`ledger …`: what an operator proves, sees and corrects by command."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.member import Member
from models.points import BonusCode, LedgerSeal, PointsAdjustment, PointsEntry, post_points
from models.shop import get_shop
from models.staff import Staff
from tests.conftest import NOON

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]


@pytest.fixture
def cli(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


def run(cli: FlaskCliRunner, *arguments: str, exit_code: int = 0) -> str:
    done = cli.invoke(args=["ledger", *arguments])
    assert done.exit_code == exit_code, done.output
    assert "Traceback" not in done.output
    return str(done.output)


def test_a_true_ledger_is_told_so(
    cli: FlaskCliRunner, session: Session, make_member: MakeMember
) -> None:
    """X6: `ledger verify`, `ledger seal`."""
    make_member(points=30)
    session.commit()
    assert run(cli, "verify") == "The ledger holds, not sealed yet.\n"

    sealed = run(cli, "seal")
    root = session.scalars(select(LedgerSeal)).one().root.hex()

    assert sealed == f"2026-11-22 1 entries {root}\n"
    assert run(cli, "seal") == f"2026-11-22 sealed before {root}\n"
    assert run(cli, "verify", "--root", root) == "The ledger holds, sealed until 2026-11-22.\n"
    assert "not among the seals" in run(cli, "verify", "--root", "00", exit_code=1)
    assert "in hex" in run(cli, "verify", "--root", "xyz", exit_code=2)


def test_tampering_is_named_and_ends_with_one(
    cli: FlaskCliRunner, session: Session, make_member: MakeMember
) -> None:
    """X6: tamper detected, and who, which and what is said."""
    member = make_member(points=30)
    session.execute(text("ALTER TABLE points_entry DISABLE TRIGGER USER"))
    session.execute(text("UPDATE points_entry SET note = 'x'"))
    session.execute(text("ALTER TABLE points_entry ENABLE TRIGGER USER"))
    session.commit()

    said = run(cli, "verify", exit_code=1)

    assert re.search(rf"member {member.id} seq 1 entry \d+: changed", said)
    assert "The ledger does not hold: 1 fault(s)." in said


def test_the_forecast_is_a_table(
    cli: FlaskCliRunner, session: Session, make_member: MakeMember
) -> None:
    """E-21."""
    make_member(points=30)
    session.commit()
    lines = run(cli, "forecast", "--months", "2").splitlines()
    assert lines[0] == "owed 30 points (NT$30), 0 of them pending; members owe 0"
    assert lines[2].split() == ["2026-11", "0", "30", "30"]
    assert lines[-1].split() == ["later", "30"]
    assert run(cli, "report", "--months", "1").splitlines()[1].split() == [
        "2026-11", "30", "0", "0", "0", "30",
    ]  # fmt: skip


def test_the_rules_are_changed_and_told(cli: FlaskCliRunner, session: Session) -> None:
    before = get_shop(session).programme_version
    said = run(
        cli, "rules", "--return-days", "7", "--negative", "debt", "--adjust-limit", "0",
        "--point-value", "2",
    )  # fmt: skip
    assert said == (
        "return window 7 days; points to take back that are spent: debt;"
        " adjusted alone up to 0 a day; a point is worth NT$2\n"
    )
    session.expire_all()
    assert get_shop(session).programme_version == before + 1
    assert run(cli, "rules") == said


def test_an_adjustment_goes_through_two_people(
    cli: FlaskCliRunner, session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """U10, U11: reason always, a second person above the limit."""
    member, clerk, manager = make_member(points=50), make_staff(), make_staff("manager")
    session.commit()
    number = member.number
    by = ["--reason", "補登", "--by", clerk.username]

    assert "posted as entry" in run(cli, "adjust", number, "10", *by, "--key", "k")
    assert "posted as entry" in run(cli, "adjust", number, "10", *by, "--key", "k")
    assert "-60 points: posted" in run(cli, "adjust", *by, "--", number, "-60")
    assert "waits for" in run(cli, "adjust", number, "900", *by)
    wish = session.scalars(select(PointsAdjustment).where(PointsAdjustment.points == 900)).one()
    assert f"adjustment {wish.id}" in run(cli, "adjustments")
    refused = run(cli, "approve", str(wish.id), "--by", clerk.username, exit_code=1)
    assert "second_person_needed" in refused
    assert "posted" in run(cli, "approve", str(wish.id), "--by", manager.username)
    assert run(cli, "adjustments") == "Nothing waits.\n"
    session.refresh(member)
    assert member.points == 900
    poor = ["--", make_member().number, "-5"]
    session.commit()
    by[-1] = manager.username
    assert "insufficient_points" in run(cli, "adjust", *by, *poor, exit_code=1)


def test_a_wish_is_refused(
    cli: FlaskCliRunner, session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    number, clerk, manager = make_member().number, make_staff(), make_staff("manager")
    session.commit()
    run(cli, "adjust", number, "900", "--reason", "x", "--by", clerk.username)
    wish = session.scalars(select(PointsAdjustment)).one()
    assert "refused" in run(cli, "refuse", str(wish.id), "--by", manager.username)
    assert "nobody has the login" in run(cli, "refuse", str(wish.id), "--by", "nobody", exit_code=2)


def test_an_entry_is_reversed(
    cli: FlaskCliRunner, session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """U11."""
    member, manager = make_member(points=50), make_staff("manager")
    entry = session.scalars(select(PointsEntry)).one()
    post_points(session, member, -30, reason="redemption", idempotency_key="s", now=NOON)
    session.commit()
    by = ["--reason", "外流", "--by", manager.username]

    assert run(cli, "reverse", str(entry.id), *by) == (
        f"entry {entry.id}: taken 20, forgiven 30.\n"
    )
    session.refresh(member)
    assert member.points == 0
    assert "no entry" in run(cli, "reverse", "999999", *by, exit_code=2)


def test_bonus_codes_are_printed(
    cli: FlaskCliRunner, session: Session, make_member: MakeMember
) -> None:
    """U11: single-use, or for one member."""
    member = make_member()
    session.commit()
    lines = run(cli, "bonus-code", "3", "--points", "20", "--note", "週年慶").splitlines()
    run(cli, "bonus-code", "1", "--points", "20", "--member", member.number)
    codes = session.scalars(select(BonusCode).order_by(BonusCode.id)).all()
    assert lines == [code.shown for code in codes[:3]]
    assert [code.member_id for code in codes] == [None, None, None, member.id]
    assert "bonus_codes_refused" in run(cli, "bonus-code", "0", "--points", "5", exit_code=1)

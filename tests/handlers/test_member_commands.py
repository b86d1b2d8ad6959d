"""What an operator does with cards, alerts and limits by command."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy.orm import Session

from models.fraud import ask_approval, raise_alert
from models.identity import request_binding
from models.member import Member, get_member_by_typed
from models.staff import Staff
from tests.conftest import NOON

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
Run = Callable[..., str]


@pytest.fixture
def run(app: Flask, session: Session, make_staff: MakeStaff) -> Run:
    """Return a runner of commands that work; `boss` is a manager."""
    make_staff("manager", username="boss")
    cli: FlaskCliRunner = app.test_cli_runner()

    def run_command(*words: str, exit_code: int = 0) -> str:
        session.commit()
        done = cli.invoke(args=list(words))
        assert done.exit_code == exit_code, done.output
        session.expire_all()
        output: str = done.output
        return output

    return run_command


def test_two_cards_are_previewed_merged_and_parted(run: Run, make_member: MakeMember) -> None:
    """U14: preview, merge, undo."""
    keep, drop = make_member(points=3), make_member(points=4)
    assert "after points=7" in run("member", "preview", keep.number, drop.number).replace("  ", " ")
    run("member", "merge", keep.number, drop.number, "--by", "boss", "--reason", "同一人")
    assert keep.points == 7
    run("member", "unmerge", drop.number, "--by", "boss")
    assert (keep.points, drop.points) == (3, 4)
    assert "not merged" in run("member", "unmerge", drop.number, "--by", "boss", exit_code=1)


def test_a_card_is_registered_bound_and_shown(run: Run, session: Session) -> None:
    """U14, U23: at the till, then on a LINE account."""
    run("member", "register", "0912345678", "--store", "TP01", "--by", "boss")
    asked = request_binding(session, "U" + "a" * 32, NOON)
    told = ("--by", "boss", "--reason", "證件相符")
    run("member", "rebind", "0912345678", asked.code, *told)
    assert "by clerk: open" in run("member", "show", "0912345678")
    assert get_member_by_typed(session, "0912345678").line_user_id == "U" + "a" * 32
    assert "no_such_binding_request" in run(
        "member", "rebind", "0912345678", asked.code, *told, exit_code=1
    )
    assert "member.register" in run("audit", "list")
    assert "no_such_member" in run("member", "show", "0900000000", exit_code=1)


def test_doubles_are_listed_without_full_names(run: Run, make_member: MakeMember) -> None:
    """U23: `member duplicates`."""
    make_member(phone="+886912345678", name="陳怡君")
    make_member(phone="+886912345679", name="陳怡君")
    found = run("member", "duplicates")
    assert "phone" in found
    assert "陳怡君" not in found


def test_a_clerks_own_card_is_linked(
    run: Run, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """U8: `staff link`."""
    clerk, member = make_staff(username="amy"), make_member()
    run("staff", "link", "amy", member.number, "--phone")
    assert (clerk.member_id, clerk.phone) == (member.id, member.phone)
    assert "no_such_staff" in run("staff", "link", "nobody", member.number, exit_code=1)


def test_alerts_are_listed_and_decided(run: Run, session: Session, make_member: MakeMember) -> None:
    """U12: `fraud list|release|confirm`."""
    member = make_member()
    raise_alert(
        session, "not_me", evidence={"purchase": [7]}, key="k", now=NOON, member_id=member.id
    )
    assert "not_me" in run("fraud", "list")
    run("fraud", "confirm", member.number, "--by", "boss", "--reason", "監視器")
    assert member.frozen_reason == "confirmed_fraud"
    run("fraud", "release", member.number, "--by", "boss", "--reason", "誤會")
    assert member.frozen_at is None
    assert run("fraud", "list") == ""


def test_a_card_is_frozen_by_hand(run: Run, make_member: MakeMember) -> None:
    """U12: `fraud freeze`, for whoever calls the shop instead of tapping 不是我."""
    member = make_member()
    assert run("fraud", "freeze", member.number, "--by", "boss", "--reason", "來電") == "Frozen.\n"
    assert member.frozen_reason == "by_staff"
    again = run("fraud", "freeze", member.number, "--by", "boss", "--reason", "來電")
    assert again == "It was frozen before.\n"


def test_limits_are_shown_and_changed(run: Run) -> None:
    """Velocity: adjustable."""
    run("fraud", "limit", "member_day", "--warn", "2", "--block", "3")
    assert "warn 2, block 3, on" in run("fraud", "rules")
    assert "limits_refused" in run(
        "fraud", "limit", "member_day", "--warn", "3", "--block", "2", exit_code=1
    )


def test_a_second_person_decides_by_command(
    run: Run, session: Session, make_staff: MakeStaff
) -> None:
    asked = ask_approval(session, make_staff(), {"what": "purchase"}, reason="x", now=NOON)
    assert asked.code in run("fraud", "asked")
    assert run("fraud", "decide", asked.code, "--by", "boss", "--yes") == "approved\n"
    assert "nobody has the login" in run(
        "fraud", "decide", asked.code, "--by", "ghost", "--no", exit_code=2
    )


def test_figures_and_the_chain_are_printed(run: Run) -> None:
    """X13 and audit: `fraud clerks`, `audit verify`."""
    assert run("fraud", "clerks", "--from", "2026-11-01", "--to", "2026-11-22") == ""
    assert run("audit", "verify").startswith("0 entries")


def test_codes_are_shown_in_the_demo_alone(run: Run) -> None:
    """U14: nobody reads another's code in a real shop."""
    assert "only the demo" in run("member", "otp-show", "0912345678", exit_code=1)

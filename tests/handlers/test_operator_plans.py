"""What an operator does about stamp cards and paid plans by command."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.member import Member
from models.plan import PlanPayment, add_plan, find_latest, request_plan
from models.staff import Staff
from models.stamp_card import StampEntry, get_stamp_programme
from tests.conftest import NOON

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
Run = Callable[..., str]


@pytest.fixture
def run(app: Flask) -> Run:
    """Return a runner of commands that succeed; `fails` asks for the other."""
    cli = app.test_cli_runner()

    def invoke(*args: str, fails: bool = False) -> str:
        done = cli.invoke(args=args)
        assert (done.exit_code != 0) == fails, done.output
        return done.output

    return invoke


# --- stamps


def test_a_stamp_card_is_added_listed_and_stopped(run: Run, session: Session) -> None:
    added = run(
        *("stamp", "add", "milk", "--name", "鮮奶茶控", "--size", "8", "--reward", "stamp_reward"),
        *("--per", "150", "--card-days", "60", "--bonus", "weekday:1:3,4"),
        *("--bonus", "category:2:鮮奶茶", "--bonus", "window:1::2026-12-01:2027-01-01"),
        *("--from", "2026-11-01", "--until", "2027-06-01"),
    )
    assert "3 bonus(es)" in added
    assert "milk" in run("stamp", "list")
    assert "stopped" in run("stamp", "stop", "milk")
    assert "stamping" in run("stamp", "stop", "milk", "--resume")
    assert get_stamp_programme(session, "milk").bonuses[0]["weekdays"] == [3, 4]


@pytest.mark.parametrize(
    "told",
    [
        ("--reward", "nothing"),
        ("--reward", "stamp_reward", "--bonus", "luck:1"),
        ("--reward", "stamp_reward", "--bonus", "weekday:x:1"),
        ("--reward", "stamp_reward", "--from", "2026-12-01", "--until", "2026-12-01"),
    ],
)
def test_a_stamp_card_that_makes_no_sense_is_refused(run: Run, told: tuple[str, ...]) -> None:
    assert "Error" in run("stamp", "add", "x", "--name", "x", "--size", "5", *told, fails=True)


def test_a_second_card_of_one_code_is_refused(run: Run) -> None:
    told = ("--name", "x", "--size", "5", "--reward", "stamp_reward")
    assert "already" in run("stamp", "add", "main", *told, fails=True)


def test_stamps_are_given_by_hand_with_a_name_and_a_reason(
    run: Run, session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """A-01: by staff, with a reason."""
    member, clerk = make_member(), make_staff()
    told = ("main", member.number, "2", "--by", clerk.username, "--reason", "補章")
    assert "2 stamp(s)" in run("stamp", "give", *told, "--key", "a")
    assert "2 stamp(s)" in run("stamp", "give", *told, "--key", "a")
    entry = session.scalars(select(StampEntry)).one()
    assert (entry.staff_id, entry.note) == (clerk.id, "補章")
    assert "nobody has the login" in run(
        *("stamp", "give", "main", member.number, "1", "--by", "ghost", "--reason", "x"),
        fails=True,
    )


# --- plans


def test_a_plan_is_added_sold_and_its_fee_given_back(
    run: Run, session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """A-01, A-04: the whole way by command."""
    member, manager, clerk = make_member(), make_staff("manager"), make_staff()
    assert "NT$99 monthly" in run(
        *("plan", "add", "m", "--name", "月月茶", "--period", "monthly", "--fee", "99")
    )
    assert "already" in run(
        *("plan", "add", "m", "--name", "月月茶", "--period", "monthly", "--fee", "99"), fails=True
    )
    assert "m:" in run("plan", "list")
    sold = run("plan", "sell", member.number, "m", "--by", clerk.username, "--key", "1")
    assert "good through 2026-12-22" in sold
    payment = session.scalars(select(PlanPayment)).one()
    assert f"{payment.id}: NT$99" in run("plan", "payments", member.number)
    told = ("plan", "refund", str(payment.id), "--reason", "反悔", "--by")
    assert "needs_manager" in run(*told, clerk.username, fails=True)
    assert "NT$99" in run(*told, manager.username)
    assert f"of {payment.id}" in run("plan", "payments", member.number)


def test_a_transfer_is_confirmed_by_command(
    run: Run, session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """A-03: pay by transfer, confirmed by a manager."""
    member, manager = make_member(), make_staff("manager")
    plan = add_plan(session, code="m", name={"zh-TW": "月月茶"}, period="monthly", fee_twd=99)
    request = request_plan(session, member.id, plan, NOON)
    session.commit()
    told = ("plan", "confirm", request.code, "--reference", "B1", "--by", manager.username)
    assert "Begun: NT$99" in run(*told)
    assert "Begun: NT$99" in run(*told)


def test_a_member_is_revoked_asks_again_and_is_admitted(
    run: Run, session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """A-04."""
    member, manager = make_member(), make_staff("manager")
    add_plan(session, code="m", name={"zh-TW": "月月茶"}, period="monthly", fee_twd=99)
    session.commit()
    by = ("--by", manager.username, "--reason", "談過")
    run("plan", "sell", member.number, "m", "--by", manager.username)
    assert "Good through" in run("plan", "cancel", member.number, "--reason", "不喝了")
    run("plan", "revoke", member.number, *by)
    assert "--ask" in run("plan", "reapply", member.number, "--reason", "x", fails=True)
    assert "reapplied" in run("plan", "reapply", member.number, "--ask", "--reason", "想回來")
    assert "revoked" in run("plan", "reapply", member.number, "--refuse", *by)
    run("plan", "reapply", member.number, "--ask", "--reason", "想回來")
    assert "readmitted" in run("plan", "reapply", member.number, "--admit", *by)
    latest = find_latest(session, member.id)
    assert latest is not None
    assert latest.state == "readmitted"


def test_renewals_are_printed_beside_the_articles_figures(run: Run) -> None:
    """A-03: 87% and 60 to 70% as reference."""
    printed = run("plan", "renewals", "--months", "2")
    assert "2026-11" in printed
    assert "87%" in printed
    assert "60-70%" in printed

"""`audit …`, and the commands by which an operator sees and does what only tests could before."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from models.audit import list_audit, note
from models.member import Member
from models.metric import define_metric, set_metric
from models.plan import METHODS, get_plan, sell_plan
from models.points import post_points
from models.programme import get_programme
from models.staff import Staff
from tests.conftest import NOON

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
Run = Callable[..., str]


@pytest.fixture
def run(app: Flask) -> Run:
    """Return a function that runs a command and gives what it printed."""

    def run_command(*words: str, exit_code: int = 0) -> str:
        done = app.test_cli_runner().invoke(args=list(words))
        assert done.exit_code == exit_code, done.output
        return done.output

    return run_command


@pytest.fixture
def boss(make_staff: MakeStaff) -> Staff:
    return make_staff("owner", username="boss")


def test_the_audit_is_searched_by_all_it_knows(run: Run, session: Session, boss: Staff) -> None:
    """Section 4, audit: who, what, since, store and device."""
    for number, (what, device, days) in enumerate(
        [
            ("purchase.record", "#1 櫃台", 0),
            ("purchase.refund", "#2 後台", 0),
            ("purchase.record", "#1 櫃台", 9),
        ]
    ):
        note(
            session,
            what,
            f"purchase:{number}",
            now=NOON - timedelta(days=days),
            staff_id=boss.id,
            store_id=boss.store_id,
            device=device,
        )
    note(session, "programme.change", "shop:1", now=NOON)
    session.flush()

    def lines(*words: str) -> int:
        return len(run("audit", "list", *words).splitlines())

    assert lines() == 4
    assert lines("--what", "purchase.refund") == 1
    assert lines("--what", "purchase.") == 3
    assert lines("--device", "#1 櫃台") == 2
    assert lines("--since", "2026-11-20") == 3
    assert lines("--since", "2026-11-22T12:01") == 0
    assert lines("--by", "boss", "--since", "2026-11-22") == 2
    assert lines("--store", "tp01") == 3
    assert lines("--store", "TC01") == 0
    assert lines("--limit", "1") == 1
    assert "#2 後台" in run("audit", "list", "--what", "purchase.refund")
    assert "no store" in run("audit", "list", "--store", "NOPE", exit_code=2)
    assert "nobody has the login" in run("audit", "list", "--by", "ghost", exit_code=2)


def test_entries_are_listed_with_the_numbers_that_other_commands_take(
    run: Run, session: Session, boss: Staff, make_member: MakeMember
) -> None:
    member = make_member()
    entry = post_points(
        session,
        member,
        30,
        reason="adjustment",
        idempotency_key="e",
        now=NOON,
        note="補登",
    )
    session.flush()
    assert f"{entry.id}  2026-11-22 12:00  +30  adjustment  補登" in run(
        "ledger", "entries", member.number
    )
    undo = ("ledger", "reverse", str(entry.id), "--reason", "錯了", "--by", "boss")
    assert "taken 30" in run(*undo)


def test_points_that_wait_are_made_spendable_early(
    run: Run, session: Session, boss: Staff, make_member: MakeMember
) -> None:
    """Return window: an operator ends it, such as on delivery, and the audit says who."""
    member = make_member()
    entry = post_points(
        session,
        member,
        40,
        reason="purchase",
        idempotency_key="p",
        now=NOON,
        pending_until=(NOON + timedelta(days=7)).date(),
    )
    session.flush()
    told = ("ledger", "activate", str(entry.id), "--reason", "已送達", "--by", "boss")
    assert "40 points" in run(*told)
    session.expire_all()
    assert (member.points, member.points_pending) == (40, 0)
    (noted,) = list_audit(session, what="points.activate")
    assert (noted.staff_id, noted.reason) == (boss.id, "已送達")
    assert "0 points" in run(*told)
    assert "no entry" in run(*told[:2], "999999", *told[3:], exit_code=2)


def test_a_tier_is_given_by_hand_with_a_reason(
    run: Run, session: Session, boss: Staff, make_member: MakeMember
) -> None:
    member = make_member()
    told = ("--by", "boss", "--reason", "開幕貴賓")
    assert "basic → gold, kept until 2027-01-01" in run(
        "tier", "grant", member.number, "gold", "--until", "2027-01-01", *told
    )
    session.expire_all()
    assert get_programme(session).tier(member.tier_id).code == "gold"
    assert "until 2027-11-22" in run("tier", "grant", member.number, "gold", *told)
    first = list_audit(session, what="tier.grant")[-1]
    assert (first.before, first.reason) == ({"tier": "basic"}, "開幕貴賓")
    assert "why=unknown" in run("tier", "grant", member.number, "jade", *told, exit_code=1)
    past = ("--until", "2020-01-01")
    assert "why=until" in run("tier", "grant", member.number, "gold", *past, *told, exit_code=1)


def test_metrics_are_listed_and_their_history_is_shown(
    run: Run, session: Session, make_member: MakeMember
) -> None:
    member = make_member()
    define_metric(session, "lessons", "上過的課")
    for number in (1, 2):
        set_metric(session, member.id, "lessons", number, source="crm", now=NOON)
    session.flush()
    assert "上過的課" in run("metric", "list")
    history = run("metric", "show", member.number, "--history", "lessons").splitlines()
    assert [line.split()[-2:] for line in history] == [["2", "crm"], ["1", "crm"]]
    assert "lessons" in run("metric", "show", member.number)


def test_a_plans_steps_and_a_members_invitations_can_be_read(
    run: Run, session: Session, boss: Staff, make_member: MakeMember
) -> None:
    member = make_member()
    added = ("plan", "add", "vip", "--name", "VIP", "--fee", "600", "--period", "yearly")
    run(*added)
    sell_plan(
        session,
        member.id,
        get_plan(session, "vip"),
        method=METHODS[0],
        reference=None,
        staff=boss,
        idempotency_key="s",
        now=NOON,
    )
    session.flush()
    assert f"- → active  staff:{boss.id}" in run("plan", "history", member.number)
    assert run("referral", "show", member.number) == ""

"""What an operator sets and sees of invitations, missions, lotteries and reviews."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.activity import LotteryPrize
from models.lottery import add_ticket, draw, find_next_ticket, get_lottery
from models.member import Member
from models.programme import get_programme
from models.review import find_community, rate_purchase
from tests.conftest import NOON
from tests.models.shopping import buy
from tests.models.test_referral import invite

MakeMember = Callable[..., Member]
Run = Callable[..., str]


@pytest.fixture
def run(app: Flask) -> Run:
    """Return a runner of commands that must succeed: what they print."""
    cli: FlaskCliRunner = app.test_cli_runner()

    def invoke(*words: str, refused: bool = False) -> str:
        done = cli.invoke(args=list(words))
        assert (done.exit_code != 0) is refused, done.output
        return done.output

    return invoke


def test_an_operator_opens_the_referral_programme(
    run: Run, session: Session, make_member: MakeMember
) -> None:
    """B-20, A-15: configuration by command, and the list of what came of it."""
    line = run(
        *("referral", "rule", "--wait-days", "3", "--referrer", "points=30"),
        *("--friend", "points=20,coupon=welcome"),
    )
    assert "3 days to wait" in line
    changed = run("referral", "rule", "--monthly-cap", "9")
    assert "9 a month" in changed
    assert "'points': 30" in changed
    rule = get_programme(session).activity.referral_rule
    assert rule is not None
    assert (rule.monthly_cap, rule.wait_days) == (9, 3)

    friend, capped = make_member(joined_at=NOON), make_member(joined_at=NOON)
    referrer = make_member()
    invite(session, referrer, friend)
    refused = invite(session, referrer, capped)
    refused.state, refused.refused_reason = "refused", "monthly_cap"
    buy(session, friend)
    session.commit()
    listed = run("referral", "list")
    assert f"{referrer.number} -> {friend.number} qualified due 2026-11-25" in listed
    assert "refused (monthly_cap)" in listed
    assert "unknown" in run("referral", "rule", "--friend", "gold=1", refused=True)


def test_an_operator_adds_a_mission_with_its_badge(run: Run, session: Session) -> None:
    """B-19, A-14: missions and badges by command."""
    run("mission", "badge", "explorer", "--name", "走透透", "--sign", "🧭")
    assert "a badge needs" in run("mission", "badge", "x", refused=True)
    line = run(
        *("mission", "add", "stores", "--name", "三家走透透", "--kind", "set"),
        *("--event", "visit_store", "--goal", "3", "--reward", "points=30,badge=explorer"),
        *("--from", "2026-11-01", "--until", "2026-12-31"),
    )
    assert "stores 三家走透透 set visit_store 3 x1" in line
    assert get_programme(session).activity.missions[0].code == "stores"
    assert "on: 0 done" in run("mission", "list")
    twice = ("mission", "add", "stores", "--name", "x", "--goal", "1", "--reward", "points=1")
    assert "mission_refused" in run(*twice, refused=True)

    run("mission", "close", "stores")
    assert "off: 0 done" in run("mission", "list")
    assert "no mission has the code" in run("mission", "close", "nothing", refused=True)


def test_an_operator_runs_a_lottery_and_has_it_checked(
    run: Run, session: Session, make_member: MakeMember
) -> None:
    """E-07: odds, stock, the audit list, and `verify` that finds what does not add up."""
    run(
        *("lottery", "add", "summer", "--name", "夏日抽獎", "--until", "2026-12-31"),
        *("--from", "2026-11-01", "--ticket-points", "10", "--consolation", "points=1"),
    )
    prize = ("lottery", "prize", "summer", "--stock", "2", "--reward", "points=50")
    assert "1000000 ppm, 2 of 2 left" in run(*prize, "--name", "五十點", "--odds", "1000000")
    assert "left_ppm" in run(*prize, "--name", "再一個", "--odds", "1", refused=True)
    assert "summer 夏日抽獎 on" in run("lottery", "list")
    again = ("lottery", "add", "summer", "--name", "x", "--until", "2026-12-31")
    assert "odds_refused" in run(*again, refused=True)

    member, lottery = make_member(), get_lottery(session, "summer")
    add_ticket(session, lottery, member.id, key="t", now=NOON)
    ticket = find_next_ticket(session, member.id, lottery.id)
    assert ticket is not None
    number = draw(session, member, ticket, NOON).draw.number
    session.commit()
    audit = run("lottery", "audit", "summer")
    assert f"member {member.number} ticket {ticket} drew {number:06d}" in audit
    assert run("lottery", "verify", "summer") == "1 draws, 0 problems\n"

    session.execute(update(LotteryPrize).values(left=2))
    session.commit()
    assert "1 draws, 1 problems" in run("lottery", "verify", "summer", refused=True)
    run("lottery", "close", "summer")
    assert "summer 夏日抽獎 off" in run("lottery", "list")
    assert "no lottery has the code" in run("lottery", "audit", "nothing", refused=True)


def test_an_operator_reads_reviews_and_decides(
    run: Run, session: Session, make_member: MakeMember
) -> None:
    """E-12, D-04: moderation, points with a daily cap, and the community, by command."""
    assert "review: 3 points" in run("review", "points", "review", "--points", "3")
    member = make_member()
    purchase = buy(session, member)
    review, points = rate_purchase(session, member, purchase.id, 5, NOON)
    session.commit()
    assert points == 3
    assert f"{review.id} TP01 member {member.number} ★★★★★" in run("review", "list")

    assert "is approved" in run("review", "moderate", str(review.id), "approve")
    assert run("review", "list") == ""
    assert "no review has the number" in run("review", "moderate", "0", "hide", refused=True)
    run("review", "community", "https://line.me/ti/g2/x", "--name", "茶友", "--tier", "silver")
    found = find_community(session)
    assert found is not None
    assert found.min_rank == 1
    assert "https" in run("review", "community", "ftp://x", "--name", "x", refused=True)
    url = "https://line.me/x"
    assert "no tier" in run("review", "community", url, "--name", "x", "--tier", "x", refused=True)
    assert session.scalars(select(Member.id)).all() == [member.id]

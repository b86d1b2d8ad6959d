"""Random lives against a recomputation: each cause once, each step once, nothing without reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.base import Sessions
from models.journey import (
    JourneyMove,
    JourneyVisit,
    advance_journey,
    look_for_causes,
    start_visits,
)
from models.member import Member
from models.purchase import Purchase
from tests.conftest import NOON
from tests.models.journey_shop import DAY, MINUTE, begin, buy, go, owed, send, visits, wait
from tests.models.shopping import take_back

MakeMember = Callable[..., Member]
WAIT = timedelta(days=3)
GRACE = timedelta(days=2)
STEPS = 30


@dataclass
class Sold:
    """A sale as the recomputation knows it, and what became of the journey it caused."""

    purchase_id: int
    member_id: int
    at: datetime
    undone: bool = False
    became: str | None = None
    """None until a round saw it; then `waits`, `told`, `purchase` or `refund`."""


@dataclass
class Life:
    """What was done, and what should have come of it."""

    sold: list[Sold] = field(default_factory=list)

    def round(self, now: datetime) -> None:
        """Do by the book what a round does at a moment."""
        for sale in self.sold:
            if sale.became is None and not sale.undone and now - sale.at <= GRACE:
                sale.became = "waits"
            if sale.became == "waits":
                sale.became = self._ends(sale, now)

    def _ends(self, sale: Sold, now: datetime) -> str:
        again = any(
            other.member_id == sale.member_id and other.at > sale.at and not other.undone
            for other in self.sold
        )
        if again:
            return "purchase"
        if sale.undone:
            return "refund"
        return "told" if now >= sale.at + WAIT else "waits"


@pytest.mark.parametrize("seed", range(5))
def test_any_life_comes_to_what_the_book_says(
    sessions: Sessions, session: Session, make_member: MakeMember, seed: int
) -> None:
    """A-18, B-12: with clock jumps, and with workers that die between any two parts."""
    draw, now, life = Random(seed), NOON, Life()
    people = [make_member() for _ in range(4)]
    begin(
        session,
        "care",
        [wait("rest", "hi", **{"for": {"days": 3}, "from": "cause"}), send("hi")],
        reentry="each",
        exit_when=["purchase", "refund"],
        grace_minutes=int(GRACE.total_seconds() // 60),
    )
    for _ in range(STEPS):
        now += MINUTE
        deed = draw.choices(("buy", "refund", "jump", "die", "round"), (6, 3, 4, 3, 6))[0]
        if deed == "buy":
            member = draw.choice(people)
            purchase = buy(session, member, now)
            life.sold.append(Sold(purchase.id, member.id, now))
        elif deed == "refund":
            _refund(session, draw, life, now)
        elif deed == "jump":
            now += draw.choice((1, 2, 4)) * DAY
        elif deed == "die":
            _die(sessions, session, now)
        else:
            go(sessions, session, now)
            life.round(now)
    go(sessions, session, now)
    life.round(now)
    _compare(session, life)


def _refund(session: Session, draw: Random, life: Life, now: datetime) -> None:
    standing = [sale for sale in life.sold if not sale.undone]
    if not standing:
        return
    sale = draw.choice(standing)
    member = session.get_one(Member, sale.member_id)
    take_back(session, member, session.get_one(Purchase, sale.purchase_id), now=now)
    sale.undone = True


def _die(sessions: Sessions, session: Session, now: datetime) -> None:
    """Let a worker die in the middle of starting, and in the middle of moving on."""
    session.commit()
    for limit in (1, 2):
        with sessions() as dying:
            span = look_for_causes(dying, "care", now)
            assert span is not None
            start_visits(dying, span, limit=limit)
            advance_journey(dying, "care", now, limit=limit)
            dying.rollback()


def _compare(session: Session, life: Life) -> None:
    found = {visit.facts["purchase_id"]: visit for visit in visits(session, "care")}
    became = {
        purchase_id: visit.exit_reason
        if visit.state == "exited"
        else {"done": "told", "under_way": "waits"}[visit.state]
        for purchase_id, visit in found.items()
    }
    assert became == {sale.purchase_id: sale.became for sale in life.sold if sale.became}
    told = [visit.id for visit in found.values() if visit.state == "done"]
    assert sorted(each.visit_id or 0 for each in owed(session)) == sorted(told)
    twice = (
        select(JourneyMove.visit_id)
        .join(JourneyVisit, JourneyVisit.id == JourneyMove.visit_id)
        .where(JourneyVisit.journey_code == "care")
        .group_by(JourneyMove.visit_id, JourneyMove.from_step)
        .having(func.count() > 1)
    )
    assert session.execute(twice).all() == []

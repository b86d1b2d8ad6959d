"""The demo's invitations, missions, lottery and reviews: believable, quick, and sound."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.activity import Lottery, Mission
from models.demo.lottery import add_lottery
from models.demo.missions import add_missions
from models.demo.people import FIRST_NUMBER
from models.demo.referral import add_referral
from models.demo.reviews import add_reviews
from models.local_day import local_day
from models.lottery import count_open_tickets, verify_lottery
from models.member import Member
from models.mission import list_missions
from models.referral import CLAIMED, QUALIFIED, list_due, list_invited, settle_referral
from models.review import PENDING, find_community, list_reviews, list_wall
from tests.conftest import NOON
from tests.handlers.statements import count_statements
from tests.models.shopping import buy

MakeMember = Callable[..., Member]
MOST_STATEMENTS = 300
"""Done in a second; what is drawn takes some ten more or fewer."""


def test_the_demo_uses_every_activity(session: Session, make_member: MakeMember) -> None:
    """A-15, B-19, B-20, E-07, E-12, D-04: each mechanic is configured and in use in the demo."""
    first = make_member()
    first.number = FIRST_NUMBER
    newest = [make_member(joined_at=NOON - timedelta(days=days)) for days in range(4)]
    for member in newest[1:]:
        for _ in range(11):
            buy(session, member, now=NOON - timedelta(days=1))
    with count_statements(session) as statements:
        add_lottery(session, NOON)
        add_missions(session, NOON)
        add_referral(session, NOON)
        add_reviews(session, NOON)
    assert len(statements) < MOST_STATEMENTS
    assert [f.state for f in list_invited(session, first.id)].count(QUALIFIED) == 3
    assert [f.state for f in list_invited(session, first.id)].count(CLAIMED) == 1
    due_at = NOON + timedelta(days=7)
    for referral_id in list_due(session, local_day(due_at), limit=9):
        settle_referral(session, referral_id, due_at)
    assert first.points > 0
    shown = {s.mission.code: s.done for s in list_missions(session, first, NOON)}
    assert shown["daily-check-in"] == 3
    assert set(shown) == set(session.scalars(select(Mission.code)))
    lottery = session.scalars(select(Lottery)).one()
    assert count_open_tickets(session, first.id, lottery.id) >= 2
    assert verify_lottery(session, lottery.id).problems == []
    assert list_wall(session)
    assert list_reviews(session, PENDING, limit=9)
    assert find_community(session) is not None

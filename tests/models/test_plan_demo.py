"""The demo's stamp cards and plans: believable, made once, and true to the verbs' promises."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.demo.plans import SUBSCRIBERS, add_plans
from models.demo.stamps import BEGUN_DAYS_AGO, add_stamps
from models.local_day import local_day
from models.member import Member
from models.outbox import Owed
from models.plan import Subscription, list_plans, months_before, renewal_rates
from models.staff import Staff
from models.stamp_card import StampCard, StampEntry, list_stamp_programmes
from models.stamp_card.ending import list_members_with_ended_cards
from tests.conftest import NOON
from tests.models.test_journey_triggers import causes

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]


def test_the_demo_has_subscribers_at_every_step(
    session: Session, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """A-01 to A-04."""
    make_staff("manager")
    for _ in range(SUBSCRIBERS):
        make_member(joined_at=NOON - timedelta(days=500))
    for _ in range(2):
        add_plans(session, NOON)
    states = Counter(session.scalars(select(Subscription.state)))
    assert set(states) == {"active", "expired", "revoked"}
    assert len(list_plans(session)) == 2
    assert causes(session, "plan_ending", NOON + timedelta(days=14), since=NOON)
    assert session.scalar(select(func.count(Owed.id))) == 0
    assert any(rate.renewed for rate in renewal_rates(session, months_before(NOON, 4)))


def test_the_demo_has_several_stamp_cards_and_some_near_their_end(
    session: Session, make_member: MakeMember
) -> None:
    for _ in BEGUN_DAYS_AGO:
        make_member()
    for _ in range(2):
        add_stamps(session, NOON)
    assert len(list_stamp_programmes(session)) == 2
    soon = local_day(NOON) + timedelta(days=7)
    assert len(list_members_with_ended_cards(session, soon, 10)) == 2
    kept = session.scalar(select(func.sum(StampCard.stamps)))
    assert kept == session.scalar(select(func.sum(StampEntry.delta)))
    assert kept == sum(stamps for _, stamps in BEGUN_DAYS_AGO)

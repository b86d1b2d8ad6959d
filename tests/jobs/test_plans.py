"""The clock's part in stamp cards and paid plans: in parts, once, for every due member."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from jobs import plans
from models.base import Sessions
from models.local_day import day_start, local_day
from models.member import Member
from models.outbox import Owed
from models.plan import Plan, Subscription, add_plan, sell_plan
from models.stamp_card import EarnedStamps, StampCard, add_stamp_programme, post_stamps
from tests.conftest import NOON

MakeMember = Callable[..., Member]
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a part hold two members, so that there are several."""
    monkeypatch.setattr(plans, "PART", 2)


@pytest.fixture
def plan(session: Session) -> Plan:
    """Return a monthly plan."""
    return add_plan(session, code="m", name={"zh-TW": "月月茶"}, period="monthly", fee_twd=99)


def sell(session: Session, member: Member, plan: Plan) -> Subscription:
    """Sell the plan at NOON."""
    paid = sell_plan(
        session,
        member.id,
        plan,
        method="counter",
        staff=None,
        idempotency_key=str(uuid4()),
        now=NOON,
    )
    return paid.subscription


def test_plans_end_in_parts(
    session: Session, sessions: Sessions, make_member: MakeMember, plan: Plan
) -> None:
    """A-03, A-04: with somebody who left among them."""
    members = [make_member() for _ in range(5)]
    ends = [sell(session, member, plan).ends_at for member in members]
    end = ends[0]
    left = members[2]
    left.line_user_id = left.name = left.phone = left.birthday = None
    left.marketing_allowed, left.erased_at = False, NOON
    session.commit()
    assert plans.end_plans(sessions, now=end - timedelta(seconds=1)) == 0
    assert plans.end_plans(sessions, now=end) == 5
    assert plans.end_plans(sessions, now=end) == 0
    told = [owed.kind for owed in session.scalars(select(Owed).order_by(Owed.seq))]
    assert told == ["plan_started"] * 5 + ["plan_ended"] * 4


def test_stamp_cards_end_in_parts(
    session: Session, sessions: Sessions, make_member: MakeMember
) -> None:
    card = add_stamp_programme(
        session,
        code="short",
        name={"zh-TW": "短卡"},
        size=5,
        reward_code="stamp_reward",
        card_days=30,
    )
    for _ in range(5):
        member = make_member()
        post_stamps(
            session,
            member.id,
            (EarnedStamps(card, 3),),
            reason="import",
            idempotency_key=str(uuid4()),
            now=NOON,
        )
    session.commit()
    midnight = day_start(local_day(NOON) + 30 * DAY)
    assert plans.expire_stamps(sessions, now=midnight - timedelta(seconds=1)) == 0
    assert plans.expire_stamps(sessions, now=midnight) == 15
    session.expire_all()
    assert set(session.scalars(select(StampCard.stamps))) == {0}

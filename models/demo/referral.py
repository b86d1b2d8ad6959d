"""The demo's invitations: 揪團 at the tea shop, with friends at every step of the way."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.activity import ReferralRule, note_rule_change
from models.demo.people import FIRST_NUMBER
from models.local_day import local_day
from models.member import Member
from models.purchase import Purchase
from models.referral import CLAIMED, QUALIFIED, Referral, ReferralMonth, referral_code_of

WAIT_DAYS = 7
FRIENDS = 4


def add_referral(session: Session, now: datetime) -> None:
    """Open the programme, and let the first member have brought the shop's newest ones."""
    session.add(
        ReferralRule(
            id=1,
            min_spend_twd=60,
            wait_days=WAIT_DAYS,
            monthly_cap=5,
            referrer_reward={"points": 20, "badge": "host"},
            friend_reward={"points": 10},
        )
    )
    note_rule_change(session)
    referrer = session.scalars(select(Member).where(Member.number == FIRST_NUMBER)).one()
    referral_code_of(session, referrer)
    month_on = local_day(now).replace(day=1)
    counted = 0
    for friend in _newest(session, referrer, now):
        referral = _brought(referrer, friend, _first_order(session, friend))
        friend.referral_step = referral.state
        session.add(referral)
        counted += referral.month_on == month_on
    if counted:
        session.add(ReferralMonth(referrer_id=referrer.id, month_on=month_on, friends=counted))
    session.flush()


def _newest(session: Session, referrer: Member, now: datetime) -> list[Member]:
    """Return the members who joined last, after the referrer did."""
    return list(
        session.scalars(
            select(Member)
            .where(
                Member.id != referrer.id,
                Member.joined_at > referrer.joined_at,
                Member.joined_at <= now,
                Member.line_user_id.is_not(None),
            )
            .order_by(Member.joined_at.desc(), Member.id)
            .limit(FRIENDS)
        )
    )


def _first_order(session: Session, friend: Member) -> Purchase | None:
    return session.scalars(
        select(Purchase)
        .where(Purchase.member_id == friend.id, Purchase.paid_twd >= 60)
        .order_by(Purchase.purchased_at, Purchase.id)
        .limit(1)
    ).one_or_none()


def _brought(referrer: Member, friend: Member, order: Purchase | None) -> Referral:
    """Return the invitation as it stands: what is due is left to the shop's own job."""
    referral = Referral(
        referrer_id=referrer.id,
        friend_id=friend.id,
        state=CLAIMED,
        claimed_at=friend.joined_at + timedelta(minutes=1),
    )
    if order is not None:
        referral.state = QUALIFIED
        referral.purchase_id, referral.qualified_at = order.id, order.purchased_at
        referral.month_on = order.purchased_on.replace(day=1)
        referral.due_on = order.purchased_on + timedelta(days=WAIT_DAYS)
    return referral

"""What a purchase and a refund of the friend mean for the invitation that brought them.

Both run under the friend's row lock. The referrer's card is only touched where its lock is free
at once: two members are locked in the order of their ids everywhere else, and waiting here would
turn that order round. What could not be done is left to the job that settles referrals.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Integer, case, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.activity import ReferralRule, Reward
from models.activity.giving import take_back
from models.member import Member
from models.purchase.facts import Made, Undone
from models.purchase.table import Purchase
from models.referral.table import (
    CLAIMED,
    CLAWED_BACK,
    QUALIFIED,
    REFUSED,
    REWARDED,
    Referral,
    ReferralMonth,
)

REASON = "referral"


@dataclass(frozen=True)
class _Order:
    """The friend's order that earns the reward."""

    id: int
    on: date


def after_purchase(session: Session, made: Made) -> None:
    """Let the friend's order qualify the invitation; nothing is asked of who was not invited."""
    rule = made.programme.activity.referral_rule
    if made.member.referral_step != CLAIMED or rule is None:
        return
    if made.purchase.net_twd < _least_twd(rule):
        return
    order = _find_order(session, made.member.id, rule)
    referral = _get_locked(session, made.member.id)
    if order is None or referral.state != CLAIMED:
        return
    _qualify(session, referral, order, rule, made.now)
    made.member.referral_step = referral.state


def after_refund(session: Session, undone: Undone) -> None:
    """Take back what the refunded order earned: the claim stands again, or both rewards go."""
    rule = undone.programme.activity.referral_rule
    if undone.member.referral_step not in (QUALIFIED, REWARDED) or rule is None:
        return
    referral = _get_locked(session, undone.member.id)
    order = _find_order(
        session, undone.member.id, rule, changed_id=undone.purchase.id, net=undone.net_after_twd
    )
    if order is not None:
        if referral.state == QUALIFIED and order.id != referral.purchase_id:
            # Another order takes its place, and has a return window of its own.
            referral.purchase_id = order.id
            referral.due_on = order.on + timedelta(days=rule.wait_days)
    elif referral.state == QUALIFIED:
        _return_to_claimed(session, referral)
    elif referral.state == REWARDED:
        _claw_back(session, referral, undone.member, undone.now)
    undone.member.referral_step = referral.state
    session.flush()


def claw_back_referrer(
    session: Session, referral: Referral, referrer: Member, now: datetime
) -> None:
    """Take the referrer's part back; the caller holds both row locks."""
    referral.kept_by_referrer = take_back(
        session,
        referrer,
        Reward.from_words((referral.given or {}).get("referrer")),
        key=f"referral:{referral.id}:referrer",
        now=now,
    )
    referral.owes_claw_back = False


def _least_twd(rule: ReferralRule) -> int:
    """Return from what net amount an order counts: a paid one, whatever the rule says."""
    return max(rule.min_spend_twd, 1)


def _find_order(
    session: Session,
    friend_id: int,
    rule: ReferralRule,
    *,
    changed_id: int | None = None,
    net: int = 0,
) -> _Order | None:
    """Return the friend's order that counts, if they have made it; one of them just changed."""
    net_twd = case(
        (Purchase.id == literal(changed_id), literal(net, Integer)),
        else_=Purchase.paid_twd - Purchase.refunded_twd,
    )
    found = session.execute(
        select(Purchase.id, Purchase.purchased_on)
        .where(Purchase.member_id == friend_id, net_twd >= _least_twd(rule))
        .order_by(Purchase.purchased_at, Purchase.id)
        .offset(rule.on_order - 1)
        .limit(1)
    ).one_or_none()
    return None if found is None else _Order(found[0], found[1])


def _get_locked(session: Session, friend_id: int) -> Referral:
    return session.scalars(
        select(Referral)
        .where(Referral.friend_id == friend_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()


def _qualify(
    session: Session, referral: Referral, order: _Order, rule: ReferralRule, now: datetime
) -> None:
    month_on = order.on.replace(day=1)
    if not _take_place(session, referral.referrer_id, month_on, rule.monthly_cap):
        referral.state, referral.refused_reason = REFUSED, "monthly_cap"
        return
    referral.state = QUALIFIED
    referral.purchase_id = order.id
    referral.qualified_at = now
    referral.month_on = month_on
    referral.due_on = order.on + timedelta(days=rule.wait_days)


def _take_place(session: Session, referrer_id: int, month_on: date, cap: int) -> bool:
    """Count one more friend in the month, and tell whether there was room; friends at once wait."""
    counted = session.scalar(
        insert(ReferralMonth)
        .values(referrer_id=referrer_id, month_on=month_on, friends=1)
        .on_conflict_do_update(
            index_elements=[ReferralMonth.referrer_id, ReferralMonth.month_on],
            set_={"friends": ReferralMonth.friends + 1},
            where=ReferralMonth.friends < cap,
        )
        .returning(ReferralMonth.friends)
    )
    return counted is not None


def _return_to_claimed(session: Session, referral: Referral) -> None:
    session.execute(
        update(ReferralMonth)
        .where(
            ReferralMonth.referrer_id == referral.referrer_id,
            ReferralMonth.month_on == referral.month_on,
        )
        .values(friends=ReferralMonth.friends - 1)
    )
    referral.state = CLAIMED
    referral.purchase_id = referral.qualified_at = referral.month_on = referral.due_on = None


def _claw_back(session: Session, referral: Referral, friend: Member, now: datetime) -> None:
    referral.kept_by_friend = take_back(
        session,
        friend,
        Reward.from_words((referral.given or {}).get("friend")),
        key=f"referral:{referral.id}:friend",
        now=now,
    )
    referral.state, referral.clawed_back_at = CLAWED_BACK, now
    referral.owes_claw_back = True
    referrer = session.scalars(
        select(Member)
        .where(Member.id == referral.referrer_id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if referrer is not None:
        claw_back_referrer(session, referral, referrer, now)

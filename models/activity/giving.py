"""Giving a reward, and taking back of it what has not been spent.

Everything given carries the giver's key, so it is given once and found again to be taken back.
The caller holds the member's row lock.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models import points
from models.activity.reward import Reward, RewardRefused
from models.activity.table import Badge, Lottery
from models.badge import MemberBadge, give_badge, take_badge
from models.base import in_language
from models.coupon import Coupon, CouponTemplate, get_template, issue_coupon
from models.member import Member
from models.points import find_entry, post_points
from models.ticket import add_ticket, void_tickets


def check_reward(session: Session, reward: Reward) -> Reward:
    """Return the reward where all it names is there. Raises RewardRefused."""
    asked: list[tuple[Any, str | None]] = [
        (CouponTemplate.code, reward.coupon),
        (Lottery.code, reward.lottery),
        (Badge.code, reward.badge),
    ]
    for column, code in asked:
        if code is not None and session.scalar(select(column).where(column == code)) is None:
            raise RewardRefused(unknown=[code])
    return reward


def give(
    session: Session, member: Member, reward: Reward, *, reason: str, key: str, now: datetime
) -> None:
    """Give all that `reward` brings, once a `key`; points go under this ledger `reason`."""
    if reward.points or reward.tier_points:
        post_points(
            session,
            member,
            reward.points,
            reason=reason,
            idempotency_key=f"{key}:points",
            now=now,
            tier_points=reward.tier_points,
        )
    if reward.coupon is not None:
        template = get_template(session, reward.coupon)
        issue_coupon(session, member.id, template, issue_key=f"{key}:coupon", now=now)
    if reward.lottery is not None:
        lottery = session.scalars(select(Lottery).where(Lottery.code == reward.lottery)).one()
        for number in range(reward.tickets):
            add_ticket(session, lottery, member.id, key=f"{key}:ticket:{number}", now=now)
    if reward.badge is not None:
        give_badge(
            session,
            MemberBadge(member_id=member.id, badge_code=reward.badge, give_key=key, given_at=now),
        )


def take_back(
    session: Session, member: Member, reward: Reward, *, key: str, now: datetime
) -> str | None:
    """Take back what of a given reward is not spent; return what could not be, or None.

    Spent points are forgiven or stay as a debt, as the shop decided for its ledger; a used coupon
    and a drawn ticket stay, and are named.
    """
    kept = []
    entry = find_entry(session, f"{key}:points")
    if entry is not None:
        taken = points.take_back(
            session,
            member,
            entry,
            entry.moved,
            reason="reversal",
            idempotency_key=f"{key}:points:back",
            now=now,
            tier_points=entry.tier_points,
        )
        kept += [f"{taken.forgiven} points"] if taken.forgiven else []
    if reward.coupon is not None and not _void_coupon(session, f"{key}:coupon"):
        kept.append("coupon")
    if reward.lottery is not None:
        drawn = reward.tickets - void_tickets(session, f"{key}:ticket:", now)
        kept += [f"{drawn} tickets"] if drawn else []
    if reward.badge is not None:
        take_badge(session, member.id, reward.badge, key)
    return ", ".join(kept) or None


def _void_coupon(session: Session, issue_key: str) -> bool:
    """Void the coupon given for this cause; tell whether it was still there to be taken."""
    voided = session.scalar(
        update(Coupon)
        .where(Coupon.issue_key == issue_key, Coupon.state == "issued")
        .values(state="void")
        .returning(Coupon.id)
    )
    return voided is not None


def reward_words(session: Session, reward: Reward, language: str) -> dict[str, Any]:
    """Return a reward as plain facts for a card, its things by their names."""
    return {
        "points": reward.points,
        "tier_points": reward.tier_points,
        "coupon": _name(session, CouponTemplate, reward.coupon, language),
        "lottery": _name(session, Lottery, reward.lottery, language),
        "tickets": reward.tickets,
        "badge": _name(session, Badge, reward.badge, language),
    }


def _name(
    session: Session,
    model: type[CouponTemplate | Lottery | Badge],
    code: str | None,
    language: str,
) -> str | None:
    if code is None:
        return None
    name = session.scalar(select(model.name).where(model.code == code))
    return in_language(name, language) if name else None

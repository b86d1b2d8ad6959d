"""Rewarding both sides once the return window is over, and finishing what a refund left undone."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from models import mission
from models.activity import Reward
from models.activity.giving import give, reward_words
from models.local_day import local_day
from models.member import Member, masked_name
from models.outbox import owe
from models.programme import get_programme
from models.referral.claiming import is_gone
from models.referral.qualifying import REASON, claw_back_referrer
from models.referral.table import QUALIFIED, REFUSED, REWARDED, Referral

REWARDED_KIND = "referral_rewarded"


def list_due(session: Session, today: date, *, after_id: int = 0, limit: int) -> Sequence[int]:
    """Return up to `limit` invitations to settle, the oldest first, after one of them."""
    return session.scalars(
        select(Referral.id)
        .where(
            Referral.id > after_id,
            or_(
                Referral.owes_claw_back,
                and_(Referral.state == QUALIFIED, Referral.due_on <= today),
            ),
        )
        .order_by(Referral.id)
        .limit(limit)
    ).all()


def settle_referral(session: Session, referral_id: int, now: datetime) -> str | None:
    """Reward both, refuse, or take back what a refund could not; return what came of it.

    Both members are locked in the order of their ids. None where there is nothing to do any more:
    another run was here first, or the order was taken back meanwhile.
    """
    pair = session.get_one(Referral, referral_id)
    people = _lock(session, pair.referrer_id, pair.friend_id)
    referral = session.get_one(Referral, referral_id, populate_existing=True, with_for_update=True)
    referrer, friend = people[referral.referrer_id], people[referral.friend_id]
    if referral.owes_claw_back:
        claw_back_referrer(session, referral, referrer, now)
        return referral.state
    if referral.state != QUALIFIED or (referral.due_on or date.max) > local_day(now):
        return None
    reason = next(
        (
            why
            for why, who in (("referrer_gone", referrer), ("friend_gone", friend))
            if is_gone(who)
        ),
        None,
    )
    if reason is not None:
        referral.state, referral.refused_reason = REFUSED, reason
    else:
        _reward(session, referral, referrer, friend, now)
    friend.referral_step = referral.state
    session.flush()
    return referral.state


def _lock(session: Session, *ids: int) -> dict[int, Member]:
    found = session.scalars(
        select(Member)
        .where(Member.id.in_(ids))
        .order_by(Member.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {member.id: member for member in found}


def _reward(
    session: Session, referral: Referral, referrer: Member, friend: Member, now: datetime
) -> None:
    rule = get_programme(session).activity.referral_rule
    assert rule is not None, "a rule that was there is closed, never deleted"
    referral.given = {"referrer": rule.referrer_reward, "friend": rule.friend_reward}
    referral.state, referral.rewarded_at = REWARDED, now
    for member, other, role in ((referrer, friend, "referrer"), (friend, referrer, "friend")):
        reward = Reward.from_words(referral.given[role])
        give(
            session,
            member,
            reward,
            reason=REASON,
            key=f"referral:{referral.id}:{role}",
            now=now,
        )
        _tell(session, referral, member, other, role, reward, now)
    mission.note_event(
        session,
        referrer,
        "referral",
        key=f"referral:{referral.id}",
        now=now,
    )


def _tell(
    session: Session,
    referral: Referral,
    member: Member,
    other: Member,
    role: str,
    reward: Reward,
    now: datetime,
) -> None:
    if member.line_user_id is None:
        return
    owe(
        session,
        member.line_user_id,
        REWARDED_KIND,
        {
            "role": role,
            "other": masked_name(other.name),
            "reward": reward_words(session, reward, member.language),
        },
        language=member.language,
        idempotency_key=f"referral:{referral.id}:{role}",
        now=now,
        member_id=member.id,
    )

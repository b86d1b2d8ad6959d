"""What may be asked of invitations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from models.member import Member, masked_name
from models.referral.table import Referral, ReferralMonth

MOST_SHOWN = 10


@dataclass(frozen=True)
class Invited:
    """A friend as the one who invited them may see them."""

    name: str
    """Masked: who joined is the friend's own matter."""
    state: str
    reason: str | None
    claimed_at: datetime
    due_on: date | None


def list_invited(session: Session, referrer_id: int) -> list[Invited]:
    """Return the newest friends a member invited, newest first, with what is pending."""
    rows = session.execute(
        select(Referral, Member.name)
        .join(Member, Member.id == Referral.friend_id)
        .where(Referral.referrer_id == referrer_id)
        .order_by(Referral.id.desc())
        .limit(MOST_SHOWN)
    )
    return [
        Invited(masked_name(name), row.state, row.refused_reason, row.claimed_at, row.due_on)
        for row, name in rows
    ]


def count_invited(session: Session, referrer_id: int) -> dict[str, int]:
    """Return how many friends a member invited, by state."""
    rows = session.execute(
        select(Referral.state, func.count())
        .where(Referral.referrer_id == referrer_id)
        .group_by(Referral.state)
    )
    return dict(rows.all())


def count_month(session: Session, referrer_id: int, month_on: date) -> int:
    """Return how many friends count for a member's cap in the month that begins on `month_on`."""
    month = session.get(ReferralMonth, (referrer_id, month_on), populate_existing=True)
    return month.friends if month is not None else 0


def list_referrals(session: Session, *, limit: int) -> Sequence[tuple[Referral, str, str]]:
    """Return the newest invitations with the numbers of referrer and friend, for the operator."""
    friend = aliased(Member)
    return [
        (referral, by, whom)
        for referral, by, whom in session.execute(
            select(Referral, Member.number, friend.number)
            .join(Member, Member.id == Referral.referrer_id)
            .join(friend, friend.id == Referral.friend_id)
            .order_by(Referral.id.desc())
            .limit(limit)
        )
    ]

"""Claiming: what is due is taken for one lease, with what is true of its person now."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    func,
    select,
    update,
)
from sqlalchemy.orm import Session

from models.friend import Friend
from models.member import Member
from models.outbox.table import LEASE, LINE, Owed


@dataclass(frozen=True)
class Claim:
    """A row that is ours for one lease, and whether an earlier try may have been accepted."""

    owed: Owed
    was_in_doubt: bool


@dataclass(frozen=True)
class Receiver:
    """What is true of a person just before a try: may they be written to at all?"""

    is_friend: bool
    is_member: bool
    marketing_allowed: bool


STRANGER = Receiver(is_friend=False, is_member=False, marketing_allowed=False)


def claim_owed(session: Session, *, limit: int, now: datetime, channel: str = LINE) -> list[Claim]:
    """Claim up to `limit` due rows for one lease, oldest first; live claims are passed over.

    A reply that came too late for its token, and surely was not said, goes on as a push here.
    """
    due = session.scalars(
        select(Owed)
        .where(
            Owed.state == "waiting",
            Owed.next_try_at <= now,
            Owed.rides_on.is_(None),
            Owed.channel == channel,
        )
        .order_by(Owed.next_try_at, Owed.seq)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    claims = [Claim(row, was_in_doubt=row.in_doubt) for row in sorted(due, key=lambda r: r.seq)]
    for row in due:
        if row.is_late(now) and row.push_if_late and not row.in_doubt:
            row.reply_token = row.reply_until = None
        row.next_try_at = now + LEASE
        row.tries += 1
        row.in_doubt = True
        row.first_try_at = row.first_try_at or now
    return claims


def release_claims(session: Session, now: datetime) -> int:
    """Make what is claimed due `now`: for the only worker alive, since dead ones claimed it.

    Rows that pause after a try without an answer are released too; they were due soon anyway.
    """
    released = session.execute(
        update(Owed)
        .where(
            Owed.state == "waiting",
            Owed.in_doubt,
            Owed.next_try_at > now,
            Owed.next_try_at <= now + LEASE,
        )
        .values(next_try_at=now)
        .returning(Owed.id)
    )
    return len(released.all())


def receivers_of(session: Session, people: Iterable[str]) -> dict[str, Receiver]:
    """Return what is true now of each known person, by LINE user id, in one query."""
    found = session.execute(
        select(Friend.line_user_id, Friend.is_following, Member.marketing_allowed)
        .join(Member, Member.line_user_id == Friend.line_user_id, isouter=True)
        .where(Friend.line_user_id.in_(set(people)))
    )
    return {
        line_user_id: Receiver(
            is_friend=following, is_member=allowed is not None, marketing_allowed=bool(allowed)
        )
        for line_user_id, following, allowed in found
    }


def release_by_hand(session: Session, played_at: datetime, now: datetime) -> int:
    """Make what a job played at another moment owes due `now`; return how many rows.

    Their useful time is moved along, so that playing yesterday or next month still delivers.
    """
    moved = session.execute(
        update(Owed)
        .where(Owed.created_at == played_at, Owed.state == "waiting")
        .values(
            next_try_at=now,
            push_at=None,
            created_at=now,
            useful_until=Owed.useful_until - played_at + now,
        )
        .returning(Owed.id)
    )
    return len(moved.all())


def count_due(session: Session, now: datetime) -> int:
    """Return how many rows wait although they are due; what rides on a reply is with it."""
    due = (Owed.state == "waiting", Owed.next_try_at <= now, Owed.rides_on.is_(None))
    return session.scalar(select(func.count()).where(*due)) or 0

"""Checks of the LINE channel: what LINE said of this installation's channel, when asked (U19).

Somebody asks, a worker looks (`bot/channel_check.py`), and what it found is kept, finding by
finding. Only the last few checks stay.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Identifier, Moment, wake
from models.friend import Friend
from models.quota import get_plan, month_of
from models.shop import get_shop
from models.staff import Staff

TASK = "check_channel"
KEPT = 20
PATIENCE = timedelta(minutes=2)
"""A check nobody answered for so long is asked anew."""
MOST_FRIENDS = 3
"""So many people we know are looked up: were the channel of another provider, LINE knew none."""


class ChannelCheck(Base):
    """One look at the channel; `findings` tells each thing looked at, with how it stands."""

    __tablename__ = "channel_check"
    __table_args__ = (
        CheckConstraint("(findings IS NULL) = (done_at IS NULL)", name="done_with_findings"),
    )

    id: Mapped[Identifier]
    asked_by: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[Moment]
    done_at: Mapped[datetime | None]
    findings: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON(none_as_null=True))

    def is_waiting(self, now: datetime) -> bool:
        """Tell whether a worker may still answer."""
        return self.done_at is None and now - self.asked_at < PATIENCE


@dataclass(frozen=True)
class Expected:
    """What the shop believes of its channel, to be held against what LINE says."""

    basic_id: str
    free_messages: int
    friends: Sequence[str]
    """LINE's ids of a few people who are our friends."""


def ask_check(session: Session, staff: Staff, now: datetime) -> ChannelCheck:
    """Have the channel looked at soon; of two who ask at once, one look answers both."""
    newest = find_newest_check(session)
    if newest is not None and newest.is_waiting(now):
        return newest
    check = ChannelCheck(asked_by=staff.id, asked_at=now)
    session.add(check)
    session.flush()
    wake(session, TASK)
    return check


def find_newest_check(session: Session) -> ChannelCheck | None:
    """Return the last check, done or not, or None where nobody ever asked."""
    newest = select(ChannelCheck).order_by(ChannelCheck.id.desc()).limit(1)
    return session.scalars(newest).one_or_none()


def expected_of_channel(session: Session, now: datetime) -> Expected:
    """Return what a check holds LINE's answers against."""
    friends = select(Friend.line_user_id).where(Friend.is_following).limit(MOST_FRIENDS)
    return Expected(
        basic_id=get_shop(session).basic_id,
        free_messages=get_plan(session, month_of(now)).free_messages,
        friends=session.scalars(
            friends.order_by(Friend.changed_at.desc(), Friend.line_user_id)
        ).all(),
    )


def find_open_check(session: Session, now: datetime) -> int | None:
    """Return the check that waits to be done, if one does."""
    newest = find_newest_check(session)
    return newest.id if newest is not None and newest.is_waiting(now) else None


def conclude_check(
    session: Session, check_id: int, findings: Sequence[dict[str, Any]], now: datetime
) -> None:
    """Keep what a look found, and forget looks of long ago."""
    check = session.get(ChannelCheck, check_id, with_for_update=True)
    if check is None or check.done_at is not None:
        return  # Another worker was quicker.
    check.findings, check.done_at = list(findings), now
    kept = select(ChannelCheck.id).order_by(ChannelCheck.id.desc()).limit(KEPT)
    session.execute(delete(ChannelCheck).where(ChannelCheck.id.not_in(kept)))

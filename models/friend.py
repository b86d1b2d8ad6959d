"""Friends: people who added the account in LINE, and what they are in the middle of."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, Index, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Moment

STALE_AFTER = timedelta(hours=24)
"""After a silence this long, the next word is no longer taken as the answer to our question."""
FORGET_AFTER = timedelta(days=30)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Older than any event: a friendship of which no follow or unfollow is known yet."""


class Friend(Base):
    """One LINE account we have met. Blocking ends the friendship and keeps the row."""

    __tablename__ = "friend"
    __table_args__ = (
        # Who blocked us within some days: few, among however many friends.
        Index("ix_friend_blocked", "changed_at", postgresql_where="NOT is_following"),
    )

    line_user_id: Mapped[str] = mapped_column(primary_key=True)
    is_following: Mapped[bool] = mapped_column(default=True)
    changed_at: Mapped[Moment]
    """Time of the event that set `is_following`; an older one changes nothing."""
    language: Mapped[str] = mapped_column(default="zh-TW")
    source: Mapped[str] = mapped_column(default="line")
    """The latest known reason they came: `line`, `store:<code>`, …; kept at registration."""


class Conversation(Base):
    """What a person is in the middle of: topic, current question, and what they told so far."""

    __tablename__ = "conversation"

    line_user_id: Mapped[str] = mapped_column(primary_key=True)
    topic: Mapped[str]
    step: Mapped[str]
    draft: Mapped[dict[str, Any]] = mapped_column(JSON)
    updated_at: Mapped[Moment]

    def is_stale(self, now: datetime) -> bool:
        """Tell whether the person has been silent for a day."""
        return now - self.updated_at > STALE_AFTER


def meet(session: Session, line_user_id: str, *, language: str | None = None) -> Friend:
    """Return the friend with this LINE id, making the row at the first meeting.

    A person who writes to us is a friend, even if we missed the follow event.
    """
    friend = session.get(Friend, line_user_id)
    if friend is None:
        session.execute(
            insert(Friend)
            .values(line_user_id=line_user_id, changed_at=NEVER, language=language or "zh-TW")
            .on_conflict_do_nothing()
        )
        friend = session.get_one(Friend, line_user_id)
    return friend


def note_friendship(friend: Friend, *, is_following: bool, event_at: datetime) -> bool:
    """Take over a follow or unfollow, unless something newer is known; tell whether it counted."""
    if event_at < friend.changed_at:
        return False
    friend.is_following = is_following
    friend.changed_at = event_at
    return True


def get_conversation(session: Session, line_user_id: str) -> Conversation | None:
    """Return what the person is in the middle of, or None."""
    return session.get(Conversation, line_user_id)


def converse(
    session: Session,
    line_user_id: str,
    topic: str,
    step: str,
    now: datetime,
    **told: Any,
) -> Conversation:
    """Note the question just asked, keeping what was told so far within the same topic."""
    talk = session.get(Conversation, line_user_id)
    if talk is None:
        talk = Conversation(line_user_id=line_user_id, draft={})
        session.add(talk)
    elif talk.topic != topic:
        talk.draft = {}
    talk.topic, talk.step, talk.updated_at = topic, step, now
    talk.draft = {**talk.draft, **told}
    return talk


def end_conversation(session: Session, line_user_id: str) -> None:
    """Forget what the person was in the middle of."""
    session.execute(delete(Conversation).where(Conversation.line_user_id == line_user_id))


def forget_stale_conversations(session: Session, now: datetime) -> int:
    """Forget drafts nobody came back to for a month; return how many."""
    gone = session.scalars(
        delete(Conversation)
        .where(Conversation.updated_at < now - FORGET_AFTER)
        .returning(Conversation.line_user_id)
    )
    return len(gone.all())

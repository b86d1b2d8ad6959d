"""Text messages (簡訊) we owe a phone: an outbox of their own, since they go by another gateway.

A row's life: waiting → accepted (the gateway took it), refused (it said no), or late (the code
in it is over). Settled, it keeps neither phone nor code. A claim is a lease, as in the outbox.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import CheckConstraint, Index, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import DELIVERY, Base, Moment, one_of, wake

STATES = ("waiting", "accepted", "refused", "late")
LEASE = timedelta(seconds=20)
"""Longer than one call to the gateway may take."""
RETRY_AFTER = timedelta(seconds=5)
KEPT = timedelta(days=30)


class TextMessage(Base):
    """One code to be sent to one phone."""

    __tablename__ = "text_message"
    __table_args__ = (
        CheckConstraint(one_of("state", STATES), name="state_known"),
        CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="settled_when"),
        CheckConstraint(
            "state = 'waiting' OR (phone IS NULL AND code IS NULL)", name="settled_keeps_nothing"
        ),
        Index("ix_text_message_due", "next_try_at", postgresql_where="state = 'waiting'"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    phone: Mapped[str | None]
    code: Mapped[str | None]
    language: Mapped[str]
    state: Mapped[str] = mapped_column(default="waiting")
    tries: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[Moment]
    next_try_at: Mapped[Moment]
    useful_until: Mapped[Moment]
    settled_at: Mapped[datetime | None]
    reason: Mapped[str | None]


def owe_text(
    session: Session,
    phone: str,
    code: str,
    *,
    language: str,
    useful_until: datetime,
    now: datetime,
) -> TextMessage:
    """Owe a phone its code; a worker sends it after the commit."""
    row = TextMessage(
        phone=phone,
        code=code,
        language=language,
        created_at=now,
        next_try_at=now,
        useful_until=useful_until,
    )
    session.add(row)
    wake(session, DELIVERY)
    return row


def claim_texts(session: Session, *, limit: int, now: datetime) -> Sequence[TextMessage]:
    """Claim up to `limit` due texts for one lease, oldest first; end those that come too late."""
    session.execute(
        update(TextMessage)
        .where(TextMessage.state == "waiting", TextMessage.useful_until <= now)
        .values(state="late", settled_at=now, phone=None, code=None)
        .execution_options(synchronize_session=False)
    )
    due = session.scalars(
        select(TextMessage)
        .where(TextMessage.state == "waiting", TextMessage.next_try_at <= now)
        .order_by(TextMessage.next_try_at, TextMessage.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    for row in due:
        row.next_try_at = now + LEASE
        row.tries += 1
    session.flush()
    return due


def settle_text(
    session: Session,
    text_id: uuid.UUID,
    state: str,
    now: datetime,
    *,
    reason: str | None = None,
) -> None:
    """End a text's life; phone and code leave the row."""
    session.execute(
        update(TextMessage)
        .where(TextMessage.id == text_id, TextMessage.state == "waiting")
        .values(state=state, settled_at=now, reason=reason, phone=None, code=None)
    )


def try_text_again(session: Session, text_id: uuid.UUID, now: datetime, *, reason: str) -> None:
    """Give a claimed text back, due again in a moment."""
    session.execute(
        update(TextMessage)
        .where(TextMessage.id == text_id, TextMessage.state == "waiting")
        .values(next_try_at=now + RETRY_AFTER, reason=reason)
    )


def forget_texts(session: Session, now: datetime) -> int:
    """Delete texts settled a month ago; return how many."""
    gone = session.scalars(
        delete(TextMessage).where(TextMessage.settled_at < now - KEPT).returning(TextMessage.id)
    )
    return len(gone.all())

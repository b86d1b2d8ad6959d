"""What we owe, as rows: each message to a person, and what month and way the said ones went."""

import uuid
from datetime import date, datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Table,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Moment, one_of

LEASE = timedelta(seconds=20)
"""Longer than any call to LINE may take, so that a live claim is never taken over."""
RETRY_KEY_LIFE = timedelta(hours=24)
"""After this LINE forgets a retry key and would send again (LINE, Retry failed API requests)."""
REPLY_TOKEN_LIFE = timedelta(seconds=55)
"""A reply token is good for a minute from the webhook; we leave a margin."""
KEPT_DAYS = 30
STATES = ("waiting", "accepted", "refused", "skipped", "unknown")
MENU_KIND = "rich_menu"
REPLY_KIND = "reply"
LINE, EMAIL = "line", "email"
CHANNELS = (LINE, EMAIL)
HIGHEST_PRIORITY = 100


class Owed(Base):
    """One message (or rich menu) a person is owed; `words` are the business's facts for it."""

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint(one_of("state", STATES), name="state_known"),
        CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="settled_when"),
        CheckConstraint("(reply_token IS NULL) = (reply_until IS NULL)", name="token_has_end"),
        CheckConstraint(f"priority BETWEEN 0 AND {HIGHEST_PRIORITY}", name="priority_in_range"),
        CheckConstraint(one_of("channel", CHANNELS), name="channel_known"),
        CheckConstraint("rides_on IS NULL OR push_at IS NOT NULL", name="rider_is_nudge"),
        Index("ix_outbox_due", "next_try_at", "seq", postgresql_where="state = 'waiting'"),
        Index("ix_outbox_settled_at", "settled_at", postgresql_where="settled_at IS NOT NULL"),
        Index("ix_outbox_line_user_id", "line_user_id", "seq"),
        Index(
            "ix_outbox_nudge",
            "line_user_id",
            postgresql_where="state = 'waiting' AND push_at IS NOT NULL AND rides_on IS NULL",
        ),
        Index("ix_outbox_rides_on", "rides_on", postgresql_where="rides_on IS NOT NULL"),
        Index("ix_outbox_visit_id", "visit_id", postgresql_where="visit_id IS NOT NULL"),
        Index("ix_outbox_marketing", "member_id", postgresql_where="is_marketing"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    seq: Mapped[int] = mapped_column(BigInteger, Identity())
    line_user_id: Mapped[str]
    member_id: Mapped[int | None] = mapped_column(ForeignKey("member.id"))
    kind: Mapped[str]
    words: Mapped[dict[str, Any]] = mapped_column(JSON)
    language: Mapped[str]
    is_marketing: Mapped[bool] = mapped_column(default=False)
    reply_token: Mapped[str | None]
    reply_until: Mapped[datetime | None]
    push_if_late: Mapped[bool] = mapped_column(default=True)
    """Whether it may become a push, which costs money, when no reply can carry it."""
    useful_until: Mapped[datetime | None]
    idempotency_key: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(default="waiting")
    via: Mapped[str | None]
    """How LINE took it: `reply` (free) or `push`."""
    tries: Mapped[int] = mapped_column(default=0)
    in_doubt: Mapped[bool] = mapped_column(default=False)
    """Whether LINE may have it already: a try is under way, or ended without an answer."""
    created_at: Mapped[Moment]
    next_try_at: Mapped[Moment]
    first_try_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    status: Mapped[int | None]
    request_id: Mapped[str | None]
    reason: Mapped[str | None]
    source: Mapped[str | None]
    """What it came of: `journey:<code>:<version>:<step>`, `test:<campaign>`; None: a deed."""
    purpose: Mapped[str | None]
    """What it is for, where the kind does not say it: `win_back` of a drawn content."""
    priority: Mapped[int | None]
    """Who goes first where only one may; None: as the shop's rules have it for its source."""
    visit_id: Mapped[int | None] = mapped_column(BigInteger)
    """The visit of a journey that owes it."""
    push_at: Mapped[datetime | None]
    """Set where it waits for a free reply: the moment at which it is pushed after all."""
    rides_on: Mapped[uuid.UUID | None]
    """The reply that carries it."""
    channel: Mapped[str] = mapped_column(default=LINE, server_default=LINE)

    @property
    def intent(self) -> str:
        """What the rules of outreach know it as."""
        return self.purpose or self.kind

    def is_late(self, now: datetime) -> bool:
        """Tell whether this is a reply whose token is too old to be used."""
        return self.reply_until is not None and now >= self.reply_until


OUTBOX = cast(Table, Owed.__table__)
"""The bare table, for statements that go past the mapper."""


class DeliveryMonth(Base):
    """How many messages went in which way in a Taipei month, of those already forgotten."""

    __tablename__ = "delivery_month"
    __table_args__ = (CheckConstraint("messages >= 0", name="messages_not_negative"),)

    month: Mapped[date] = mapped_column(primary_key=True)
    way: Mapped[str] = mapped_column(primary_key=True)
    messages: Mapped[int] = mapped_column(BigInteger)

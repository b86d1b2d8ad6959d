"""Runs, batches and recipients: what one sending of a campaign owes whom, and what became of it.

A run's life: planned → freezing → sending ⇄ paused or stopped → finished; or cancelled, or missed
where nobody began it in time. It has ended once `finished_at` is set, and always ends by itself.

Who is written to is frozen as rows before the first call. A batch of identical words is one
multicast: its id is LINE's retry key, so it exists before the first try, and its settling is one
row. A recipient's outcome is that of their batch unless they have a state of their own. Personal
words are one push a recipient, whose key follows from batch and member; each settles by itself.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Identifier, Moment, Words

LEASE = timedelta(seconds=30)
"""How long a claim holds; calls are begun early enough to end within it."""
BATCH_SIZE = 500
"""The most people one multicast reaches (LINE, Messaging API reference, read 2026-08)."""
LONGEST_UNIT = 30
RUN_STATES = (
    "planned",
    "freezing",
    "sending",
    "paused",
    "finished",
    "cancelled",
    "missed",
    "stopped",
)
BATCH_STATES = ("waiting", "accepted", "refused", "unknown", "skipped")
OWN_STATES = ("skipped", "accepted", "refused", "unknown")
ENDED = ("finished", "cancelled", "missed", "stopped")
"""The states in which a run may have ended."""


def _among(names: tuple[str, ...]) -> str:
    return "('" + "', '".join(names) + "')"


class CampaignRun(Base):
    """One sending of a campaign; `spec` is what it says and to whom, as it was when it was opened.

    While `held_until` lies ahead nothing is begun: LINE's quota is gone for now.
    """

    __tablename__ = "campaign_run"
    __table_args__ = (
        UniqueConstraint("campaign_id", "slot"),
        CheckConstraint(f"state IN {_among(RUN_STATES)}", name="state_known"),
        CheckConstraint(
            f"finished_at IS NULL OR state IN {_among(ENDED)}", name="ends_in_known_state"
        ),
        CheckConstraint(
            "state NOT IN ('finished', 'missed') OR finished_at IS NOT NULL", name="finished_when"
        ),
        CheckConstraint("until >= send_at", name="until_after_send_at"),
        CheckConstraint(f"unit_name ~ '^[A-Za-z0-9_]{{1,{LONGEST_UNIT}}}$'", name="unit_fits"),
        Index("ix_campaign_run_open", "send_at", postgresql_where="finished_at IS NULL"),
    )

    id: Mapped[Identifier]
    campaign_id: Mapped[int] = mapped_column(ForeignKey("campaign.id"))
    slot: Mapped[str]
    """Which sending of the campaign this is, such as its planned moment: no slot runs twice."""
    state: Mapped[str] = mapped_column(default="planned")
    spec: Mapped[Words]
    unit_name: Mapped[str]
    """Under which LINE counts what was seen and clicked."""
    send_at: Mapped[Moment]
    until: Mapped[Moment]
    """From here on nothing is tried for the first time."""
    planned: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    """How many recipients were frozen, those of the holdout among them."""
    created_at: Mapped[Moment]
    frozen_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    held_until: Mapped[datetime | None]
    stop_reason: Mapped[str | None]
    """Why it is paused, stopped, cancelled, or was missed."""


class CampaignBatch(Base):
    """Recipients who are written to together: one multicast, or some hundred pushes."""

    __tablename__ = "campaign_batch"
    __table_args__ = (
        CheckConstraint(f"state IN {_among(BATCH_STATES)}", name="state_known"),
        CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="settled_when"),
        CheckConstraint("members >= 0", name="members_not_negative"),
        CheckConstraint("NOT in_doubt OR first_try_at IS NOT NULL", name="doubted_after_try"),
        Index("ix_campaign_batch_run_id", "run_id"),
        Index(
            "ix_campaign_batch_due",
            "run_id",
            "next_try_at",
            "number",
            postgresql_where="state = 'waiting'",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("campaign_run.id"))
    number: Mapped[int]
    """Its place among the run's batches; parts of one share theirs."""
    variant: Mapped[str]
    language: Mapped[str]
    channel: Mapped[str]
    is_personal: Mapped[bool]
    members: Mapped[int]
    """How many recipients have no state of their own, so that this batch's is theirs."""
    state: Mapped[str] = mapped_column(default="waiting")
    tries: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    in_doubt: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether LINE may have it already: a try is under way, or ended without an answer."""
    next_try_at: Mapped[Moment]
    first_try_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]
    status: Mapped[int | None]
    request_id: Mapped[str | None]
    reason: Mapped[str | None]
    facts: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """What the words of each member in doubt were drawn from, so that a retry says the same."""


class CampaignRecipient(Base):
    """One member in one run; a state of their own goes before their batch's."""

    __tablename__ = "campaign_recipient"
    __table_args__ = (
        ForeignKeyConstraint(["batch_id"], ["campaign_batch.id"]),
        CheckConstraint(f"state IN {_among(OWN_STATES)}", name="state_known"),
        CheckConstraint("(state IS NULL) = (settled_at IS NULL)", name="settled_when"),
        CheckConstraint("batch_id IS NOT NULL OR state IS NOT NULL", name="has_outcome"),
        Index("ix_campaign_recipient_member_id", "member_id"),
        Index("ix_campaign_recipient_batch_id", "batch_id"),
        Index(
            "ix_campaign_recipient_not_sent",
            "run_id",
            "state",
            "member_id",
            postgresql_where="state IN ('skipped', 'refused', 'unknown')",
        ),
    )

    run_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    """The batch's run; a reference of its own would make freezing a million slower by a quarter."""
    member_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("member.id"), primary_key=True, autoincrement=False
    )
    variant: Mapped[str | None]
    """None: of the holdout."""
    batch_id: Mapped[uuid.UUID | None]
    state: Mapped[str | None]
    reason: Mapped[str | None]
    request_id: Mapped[str | None]
    settled_at: Mapped[datetime | None]

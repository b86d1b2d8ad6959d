"""The tables of what members did for their missions, and what the rules refuse."""

from datetime import date, datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BusinessError, Day, Identifier, Moment


class MissionEvent(Base):
    """One thing a member did that a mission counts. Never changed.

    `key` names what happened, so that it counts once however often it is told; what was undone is
    answered by a row that names it. What a member has done is always what these rows, in their
    order, come to (`counting.replay`).
    """

    __tablename__ = "mission_event"
    __table_args__ = (
        UniqueConstraint("mission_id", "key"),
        Index("ix_mission_event_member_id", "member_id", "mission_id", "id"),
        Index(
            "ix_mission_event_purchase_id",
            "purchase_id",
            postgresql_where="purchase_id IS NOT NULL",
        ),
    )

    id: Mapped[Identifier]
    mission_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("mission.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    key: Mapped[str]
    things: Mapped[list[str]] = mapped_column(ARRAY(Text))
    """The store or the categories, where the mission is a set of them."""
    period: Mapped[int | None]
    """The number of the day or the ISO week, where the mission is a streak of them."""
    day_on: Mapped[Day]
    purchase_id: Mapped[int | None] = mapped_column(ForeignKey("purchase.id"))
    answers_id: Mapped[int | None] = mapped_column(ForeignKey("mission_event.id"), unique=True)
    happened_at: Mapped[Moment]


class MissionProgress(Base):
    """How far a member is in the round they are in; equals the replay of their events."""

    __tablename__ = "mission_progress"
    __table_args__ = (
        CheckConstraint("round > 0", name="round_positive"),
        CheckConstraint("done >= 0", name="done_not_negative"),
    )

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    mission_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("mission.id"), primary_key=True)
    round: Mapped[int] = mapped_column(default=1)
    """The round the member works on, 1 the first; above the mission's `rounds` all is done."""
    done: Mapped[int] = mapped_column(default=0)
    things: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    period: Mapped[int | None]
    day_on: Mapped[date | None]
    day_count: Mapped[int] = mapped_column(default=0)
    """What counted on `day_on`, for the cap of a day."""


class MissionAward(Base):
    """One completed round and its reward; taken back where what completed it was undone."""

    __tablename__ = "mission_award"
    __table_args__ = (
        UniqueConstraint("member_id", "mission_id", "round", "attempt"),
        Index(
            "uq_mission_award_standing",
            "member_id",
            "mission_id",
            "round",
            unique=True,
            postgresql_where="taken_back_at IS NULL",
        ),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    mission_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("mission.id"))
    round: Mapped[int]
    attempt: Mapped[int]
    """A round undone and done again is another attempt."""
    completed_at: Mapped[Moment]
    taken_back_at: Mapped[datetime | None]
    kept: Mapped[str | None]
    """What of the reward was spent before it could be taken back."""


class CheckInClosed(BusinessError):
    """The shop runs no check-in at this moment."""

    code = "check_in_closed"

"""The tables of journeys: each by its code, its versions, who is on the way, and every step."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Day, Identifier, Moment, Translated, one_of

LONGEST_CODE = 40
LONGEST_NAME = 60
LONGEST_NOTE = 500
MOST_JOURNEYS = 200
DRAFT, ACTIVE, PAUSED, ARCHIVED = STATES = ("draft", "active", "paused", "archived")
UNDER_WAY, DONE, EXITED, HELD_OUT, SET_ASIDE = VISIT_STATES = (
    "under_way",
    "done",
    "exited",
    "held_out",
    "set_aside",
)


class Journey(Base):
    """What the shop does for a member from a cause on, by its code. Archived, never deleted.

    Its life: draft → active ⇄ paused → archived. Only an active one starts anybody or moves
    anybody on. Causes before `active_since` start nobody, so that switching it on floods no one.
    """

    __tablename__ = "journey"
    __table_args__ = (
        CheckConstraint(f"code ~ '^[a-z0-9][a-z0-9_-]{{0,{LONGEST_CODE - 1}}}$'", name="code_slug"),
        CheckConstraint("name ? 'zh-TW'", name="named_in_chinese"),
        CheckConstraint(one_of("state", STATES), name="state_known"),
        CheckConstraint("version > 0", name="version_positive"),
        CheckConstraint(
            "state <> 'active' OR active_since IS NOT NULL", name="active_since_a_moment"
        ),
        CheckConstraint("(state = 'archived') = (archived_at IS NOT NULL)", name="archived_when"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[Translated]
    state: Mapped[str] = mapped_column(default=DRAFT)
    version: Mapped[int]
    """The newest of its versions; whoever starts now starts on it."""
    created_at: Mapped[Moment]
    active_since: Mapped[datetime | None]
    looked_at: Mapped[datetime | None]
    """When its causes were last looked for."""
    swept_id: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    """Up to which visit the last round asked whether the reason is gone; it goes round."""
    archived_at: Mapped[datetime | None]


class JourneyVersion(Base):
    """One version of a definition: what it says, who made it, when, and why. Never changed."""

    __tablename__ = "journey_version"
    __table_args__ = (CheckConstraint("version > 0", name="version_positive"),)

    journey_code: Mapped[str] = mapped_column(ForeignKey("journey.code"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    definition: Mapped[dict[str, Any]] = mapped_column(JSONB)
    note: Mapped[str]
    made_by: Mapped[str]
    made_at: Mapped[Moment]


class JourneyVisit(Base):
    """A member on one journey for one cause; `key` names the cause, so that it starts once.

    under_way → done (came to the end), exited (the reason was gone; `exit_reason` says which way)
    or set_aside (a step failed; it stands at that step, and is moved or given up by hand).
    held_out: never under way, kept to compare with.
    """

    __tablename__ = "journey_visit"
    __table_args__ = (
        CheckConstraint(one_of("state", VISIT_STATES), name="state_known"),
        CheckConstraint("(state = 'under_way') = (due_at IS NOT NULL)", name="under_way_is_due"),
        CheckConstraint(
            "(state IN ('under_way', 'set_aside')) = (step IS NOT NULL)", name="stands_somewhere"
        ),
        CheckConstraint(
            "(state IN ('done', 'exited')) = (ended_at IS NOT NULL)", name="ended_when"
        ),
        ForeignKeyConstraint(
            ["journey_code", "version"], ["journey_version.journey_code", "journey_version.version"]
        ),
        Index("uq_journey_visit_journey_code_key", "journey_code", "key", unique=True),
        Index(None, "member_id", "journey_code"),
        Index(
            "ix_journey_visit_due",
            "journey_code",
            "due_at",
            "id",
            postgresql_where=text("state = 'under_way'"),
        ),
        Index(
            "ix_journey_visit_under_way",
            "journey_code",
            "id",
            postgresql_where=text("state = 'under_way'"),
        ),
        Index("ix_journey_visit_state", "journey_code", "state", "id"),
        Index(
            "ix_journey_visit_step",
            "journey_code",
            "step",
            "id",
            postgresql_where=text("step IS NOT NULL"),
        ),
    )

    id: Mapped[Identifier]
    journey_code: Mapped[str]
    version: Mapped[int]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    key: Mapped[str]
    state: Mapped[str]
    step: Mapped[str | None]
    step_at: Mapped[Moment]
    """When it came to its step."""
    due_at: Mapped[datetime | None]
    cause_at: Mapped[Moment]
    """When the cause happened: what is bought from then on may end the visit."""
    started_at: Mapped[Moment]
    ended_at: Mapped[datetime | None]
    exit_reason: Mapped[str | None]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """What the trigger and the steps know of it: ids, days (ISO), amounts; no personal data."""


class JourneyMove(Base):
    """A visit came to a step, left one, or both; `why` says by which branch or with what result.

    Never changed. How many came to a step and left it is counted from here.
    """

    __tablename__ = "journey_move"
    __table_args__ = (
        Index(None, "visit_id", "id"),
        Index("ix_journey_move_to_step", "journey_code", "to_step", "id"),
        Index("ix_journey_move_from_step", "journey_code", "from_step", "why", "id"),
    )

    id: Mapped[Identifier]
    visit_id: Mapped[int] = mapped_column(ForeignKey("journey_visit.id"))
    journey_code: Mapped[str]
    version: Mapped[int]
    from_step: Mapped[str | None]
    """None where it began."""
    to_step: Mapped[str | None]
    """None where it ended."""
    why: Mapped[str]
    at: Mapped[Moment]


class JourneyTask(Base):
    """Something a person of the staff is to do for a member on a journey; done, or over."""

    __tablename__ = "journey_task"
    __table_args__ = (
        CheckConstraint("what ? 'zh-TW'", name="said_in_chinese"),
        CheckConstraint("(done_at IS NULL) = (done_by IS NULL)", name="done_by_somebody"),
        Index(None, "member_id"),
        Index(None, "visit_id"),
        Index("ix_journey_task_open", "due_on", "id", postgresql_where=text("done_at IS NULL")),
        Index(
            "ix_journey_task_done", "done_at", "id", postgresql_where=text("done_at IS NOT NULL")
        ),
    )

    id: Mapped[Identifier]
    visit_id: Mapped[int] = mapped_column(ForeignKey("journey_visit.id"))
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    what: Mapped[Translated]
    made_at: Mapped[Moment]
    due_on: Mapped[Day]
    """The last day on which it is of use."""
    done_at: Mapped[datetime | None]
    done_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


class JourneyPresence(Base):
    """Who is in the segment that a journey waits for, since when; who leaves it is deleted.

    Coming in is the cause; whoever was there when the journey was switched on did not come in.
    """

    __tablename__ = "journey_presence"
    __table_args__ = (
        Index(None, "journey_code", "entered_at"),
        Index(None, "member_id"),
    )

    journey_code: Mapped[str] = mapped_column(ForeignKey("journey.code"), primary_key=True)
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    entered_at: Mapped[Moment]


class JourneyMark(Base):
    """How far a table was looked through for causes: below `last_id` nothing can appear."""

    __tablename__ = "journey_mark"

    fact: Mapped[str] = mapped_column(primary_key=True)
    last_id: Mapped[int] = mapped_column(BigInteger)

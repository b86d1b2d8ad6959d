"""The tables of segments: each by its code, its versions, and how many members it last had."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, false
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BusinessError, Moment, Translated

LONGEST_CODE = 60
LONGEST_NAME = 60
LONGEST_NOTE = 500
MOST_SEGMENTS = 1_000


class Segment(Base):
    """A group of members that a rule makes, by its code. Archived, never deleted.

    Who its members are is asked anew each time. `version` is the newest of its versions. One that
    `is_one_off` was made with a campaign, for it alone: it is on no list.
    """

    __tablename__ = "segment"
    __table_args__ = (
        CheckConstraint(f"code ~ '^[a-z0-9][a-z0-9_-]{{0,{LONGEST_CODE - 1}}}$'", name="code_slug"),
        CheckConstraint("name ? 'zh-TW'", name="named_in_chinese"),
        CheckConstraint("version > 0", name="version_positive"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[Translated]
    version: Mapped[int]
    created_at: Mapped[Moment]
    archived_at: Mapped[datetime | None]
    is_one_off: Mapped[bool] = mapped_column(default=False, server_default=false())


class SegmentVersion(Base):
    """One version of a segment's rule: what it says, who made it, when, and why. Never changed."""

    __tablename__ = "segment_version"
    __table_args__ = (CheckConstraint("version > 0", name="version_positive"),)

    segment_code: Mapped[str] = mapped_column(ForeignKey("segment.code"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rule: Mapped[dict[str, Any]] = mapped_column(JSONB)
    note: Mapped[str]
    made_by: Mapped[str]
    made_at: Mapped[Moment]


class SegmentSize(Base):
    """How many members a segment had when it was last counted; `as_of` says when."""

    __tablename__ = "segment_size"
    __table_args__ = (
        CheckConstraint("low <= members AND members <= high", name="within_interval"),
        CheckConstraint("reachable >= 0 AND reachable <= members", name="reachable_within"),
    )

    segment_code: Mapped[str] = mapped_column(ForeignKey("segment.code"), primary_key=True)
    version: Mapped[int]
    members: Mapped[int]
    reachable: Mapped[int]
    is_estimate: Mapped[bool]
    low: Mapped[int]
    high: Mapped[int]
    as_of: Mapped[Moment]


class NoSuchSegment(BusinessError):
    """No segment has this code, or not this version."""

    code = "no_such_segment"


class SegmentExists(BusinessError):
    """A segment of this code is there already; a new rule for it is a new version."""

    code = "segment_exists"


class SegmentRefused(BusinessError):
    """The segment's code, name or note will not do; `what` says which, `wanted` what would."""

    code = "segment_refused"


class SegmentChanged(BusinessError):
    """Somebody has made a newer version since the one this change was made from.

    `version` is the newest, with `made_by` and `made_at`.
    """

    code = "segment_changed"


class SegmentArchived(BusinessError):
    """The segment is archived; it must be brought back before it is changed."""

    code = "segment_archived"


class TooManySegments(BusinessError):
    """The shop has as many segments as it may have."""

    code = "too_many_segments"

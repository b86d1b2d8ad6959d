"""The tables of tags, and what their rules refuse."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BusinessError, Identifier, Moment, Translated, one_of
from models.browse_event import KINDS

PURCHASE = "purchase"
EVENTS = (*KINDS, PURCHASE)
"""What can bring a tag: what somebody looked at, or bought."""
RULE_PREFIX = "rule:"
ADDED, EXTENDED, REMOVED = STEPS = ("added", "extended", "removed")
WHYS: Mapping[str, str] = {
    "asked": "有人設定",
    "event": "事件觸發",
    "rule": "符合分眾",
    "left_segment": "不再符合分眾",
    "unbound": "分眾規則已解除",
    "bought": "已經購買",
    "expired": "到期",
    "archived": "標籤已封存",
    "erased": "會員資料已刪除",
    "merged": "會員卡合併",
    "unmerged": "會員卡合併已取消",
}
"""Why a member got or lost a tag: code, and as a marketer reads it."""
MOST_DAYS = 365


class Tag(Base):
    """A word the shop says of members. With `segment_code` it follows that segment by night.

    Archived, it is on nobody; told again, it is back. Never deleted: the history names it.
    """

    __tablename__ = "tag"
    __table_args__ = (CheckConstraint("code <> ''", name="has_a_code"),)

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[Translated]
    name_key: Mapped[str] = mapped_column(unique=True)
    """The Chinese name without case and width: two tags that read alike are one."""
    description: Mapped[Translated]
    segment_code: Mapped[str | None]
    applied_at: Mapped[datetime | None]
    """As of when its members are those of the segment."""
    created_at: Mapped[Moment]
    archived_at: Mapped[datetime | None]


class TagTrigger(Base):
    """What brings a tag for so many days: looking at something, or buying it.

    Only what happens from `since` on, and before `ended_at`, counts; without `sku` and `category`
    anything does.
    """

    __tablename__ = "tag_trigger"
    __table_args__ = (
        CheckConstraint(one_of("event", EVENTS), name="event_known"),
        CheckConstraint(f"days BETWEEN 1 AND {MOST_DAYS}", name="days_in_range"),
        CheckConstraint("sku IS NULL OR category IS NULL", name="of_one_thing"),
        CheckConstraint(
            "event <> 'purchase' OR NOT ends_with_purchase", name="purchase_ends_nothing"
        ),
        Index("ix_tag_trigger_tag_code", "tag_code"),
    )

    id: Mapped[Identifier]
    tag_code: Mapped[str] = mapped_column(ForeignKey("tag.code"))
    event: Mapped[str]
    sku: Mapped[str | None]
    category: Mapped[str | None]
    days: Mapped[int]
    """Through the day so many days after the one it happened on."""
    ends_with_purchase: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether the next sale takes the tag away, as with a cart that was not paid for."""
    since: Mapped[Moment]
    ended_at: Mapped[datetime | None]


class MemberTag(Base):
    """A tag that a member has from one source, until it ends. One tag may have several sources.

    Sources: `manual:operator`, `manual:staff`, `api:<key's id>`, `event:<kind>`,
    `rule:<segment's code>`.
    """

    __tablename__ = "member_tag"
    __table_args__ = (
        Index(None, "tag_code", "member_id"),
        Index("ix_member_tag_expires_at", "expires_at", postgresql_where="expires_at IS NOT NULL"),
    )

    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"), primary_key=True)
    tag_code: Mapped[str] = mapped_column(ForeignKey("tag.code"), primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    added_at: Mapped[Moment]
    """When it was given; of an event, when the last one happened."""
    expires_at: Mapped[datetime | None]
    """From then on it no longer counts; None where it stays."""
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    """Who gave it, where a person did."""


class TagEvent(Base):
    """A tag given, extended or taken away, and why. Never changed."""

    __tablename__ = "tag_event"
    __table_args__ = (
        CheckConstraint(one_of("what", STEPS), name="what_known"),
        CheckConstraint(one_of("why", WHYS), name="why_known"),
        Index(None, "member_id", "id"),
    )

    id: Mapped[Identifier]
    member_id: Mapped[int] = mapped_column(ForeignKey("member.id"))
    tag_code: Mapped[str] = mapped_column(ForeignKey("tag.code"))
    source: Mapped[str]
    what: Mapped[str]
    why: Mapped[str]
    expires_at: Mapped[datetime | None]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[Moment]


class NoSuchTag(BusinessError):
    """The shop has no tag of this code or name, or archived it."""

    code = "no_such_tag"


class TagRefused(BusinessError):
    """A tag, or what would bring it, is misshapen; `what` names the field."""

    code = "tag_refused"


class TagNameTaken(BusinessError):
    """Another tag reads the same; `by` is its code."""

    code = "tag_name_taken"


class TooManyTags(BusinessError):
    """The shop, or this member, has as many tags as are of use; `most` says how many."""

    code = "too_many_tags"


class TagIsByRule(BusinessError):
    """The member has the tag because of a segment; `segment` says of which. It goes with that."""

    code = "tag_is_by_rule"

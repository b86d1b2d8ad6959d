"""Tags that follow a segment: by night members join and leave exactly as its rule says.

Apart from the package, for rules ask for tags. Done in ranges of member ids, each one statement: a
till waits for a member no longer than a range takes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    DateTime,
    Select,
    delete,
    insert,
    literal,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert as insert_unless
from sqlalchemy.orm import Session

from models.base import BusinessError
from models.member import Member
from models.segment.compiling import members_of
from models.segment.field import Context
from models.segment.fields.asking import values_of
from models.segment.keeping import get_version, rule_of
from models.tag.table import ADDED, REMOVED, RULE_PREFIX, MemberTag, Tag, TagEvent


class SegmentAsksForTag(BusinessError):
    """The segment's rule asks for the very tag that would follow it."""

    code = "segment_asks_for_tag"


def follow_segment(session: Session, tag: Tag, segment_code: str | None) -> None:
    """Let a tag follow a segment from the next night on, or none any more.

    Raises NoSuchSegment or SegmentAsksForTag.
    """
    if segment_code is not None:
        rule = rule_of(get_version(session, segment_code))
        asked = (values_of(leaf.value) for leaf in rule.leaves() if leaf.field.name == "tag")
        if any(tag.code in codes for codes in asked):
            raise SegmentAsksForTag(tag=tag.code, segment=segment_code)
    tag.segment_code, tag.applied_at = segment_code, None
    session.flush()


def list_following(session: Session) -> Sequence[Tag]:
    """Return the tags in use that follow a segment, in the order of their codes."""
    return session.scalars(
        select(Tag)
        .where(Tag.segment_code.is_not(None), Tag.archived_at.is_(None))
        .order_by(Tag.code)
    ).all()


def apply_rule(session: Session, tag: Tag, first_id: int, last_id: int, now: datetime) -> int:
    """Let the members in a range of ids join and leave a tag as its segment says now.

    Return for how many something changed. Done twice, the second changes nothing. The segment's
    newest version counts; raises NoSuchSegment, or UnknownCode where the shop no longer has what
    its rule names.
    """
    assert tag.segment_code is not None
    rule = rule_of(get_version(session, tag.segment_code))
    ours = Member.id.between(first_id, last_id)
    inside = members_of(rule, Context(session, now)).where(ours).cte("inside")
    source, at = f"{RULE_PREFIX}{tag.segment_code}", literal(now, DateTime(timezone=True))
    left = (
        delete(MemberTag)
        .where(
            MemberTag.tag_code == tag.code,
            MemberTag.source == source,
            MemberTag.member_id.between(first_id, last_id),
            MemberTag.member_id.not_in(select(inside.c.id)),
        )
        .returning(MemberTag.member_id)
        .cte("left_it")
    )
    joined = (
        insert_unless(MemberTag)
        .from_select(
            ["member_id", "tag_code", "source", "added_at"],
            select(inside.c.id, literal(tag.code), literal(source), at).order_by(inside.c.id),
        )
        .on_conflict_do_nothing()
        .returning(MemberTag.member_id)
        .cte("joined")
    )

    def steps(moved: CTE, what: str, why: str) -> Select[Any]:
        texts = (literal(word) for word in (tag.code, source, what, why))
        return select(moved.c.member_id, *texts, at)

    moves = union_all(steps(left, REMOVED, "left_segment"), steps(joined, ADDED, "rule"))
    columns = ["member_id", "tag_code", "source", "what", "why", "at"]
    history = insert(TagEvent).from_select(columns, moves).returning(TagEvent.member_id)
    return len(session.scalars(history).all())


def note_applied(session: Session, tag: Tag, now: datetime) -> None:
    """Note that all members were judged, as of `now`."""
    tag.applied_at = now
    session.flush()

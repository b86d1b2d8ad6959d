"""Questions about tags: who has which, since when and why, and what the shop has."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from models.member import Member
from models.tag.table import MemberTag, Tag, TagEvent


@dataclass(frozen=True)
class Held:
    """A tag with how a member came to it."""

    tag: Tag
    row: MemberTag


@dataclass(frozen=True)
class Used:
    """A tag with how many members have it now."""

    tag: Tag
    members: int


def counts_at(now: datetime) -> ColumnElement[bool]:
    """Return the condition under which a member's tag counts: it has not ended."""
    return or_(MemberTag.expires_at.is_(None), MemberTag.expires_at > now)


def list_member_tags(session: Session, member_id: int, now: datetime) -> list[Held]:
    """Return a member's tags of now, in the order of their codes, once a source."""
    rows = session.execute(
        select(Tag, MemberTag)
        .join(MemberTag, MemberTag.tag_code == Tag.code)
        .where(MemberTag.member_id == member_id, counts_at(now), Tag.archived_at.is_(None))
        .order_by(Tag.code, MemberTag.source)
        .execution_options(populate_existing=True)
    )
    return [Held(tag, row) for tag, row in rows]


def list_tag_history(session: Session, member_id: int, *, limit: int) -> Sequence[TagEvent]:
    """Return how a member's tags came and went, the latest first."""
    return session.scalars(
        select(TagEvent)
        .where(TagEvent.member_id == member_id)
        .order_by(TagEvent.id.desc())
        .limit(limit)
    ).all()


def list_tags(session: Session) -> Sequence[Tag]:
    """Return the tags in use, in the order of their codes."""
    return session.scalars(select(Tag).where(Tag.archived_at.is_(None)).order_by(Tag.code)).all()


def list_used_tags(session: Session, now: datetime) -> list[Used]:
    """Return the tags in use, each with how many members have it."""
    held = (
        select(MemberTag.tag_code, func.count(MemberTag.member_id.distinct()).label("members"))
        .where(counts_at(now))
        .group_by(MemberTag.tag_code)
        .subquery()
    )
    rows = session.execute(
        select(Tag, func.coalesce(held.c.members, 0))
        .join(held, held.c.tag_code == Tag.code, isouter=True)
        .where(Tag.archived_at.is_(None))
        .order_by(Tag.code)
    )
    return [Used(tag, members) for tag, members in rows]


def list_tagged(
    session: Session, code: str, now: datetime, *, after_id: int = 0, limit: int
) -> Sequence[Member]:
    """Return the next members who have a tag, in the order of their ids."""
    holders = select(MemberTag.member_id).where(
        MemberTag.tag_code == code, MemberTag.member_id > after_id, counts_at(now)
    )
    return session.scalars(
        select(Member).where(Member.id.in_(holders)).order_by(Member.id).limit(limit)
    ).all()

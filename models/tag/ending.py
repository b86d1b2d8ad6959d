"""The ends of tags: expired, bought after all, archived, no longer the segment's, of who left."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from models.base import squeezed
from models.tag.table import MemberTag


def tidy_expired(
    session: Session, now: datetime, *, limit: int, member_id: int | None = None
) -> int:
    """Delete up to `limit` tags that have ended, of one member or of all; return how many."""
    asked = {"now": now, "limit": limit, "member_id": member_id}
    return len(session.scalars(_TIDY, asked).all())


def drop_ended(session: Session, now: datetime, *, limit: int) -> int:
    """Take up to `limit` archived tags, and those of a segment left behind, off their members."""
    return len(session.scalars(_DROP, {"now": now, "limit": limit}).all())


def end_bought(session: Session, after_id: int, through_id: int, now: datetime) -> int:
    """Take off what the next sale ends, of who bought in a range of sales; return how many.

    A sale is next where it happened after what brought the tag, whenever we learn of it.
    """
    asked = {"after_id": after_id, "through_id": through_id, "now": now}
    return len(session.scalars(_BOUGHT, asked).all())


def forget_tags(session: Session, member_ids: Sequence[int], now: datetime) -> None:
    """Take every tag off members who leave; the history keeps no person."""
    take_off(session, member_ids, "erased", now)


def take_off(
    session: Session,
    member_ids: Sequence[int],
    why: str,
    now: datetime,
    *,
    code: str | None = None,
    source: str | None = None,
) -> int:
    """Take all tags off members, or those of one code and source; return how many.

    What the session has not written yet must be flushed.
    """
    asked = {
        "member_ids": list(member_ids),
        "why": why,
        "now": now,
        "code": code,
        "source": source,
    }
    taken = len(session.scalars(_TAKE_OFF, asked).all())
    for row in [each for each in session.identity_map.values() if isinstance(each, MemberTag)]:
        session.expire(row)
    return taken


def _ending(held: str, why: str, *, at: str = ":now") -> TextClause:
    """Return the statement that deletes the rows `held` selects, with their history."""
    return text(
        squeezed(f"""
            WITH held AS ({held}), gone AS (
                DELETE FROM member_tag USING held
                WHERE member_tag.member_id = held.member_id
                    AND member_tag.tag_code = held.tag_code AND member_tag.source = held.source
                RETURNING member_tag.*, {why} AS why
            )
            INSERT INTO tag_event (member_id, tag_code, source, what, why, expires_at, at)
            SELECT member_id, tag_code, source, 'removed', why, expires_at, {at} FROM gone
            ORDER BY member_id, tag_code, source RETURNING member_id
        """)  # noqa: S608  # Of our own words only.
    )


_TIDY = _ending(
    """SELECT member_id, tag_code, source FROM member_tag
        WHERE expires_at <= :now
            AND (CAST(:member_id AS bigint) IS NULL OR member_id = :member_id)
        ORDER BY expires_at LIMIT :limit FOR UPDATE SKIP LOCKED""",
    "'expired'",
    at="expires_at",
)
_DROP = _ending(
    """SELECT held.member_id, held.tag_code, held.source,
            CASE WHEN tag.archived_at IS NULL THEN 'unbound' ELSE 'archived' END AS why
        FROM member_tag AS held JOIN tag ON tag.code = held.tag_code
        WHERE tag.archived_at IS NOT NULL OR (held.source LIKE 'rule:%'
            AND held.source IS DISTINCT FROM 'rule:' || tag.segment_code)
        ORDER BY held.member_id LIMIT :limit""",
    "held.why",
)
_BOUGHT = _ending(
    """SELECT held.member_id, held.tag_code, held.source FROM member_tag AS held
        JOIN (SELECT fact.member_id, max(fact.purchased_at) AS at FROM purchase AS fact
            WHERE fact.id > :after_id AND fact.id <= :through_id AND fact.undone_at IS NULL
            GROUP BY fact.member_id) AS bought ON bought.member_id = held.member_id
        WHERE held.added_at <= bought.at AND EXISTS (SELECT FROM tag_trigger AS cause
            WHERE cause.tag_code = held.tag_code AND 'event:' || cause.event = held.source
                AND cause.ends_with_purchase)""",
    "'bought'",
)
_TAKE_OFF = _ending(
    """SELECT member_id, tag_code, source FROM member_tag
        WHERE member_id = ANY(CAST(:member_ids AS bigint[]))
            AND (CAST(:code AS text) IS NULL OR tag_code = :code)
            AND (CAST(:source AS text) IS NULL OR source = :source)""",
    "CAST(:why AS text)",
)

"""Cards that come to their day, ended by the night in bounded parts."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from models.local_day import local_day
from models.member import Member
from models.stamp_card.table import StampCard

_EXPIRE = text("""
    WITH due AS (
        SELECT card.member_id, card.programme_id, card.expires_on,
               card.stamps % programme.size AS lapsed
        FROM stamp_card AS card JOIN stamp_programme AS programme
            ON programme.id = card.programme_id
        WHERE card.member_id = ANY(:member_ids) AND card.expires_on <= :today
    ), emptied AS (
        UPDATE stamp_card AS card SET stamps = card.stamps - due.lapsed, expires_on = NULL
        FROM due
        WHERE card.member_id = due.member_id AND card.programme_id = due.programme_id
    )
    INSERT INTO stamp_entry (member_id, programme_id, delta, reason, idempotency_key, posted_at)
    SELECT member_id, programme_id, -lapsed, 'expiry',
           'expire:' || member_id || ':' || programme_id || ':' || expires_on, :now
    FROM due WHERE lapsed > 0
    ORDER BY member_id, programme_id
    RETURNING -delta
""")


def list_members_with_ended_cards(session: Session, today: date, limit: int) -> Sequence[int]:
    """Return ids of up to `limit` members with a card whose day has come, lowest first."""
    return session.scalars(
        select(StampCard.member_id)
        .where(StampCard.expires_on <= today)
        .distinct()
        .order_by(StampCard.member_id)
        .limit(limit)
    ).all()


def expire_cards(session: Session, member_ids: Sequence[int], now: datetime) -> int:
    """End these members' unfilled cards whose day has come; return how many stamps that took.

    Full cards stay, and so do the rewards they brought.
    """
    ordered = sorted(member_ids)
    session.execute(
        select(Member.id).where(Member.id.in_(ordered)).order_by(Member.id).with_for_update()
    ).all()
    asked = {"member_ids": ordered, "today": local_day(now), "now": now}
    return sum(session.scalars(_EXPIRE, asked))

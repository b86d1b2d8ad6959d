"""What the messages of a journey cost, and what its coupons gave away."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from models.base import squeezed


def cost_of_journey(session: Session, code: str, since: datetime) -> Decimal:
    """Return what the messages a journey owed since a moment added to the months' bills, in NT$."""
    return _sum(session, _OF_JOURNEY, code=code, since=since)


def given_by_journey(session: Session, code: str, since: datetime) -> int:
    """Return what the coupons that a journey gave since a moment took off sales so far, in NT$."""
    return int(_sum(session, _GIVEN_BY_JOURNEY, code=code, since=since))


def _sum(session: Session, statement: TextClause, **asked: object) -> Decimal:
    return Decimal(session.execute(statement, asked).scalar_one())


_OF_JOURNEY = text(
    squeezed("""
        SELECT coalesce(sum(entry.cost_twd), 0)
        FROM journey_visit AS visit JOIN outbox AS owed ON owed.visit_id = visit.id
        JOIN quota_entry AS entry ON entry.key = CAST(owed.id AS text) AND entry.kind = 'use'
        WHERE visit.journey_code = :code AND owed.created_at >= :since
    """)
)
_GIVEN_BY_JOURNEY = text(
    squeezed("""
        SELECT coalesce(sum(redemption.discount_twd), 0)
        FROM journey_visit AS visit
        JOIN coupon ON coupon.member_id = visit.member_id AND (coupon.issue_key = visit.key
            OR starts_with(coupon.issue_key, 'journey:' || visit.id || ':'))
        JOIN redemption ON redemption.coupon_id = coupon.id AND redemption.reversed_at IS NULL
        WHERE visit.journey_code = :code AND visit.started_at >= :since
    """)
)
"""A step's coupon is issued under the visit's own key, or under `journey:<visit>:<step>`."""

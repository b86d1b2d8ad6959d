"""Engagement beside buying: each kind brings points, so many times a Taipei day."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.activity import ActivityRule
from models.local_day import local_day
from models.member import Member
from models.points import post_points
from models.review.table import ActivityEvent

REASON = "review"


def note_activity(session: Session, member: Member, what: str, *, key: str, now: datetime) -> int:
    """Note an engagement (one of ACTIVITIES) and return the points it brought.

    A `key` seen before brings nothing, nor does one beyond the day's cap.
    """
    session.refresh(member, with_for_update=True)  # Two at once: the second counts the first.
    known = select(ActivityEvent.id).where(ActivityEvent.key == key)
    if session.scalar(known) is not None:
        return 0
    rule = session.get(ActivityRule, what)
    place = _place(session, member.id, what, now) if rule is not None else None
    is_rewarded = rule is not None and place is not None and place <= rule.day_cap
    event = ActivityEvent(
        member_id=member.id,
        what=what,
        key=key,
        day_on=local_day(now),
        place=place if is_rewarded else None,
        points=rule.points if rule is not None and is_rewarded else 0,
        happened_at=now,
    )
    session.add(event)
    session.flush()
    if rule is not None and is_rewarded and (rule.points or rule.tier_points):
        post_points(
            session,
            member,
            rule.points,
            reason=REASON,
            idempotency_key=f"activity:{event.id}",
            now=now,
            tier_points=rule.tier_points,
        )
    return event.points


def _place(session: Session, member_id: int, what: str, now: datetime) -> int:
    taken = session.scalar(
        select(func.count(ActivityEvent.place)).where(
            ActivityEvent.member_id == member_id,
            ActivityEvent.what == what,
            ActivityEvent.day_on == local_day(now),
        )
    )
    return (taken or 0) + 1


def set_activity_rule(session: Session, rule: ActivityRule) -> ActivityRule:
    """Set what a kind of engagement brings."""
    return session.merge(rule)

"""The clock's part in stamp cards and paid plans: end what is over."""

from datetime import datetime

from models.base import Sessions
from models.local_day import local_day
from models.plan import end_plan, list_to_end
from models.stamp_card.ending import (
    expire_cards,
    list_members_with_ended_cards,
)

PART = 100
"""So many members are locked at once; a clerk's purchase waits for no longer than one part."""


def expire_stamps(sessions: Sessions, *, now: datetime) -> int:
    """End the stamp cards whose day has come; return how many stamps that took."""
    today, expired = local_day(now), 0
    while True:
        with sessions.begin() as session:
            due = list_members_with_ended_cards(session, today, PART)
            expired += expire_cards(session, due, now)
        if not due:
            return expired


def end_plans(sessions: Sessions, *, now: datetime) -> int:
    """Close the paid plans whose time is over, and say so; return how many.

    Their benefits ended with their last second, whether or not this has run.
    """
    ended = 0
    while True:
        with sessions.begin() as session:
            due = list_to_end(session, now, PART)
            ended += sum(end_plan(session, member_id, now) for member_id in due)
        if not due:
            return ended

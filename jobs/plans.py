"""The clock's part in stamp cards and paid plans: tell before the end, and end what is over."""

from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from models.base import Sessions
from models.local_day import local_day
from models.plan import end_plan, list_to_end, list_to_remind, remind_of_plan
from models.stamp_card.ending import (
    expire_cards,
    list_members_with_ended_cards,
    remind_of_cards,
)

PART = 100
"""So many members are locked at once; a clerk's purchase waits for no longer than one part."""

log = structlog.get_logger()


def expire_stamps(sessions: Sessions, *, now: datetime) -> int:
    """End the stamp cards whose day has come; return how many stamps that took."""
    today, expired = local_day(now), 0
    while True:
        with sessions.begin() as session:
            due = list_members_with_ended_cards(session, today, PART)
            expired += expire_cards(session, due, now)
        if not due:
            return expired


def remind_of_stamps(sessions: Sessions, *, now: datetime) -> int:
    """Tell members of stamp cards about to lapse; return how many messages are owed."""
    owed, after_id = 0, 0
    while True:
        with sessions.begin() as session:
            seen, told, last_id = remind_of_cards(session, now, after_id=after_id, limit=PART)
        if not seen:
            log.info("reminded", rule="stamps", owed=owed)
            return owed
        owed, after_id = owed + told, last_id


def end_plans(sessions: Sessions, *, now: datetime) -> int:
    """Close the paid plans whose time is over, and say so; return how many.

    Their benefits ended with their last second, whether or not this has run.
    """
    return _each(sessions, now, lambda session, _: list_to_end(session, now, PART), end_plan)


def remind_of_plans(sessions: Sessions, *, now: datetime) -> int:
    """Tell members whose paid plan ends soon; return how many were told."""
    return _each(
        sessions,
        now,
        lambda session, after_id: list_to_remind(session, now, after_id=after_id, limit=PART),
        remind_of_plan,
    )


def _each(
    sessions: Sessions,
    now: datetime,
    find_due: Callable[[Session, int], Sequence[int]],
    do: Callable[[Session, int, datetime], bool],
) -> int:
    """Do something for every due member, in bounded parts; return for how many it did."""
    done, after_id = 0, 0
    while True:
        with sessions.begin() as session:
            due = find_due(session, after_id)
            done += sum(do(session, member_id, now) for member_id in due)
        if not due:
            return done
        after_id = due[-1]

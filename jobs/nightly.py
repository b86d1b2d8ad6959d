"""The fixed rules of the clock, each a loop over bounded parts, each part one transaction.

Each is safe to run twice and to stop anywhere: what was done is marked on the rows themselves.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy.orm import Session

from models import nudge
from models.base import Sessions
from models.friend import forget_stale_conversations
from models.line_event import forget_old_events
from models.local_day import local_day
from models.outbox import KEPT_DAYS, forget_settled
from models.points import expire_member_points, list_members_with_ended_lots

PART = 100
"""So many members are locked at once; a clerk's purchase waits for no longer than one part."""

log = structlog.get_logger()


class NudgePart(Protocol):
    """One bounded part of a nudge over members in the order of their ids."""

    def __call__(
        self, session: Session, now: datetime, *, after_id: int, limit: int
    ) -> nudge.Part: ...


def evaluate_tiers(sessions: Sessions, *, now: datetime) -> int:
    """Bring every member's 365 days and tier to today; return how many tiers changed."""
    changed, after_id = 0, 0
    while True:
        with sessions.begin() as session:
            due = nudge.list_to_evaluate(session, local_day(now), after_id=after_id, limit=PART)
            changed += sum(nudge.evaluate_member(session, member_id, now) for member_id in due)
        if not due:
            return changed
        after_id = due[-1]


def expire_points(sessions: Sessions, *, now: datetime) -> int:
    """End the points whose day has come; return how many points that took."""
    today, expired = local_day(now), 0
    while True:
        with sessions.begin() as session:
            due = list_members_with_ended_lots(session, today, PART)
            expired += sum(
                expire_member_points(session, member_id, today, now) for member_id in sorted(due)
            )
        if not due:
            return expired


def give_birthday_gifts(sessions: Sessions, *, now: datetime) -> int:
    """Give today's birthday people their coupon; return how many were written to."""
    return _nudge_all(sessions, nudge.gift_birthdays, now)


def remind_expiring_coupons(sessions: Sessions, *, now: datetime) -> int:
    """Remind of coupons about to expire; return how many people were written to."""
    return _nudge_all(sessions, nudge.remind_of_coupons, now)


def win_back_members(sessions: Sessions, *, now: datetime) -> int:
    """Write to members silent for 90 days; return how many were written to."""
    return _nudge_all(sessions, nudge.win_back, now)


def _nudge_all(sessions: Sessions, part: NudgePart, now: datetime) -> int:
    seen, owed, after_id = 0, 0, 0
    while True:
        with sessions.begin() as session:
            done = part(session, now, after_id=after_id, limit=PART)
        if not done.seen:
            log.info("nudged", rule=getattr(part, "__name__", "?"), due=seen, owed=owed)
            return owed
        seen, owed, after_id = seen + done.seen, owed + done.owed, done.last_id


def forget_old(sessions: Sessions, *, now: datetime) -> int:
    """Delete old events, deliveries and drafts, which nobody needs; return how many."""
    before = now - timedelta(days=KEPT_DAYS)
    with sessions.begin() as session:
        forgotten = forget_stale_conversations(session, now)
    return (
        forgotten
        + _forget_all(sessions, lambda session: forget_old_events(session, before, limit=1000))
        + _forget_all(sessions, lambda session: forget_settled(session, before, limit=1000))
    )


def _forget_all(sessions: Sessions, forget: Callable[[Session], int]) -> int:
    total = 0
    while True:
        with sessions.begin() as session:
            gone = forget(session)
        if not gone:
            return total
        total += gone

"""The fixed rules of the clock, each a loop over bounded parts, each part one transaction.

Each is safe to run twice and to stop anywhere: what was done is marked on the rows themselves.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from models import birthday_card, metric
from models.api_call import forget_calls
from models.base import Sessions
from models.browse_event import forget_old_looks
from models.draft import forget_drafts
from models.engagement import forget_answered
from models.friend import forget_stale_conversations
from models.line_event import forget_old_events
from models.link import forget_old_clicks
from models.local_day import local_day
from models.member import list_member_ids
from models.outbox import KEPT_DAYS, forget_settled
from models.points import (
    activate_due,
    expire_member_points,
    list_members_with_due_lots,
    list_members_with_ended_lots,
)
from models.programme import get_programme
from models.tier_evaluation import night as tier_night
from models.webhook import forget_deliveries, forget_events

PARTS_AT_ONCE = 2
PART = 100
"""So many members are locked at once; a clerk's purchase waits for no longer than one part."""
MEASURED_AT_ONCE = 1_000
"""Measuring locks no member, so its parts may be larger."""

log = structlog.get_logger()


def evaluate_tiers(sessions: Sessions, *, now: datetime) -> int:
    """Bring members' windows and tiers to today; return how many tiers changed.

    Nights that nobody did are made up first, member by member; then all the others in sets.
    """
    with sessions() as session:
        tonight = tier_night.plan_night(session, now)
    changed = _catch_up(sessions, tonight, now)
    with sessions() as session:
        parts = list(tier_night.list_parts(session, tonight))
    changed += _evaluate_parts(sessions, parts, tonight, now)
    _warn(sessions, tonight, now)
    with sessions.begin() as session:
        tier_night.finish_night(session, tonight, changed, now)
    log.info("tiers_evaluated", parts=len(parts), changed=changed, everybody=tonight.everybody)
    return changed


def _evaluate_parts(
    sessions: Sessions, parts: Sequence[tier_night.Range], tonight: tier_night.Night, now: datetime
) -> int:
    """Evaluate the parts, two at once: the database has a core for each, and no row is in both."""

    def evaluate(part: tier_night.Range) -> int:
        with sessions.begin() as session:
            return tier_night.evaluate_part(session, part, tonight, now)

    if len(parts) < PARTS_AT_ONCE:
        return sum(map(evaluate, parts))
    with ThreadPoolExecutor(PARTS_AT_ONCE) as threads:
        return sum(threads.map(evaluate, parts))


def _catch_up(sessions: Sessions, tonight: tier_night.Night, now: datetime) -> int:
    changed, after_id = 0, 0
    while True:
        with sessions.begin() as session:
            missed = tier_night.list_missed(session, tonight, after_id=after_id)
            changed += tier_night.catch_up(session, missed, now)
        if not missed:
            return changed
        after_id = missed[-1]


def _warn(sessions: Sessions, tonight: tier_night.Night, now: datetime) -> None:
    after_id = 0
    while True:
        with sessions.begin() as session:
            after_id, _ = tier_night.warn(session, tonight, now, after_id=after_id)
        if not after_id:
            return


def activate_points(sessions: Sessions, *, now: datetime) -> int:
    """Make spendable the points whose return window is over; return how many."""
    today, activated = local_day(now), 0
    while True:
        with sessions.begin() as session:
            due = list_members_with_due_lots(session, today, PART)
            activated += sum(
                activate_due(session, member_id, today, now) for member_id in sorted(due)
            )
        if not due:
            return activated


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


def measure_value_factors(sessions: Sessions, *, now: datetime) -> int:
    """Work out the five value factors of every member anew; return how many values changed."""
    changed, after_id = 0, 0
    while True:
        with sessions.begin() as session:
            ids = list_member_ids(session, after_id=after_id, limit=MEASURED_AT_ONCE)
            if ids:
                changed += metric.measure_value_factors(session, ids[0], ids[-1], now)
        if not ids:
            log.info("value_factors_measured", changed=changed)
            return changed
        after_id = ids[-1]


def make_birthday_cards(sessions: Sessions, *, now: datetime) -> int:
    """List whose birthday card is to be written by hand this month and next; return new ones."""
    made, after_id = 0, 0
    while True:
        with sessions.begin() as session:
            programme = get_programme(session)
            seen, new, after_id = birthday_card.make_birthday_cards(
                session, programme, now, after_id=after_id, limit=PART
            )
        made += new
        if not seen:
            return made


def forget_old(sessions: Sessions, *, now: datetime) -> int:
    """Delete old events, deliveries, drafts, looks, clicks and answers; return how many."""
    before = now - timedelta(days=KEPT_DAYS)
    with sessions.begin() as session:
        forgotten = forget_stale_conversations(session, now) + forget_drafts(session, now)
    return (
        forgotten
        + _forget_all(sessions, lambda session: forget_old_events(session, before, limit=1000))
        + _forget_all(sessions, lambda session: forget_settled(session, before, limit=1000))
        + _forget_all(sessions, lambda session: forget_deliveries(session, before, limit=1000))
        + _forget_all(sessions, lambda session: forget_events(session, before, limit=1000))
        + _forget_all(sessions, lambda session: forget_old_looks(session, now, limit=1000))
        + _forget_all(sessions, lambda session: forget_old_clicks(session, now, limit=1000))
        + _forget_all(sessions, lambda session: forget_answered(session, now, limit=1000))
        + _forget_all(sessions, lambda session: forget_calls(session, now, limit=1000))
    )


def _forget_all(sessions: Sessions, forget: Callable[[Session], int]) -> int:
    total = 0
    while True:
        with sessions.begin() as session:
            gone = forget(session)
        if not gone:
            return total
        total += gone

"""What people did and were sent, taken over every few minutes, with the tags it brings or ends."""

from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from jobs.settling import find_settled, wait_for_writers
from models.base import Sessions
from models.engagement import (
    AT_ONCE,
    BATCHES,
    CLICKS,
    FACTS,
    LINE_EVENTS,
    MESSAGES,
    PURCHASES,
    end_batches,
    list_new_batches,
    note_batches,
    note_facts,
    note_messages,
)
from models.tag import apply_events, end_bought, tidy_expired

TRIES = 10
PAUSE_SECONDS = 0.5
"""Events and sales take milliseconds; a table written to for longer waits for the next round."""
PART = 1_000

log = structlog.get_logger()


def note_engagement(sessions: Sessions, *, now: datetime) -> int:
    """Take over taps, looks, sales and messages since the last round; return how many changes.

    In parts, each one transaction. Safe to stop anywhere and to run twice at once.
    """
    tidied = _tidy(sessions, now)
    settled = find_settled(sessions, FACTS, tries=TRIES, pause_seconds=PAUSE_SECONDS)
    noted = sum(_note_all(sessions, fact, settled[fact], now) for fact in FACTS if fact in settled)
    sent = _note_messages(sessions, now) + _note_batches(sessions, now)
    waiting = len(FACTS) - len(settled)
    log.info("engagement_noted", noted=noted, sent=sent, tidied=tidied, waiting=waiting)
    return noted + sent


def _tidy(sessions: Sessions, now: datetime) -> int:
    """Take away the tags that have ended, so that what begins anew is seen to."""
    tidied = 0
    while True:
        with sessions.begin() as session:
            gone = tidy_expired(session, now, limit=PART)
        tidied += gone
        if gone < PART:
            return tidied


def _note_all(sessions: Sessions, fact: str, settled_id: int, now: datetime) -> int:
    noted, is_last = 0, False
    while not is_last:
        with sessions.begin() as session:
            part = note_facts(session, fact, settled_id)
            _move_tags(session, fact, part.after_id, part.through_id, now)
        noted, is_last = noted + part.members, part.is_last
    return noted


def _move_tags(session: Session, fact: str, after_id: int, through_id: int, now: datetime) -> None:
    """Give and end the tags of the same rows, in the same transaction."""
    if through_id <= after_id or fact in (LINE_EVENTS, CLICKS):
        return
    if fact == PURCHASES:
        end_bought(session, after_id, through_id, now)
    apply_events(session, fact, after_id, through_id, now)


def _note_messages(sessions: Sessions, now: datetime) -> int:
    """Take over messages; the mark follows where all who were writing at `now` have ended."""
    is_settled = wait_for_writers(sessions, MESSAGES, tries=TRIES, pause_seconds=PAUSE_SECONDS)
    sent, is_last = 0, False
    while not is_last:
        with sessions.begin() as session:
            more, is_last = note_messages(session, now, is_settled=is_settled)
        sent += more
    return sent


def _note_batches(sessions: Sessions, now: datetime) -> int:
    """Take over what campaigns sent, a few batches at a time; the mark follows as with messages."""
    is_settled = wait_for_writers(sessions, BATCHES, tries=TRIES, pause_seconds=PAUSE_SECONDS)
    with sessions() as session:
        batch_ids = list_new_batches(session)
    sent = 0
    for first in range(0, len(batch_ids), AT_ONCE):
        with sessions.begin() as session:
            sent += note_batches(session, batch_ids[first : first + AT_ONCE])
    if is_settled:
        with sessions.begin() as session:
            end_batches(session, now)
    return sent

"""Journeys of a hundred thousand members: how fast they start, are asked, and move on.

Everybody joins at one moment, so a hundred thousand visits start in one round; three days later
all of them are due at once, take a condition and are owed a message. One worker, parts as in the
round. The shop has their friends on LINE and nothing else to do.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from benchmarks.figure import BenchmarkError, Figure, Goal
from benchmarks.workshop import Workshop
from models.base import Sessions
from models.database import make_sessions
from models.journey import (
    activate_journey,
    add_journey,
    advance_journey,
    look_for_causes,
    parse_definition,
    start_visits,
    sweep_visits,
)
from models.journey.advancing import PART as ADVANCE_PART
from models.journey.leaving import SWEEP_PART
from models.journey.starting import PART as START_PART

MEMBERS = 100_000
NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
SOON = NOON + timedelta(minutes=1)
DUE = NOON + timedelta(days=3, minutes=2)
CODE = "bench-welcome"
STARTS = Goal(least=5_000)
ASKED = Goal(least=10_000)
MOVED = Goal(least=1_000)
"""A round has 50 seconds: so many a second are 50,000 messages a minute, from one worker."""
DEFINITION = {
    "schema": 1,
    "trigger": {"on": "joined"},
    "exit_when": ["purchase"],
    "holdout_percent": 0,
    "steps": [
        {"id": "rest", "do": "wait", "for": {"days": 3}, "next": "ask"},
        {
            "id": "ask",
            "do": "condition",
            "if": {
                "rule": {
                    "schema": 1,
                    "where": {"field": "allows_marketing", "is": "is", "value": True},
                }
            },
            "yes": "hello",
            "no": None,
        },
        {
            "id": "hello",
            "do": "send",
            "content": {
                "schema": 1,
                "messages": [
                    {"type": "text", "text": {"zh-TW": "{name}，你有 {points} 點可以使用！"}}
                ],
            },
            "next": None,
        },
    ],
}
PEOPLE = (
    """
    INSERT INTO friend (line_user_id, is_following, changed_at, language, source)
    SELECT 'U' || md5('bench' || n), true, :at, 'zh-TW', 'line'
    FROM generate_series(1, :members) AS n
    """,
    """
    INSERT INTO member (number, card_ref, line_user_id, name, phone, language, joined_at,
        join_source, marketing_allowed, tier_id, points, spend_twd, spend_on, purchase_count)
    SELECT lpad(n::text, 9, '0'), md5('card' || n), 'U' || md5('bench' || n), '王小明',
        '+8869' || lpad(n::text, 8, '0'), 'zh-TW', :at, 'line', true,
        (SELECT id FROM tier ORDER BY rank LIMIT 1), 0, 0, CAST(:at AS date), 0
    FROM generate_series(1, :members) AS n
    """,
    "ANALYZE",
)


def measure_journeys(workshop: Workshop) -> list[Figure]:
    """Let a hundred thousand members walk one journey, and measure each part of a round."""
    with workshop.database() as database:
        _fill(database.engine)
        sessions = make_sessions(database.engine)
        with sessions.begin() as session:
            definition = parse_definition(DEFINITION)
            add_journey(session, CODE, {"zh-TW": "歡迎"}, definition, by="bench", now=NOON)
            activate_journey(session, CODE, now=NOON)
        starts = _rate(lambda: _start(sessions))
        with sessions.begin() as session:
            session.execute(text("ANALYZE journey_visit"))
        _rate(lambda: _advance(sessions, SOON))  # Everybody comes to the wait.
        asked = _rate(lambda: _sweep(sessions))
        moved = _rate(lambda: _advance(sessions, DUE))
        _check(sessions)
    return [
        Figure("journey_starts_per_second", starts, "visits/s", STARTS),
        Figure("journey_reasons_asked_per_second", asked, "visits/s", ASKED),
        Figure("journey_messages_owed_per_second", moved, "visits/s", MOVED),
    ]


def _fill(engine: Engine) -> None:
    with engine.begin() as connection:
        for statement in PEOPLE:
            connection.execute(text(statement), {"at": SOON, "members": MEMBERS})


def _rate(work: Callable[[], int]) -> float:
    """Return how many a second some work does; all of them, or the measurement failed."""
    began = time.perf_counter()
    done = work()
    if done != MEMBERS:
        raise BenchmarkError(f"{done} visits were taken up instead of {MEMBERS}")
    return done / (time.perf_counter() - began)


def _start(sessions: Sessions) -> int:
    with sessions.begin() as session:
        span = look_for_causes(session, CODE, SOON)
    assert span is not None, "the journey is active"
    return _all(sessions, partial(start_visits, span=span), START_PART)


def _advance(sessions: Sessions, now: datetime) -> int:
    return _all(sessions, lambda session: advance_journey(session, CODE, now).seen, ADVANCE_PART)


def _sweep(sessions: Sessions) -> int:
    return _all(sessions, partial(sweep_visits, code=CODE, now=SOON), SWEEP_PART)


def _all(sessions: Sessions, work: Callable[[Session], int], part: int) -> int:
    """Do work in parts, each a transaction, until one is not full."""
    total, done = 0, part
    while done == part:
        with sessions.begin() as session:
            done = work(session)
        total += done
    return total


def _check(sessions: Sessions) -> None:
    """Make sure that everybody is owed one message, under a key of its own."""
    with sessions() as session:
        owed = session.scalar(text("SELECT count(DISTINCT member_id) FROM outbox"))
    if owed != MEMBERS:
        raise BenchmarkError(f"{owed} members are owed a message instead of {MEMBERS}")

"""The ledger under many hands: 10,000 postings by 32 threads, each asked for twice."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from benchmarks.figure import Figure, Goal
from benchmarks.taps import add_members
from benchmarks.workshop import OPENED_AT, Database, Workshop
from models.base import Sessions
from models.database import make_engine, make_sessions
from models.member import Member
from models.points import PointsEntry, post_points, verify_ledger

POSTINGS = 10_000
THREADS = 32
MEMBERS = 50
"""Few enough that threads meet at one member's lock all the time."""
ASKED = 2
"""Each posting comes twice under its key, as a till's retry does."""
NONE = Goal(most=0)


def measure_postings(workshop: Workshop) -> list[Figure]:
    """Post at once and count what is missing, what is there twice, and what the proof finds."""
    with workshop.database() as database:
        add_members(database, MEMBERS)
        engine = make_engine(database.url, pool_size=THREADS)
        sessions = make_sessions(engine)
        began_at = time.perf_counter()
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda job: _post(sessions, *job), _jobs(database)))
        seconds = time.perf_counter() - began_at
        lost, doubled, faults = _count(sessions)
        engine.dispose()
    return [
        Figure("postings_lost", lost, "postings", NONE),
        Figure("postings_doubled", doubled, "postings", NONE),
        Figure("postings_faults", faults, "faults", NONE),
        Figure("postings_rate", POSTINGS * ASKED / seconds, "postings/s"),
    ]


def _jobs(database: Database) -> Iterator[tuple[int, str]]:
    """Yield member and key of each posting, the second asking close behind the first."""
    with database.engine.connect() as connection:
        ids = list(connection.scalars(select(Member.id).order_by(Member.id)))
    for number in range(POSTINGS):
        for _ in range(ASKED):
            yield ids[number % MEMBERS], f"posting:{number}"


def _post(sessions: Sessions, member_id: int, key: str) -> None:
    with sessions.begin() as session:
        member = session.get_one(Member, member_id)
        post_points(session, member, 1, reason="reward", idempotency_key=key, now=OPENED_AT)


def _count(sessions: Sessions) -> tuple[int, int, int]:
    """Return the postings lost and doubled by the balances, and the faults of the proof."""
    with sessions() as session:
        balances = session.scalar(select(func.sum(Member.points))) or 0
        entries = session.scalar(select(func.count()).select_from(PointsEntry)) or 0
        faults = sum(1 for _ in verify_ledger(session))
    missing = POSTINGS - min(int(balances), entries)
    surplus = max(int(balances), entries) - POSTINGS
    return max(missing, 0), max(surplus, 0), faults

"""The tier simulator: two years of fifty thousand members under rules that nobody has published.

Their shop is the one segments are measured on, with a twentieth of its members and sales.
"""

import time
from datetime import UTC, date, datetime

from benchmarks.figure import BenchmarkError, Figure, Goal
from benchmarks.segment_shop import load_shop
from benchmarks.workshop import Workshop
from models.database import make_sessions
from models.tier import ROLLING
from models.tier_evaluation import Draft
from models.tier_proposal import Proposed
from models.tier_simulation import MOST_MEMBERS, simulate

PURCHASES = 500_000
NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
STRICTER = Draft(
    date(2027, 1, 1), ROLLING, {"silver": 4_000, "gold": 12_000, "black": 24_000}, note="門檻調整"
)
SIMULATED = Goal(below=60)


def measure_tier_simulation(workshop: Workshop) -> list[Figure]:
    """Time the replay of everybody under the rules there are and under others."""
    with workshop.database() as database:
        load_shop(database.engine, MOST_MEMBERS, PURCHASES)
        with make_sessions(database.engine)() as session:
            began_at = time.perf_counter()
            found = simulate(session, Proposed(STRICTER), NOON, lambda *_: None)
            took = time.perf_counter() - began_at
    if found["replayed"] != MOST_MEMBERS or not any(move["ids"] for move in found["moves"]):
        raise BenchmarkError("not everybody was replayed, or the new rules moved nobody")
    return [
        Figure("tier_simulation_s", took, "s", SIMULATED),
        Figure("tier_simulation_members", found["replayed"], "members"),
    ]

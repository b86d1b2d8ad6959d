"""The night's evaluation of a million members: everybody after new rules, and an ordinary night."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func, select, text

from benchmarks.figure import BenchmarkError, Figure, Goal
from benchmarks.workshop import Database, Workshop
from jobs.nightly import evaluate_tiers
from models.database import make_sessions
from models.tier import ROLLING, TierChange
from models.tier_evaluation import Draft, publish

MEMBERS = 1_000_000
PURCHASES_EACH = 3
TODAY = date(2026, 11, 22)
NIGHT = datetime(2026, 11, 21, 16, 10, tzinfo=UTC)
"""00:10 of TODAY in Taipei."""
NEW_RULES = {"silver": 4_500, "gold": 15_000, "black": 30_000}
EVERYBODY_S = Goal(most=60)

SEED = (
    "SET LOCAL session_replication_role = replica",  # The seed keeps its own references.
    """
    INSERT INTO purchase (member_id, store_id, channel, amount_twd, discount_twd, paid_twd,
        points_earned, stamps_added, purchased_at, purchased_on, idempotency_key)
    SELECT n, s.id, 'till', sale.twd, 0, sale.twd, 1, 1, sale.day, sale.day, n || ':' || k
    FROM generate_series(1, :members) AS n, (SELECT min(id) AS id FROM store) AS s,
        generate_series(1, :each) AS k,
        LATERAL (SELECT 100 + (n::bigint * 7919 * k) % 3300 * (1 + (n % 17 = 0)::int * 5) AS twd,
            CAST(:today AS date) - 1 - ((n::bigint * 104729 * k) % 700)::int AS day) AS sale
    """,
    """
    INSERT INTO member (id, number, card_ref, line_user_id, name, language, joined_at, join_source,
        marketing_allowed, tier_id, tier_kept_until, points, spend_twd, year_twd, lifetime_twd,
        spend_on, purchase_count, purchase_days, first_purchase_on, previous_purchase_on,
        last_purchase_on)
    SELECT n, lpad(n::text, 9, '0'), md5(n::text),
        CASE WHEN n % 10 < 7 THEN 'U' || md5('line' || n) END, '王小明', 'zh-TW',
        CAST(:today AS date) - 800, 'line', false, step.id,
        CASE WHEN step.rank > 0 THEN CAST(:today AS date) + (n % 365)::int END, 0,
        counted.year, counted.this_year, counted.whole, CAST(:today AS date) - 1, :each,
        counted.days, counted.newest[:each], counted.newest[2], counted.newest[1]
    FROM (SELECT p.member_id AS n, sum(p.paid_twd) AS whole,
            count(DISTINCT p.purchased_on) AS days,
            array_agg(p.purchased_on ORDER BY p.purchased_on DESC) AS newest,
            coalesce(sum(p.paid_twd) FILTER (WHERE p.purchased_on > CAST(:today AS date) - 366), 0)
                AS year,
            coalesce(sum(p.paid_twd) FILTER (WHERE p.purchased_on >= date_trunc('year',
                CAST(:today AS date))), 0) AS this_year
        FROM purchase AS p GROUP BY 1) AS counted,
        LATERAL (SELECT t.id, t.rank FROM tier AS t, tier_version AS v
            WHERE coalesce((v.parameters -> 'thresholds' ->> t.code)::int, 0) <= counted.year
            ORDER BY t.rank DESC LIMIT 1) AS step
    """,
)
"""A past in which everybody stands where their net sales put them yesterday."""


def measure_tiers(workshop: Workshop) -> list[Figure]:
    """Time the first night of new rules over everybody, and the ordinary night after it."""
    with workshop.database() as database:
        _seed(database)
        sessions = make_sessions(database.engine)
        with sessions.begin() as session:
            draft = Draft(TODAY, ROLLING, NEW_RULES, note="門檻調整", warn_days=30)
            publish(session, draft, by="bench", confirmed_by_owner=True, now=NIGHT)
        everybody = _time(lambda: evaluate_tiers(sessions, now=NIGHT))
        with sessions() as session:
            changed = session.scalar(select(func.count()).select_from(TierChange)) or 0
        ordinary = _time(lambda: evaluate_tiers(sessions, now=NIGHT + timedelta(days=1)))
    if not changed:
        raise BenchmarkError("the new rules moved nobody")
    return [
        Figure("tier_evaluation", everybody, "s", EVERYBODY_S),
        Figure("tier_evaluation_changed", changed, "members"),
        Figure("tier_evaluation_ordinary", ordinary, "s"),
    ]


def _seed(database: Database) -> None:
    asked = {"members": MEMBERS, "each": PURCHASES_EACH, "today": TODAY}
    with database.engine.begin() as connection:
        for statement in SEED:
            known = {name: value for name, value in asked.items() if f":{name}" in statement}
            connection.execute(text(statement), known)
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
            "VACUUM (ANALYZE)"  # As autovacuum would have done by night.
        )


def _time(work: Callable[[], object]) -> float:
    began_at = time.perf_counter()
    work()
    return time.perf_counter() - began_at

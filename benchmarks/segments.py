"""Segments of a million members with ten million purchases: the night, sizes, reasons, forecasts.

The night's figures stand beside bare SQL that makes the same classes in the same run, and a reader
that never stops counting tells whether it ever saw the classes of half a night.
"""

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from benchmarks.figure import BenchmarkError, Figure, Goal
from benchmarks.segment_shop import MEMBERS, TODAY, load_shop
from benchmarks.workshop import Workshop
from models.base import Sessions
from models.classification import rebuild_classes
from models.database import make_sessions
from models.favourite import work_out
from models.lifecycle import estimate_cycles
from models.local_day import local_day
from models.member import Member
from models.prediction.fitting import fit_forecasts
from models.prediction.inputs import read_buyers
from models.prediction.orders import fit_orders
from models.purchase import refigure
from models.purchase.figures import FIGURES
from models.segment import Rule, explain_rule, parse_rule, size_of

NIGHT = datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
"""02:30 of TODAY in Taipei, when the classes are rebuilt."""
ONE_DAY = timedelta(days=1)
NIGHT_S = Goal(most=20)
SIZE_MS = Goal(below=300)
WHY_MS = Goal(below=20)
FIT_S = Goal(most=30)
NEVER = Goal(most=0)
MEMBERS_AT_ONCE = 20_000
CHECKED = 1_000
"""So many members' running figures are compared with their purchases before anything is timed."""
TURNS = 5
ASKED = 200
"""Of so many members the reasons are asked, those with the longest histories among them."""

RULES: dict[str, dict[str, Any]] = {
    "lost": {"field": "nasld", "is": "is", "value": "nasld:lost"},
    "regulars": {"field": "purchases", "is": "at_least", "value": 3, "within_days": 90},
    "spenders": {"field": "purchased_twd", "is": "at_least", "value": 3_000, "within_days": 365},
    "milk tea": {
        "field": "purchases",
        "is": "at_least",
        "value": 1,
        "within_days": 90,
        "category": "奶茶",
    },
    "never fruit tea": {
        "all": [
            {"field": "purchases", "is": "at_least", "value": 5},
            {"field": "purchases", "is": "is", "value": 0, "category": "果茶"},
        ]
    },
    "one store": {
        "field": "purchases",
        "is": "at_least",
        "value": 3,
        "within_days": 180,
        "store": "TP01",
    },
    "birthday": {
        "all": [
            {"field": "birthday_this_month", "is": "is", "value": True},
            {"field": "reachable", "is": "is", "value": True},
        ]
    },
    "best group": {"field": "rfm", "is": "is", "value": "rfm:vip"},
    "points ending": {
        "field": "points_expiring",
        "is": "at_least",
        "value": 50,
        "within_days": 30,
    },
    "silent": {
        "all": [
            {"field": "days_since_purchase", "is": "between", "value": [60, 120]},
            {"field": "allows_marketing", "is": "is", "value": True},
        ]
    },
    "promotions only": {"field": "buys_only_on_promotion", "is": "is", "value": True},
    "usual drink": {
        "all": [
            {"field": "usual_category", "is": "is", "value": "奶茶"},
            {"field": "nasld", "is": "any_of", "value": ["nasld:sleep", "nasld:lost"]},
        ]
    },
    "nested": {
        "all": [
            {
                "any": [
                    {"field": "tier", "is": "at_least", "value": "silver"},
                    {"field": "purchased_twd", "is": "at_least", "value": 5_000},
                ]
            },
            {"not": {"field": "napl_91app", "is": "is", "value": "napl_91app:active"}},
            {"field": "joined_days_ago", "is": "at_least", "value": 180},
        ]
    },
}
"""What shops ask for, from the plainest question to those that read every purchase."""

BARE = """
CREATE TABLE bare_class AS
WITH bought AS (
    SELECT member_id, count(*) AS orders, min(purchased_on) AS first_on,
        max(purchased_on) AS last_on,
        (array_agg(purchased_on ORDER BY purchased_on DESC))[2] AS previous_on,
        count(*) FILTER (WHERE purchased_on > CAST(:today AS date) - 365) AS frequency,
        sum(paid_twd - refunded_twd) FILTER (WHERE purchased_on > CAST(:today AS date) - 365)
            AS monetary_twd
    FROM purchase WHERE undone_at IS NULL GROUP BY member_id
), scored AS (
    SELECT *, ntile(5) OVER (ORDER BY last_on) AS r_score,
        ntile(5) OVER (ORDER BY coalesce(frequency, 0)) AS f_score,
        ntile(5) OVER (ORDER BY coalesce(monetary_twd, 0)) AS m_score
    FROM bought
)
SELECT id AS member_id, scored.orders, last_on, frequency, monetary_twd, r_score, f_score, m_score,
    CASE WHEN orders IS NULL THEN 'prospect'
        WHEN previous_on >= CAST(:today AS date) - 3 * :cycle THEN 'active'
        WHEN last_on >= CAST(:today AS date) - 3 * :cycle THEN 'new'
        WHEN previous_on >= CAST(:today AS date) - 6 * :cycle THEN 'sleep'
        WHEN last_on >= CAST(:today AS date) - 6 * :cycle THEN 'lost' ELSE 'deep' END AS nasld,
    CASE WHEN orders IS NULL THEN 'new' WHEN last_on < CAST(:today AS date) - 90 THEN 'passout'
        WHEN orders >= 3 THEN 'loyal' ELSE 'active' END AS napl_article,
    CASE WHEN orders IS NULL THEN 'prospect'
        WHEN last_on >= CAST(:today AS date) - 90
            THEN CASE WHEN orders = 1 THEN 'new' ELSE 'active' END
        WHEN orders = 1 THEN 'lost' ELSE 'potential' END AS napl_91app
FROM member LEFT JOIN scored ON scored.member_id = member.id
"""
"""What one writes who has only the purchases and a free hand: no cut-offs kept, no counts, and
nobody may read the table while it is made anew."""
CYCLE_DAYS = 30

HALF = text("""
    SELECT count(*) FROM (
        SELECT nasld AS code, count(*) AS members FROM member_class GROUP BY nasld
    ) AS found FULL JOIN (
        SELECT class AS code, members FROM class_count
        WHERE model = 'nasld' AND day = (SELECT max(day) FROM class_night)
    ) AS told USING (code)
    WHERE found.members IS DISTINCT FROM told.members
""")
"""Of one moment: how many classes have other members than the last finished night counted."""


def measure_segments(workshop: Workshop) -> list[Figure]:
    """Load the shop, check it, and measure all that segments promise of it."""
    with workshop.database() as database:
        load_shop(database.engine)
        sessions = make_sessions(database.engine)
        _check_shop(sessions)
        _work_out_favourites(sessions)
        return [
            *_nights(sessions, database.engine),
            *_sizes(sessions),
            *_reasons(sessions),
            *_forecasts(sessions),
        ]


def _check_shop(sessions: Sessions) -> None:
    """Make sure that running figures are those of the purchases, by a sample."""
    columns = [getattr(Member, name) for name in FIGURES]
    with sessions() as session:
        ids = list(range(1, MEMBERS, MEMBERS // CHECKED))
        asked = select(Member.id, *columns).where(Member.id.in_(ids)).order_by(Member.id)
        told = session.execute(asked).all()
        refigure(session, ids)
        if session.execute(asked).all() != told:
            raise BenchmarkError("the shop's running figures are not those of its purchases")
        session.rollback()


def _work_out_favourites(sessions: Sessions) -> None:
    """Do what the nights before have done: know what everybody usually buys."""
    for first in range(1, MEMBERS + 1, MEMBERS_AT_ONCE):
        with sessions.begin() as session:
            work_out(session, range(first, first + MEMBERS_AT_ONCE), NIGHT)


# --- the night


@dataclass
class Reader:
    """Counts the classes again and again while the night works, as a page would."""

    engine: Engine
    is_over: bool = False
    looks: int = 0
    halves: int = 0
    seconds: list[float] = field(default_factory=list)

    def read(self) -> None:
        """Look until the night is over."""
        with self.engine.connect() as connection:
            while not self.is_over:
                began_at = time.perf_counter()
                self.halves += bool(connection.scalar(HALF))
                connection.rollback()
                self.seconds.append(time.perf_counter() - began_at)
                self.looks += 1


def _nights(sessions: Sessions, engine: Engine) -> list[Figure]:
    """Time the first night, the one after it with a reader beside it, and bare SQL."""
    first = _time(lambda: _rebuild(sessions, NIGHT))
    vacuum(engine)
    reader = Reader(engine)
    beside = threading.Thread(target=reader.read)
    beside.start()
    try:
        second = _time(lambda: _rebuild(sessions, NIGHT + ONE_DAY))
    finally:
        reader.is_over = True
        beside.join()
    bare = _time(lambda: _run(engine, BARE, today=local_day(NIGHT), cycle=CYCLE_DAYS))
    _run(engine, "DROP TABLE bare_class")
    if not reader.looks:
        raise BenchmarkError("the reader never got to look")
    return [
        Figure("classes_first_night_s", first, "s", NIGHT_S),
        Figure("classes_next_night_s", second, "s", NIGHT_S),
        Figure("classes_bare_sql_s", bare, "s"),
        Figure("classes_half_seen", reader.halves, "looks", NEVER),
        Figure("classes_looks", reader.looks, "looks"),
        Figure("classes_look_worst_ms", max(reader.seconds) * 1_000, "ms"),
    ]


def _rebuild(sessions: Sessions, now: datetime) -> None:
    """Do what the night's job does: estimate the cycles, then class everybody."""
    with sessions.begin() as session:
        estimate_cycles(session, now)
    with sessions.begin() as session:
        rebuild_classes(session, now)


def vacuum(engine: Engine) -> None:
    """Do what autovacuum would have done by now."""
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
            "VACUUM (ANALYZE)"
        )


def _run(engine: Engine, statement: str, **asked: object) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), asked)


# --- sizes and reasons


def _sizes(sessions: Sessions) -> list[Figure]:
    """Time the live size of each rule, in turns, and count the estimates that miss the truth."""
    rules = {name: parse_rule({"schema": 1, "where": where}) for name, where in RULES.items()}
    now = NIGHT + ONE_DAY
    worst: dict[str, float] = {}
    misses = 0
    with sessions() as session:
        for name, rule in rules.items():
            size_of(session, rule, now)
            times = [_time(partial(size_of, session, rule, now)) for _ in range(TURNS)]
            worst[name] = statistics.median(times) * 1_000
            size, exact = size_of(session, rule, now), size_of(session, rule, now, exact=True)
            misses += not size.low <= exact.members <= size.high
    return [
        Figure("segment_size_worst_ms", max(worst.values()), "ms", SIZE_MS),
        Figure("segment_size_median_ms", statistics.median(worst.values()), "ms"),
        Figure("segment_size_rules", len(rules), "rules"),
        Figure("segment_size_outside_interval", misses, "rules"),
    ]


def _reasons(sessions: Sessions) -> list[Figure]:
    """Time why one member is in a segment, or not: of each rule, and of one that asks it all."""
    rules = [parse_rule({"schema": 1, "where": where}) for where in RULES.values()]
    everything = parse_rule({"schema": 1, "where": {"any": list(RULES.values())}})
    with sessions() as session:
        busiest = select(Member.id).order_by(Member.purchase_count.desc(), Member.id)
        ids = session.scalars(busiest.limit(ASKED // 2)).all()
        ids = [*ids, *range(1, MEMBERS, MEMBERS // (ASKED // 2))]
        usual = [_median_reason(session, rule, ids) for rule in rules]
        whole = _median_reason(session, everything, ids)
    return [
        Figure("segment_why_ms", max(usual), "ms", WHY_MS),
        Figure("segment_why_all_rules_ms", whole, "ms"),
    ]


def _median_reason(session: Session, rule: Rule, ids: Sequence[int]) -> float:
    """Return the median of explaining these members, in milliseconds."""
    explain_rule(session, rule, ids[0], NIGHT)
    times = [_time(partial(explain_rule, session, rule, id_, NIGHT)) for id_ in ids]
    return statistics.median(times) * 1_000


# --- forecasts


def _forecasts(sessions: Sessions) -> list[Figure]:
    """Time reading the histories and fitting the model of orders, and the whole night's work."""
    with sessions() as session:
        fit = _time(lambda: fit_orders(read_buyers(session, TODAY).histories()))
    night = _time(lambda: fit_forecasts(sessions, now=NIGHT))
    return [
        Figure("forecast_fit_s", fit, "s", FIT_S),
        Figure("forecast_night_s", night, "s"),
    ]


def _time(work: Callable[[], object]) -> float:
    began_at = time.perf_counter()
    work()
    return time.perf_counter() - began_at

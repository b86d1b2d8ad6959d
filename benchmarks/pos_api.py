"""The POS API: sales that tills record over HTTP, against the bare minimum in SQL.

The web server runs as in the Procfile, 2 workers x 8 threads; each sale is a request with its key,
its Idempotency-Key, all rules, the kept answer and the receipt.
"""

import statistics
from datetime import UTC, datetime

from benchmarks.figure import Figure, Goal
from benchmarks.load import Load, measure_load
from benchmarks.recording import MEMBERS_A_TILL, ROUNDS, TILLS, prepare_tills, sales_rate
from benchmarks.workshop import Database, Workshop
from models.api_key import WRITE_PURCHASES, add_api_key
from models.database import make_sessions
from models.shop import list_stores

KEYS = 120
"""So many tills, none of which reaches its limit of calls a minute."""
CONNECTIONS = 32
WARM_UP_SECONDS = 2.0
TURN_SECONDS = 5.0
PACED_SECONDS = 8.0
PACED_TURNS = 3

SHARE = Goal(least=0.08)
P99_MS = Goal(below=150)


def measure_recording(workshop: Workshop) -> list[Figure]:
    """Sales a second over HTTP as a share of raw ones, in turns; then the latency at half of it."""
    with workshop.database() as database:
        first, keys = prepare_tills(database), _make_keys(database)
        with workshop.web(workshop.environment(database)) as port:
            _sell(port, keys, WARM_UP_SECONDS)
            rates = [
                (sales_rate(database, "raw", first), _sell(port, keys, TURN_SECONDS))
                for _ in range(ROUNDS)
            ]
            ours = statistics.fmean(rate for _, rate in rates)
            p99_ms = statistics.median(_p99_ms(port, keys, ours / 2) for _ in range(PACED_TURNS))
    raw = statistics.fmean(rate for rate, _ in rates)
    return [
        Figure("pos_api_share", ours / raw, "ratio", SHARE),
        Figure("pos_api_rate", ours, "purchases/s"),
        Figure("pos_api_raw_rate", raw, "transactions/s"),
        Figure("pos_api_p99_ms", p99_ms, "ms", P99_MS),
        Figure("pos_api_p99_load", ours / 2, "purchases/s"),
    ]


def _make_keys(database: Database) -> list[str]:
    """Give each till of the first store a key; return their secrets."""
    now = datetime.now(UTC)
    with make_sessions(database.engine).begin() as session:
        store_id = list_stores(session)[0].id
        return [
            add_api_key(session, f"till {n}", [WRITE_PURCHASES], now, store_id=store_id)[1]
            for n in range(KEYS)
        ]


def _sell(port: int, keys: list[str], seconds: float) -> float:
    """Sell as fast as the server answers; return the sales a second."""
    return measure_load(_load("closed", port, keys, seconds)).rate


def _p99_ms(port: int, keys: list[str], rate: float) -> float:
    return measure_load(_load("paced", port, keys, PACED_SECONDS, rate)).p99_ms


def _load(way: str, port: int, keys: list[str], seconds: float, rate: float = 0.0) -> Load:
    people = TILLS * MEMBERS_A_TILL
    return Load(way, port, CONNECTIONS, seconds, rate, keys=keys, people=people)

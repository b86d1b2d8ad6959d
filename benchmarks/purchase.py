"""A purchase within this process: its time as a member's history grows, and its rate."""

import secrets
import statistics
import time
from datetime import UTC, datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from benchmarks.figure import BenchmarkError, Figure, Goal
from benchmarks.taps import add_members
from benchmarks.workshop import Database, Workshop
from models.base import Sessions
from models.checkout import Sale, record_purchase
from models.database import make_sessions
from models.member import Member
from models.purchase import refigure
from models.shop import Store, find_store

FLATNESS = Goal(least=0.8, most=1.2)
NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
PAIRS = 10
ROUNDS = 20
FEW, MANY = 4, 4_999
STAMPS = {FEW: 4, MANY: 4_994}
"""Both stand at 4 of 10, so that neither's card is filled by the purchase that is measured."""
RATE_SECONDS = 3.0
AMOUNT_TWD = 450


def measure_flatness(workshop: Workshop) -> list[Figure]:
    """Time a member's 5,000th purchase against another's 5th, in turns; and the rate in one thread.

    A measured purchase is rolled back, so that each is exactly the 5th or the 5,000th.
    """
    with workshop.database() as database:
        few, many = _make_history(database)
        sessions = make_sessions(database.engine)
        fifth, five_thousandth = _time_in_turns(sessions, few, many)
        rate = _rate(sessions, few)
    ratio = statistics.median(five_thousandth) / statistics.median(fifth)
    return [
        Figure("purchase_flatness", ratio, "ratio", FLATNESS),
        Figure("purchase_fifth_ms", statistics.median(fifth) * 1_000, "ms"),
        Figure("purchase_rate", rate, "purchases/s"),
    ]


def _make_history(database: Database) -> tuple[list[int], list[int]]:
    """Make members with FEW and with MANY purchases, spread over two years; return their ids."""
    add_members(database, 2 * PAIRS)
    with database.engine.begin() as connection:
        ids = list(connection.scalars(select(Member.id).order_by(Member.id)))
        few, many = ids[:PAIRS], ids[PAIRS:]
        for members, purchases in ((few, FEW), (many, MANY)):
            past = {"members": members, "purchases": purchases, "now": NOON}
            for statement in HISTORY:
                connection.execute(text(statement), past | {"stamps": STAMPS[purchases]})
    with make_sessions(database.engine).begin() as session:
        refigure(session, ids)
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
            "VACUUM (ANALYZE)"  # As autovacuum would have done within those two years.
        )
    return few, many


HISTORY = (
    """
    INSERT INTO purchase (member_id, store_id, channel, amount_twd, discount_twd, paid_twd,
        points_earned, stamps_added, purchased_at, purchased_on, idempotency_key)
    SELECT m.id, s.id, 'till', 120, 0, 120, 1, CAST(n > :purchases - :stamps AS integer), at,
        (at AT TIME ZONE 'Asia/Taipei')::date, 'past:' || m.id || ':' || n
    FROM unnest(CAST(:members AS bigint[])) AS m (id), (SELECT min(id) AS id FROM store) AS s,
        generate_series(1, :purchases) AS n,
        LATERAL (SELECT :now - interval '1 day'
            - interval '730 days' * (:purchases - n) / :purchases AS at) AS moment
    """,
    """
    INSERT INTO points_entry (member_id, points, balance_after, reason, purchase_id,
        idempotency_key, posted_at)
    SELECT member_id, 1, row_number() OVER (PARTITION BY member_id ORDER BY id), 'purchase', id,
        'purchase:' || id, purchased_at
    FROM purchase WHERE member_id = ANY (:members) ORDER BY id
    """,
    """
    INSERT INTO points_lot (entry_id, member_id, granted, remaining, expires_on)
    SELECT id, member_id, 1, 1, CAST(:now AS date) + 300
    FROM points_entry WHERE member_id = ANY (:members)
    """,
    """
    INSERT INTO stamp_card (member_id, programme_id, stamps)
    SELECT m.id, p.id, :stamps
    FROM unnest(CAST(:members AS bigint[])) AS m (id),
        (SELECT min(id) AS id FROM stamp_programme) AS p
    """,
    """
    INSERT INTO stamp_entry (member_id, programme_id, delta, reason, purchase_id, is_first,
        idempotency_key, posted_at)
    SELECT member_id, p.id, stamps_added, 'purchase', purchase.id,
        split_part(idempotency_key, ':', 3) = '1',
        idempotency_key || ':' || p.id, purchased_at
    FROM purchase, (SELECT min(id) AS id FROM stamp_programme) AS p
    WHERE member_id = ANY (:members) AND stamps_added > 0 ORDER BY purchase.id
    """,
    """
    UPDATE member SET points = :purchases, spend_on = CAST(:now AS date) - 1,
        spend_twd = counted.twd, year_twd = counted.year_twd, lifetime_twd = counted.lifetime_twd,
        tier_id = (SELECT t.id FROM tier AS t, tier_version AS v
            WHERE coalesce((v.parameters -> 'thresholds' ->> t.code)::int, 0) <= counted.twd
            ORDER BY t.rank DESC LIMIT 1),
        tier_kept_until = CAST(:now AS date) + 200
    FROM (SELECT member_id, sum(paid_twd) AS lifetime_twd,
            sum(paid_twd) FILTER (WHERE purchased_on > CAST(:now AS date) - 1 - 365) AS twd,
            sum(paid_twd) FILTER (WHERE extract(year FROM purchased_on)
                = extract(year FROM CAST(:now AS date) - 1)) AS year_twd
        FROM purchase GROUP BY member_id) AS counted
    WHERE id = counted.member_id AND id = ANY (:members)
    """,
)
"""A past that keeps the models' promises: ledger, lots, stamps and running figures agree."""


def _time_in_turns(
    sessions: Sessions, few: list[int], many: list[int]
) -> tuple[list[float], list[float]]:
    fifth, five_thousandth = [], []
    for number in range(ROUNDS + 1):
        times = [
            (_time_one(sessions, young, FEW + 1), _time_one(sessions, old, MANY + 1))
            for young, old in zip(few, many, strict=True)
        ]
        if number:  # The first round warms up.
            fifth += [young for young, _ in times]
            five_thousandth += [old for _, old in times]
    return fifth, five_thousandth


def _time_one(sessions: Sessions, member_id: int, number: int) -> float:
    """Record a purchase, the member's `number`th; return its seconds and take it back."""
    with sessions() as session:
        store = _store(session)
        began_at = time.perf_counter()
        record_purchase(session, _sale(member_id, store), NOON)
        seconds = time.perf_counter() - began_at
        found = session.get_one(Member, member_id).purchase_count
        session.rollback()
    if found != number:
        raise BenchmarkError(f"meant to measure purchase {number}, measured {found}")
    return seconds


def _rate(sessions: Sessions, members: list[int]) -> float:
    """Return the purchases a second of one thread that commits each."""
    done, began_at = 0, time.perf_counter()
    while time.perf_counter() - began_at < RATE_SECONDS:
        with sessions.begin() as session:
            record_purchase(session, _sale(members[done % len(members)], _store(session)), NOON)
        done += 1
    return done / (time.perf_counter() - began_at)


def _sale(member_id: int, store: Store) -> Sale:
    return Sale(member_id, store, None, AMOUNT_TWD, idempotency_key=secrets.token_hex(16))


def _store(session: Session) -> Store:
    store = find_store(session, "TP01")
    assert store is not None, "set-up makes the stores"
    return store

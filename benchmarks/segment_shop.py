"""A shop to measure segments on: a million members, ten million purchases over three years.

Made by the server itself from a seed, so the same each time. Who buys how often is as in life:
some never came, many came once, few come every week, and most of all have gone silent since. Rows
stand in the order of their moments, as tills would have left them. The members' running figures
are those of their purchases; their ledger holds one opening balance each, and is not chained.
"""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

from models.database import make_engine
from models.demo.catalogue import DRINKS
from models.demo.names import GIVEN_NAMES, SURNAMES
from models.tier import WINDOW_DAYS

TODAY = date(2026, 11, 22)
MEMBERS, PURCHASES = 1_000_000, 10_000_000
SEED = 20_261_122
YEARS_DAYS = 3 * 365
LINED_DAYS = 400
"""Of so many days the sales have lines, and of those six in ten."""
NEVER, ONCE, SOMETIMES, OFTEN = 0.10, 0.35, 0.70, 0.93
"""Up to which share of all members have bought never, once, sometimes, often; the rest is mad
about tea."""
MEAN_VISITS = 0.35 * 5 + 0.23 * 20 + 0.07 * 59.5
"""Visits a member of those who came more than once, before they are stretched to what is asked."""
SETTINGS = (
    "SET LOCAL session_replication_role = replica",  # The seed keeps its own references.
    "SET LOCAL maintenance_work_mem = '512MB'",
    "SET LOCAL work_mem = '128MB'",
    "SET LOCAL synchronous_commit = off",
)
PEOPLE = """
CREATE TEMPORARY TABLE person ON COMMIT DROP AS
SELECT n, visits, gap_days, span_days, last_on, last_on - span_days AS first_on,
    last_on - span_days - (r5 * 10)::int AS joined_on, r6 AS chance
FROM (
    SELECT *, least(visits * gap_days, :days - 15) AS span_days,
        CAST(:today AS date) - 1 - CASE WHEN visits > 1 AND r4 < 0.4 THEN floor(r5 * gap_days)::int
            ELSE floor(r5 * (:days - 15 - least(visits * gap_days, :days - 15)))::int END AS last_on
    FROM (
        SELECT *,
            CASE WHEN r1 < :never THEN 0 WHEN r1 < :once THEN 1
                WHEN r1 < :sometimes THEN greatest(round(:stretch * (2 + floor(r2 * 7))), 2)
                WHEN r1 < :often THEN greatest(round(:stretch * (8 + floor(r2 * 25))), 2)
                ELSE greatest(round(:stretch * (30 + floor(r2 * 60))), 2) END::int AS visits,
            CASE WHEN r1 < :once THEN 1 WHEN r1 < :sometimes THEN 20 + floor(r3 * 70)
                WHEN r1 < :often THEN 7 + floor(r3 * 33) ELSE 3 + floor(r3 * 12) END::int
                AS gap_days
        FROM (
            SELECT n, random() AS r1, random() AS r2, random() AS r3, random() AS r4,
                random() AS r5, random() AS r6
            FROM generate_series(1, :members) AS n
        ) AS drawn
    ) AS kind
) AS rhythm
"""
FILL_UP = """
WITH eager AS (
    SELECT n, row_number() OVER (ORDER BY n) AS place, count(*) OVER () AS eager
    FROM person WHERE visits >= 2
), lacking AS (SELECT :purchases - sum(visits) AS visits FROM person)
UPDATE person SET visits = (person.visits + div(lacking.visits, eager.eager)
    + (eager.place <= mod(lacking.visits, eager.eager))::int)::int
FROM eager, lacking WHERE person.n = eager.n AND lacking.visits > 0
"""
"""The stretched numbers come out a little short; what lacks is spread over all who came again."""
BUY = """
INSERT INTO purchase (member_id, store_id, staff_id, channel, amount_twd, discount_twd, paid_twd,
    refunded_twd, undone_at, points_earned, stamps_added, purchased_at, purchased_on,
    idempotency_key)
SELECT n, store_id, staff_id, 'till', amount_twd, discount_twd, amount_twd - discount_twd,
    CASE WHEN r4 < 0.01 THEN amount_twd - discount_twd
        WHEN r4 < 0.015 THEN (amount_twd - discount_twd) / 2 ELSE 0 END,
    CASE WHEN r4 < 0.01 THEN at + interval '1 hour' END, 0, 0, at, bought_on, n || ':' || k
FROM (
    SELECT n, k, amount_twd, r4, bought_on,
        bought_on + interval '2 hours' + r1 * interval '12 hours' AS at,
        CASE WHEN r2 < 0.15 THEN amount_twd / 10 ELSE 0 END AS discount_twd,
        store.ids[1 + CASE WHEN r3 < 0.75 THEN n ELSE (r3 * 1000)::int END
            % cardinality(store.ids)] AS store_id,
        clerk.ids[1 + (n + k) % greatest(cardinality(clerk.ids), 1)] AS staff_id
    FROM (
        SELECT n, k, r1, r2, r3, r4,
            first_on + floor(span_days * (k - 1 + r5) / visits)::int AS bought_on,
            5 * (7 + floor(r6 * 9))::int * (1 + floor(r7 * r7 * 6))::int AS amount_twd
        FROM (
            SELECT person.*, k, random() AS r1, random() AS r2, random() AS r3, random() AS r4,
                random() AS r5, random() AS r6, random() AS r7
            FROM person, generate_series(1, person.visits) AS k
        ) AS drawn
    ) AS sold, (SELECT array_agg(id ORDER BY id) AS ids FROM store) AS store,
        (SELECT array_agg(id ORDER BY id) AS ids FROM staff WHERE role = 'clerk') AS clerk
) AS sale
ORDER BY at
"""
REFUND = """
INSERT INTO refund (purchase_id, member_id, store_id, amount_twd, reason, is_full, points_taken,
    points_given_back, refunded_at, refunded_on, idempotency_key)
SELECT id, member_id, store_id, refunded_twd, '做錯了', undone_at IS NOT NULL, 0, 0,
    purchased_at + interval '1 hour', purchased_on, 'back:' || id
FROM purchase WHERE refunded_twd > 0 ORDER BY purchased_at
"""
JOIN = """
INSERT INTO member (id, number, card_ref, line_user_id, name, phone, birthday, language, joined_at,
    join_source, marketing_allowed, tier_id, tier_kept_until, points, spend_twd, year_twd,
    lifetime_twd, spend_on, purchase_count, purchase_days, first_purchase_on,
    previous_purchase_on, last_purchase_on, promo_count)
SELECT n, lpad(n::text, 9, '0'), md5(n::text),
    CASE WHEN n % 10 < 7 THEN 'U' || md5('line' || n) END,
    (CAST(:surnames AS text[]))[1 + n % cardinality(CAST(:surnames AS text[]))]
        || (CAST(:given_names AS text[]))[1 + n / 7 % cardinality(CAST(:given_names AS text[]))],
    '+8869' || lpad(n::text, 8, '0'),
    CASE WHEN n % 20 < 17 THEN date '1950-01-01' + (chance * 21000)::int END,
    CASE WHEN n % 50 = 0 THEN 'en' WHEN n % 50 = 1 THEN 'ja' ELSE 'zh-TW' END,
    joined_on + interval '2 hours', CASE WHEN n % 10 < 7 THEN 'line' ELSE 'store:TP01' END,
    n % 10 < 6, step.id, CASE WHEN step.rank > 0 THEN CAST(:today AS date) + n % 365 END,
    coalesce(whole_twd, 0) / 100 % 300, coalesce(window_twd, 0), coalesce(year_twd, 0),
    coalesce(whole_twd, 0), CAST(:today AS date) - 1, coalesce(purchases, 0), coalesce(days, 0),
    newest[purchases], newest[2], newest[1], coalesce(promos, 0)
FROM person LEFT JOIN (
    SELECT member_id, sum(net_twd) AS whole_twd,
        sum(net_twd) FILTER (WHERE purchased_on >= :window_start) AS window_twd,
        sum(net_twd) FILTER (WHERE purchased_on >= :year_start) AS year_twd,
        count(*) FILTER (WHERE stands) AS purchases,
        count(DISTINCT purchased_on) FILTER (WHERE stands) AS days,
        array_agg(purchased_on ORDER BY purchased_on DESC) FILTER (WHERE stands) AS newest,
        count(*) FILTER (WHERE stands AND discount_twd > 0) AS promos
    FROM (SELECT *, paid_twd - refunded_twd AS net_twd, undone_at IS NULL AS stands
        FROM purchase) AS sold
    GROUP BY member_id
) AS counted ON counted.member_id = n,
    LATERAL (SELECT t.id, t.rank FROM tier AS t, tier_version AS v
        WHERE coalesce((v.parameters -> 'thresholds' ->> t.code)::int, 0) <= coalesce(window_twd, 0)
        ORDER BY t.rank DESC LIMIT 1) AS step
"""
ITEMS = """
INSERT INTO catalogue_item (sku, name, category, price_twd, is_available, updated_at)
SELECT item.*, true, CAST(:today AS date) - 400
FROM unnest(CAST(:skus AS text[]), CAST(:names AS text[]), CAST(:categories AS text[]),
    CAST(:prices AS int[])) AS item
"""
LINES = """
INSERT INTO purchase_line (purchase_id, line_no, sku, name, category, quantity, amount_twd)
SELECT id, line_no, drink.sku, drink.name, drink.category, 1, drink_twd
FROM (
    SELECT id, line_no,
        1 + CASE WHEN random() < 0.6 THEN member_id * 7919 ELSE (random() * 1000)::int END
            % cardinality(CAST(:skus AS text[])) AS place,
        CASE WHEN line_no = 1 THEN amount_twd - (id % 2) * (amount_twd * 2 / 5)
            ELSE amount_twd * 2 / 5 END AS drink_twd
    FROM purchase, generate_series(1, 1 + (id % 2)::int) AS line_no
    WHERE purchased_on > CAST(:today AS date) - :lined_days AND id % 10 < 6
) AS line JOIN (
    SELECT row_number() OVER () AS place, sku, name, category
    FROM unnest(CAST(:skus AS text[]), CAST(:names AS text[]), CAST(:categories AS text[]))
        AS told (sku, name, category)
) AS drink USING (place)
ORDER BY id, line_no
"""
BEFRIEND = """
INSERT INTO friend (line_user_id, is_following, changed_at, language, source)
SELECT line_user_id, id % 7 <> 0, joined_at, language, 'line' FROM member
WHERE line_user_id IS NOT NULL
"""
CONSENT = """
INSERT INTO consent (member_id, purpose, is_given, notice_version, channel, evidence, said_at)
SELECT id, purpose, true, :notice, 'line', 'shop:' || id || ':' || purpose, joined_at
FROM member, unnest(ARRAY['membership', 'marketing']) AS purpose
WHERE purpose = 'membership' OR marketing_allowed ORDER BY id
"""
BALANCE = """
WITH opened AS (
    INSERT INTO points_entry (member_id, seq, points, balance_after, reason, idempotency_key,
        posted_at, hash)
    SELECT id, 1, points, points, 'adjustment', 'shop:' || id, joined_at,
        decode(repeat('00', 32), 'hex')
    FROM member WHERE points > 0 ORDER BY id RETURNING id, member_id, points
)
INSERT INTO points_lot (entry_id, member_id, granted, remaining, expires_on)
SELECT id, member_id, points, points, CAST(:today AS date) + (member_id % 365)::int FROM opened
"""
SEQUENCE = "SELECT setval(pg_get_serial_sequence('member', 'id'), :members)"
SPARED = """
SELECT 'ALTER TABLE purchase DROP CONSTRAINT ' || quote_ident(conname),
    'ALTER TABLE purchase ADD CONSTRAINT ' || quote_ident(conname) || ' '
        || pg_get_constraintdef(oid)
FROM pg_constraint WHERE conrelid = 'purchase'::regclass AND contype = 'u'
UNION ALL
SELECT 'DROP INDEX ' || indexrelid::regclass, pg_get_indexdef(indexrelid)
FROM pg_index WHERE indrelid = 'purchase'::regclass
    AND indexrelid NOT IN (SELECT conindid FROM pg_constraint)
"""
"""Ten million rows are sorted into an index five times as fast as they are put in one by one."""


def load_shop(
    engine_or_url: Engine | str,
    members: int = MEMBERS,
    purchases: int = PURCHASES,
    *,
    seed: int = SEED,
    today: date = TODAY,
) -> None:
    """Fill a shop that is set up and has no members yet; its last sales were the day before today.

    Its clerks, where it has any, sold it all in turns.
    Members have the ids from 1 on. Takes some minutes for a million, and is committed and
    vacuumed when it returns. The same seed makes the same shop.
    """
    engine = make_engine(engine_or_url) if isinstance(engine_or_url, str) else engine_or_url
    with engine.begin() as connection:
        _fill(connection, members, purchases, seed, today)
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(
            "VACUUM (ANALYZE)"  # As autovacuum would have done by night.
        )
    if engine is not engine_or_url:
        engine.dispose()


def _fill(connection: Connection, members: int, purchases: int, seed: int, today: date) -> None:
    last_on = today - timedelta(days=1)
    skus, names, categories, prices = zip(*DRINKS, strict=True)
    asked: dict[str, Any] = {
        "members": members,
        "purchases": purchases,
        "today": today,
        "days": YEARS_DAYS,
        "never": NEVER,
        "once": ONCE,
        "sometimes": SOMETIMES,
        "often": OFTEN,
        "stretch": 0.98 * (purchases / members - (ONCE - NEVER)) / MEAN_VISITS,
        "window_start": last_on - timedelta(days=WINDOW_DAYS - 1),
        "year_start": last_on.replace(month=1, day=1),
        "lined_days": LINED_DAYS,
        "skus": list(skus),
        "names": list(names),
        "categories": list(categories),
        "prices": list(prices),
        "surnames": list(SURNAMES),
        "given_names": list(GIVEN_NAMES),
    }
    for statement in SETTINGS:
        connection.exec_driver_sql(statement)
    connection.execute(text("SELECT setseed(:seed)"), {"seed": seed % 1_000 / 1_000})
    asked["notice"] = connection.scalar(text("SELECT max(version) FROM notice"))
    spared = connection.exec_driver_sql(SPARED).all()
    for drop, _ in spared:
        connection.exec_driver_sql(drop)
    _run(connection, (PEOPLE, FILL_UP, BUY), asked)
    for _, again in spared:
        connection.exec_driver_sql(again)
    connection.exec_driver_sql("ANALYZE purchase, person")
    rest = (REFUND, JOIN, ITEMS, LINES, BEFRIEND, CONSENT, BALANCE, SEQUENCE)
    _run(connection, rest, asked)


def _run(connection: Connection, statements: tuple[str, ...], asked: dict[str, Any]) -> None:
    for statement in statements:
        clause = text(statement)
        known = {name: asked[name] for name in clause.compile().params}
        connection.execute(clause, known)

"""One till of the recording benchmark: a process that sells as fast as it can, in one of two ways.

`python -m benchmarks.seller raw|regulars URL SECONDS FIRST COUNT`: waits for a line on standard
input, sells to the members FIRST, FIRST + 1, … in turn, and prints how many sales it committed.
"""

import secrets
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count, cycle

import psycopg

from models.checkout import Sale, record_purchase
from models.database import libpq_conninfo, make_engine, make_sessions
from models.shop import find_store
from models.staff import add_staff

NOON = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
AMOUNT_TWD = 450
SALE_TAKES = timedelta(seconds=12)
"""By the sales' own clock: a busy clerk, whom no limit of pace stops."""
WARM_UP = 50
RAW_TABLES = (
    "CREATE TABLE raw_member (id bigint PRIMARY KEY, points int NOT NULL DEFAULT 0)",
    "CREATE TABLE raw_purchase (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " member_id bigint NOT NULL, amount_twd int NOT NULL, key text NOT NULL UNIQUE)",
    "CREATE TABLE raw_entry (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " member_id bigint NOT NULL, points int NOT NULL, purchase_id bigint NOT NULL)",
)
"""The bare minimum of a sale: no rule, no foreign key, no history."""


def sell_raw(url: str, members: range) -> Callable[[], None]:
    """Return a sale by the driver alone: a purchase with its unique key, an entry, a balance."""
    connection = psycopg.connect(libpq_conninfo(url))
    turn = cycle(members)

    def sell() -> None:
        member_id = next(turn)
        with connection.transaction():
            bought = connection.execute(
                "INSERT INTO raw_purchase (member_id, amount_twd, key) VALUES (%s, %s, %s)"
                " RETURNING id",
                (member_id, AMOUNT_TWD, secrets.token_hex(16)),
            ).fetchone()
            assert bought is not None
            connection.execute(
                "INSERT INTO raw_entry (member_id, points, purchase_id) VALUES (%s, 4, %s)",
                (member_id, bought[0]),
            )
            connection.execute(
                "UPDATE raw_member SET points = points + 4 WHERE id = %s", (member_id,)
            )

    return sell


def sell_with_rules(url: str, members: range) -> Callable[[], None]:
    """Return a sale by `record_purchase`, with every rule of the shop and the receipt."""
    sessions = make_sessions(make_engine(url, pool_size=1))
    turn = cycle(members)
    with sessions.begin() as session:
        store = find_store(session, "TP01")
        assert store is not None
        name = password = secrets.token_hex(8)
        clerk = add_staff(
            session, username=name, name=name, role="clerk", store=store, password=password
        )
    moments = count()

    def sell() -> None:
        now = NOON + next(moments) * SALE_TAKES
        with sessions.begin() as session:
            sale = Sale(next(turn), store, clerk, AMOUNT_TWD, secrets.token_hex(16))
            record_purchase(session, sale, now)

    return sell


WAYS = {"raw": sell_raw, "regulars": sell_with_rules}


def main(way: str, url: str, seconds: float, first: int, count: int) -> None:
    """Warm up, wait for the start, sell, tell."""
    sell = WAYS[way](url, range(first, first + count))
    for _ in range(WARM_UP):
        sell()
    print("ready", flush=True)
    sys.stdin.readline()
    done, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        sell()
        done += 1
    print(done, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))

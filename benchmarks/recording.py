"""Recording sales with all rules, by eight tills at once, against the bare minimum in SQL."""

import subprocess
import sys
from contextlib import ExitStack

from sqlalchemy import select, text

from benchmarks.figure import BenchmarkError, Figure, Goal
from benchmarks.seller import RAW_TABLES
from benchmarks.taps import add_members
from benchmarks.workshop import ROOT, Database, Workshop
from models.member import Member

SHARE = Goal(least=0.15)
TILLS = 8
MEMBERS_A_TILL = 1_500
SECONDS = 5.0
ROUNDS = 4
"""Both ways in turns, so that a noisy neighbour meets both."""
END_SECONDS = 30


def measure_share(workshop: Workshop) -> list[Figure]:
    """Measure sales a second by `record_purchase` and by the raw driver, in turns."""
    with workshop.database() as database:
        first = prepare_tills(database)
        rates = [
            (sales_rate(database, "raw", first), sales_rate(database, "regulars", first))
            for _ in range(ROUNDS)
        ]
    raw = sum(rate for rate, _ in rates) / ROUNDS
    ours = sum(rate for _, rate in rates) / ROUNDS
    return [
        Figure("recording_share", ours / raw, "ratio", SHARE),
        Figure("recording_rate", ours, "purchases/s"),
        Figure("recording_raw_rate", raw, "transactions/s"),
    ]


def prepare_tills(database: Database) -> int:
    """Make the members, and the same members for the raw way; return the first id."""
    add_members(database, TILLS * MEMBERS_A_TILL)
    with database.engine.begin() as connection:
        for table in RAW_TABLES:
            connection.execute(text(table))
        connection.execute(text("INSERT INTO raw_member (id) SELECT id FROM member"))
        first = connection.scalar(select(Member.id).order_by(Member.id).limit(1))
    assert first is not None
    return first


def sales_rate(database: Database, way: str, first: int) -> float:
    """Return the sales a second of all tills together, made in a way of `benchmarks.seller`."""
    with ExitStack() as cleanup:
        tills = [
            cleanup.enter_context(_till(database, way, first + number * MEMBERS_A_TILL))
            for number in range(TILLS)
        ]
        for till in tills:
            _said(till)
        for till in tills:
            assert till.stdin is not None
            till.stdin.write("go\n")
            till.stdin.flush()
        return sum(int(_said(till)) for till in tills) / SECONDS


def _till(database: Database, way: str, first: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "benchmarks.seller", way, database.url]
    return subprocess.Popen(
        [*command, str(SECONDS), str(first), str(MEMBERS_A_TILL)],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def _said(till: "subprocess.Popen[str]") -> str:
    assert till.stdout is not None
    line = till.stdout.readline().strip()
    if not line:
        raise BenchmarkError(f"a till ended early with {till.wait(END_SECONDS)}")
    return line

"""Imports: a shop moves in with its members and their past, ledger and all."""

import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from benchmarks.figure import BenchmarkError, Figure, Goal
from benchmarks.workshop import FOLDER, Database, Workshop
from models.base import Sessions
from models.database import make_sessions
from models.exchange import (
    MEMBERS,
    PURCHASES,
    Findings,
    MemberOptions,
    PurchaseOptions,
    Summary,
    get_layout,
    import_members,
    import_purchases,
    open_source,
)
from models.member import Member
from models.points import PointsEntry, verify_ledger
from models.purchase import Purchase
from models.shop import find_store

NOW = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
SIZES = (500, 5_000, 50_000)
WITHIN_SECONDS = {500: 2.0, 5_000: 10.0, 50_000: 90.0}
"""The times stated in docs/import.md."""
PURCHASES_EACH = 10
RATE = Goal(least=5_000)
PAST_DAYS = 730
OPENING_POINTS = 100


def measure_imports(workshop: Workshop) -> list[Figure]:
    """Time 500, 5,000 and 50,000 members, then half a million of their purchases with points."""
    figures = []
    for size in SIZES:
        with workshop.database() as database:
            figures.append(_time_members(database, size))
            if size == SIZES[-1]:
                figures.append(_time_purchases(database, size))
    return figures


def _time_members(database: Database, size: int) -> Figure:
    path = FOLDER / f"members-{size}.csv"
    _write(path, _member_lines(size))
    began_at = time.perf_counter()
    import_members(
        make_sessions(database.engine),
        open_source(path),
        get_layout(MEMBERS, None),
        MemberOptions(),
        findings=Findings(),
        now=NOW,
    )
    seconds = time.perf_counter() - began_at
    with database.engine.connect() as connection:
        made = connection.scalar(select(func.count()).select_from(Member))
    if made != size:
        raise BenchmarkError(f"meant to import {size} members, found {made}")
    return Figure(f"import_members_{size}_s", seconds, "s", Goal(most=WITHIN_SECONDS[size]))


def _time_purchases(database: Database, members: int) -> Figure:
    count = members * PURCHASES_EACH
    path = FOLDER / "purchases.csv"
    _write(path, _purchase_lines(members, count))
    sessions = make_sessions(database.engine)
    with sessions() as session:
        store = find_store(session, "TP01")
    assert store is not None, "set-up makes the stores"
    options = PurchaseOptions(store_id=store.id, is_earning=True)
    began_at = time.perf_counter()
    summary = import_purchases(
        sessions,
        open_source(path),
        get_layout(PURCHASES, None),
        options,
        findings=Findings(),
        now=NOW,
    )
    seconds = time.perf_counter() - began_at
    _check(sessions, summary, count)
    return Figure("import_purchases_per_second", count / seconds, "purchases/s", RATE)


def _check(sessions: Sessions, summary: Summary, count: int) -> None:
    """Make sure that all of it is there, and the ledger right to the last entry."""
    with sessions() as session:
        made = session.scalar(select(func.count()).select_from(Purchase))
        points = session.scalar(
            select(func.sum(PointsEntry.points)).where(PointsEntry.reason == "purchase")
        )
        fault = next(iter(verify_ledger(session)), None)
    if made != count or points != summary.counts["points"] or fault is not None:
        raise BenchmarkError(f"{made} of {count} purchases, {points} points; ledger: {fault}")


def _write(path: Path, lines: Iterator[str]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(lines)


def _phone(number: int) -> str:
    return f"09{10_000_000 + number}"


def _member_lines(size: int) -> Iterator[str]:
    yield "手機,姓名,生日,電子郵件,會員編號,點數,行銷同意\n"
    for number in range(size):
        yield (
            f"{_phone(number)},王小明,1990/5/20,m{number}@shop.example,M{number},"
            f"{OPENING_POINTS},{'是' if number % 2 else '否'}\n"
        )


def _purchase_lines(members: int, count: int) -> Iterator[str]:
    chance = random.Random(7)
    yield "訂單編號,訂單日期,手機,實付金額\n"
    for number in range(count):
        at = NOW - timedelta(minutes=chance.randrange(PAST_DAYS * 24 * 60))
        yield (
            f"A{number:07d},{at:%Y/%m/%d %H:%M},{_phone(number % members)},"
            f"{chance.randrange(30, 1_500)}\n"
        )

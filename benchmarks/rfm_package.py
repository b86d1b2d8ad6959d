"""RFM of a million purchases, side by side: the package `rfm` on pandas, and our night's work.

Each begins with the same standing purchases where it has them by nature: the package in a DataFrame
that is read already, we in the database's table. Each ends where its results are of use: the
package with its table of customers in memory, we with every member's class kept in the database,
three lifecycle models beside RFM among them, which the package does not have. Reading the purchases
into pandas, and keeping its results, would cost it extra and is not counted; nor is the estimate of
the repurchase cycle, which only those lifecycles need, and which our night has made before.

Memory is each process's peak, its libraries included, as the kernel counts it. Ours has the
growth of the database server added: the proportional set size of all its processes (`Pss`, so that
a page shared by three is counted once, and the shared tables of parallel workers are in it), at the
highest of the samples taken every 20 ms, less what it was before. Only the server's buffer cache is
left out on both sides of that difference: it is there anyway, whoever asks.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import text

from benchmarks.figure import BenchmarkError, Figure, Goal
from benchmarks.rfm_turn import NIGHT
from benchmarks.segment_shop import load_shop
from benchmarks.workshop import DATA, FOLDER, ROOT, Database, Workshop
from models.database import libpq_conninfo, make_sessions
from models.lifecycle import estimate_cycles

MEMBERS, PURCHASES = 100_000, 1_000_000
ROUNDS = 2
"""Both in turns, so that a noisy neighbour meets both."""
TIMES_FASTER = Goal(least=5)
MEMORY_SHARE = Goal(most=1 / 3)
END_SECONDS = 600
SAMPLE_EVERY_SECONDS = 0.02
KILOBYTE, MEGABYTE = 1 << 10, 1 << 20
BUFFER_CACHE = "/dev/zero"
"""How the kernel names the server's one shared mapping."""
SOLD = """
SELECT member_id, purchased_on, paid_twd - refunded_twd FROM purchase WHERE undone_at IS NULL
"""
FORGET = "TRUNCATE member_class, class_count, class_night, rfm_cut"


@dataclass
class Turn:
    """What one turn took."""

    seconds: float
    peak_bytes: int
    members: int


def measure_package(workshop: Workshop) -> list[Figure]:
    """Let both work the same purchases out in turns; compare the means of time and memory."""
    with workshop.database() as database:
        load_shop(database.engine, MEMBERS, PURCHASES)
        with make_sessions(database.engine).begin() as session:
            estimate_cycles(session, NIGHT)
        frame = FOLDER / "sold.pickle"
        _write_frame(database, frame)
        package, ours = [], []
        for _ in range(ROUNDS):
            package.append(_take("package", str(frame)))
            _forget(database)
            ours.append(_our_turn(database))
    if {turn.members for turn in package} != {turn.members for turn in ours}:
        raise BenchmarkError("the two did not grade the same members")
    seconds = _mean([turn.seconds for turn in package]), _mean([turn.seconds for turn in ours])
    peaks = _mean([turn.peak_bytes for turn in package]), _mean([turn.peak_bytes for turn in ours])
    return [
        Figure("rfm_times_faster", seconds[0] / seconds[1], "times", TIMES_FASTER),
        Figure("rfm_memory_share", peaks[1] / peaks[0], "ratio", MEMORY_SHARE),
        Figure("rfm_package_s", seconds[0], "s"),
        Figure("rfm_ours_s", seconds[1], "s"),
        Figure("rfm_package_mb", peaks[0] / MEGABYTE, "MB"),
        Figure("rfm_ours_mb", peaks[1] / MEGABYTE, "MB"),
    ]


def _mean(values: list[Any]) -> float:
    return float(sum(values)) / len(values)


def _write_frame(database: Database, path: Path) -> None:
    """Keep the purchases as a DataFrame, so that reading them costs the package's turn nothing."""
    import pandas as pd  # type: ignore[import-untyped]  # Brings no types.

    with psycopg.connect(libpq_conninfo(database.url)) as connection:
        rows = connection.execute(SOLD).fetchall()
    sold = pd.DataFrame(rows, columns=["member", "date", "twd"])
    sold["date"] = pd.to_datetime(sold["date"])
    sold.to_pickle(path)


def _forget(database: Database) -> None:
    """Let each of our turns be a first night, in which every row is written."""
    with database.engine.begin() as connection:
        connection.execute(text(FORGET))


def _our_turn(database: Database) -> Turn:
    with _watched_server() as grown:
        turn = _take("ours", database.url)
    turn.peak_bytes += grown()
    return turn


def _take(way: str, told: str) -> Turn:
    """Run one turn in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.rfm_turn", way, told],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        said, _ = process.communicate("go\n", timeout=END_SECONDS)
    if process.returncode:
        raise BenchmarkError(f"the turn of `{way}` ended early with {process.returncode}")
    done = json.loads(said.splitlines()[-1])
    return Turn(done["seconds"], done["bytes"], done["members"])


@contextmanager
def _watched_server() -> Iterator[Any]:
    """Sample the server's memory; what is yielded returns by how many bytes it grew at most."""
    before, highest, is_over = _server_bytes(), [0], threading.Event()

    def watch() -> None:
        while not is_over.wait(SAMPLE_EVERY_SECONDS):
            highest[0] = max(highest[0], _server_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield lambda: max(highest[0] - before, 0)
    finally:
        is_over.set()
        watcher.join()


def _server_bytes() -> int:
    """Return the memory of the server's processes, but for its buffer cache."""
    postmaster = (DATA / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0]
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text(encoding="ascii")
    return sum(_process_bytes(pid) for pid in (postmaster, *children.split()))


def _process_bytes(pid: str) -> int:
    """Return a process's proportional share of its pages; 0 where it has just ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8").splitlines()
    except OSError:
        return 0
    total, is_cache = 0, False
    for line in lines:
        name, *rest = line.split(maxsplit=5)
        if "-" in name and not name.endswith(":"):
            is_cache = bool(rest) and rest[-1].startswith(BUFFER_CACHE)
        elif name == "Pss:" and not is_cache:
            total += int(rest[0]) * KILOBYTE
    return total

"""One turn of the RFM comparison: a process that works RFM out once, by the package or by us.

`python -m benchmarks.rfm_turn package|ours INPUT`: takes hold of its input, waits for a line on
standard input, works, and prints seconds, the peak of its own memory in bytes, and how many members
it graded. The package's input is a DataFrame that is read already, ours the database's table.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from models.classification import MemberClass, rebuild_classes
from models.database import make_engine, make_sessions

NIGHT = datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
KILOBYTE = 1 << 10


def by_package(path: str) -> Callable[[], int]:
    """Read the kept DataFrame and return the package's work on it."""
    import matplotlib as mpl
    import pandas as pd  # type: ignore[import-untyped]  # Brings no types, nor does the other.

    mpl.use("agg")
    from rfm import RFM  # type: ignore[import-untyped]

    sold = pd.read_pickle(path)  # noqa: S301  # Our own, of a moment ago.
    return lambda: len(RFM(sold, "member", "date", "twd").rfm_table)


def by_us(url: str) -> Callable[[], int]:
    """Return our night's work: RFM, and three lifecycles with it, kept for every member."""
    sessions = make_sessions(make_engine(url))
    graded = select(func.count()).where(MemberClass.rfm_group.is_not(None))

    def work() -> int:
        with sessions.begin() as session:
            rebuild_classes(session, NIGHT)
            return session.scalar(graded) or 0

    return work


def _peak_bytes() -> int:
    """Return the most memory this program ever had.

    Not `ru_maxrss`: that one begins with what the process had that started us.
    """
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(peak.split()[1]) * KILOBYTE


WAYS: dict[str, Callable[[str], Callable[[], int]]] = {"package": by_package, "ours": by_us}


def main(arguments: list[str]) -> None:
    """Take one turn; see above."""
    way, told = arguments
    work = WAYS[way](told)
    print("ready", flush=True)
    sys.stdin.readline()
    began_at = time.perf_counter()
    members = work()
    done: dict[str, Any] = {
        "seconds": time.perf_counter() - began_at,
        "bytes": _peak_bytes(),
        "members": members,
    }
    print(json.dumps(done), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""Campaigns sent by the real worker, to a LINE that answers in 50 ms.

A million identical texts must take little more than LINE's own limit allows (200 multicasts of 500
a second: 10 s); personal cards, each with name, points and an own coupon, nine tenths of its 2,000
pushes a second. Where LINE's side is slow, not its limit, a second worker must be worth its while.
"""

import json
import os
import time
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, text

from benchmarks.figure import BenchmarkError, Figure, Goal
from benchmarks.workshop import DATA, Database, Workshop
from models.campaign import Campaign
from models.database import make_sessions
from models.segment.table import Segment
from models.sending import open_run, proof_of
from models.sending.table import CampaignRun

MEMBERS = 1_000_000
PEOPLE = 40_000
SLOW_PEOPLE = 200_000
DELAY_SECONDS = 0.05
SLOW_SECONDS = 2.0
PATIENCE_SECONDS = 300.0
POLL_SECONDS = 0.1
LATER = timedelta(hours=3)
FROZEN_S = Goal(below=20)
MILLION_S = Goal(most=12.5)
PERSONAL_RATE = Goal(least=1_800)
WORTH = Goal(least=1.7)
FLAT_MB = Goal(most=40)
NEVER = Goal(most=0)
TICKS = os.sysconf("SC_CLK_TCK")
TEXT = {
    "schema": 1,
    "messages": [{"type": "text", "text": {"zh-TW": "雨天外送免運費，兩杯就送到！"}}],
}
CARD = {
    "schema": 1,
    "messages": [
        {
            "type": "card",
            "template": "coupon",
            "fields": {
                "title": {"zh-TW": "{name|朋友}，送你一張券"},
                "body": {"zh-TW": "你有 {points} 點，想念你的一杯茶。"},
                "coupon": "win_back",
            },
        }
    ],
}
"""A card whose name, points and coupon are each member's own."""


@dataclass(frozen=True)
class Sent:
    """One run, measured: seconds to freeze and send, CPU of all processes, calls over the limit."""

    people: int
    frozen_s: float
    sent_s: float
    cpu_s: float
    grown_mb: float
    over: int


def measure_million(workshop: Workshop, members: int = MEMBERS) -> list[Figure]:
    """Send one text to everybody."""
    sent = _measure(workshop, members, TEXT, DELAY_SECONDS)
    return [
        Figure("campaign_frozen_s", sent.frozen_s, "s", FROZEN_S),
        Figure("campaign_million_s", sent.sent_s, "s", MILLION_S),
        Figure("campaign_multicasts_over", sent.over, "calls", NEVER),
        Figure("campaign_batch_cpu_ms", 1_000 * sent.cpu_s / (members / 500), "ms"),
    ]


def measure_personal(workshop: Workshop, people: int = PEOPLE) -> list[Figure]:
    """Push everybody a card of their own, with a coupon of their own."""
    sent = _measure(workshop, people, CARD, DELAY_SECONDS)
    return [
        Figure("campaign_personal_rate", people / sent.sent_s, "/s", PERSONAL_RATE),
        Figure("campaign_personal_cpu_ms", 1_000 * sent.cpu_s / people, "ms"),
        Figure("campaign_personal_grown_mb", sent.grown_mb, "MB", FLAT_MB),
        Figure("campaign_pushes_over", sent.over, "calls", NEVER),
    ]


def measure_workers(workshop: Workshop, people: int = SLOW_PEOPLE) -> list[Figure]:
    """Send with one worker and with two while LINE takes its time."""
    one = _measure(workshop, people, TEXT, SLOW_SECONDS)
    two = _measure(workshop, people, TEXT, SLOW_SECONDS, workers=2)
    return [
        Figure("campaign_two_workers", one.sent_s / two.sent_s, "times", WORTH),
        Figure("campaign_two_workers_over", two.over, "calls", NEVER),
    ]


def _measure(
    workshop: Workshop,
    people: int,
    content: dict[str, Any],
    delay_seconds: float,
    workers: int = 1,
) -> Sent:
    with workshop.database() as database, ExitStack() as running:
        with database.engine.begin() as connection:
            _fill(connection, people)
        _vacuum(database)
        run_id = _open(database, content)
        port = running.enter_context(workshop.push_line(delay_seconds))
        environment = workshop.environment(database, line_port=port)
        before = _server_cpu()
        pids = [running.enter_context(workshop.worker(environment)) for _ in range(workers)]
        at_first, at_last = _watch(database, run_id, pids)
        cpu = _server_cpu() - before + sum(map(_own_cpu, pids))
        _check(database, run_id, people)
        told = json.loads(urllib.request.urlopen(f"http://127.0.0.1:{port}/seen").read())
        frozen, sent = _times(database, run_id)
    return Sent(people, frozen, sent, cpu, at_last - at_first, told["over"])


def _fill(connection: Connection, people: int) -> None:
    """Make members who are friends and allow marketing."""
    for statement in ("SET LOCAL session_replication_role = replica", MEMBER, FRIEND):
        clause = text(statement)
        connection.execute(clause, {"people": people} if ":people" in statement else {})


def _vacuum(database: Database) -> None:
    with database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")


def _open(database: Database, content: dict[str, Any]) -> int:
    """Open a run that is due, without a holdout."""
    now = datetime.now(UTC)
    with make_sessions(database.engine).begin() as session:
        variants = [{"code": "A", "share": 1, "content": content}]
        campaign = Campaign(
            code="bench",
            name={"zh-TW": "雨天"},
            state="running",
            segment_code=session.scalars(select(Segment.code).limit(1)).one(),
            variants=variants,
            schedule={"on": "now"},
            holdout_percent=0,
            created_by="owner",
            created_at=now,
        )
        session.add(campaign)
        session.flush()
        spec = {"code": "bench", "audience": None, "holdout_percent": 0, "variants": variants}
        run_id = open_run(session, campaign.id, spec, now, now + LATER, "bench", now)
    if run_id is None:
        raise BenchmarkError("the run could not be opened")
    return run_id


def _watch(database: Database, run_id: int, pids: list[int]) -> tuple[float, float]:
    """Wait for the run to end; return the workers' memory in MB at a quarter and at the end."""
    sessions = make_sessions(database.engine)
    until = time.monotonic() + PATIENCE_SECONDS
    at_first = 0.0
    while time.monotonic() < until:
        with sessions() as session:
            settled, all_of_it = session.execute(PROGRESS, {"run_id": run_id}).one()
            is_over = session.get_one(CampaignRun, run_id).finished_at is not None
        if not at_first and all_of_it and settled >= all_of_it / 4:
            at_first = sum(map(_memory_mb, pids))
        if is_over:
            return at_first, sum(map(_memory_mb, pids))
        time.sleep(POLL_SECONDS)
    raise BenchmarkError("the run did not end in time")


def _check(database: Database, run_id: int, people: int) -> None:
    with make_sessions(database.engine)() as session:
        proof = proof_of(session, run_id)
    if not proof.is_complete or proof.accepted != people:
        raise BenchmarkError(f"not everybody was written to: {proof}")


def _times(database: Database, run_id: int) -> tuple[float, float]:
    """Return the seconds from the run's beginning to its first try, and on to its last outcome."""
    with database.engine.connect() as connection:
        frozen, sent = connection.execute(TIMES, {"run_id": run_id}).one()
    return float(frozen), float(sent)


def _memory_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return float(status.partition("VmRSS:")[2].split()[0]) / 1024


def _stat(pid: int | str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:  # It ended meanwhile.
        return []


def _own_cpu(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS


def _server_cpu() -> float:
    """Return the CPU seconds that the database server and all its processes have used."""
    server = (DATA / "postmaster.pid").read_text("ascii").split()[0]
    used = sum(map(int, _stat(server)[11:15]))
    for each in Path("/proc").glob("[0-9]*"):
        fields = _stat(each.name)
        if fields and fields[1] == server:
            used += int(fields[11]) + int(fields[12])
    return used / TICKS


MEMBER = """
INSERT INTO member (number, card_ref, line_user_id, name, phone, language, joined_at, join_source,
    marketing_allowed, tier_id, points, spend_twd, spend_on, purchase_count)
SELECT lpad(n::text, 9, '0'), md5(n::text), 'U' || md5('line' || n), '王小明',
    '+8869' || lpad(n::text, 8, '0'), 'zh-TW', now() - interval '100 days', 'line', true,
    (SELECT min(id) FROM tier), n % 300, 0, current_date, 0
FROM generate_series(1, :people) AS n
"""
FRIEND = """
INSERT INTO friend (line_user_id, is_following, changed_at, language, source)
SELECT line_user_id, true, joined_at, 'zh-TW', 'line' FROM member
"""
PROGRESS = text("""
    SELECT count(*) FILTER (WHERE state <> 'waiting'), count(*) FROM campaign_batch
    WHERE run_id = :run_id
""")
TIMES = text("""
    SELECT extract(epoch FROM min(first_try_at) - max(run.started_at)),
        extract(epoch FROM max(settled_at) - min(first_try_at))
    FROM campaign_batch JOIN campaign_run AS run ON run.id = run_id WHERE run_id = :run_id
""")

"""How the work behind the pages goes: what waits, who works, which job was missed."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.job_run import begin_run, finish_run
from models.outbox import owe
from models.queue_health import MOST_COUNTED, read_health
from tests.conftest import NOON


def test_a_quiet_shop_has_nothing_that_waits(session: Session) -> None:
    health = read_health(session, NOON)

    assert (health.workers, health.tasks, health.runs, health.late) == ((), (), (), frozenset())
    assert [(each.name, each.count) for each in health.waiting] == [
        ("line_event", 0),
        ("outbox", 0),
        ("webhook_delivery", 0),
    ]


def test_what_is_due_and_waits_is_counted_and_slow_after_minutes(session: Session) -> None:
    words = {"shop_name": "茶日子"}
    for key, at in (("now", NOON), ("later", NOON + timedelta(hours=1))):
        owe(
            session,
            "U" + "1" * 32,
            "welcome_back",
            words,
            language="zh-TW",
            idempotency_key=key,
            now=at,
        )
    session.flush()

    outbox = read_health(session, NOON + timedelta(minutes=6)).waiting[1]

    assert (outbox.count, outbox.since) == (1, NOON)
    assert outbox.is_slow(NOON + timedelta(minutes=6))
    assert not outbox.is_slow(NOON + timedelta(minutes=4))
    assert outbox.count < MOST_COUNTED


def test_workers_that_are_heard_and_tasks_by_state_are_told(session: Session) -> None:
    heard = text("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (:at)")
    for seconds in (5, 45):
        session.execute(heard, {"at": NOON - timedelta(seconds=seconds)})
    session.execute(
        text("INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('default', :task)"),
        {"task": "regulars:move_files"},
    )

    health = read_health(session, NOON)

    assert health.workers == (NOON - timedelta(seconds=5),)
    assert [(task.name, task.state, task.count) for task in health.tasks] == [
        ("move_files", "todo", 1)
    ]


def test_each_job_shows_its_newest_run_and_a_missed_one_is_late(session: Session) -> None:
    for name, slot, began in (
        ("seal_ledger", "2026-11-21T03:30+08:00", NOON - timedelta(days=1, hours=8)),
        ("seal_ledger", "2026-11-22T03:30+08:00", NOON - timedelta(hours=8)),
        ("end_plans", "2026-11-20T00:05+08:00", NOON - timedelta(days=2)),
    ):
        begin_run(session, name, slot, began)
        finish_run(session, name, slot, 3, began)
    begin_run(session, "expire_points", "2026-11-22T00:30+08:00", NOON - timedelta(minutes=6))
    session.flush()

    health = read_health(session, NOON)

    assert [run.name for run in health.runs] == ["end_plans", "expire_points", "seal_ledger"]
    assert health.runs[2].slot == "2026-11-22T03:30+08:00"
    assert health.late == {"end_plans", "expire_points"}, "one missed, one begun and not ended"

"""The ledger's nights: what waited becomes active, and the day is sealed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from jobs import nightly, seal_ledger
from jobs.queue import run_slot
from models.member import Member
from models.points import LedgerSeal, post_points, verify_ledger
from tests.jobs.conftest import Worker

TODAY = date(2026, 11, 22)


def run(worker: Worker, name: str, slot: str = "2026-11-22T10:00+08:00") -> int:
    return run_slot(worker.context, name, slot)


def wait(worker: Worker, member: Member, points: int, until: date) -> None:
    def post(session: Any) -> None:
        post_points(
            session,
            session.get_one(Member, member.id),
            points,
            reason="purchase",
            idempotency_key=f"wait:{member.id}:{until}",
            now=worker.clock.now,
            pending_until=until,
        )

    worker.run(post)


def figures(worker: Worker, member: Member) -> tuple[int, int]:
    found: Member = worker.run(lambda session: session.get_one(Member, member.id))
    return found.points, found.points_pending


def test_pending_points_become_active_in_their_night(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pending points (section 4): the nightly job, in parts, safe to run twice."""
    monkeypatch.setattr(nightly, "PART", 2)
    due = [worker.member() for _ in range(5)]
    later = worker.member()
    for member in due:
        wait(worker, member, 10, TODAY)
    wait(worker, later, 10, TODAY + timedelta(days=1))

    assert run(worker, "activate_points", "a") == 50
    assert run(worker, "activate_points", "b") == 0

    assert [figures(worker, member) for member in due] == [(10, 0)] * 5
    assert figures(worker, later) == (0, 10)


def test_a_day_is_sealed_once(worker: Worker) -> None:
    """X6: the daily proof."""
    worker.member(points=10)
    worker.member(points=10)

    assert run(worker, "seal_ledger", "a") == 2
    assert run(worker, "seal_ledger", "b") == 0
    worker.clock.advance(days=1)
    assert run(worker, "seal_ledger", "c") == 0

    days = worker.run(
        lambda s: s.scalars(select(LedgerSeal.sealed_on).order_by(LedgerSeal.sealed_on)).all()
    )
    assert days == [TODAY, TODAY + timedelta(days=1)]
    assert worker.run(lambda session: list(verify_ledger(session))) == []


def test_a_seal_stands_back_while_somebody_posts_for_long(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def busy(_session: Any) -> int:
        tries.append(1)
        raise OperationalError("lock timeout", None, Exception())

    monkeypatch.setattr(seal_ledger, "settled_entry_id", busy)
    with pytest.raises(OperationalError):
        seal_ledger.seal_ledger(worker.sessions, now=worker.clock.now)
    assert len(tries) == seal_ledger.TRIES

"""Waiting for who writes to a table, and for nobody else."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import text

from jobs.settling import find_settled, wait_for_writers
from models.checkout import Sale, record_purchase
from tests.conftest import NOON
from tests.jobs.conftest import Worker

TABLES = ("purchase", "refund")


def settled(worker: Worker) -> set[str]:
    """Return which tables can be read to their end at once."""
    return set(find_settled(worker.sessions, TABLES, tries=1, pause_seconds=0))


def test_who_writes_is_waited_for(worker: Worker) -> None:
    member, store = worker.member(), worker.run(worker.maker.store)

    with worker.sessions.begin() as selling:
        record_purchase(selling, Sale(member.id, store, None, 100, str(uuid4())), NOON)
        selling.flush()
        assert settled(worker) == {"refund"}
        assert not wait_for_writers(worker.sessions, "purchase", tries=1, pause_seconds=0)

    assert settled(worker) == set(TABLES)
    assert wait_for_writers(worker.sessions, "purchase", tries=1, pause_seconds=0)


@pytest.mark.parametrize("work", ["SELECT * FROM purchase FOR UPDATE", "ANALYZE purchase"])
def test_who_reads_or_tidies_up_is_not(worker: Worker, work: str) -> None:
    """PostgreSQL vacuums and analyses by itself, at any moment and for as long as it takes."""
    with worker.sessions.begin() as other:
        other.execute(text(work))

        assert settled(worker) == set(TABLES)
        assert wait_for_writers(worker.sessions, "purchase", tries=1, pause_seconds=0)

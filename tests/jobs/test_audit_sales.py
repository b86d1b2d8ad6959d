"""The round that carries sales into the audit: nothing is missed, nothing twice."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from jobs import audit_sales
from jobs.timetable import ROUNDS, get_round
from models.audit import AuditEntry, verify_audit
from models.checkout import Sale, record_purchase
from tests.conftest import NOON
from tests.jobs.conftest import Worker

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class Till:
    """A clerk who sells to a few members in turn."""

    def __init__(self, worker: Worker) -> None:
        self.members = cycle([worker.member() for _ in range(4)])
        self.clerk = worker.run(worker.maker.staff)
        self.store = worker.run(worker.maker.store)

    def sell(self, session: Session, key: str) -> int:
        """Record a sale in the caller's transaction; return its id."""
        sale = Sale(next(self.members).id, self.store, self.clerk, 100, key)
        return record_purchase(session, sale, NOON).purchase.id


@pytest.fixture
def till(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> Till:
    monkeypatch.setattr(audit_sales, "PAUSE_SECONDS", 0.01)
    return Till(worker)


def carried(worker: Worker) -> list[str]:
    """Return the purchases that are in the audit."""
    found = select(AuditEntry.subject).where(AuditEntry.what == "purchase.record")
    return sorted(worker.run(lambda session: session.scalars(found).all()))


def run(worker: Worker) -> int:
    return get_round("audit_sales").job(worker.sessions, now=NOON)


def test_it_comes_round_all_day() -> None:
    assert [each.name for each in ROUNDS if each.job is audit_sales.audit_sales] == ["audit_sales"]
    with pytest.raises(KeyError):
        get_round("nobody's")


def test_new_sales_are_carried_and_then_there_is_nothing_to_do(worker: Worker, till: Till) -> None:
    """Section 4, audit: sales at the counter are in it within minutes."""
    bought = worker.run(lambda session: till.sell(session, "a"))
    assert run(worker) == 1
    assert run(worker) == 0
    assert carried(worker) == [f"purchase:{bought}"]


def test_a_sale_that_commits_late_is_not_missed(
    worker: Worker, till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Section 4, audit: its id was drawn first and committed last; the later one waits for it."""
    monkeypatch.setattr(audit_sales, "TRIES", 2)
    other = Till(worker)
    with worker.sessions.begin() as slow:
        late = till.sell(slow, "late")
        soon = worker.run(lambda session: other.sell(session, "soon"))
        assert soon > late
        assert run(worker) == 0
        assert carried(worker) == []
    assert run(worker) == 2
    assert carried(worker) == sorted([f"purchase:{late}", f"purchase:{soon}"])


def test_it_waits_a_moment_for_who_is_about_to_commit(worker: Worker, till: Till) -> None:
    is_written, may_end = threading.Event(), threading.Event()

    def sell_slowly() -> None:
        with worker.sessions.begin() as session:
            till.sell(session, "slow")
            is_written.set()
            may_end.wait(60)

    with ThreadPoolExecutor(1) as pool:
        selling = pool.submit(sell_slowly)
        is_written.wait(60)
        threading.Timer(0.02, may_end.set).start()
        entries = run(worker)
        selling.result()
    assert entries + run(worker) == 1


def test_tills_go_on_selling_while_it_runs_and_each_sale_is_carried_once(
    worker: Worker, till: Till
) -> None:
    """Section 4, audit: without keeping a till waiting; two rounds at once share the work."""
    tills = [till, *(Till(worker) for _ in range(3))]

    def sell_many(which: int) -> None:
        for number in range(10):
            worker.run(partial(tills[which].sell, key=f"{which}:{number}"))

    with ThreadPoolExecutor(6) as pool:
        selling = [pool.submit(sell_many, which) for which in range(4)]
        rounds = [pool.submit(run, worker) for _ in range(2)]
        for done in selling:
            done.result()
        entries = sum(done.result() for done in rounds)
    assert entries + run(worker) == 40
    assert len(set(carried(worker))) == len(carried(worker)) == 40
    assert worker.run(verify_audit).is_whole

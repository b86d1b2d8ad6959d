"""Webhooks in the real processes: heard of within seconds, and never lost with a worker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median
from time import monotonic
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from models.checkout import Sale, record_purchase
from models.database import create_database, drop_database
from models.points import PointsEntry
from models.webhook import WebhookDelivery
from tests.conftest import Maker
from tests.processes import PATIENCE_SECONDS, Installation, installed, wait_until
from tests.receiver import Receiver, listening

MEMBERS = 40
TAKEN = 10
"""So many calls are answered; a kill finds the next ones under way."""
LONGEST_MEDIAN_SECONDS = 5.0
ROUNDS = 3


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Yield somebody else's server."""
    with listening() as made:
        yield made


@pytest.fixture
def demo(server_url: str, pristine: str, receiver: Receiver) -> Iterator[Installation]:
    """Yield a demo with worker and clock, whose receiver an operator has just added."""
    name = f"regulars_webhooks_{uuid4().hex[:12]}"
    with installed(create_database(server_url, name, pristine), "webhooks") as made:
        made.environment["DEMO"] = "true"
        made.command(f"webhook add {receiver.url}/hooks --event points.changed")
        made.start("worker", "clock")
        yield made
    drop_database(server_url, name)


def sell(demo: Installation, *, ring: bool) -> None:
    """Record a sale for each of some new members, as the counter does."""
    with demo.sessions.begin() as session:
        maker = Maker(now=datetime.now(UTC))
        store = maker.store(session)
        for _ in range(MEMBERS):
            sale = Sale(maker.member(session).id, store, None, 450, f"test:{uuid4()}")
            record_purchase(session, sale, datetime.now(UTC))
    if ring:
        demo.ring("deliver_outbox")


def is_settled(demo: Installation, count: int) -> bool:
    """Tell whether so many deliveries are noted as taken."""
    with demo.sessions() as session:
        found = select(func.count()).where(WebhookDelivery.state == "delivered")
        return session.scalar(found) == count


def facts(demo: Installation) -> list[tuple[int, int]]:
    """Return what the ledger holds: points and balance of each entry."""
    with demo.sessions() as session:
        rows = session.execute(select(PointsEntry.points, PointsEntry.balance_after))
        return [(points, balance) for points, balance in rows]


def test_a_killed_worker_loses_no_event_and_the_next_one_is_quick(
    demo: Installation, receiver: Receiver
) -> None:
    """U7: each entry of the ledger arrives, whatever dies; the median within a few seconds."""
    receiver.answers["/hooks"] = [*[200] * TAKEN, PATIENCE_SECONDS]
    sell(demo, ring=False)  # The clock's sweep finds it.
    wait_until(lambda: len(receiver.got) > TAKEN, "the first events arrive")
    demo.kill("worker")
    assert len(receiver.got) < MEMBERS, "there was work left"
    receiver.answers["/hooks"] = [200]
    demo.start("worker")
    wait_until(lambda: is_settled(demo, MEMBERS), "every delivery is taken")

    arrived = Counter(got.event["id"] for got in receiver.got)
    assert len(arrived) == MEMBERS
    assert max(arrived.values()) <= 2, "only what was under way came twice"
    told = {got.event["id"]: got.event["data"] for got in receiver.got}
    assert Counter((one["points"], one["balance"]) for one in told.values()) == Counter(facts(demo))

    with demo.processes["clock"].standing_still():  # Only the ring brings these.
        medians = [_median_seconds(demo, receiver) for _ in range(ROUNDS)]
    assert min(medians) < LONGEST_MEDIAN_SECONDS, medians


def _median_seconds(demo: Installation, receiver: Receiver) -> float:
    """Return how long events were on their way from the sale to their receiver."""
    receiver.got.clear()
    sell(demo, ring=True)
    sold = monotonic()
    wait_until(lambda: len(receiver.got) >= MEMBERS, "the next events arrive")
    return median(got.at - sold for got in receiver.got)

"""The quota in any life, and with fifty at once: as plain Python has it, never above the cap."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.quota import QuotaEntry, QuotaHold, settle_use
from tests.conftest import NOON, Committed
from tests.models.test_quota import ask, limit, sums

RACERS = 50

# --- against a recomputation from scratch ---


@dataclass
class Book:
    """The quota as plain Python keeps it."""

    ceiling: int
    reserve: int
    held: dict[str, tuple[int, bool]] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    used: Counter[bool] = field(default_factory=Counter)

    def reserved(self, *services: bool) -> int:
        return sum(
            messages for messages, is_service in self.held.values() if is_service in services
        )

    def ask(self, key: str, wanted: int, is_service: bool) -> int:
        if key in self.held:
            return self.held[key][0]
        if key in self.done:
            return self.done[key]
        free = self.ceiling - self.used.total() - self.reserved(True, False)
        if not is_service:
            free -= max(self.reserve - self.used[True] - self.reserved(True), 0)
        granted = min(wanted, max(free, 0))
        if granted:
            self.held[key] = granted, is_service
        return granted

    def settle(self, key: str, part: float) -> int:
        if key not in self.held:
            return 0
        messages, is_service = self.held.pop(key)
        used = int(messages * part)
        self.used[is_service] += used
        if used:
            self.done[key] = used
        return used


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "settle"]),
        st.sampled_from("abcdefgh"),
        st.integers(0, 400),
        st.booleans(),
        st.sampled_from([0.0, 0.5, 1.0]),
    ),
    max_size=25,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS, ceiling=st.integers(0, 1_000), kept=st.integers(0, 300))
def test_any_life_of_the_quota_equals_a_recomputation(
    session: Session, steps: list[tuple[str, str, int, bool, float]], ceiling: int, kept: int
) -> None:
    """U2, X1: sums equal what happened and what the ledger's entries say, never above the cap."""
    book = Book(ceiling, min(kept, ceiling))
    with session.begin_nested() as nested:
        limit(session, book.ceiling, service=book.reserve)
        for verb, key, wanted, is_service, part in steps:
            if verb == "ask":
                granted = ask(session, key, wanted, service=is_service)
                assert granted == book.ask(key, wanted, is_service)
            else:
                settle_use(session, {key: book.settle(key, part)}, NOON)
        assert sums(session) == (book.used.total(), book.reserved(True, False))
        assert sum(sums(session)) <= ceiling
        assert _by_entries(session) == sums(session)
        nested.rollback()


def _by_entries(session: Session) -> tuple[int, int]:
    """Return what the ledger's entries say is used and reserved."""
    rows = select(QuotaEntry.kind, func.sum(QuotaEntry.messages)).group_by(QuotaEntry.kind)
    moved = Counter({kind: int(messages) for kind, messages in session.execute(rows)})
    return moved["use"], moved["reserve"] - moved["use"] - moved["release"]


# --- at once ---


def test_fifty_at_once_never_pass_the_ceiling(committed: Committed) -> None:
    """X1, U2: whoever comes first gets it; together they get all there is, and not one more."""
    with committed.sessions.begin() as session:
        limit(session, 1_000, service=100)
    chance = random.Random(6)
    wishes = [(f"batch-{place % 40}", chance.randint(1, 120)) for place in range(RACERS)]

    def race(wish: tuple[str, int]) -> int:
        key, wanted = wish
        with committed.sessions.begin() as session:
            granted = ask(session, key, wanted)
        with committed.sessions.begin() as session:
            settle_use(session, {key: granted // 2}, NOON)
        with committed.sessions.begin() as session:
            return ask(session, f"{key}-again", wanted)

    with ThreadPoolExecutor(RACERS) as threads:
        list(threads.map(race, wishes))
    with committed.sessions() as session:
        used, reserved = sums(session)
        assert used + reserved <= 900
        assert _by_entries(session) == (used, reserved)
        held = session.scalar(select(func.coalesce(func.sum(QuotaHold.messages), 0)))
        assert held == reserved


def test_a_month_is_opened_once_by_many(committed: Committed) -> None:
    def race(place: int) -> int:
        with committed.sessions.begin() as session:
            return ask(session, f"key-{place % 5}", 7)

    with ThreadPoolExecutor(RACERS) as threads:
        assert set(threads.map(race, range(RACERS))) == {7}
    with committed.sessions() as session:
        assert sums(session) == (0, 35)

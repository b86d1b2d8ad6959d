"""The limiter's counters: windows that end, threads that lose nothing, room that is bounded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from limits import RateLimitItemPerSecond
from limits.strategies import FixedWindowRateLimiter

from handlers import limiting
from handlers.limiting import CountingStorage

WINDOW = 60


class Time:
    """The time as a test sets it."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def time(self) -> float:
        """Return it."""
        return self.seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Return the counters' time."""
    made = Time()
    monkeypatch.setattr(limiting, "time", made)
    return made


def test_a_window_counts_and_ends(time: Time) -> None:
    storage = CountingStorage()
    assert [storage.incr("a", WINDOW), storage.incr("a", WINDOW, 3)] == [1, 4]
    assert (storage.get("a"), storage.get("b")) == (4, 0)
    assert storage.get_expiry("a") == 1_060

    time.seconds = 1_060
    assert storage.get("a") == 0
    assert storage.incr("a", WINDOW) == 1
    assert storage.get_expiry("a") == 1_120


def test_what_is_cleared_begins_anew(time: Time) -> None:
    storage = CountingStorage()
    storage.incr("a", WINDOW)
    storage.incr("b", WINDOW)

    storage.clear("a")
    assert (storage.get("a"), storage.get("b")) == (0, 1)
    assert storage.reset() == 1
    assert storage.get("b") == 0
    assert storage.check()


def test_counters_whose_time_is_over_make_room(time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiting, "MOST_COUNTED", 10)
    storage = CountingStorage()
    for number in range(30):
        time.seconds += WINDOW
        storage.incr(str(number), WINDOW)

    assert storage.reset() <= 11


def test_threads_lose_no_count() -> None:
    storage = CountingStorage()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: storage.incr("a", WINDOW), range(800)))

    assert storage.get("a") == 800


def test_it_serves_the_library_s_windows() -> None:
    limiter = FixedWindowRateLimiter(CountingStorage())
    limit = RateLimitItemPerSecond(2, 3600)

    assert [limiter.hit(limit, "x") for _ in range(3)] == [True, True, False]
    assert limiter.get_window_stats(limit, "x").remaining == 0

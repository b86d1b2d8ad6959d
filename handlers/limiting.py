"""The one limiter: how often somebody may try, at whichever door.

It counts in each web process by itself, so with several of them a limit is a little wider than it
says; a guess is still a guess a second. Storage shared by all would cost each request a trip.
"""

import threading
import time

from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from limits.storage import Storage

MOST_COUNTED = 50_000
"""From so many counters on, those whose time is over go, every few seconds."""
TIDIED_EVERY_SECONDS = 5.0


class CountingStorage(Storage):
    """Counters of fixed windows in this process. The library's own starts a thread a call."""

    STORAGE_SCHEME = ["counting"]  # noqa: RUF012 - the library reads it as it stands.

    def __init__(self, uri: str | None = None, **options: float | str | bool) -> None:
        """Begin with nothing counted."""
        super().__init__(uri, **options)  # type: ignore[arg-type]  # Its own options, passed on.
        self._counted: dict[str, tuple[int, float]] = {}
        self._tidied_at = 0.0
        self._lock = threading.Lock()

    @property
    def base_exceptions(self) -> type[Exception]:
        """Return what may be raised: nothing is asked of anybody else."""
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count `amount` more within the window of `expiry` seconds; return what that makes."""
        now = time.time()
        with self._lock:
            count, ends = self._counted.get(key, (0, 0.0))
            if ends <= now:
                self._make_room(now)
                count, ends = 0, now + expiry
            self._counted[key] = (count + amount, ends)
        return count + amount

    def get(self, key: str) -> int:
        """Return what was counted in the window of now."""
        count, ends = self._counted.get(key, (0, 0.0))
        return count if ends > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """Return the POSIX second at which the window ends; now, where nothing was counted."""
        now = time.time()
        return max(self._counted.get(key, (0, now))[1], now)

    def check(self) -> bool:
        """Tell that the counters are there."""
        return True

    def reset(self) -> int:
        """Forget all that was counted; return how many counters there were."""
        with self._lock:
            forgotten = len(self._counted)
            self._counted.clear()
        return forgotten

    def clear(self, key: str) -> None:
        """Forget one counter."""
        with self._lock:
            self._counted.pop(key, None)

    def _make_room(self, now: float) -> None:
        if len(self._counted) >= MOST_COUNTED and now - self._tidied_at >= TIDIED_EVERY_SECONDS:
            self._tidied_at = now
            self._counted = {key: kept for key, kept in self._counted.items() if kept[1] > now}


limiter = Limiter(key_func=get_remote_address, storage_uri="counting://")

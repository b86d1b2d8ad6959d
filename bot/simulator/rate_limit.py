"""Rate limits: one token bucket for each of LINE's endpoints.

Source: LINE, "Rate limits", read 2026-11.
"""

from __future__ import annotations

from dataclasses import dataclass

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
ELSEWHERE = (2_000, SECOND)

_LIMITS: dict[tuple[str, str], tuple[int, int]] = {
    ("POST", "/v2/bot/message/multicast"): (200, SECOND),
    ("POST", "/v2/bot/message/narrowcast"): (60, HOUR),
    ("POST", "/v2/bot/message/broadcast"): (60, HOUR),
    ("POST", "/v2/bot/chat/loading/start"): (100, SECOND),
    ("POST", "/v2/bot/channel/webhook/test"): (60, HOUR),
    ("GET", "/v2/bot/channel/webhook/endpoint"): (1_000, MINUTE),
    ("PUT", "/v2/bot/channel/webhook/endpoint"): (1_000, MINUTE),
    ("POST", "/v2/bot/richmenu"): (100, HOUR),
    ("DELETE", "/v2/bot/richmenu/{richMenuId}"): (100, HOUR),
    ("DELETE", "/v2/bot/richmenu/alias/{aliasId}"): (100, HOUR),
    ("GET", "/v2/bot/richmenu/list"): (10, SECOND),
    ("GET", "/v2/bot/richmenu/progress/batch"): (100, HOUR),
    ("POST", "/v2/bot/richmenu/batch"): (3, HOUR),
    ("GET", "/v2/bot/insight/message/delivery"): (60, HOUR),
    ("GET", "/v2/bot/insight/followers"): (60, HOUR),
    ("GET", "/v2/bot/insight/demographic"): (60, HOUR),
    ("GET", "/v2/bot/insight/message/event"): (60, HOUR),
    ("GET", "/v2/bot/insight/message/event/aggregation"): (60, HOUR),
    ("GET", "/v2/bot/insight/richmenu/{richMenuId}/summary"): (60, HOUR),
    ("GET", "/v2/bot/insight/richmenu/{richMenuId}/daily"): (60, HOUR),
}


@dataclass(slots=True)
class _Bucket:
    capacity: int
    window_ms: int
    tokens: float
    filled_at: int

    def take(self, now: int) -> bool:
        gained = (now - self.filled_at) * self.capacity / self.window_ms
        self.tokens = min(self.capacity, self.tokens + gained)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class RateLimits:
    """A bucket per method and route; a route's parameters do not matter."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def allow(self, method: str, route: str, *, now: int) -> bool:
        """Take one token from the endpoint's bucket; False where it is empty."""
        endpoint = (method, route)
        bucket = self._buckets.get(endpoint)
        if bucket is None:
            capacity, window_ms = _LIMITS.get(endpoint, ELSEWHERE)
            bucket = self._buckets[endpoint] = _Bucket(capacity, window_ms, capacity, now)
        return bucket.take(now)

    def forget(self) -> None:
        """Fill every bucket."""
        self._buckets.clear()

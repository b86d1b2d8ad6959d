"""Tokens with a short life: reply tokens, retry keys, stateless channel access tokens.

They live in memory: a simulator that restarts has forgotten them, as LINE forgets them in time.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from .ids import new_token

REPLY_TOKEN_MS = 60 * 1000
REDELIVERED_REPLY_TOKEN_MS = 20 * 60 * 1000
RETRY_KEY_MS = 24 * 60 * 60 * 1000
ACCESS_TOKEN_SECONDS = 900
MAX_KEPT = 500_000


@dataclass(slots=True)
class ReplyToken:
    """The right to answer one event once: until when, and whom."""

    user_id: str
    event_at: int
    expires_at: int
    used: bool = False


class ReplyTokens:
    """All reply tokens of the last twenty minutes."""

    def __init__(self) -> None:
        self.life_ms = REPLY_TOKEN_MS
        self._tokens: OrderedDict[str, ReplyToken] = OrderedDict()

    def issue(self, user_id: str, *, now: int) -> str:
        """Return a new reply token for an event of this person."""
        token = new_token()
        self.register(token, user_id, now=now)
        return token

    def register(self, token: str, user_id: str, *, now: int) -> None:
        """Make `token` valid for this person for one minute."""
        self._forget_old(now)
        self._tokens[token] = ReplyToken(user_id, now, now + self.life_ms)

    def restart(self, token: str, *, now: int) -> None:
        """Count the minute from now, when the webhook leaves (again); never past twenty minutes."""
        known = self._tokens.get(token)
        if known is not None:
            latest = known.event_at + REDELIVERED_REPLY_TOKEN_MS
            known.expires_at = min(now + self.life_ms, latest)

    def find(self, token: object, *, now: int) -> ReplyToken | None:
        """Return the token if it may still be used."""
        known = self._tokens.get(token) if isinstance(token, str) else None
        return known if known and not known.used and now <= known.expires_at else None

    def _forget_old(self, now: int) -> None:
        while self._tokens:
            oldest = next(iter(self._tokens.values()))
            young = oldest.event_at > now - REDELIVERED_REPLY_TOKEN_MS
            if young and len(self._tokens) < MAX_KEPT:
                return
            self._tokens.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request LINE accepted under a retry key."""

    at: int
    request_id: str
    sent_messages: list[dict[str, Any]] | None


class RetryKeys:
    """The retry keys accepted in the last 24 hours."""

    def __init__(self) -> None:
        self._accepted: OrderedDict[str, Accepted] = OrderedDict()

    def find(self, key: str, *, now: int) -> Accepted | None:
        """Return what was accepted under `key`."""
        accepted = self._accepted.get(key)
        return accepted if accepted and now - accepted.at < RETRY_KEY_MS else None

    def keep(self, key: str, accepted: Accepted) -> None:
        """Remember that `key` was accepted."""
        while self._accepted:
            oldest = next(iter(self._accepted.values()))
            if accepted.at - oldest.at < RETRY_KEY_MS and len(self._accepted) < MAX_KEPT:
                break
            self._accepted.popitem(last=False)
        self._accepted[key] = accepted


def is_retry_key(key: str) -> bool:
    """Tell whether `key` is a hexadecimal UUID with its hyphens."""
    try:
        return str(uuid.UUID(key)) == key.lower()
    except ValueError:
        return False


class AccessTokens:
    """The channel's long-lived token, and the stateless ones issued in the last 15 minutes."""

    def __init__(self, long_lived: str) -> None:
        self._long_lived = long_lived
        self._issued: OrderedDict[str, int] = OrderedDict()

    def issue(self, *, now: int) -> str:
        """Return a stateless token, valid for 15 minutes."""
        while self._issued and next(iter(self._issued.values())) < now:
            self._issued.popitem(last=False)
        token = new_token() + new_token()
        self._issued[token] = now + ACCESS_TOKEN_SECONDS * 1000
        return token

    def seconds_left(self, token: str, *, now: int) -> int | None:
        """Return how long `token` is still valid (0 means for ever), or None where it is not."""
        if token == self._long_lived:
            return 0
        expires_at = self._issued.get(token, 0)
        return (expires_at - now) // 1000 if expires_at > now else None

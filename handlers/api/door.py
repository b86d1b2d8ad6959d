"""The API's door: who asks, what they may, how often; and the way to the sandbox."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Flask, current_app, g, request
from flask_limiter.util import get_remote_address
from limits import RateLimitItem, RateLimitItemPerMinute
from sqlalchemy.orm import Session

from handlers import go_on_in
from handlers.api.problems import Refused
from handlers.limiting import limiter
from models.api_call import LONGEST_KEY, KeyRefused, OpenedCall, open_call, open_call_again
from models.api_key import ApiKey, ScopeMissing
from models.shop import Store

IDEMPOTENCY_HEADER = "Idempotency-Key"
CALLS = RateLimitItemPerMinute(600)
"""Of one key: ten a second, more than any till has customers."""
LOOKUPS = RateLimitItemPerMinute(60)
"""Of one key, where a person is found by phone or number: enough for a counter, few for a list."""
GUESSES = RateLimitItemPerMinute(30)
"""Of one address with keys that open nothing."""
_SANDBOX = "regulars-sandbox"
_PRINTABLE = frozenset(map(chr, range(0x21, 0x7F)))

EnterSandbox = Callable[[ApiKey], Session]


class OtherStore(Refused):
    """The key is another store's."""

    def __init__(self) -> None:
        super().__init__("other_store")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a key and its store. `idempotency_key` is None where nothing is written."""

    opened: OpenedCall
    store: Store
    idempotency_key: str | None

    @property
    def key_id(self) -> int:
        """Return the API key's id."""
        return self.opened.key_id

    def may(self, scope: str) -> bool:
        """Tell whether the key has a scope."""
        return scope in self.opened.scopes

    def row_key(self) -> str:
        """Return the key under which what the call makes is kept: `api:<key id>:<its own>`.

        A question makes nothing, and has none of its own.
        """
        return f"api:{self.opened.key_id}:{self.idempotency_key}"

    def check_store(self, store_id: int) -> None:
        """Refuse what belongs to another store. Raises OtherStore."""
        if store_id != self.store.id:
            raise OtherStore


def set_sandbox(app: Flask, enter: EnterSandbox | None) -> None:
    """Tell the door how a sandbox key's holder gets a session; None: the sandbox is closed."""
    app.extensions[_SANDBOX] = enter


def caller() -> Caller:
    """Return who asks; only behind the door."""
    found: Caller = g.caller
    return found


def enter(scopes: Sequence[str], limit: RateLimitItem | None, *, once: bool) -> Caller:
    """Let in who has a good key with one of `scopes`; with `once`, keep the twins of the call out.

    Raises KeyRefused, ScopeMissing, and Refused where the Idempotency-Key or the pace is at fault.
    """
    secret, key = _secret(), request.headers.get(IDEMPOTENCY_HEADER)
    usable = once and key is not None and _is_usable(key)
    opened = _open(secret, key if usable else None)
    g.opened_call = opened
    _count(opened.key_id, CALLS, "api-key")
    if limit is not None:
        _count(opened.key_id, limit, request.endpoint or "")
    if not set(scopes).intersection(opened.scopes):
        raise ScopeMissing(any_of=scopes)
    if once and not usable:
        missing = key is None or not key
        raise Refused("idempotency_key_missing" if missing else "idempotency_key_malformed")
    store = Store(id=opened.store_id, code=opened.store_code, name=opened.store_name)
    g.caller = Caller(opened, store, key if once else None)
    return caller()


def _secret() -> str:
    """Return what the asker calls their key. Raises KeyRefused."""
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not secret.isascii():
        raise KeyRefused
    return secret.strip()


def _is_usable(key: str) -> bool:
    return 0 < len(key) <= LONGEST_KEY and _PRINTABLE.issuperset(key)


def _open(secret: str, key: str | None) -> OpenedCall:
    """Find the key; count who comes with none of ours, by address."""
    address = get_remote_address()
    if not limiter.limiter.test(GUESSES, "api-guess", address):
        raise _too_many(GUESSES, "api-guess", address)
    try:
        opened = open_call(g.session, secret, g.now, idempotency_key=key)
    except KeyRefused:
        limiter.limiter.hit(GUESSES, "api-guess", address)
        raise
    return _open_in_sandbox(opened, key) if opened.is_sandbox else opened


def _open_in_sandbox(opened: OpenedCall, key: str | None) -> OpenedCall:
    """Go on in the sandbox, with what came of the call there before. Raises KeyRefused."""
    enter_sandbox: EnterSandbox | None = current_app.extensions[_SANDBOX]
    if enter_sandbox is None:
        raise KeyRefused
    go_on_in(enter_sandbox(g.session.get_one(ApiKey, opened.key_id)))
    return open_call_again(g.session, opened, key) if key is not None else opened


def _count(key_id: int, limit: RateLimitItem, what: str) -> None:
    """Count the call of a key, and tell its holder in headers how many are left."""
    is_within = limiter.limiter.hit(limit, what, str(key_id))
    if not is_within:
        raise _too_many(limit, what, str(key_id))
    _tell_limit(limit, what, str(key_id))


def _tell_limit(limit: RateLimitItem, *whose: str) -> int:
    """Put the limit into the answer's headers; return the seconds until it is wide again."""
    stats = limiter.limiter.get_window_stats(limit, *whose)
    seconds = max(int(stats.reset_time - time.time()) + 1, 1)
    g.limit_headers = {
        "RateLimit-Limit": str(limit.amount),
        "RateLimit-Remaining": str(stats.remaining),
        "RateLimit-Reset": str(seconds),
    }
    return seconds


def _too_many(limit: RateLimitItem, *whose: str) -> Refused:
    seconds = _tell_limit(limit, *whose)
    g.limit_headers["Retry-After"] = str(seconds)
    return Refused("too_many_requests", per_minute=limit.amount)

"""API keys: who may ask from outside and for which store, by secrets kept only as digests."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import CheckConstraint, ForeignKey, Text, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import Base, BusinessError, Identifier, Moment, find_made
from models.digest import secret_digest
from models.shop import Store

LIVE_PREFIX = "rk_live_"
SANDBOX_PREFIX = "rk_test_"
SECRET_BYTES = 32
SHOWN_LETTERS = 4
"""So many letters of the random part are kept readable, by which people tell keys apart."""
LONGEST_OVERLAP = timedelta(days=30)

READ_MEMBERS = "members:read"
WRITE_MEMBERS = "members:write"
READ_PURCHASES = "purchases:read"
WRITE_PURCHASES = "purchases:write"
WRITE_COUPONS = "coupons:write"
WRITE_CATALOGUE = "catalogue:write"
WRITE_EVENTS = "events:write"
WRITE_WEBHOOKS = "webhooks:write"
READ_SEGMENTS = "segments:read"
WRITE_SEGMENTS = "segments:write"
READ_CAMPAIGNS = "campaigns:read"
WRITE_CAMPAIGNS = "campaigns:write"
SEND_CAMPAIGNS = "campaigns:send"
READ_JOURNEYS = "journeys:read"
WRITE_JOURNEYS = "journeys:write"
SCOPES = (
    READ_MEMBERS,
    WRITE_MEMBERS,
    READ_PURCHASES,
    WRITE_PURCHASES,
    WRITE_COUPONS,
    WRITE_CATALOGUE,
    WRITE_EVENTS,
    WRITE_WEBHOOKS,
    READ_SEGMENTS,
    WRITE_SEGMENTS,
    READ_CAMPAIGNS,
    WRITE_CAMPAIGNS,
    SEND_CAMPAIGNS,
    READ_JOURNEYS,
    WRITE_JOURNEYS,
)


class ApiKey(Base):
    """One key of one store. Its secret was shown once; `digest` finds it again.

    While a till is being moved to a new secret, the older one (`old_digest`) is good as well,
    until `old_until`.
    """

    __tablename__ = "api_key"
    __table_args__ = (
        CheckConstraint("(old_digest IS NULL) = (old_until IS NULL)", name="old_secret_ends"),
    )

    id: Mapped[Identifier]
    name: Mapped[str]
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    prefix: Mapped[str]
    """The secret's first letters, such as `rk_live_a1B2`: to recognise it by, never to open."""
    digest: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    is_sandbox: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Whether it opens the sandbox, where nothing is real, and only that."""
    created_at: Mapped[Moment]
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    old_digest: Mapped[str | None] = mapped_column(unique=True)
    old_until: Mapped[datetime | None]
    idempotency_key: Mapped[str | None] = mapped_column(unique=True)
    """Of the page that asked for it; None where a command did."""
    rotation_key: Mapped[str | None]
    """Of the page that asked for its newest secret."""

    store: Mapped[Store] = relationship(lazy="joined", innerjoin=True)

    def state(self, now: datetime) -> str:
        """Return `revoked`, `expired`, `rotating` (two secrets are good) or `active`."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "rotating" if self.old_until is not None and self.old_until > now else "active"


class ScopeMissing(BusinessError):
    """The key may not do this."""

    code = "scope_missing"


class NoSuchKey(BusinessError):
    """There is no key with this id, or it was revoked or has ended."""

    code = "no_such_api_key"


class SecretShown(BusinessError):
    """The page that asks for a secret got it before, and a secret is shown once; `name` of whom."""

    code = "secret_shown"


class ScopeUnknown(BusinessError):
    """A key needs scopes, and only those there are."""

    code = "scope_unknown"


class OverlapRefused(BusinessError):
    """The older secret may stay good for 30 days at most."""

    code = "overlap_refused"


def add_api_key(
    session: Session,
    name: str,
    scopes: Sequence[str],
    now: datetime,
    *,
    store_id: int,
    is_sandbox: bool = False,
    expires_at: datetime | None = None,
    idempotency_key: str | None = None,
) -> tuple[ApiKey, str]:
    """Make a key; return it with its secret, which nobody can read again.

    Raises ScopeUnknown, or SecretShown where the same page asked before.
    """
    known = find_made(session, ApiKey, idempotency_key)
    if known is not None:
        raise SecretShown(name=known.name)
    if not scopes or set(scopes) - set(SCOPES):
        raise ScopeUnknown(scopes=sorted(set(scopes) - set(SCOPES)))
    secret = _draw_secret(is_sandbox=is_sandbox)
    key = ApiKey(
        name=name,
        store_id=store_id,
        prefix=_shown(secret),
        digest=secret_digest(secret),
        scopes=sorted(set(scopes)),
        is_sandbox=is_sandbox,
        created_at=now,
        expires_at=expires_at,
        idempotency_key=idempotency_key,
    )
    session.add(key)
    session.flush()
    return key, secret


def rotate_api_key(
    session: Session,
    key_id: int,
    now: datetime,
    *,
    overlap: timedelta,
    idempotency_key: str | None = None,
) -> tuple[ApiKey, str]:
    """Give a key a new secret and return both; the one before stays good for `overlap`.

    A secret that was being replaced already ends at once: so the same page is not to ask twice.
    Raises NoSuchKey, OverlapRefused, or SecretShown.
    """
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise OverlapRefused(longest_hours=LONGEST_OVERLAP // timedelta(hours=1))
    key = session.get(ApiKey, key_id, with_for_update={"of": ApiKey})
    if key is None or key.state(now) in ("revoked", "expired"):
        raise NoSuchKey
    if idempotency_key is not None and idempotency_key == key.rotation_key:
        raise SecretShown(name=key.name)
    secret = _draw_secret(is_sandbox=key.is_sandbox)
    key.old_digest, key.old_until = (key.digest, now + overlap) if overlap else (None, None)
    key.digest, key.prefix = secret_digest(secret), _shown(secret)
    key.rotation_key = idempotency_key
    session.flush()
    return key, secret


def revoke_api_key(session: Session, key_id: int, now: datetime) -> bool:
    """Let a key open nothing any more; tell whether it did before."""
    key = session.get(ApiKey, key_id, with_for_update={"of": ApiKey})
    if key is None or key.revoked_at is not None:
        return False
    key.revoked_at = now
    return True


def list_api_keys(session: Session) -> Sequence[ApiKey]:
    """Return all keys with their stores, the newest first."""
    return session.scalars(select(ApiKey).order_by(ApiKey.id.desc())).all()


def _draw_secret(*, is_sandbox: bool) -> str:
    prefix = SANDBOX_PREFIX if is_sandbox else LIVE_PREFIX
    return prefix + secrets.token_urlsafe(SECRET_BYTES)


def _shown(secret: str) -> str:
    return secret[: len(LIVE_PREFIX) + SHOWN_LETTERS]

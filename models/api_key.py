"""API keys: who may ask from outside, by a secret we keep only a digest of."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Text, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Identifier, Moment

PREFIX = "rk_"
SECRET_BYTES = 32
NOTED_EVERY = timedelta(minutes=1)
"""Its last use is written no oftener, so that a busy till does not fight over one row."""
READ_MEMBERS = "members:read"
SCOPES = (READ_MEMBERS, "purchases:write")


class ApiKey(Base):
    """One key. Its secret was shown once; `digest` finds it again."""

    __tablename__ = "api_key"

    id: Mapped[Identifier]
    name: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[Moment]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class KeyRefused(BusinessError):
    """No such key, or it was revoked."""

    code = "api_key_refused"


class ScopeMissing(BusinessError):
    """The key may not do this."""

    code = "scope_missing"


def add_api_key(
    session: Session, name: str, scopes: Sequence[str], now: datetime
) -> tuple[ApiKey, str]:
    """Make a key; return it with its secret, which nobody can read again."""
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    key = ApiKey(name=name, digest=_digest(secret), scopes=list(scopes), created_at=now)
    session.add(key)
    session.flush()
    return key, secret


def check_api_key(session: Session, secret: str, scope: str, now: datetime) -> ApiKey:
    """Return the key behind a secret, and note its use. Raises KeyRefused or ScopeMissing."""
    key = session.scalars(
        select(ApiKey).where(ApiKey.digest == _digest(secret), ApiKey.revoked_at.is_(None))
    ).one_or_none()
    if key is None:
        raise KeyRefused
    if scope not in key.scopes:
        raise ScopeMissing(scope=scope)
    if key.last_used_at is None or now - key.last_used_at >= NOTED_EVERY:
        key.last_used_at = now
    return key


def revoke_api_key(session: Session, key_id: int, now: datetime) -> bool:
    """Let a key open nothing any more; tell whether it did before."""
    key = session.get(ApiKey, key_id)
    if key is None or key.revoked_at is not None:
        return False
    key.revoked_at = now
    return True


def list_api_keys(session: Session) -> Sequence[ApiKey]:
    """Return all keys, the newest first."""
    return session.scalars(select(ApiKey).order_by(ApiKey.id.desc())).all()


def _digest(secret: str) -> str:
    """Return the digest of a secret of 256 random bits, which needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()

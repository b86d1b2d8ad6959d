"""A call from outside: who asks, and what came of the same call before.

A call that writes brings a key of the asker's own making, the `Idempotency-Key`. Its answer is kept
in the transaction of the deed itself, so that either both are there or neither; the same key then
brings the same answer, for a week at least. Only what was done is kept: a refusal changed nothing,
and may be asked again.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Moment, constraint_of, squeezed
from models.digest import secret_digest
from models.points import IdempotencyKeyReused

KEPT = timedelta(days=7)
"""How long an answer is kept at least: an offline till may come back after a weekend."""
LONGEST_KEY = 255
NOTED_EVERY = timedelta(minutes=1)
"""A key's last use is written no oftener, so that a busy till does not fight over one row."""

_ASKED_BY = """
SELECT k.id, k.scopes, k.store_id, s.code, s.name, k.is_sandbox, k.last_used_at, {more}
FROM api_key AS k JOIN store AS s ON s.id = k.store_id
WHERE (k.digest = %(digest)s OR (k.old_digest = %(digest)s AND k.old_until > %(now)s))
    AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > %(now)s)
"""
_OPEN = squeezed(_ASKED_BY.format(more="true, NULL"))
_TWINS_OF = """
    pg_try_advisory_xact_lock(hashtextextended({id} || ':' || %(key)s, 0)),
    (SELECT json_build_array(c.digest, c.status, c.answer, c.location) FROM api_call AS c
        WHERE c.key_id = {id} AND c.idempotency_key = %(key)s)
"""
_OPEN_ONCE = squeezed(_ASKED_BY.format(more=_TWINS_OF.format(id="k.id")))
_TWINS = squeezed("SELECT" + _TWINS_OF.format(id="%(key_id)s::bigint"))
_NOTE_USE = squeezed("""
UPDATE api_key SET last_used_at = %(now)s WHERE id = (
    SELECT id FROM api_key WHERE id = %(id)s FOR NO KEY UPDATE SKIP LOCKED)
""")
_KEEP = squeezed("""
INSERT INTO api_call (key_id, idempotency_key, digest, status, answer, location, kept_at)
VALUES (%(key_id)s, %(key)s, %(digest)s, %(status)s, %(answer)s, %(location)s, %(now)s)
""")


class ApiCall(Base):
    """One answer, kept for its repetition. It has no foreign key: it lives a week, and a check of
    each would have all calls of one till meet at that key's row."""

    __tablename__ = "api_call"
    __table_args__ = (
        CheckConstraint("length(idempotency_key) BETWEEN 1 AND 255", name="key_length"),
        CheckConstraint("status BETWEEN 200 AND 299", name="only_done"),
        Index("ix_api_call_kept_at", "kept_at", postgresql_using="brin"),
    )

    key_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    idempotency_key: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]
    """Of what was asked: method, address and content."""
    status: Mapped[int]
    answer: Mapped[str]
    location: Mapped[str | None]
    kept_at: Mapped[Moment]


class KeyRefused(BusinessError):
    """No such key, or it was revoked or has ended."""

    code = "api_key_refused"


class CallRunning(BusinessError):
    """A call with this Idempotency-Key is being worked on at this moment."""

    code = "idempotency_key_in_use"


@dataclass(slots=True, frozen=True)
class KeptAnswer:
    """What a call was answered the first time."""

    digest: str
    status: int
    answer: str
    location: str | None


@dataclass(slots=True, frozen=True)
class OpenedCall:
    """Whose call it is, and what came of it before."""

    key_id: int
    scopes: tuple[str, ...]
    store_id: int
    store_code: str
    store_name: dict[str, str]
    is_sandbox: bool
    is_alone: bool
    """Whether no other call with its Idempotency-Key is being worked on; held to the end."""
    kept: KeptAnswer | None


def open_call(
    session: Session, secret: str, now: datetime, *, idempotency_key: str | None = None
) -> OpenedCall:
    """Find who asks, and with an `idempotency_key` keep its twins out; all in one statement.

    Raises KeyRefused.
    """
    asked = {"digest": secret_digest(secret), "now": now}
    statement = _OPEN
    if idempotency_key is not None:
        statement, asked["key"] = _OPEN_ONCE, idempotency_key
    found = session.connection().exec_driver_sql(statement, asked).one_or_none()
    if found is None:
        raise KeyRefused
    *whose, last_used_at, is_alone, kept = found
    key_id, scopes, store_id, store_code, store_name, is_sandbox = whose
    if last_used_at is None or now - last_used_at >= NOTED_EVERY:
        session.connection().exec_driver_sql(_NOTE_USE, {"id": key_id, "now": now})
    return OpenedCall(
        key_id,
        tuple(scopes),
        store_id,
        store_code,
        store_name,
        is_sandbox,
        is_alone,
        _kept(kept),
    )


def open_call_again(session: Session, opened: OpenedCall, idempotency_key: str) -> OpenedCall:
    """Ask once more for the call's twins, in the world that its session sees: the sandbox."""
    is_alone, kept = (
        session.connection()
        .exec_driver_sql(_TWINS, {"key_id": opened.key_id, "key": idempotency_key})
        .one()
    )
    return replace(opened, is_alone=is_alone, kept=_kept(kept))


def answer_before(opened: OpenedCall, digest: str) -> KeptAnswer | None:
    """Return what the same call was answered before, or None.

    Raises IdempotencyKeyReused where it asked for something else, or CallRunning.
    """
    if opened.kept is None:
        if not opened.is_alone:
            raise CallRunning
        return None
    if opened.kept.digest != digest:
        raise IdempotencyKeyReused
    return opened.kept


def keep_answer(
    session: Session, opened: OpenedCall, idempotency_key: str, kept: KeptAnswer, now: datetime
) -> None:
    """Keep the answer of a call with the caller's transaction, which did what was asked.

    Raises CallRunning where a twin ended in the moment between our question and our lock: then
    nothing of this one stays, and the next try is answered with the twin's answer.
    """
    row: dict[str, Any] = {
        "key_id": opened.key_id,
        "key": idempotency_key,
        "digest": kept.digest,
        "status": kept.status,
        "answer": kept.answer,
        "location": kept.location,
        "now": now,
    }
    session.flush()
    try:
        session.connection().exec_driver_sql(_KEEP, row)
    except IntegrityError as error:
        if constraint_of(error) != "pk_api_call":
            raise
        raise CallRunning from error


def forget_calls(session: Session, now: datetime, *, limit: int) -> int:
    """Delete up to `limit` answers that were kept for a week; return how many."""
    old = (
        select(ApiCall.key_id, ApiCall.idempotency_key)
        .where(ApiCall.kept_at < now - KEPT)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .subquery()
    )
    done = session.execute(
        delete(ApiCall)
        .where(ApiCall.key_id == old.c.key_id, ApiCall.idempotency_key == old.c.idempotency_key)
        .returning(ApiCall.key_id)
    )
    return len(done.all())


def _kept(found: list[Any] | None) -> KeptAnswer | None:
    """Return a kept answer as PostgreSQL's JSON tells it."""
    return KeptAnswer(*found) if found is not None else None

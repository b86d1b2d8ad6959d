"""One-time codes by text message: who holds this phone, proved once, five minutes, five tries.

A code never stands in the database: only a keyed hash of it, and keyed digests of the phone and
of who asked. Whether a phone is a member's plays no part here, so no answer can tell it.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import CheckConstraint, Index, delete, func, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError, Identifier, Moment, one_of
from models.identity.text_message import owe_text

PURPOSES = ("join", "rebind", "change_phone")
CODE_DIGITS = 6
LIFE = timedelta(minutes=5)
TRIES = 5
MOST_PER_PHONE = 3
PHONE_WINDOW = timedelta(hours=1)
MOST_PER_ASKER = 10
ASKER_WINDOW = timedelta(hours=24)
KEPT = timedelta(days=2)
"""Longer than either window; after it nobody counts a code any more."""


class Otp(Base):
    """One code sent. It ends when used, when its tries are gone, or five minutes after."""

    __tablename__ = "otp"
    __table_args__ = (
        CheckConstraint("tries_left >= 0", name="tries_not_negative"),
        CheckConstraint(one_of("purpose", PURPOSES), name="purpose_known"),
        Index("ix_otp_phone_digest", "phone_digest", "sent_at"),
        Index("ix_otp_asker_digest", "asker_digest", "sent_at"),
        Index("ix_otp_sent_at", "sent_at"),
    )

    id: Mapped[Identifier]
    phone_digest: Mapped[str]
    asker_digest: Mapped[str]
    code_hash: Mapped[str]
    purpose: Mapped[str]
    sent_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    tries_left: Mapped[int] = mapped_column(default=TRIES)
    used_at: Mapped[datetime | None]


class TooManyCodes(BusinessError):
    """This phone, or this LINE account, was sent as many codes as we send for now."""

    code = "too_many_codes"


class Answer(StrEnum):
    """What a typed code was. An answer and no exception: a wrong try must be kept."""

    RIGHT = "right"
    WRONG = "wrong"
    OVER = "over"
    """No code waits: none was sent, its time or its tries are over, or it was used."""


@dataclass(frozen=True)
class SentCode:
    """A code on its way. `code` is for the demo's eyes only; nobody else may show or keep it."""

    code: str
    expires_at: datetime


def derive_pepper(signing_key: Ed25519PrivateKey) -> bytes:
    """Derive the key of the digests: six digits alone are guessed from a hash in a second."""
    return HKDF(hashes.SHA256(), 32, salt=None, info=b"regulars otp v1").derive(
        signing_key.private_bytes_raw()
    )


def send_code(
    session: Session,
    pepper: bytes,
    phone: str,
    *,
    purpose: str,
    asker: str,
    language: str,
    now: datetime,
) -> SentCode:
    """Draw a code for a phone (E.164) and owe its text message; `asker` is a LINE user id.

    It takes the place of the asker's code before it. Raises TooManyCodes: three a phone and
    hour, ten an asker and day.
    """
    phone_digest, asker_digest = _digest(pepper, phone), _digest(pepper, asker)
    _take_turns(session, phone_digest)
    _check_limits(session, phone_digest, asker_digest, now)
    session.execute(
        update(Otp)
        .where(
            Otp.phone_digest == phone_digest,
            Otp.asker_digest == asker_digest,
            Otp.used_at.is_(None),
        )
        .values(used_at=now)
    )
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}}"
    session.add(
        Otp(
            phone_digest=phone_digest,
            asker_digest=asker_digest,
            code_hash=_hash(pepper, phone, asker, purpose, code),
            purpose=purpose,
            sent_at=now,
            expires_at=now + LIFE,
        )
    )
    owe_text(session, phone, code, language=language, useful_until=now + LIFE, now=now)
    session.flush()
    return SentCode(code, now + LIFE)


def check_code(
    session: Session,
    pepper: bytes,
    phone: str,
    typed: str,
    *,
    purpose: str,
    asker: str,
    now: datetime,
) -> Answer:
    """Tell what a typed code is. The right one is used up, with all others for this phone.

    The caller keeps the transaction whatever the answer, else guessing would cost nothing.
    """
    phone_digest, asker_digest = _digest(pepper, phone), _digest(pepper, asker)
    _take_turns(session, phone_digest)
    row = session.scalars(
        select(Otp)
        .where(
            Otp.phone_digest == phone_digest,
            Otp.asker_digest == asker_digest,
            Otp.purpose == purpose,
            Otp.used_at.is_(None),
            Otp.expires_at > now,
            Otp.tries_left > 0,
        )
        .order_by(Otp.id.desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return Answer.OVER
    hashed = _hash(pepper, phone, asker, purpose, typed)
    if not hmac.compare_digest(row.code_hash, hashed):
        row.tries_left -= 1
        session.flush()
        return Answer.WRONG if row.tries_left else Answer.OVER
    session.execute(
        update(Otp)
        .where(Otp.phone_digest == phone_digest, Otp.used_at.is_(None))
        .values(used_at=now)
    )
    return Answer.RIGHT


def forget_codes(session: Session, now: datetime) -> int:
    """Delete codes nobody counts any more; return how many."""
    gone = session.scalars(delete(Otp).where(Otp.sent_at < now - KEPT).returning(Otp.id))
    return len(gone.all())


def _take_turns(session: Session, phone_digest: str) -> None:
    """Let one at a time ask about a phone, so that limits and tries are counted, not raced."""
    session.execute(
        text("SELECT pg_advisory_xact_lock(:key)"),
        {"key": int.from_bytes(bytes.fromhex(phone_digest[:16]), "big", signed=True)},
    )


def _check_limits(session: Session, phone_digest: str, asker_digest: str, now: datetime) -> None:
    to_phone = select(func.count()).where(
        Otp.phone_digest == phone_digest, Otp.sent_at > now - PHONE_WINDOW
    )
    by_asker = select(func.count()).where(
        Otp.asker_digest == asker_digest, Otp.sent_at > now - ASKER_WINDOW
    )
    sent_to, sent_by = session.execute(
        select(to_phone.scalar_subquery(), by_asker.scalar_subquery())
    ).one()
    if sent_to >= MOST_PER_PHONE or sent_by >= MOST_PER_ASKER:
        raise TooManyCodes


def _digest(pepper: bytes, what: str) -> str:
    return hmac.new(pepper, what.encode(), hashlib.sha256).hexdigest()


def _hash(pepper: bytes, phone: str, asker: str, purpose: str, code: str) -> str:
    return _digest(pepper, f"{phone}\n{asker}\n{purpose}\n{code}")

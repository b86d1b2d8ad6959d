"""The second factor: six digits that a person's phone works out every half minute (RFC 6238).

The secret is never kept: it is derived from the installation's secret, the person and a seed drawn
when they set it up, so that a copy of the database alone opens nothing. A code serves once. Wrong
ones are counted under the person's row lock, as PINs are; who calls `check_totp` must keep what it
wrote also where it refuses. Ten codes on paper, of which digests are kept, open the door once each.
"""

import base64
import secrets
import unicodedata
from datetime import datetime, timedelta

import pyotp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import ForeignKey, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, BusinessError
from models.digest import secret_digest
from models.staff import (
    KEYS_STAY,
    MARKETER,
    OWNER,
    Staff,
    get_staff_to_manage,
    note_staff,
)

ISSUER = "Regulars 常客"
REQUIRED_OF = (OWNER, MARKETER)
"""Whoever may publish rules or write to everybody needs it."""
STEP_SECONDS = 30
STEPS_LATE = 1
"""A code of the step before counts too: people type slowly and phones go wrong a little."""
SECRET_BYTES = 20
SEED_BYTES = 16
MOST_TRIES = 5
LOCKED_FOR = timedelta(minutes=15)
PAPER_CODES = 10
PAPER_BYTES = 5
PAPER_LENGTH = 8


class RecoveryCode(Base):
    """One code on paper: used once, in place of the phone."""

    __tablename__ = "recovery_code"

    staff_id: Mapped[int] = mapped_column(
        ForeignKey("staff.id", ondelete="CASCADE"), primary_key=True
    )
    digest: Mapped[str] = mapped_column(primary_key=True)
    used_at: Mapped[datetime | None]


class WrongTotp(BusinessError):
    """The code is wrong, or was used before; `left` tells how many more may be."""

    code = "wrong_totp"


class TotpLocked(BusinessError):
    """Too many wrong ones; `minutes` tells how long to wait."""

    code = "totp_locked"


class TotpNotBegun(BusinessError):
    """Nothing was set up that a code could confirm."""

    code = "totp_not_begun"


def is_totp_required(staff: Staff) -> bool:
    """Tell whether this person's role is let in with a second factor only."""
    return staff.role in REQUIRED_OF


def begin_totp(staff: Staff) -> None:
    """Draw a new seed; it counts once a code was confirmed. Harmless where none was before."""
    staff.totp_seed, staff.totp_at, staff.totp_step = secrets.token_hex(SEED_BYTES), None, None


def totp_secret(staff: Staff, installation_secret: str) -> str:
    """Return the secret of a person's phone, base32. Raises TotpNotBegun."""
    if staff.totp_seed is None:
        raise TotpNotBegun
    derived = HKDF(
        hashes.SHA256(), SECRET_BYTES, salt=None, info=f"regulars totp v1 {staff.id}".encode()
    ).derive(f"{installation_secret} {staff.totp_seed}".encode())
    return base64.b32encode(derived).decode()


def totp_uri(staff: Staff, installation_secret: str, shop_name: str) -> str:
    """Return what the QR code shows to an authenticator app."""
    totp = pyotp.TOTP(totp_secret(staff, installation_secret), interval=STEP_SECONDS)
    return totp.provisioning_uri(name=f"{staff.username} ({shop_name})", issuer_name=ISSUER)


def confirm_totp(
    session: Session, staff: Staff, installation_secret: str, code: str, now: datetime
) -> list[str]:
    """Put the second factor in force by a first code; return ten codes for paper, shown this once.

    Raises TotpNotBegun, WrongTotp or TotpLocked; the latter two are to be kept as well.
    """
    if staff.totp_seed is None:
        raise TotpNotBegun
    held = _hold(session, staff.id, now)
    _use_step(session, held, installation_secret, code, now)
    held.totp_at = now
    note_staff(session, "staff.totp_set", held, held, now)
    return renew_paper_codes(session, held)


def renew_paper_codes(session: Session, staff: Staff) -> list[str]:
    """Give a person new codes on paper; the old ones are good no more."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff.id))
    drawn = [_draw_paper_code() for _ in range(PAPER_CODES)]
    session.add_all(RecoveryCode(staff_id=staff.id, digest=secret_digest(each)) for each in drawn)
    session.flush()
    return drawn


def count_paper_codes(session: Session, staff: Staff) -> int:
    """Return how many codes on paper are left."""
    unused = select(func.count()).where(
        RecoveryCode.staff_id == staff.id, RecoveryCode.used_at.is_(None)
    )
    return session.scalars(unused).one()


def check_totp(
    session: Session, staff_id: int, installation_secret: str, typed: str, now: datetime
) -> Staff:
    """Return the person whose code this is, of the phone or of the paper; it serves this once.

    Raises WrongTotp or TotpLocked, to be kept as well.
    """
    held = _hold(session, staff_id, now)
    code = "".join(typed.split()).replace("-", "")
    if len(code) == PAPER_LENGTH:
        _use_paper_code(session, held, code.upper(), now)
    else:
        _use_step(session, held, installation_secret, code, now)
    return held


def reset_totp(session: Session, staff_id: int, *, by: Staff | None, now: datetime) -> Staff:
    """Take a lost phone's factor away and end the person's sessions; they set it up anew.

    Raises NoSuchStaff or NotTheirsToManage.
    """
    staff = get_staff_to_manage(session, staff_id, by)
    staff.totp_seed = staff.totp_at = staff.totp_step = staff.totp_locked_until = None
    staff.totp_tries = 0
    staff.session_version += 1
    session.execute(delete(RecoveryCode).where(RecoveryCode.staff_id == staff.id))
    note_staff(session, "staff.totp_reset", staff, by, now)
    return staff


def _hold(session: Session, staff_id: int, now: datetime) -> Staff:
    staff = session.get(Staff, staff_id, with_for_update=KEYS_STAY, populate_existing=True)
    if staff is None or not staff.is_active:
        raise WrongTotp(left=None)
    if staff.totp_locked_until is not None and now < staff.totp_locked_until:
        wait = staff.totp_locked_until - now
        raise TotpLocked(minutes=-(-int(wait.total_seconds()) // 60))
    return staff


def _use_step(session: Session, staff: Staff, secret: str, code: str, now: datetime) -> None:
    totp = pyotp.TOTP(totp_secret(staff, secret), interval=STEP_SECONDS)
    typed = unicodedata.normalize("NFKC", code).encode()  # A Chinese keyboard types １２３.
    current = int(now.timestamp()) // STEP_SECONDS
    for step in range(current - STEPS_LATE, current + STEPS_LATE + 1):
        is_new = staff.totp_step is None or step > staff.totp_step
        if is_new and secrets.compare_digest(totp.generate_otp(step).encode(), typed):
            staff.totp_step = step
            _forgive(staff)
            return
    raise _counted(session, staff, now)


def _use_paper_code(session: Session, staff: Staff, code: str, now: datetime) -> None:
    used = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.staff_id == staff.id,
            RecoveryCode.digest == secret_digest(code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCode.staff_id)
    ).one_or_none()
    if used is None:
        raise _counted(session, staff, now)
    _forgive(staff)
    note_staff(session, "staff.totp_paper", staff, staff, now)


def _forgive(staff: Staff) -> None:
    staff.totp_tries, staff.totp_locked_until = 0, None


def _counted(session: Session, staff: Staff, now: datetime) -> BusinessError:
    staff.totp_tries += 1
    left = MOST_TRIES - staff.totp_tries
    if left > 0:
        return WrongTotp(left=left)
    staff.totp_tries, staff.totp_locked_until = 0, now + LOCKED_FOR
    note_staff(session, "staff.totp_lock", staff, None, now)
    return TotpLocked(minutes=LOCKED_FOR.seconds // 60)


def _draw_paper_code() -> str:
    return base64.b32encode(secrets.token_bytes(PAPER_BYTES)).decode()

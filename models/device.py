"""Devices: the phones and tablets that stand at a counter, each enrolled for one store.

A device is known by a secret in its cookie, of which we keep a digest. It is enrolled by who
manages, on the device itself, or with a code that they made elsewhere: good once, for a quarter of
an hour. Revoking a device ends at once what it does.
"""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import CheckConstraint, ForeignKey, Index, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.audit import note
from models.base import Base, BusinessError, Identifier, Moment
from models.digest import secret_digest
from models.shop import Store
from models.staff import KEYS_STAY, Staff

SECRET_BYTES = 32
LONGEST_NAME = 30
SEEN_EVERY = timedelta(minutes=1)
"""That a device was seen is written no oftener, so that its requests do not fight over one row."""
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without what looks alike on a screen across the room."""
CODE_LENGTH = 8
CODE_LIFE = timedelta(minutes=15)
CODES_KEPT = timedelta(days=1)
SKEW_STEP_MS = 1000
SKEW_EVERY = timedelta(days=1)
LARGEST_SKEW_MS = 2**31 - 1
"""What the column holds; a clock further off is as wrong."""


class Device(Base):
    """One phone, tablet or till at a counter. It is never deleted: sales and the audit name it."""

    __tablename__ = "device"
    __table_args__ = (
        CheckConstraint("name <> ''", name="named"),
        CheckConstraint("(skew_ms IS NULL) = (skew_at IS NULL)", name="skew_when"),
    )

    id: Mapped[Identifier]
    name: Mapped[str]
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    digest: Mapped[str] = mapped_column(unique=True)
    """Of the secret in its cookie, which nobody can read again."""
    enrolled_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    """None where a command, or the demo, let it in."""
    enrolled_at: Mapped[Moment]
    last_seen_at: Mapped[Moment]
    revoked_at: Mapped[datetime | None]
    skew_ms: Mapped[int | None]
    """How far its clock is ahead of ours (below zero: behind), as last measured at `skew_at`."""
    skew_at: Mapped[datetime | None]

    store: Mapped[Store] = relationship(lazy="joined", innerjoin=True)

    @property
    def label(self) -> str:
        """Return what the audit calls it: its number tells two of one name apart."""
        return f"#{self.id} {self.name}"


class DeviceCode(Base):
    """A code that enrols one device for a store, once, until it expires."""

    __tablename__ = "device_code"
    __table_args__ = (
        CheckConstraint("(used_at IS NULL) = (device_id IS NULL)", name="used_by_a_device"),
        Index("ix_device_code_expires_at", "expires_at"),
    )

    id: Mapped[Identifier]
    digest: Mapped[str] = mapped_column(unique=True)
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    made_by: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    made_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    used_at: Mapped[datetime | None]
    device_id: Mapped[int | None] = mapped_column(ForeignKey("device.id"))


class DeviceNameRefused(BusinessError):
    """A device needs a name, of at most `longest` characters."""

    code = "device_name_refused"


class CodeRefused(BusinessError):
    """No such code, or it was used, or it is over."""

    code = "enrolment_code_refused"


class NoSuchDevice(BusinessError):
    """No device has this id, or it was revoked before."""

    code = "no_such_device"


def enrol_device(
    session: Session, name: str, store: Store, *, by: Staff | None, now: datetime
) -> tuple[Device, str]:
    """Let a device in; return it with the secret for its cookie. Raises DeviceNameRefused."""
    return _enrol(session, name, store.id, by=by.id if by else None, now=now)


def make_enrolment_code(
    session: Session, store: Store, *, by: Staff | None, now: datetime
) -> tuple[DeviceCode, str]:
    """Make a code to type on the device that is to be enrolled; only its digest is kept."""
    typed = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    code = DeviceCode(
        digest=secret_digest(typed),
        store_id=store.id,
        made_by=by.id if by else None,
        made_at=now,
        expires_at=now + CODE_LIFE,
    )
    session.add(code)
    session.flush()
    note(
        session,
        "device.code",
        f"device_code:{code.id}",
        now=now,
        staff_id=code.made_by,
        store_id=store.id,
    )
    return code, typed


def enrol_with_code(session: Session, typed: str, name: str, now: datetime) -> tuple[Device, str]:
    """Use a code up and let a device in; return it with its secret.

    The code's row is locked, so of two devices at once one gets in. Raises CodeRefused or
    DeviceNameRefused.
    """
    wanted = "".join(typed.split()).upper()
    code = session.scalars(
        select(DeviceCode)
        .where(
            DeviceCode.digest == secret_digest(wanted),
            DeviceCode.used_at.is_(None),
            DeviceCode.expires_at > now,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if code is None:
        raise CodeRefused
    device, secret = _enrol(session, name, code.store_id, by=code.made_by, now=now)
    code.used_at, code.device_id = now, device.id
    session.flush()
    return device, secret


def forget_enrolment_codes(session: Session, now: datetime) -> int:
    """Delete codes that nobody can use any more; return how many. The audit keeps who made them."""
    gone = session.scalars(
        delete(DeviceCode).where(DeviceCode.expires_at < now - CODES_KEPT).returning(DeviceCode.id)
    )
    return len(gone.all())


def find_device(session: Session, secret: str) -> Device | None:
    """Return the device whose cookie holds this secret, or None where it was revoked."""
    return session.scalars(
        select(Device).where(Device.digest == secret_digest(secret), Device.revoked_at.is_(None))
    ).one_or_none()


def is_secret_of(device: Device, secret: str) -> bool:
    """Tell whether a cookie's secret is the device's."""
    return secrets.compare_digest(device.digest, secret_digest(secret))


def note_seen(session: Session, device: Device, now: datetime) -> None:
    """Write down, at most once a minute, that the device is at work."""
    if now - device.last_seen_at < SEEN_EVERY:
        return
    session.execute(
        update(Device)
        .where(Device.id == device.id, Device.last_seen_at <= now - SEEN_EVERY)
        .values(last_seen_at=now)
        .execution_options(synchronize_session=False)
    )


def note_skew(session: Session, device: Device, skew_ms: int, now: datetime) -> None:
    """Write down how far the device's clock is ahead of ours (below zero: behind), as it measured.

    No statement where it is known already and the measurement is not a day old.
    """
    known = device.skew_ms
    if known is not None and device.skew_at is not None:
        is_same = abs(known - skew_ms) < SKEW_STEP_MS
        if is_same and now - device.skew_at < SKEW_EVERY:
            return
    device.skew_ms = max(min(skew_ms, LARGEST_SKEW_MS), -LARGEST_SKEW_MS)
    device.skew_at = now
    session.flush()


def revoke_device(session: Session, device_id: int, *, by: Staff | None, now: datetime) -> Device:
    """Let a device do nothing any more. Raises NoSuchDevice."""
    device = session.get(Device, device_id, with_for_update=KEYS_STAY)
    if device is None or device.revoked_at is not None:
        raise NoSuchDevice
    device.revoked_at = now
    _note(session, "device.revoke", device, by.id if by else None, now)
    session.flush()
    return device


def list_devices(session: Session) -> list[tuple[Device, str | None]]:
    """Return each device with who enrolled it: those in use first, the newest first."""
    rows = session.execute(
        select(Device, Staff.name)
        .join(Staff, Staff.id == Device.enrolled_by, isouter=True)
        .order_by(Device.revoked_at.is_not(None), Device.id.desc())
    )
    return [(device, enrolled_by) for device, enrolled_by in rows]


def _enrol(
    session: Session, name: str, store_id: int, *, by: int | None, now: datetime
) -> tuple[Device, str]:
    known = " ".join(name.split())
    if not 0 < len(known) <= LONGEST_NAME:
        raise DeviceNameRefused(longest=LONGEST_NAME)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    device = Device(
        name=known,
        store_id=store_id,
        digest=secret_digest(secret),
        enrolled_by=by,
        enrolled_at=now,
        last_seen_at=now,
    )
    session.add(device)
    session.flush()
    _note(session, "device.enrol", device, by, now)
    return device, secret


def _note(session: Session, what: str, device: Device, by: int | None, now: datetime) -> None:
    note(
        session,
        what,
        f"device:{device.id}",
        now=now,
        staff_id=by,
        store_id=device.store_id,
        after={"device": device.label},
    )

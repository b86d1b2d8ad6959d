"""Shifts: who stood at which counter, from when to when.

A sign-in opens one, sign-out or the next person's sign-in on the device ends it, and what was
forgotten ends by itself. A row says who, where and since when, and never changes; its end is
written once. The database keeps both, and one open shift a device.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Identifier, Moment, one_of
from models.device import Device
from models.digest import secret_digest
from models.local_day import day_start, local_day
from models.purchase import Purchase
from models.shop import Shop, Store
from models.staff import KEYS_STAY, Staff

FORGOTTEN_AFTER = timedelta(hours=4)
"""A device at rest for so long has been left: its shift ended when it was last seen."""
ENDED_BY = ("sign_out", "next", "revoked", "forgotten")


class Shift(Base):
    """One person's time at one device of one store."""

    __tablename__ = "shift"
    __table_args__ = (
        CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="ended_somehow"),
        CheckConstraint("ended_at >= started_at", name="ends_after_start"),
        CheckConstraint(one_of("ended_by", ENDED_BY), name="ended_by_known"),
        Index("ix_shift_open", "device_id", unique=True, postgresql_where="ended_at IS NULL"),
        Index("ix_shift_staff_id", "staff_id", "started_at"),
    )

    id: Mapped[Identifier]
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    store_id: Mapped[int] = mapped_column(ForeignKey("store.id"))
    started_at: Mapped[Moment]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]


@dataclass(frozen=True)
class AtWork:
    """Who works which counter: all that the counter's door asks of the database."""

    shift: Shift
    staff: Staff
    device: Device
    store: Store
    shop: Shop


@dataclass(frozen=True)
class Worked:
    """What somebody sold to members in a while: how many sales, and the NT$ paid in them."""

    count: int
    paid_twd: int


def start_shift(session: Session, staff: Staff, device: Device, now: datetime) -> Shift:
    """Open a person's shift at a device; another one that was open there ends.

    Who signs in again on the same device goes on with the shift they have, unless they forgot to
    end it hours ago.
    """
    session.refresh(device, with_for_update=KEYS_STAY)  # Two sign-ins at once come in turn.
    seen_at, device.last_seen_at = device.last_seen_at, now
    standing = session.scalars(
        select(Shift)
        .where(Shift.device_id == device.id, Shift.ended_at.is_(None))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if standing is not None and now - seen_at > FORGOTTEN_AFTER:
        end_shift(standing, "forgotten", seen_at)
    elif standing is not None and standing.staff_id == staff.id:
        return standing
    elif standing is not None:
        end_shift(standing, "next", now)
    session.flush()
    shift = Shift(staff_id=staff.id, device_id=device.id, store_id=device.store_id, started_at=now)
    session.add(shift)
    session.flush()
    return shift


def end_shift(shift: Shift, ended_by: str, now: datetime) -> None:
    """End a shift; one that is over stays as it is."""
    if shift.ended_at is None:
        shift.ended_at, shift.ended_by = max(now, shift.started_at), ended_by


def end_shifts_on(session: Session, device_id: int, now: datetime) -> None:
    """End what goes on at a device that was revoked."""
    for shift in session.scalars(
        select(Shift).where(Shift.device_id == device_id, Shift.ended_at.is_(None))
    ):
        end_shift(shift, "revoked", now)
    session.flush()


def end_forgotten_shifts(session: Session, now: datetime) -> int:
    """End the shifts at devices nobody touched for hours, as of when they were last seen.

    Return how many.
    """
    ended = session.scalars(
        update(Shift)
        .where(
            Shift.ended_at.is_(None),
            Shift.device_id == Device.id,
            Device.last_seen_at < now - FORGOTTEN_AFTER,
        )
        .values(ended_at=func.greatest(Device.last_seen_at, Shift.started_at), ended_by="forgotten")
        .returning(Shift.id)
        .execution_options(synchronize_session=False)
    )
    return len(ended.all())


def find_at_work(
    session: Session, shift_id: int, session_version: int, device_secret: str
) -> AtWork | None:
    """Return who works where by what a counter's two cookies say, or None where it is over.

    One statement: every request of a counter asks it.
    """
    found: Any = session.execute(
        select(Shift, Staff, Device, Store, Shop)
        .join(Staff, Staff.id == Shift.staff_id)
        .join(Device, Device.id == Shift.device_id)
        .join(Store, Store.id == Shift.store_id)
        .join(Shop, Shop.id == Store.shop_id)
        .where(
            Shift.id == shift_id,
            Shift.ended_at.is_(None),
            Staff.session_version == session_version,
            Staff.is_active,
            Device.digest == secret_digest(device_secret),
            Device.revoked_at.is_(None),
        )
    ).one_or_none()
    return AtWork(*found) if found is not None else None


def worked_in(session: Session, shift: Shift, now: datetime) -> Worked:
    """Return what the person of a shift has sold in it so far, at whatever counter."""
    return _sold(session, shift.staff_id, shift.started_at, shift.ended_at or now)


def worked_today(session: Session, staff_id: int, now: datetime) -> Worked:
    """Return what a person has sold today."""
    return _sold(session, staff_id, day_start(local_day(now)), now)


def _sold(session: Session, staff_id: int, since: datetime, until: datetime) -> Worked:
    counted = session.execute(
        select(func.count(), func.coalesce(func.sum(Purchase.paid_twd), 0)).where(
            Purchase.staff_id == staff_id,
            Purchase.purchased_at >= since,
            Purchase.purchased_at <= until,
            Purchase.undone_at.is_(None),
        )
    ).one()
    return Worked(*counted)

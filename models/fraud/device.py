"""Devices: how many sales one tablet or till made, counted in steps of five minutes.

Nothing else names a device, so it has a counter. One device makes one sale at a time: nobody
waits for its row.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Moment

BUCKET = timedelta(minutes=5)
"""How fine a device is counted; a window is rounded up to whole buckets."""
KEPT = timedelta(days=2)


class DeviceCount(Base):
    """How many sales one device made within five minutes from `bucket` on."""

    __tablename__ = "device_count"

    device: Mapped[str] = mapped_column(primary_key=True)
    bucket: Mapped[Moment] = mapped_column(primary_key=True)
    count: Mapped[int]


def count_on_device(
    session: Session, device: str, since: Sequence[datetime], now: datetime
) -> list[int]:
    """Count one more sale, and return how many there were since each of these moments."""
    seconds = int(BUCKET.total_seconds())
    bucket = datetime.fromtimestamp(int(now.timestamp()) // seconds * seconds, now.tzinfo)
    upsert = insert(DeviceCount).values(device=device, bucket=bucket, count=1)
    session.execute(
        upsert.on_conflict_do_update(
            index_elements=[DeviceCount.device, DeviceCount.bucket],
            set_={"count": DeviceCount.count + 1},
        )
    )
    sums = (
        select(func.coalesce(func.sum(DeviceCount.count), 0))
        .where(DeviceCount.device == device, DeviceCount.bucket > moment - BUCKET)
        .scalar_subquery()
        for moment in since
    )
    return [int(count) for count in session.execute(select(*sums)).one()]


def forget_device_counts(session: Session, now: datetime) -> int:
    """Delete counts nobody asks for any more; return how many."""
    gone = session.scalars(
        delete(DeviceCount).where(DeviceCount.bucket < now - KEPT).returning(DeviceCount.device)
    )
    return len(gone.all())

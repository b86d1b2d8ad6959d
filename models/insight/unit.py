"""LINE's own statistics of a run, by its unit name: what LINE tells, and nothing made up.

LINE counts for 14 days after sending, by days of UTC+9, and tells a figure only where it is at
least 20: below that it says null, and so do we (LINE, Get statistics per unit, read 2026-11).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, Day, Moment
from models.sending.table import CampaignRun

STATISTICS_ZONE = timezone(timedelta(hours=9))
COUNTED_DAYS = 14
"""So long after sending LINE goes on counting."""
READ_EVERY = timedelta(hours=20)
"""One figure a day, also where the round before came a little late."""
MOST_READ = 50
"""A round, an hour: LINE answers 60 such questions an hour."""


class UnitFigure(Base):
    """What LINE counted of everything sent under one unit name, as it was read last.

    NULL where LINE did not tell: fewer than 20, or nothing counted yet.
    """

    __tablename__ = "unit_figure"
    __table_args__ = (
        CheckConstraint("from_on <= to_on", name="days_in_order"),
        CheckConstraint("unit_name ~ '^[A-Za-z0-9_]{1,30}$'", name="unit_name_of_line"),
        Index(None, "read_at"),
    )

    unit_name: Mapped[str] = mapped_column(primary_key=True)
    from_on: Mapped[Day]
    to_on: Mapped[Day]
    unique_impressions: Mapped[int | None]
    """People on whose screen a bubble was wholly seen."""
    unique_clicks: Mapped[int | None]
    """People who opened a link."""
    unique_plays: Mapped[int | None]
    """People who started a video or sound."""
    urls: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    """`[{"url": …, "clicks": 25, "unique_clicks": null}]`, as LINE lists them."""
    read_at: Mapped[Moment]


@dataclass(frozen=True)
class Asked:
    """A unit name to ask LINE about, with the first and the last day of its counting."""

    unit_name: str
    from_on: date
    to_on: date


def statistics_day(moment: datetime) -> date:
    """Return the day of LINE's statistics in which a moment lies."""
    return moment.astimezone(STATISTICS_ZONE).date()


def list_units_to_read(session: Session, now: datetime, *, limit: int = MOST_READ) -> list[Asked]:
    """Return the unit names of the last days' runs that were not read today, the longest ago first.

    Names of a month beyond LINE's thousand are not asked for: LINE did not count them.
    """
    first_sent = func.min(CampaignRun.started_at)
    rows = session.execute(
        select(CampaignRun.unit_name, first_sent)
        .outerjoin(UnitFigure, UnitFigure.unit_name == CampaignRun.unit_name)
        .where(
            CampaignRun.started_at > now - timedelta(days=COUNTED_DAYS + 1),
            or_(UnitFigure.read_at.is_(None), UnitFigure.read_at <= now - READ_EVERY),
        )
        .group_by(CampaignRun.unit_name, UnitFigure.read_at)
        .order_by(UnitFigure.read_at.asc().nulls_first(), first_sent, CampaignRun.unit_name)
        .limit(limit)
    )
    today = statistics_day(now)
    return [
        Asked(name, first := statistics_day(started), min(today, first + timedelta(COUNTED_DAYS)))
        for name, started in rows
        if started is not None
    ]


def keep_unit_figure(
    session: Session,
    asked: Asked,
    now: datetime,
    *,
    impressions: int | None,
    clicks: int | None,
    plays: int | None,
    urls: Sequence[dict[str, Any]],
) -> None:
    """Keep what LINE said of a unit name in the place of what it said before."""
    row = {
        "from_on": asked.from_on,
        "to_on": asked.to_on,
        "unique_impressions": impressions,
        "unique_clicks": clicks,
        "unique_plays": plays,
        "urls": list(urls),
        "read_at": now,
    }
    session.execute(
        insert(UnitFigure)
        .values(unit_name=asked.unit_name, **row)
        .on_conflict_do_update(index_elements=[UnitFigure.unit_name], set_=row)
    )


def figures_of(session: Session, unit_names: Sequence[str]) -> dict[str, UnitFigure]:
    """Return what LINE said of these unit names, by name; a name never read is absent."""
    found = session.scalars(select(UnitFigure).where(UnitFigure.unit_name.in_(unit_names)))
    return {row.unit_name: row for row in found}

"""The tables of KPIs: what each counts, version by version, and its totals day by day."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, BusinessError, Day, Identifier, Moment, Translated


class Kpi(Base):
    """One version of a KPI. What it counts never changes; the newest version is measured.

    Its code is the name of the members' metric, so tiers, rules and scores can go by it.
    """

    __tablename__ = "kpi"
    __table_args__ = (UniqueConstraint("code", "version"),)

    id: Mapped[Identifier]
    code: Mapped[str]
    version: Mapped[int]
    name: Mapped[Translated]
    query: Mapped[dict[str, Any]] = mapped_column(JSONB)
    set_by: Mapped[str]
    set_at: Mapped[Moment]
    ended_at: Mapped[datetime | None]
    """When it was no longer to be measured, of the newest version."""


class KpiValue(Base):
    """What a KPI came to on one whole day; told anew for a few days, for sales that come late."""

    __tablename__ = "kpi_value"

    code: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[Day] = mapped_column(primary_key=True)
    version: Mapped[int]
    """By which version it was measured."""
    total: Mapped[int] = mapped_column(BigInteger)
    members: Mapped[int]
    """How many members have a part in it."""
    measured_at: Mapped[Moment]


class NoSuchKpi(BusinessError):
    """There is no KPI with this code, or it ended."""

    code = "no_such_kpi"


class TooManyKpis(BusinessError):
    """As many KPIs are measured as one may; `most` says how many."""

    code = "too_many_kpis"

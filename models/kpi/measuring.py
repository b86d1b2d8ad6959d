"""Measuring KPIs: each member's part into their metrics, the total of a day into its history.

A KPI is measured as of whole days: the night measures yesterday, and the days before once more,
for sales that came late. Measured twice it is the same.
"""

from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.base import BusinessError, squeezed
from models.kpi.query import Query, parse_query
from models.kpi.table import Kpi, KpiValue
from models.local_day import local_day

LATE_DAYS = 3
"""Totals of so many days are measured each night."""
PREVIEW_DAYS = 7


class DayNotOver(BusinessError):
    """The day lies ahead, so nothing of it can be counted; `today` says which is the last."""

    code = "day_not_over"


def measure_kpi(session: Session, kpi: Kpi, on: date, now: datetime) -> KpiValue:
    """Measure a KPI as of the end of a day, today at the latest; return its total.

    Members get their part as of the newest day that was measured. Who no longer has one gets 0.
    Raises DayNotOver.
    """
    if on > local_day(now):
        raise DayNotOver(day=on, today=local_day(now))
    query = parse_query(kpi.query)
    asked = query.bound(on) | {"code": kpi.code, "on": on, "version": kpi.version, "now": now}
    session.execute(text(_total_of(query.rows())), asked)
    if _is_newest(session, kpi.code, on):
        session.execute(text(_parts_of(query.rows())), asked)
    return session.get_one(KpiValue, (kpi.code, on), populate_existing=True)


def preview_kpi(session: Session, query: Query, on: date) -> tuple[int, int]:
    """Return what a query comes to at the end of a day, and how many members have a part in it.

    Nothing is kept. Of a long window only the last days are looked at, so that nobody waits.
    """
    days = PREVIEW_DAYS if query.window_days is None else min(query.window_days, PREVIEW_DAYS)
    asked = replace(query, window_days=days).bound(on)
    total, members = session.execute(text(_sum_of(query.rows())), asked).one()
    return int(total), members


def days_to_measure(now: datetime) -> list[date]:
    """Return the days a night measures, the last one last."""
    today = local_day(now)
    return [today - timedelta(days=ago) for ago in range(LATE_DAYS, 0, -1)]


def _is_newest(session: Session, code: str, on: date) -> bool:
    newest = text("SELECT max(day) FROM kpi_value WHERE code = :code")
    newest_on: date = session.scalars(newest, {"code": code}).one()
    return newest_on <= on


def _total_of(rows: str) -> str:
    return squeezed(f"""
        INSERT INTO kpi_value (code, day, version, total, members, measured_at)
        SELECT :code, :on, :version, told.total, told.members, :now
        FROM ({_sum_of(rows)}) AS told (total, members)
        ON CONFLICT (code, day) DO UPDATE SET version = excluded.version, total = excluded.total,
            members = excluded.members, measured_at = excluded.measured_at
    """)  # noqa: S608  # Of our own words only.


def _sum_of(rows: str) -> str:
    return squeezed(f"""
        SELECT coalesce(sum(part.value), 0),
            count(DISTINCT part.member_id) FILTER (WHERE part.value <> 0)
        FROM (SELECT told.member_id, sum(told.value) AS value FROM ({rows}) AS told
            GROUP BY told.member_id) AS part
    """)  # noqa: S608  # Of our own words only.


def _parts_of(rows: str) -> str:
    """Return the statement that writes each member's part; only what changed is written."""
    return squeezed(f"""
        WITH part AS (
            SELECT told.member_id, sum(told.value) AS value FROM ({rows}) AS told
            JOIN member ON member.id = told.member_id AND member.erased_at IS NULL
            GROUP BY told.member_id
        )
        INSERT INTO member_metric AS kept (member_id, name, value, at)
        SELECT member_id, :code, value, :now FROM (
            SELECT member_id, value FROM part
            UNION ALL SELECT had.member_id, 0 FROM member_metric AS had
            WHERE had.name = :code AND had.value <> 0
                AND NOT EXISTS (SELECT FROM part WHERE part.member_id = had.member_id)
        ) AS told ORDER BY member_id
        ON CONFLICT (member_id, name) DO UPDATE SET value = excluded.value, at = excluded.at
            WHERE kept.value <> excluded.value
    """)  # noqa: S608  # Of our own words only.

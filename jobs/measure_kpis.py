"""The shop's own KPIs, measured every night as of whole days."""

from datetime import datetime

import structlog

from models.base import Sessions
from models.kpi import days_to_measure, list_kpis, measure_kpi

log = structlog.get_logger()


def measure_kpis(sessions: Sessions, *, now: datetime) -> int:
    """Measure each KPI of yesterday and the days before; return how many totals were told.

    Each total is one transaction. Safe to stop anywhere and to run twice.
    """
    with sessions() as session:
        kpis = list_kpis(session)
    measured = 0
    for kpi in kpis:
        for day in days_to_measure(now):
            with sessions.begin() as session:
                measure_kpi(session, kpi, day, now)
            measured += 1
    log.info("kpis_measured", kpis=len(kpis), totals=measured)
    return measured

"""KPIs of the shop's own: saved questions about events, measured every night (E-14, D-03).

Sales of one product, the number of participants, missions done, points redeemed: what is counted
is typed JSON (`query`), kept in versions (`keeping`), and measured set-based into each member's
metric of the same name and a total a day (`measuring`).
"""

from models.kpi.keeping import end_kpi, get_kpi, keep_kpi, list_kpis, list_values
from models.kpi.measuring import (
    PREVIEW_DAYS,
    DayNotOver,
    days_to_measure,
    measure_kpi,
    preview_kpi,
)
from models.kpi.query import COUNTED, KpiRefused, Query, parse_query
from models.kpi.table import Kpi, KpiValue, NoSuchKpi, TooManyKpis

__all__ = [
    "COUNTED",
    "PREVIEW_DAYS",
    "DayNotOver",
    "Kpi",
    "KpiRefused",
    "KpiValue",
    "NoSuchKpi",
    "Query",
    "TooManyKpis",
    "days_to_measure",
    "end_kpi",
    "get_kpi",
    "keep_kpi",
    "list_kpis",
    "list_values",
    "measure_kpi",
    "parse_query",
    "preview_kpi",
]

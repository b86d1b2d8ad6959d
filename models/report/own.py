"""The shop's own KPIs as a report (E-14): what each came to, day by day."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from models.base import said
from models.kpi import Kpi, KpiValue, list_kpis, list_values
from models.local_day import local_day
from models.report.findings import Chart, Column, Figure, Findings, Row, Series, Table, plain
from models.report.heading import MEMBERS
from models.report.opening import rule
from models.segment.rule import asks

SHOWN_DAYS = 91
BACK_DAYS = 28


def own_findings(session: Session, now: datetime, _values: Mapping[str, Any]) -> Findings:
    """Tell what the shop's own KPIs came to over a quarter."""
    today = local_day(now)
    since = today - timedelta(days=SHOWN_DAYS)
    kpis = list_kpis(session)
    told = [(kpi, list_values(session, kpi.code, since=since, limit=SHOWN_DAYS)) for kpi in kpis]
    return told_own(told, today)


def told_own(told: Sequence[tuple[Kpi, Sequence[KpiValue]]], today: date) -> Findings:
    """Tell KPIs with their totals, the latest day first, as findings."""
    if not told:
        return Findings(notes=(_NONE,))
    figures = tuple(_figure(kpi, values) for kpi, values in told)
    charts = tuple(_chart(kpi, values) for kpi, values in told if values)
    rows = [
        Row((dict(kpi.name), value.day, value.total, value.members, plain(f"v{value.version}")))
        for kpi, values in told
        for value in values
    ]
    table = Table(
        "own",
        said("每日數字", "Day by day", "日別の値"),
        (
            Column(said("指標", "KPI", "指標"), "text"),
            Column(said("日期", "Day", "日付"), "day"),
            Column(said("合計", "Total", "合計")),
            Column(MEMBERS),
            Column(said("版本", "Version", "版"), "text"),
        ),
        tuple(rows),
    )
    return Findings(
        figures, charts, (table,), since=today - timedelta(days=SHOWN_DAYS), until=today
    )


def _figure(kpi: Kpi, values: Sequence[KpiValue]) -> Figure:
    by_day = {value.day: value.total for value in values}
    newest = values[0] if values else None
    before = by_day.get(newest.day - timedelta(days=BACK_DAYS)) if newest is not None else None
    return Figure(
        kpi.code,
        dict(kpi.name),
        newest.total if newest is not None else None,
        "count",
        said(
            "最近一次計算的合計；比較的是四週前那一天。",
            "The total as last measured; compared with that of four weeks before.",
            "直近の合計値。比較は 4 週間前の値。",
        ),
        before=before,
        cases=None,
        opens=rule(asks("metric", "more_than", 0, metric=kpi.code)),
    )


def _chart(kpi: Kpi, values: Sequence[KpiValue]) -> Chart:
    ordered = list(reversed(values))
    return Chart(
        "trend",
        dict(kpi.name),
        "count",
        days=tuple(value.day for value in ordered),
        series=(Series(said("合計", "Total", "合計"), tuple(value.total for value in ordered)),),
    )


_NONE = said(
    "還沒有自訂指標。按「新增指標」，選一種事件（某商品的銷量、活動參加人數…）就會每天計算。",
    "There are no KPIs of your own yet. Add one: choose an event, such as sales of one product.",
    "独自指標はまだありません。「指標を追加」から、特定商品の販売数などを選んでください。",
)

"""Points that are still owed, and when they lapse if nobody spends them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.base import said
from models.local_day import local_day
from models.points import Forecast, forecast
from models.report.findings import (
    Chart,
    Column,
    Figure,
    Findings,
    Row,
    Series,
    Table,
    filled,
    plain,
)
from models.report.heading import MONTH
from models.report.opening import rule
from models.report.period import YEAR_MONTHS
from models.segment.rule import asks


def liability_findings(session: Session, now: datetime, _values: Mapping[str, Any]) -> Findings:
    """Tell what is owed in points, and when it lapses if nobody spends."""
    return told_liability(forecast(session, local_day(now), YEAR_MONTHS))


def told_liability(owed: Forecast) -> Findings:
    """Tell the liability and its lapsing as findings."""
    figures = (
        Figure(
            "outstanding",
            said("未使用點數", "Points outstanding", "未利用ポイント"),
            owed.outstanding,
            "points",
            said(
                "所有還沒用掉、也沒過期的點數，含待生效。",
                "All points neither spent nor lapsed, pending ones too.",
                "利用も失効もしていない全ポイント（有効化待ちを含む）。",
            ),
            opens=rule(asks("points", "at_least", 1)),
        ),
        Figure(
            "outstanding_twd",
            said("折算金額", "Worth", "金額換算"),
            owed.outstanding_twd,
            "twd",
            said(
                "未使用點數 × 每點價值。",
                "Points outstanding × a point's value.",
                "未利用ポイント × 1 ポイントの価値。",
            ),
        ),
        Figure(
            "pending",
            said("待生效點數", "Pending points", "有効化待ち"),
            owed.pending,
            "points",
            said(
                "鑑賞期未過、還不能使用的點數。",
                "Not yet spendable, within the days of return.",
                "返品期間中で、まだ使えないポイント。",
            ),
            opens=rule(asks("points_pending", "at_least", 1)),
        ),
        Figure(
            "debt",
            said("負點數", "Owed to us", "マイナス残高"),
            owed.debt,
            "points",
            said(
                "退貨後餘額為負的會員合計，不與其他人互抵。",
                "Of members below zero after refunds; not set off against others.",
                "返品によりマイナスになった会員の合計。他の会員とは相殺しません。",
            ),
            opens=rule(asks("points", "less_than", 0)),
        ),
    )
    names = tuple(plain(f"{month.first_day:%Y/%m}") for month in owed.months)
    chart = Chart(
        "bars",
        said("每月到期的點數（都不使用時）", "Points lapsing by month", "月別の失効予定ポイント"),
        "points",
        names=names,
        series=(
            Series(
                said("到期", "Lapsing", "失効予定"), tuple(month.expiring for month in owed.months)
            ),
        ),
    )
    table = Table(
        "liability",
        said("到期預測", "When points lapse", "失効予定"),
        (
            Column(MONTH, "month"),
            Column(said("當月到期", "Lapsing", "失効予定"), "points"),
            Column(said("之後仍未使用", "Owed after", "その後の残高"), "points"),
            Column(said("折算金額", "Worth", "金額換算"), "twd"),
        ),
        tuple(
            Row((month.first_day, month.expiring, month.outstanding, month.outstanding_twd))
            for month in owed.months
        ),
        filled(
            said(
                "這些月份之後還有 {later:,} 點到期。以每點 NT${value} 計。",
                "{later:,} more lapse after these months. A point counts NT${value}.",
                "この後さらに {later:,} ポイントが失効予定。1 ポイント NT${value} で換算。",
            ),
            later=owed.later,
            value=owed.point_value_twd,
        ),
    )
    return Findings(figures, (chart,), (table,))

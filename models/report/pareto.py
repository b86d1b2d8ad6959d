"""Who brings the sales (B-10)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.analysis.pareto import Pareto, read_pareto
from models.base import said
from models.report.asked import noted, scope_of
from models.report.findings import (
    Chart,
    Column,
    Figure,
    Findings,
    Line,
    Row,
    Series,
    Table,
    filled,
    plain,
)
from models.report.heading import SALES


def pareto_findings(session: Session, now: datetime, values: Mapping[str, Any]) -> Findings:
    """Tell how much the best customers bring, and how few bring most of it."""
    return told_pareto(read_pareto(session, scope_of(now, values), now))


def told_pareto(found: Pareto) -> Findings:
    """Tell a Pareto analysis as findings."""
    if found.top is None:
        return Findings(notes=noted(found.notes))
    figures = (
        Figure(
            "top_share",
            filled(
                said("前 {n}% 顧客的業績占比", "Sales of the best {n}%", "上位 {n}% の売上比率"),
                n=found.top.percent,
            ),
            found.top.share,
            "percent",
            said(
                "業績最高的前段顧客的業績 ÷ 全部業績。",
                "What the best customers brought ÷ all sales.",
                "上位顧客の売上 ÷ 全売上。",
            ),
            cases=found.members,
        ),
        Figure(
            "members_for_most",
            filled(
                said(
                    "帶來 {n}% 業績的顧客占比",
                    "Customers who bring {n}% of sales",
                    "売上の {n}% を支える顧客の割合",
                ),
                n=found.most_percent,
            ),
            found.share_for_most,
            "percent",
            said(
                "由業績最高的顧客開始累計，直到占全部業績這個比例，所需的人數 ÷ 全部顧客。",
                "So many of the best customers are needed for that share ÷ all customers.",
                "売上の高い順に累計してその比率に達するまでの人数 ÷ 全顧客。",
            ),
            cases=found.members,
        ),
    )
    chart = Chart(
        "trend",
        said("累計業績占比", "Cumulated share of sales", "累計売上比率"),
        "percent",
        names=tuple(plain(f"{top.percent}%") for top in found.curve),
        series=(
            Series(
                said("業績占比", "Share of sales", "売上比率"),
                tuple(top.share for top in found.curve),
            ),
        ),
        lines=(Line(plain("80%"), 0.8),),
    )
    table = Table(
        "pareto",
        said("最好的顧客帶來多少", "What the best customers bring", "上位顧客の貢献"),
        (
            Column(said("前幾 %", "The best", "上位"), "text"),
            Column(said("人數", "Customers", "人数")),
            Column(SALES, "twd"),
            Column(said("業績占比", "Share of sales", "売上比率"), "percent"),
        ),
        tuple(
            Row((plain(f"{top.percent}%"), top.members, top.net_twd, top.share))
            for top in found.curve
        ),
    )
    return Findings(figures, (chart,), (table,), noted(found.notes))

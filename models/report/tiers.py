"""What the tiers bring and cost (C-09), and their part of members and sales (C-10)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.analysis.contribution import Contribution, read_contribution
from models.analysis.tier_report import TierLine, TierReport, read_tier_report
from models.base import said
from models.report.asked import scope_of
from models.report.findings import Chart, Column, Figure, Findings, Row, Series, Table
from models.report.heading import MEMBERS, SALES, TIER
from models.report.opening import in_tier


def tier_findings(session: Session, now: datetime, values: Mapping[str, Any]) -> Findings:
    """Tell each tier's members, revenue, margin, benefits and net (C-09)."""
    return told_tiers(read_tier_report(session, now, values["window_days"]))


def told_tiers(found: TierReport) -> Findings:
    """Tell a tier report as findings."""
    total = found.total
    figures = (
        Figure(
            "revenue",
            said("會員業績", "Sales to members", "会員売上"),
            total.revenue_twd,
            "twd",
            said("實付扣退款。", "Paid, less refunds.", "支払額から返金を引いた額。"),
        ),
        Figure(
            "benefits",
            said("優惠成本", "Cost of benefits", "特典コスト"),
            total.benefit_twd,
            "twd",
            said(
                "折扣、點數折抵與贈品成本。",
                "Discounts, points used, and gifts at cost.",
                "割引・ポイント利用・ギフト原価の合計。",
            ),
        ),
        Figure(
            "net",
            said("扣優惠後毛利", "Margin after benefits", "特典差引後の粗利"),
            total.net_twd,
            "twd",
            said(
                "優惠前毛利 − 優惠成本。",
                "Margin before benefits less their cost.",
                "特典前の粗利 − 特典コスト。",
            ),
        ),
    )
    rows = [_tier_row(line) for line in (*found.tiers, total)]
    chart = Chart(
        "bars",
        said("每位會員帶來的業績", "Sales per member", "会員 1 人あたり売上"),
        "twd",
        names=tuple(line.name for line in found.tiers),
        series=(
            Series(
                said("每人業績", "Per member", "1 人あたり"),
                tuple(line.per_member_twd for line in found.tiers),
            ),
        ),
        opens=tuple(in_tier(line.tier_code) if line.tier_code else None for line in found.tiers),
    )
    return Findings(figures, (chart,), (_tier_table(rows),), tuple(_noted(found)))


def _tier_table(rows: list[Row]) -> Table:
    return Table(
        "tiers",
        said("各等級的收支", "What each tier brings and costs", "ランク別の収支"),
        (
            Column(TIER, "text"),
            Column(said("買過的會員", "Members who bought", "購入済み会員")),
            Column(said("還沒買過", "Never bought", "未購入")),
            Column(SALES, "twd"),
            Column(said("每人業績", "Per member", "1 人あたり"), "twd"),
            Column(said("優惠前毛利", "Margin before benefits", "特典前の粗利"), "twd"),
            Column(said("優惠成本", "Benefits", "特典コスト"), "twd"),
            Column(said("扣優惠後", "After benefits", "特典差引後"), "twd"),
        ),
        tuple(rows),
    )


def _tier_row(line: TierLine) -> Row:
    cells = (
        line.name,
        line.members,
        line.prospects,
        line.revenue_twd,
        line.per_member_twd,
        line.margin_twd,
        line.benefit_twd,
        line.net_twd,
    )
    is_loss = line.net_twd is not None and line.net_twd < 0
    opens = in_tier(line.tier_code) if line.tier_code else None
    return Row(cells, opens, "danger" if is_loss else None)


def contribution_findings(session: Session, now: datetime, values: Mapping[str, Any]) -> Findings:
    """Tell each tier's share of members beside its share of sales (C-10)."""
    return told_contribution(read_contribution(session, scope_of(now, values), now))


def told_contribution(found: Contribution) -> Findings:
    """Tell contributions as findings."""
    names = tuple(part.name for part in found.parts)
    chart = Chart(
        "bars",
        said("人數占比與業績占比", "Share of members and of sales", "人数比率と売上比率"),
        "percent",
        names=names,
        series=(
            Series(
                said("人數占比", "Of members", "人数比率"),
                tuple(part.share_of_members for part in found.parts),
            ),
            Series(
                said("業績占比", "Of sales", "売上比率"),
                tuple(part.share_of_sales for part in found.parts),
            ),
        ),
        opens=tuple(in_tier(part.tier_code) for part in found.parts),
    )
    table = Table(
        "contribution",
        said("各等級的貢獻", "Contribution of each tier", "ランク別の貢献度"),
        (
            Column(TIER, "text"),
            Column(MEMBERS),
            Column(said("人數占比", "Of members", "人数比率"), "percent"),
            Column(SALES, "twd"),
            Column(said("業績占比", "Of sales", "売上比率"), "percent"),
            Column(said("業績占比 ÷ 人數占比", "Sales ÷ members", "売上比率 ÷ 人数比率"), "ratio"),
        ),
        tuple(
            Row(
                (
                    part.name,
                    part.members,
                    part.share_of_members,
                    part.net_twd,
                    part.share_of_sales,
                    part.index,
                ),
                in_tier(part.tier_code),
            )
            for part in found.parts
        ),
    )
    top = found.parts[0] if found.parts else None
    figure = Figure(
        "top_share",
        said("最高等級的業績占比", "Highest tier's share of sales", "最上位ランクの売上比率"),
        top.share_of_sales if top else None,
        "percent",
        said(
            "最高等級會員的業績 ÷ 全部會員業績。",
            "Sales to members of the highest tier ÷ all sales.",
            "最上位ランク会員の売上 ÷ 全会員売上。",
        ),
        cases=top.members if top else None,
        opens=in_tier(top.tier_code) if top else None,
    )
    return Findings((figure,), (chart,), (table,), tuple(_noted(found)))


def _noted(found: TierReport | Contribution) -> list[dict[str, str]]:
    """Return what an analysis has to say about itself."""
    return [note.as_json()["text"] for note in found.notes]

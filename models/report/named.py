"""The named metrics of a period beside the one before (B-24), and any of them by segment (E-16)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, cast, func, select
from sqlalchemy.orm import Session

from models.base import Texts, said
from models.kpi import list_kpis
from models.member import Member
from models.metric import MemberMetric
from models.purchase.table import Purchase
from models.report.findings import (
    Chart,
    Column,
    Figure,
    Findings,
    Opens,
    Row,
    Series,
    Table,
    Whisker,
    filled,
)
from models.report.heading import HIGH, LOW
from models.report.measured import growth, mean
from models.report.metric import BY_CODE, METRICS, work_out
from models.report.opening import in_tier
from models.report.period import Span, span_of
from models.report.population import Population
from models.segment import Rule, parse_rule
from models.segment.keeping import get_segment, get_version, rule_of
from models.tier import list_tiers

NAME = said("指標", "Metric", "指標")
VALUE = said("本期", "This period", "今期")
BEFORE = said("前期", "Before", "前期")
CHANGE = said("變化", "Change", "増減")
CASES = said("樣本數", "Cases", "件数")
EVERYBODY = said("全體會員", "All members", "全会員")
SEGMENTS = ("segment", "segment_2", "segment_3")


@dataclass(frozen=True)
class Who:
    """A population with its name, and what opens it."""

    name: Texts
    population: Population
    opens: Opens | None = None


def metric_findings(session: Session, now: datetime, values: Mapping[str, Any]) -> Findings:
    """Tell every named metric of a period, of everybody or a segment, with the period before."""
    span = span_of(values, now)
    who = _chosen(session, now, values.get("segment"))
    figures = work_out(METRICS, who.population, span)
    return Findings(
        figures=figures,
        charts=(_daily(session, span),) if who.population.is_everybody else (),
        tables=(_table(figures),),
        notes=() if who.population.is_everybody else (filled(_OF_SEGMENT, name=who.name["zh-TW"]),),
        since=span.since,
        until=span.until,
        before_since=span.before.since,
        before_until=span.before.until,
    )


_OF_SEGMENT = said(
    "只計入現在符合「{name}」的會員，前期也是同一群人。",
    "Of the members who are in “{name}” now; the period before is of the same ones.",
    "現在「{name}」に該当する会員のみ。前期も同じ会員で計算しています。",
)


def _chosen(session: Session, now: datetime, code: str | None) -> Who:
    """Return a segment's members, or everybody. Raises NoSuchSegment."""
    if not code:
        return Who(EVERYBODY, Population(session, now))
    segment = get_segment(session, code)
    rule: Rule = rule_of(get_version(session, code))
    return Who(dict(segment.name), Population(session, now, rule), {"segment": code})


def _table(figures: Sequence[Figure]) -> Table:
    rows = [
        Row(
            (
                figure.name,
                figure.value,
                figure.before,
                _change(figure),
                figure.low,
                figure.high,
                figure.cases,
            ),
            figure.opens,
            unit=figure.unit,
        )
        for figure in figures
    ]
    return Table(
        "metrics",
        said("所有指標", "All metrics", "すべての指標"),
        (
            Column(NAME, "text"),
            Column(VALUE, "number"),
            Column(BEFORE, "number"),
            Column(CHANGE, "percent"),
            Column(LOW, "number"),
            Column(HIGH, "number"),
            Column(CASES),
        ),
        tuple(rows),
        said(
            "變化：比例是百分點的差，其他是增減的百分比。"
            "「至少」「至多」：真正的數字有 95% 的機會落在其間；合計沒有誤差，不列。",
            "Change: of a share the difference in points, else by what percent it rose. "
            "“At least” and “at most” hold the true figure 19 times of 20; sums have no error.",
            "増減：割合はポイント差、その他は増減率。"
            "「下限」「上限」は真の値が 95% の確率で収まる範囲。合計値に誤差はありません。",
        ),
    )


def _change(figure: Figure) -> float | None:
    """Return the difference of a share, else by what share a figure rose."""
    if figure.unit == "percent" and figure.value is not None and figure.before is not None:
        return figure.value - figure.before
    return growth(figure.value, figure.before)


def _daily(session: Session, span: Span) -> Chart:
    """Draw the sales of each day beside those of the same day of the period before."""
    net = func.sum(Purchase.paid_twd - Purchase.refunded_twd)
    rows = session.execute(
        select(Purchase.purchased_on, cast(net, BigInteger))
        .where(
            Purchase.purchased_on.between(span.before.since, span.until),
            Purchase.undone_at.is_(None),
        )
        .group_by(Purchase.purchased_on)
    )
    sold: dict[date, int] = {day: int(amount) for day, amount in rows}
    days = tuple(span.since + timedelta(days=number) for number in range(span.days))
    back = timedelta(days=span.days)
    return Chart(
        "trend",
        said("每日會員業績", "Sales to members by day", "日別の会員売上"),
        "twd",
        days=days,
        series=(
            Series(VALUE, tuple(sold.get(day, 0) for day in days)),
            Series(BEFORE, tuple(sold.get(day - back, 0) for day in days)),
        ),
    )


# --- by segment ---


def segment_findings(session: Session, now: datetime, values: Mapping[str, Any]) -> Findings:
    """Tell every metric, and the shop's own KPIs, of several segments side by side (E-16).

    Without any segment asked for the tiers stand side by side. Raises NoSuchSegment.
    """
    span = span_of(values, now)
    groups = _groups(session, now, values)
    told = [(who, work_out(METRICS, who.population, span, compare=False)) for who in groups]
    own = [(who, _own(who.population)) for who in groups]
    everything = [
        (who, {each.code: each for each in (*figures, *extra)})
        for (who, figures), (_, extra) in zip(told, own, strict=True)
    ]
    known: dict[str, Figure] = {}
    for _, figures_of in everything:
        known = figures_of | known
    return Findings(
        charts=(_whiskers(values["metric"], everything),),
        tables=(
            _overview(known, everything),
            *(_intervals(at, who, figures) for at, (who, figures) in enumerate(everything)),
        ),
        since=span.since,
        until=span.until,
    )


Told = tuple[Who, Mapping[str, Figure]]


def _groups(session: Session, now: datetime, values: Mapping[str, Any]) -> list[Who]:
    everybody = _chosen(session, now, None)
    codes = [values[name] for name in SEGMENTS if values.get(name)]
    if codes:
        return [everybody, *(_chosen(session, now, code) for code in dict.fromkeys(codes))]
    return [
        everybody,
        *(
            Who(dict(tier.name), _of_rule(session, now, in_tier(tier.code)), in_tier(tier.code))
            for tier in list_tiers(session)
        ),
    ]


def _of_rule(session: Session, now: datetime, opens: Opens) -> Population:
    return Population(session, now, parse_rule(opens["rule"]))


def _own(population: Population) -> list[Figure]:
    """Return the shop's own KPIs of a population, as the last night measured them: the mean."""
    kpis = list_kpis(population.session)
    rows = population.session.execute(
        select(
            MemberMetric.name,
            func.count(),
            cast(func.sum(MemberMetric.value), BigInteger),
            func.sum(MemberMetric.value * MemberMetric.value),
        )
        .join(Member, Member.id == MemberMetric.member_id)
        .where(population.condition, MemberMetric.name.in_([kpi.code for kpi in kpis]))
        .group_by(MemberMetric.name)
    )
    counted = {name: (count, int(total), float(squares)) for name, count, total, squares in rows}
    figures = []
    for kpi in kpis:
        found = mean(*counted.get(kpi.code, (0, 0, 0.0)))
        figures.append(
            Figure(
                f"kpi:{kpi.code}",
                dict(kpi.name),
                found.value,
                "number",
                _OWN_FORMULA,
                low=found.low,
                high=found.high,
                cases=found.cases,
            )
        )
    return figures


_OWN_FORMULA = said(
    "自訂指標：有記錄的會員每人平均。",
    "Own KPI: the mean of the members who have a part in it.",
    "独自指標：記録のある会員の平均。",
)


def _whiskers(code: str, told: Sequence[Told]) -> Chart:
    metric = BY_CODE[code]
    found = [(who, figures[code]) for who, figures in told if code in figures]
    return Chart(
        "intervals",
        metric.name,
        metric.unit,
        whiskers=tuple(
            Whisker(
                who.name,
                figure.value,
                figure.value if figure.low is None else figure.low,
                figure.value if figure.high is None else figure.high,
            )
            for who, figure in found
            if figure.value is not None
        ),
    )


def _overview(known: Mapping[str, Figure], told: Sequence[Told]) -> Table:
    rows = [
        Row(
            (
                figure.name,
                *(figures[code].value if code in figures else None for _, figures in told),
            ),
            unit=figure.unit,
        )
        for code, figure in known.items()
    ]
    return Table(
        "overview",
        said("指標 × 分群", "Metrics by segment", "指標 × セグメント"),
        (Column(NAME, "text"), *(Column(who.name, "number") for who, _ in told)),
        tuple(rows),
        said(
            "「–」：這個指標 LINE 不告訴我們是誰，只能看全體。",
            "“–”: LINE does not tell whose this is, so it is known of everybody only.",
            "「–」：LINE から個人別の数値が得られないため、全体のみの指標です。",
        ),
    )


def _intervals(at: int, who: Who, figures: Mapping[str, Figure]) -> Table:
    return Table(
        f"group_{at + 1}",
        who.name,
        (
            Column(NAME, "text"),
            Column(VALUE, "number"),
            Column(LOW, "number"),
            Column(HIGH, "number"),
            Column(CASES),
        ),
        tuple(
            Row(
                (figure.name, figure.value, figure.low, figure.high, figure.cases),
                who.opens,
                unit=figure.unit,
            )
            for figure in figures.values()
        ),
    )

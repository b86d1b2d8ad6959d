"""Who comes again (C-06), and after how long a silence nobody does (C-07)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.analysis.frequency import FrequencyCurve, read_frequency
from models.analysis.recency import RecencyCurve, read_recency
from models.base import said
from models.report.asked import noted, scope_of
from models.report.findings import (
    Chart,
    Column,
    Figure,
    Findings,
    Row,
    Series,
    Table,
    filled,
)
from models.report.heading import HIGH, LOW
from models.report.opening import rule
from models.segment.rule import asks


def frequency_findings(session: Session, now: datetime, values: Mapping[str, Any]) -> Findings:
    """Tell who buys again after the n-th purchase, and from which one on members stay."""
    return told_frequency(read_frequency(session, scope_of(now, values), now))


def told_frequency(found: FrequencyCurve) -> Findings:
    """Tell a curve of repeat purchases as findings."""
    names = tuple(
        filled(said("第 {n} 次後", "after {n}", "{n} 回目の後"), n=step.orders)
        for step in found.steps
    )
    chart = Chart(
        "trend",
        said("再買一次的比例", "Share who buy again", "再購入率"),
        "percent",
        names=names,
        series=(
            Series(
                said("再購率", "Buy again", "再購入率"), tuple(step.rate for step in found.steps)
            ),
        ),
        band=(
            Series(LOW, tuple(step.low if step.judged else None for step in found.steps)),
            Series(HIGH, tuple(step.high if step.judged else None for step in found.steps)),
        ),
    )
    table = Table(
        "frequency",
        said("回購曲線", "Repeat purchases", "リピート曲線"),
        (
            Column(said("購買次數", "Purchases", "購入回数")),
            Column(said("可判斷人數", "Judged", "判定対象")),
            Column(said("又購買", "Bought again", "再購入")),
            Column(said("再購率", "Rate", "再購入率"), "percent"),
            Column(LOW, "percent"),
            Column(HIGH, "percent"),
            Column(said("太近、先不計", "Too recent, left out", "最近のため除外")),
        ),
        tuple(
            Row(
                (
                    step.orders,
                    step.judged,
                    step.again,
                    step.rate,
                    step.low if step.judged else None,
                    step.high if step.judged else None,
                    step.too_recent,
                ),
                rule(asks("purchases", "is", step.orders)),
                "success" if step.orders == found.stable_from else None,
            )
            for step in found.steps
        ),
        filled(
            said(
                "{days} 天內才買的人還來不及回購，先不計入；點開是目前正好買了這麼多次的會員。",
                "Who bought within {days} days had no time yet and is left out; "
                "a line opens the members with exactly so many purchases.",
                "{days} 日以内の購入者は判定できないため除外。"
                "行を開くと、その回数の会員が見られます。",
            ),
            days=found.horizon_days,
        ),
    )
    return Findings(_stable(found), (chart,), (table,), noted(found.notes))


def _stable(found: FrequencyCurve) -> tuple[Figure, ...]:
    if found.stable_from is None:
        return ()
    return (
        Figure(
            "stable_from",
            said("從第幾次起穩定回購", "Stable from purchase", "リピートが安定する回数"),
            found.stable_from,
            "count",
            said(
                "再購率不再明顯上升（增加不到 5 個百分點）的第一個次數。",
                "The first purchase after which the rate rises by less than five points.",
                "再購入率の伸びが 5 ポイント未満になる最初の回数。",
            ),
        ),
        Figure(
            "stable_rate",
            said("那之後的再購率", "Rate from there on", "その後の再購入率"),
            found.rate,
            "percent",
            said("又購買 ÷ 可判斷人數。", "Bought again ÷ judged.", "再購入 ÷ 判定対象。"),
        ),
    )


def recency_findings(session: Session, now: datetime, values: Mapping[str, Any]) -> Findings:
    """Tell in which month of silence members are lost."""
    return told_recency(read_recency(session, scope_of(now, values), now))


def told_recency(found: RecencyCurve) -> Findings:
    """Tell a curve of churn as findings."""
    names = tuple(
        filled(said("第 {n} 個月", "month {n}", "{n} か月目"), n=month.month)
        for month in found.months
    )
    chart = Chart(
        "trend",
        said("沉默後沒有回來的比例", "Share who do not come back", "戻らなかった割合"),
        "percent",
        names=names,
        series=(
            Series(said("流失率", "Churn", "離脱率"), tuple(month.churn for month in found.months)),
            Series(
                said("到這個月仍未回來", "Still away", "まだ戻らない"),
                tuple(month.still_away for month in found.months),
            ),
        ),
    )
    table = Table(
        "recency",
        said("流失曲線", "Months of silence", "離脱曲線"),
        (
            Column(said("沉默第幾個月", "Month of silence", "沈黙の月")),
            Column(said("月初仍沉默", "Silent", "月初に沈黙")),
            Column(said("這個月回來", "Came back", "この月に復帰")),
            Column(said("流失率", "Churn", "離脱率"), "percent"),
            Column(LOW, "percent"),
            Column(HIGH, "percent"),
            Column(said("還在這個月、未定", "Undecided", "未確定")),
        ),
        tuple(
            Row(
                (
                    month.month,
                    month.silent,
                    month.came_back,
                    month.churn,
                    month.low if month.silent else None,
                    month.high if month.silent else None,
                    month.undecided,
                ),
                _silent_for(month.month),
                "warning" if month.month == found.rises_in_month else None,
            )
            for month in found.months
        ),
    )
    return Findings(_rise(found), (chart,), (table,), noted(found.notes))


def _silent_for(month: int) -> dict[str, Any]:
    days = [(month - 1) * 30, month * 30 - 1]
    return rule(asks("days_since_purchase", "between", days))


def _rise(found: RecencyCurve) -> tuple[Figure, ...]:
    if found.rises_in_month is None:
        return ()
    return (
        Figure(
            "rises_in_month",
            said("流失率明顯上升的月份", "Month in which churn rises", "離脱率が上がる月"),
            found.rises_in_month,
            "count",
            said(
                "流失率比前一個月高出最多、且超出誤差的那個月。",
                "The month whose churn lies furthest above the one before, beyond chance.",
                "前月からの上昇が最も大きく、誤差を超える月。",
            ),
        ),
        Figure(
            "remind_on_day",
            said("最晚第幾天提醒", "Remind by day", "何日目までに連絡するか"),
            found.remind_on_day,
            "days",
            said(
                "該月開始的一週前。",
                "A week before that month begins.",
                "その月が始まる 1 週間前。",
            ),
        ),
    )

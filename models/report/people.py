"""Who the members are: the health of the list and what each is worth (A-26), and of those who
bought first in a month, how many still come (cohorts)."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, Integer, cast, func, select
from sqlalchemy.orm import Session

from models.base import said
from models.lifecycle.figures import is_here
from models.list_health import LINES, ListHealth, list_health
from models.local_day import first_of_month_after, local_day
from models.member import Member
from models.prediction import TierValue, list_tier_values
from models.purchase.table import Purchase
from models.report.findings import (
    FEW,
    Chart,
    Column,
    Figure,
    Findings,
    Opens,
    Row,
    Series,
    Table,
    filled,
    plain,
)
from models.report.heading import MEMBERS, TIER
from models.report.measured import share
from models.report.opening import in_tier, rule
from models.segment.rule import asks

COHORTS = 12
SAMPLE_MEMBERS = 100_000
"""Of a larger shop so many buyers stand for all: their purchases must be read one by one."""

_OPENED: Mapping[str, Opens] = {
    "friends": rule(asks("friendship", "is", "friend")),
    "reachable": rule(asks("reachable", "is", True)),
    "blocked": rule(asks("friendship", "is", "blocked")),
    "bought_30": rule(asks("days_since_purchase", "less_than", 30)),
    "active_30": rule(asks("silent_days", "less_than", 30)),
    "active_90": rule(asks("silent_days", "less_than", 90)),
    "repeat": rule(asks("purchase_days", "more_than", 1)),
    "asleep": rule(asks("purchases", "at_least", 1), asks("silent_days", "at_least", 90)),
    "never": rule(asks("purchases", "is", 0)),
    "unanswering": rule(asks("unanswered", "at_least", 3)),
}
_OF_MEMBERS = said("÷ 全體會員。", "÷ all members.", "÷ 全会員。")


def health_findings(session: Session, now: datetime, _values: Mapping[str, Any]) -> Findings:
    """Tell who can be reached, who moves, who sleeps and who has blocked us."""
    return told_health(list_health(session, now))


def told_health(found: ListHealth) -> Findings:
    """Tell the health of the list as findings."""
    shown = ("reachable", "active_30", "active_90", "asleep", "blocked")
    figures = tuple(
        Figure(
            code,
            LINES[code],
            (measured := share(getattr(found, code), found.members)).value,
            "percent",
            _OF_MEMBERS,
            low=None,
            high=None,
            cases=measured.cases,
            opens=_OPENED.get(code),
        )
        for code in shown
    )
    chart = Chart(
        "bars",
        said("名單健康度", "Health of the list", "リストの健全性"),
        "count",
        names=tuple(LINES.values()),
        series=(Series(MEMBERS, tuple(getattr(found, code) for code in LINES)),),
        opens=tuple(_OPENED.get(code) for code in LINES),
    )
    table = Table(
        "health",
        said("名單健康度", "Health of the list", "リストの健全性"),
        (
            Column(said("會員", "Members", "会員"), "text"),
            Column(said("人數", "How many", "人数")),
            Column(said("占比", "Share", "割合"), "percent"),
        ),
        tuple(
            Row(
                (name, getattr(found, code), share(getattr(found, code), found.members).value),
                _OPENED.get(code),
            )
            for code, name in LINES.items()
        ),
        said(
            "一個人可能同時算在好幾行。名單不動（不開、不點、不買），再長也沒有價值。",
            "A person may count in several lines. "
            "A list in which nothing moves is worth nothing, however long.",
            "1 人が複数の行に数えられることがあります。動きのないリストに価値はありません。",
        ),
    )
    return Findings(figures, (chart,), (table,))


def lifetime_findings(session: Session, _now: datetime, _values: Mapping[str, Any]) -> Findings:
    """Tell what members have brought and what is expected of them, by tier."""
    return told_lifetimes(list_tier_values(session))


def told_lifetimes(values: Sequence[TierValue]) -> Findings:
    """Tell lifetime values as findings."""
    members = sum(value.members for value in values)
    historic = sum(value.historic_twd for value in values)
    expected = sum(value.expected_twd for value in values)
    names = tuple(value.tier.name for value in values)
    figure = Figure(
        "lifetime_twd",
        said("平均終身價值", "Mean lifetime value", "平均 LTV"),
        (historic + expected) // members if members else None,
        "twd",
        said(
            "（到目前的淨消費＋未來 365 天的預測）÷ 會員數。",
            "(Net spend so far + that expected of the next 365 days) ÷ members.",
            "（これまでの純購入額 ＋ 今後 365 日の予測）÷ 会員数。",
        ),
        cases=members,
    )
    chart = Chart(
        "bars",
        said("每位會員的終身價值", "Lifetime value per member", "会員 1 人あたり LTV"),
        "twd",
        names=names,
        series=(
            Series(
                said("到目前", "So far", "これまで"),
                tuple(_each(value.historic_twd, value.members) for value in values),
            ),
            Series(
                said("未來一年預測", "Expected in a year", "今後 1 年の予測"),
                tuple(_each(value.expected_twd, value.members) for value in values),
            ),
        ),
        is_stacked=True,
        opens=tuple(in_tier(value.tier.code) for value in values),
    )
    table = Table(
        "lifetime",
        said("各等級的終身價值", "Lifetime value by tier", "ランク別 LTV"),
        (
            Column(TIER, "text"),
            Column(MEMBERS),
            Column(said("買過的會員", "Who bought", "購入済み")),
            Column(said("到目前的淨消費", "Net spend so far", "これまでの純購入額"), "twd"),
            Column(said("未來一年預測", "Expected in a year", "今後 1 年の予測"), "twd"),
            Column(said("每人終身價值", "Value of each", "1 人あたり LTV"), "twd"),
        ),
        tuple(
            Row(
                (
                    value.tier.name,
                    value.members,
                    value.buyers,
                    value.historic_twd,
                    value.expected_twd,
                    value.lifetime_value_twd,
                ),
                in_tier(value.tier.code),
            )
            for value in values
        ),
    )
    notes = () if expected else (_NO_FORECAST,)
    return Findings((figure,), (chart,), (table,), notes)


_NO_FORECAST = said(
    "還沒有預測（回購過的會員要 100 人以上），這裡只有到目前為止的消費。",
    "There is no forecast yet (it needs 100 repeat buyers): this is what was spent so far.",
    "予測はまだありません（再購入会員 100 人以上が必要）。これまでの購入額のみです。",
)


def _each(amount_twd: int, members: int) -> float | None:
    return amount_twd / members if members else None


# --- cohorts ---


def cohort_findings(session: Session, now: datetime, _values: Mapping[str, Any]) -> Findings:
    """Tell of those who bought first in a month how many bought in each month after it."""
    today = local_day(now)
    first = first_of_month_after(today, -COHORTS)
    buyers = session.scalar(_buyers(first)) or 0
    step = max(-(-buyers // SAMPLE_MEMBERS), 1)
    rows = session.execute(_counting(first, step))
    counts = {(month, after): members for month, after, members in rows}
    return told_cohorts(counts, today, sampled=step)


def _buyers(first: date) -> Any:
    return select(func.count()).where(is_here(), Member.first_purchase_on >= first)


def _counting(first: date, step: int) -> Any:
    month = cast(func.date_trunc("month", Member.first_purchase_on), Date).label("month")
    later = (_months(Purchase.purchased_on) - _months(Member.first_purchase_on)).label("later")
    return (
        select(month, later, func.count(Member.id.distinct()))
        .join(Purchase, Purchase.member_id == Member.id)
        .where(
            is_here(),
            Member.first_purchase_on >= first,
            Member.id % step == 0,
            Purchase.undone_at.is_(None),
            Purchase.purchased_on >= first,
        )
        .group_by(month, later)
    )


def _months(day: Any) -> Any:
    return cast(func.extract("year", day) * 12 + func.extract("month", day), Integer)


def told_cohorts(
    counts: Mapping[tuple[date, int], int], today: date, *, sampled: int = 1
) -> Findings:
    """Tell cohorts as findings: members by the month of their first purchase and months since.

    The present month is not over, so its figures are left open.
    """
    months = [first_of_month_after(today, -back) for back in range(COHORTS, 0, -1)]
    columns = tuple(
        filled(said("第 {n} 個月", "Month {n}", "{n} か月後"), n=later)
        for later in range(1, COHORTS)
    )
    rows, cells = [], []
    for at, month in enumerate(months):
        size = counts.get((month, 0), 0)
        over = COHORTS - 1 - at
        kept = [
            share(counts.get((month, later), 0), size).value if later <= over else None
            for later in range(1, COHORTS)
        ]
        cells.append(Series(plain(f"{month:%Y/%m}"), tuple(kept)))
        rows.append(
            Row(
                (month, size * sampled, *kept),
                _cohort(month),
                "warning" if 0 < size < FEW else None,
            )
        )
    chart = Chart(
        "heat",
        said("首購月份 × 之後每月回購率", "First purchase × months after", "初回購入月 × 経過月"),
        "percent",
        names=columns,
        series=tuple(cells),
    )
    heads = (
        Column(said("首購月份", "First bought in", "初回購入月"), "month"),
        Column(said("人數", "Members", "人数")),
        *(Column(name, "percent") for name in columns),
    )
    title = said("首購月份的留存", "Retention by month of first purchase", "初回購入月別の継続率")
    table = Table("cohorts", title, heads, tuple(rows), _COHORT_NOTE)
    notes = () if sampled == 1 else (filled(_SAMPLED, step=sampled),)
    return Findings((_month_after(counts, months),), (chart,), (table,), notes)


def _month_after(counts: Mapping[tuple[date, int], int], months: Sequence[date]) -> Figure:
    whole = months[:-1]
    size = sum(counts.get((month, 0), 0) for month in whole)
    found = share(sum(counts.get((month, 1), 0) for month in whole), size)
    return Figure(
        "month_after",
        said("首購次月回購率", "Bought again the month after", "翌月の再購入率"),
        found.value,
        "percent",
        said(
            "首購的下一個月又購買的會員 ÷ 首購會員；還沒過完的月份不計。",
            "Members who bought in the month after their first purchase ÷ all of them; "
            "months not yet over are left out.",
            "初回購入の翌月に再購入した会員 ÷ 初回購入会員。終わっていない月は除きます。",
        ),
        low=found.low,
        high=found.high,
        cases=found.cases,
    )


def _cohort(month: date) -> Opens:
    """Return what opens the members of a cohort: who bought by its end, and not before."""
    last = first_of_month_after(month, 1)
    by_end = asks("purchases", "at_least", 1, until=_before(last))
    return rule(by_end, {"not": asks("purchases", "at_least", 1, until=_before(month))})


def _before(day: date) -> str:
    return date.fromordinal(day.toordinal() - 1).isoformat()


_COHORT_NOTE = said(
    "每一格：這個月首購的人，之後第幾個月又買的比例。少於 30 人的月份標示出來，容易受巧合影響。",
    "Each cell: of those who bought first in that month, the share who bought so many months "
    "later. Months with fewer than 30 are marked: chance weighs much there.",
    "各マス：その月に初回購入した人のうち、何か月後に再購入したかの割合。"
    "30 人未満の月は偶然の影響が大きいため印を付けています。",
)
_SAMPLED = said(
    "人數多，這裡從每 {step} 位會員抽 1 位計算；比例可信，人數為推估。",
    "One member in {step} was looked at: shares hold, numbers are estimates.",
    "会員数が多いため {step} 人に 1 人を抽出して計算。割合は信頼でき、人数は推計です。",
)

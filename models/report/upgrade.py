"""What an upgrade changes (E-13): conversion, activity, retention and value after it, beside
members who were like the upgraded and did not upgrade; and satisfaction."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.base import Texts, said, squeezed
from models.local_day import first_of_month_after, local_day
from models.member import Member
from models.report.findings import (
    FEW,
    Chart,
    Column,
    Figure,
    Findings,
    Row,
    Series,
    Table,
    Unit,
    filled,
)
from models.report.heading import HIGH, LOW
from models.report.matching import Arm, Comparison, Matched, compare, strata_of
from models.report.metric import BY_CODE, work_out
from models.report.period import Span
from models.report.population import Population

WINDOW_DAYS = 90
MONTHS = 6
"""Upgrades of so many months, of which the days after are over."""
MOST_SAMPLED = 40_000
"""Of a larger shop so many members stand for those who did not upgrade; the upgraded are all."""
YEAR_DAYS = 364
CONVERSION = ("upgrade_conversion", "satisfaction", "recommendation")

OUTCOMES: Mapping[str, tuple[Texts, Unit, Texts]] = {
    "orders_before": (
        said("升等前訂單數", "Orders before", "昇格前の注文数"),
        "number",
        said(
            "升等那個月之前 90 天的訂單數；兩邊應該接近，才算配對得好。",
            "Orders in the 90 days before the month of the upgrade; both sides should be close.",
            "昇格月の前 90 日の注文数。両群が近いほど適切なマッチングです。",
        ),
    ),
    "net_before": (
        said("升等前消費", "Spend before", "昇格前の購入額"),
        "twd",
        said("同上，淨消費。", "The same, net spend.", "同上、純購入額。"),
    ),
    "orders_after": (
        said("升等後訂單數", "Orders after", "昇格後の注文数"),
        "number",
        said(
            "升等那個月之後 90 天的訂單數。",
            "Orders in the 90 days after the month of the upgrade.",
            "昇格月の後 90 日の注文数。",
        ),
    ),
    "net_after": (
        said("升等後消費", "Spend after", "昇格後の購入額"),
        "twd",
        said("同上，淨消費。", "The same, net spend.", "同上、純購入額。"),
    ),
    "kept": (
        said("升等後留存", "Still buying after", "昇格後の継続率"),
        "percent",
        said(
            "升等後 90 天內至少買一次的比例。",
            "The share who bought at least once in those 90 days.",
            "その 90 日に 1 回以上購入した割合。",
        ),
    ),
    "events": (
        said("參加活動次數", "Events taken part in", "イベント参加回数"),
        "number",
        said(
            "升等後 90 天內出席的聚會與完成的任務。",
            "Gatherings attended and missions done in those 90 days.",
            "その 90 日に参加したイベントと達成したミッション。",
        ),
    ),
    "year_twd": (
        said("未來一年預測消費", "Expected spend of a year", "今後 1 年の予測購入額"),
        "twd",
        said(
            "現在的預測（終身價值的未來部分）。",
            "What is expected now: the future part of lifetime value.",
            "現在の予測（LTV の将来分）。",
        ),
    ),
}


def upgrade_findings(session: Session, now: datetime, _values: Mapping[str, Any]) -> Findings:
    """Tell conversion and satisfaction of a year, and what upgrades change beside their likes."""
    until = local_day(now) - timedelta(days=1)
    span = Span(until - timedelta(days=YEAR_DAYS - 1), until)
    chosen = [BY_CODE[code] for code in CONVERSION]
    figures = work_out(chosen, Population(session, now), span)
    matched = read_matched(session, now)
    told = told_upgrades(matched)
    return Findings(
        figures=(*figures, *told.figures),
        charts=told.charts,
        tables=told.tables,
        notes=told.notes,
        since=span.since,
        until=span.until,
        before_since=span.before.since,
        before_until=span.before.until,
    )


def list_months(today: date) -> list[date]:
    """Return the first days of the months looked at: those whose 90 days after are over."""
    newest = first_of_month_after(today, 0)
    while first_of_month_after(newest, 1) + timedelta(days=WINDOW_DAYS) > today:
        newest = first_of_month_after(newest, -1)
    return [first_of_month_after(newest, -back) for back in reversed(range(MONTHS))]


def read_matched(session: Session, now: datetime) -> Matched:
    """Compare those who upgraded in some months with their likes; one statement."""
    members = session.scalar(select(func.count()).select_from(Member)) or 0
    rows = session.execute(
        _STRATA,
        {
            "months": list_months(local_day(now)),
            "window": WINDOW_DAYS,
            "step": max(-(-members // MOST_SAMPLED), 1),
        },
    )
    return compare(strata_of([_arm(row) for row in rows]), tuple(OUTCOMES))


def _arm(row: Any) -> tuple[tuple[object, ...], bool, Arm]:
    alike = (row.starts, row.rank, row.orders_band, row.net_band)
    told = row._mapping
    return (
        alike,
        row.is_upgraded,
        Arm(
            row.members,
            {name: float(told[name]) for name in OUTCOMES},
            {name: float(told[f"{name}_squared"]) for name in OUTCOMES},
        ),
    )


def told_upgrades(matched: Matched) -> Findings:
    """Tell a matched comparison as findings."""
    if not matched.comparisons:
        return Findings(notes=(_NOBODY,))
    by_name = {each.outcome: each for each in matched.comparisons}
    figures = tuple(
        _difference(by_name[code], matched.upgraded)
        for code in ("orders_after", "net_after", "kept")
    )
    names = ("orders_before", "orders_after")
    chart = Chart(
        "bars",
        said(
            "升等前後 90 天的訂單數",
            "Orders in 90 days, before and after",
            "昇格前後 90 日の注文数",
        ),
        "number",
        names=tuple(OUTCOMES[name][0] for name in names),
        series=(
            Series(_UPGRADED, tuple(by_name[name].upgraded for name in names)),
            Series(_OTHERS, tuple(by_name[name].others for name in names)),
        ),
    )
    table = Table(
        "matched",
        said("升等的人與相似的人", "The upgraded and their likes", "昇格者と類似会員"),
        (
            Column(said("指標", "Outcome", "指標"), "text"),
            Column(_UPGRADED, "number"),
            Column(_OTHERS, "number"),
            Column(said("差", "Difference", "差"), "number"),
            Column(LOW, "number"),
            Column(HIGH, "number"),
        ),
        tuple(_row(each) for each in matched.comparisons),
        filled(_MATCHED, **_counts(matched)),
    )
    return Findings(figures, (chart,), (table,), _warned(matched))


_UPGRADED = said("升等的人", "Upgraded", "昇格者")
_OTHERS = said("相似但沒升等的人", "Alike, not upgraded", "類似・非昇格")


def _counts(matched: Matched) -> dict[str, int]:
    return {
        "upgraded": matched.upgraded,
        "others": matched.others,
        "left_out": matched.left_out,
    }


def _row(each: Comparison) -> Row:
    name, unit, _ = OUTCOMES[each.outcome]
    is_clear = each.low is not None and each.high is not None and (each.low > 0 or each.high < 0)
    is_after = not each.outcome.endswith("_before")
    tone = ("success" if each.difference > 0 else "danger") if is_clear and is_after else None
    cells = (name, each.upgraded, each.others, each.difference, each.low, each.high)
    return Row(cells, tone=tone, unit=unit)


def _difference(each: Comparison, members: int) -> Figure:
    name, unit, formula = OUTCOMES[each.outcome]
    more = said("比相似的人多：{name}", "More than their likes: {name}", "類似会員との差：{name}")
    told = {language: words.format(name=name[language]) for language, words in more.items()}
    return Figure(
        each.outcome,
        told,
        each.difference,
        unit,
        formula,
        low=each.low,
        high=each.high,
        cases=members,
    )


def _warned(matched: Matched) -> tuple[Texts, ...]:
    notes: list[Texts] = [_NOT_BY_CHANCE]
    if matched.upgraded < FEW:
        notes.insert(0, filled(_FEW, upgraded=matched.upgraded, few=FEW))
    return tuple(notes)


_NOBODY = said(
    "還沒有升等滿 90 天的會員可以比較。",
    "Nobody who upgraded 90 days ago or more can be compared yet.",
    "昇格から 90 日以上経過し、比較できる会員がまだいません。",
)
_FEW = said(
    "只有 {upgraded} 位升等的會員可以比較（不到 {few} 位），差異可能只是巧合。",
    "Only {upgraded} upgraded members can be compared (fewer than {few}): it may be chance.",
    "比較できる昇格者が {upgraded} 人（{few} 人未満）のため、偶然の可能性があります。",
)
_NOT_BY_CHANCE = said(
    "升等不是抽籤決定的：配對能去掉「本來就常買」的影響，去不掉所有差別。要確定，請用保留對照組的活動。",
    "Chance did not choose who upgrades: matching takes out that they bought often before, "
    "not every difference. To be sure, run a campaign with a holdout.",
    "昇格は無作為ではありません。マッチングで「元々よく買う」影響は除けますが、全ての差は除けません。"
    "確認には対照群つきのキャンペーンをご利用ください。",
)
_MATCHED = said(
    "{upgraded} 位升等的會員，與同月份、同等級、之前買得一樣多的 {others} 位相比；"
    "{left_out} 位找不到相似的人，沒有計入。",
    "{upgraded} upgraded members beside {others} of the same month and tier who had bought alike; "
    "{left_out} had no like and are left out.",
    "昇格者 {upgraded} 人を、同じ月・同じランクで購入実績が近い {others} 人と比較。"
    "類似会員のいない {left_out} 人は除外。",
)
_SUMS = ",\n".join(
    f"sum({name}) AS {name}, sum(CAST({name} AS float) * {name}) AS {name}_squared"
    for name in OUTCOMES
)
_STRATA = text(
    squeezed(f"""
        WITH month AS (
            SELECT told.starts, told.ends,
                CAST(told.starts AS timestamp) AT TIME ZONE 'Asia/Taipei' AS starts_at,
                CAST(told.ends AS timestamp) AT TIME ZONE 'Asia/Taipei' AS ends_at,
                CAST(told.ends + CAST(:window AS integer) AS timestamp)
                    AT TIME ZONE 'Asia/Taipei' AS over_at
            FROM (
                SELECT starts, CAST(starts + interval '1 month' AS date) AS ends
                FROM unnest(CAST(:months AS date[])) AS listed(starts)
            ) AS told
        ), moved AS (
            SELECT month.starts, change.member_id
            FROM month
            JOIN tier_change AS change
                ON change.changed_at >= month.starts_at AND change.changed_at < month.ends_at
            JOIN tier AS was ON was.id = change.from_tier_id
            JOIN tier AS became ON became.id = change.to_tier_id AND became.rank > was.rank
            GROUP BY 1, 2
        ), candidate AS (
            SELECT month.*, member.id, member.tier_id,
                moved.member_id IS NOT NULL AS is_upgraded
            FROM month
            JOIN member ON member.first_purchase_on < month.starts AND member.erased_at IS NULL
                AND member.merged_into_id IS NULL
            LEFT JOIN moved ON moved.starts = month.starts AND moved.member_id = member.id
            WHERE member.id % :step = 0 OR moved.member_id IS NOT NULL
        ), person AS (
            SELECT candidate.starts, candidate.is_upgraded, held.rank,
                bought.orders_before, bought.net_before, bought.orders_after, bought.net_after,
                CASE WHEN bought.orders_after > 0 THEN 1 ELSE 0 END AS kept,
                went.times + done.times AS events,
                coalesce(forecast.value_365_twd, 0) AS year_twd
            FROM candidate
            CROSS JOIN LATERAL (
                SELECT tier.rank FROM tier WHERE tier.id = coalesce(
                    (SELECT change.from_tier_id FROM tier_change AS change
                    WHERE change.member_id = candidate.id
                        AND change.changed_at >= candidate.starts_at
                    ORDER BY change.changed_at, change.id LIMIT 1), candidate.tier_id)
            ) AS held
            CROSS JOIN LATERAL (
                SELECT count(*) FILTER (WHERE sale.purchased_on < candidate.starts)
                        AS orders_before,
                    coalesce(sum(sale.paid_twd - sale.refunded_twd)
                        FILTER (WHERE sale.purchased_on < candidate.starts), 0) AS net_before,
                    count(*) FILTER (WHERE sale.purchased_on >= candidate.ends) AS orders_after,
                    coalesce(sum(sale.paid_twd - sale.refunded_twd)
                        FILTER (WHERE sale.purchased_on >= candidate.ends), 0) AS net_after
                FROM purchase AS sale
                WHERE sale.member_id = candidate.id AND sale.undone_at IS NULL
                    AND sale.purchased_on >= candidate.starts - CAST(:window AS integer)
                    AND sale.purchased_on < candidate.ends + CAST(:window AS integer)
            ) AS bought
            CROSS JOIN LATERAL (
                SELECT count(*) AS times FROM gathering_seat AS seat
                JOIN gathering ON gathering.id = seat.gathering_id
                WHERE seat.member_id = candidate.id AND seat.state = 'attended'
                    AND gathering.starts_at >= candidate.ends_at
                    AND gathering.starts_at < candidate.over_at
            ) AS went
            CROSS JOIN LATERAL (
                SELECT count(*) AS times FROM mission_award AS award
                WHERE award.member_id = candidate.id AND award.taken_back_at IS NULL
                    AND award.completed_at >= candidate.ends_at
                    AND award.completed_at < candidate.over_at
            ) AS done
            LEFT JOIN member_forecast AS forecast ON forecast.member_id = candidate.id
        )
        SELECT starts, rank, least(orders_before, 6) AS orders_band,
            CASE WHEN net_before < 100 THEN 0
                ELSE width_bucket(ln(net_before), ln(100), ln(51200), 9) END AS net_band,
            is_upgraded, count(*) AS members, {_SUMS}
        FROM person
        GROUP BY 1, 2, 3, 4, 5
    """)  # noqa: S608  # Of our own words only.
)
"""Of each month: who rose in it, and a sample of who had bought before it and did not. A tier of
the past is that from which the next change led, else the one still held. Spend is banded by
doublings from NT$100 on."""

"""The clerk fraud lens as a report (X13): who stands out among colleagues, and in which cases."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import Texts, said
from models.fraud.figures import BuyReturn, ClerkFigures, clerk_figures, list_buy_returns
from models.local_day import local_day
from models.member import Member, shown_number
from models.report import findings
from models.report.findings import Chart, Column, Findings, Row, Series, Table, plain
from models.report.heading import VERDICT
from models.report.period import span_of

MOST_RETURNS = 50
FIGURE_NAMES: Mapping[str, Texts] = {
    "manual_adds": said("手動加點", "Points added by hand", "手動ポイント付与"),
    "same_member": said("同一張卡", "One and the same card", "同じカード"),
    "after_hours": said("營業時間外", "After hours", "営業時間外"),
    "buy_returns": said("買了又退", "Bought and given back", "購入後すぐ返品"),
    "staff_cards": said("員工自己的卡", "Cards of staff", "スタッフ自身のカード"),
}
VERDICTS: Mapping[str, Texts] = {
    "alarm": said("請看一下", "look into it", "要確認"),
    "alone": said("可比較的店員不足", "too few to compare with", "比較対象不足"),
    "few": said("偏高但筆數太少", "high, but too few", "高めだが件数不足"),
    "usual": said("平常", "usual", "通常"),
}
_TONES = {"alarm": "danger", "few": "warning"}


def lens_findings(session: Session, now: datetime, values: Mapping[str, Any]) -> Findings:
    """Tell each clerk's figures among their peers, and who buys and gives back."""
    span = span_of({**values, "until": values.get("until") or local_day(now)}, now)
    after = span.until + timedelta(days=1)
    clerks = clerk_figures(session, span.since, after)
    returns = list_buy_returns(session, span.since, after)[:MOST_RETURNS]
    numbers = _numbers(session, returns)
    return told_lens(clerks, [(again, numbers[again.member_id]) for again in returns], span.since)


def _numbers(session: Session, returns: Sequence[BuyReturn]) -> dict[int, str]:
    rows = session.execute(
        select(Member.id, Member.number).where(
            Member.id.in_([again.member_id for again in returns])
        )
    )
    return dict(rows.all())


def told_lens(
    clerks: Sequence[ClerkFigures], returns: Sequence[tuple[BuyReturn, str]], since: date
) -> Findings:
    """Tell clerks' figures and buy-return patterns as findings."""
    alarms = sum(len(clerk.alarms) for clerk in clerks)
    figures = (
        findings.Figure(
            "alarms",
            said("需要看一下的數字", "Figures to look into", "要確認の数値"),
            alarms,
            "count",
            said(
                "比其他店員的中位數高出 4 個標準距以上，且至少 5 筆。",
                "Four yardsticks or more above the median of the other clerks, with 5 cases.",
                "他のスタッフの中央値から 4 単位以上高く、5 件以上。",
            ),
        ),
        findings.Figure(
            "returners",
            said("買了又退的會員", "Members who buy and give back", "購入と返品を繰り返す会員"),
            len(returns),
            "count",
            said(
                "一週內整筆退掉、三次以上。",
                "Whole purchases given back within a week, three times or more.",
                "1 週間以内の全額返品が 3 回以上。",
            ),
        ),
    )
    charts = tuple(_chart(name, clerks) for name in FIGURE_NAMES) if clerks else ()
    notes = () if clerks else (_NOBODY_SOLD,)
    return Findings(figures, charts, (_clerk_table(clerks, since), _return_table(returns)), notes)


def _chart(name: str, clerks: Sequence[ClerkFigures]) -> Chart:
    found = [(clerk, clerk.figure(name)) for clerk in clerks]
    return Chart(
        "bars",
        FIGURE_NAMES[name],
        "percent",
        names=tuple(plain(clerk.name) for clerk, _ in found),
        series=(
            Series(
                said("占這位店員結帳的比例", "Share of the clerk's sales", "会計に占める割合"),
                tuple(figure.share for _, figure in found),
            ),
        ),
    )


def _clerk_table(clerks: Sequence[ClerkFigures], since: date) -> Table:
    rows = [
        Row(
            (
                plain(clerk.name),
                FIGURE_NAMES[figure.name],
                figure.cases,
                figure.sales,
                figure.share,
                figure.others[len(figure.others) // 2] if figure.others else None,
                figure.score,
                VERDICTS[figure.verdict],
            ),
            {"lens": [clerk.staff_id, figure.name]},
            _TONES.get(figure.verdict),
        )
        for clerk in clerks
        for figure in clerk.figures
    ]
    rows.sort(key=lambda row: (row.tone != "danger", row.tone != "warning"))
    return Table(
        "clerks",
        said("每位店員與同事比較", "Each clerk among their colleagues", "スタッフ別の比較"),
        (
            Column(said("店員", "Clerk", "スタッフ"), "text"),
            Column(said("看什麼", "Figure", "項目"), "text"),
            Column(said("筆數", "Cases", "件数")),
            Column(said("結帳筆數", "Sales", "会計件数")),
            Column(said("比例", "Share", "割合"), "percent"),
            Column(said("其他店員（中位）", "Others (median)", "他のスタッフ（中央）"), "percent"),
            Column(said("偏離程度", "Yardsticks above", "乖離度"), "number"),
            Column(VERDICT, "text"),
        ),
        tuple(rows),
        said(
            "點開一行，看是哪幾筆，並記錄您看過了。數字高不代表有問題。",
            "A line opens its cases; note there that you looked. A high figure proves nothing.",
            "行を開くと該当の取引を確認し、確認済みの記録ができます。高い数値が不正とは限りません。",
        ),
    )


def _return_table(returns: Sequence[tuple[BuyReturn, str]]) -> Table:
    return Table(
        "returns",
        said("買了又退的會員", "Members who buy and give back", "購入と返品を繰り返す会員"),
        (
            Column(said("會員編號", "Member", "会員番号"), "text"),
            Column(said("次數", "Times", "回数")),
            Column(said("金額", "Amount", "金額"), "twd"),
        ),
        tuple(
            Row(
                (plain(shown_number(number)), again.times, again.amount_twd),
                {"member": number},
                "warning",
            )
            for again, number in returns
        ),
    )


_NOBODY_SOLD = said(
    "這段期間沒有店員結帳。",
    "No clerk recorded a sale in these days.",
    "この期間に会計したスタッフはいません。",
)

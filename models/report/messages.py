"""What all campaigns came to: lift against the holdout, A/B, participation, money (E-15, A-26);
and how many messages cost nothing (X10)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import sqrt
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.base import Texts, said
from models.campaign import Campaign
from models.insight import VERDICT_NAMES, Lift, Report, report_of_campaign
from models.interval import Z_95
from models.outreach.share import Share, list_shares
from models.prepared import NoteProgress
from models.report.findings import (
    Cell,
    Chart,
    Column,
    Figure,
    Findings,
    Row,
    Series,
    Table,
    Whisker,
    plain,
)
from models.report.heading import HIGH, LOW, MONTH, VERDICT
from models.report.measured import Measured, share
from models.sending import CampaignRun

MOST_CAMPAIGNS = 40
DAYS = 182
VERDICT_TONES = {"higher": "success", "lower": "danger"}
_AB_WORDS: Mapping[str, Texts] = {
    "winner": said("分出勝負", "decided", "勝敗あり"),
    "no_difference": said("看不出差別", "no difference found", "差なし"),
    "too_few": said("資料不足", "not enough data", "データ不足"),
}


def campaign_findings(
    session: Session, now: datetime, _values: Mapping[str, Any], tell: NoteProgress
) -> Findings:
    """Tell the lift of each campaign of half a year, and what they came to together."""
    begun = select(CampaignRun.campaign_id).where(
        CampaignRun.started_at >= now - timedelta(days=DAYS)
    )
    campaigns = session.scalars(
        select(Campaign)
        .where(Campaign.id.in_(begun))
        .order_by(Campaign.id.desc())
        .limit(MOST_CAMPAIGNS)
    ).all()
    reports = []
    for number, campaign in enumerate(campaigns, 1):
        reports.append(report_of_campaign(session, campaign, now))
        tell(number, len(campaigns))
    return told_campaigns(reports)


def told_campaigns(reports: Sequence[Report]) -> Findings:
    """Tell campaigns' reports as findings, the newest first."""
    if not reports:
        return Findings(notes=(_NOTHING_SENT,))
    compared = [(report, report.lift) for report in reports if report.lift.difference is not None]
    pooled = pool([lift for _, lift in compared])
    whiskers = [
        Whisker(dict(report.name), lift.difference or 0.0, *lift.interval)
        for report, lift in compared
    ]
    if pooled.value is not None and pooled.low is not None and pooled.high is not None:
        whiskers.append(Whisker(_TOGETHER, pooled.value, pooled.low, pooled.high))
    chart = Chart(
        "intervals",
        said("每檔活動讓購買率多了多少", "Lift of each campaign", "キャンペーン別のリフト"),
        "percent",
        whiskers=tuple(whiskers),
        centre=0.0,
    )
    tables = (_lifts(reports), _variants(reports))
    return Findings(_sums(reports, pooled), (chart,) if compared else (), tables, _notes(compared))


def pool(lifts: Sequence[Lift]) -> Measured:
    """Return the difference of all campaigns together, each weighted by how sure it is.

    By inverse variance, with half a buyer added to each side so that a side without any has a
    variance, too. A campaign with nobody on one side tells nothing.
    """
    weighted = total = 0.0
    cases = 0
    for lift in lifts:
        if not lift.treated or not lift.held_out or lift.difference is None:
            continue
        variance = _variance(lift.treated_buyers, lift.treated) + _variance(
            lift.held_out_buyers, lift.held_out
        )
        weighted += lift.difference / variance
        total += 1 / variance
        cases += lift.treated + lift.held_out
    if not total:
        return Measured(None, cases=0)
    middle, reach = weighted / total, Z_95 / sqrt(total)
    return Measured(middle, middle - reach, middle + reach, cases)


def _variance(hits: int, trials: int) -> float:
    rate = (hits + 0.5) / (trials + 1)
    return rate * (1 - rate) / trials


_TOGETHER = said("全部合計", "All together", "全体")
_NOTHING_SENT = said(
    "近半年沒有發送過活動。到「行銷活動」建立第一檔，預設會保留 5–10% 的人不發，才看得出效果。",
    "No campaign was sent in half a year. A new one holds 5 to 10% back, so that its effect shows.",
    "直近半年に配信したキャンペーンがありません。新規作成時は 5〜10% を配信対象外とし、"
    "効果を測れるようにします。",
)
_NO_HOLDOUT = said(
    "這些活動都沒有保留對照組，看不出效果。下一檔請保留 5–10%。",
    "None of these campaigns held anybody back, so no effect can be seen. Hold 5 to 10% back next.",
    "対照群がないため効果を測れません。次回は 5〜10% を配信対象外にしてください。",
)


def _notes(compared: Sequence[Any]) -> tuple[Texts, ...]:
    return () if compared else (_NO_HOLDOUT,)


def _sums(reports: Sequence[Report], pooled: Measured) -> tuple[Figure, ...]:
    accepted = sum(report.outcomes.accepted for report in reports)
    reacting = share(sum(report.clicks.reacting for report in reports), accepted)
    cost = sum((report.money.cost_twd for report in reports), start=reports[0].money.cost_twd * 0)
    net = sum(report.sales.net_twd for report in reports)
    return (
        Figure(
            "lift",
            said("平均多買的比例", "Lift, all together", "全体のリフト"),
            pooled.value,
            "percent",
            said(
                "有發送的人的購買率 − 保留組的購買率，各檔依精確度加權。",
                "Share of buyers among those written to less that of the holdout; "
                "campaigns weighted by how sure they are.",
                "配信群の購入率 − 対照群の購入率。各回を精度で加重。",
            ),
            low=pooled.low,
            high=pooled.high,
            cases=pooled.cases,
        ),
        Figure(
            "reaction",
            said("參與率", "Participation", "参加率"),
            reacting.value,
            "percent",
            said(
                "點了連結或按鈕的人 ÷ 送達人數。",
                "Members who clicked or tapped ÷ those reached.",
                "反応した会員 ÷ 到達人数。",
            ),
            low=reacting.low,
            high=reacting.high,
            cases=reacting.cases,
        ),
        Figure(
            "roas",
            said("投資報酬（倍）", "Return (ROAS)", "ROAS（倍）"),
            float(net / cost) if cost else None,
            "ratio",
            said(
                "歸因淨業績 ÷（訊息費＋優惠成本）。",
                "Attributed net sales ÷ (cost of messages + benefits).",
                "貢献売上 ÷（配信費 ＋ 特典コスト）。",
            ),
        ),
    )


def _lifts(reports: Sequence[Report]) -> Table:
    return Table(
        "lift",
        said("每檔活動的效果", "Effect of each campaign", "キャンペーン別の効果"),
        (
            Column(said("活動", "Campaign", "キャンペーン"), "text"),
            Column(said("送達", "Reached", "到達")),
            Column(said("參與", "Reacted", "反応")),
            Column(said("參與率", "Participation", "参加率"), "percent"),
            Column(said("多買的比例", "Lift", "リフト"), "percent"),
            Column(LOW, "percent"),
            Column(HIGH, "percent"),
            Column(VERDICT, "text"),
            Column(said("歸因淨業績", "Net sales", "貢献売上"), "twd"),
            Column(said("成本", "Cost", "コスト"), "twd"),
            Column(said("封鎖", "Blocked", "ブロック")),
        ),
        tuple(_lift_row(report) for report in reports),
        said(
            "結論以保留組比較：區間跨過 0，或一邊少於 30 人，就是「資料不足」。",
            "Compared with the holdout: where the interval spans 0, or one side has fewer than 30, "
            "the verdict is “not enough data”.",
            "対照群との比較。区間が 0 をまたぐ、または片側 30 人未満なら「データ不足」。",
        ),
    )


def _lift_row(report: Report) -> Row:
    lift = report.lift
    has_both = lift.difference is not None
    low, high = lift.interval if has_both else (None, None)
    cells: tuple[Cell, ...] = (
        dict(report.name),
        report.outcomes.accepted,
        report.clicks.reacting,
        report.share_of_accepted(report.clicks.reacting),
        lift.difference,
        low,
        high,
        VERDICT_NAMES[lift.verdict],
        report.sales.net_twd,
        float(report.money.cost_twd),
        report.blocks,
    )
    return Row(cells, {"campaign": report.code}, VERDICT_TONES.get(lift.verdict))


def _variants(reports: Sequence[Report]) -> Table:
    rows = []
    for report in reports:
        if len(report.variants) < 2:
            continue
        for line in report.variants:
            found = share(line.hits(report.metric), line.accepted)
            decision = report.decision
            chosen = decision is not None and decision.chosen == line.code
            verdict = _AB_WORDS.get(decision.verdict) if decision is not None else None
            rows.append(
                Row(
                    (
                        dict(report.name),
                        plain(line.code.upper()),
                        line.accepted,
                        line.hits(report.metric),
                        found.value,
                        found.low,
                        found.high,
                        verdict,
                    ),
                    {"campaign": report.code},
                    "success" if chosen else None,
                )
            )
    return Table(
        "variants",
        said("A/B 測試", "A/B tests", "A/B テスト"),
        (
            Column(said("活動", "Campaign", "キャンペーン"), "text"),
            Column(said("版本", "Variant", "パターン"), "text"),
            Column(said("送達", "Reached", "到達")),
            Column(said("達成", "Hits", "達成")),
            Column(said("比例", "Share", "割合"), "percent"),
            Column(LOW, "percent"),
            Column(HIGH, "percent"),
            Column(VERDICT, "text"),
        ),
        tuple(rows),
    )


# --- what cost nothing ---


def free_findings(session: Session, _now: datetime, _values: Mapping[str, Any]) -> Findings:
    """Tell the share of deliveries at zero cost, month by month."""
    return told_free(list_shares(session))


def told_free(shares: Sequence[Share]) -> Findings:
    """Tell the months' messages by the way they went, newest first."""
    months = list(reversed(shares))
    rides, nudges = sum(month.rides for month in months), sum(month.nudges for month in months)
    found = share(rides, rides + nudges)
    figure = Figure(
        "free",
        said("提醒免費送達率", "Nudges that cost nothing", "無料で届いた通知の割合"),
        found.value,
        "percent",
        said(
            "搭著回覆免費送出的提醒 ÷ 全部提醒。",
            "Nudges that a reply carried for nothing ÷ all nudges.",
            "返信に相乗りした通知 ÷ 全通知。",
        ),
        cases=found.cases,
    )
    series = (
        Series(said("回覆", "Replies", "返信"), tuple(month.replies for month in months)),
        Series(
            said("搭回覆的提醒", "Nudges on replies", "相乗り通知"),
            tuple(month.rides for month in months),
        ),
        Series(
            said("推播的提醒", "Nudges pushed", "プッシュ通知"),
            tuple(month.nudges for month in months),
        ),
        Series(said("即時推播", "Pushes", "即時プッシュ"), tuple(month.pushes for month in months)),
    )
    chart = Chart(
        "bars",
        said("每月訊息怎麼送達", "How messages went", "月別の配信方法"),
        "count",
        names=tuple(plain(f"{month.month:%Y/%m}") for month in months),
        series=series,
        is_stacked=True,
    )
    table = Table(
        "free",
        said("免費與付費的訊息", "Free and paid messages", "無料・有料の配信"),
        (
            Column(MONTH, "month"),
            *(Column(each.name) for each in series),
            Column(said("零成本占比", "Share at no cost", "無料の割合"), "percent"),
        ),
        tuple(
            Row((month.month, month.replies, month.rides, month.nudges, month.pushes, _free(month)))
            for month in months
        ),
        said(
            "零成本＝回覆與搭回覆的提醒；不含行銷活動的群發。",
            "At no cost: replies, and nudges on them. Campaigns are not among these.",
            "無料＝返信と相乗り通知。キャンペーン配信は含みません。",
        ),
    )
    return Findings((figure,), (chart,), (table,))


def _free(month: Share) -> float | None:
    free = month.replies + month.rides
    return share(free, free + month.nudges + month.pushes).value

"""Who brings the sales (B-10), who comes again (C-06), who is lost when (C-07), who waits for a
promotion (A-05), whose basket is larger (A-14): the articles' analyses as reports."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.analysis.basket import MARK_NAMES, Baskets, read_baskets
from models.analysis.frequency import FrequencyCurve, read_frequency
from models.analysis.pareto import Pareto, read_pareto
from models.analysis.promotion import Dependency, Promotions, read_promotions
from models.analysis.recency import RecencyCurve, read_recency
from models.analysis.scope import Scope
from models.analysis.told import Note
from models.local_day import local_day
from models.report.findings import (
    Chart,
    Column,
    Figure,
    Findings,
    Line,
    Row,
    Series,
    Table,
    Texts,
    filled,
    plain,
    said,
)
from models.report.opening import asks, rule

LOW = said("至少", "At least", "下限")
HIGH = said("至多", "At most", "上限")
MARK_WORDS: Mapping[str, Texts] = {
    "with": said("有", "with", "あり"),
    "without": said("沒有", "without", "なし"),
    "own": said("自家門市", "our own stores", "自社店舗"),
    "till": said("門市收銀", "till", "レジ"),
    "web": said("網路商店", "web shop", "オンライン"),
}
ONLY_MIN_ORDERS = 1


def _scope(now: datetime, values: Mapping[str, Any]) -> Scope:
    return Scope(local_day(now), values.get("population", "all"), values.get("window_days"))


def _noted(notes: Sequence[Note]) -> tuple[Texts, ...]:
    return tuple(note.as_json()["text"] for note in notes)


def pareto_findings(session: Session, now: datetime, values: Mapping[str, Any]) -> Findings:
    """Tell how much the best customers bring, and how few bring most of it."""
    return told_pareto(read_pareto(session, _scope(now, values), now))


def told_pareto(found: Pareto) -> Findings:
    """Tell a Pareto analysis as findings."""
    if found.top is None:
        return Findings(notes=_noted(found.notes))
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
            Column(said("業績", "Sales", "売上"), "twd"),
            Column(said("業績占比", "Share of sales", "売上比率"), "percent"),
        ),
        tuple(
            Row((plain(f"{top.percent}%"), top.members, top.net_twd, top.share))
            for top in found.curve
        ),
    )
    return Findings(figures, (chart,), (table,), _noted(found.notes))


def frequency_findings(session: Session, now: datetime, values: Mapping[str, Any]) -> Findings:
    """Tell who buys again after the n-th purchase, and from which one on members stay."""
    return told_frequency(read_frequency(session, _scope(now, values), now))


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
    return Findings(_stable(found), (chart,), (table,), _noted(found.notes))


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
    return told_recency(read_recency(session, _scope(now, values), now))


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
    return Findings(_rise(found), (chart,), (table,), _noted(found.notes))


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


def promotion_findings(session: Session, now: datetime, values: Mapping[str, Any]) -> Findings:
    """Tell how much each tier buys on promotion (A-05)."""
    return told_promotions(read_promotions(session, _scope(now, values), now))


def told_promotions(found: Promotions) -> Findings:
    """Tell promotion dependency as findings."""
    chart = Chart(
        "bars",
        said("促銷依賴度", "Promotion dependency", "販促依存度"),
        "percent",
        names=tuple(tier.name for tier in found.tiers),
        series=(
            Series(
                said("促銷訂單占比", "Orders on promotion", "販促注文の割合"),
                tuple(tier.dependency for tier in found.tiers),
            ),
        ),
    )
    total = found.total
    figure = Figure(
        "dependency",
        said("促銷依賴度", "Promotion dependency", "販促依存度"),
        total.dependency,
        "percent",
        said(
            "用了優惠券或折扣的訂單 ÷ 全部訂單。",
            "Orders with a coupon or discount ÷ all orders.",
            "クーポンや割引を使った注文 ÷ 全注文。",
        ),
        cases=total.orders,
    )
    table = Table(
        "promotions",
        said("各等級的促銷依賴度", "Dependency by tier", "ランク別の販促依存度"),
        (
            Column(said("等級", "Tier", "ランク"), "text"),
            Column(said("會員數", "Members", "会員数")),
            Column(said("訂單", "Orders", "注文")),
            Column(said("促銷訂單", "On promotion", "販促注文")),
            Column(said("依賴度", "Dependency", "依存度"), "percent"),
            Column(said("只買促銷的人", "Only on promotion", "販促のみの人")),
            Column(said("占比", "Share", "割合"), "percent"),
        ),
        tuple(_promotion_row(each) for each in (*found.tiers, total)),
    )
    return Findings((figure,), (chart,), (table,), _noted(found.notes))


def _promotion_row(each: Dependency) -> Row:
    only = asks("buys_only_on_promotion", "is", True, min_orders=ONLY_MIN_ORDERS)
    opens = rule(asks("tier", "is", each.tier_code), only) if each.tier_code else rule(only)
    return Row(
        (
            each.name,
            each.members,
            each.orders,
            each.promo_orders,
            each.dependency,
            each.only_on_promotion,
            each.only_share,
        ),
        opens,
    )


def basket_findings(session: Session, now: datetime, values: Mapping[str, Any]) -> Findings:
    """Compare the baskets of one mark with those of all other orders (A-14)."""
    return told_baskets(read_baskets(session, _scope(now, values), now, values["by"]))


def told_baskets(found: Baskets) -> Findings:
    """Tell baskets side by side as findings."""
    names = [MARK_WORDS.get(mark.mark, plain(mark.mark)) for mark in found.marks]
    chart = Chart(
        "bars",
        said("客單價", "Average basket", "客単価"),
        "twd",
        names=tuple(names),
        series=(
            Series(
                said("客單價", "Basket", "客単価"), tuple(mark.basket_twd for mark in found.marks)
            ),
        ),
    )
    table = Table(
        "baskets",
        said("客單價比較", "Baskets side by side", "客単価の比較"),
        (
            Column(MARK_NAMES[found.by], "text"),
            Column(said("訂單", "Orders", "注文")),
            Column(said("業績", "Sales", "売上"), "twd"),
            Column(said("客單價", "Basket", "客単価"), "twd"),
            Column(said("其他訂單的客單價", "Basket of all others", "他の注文の客単価"), "twd"),
            Column(said("倍數", "Ratio", "倍率"), "ratio"),
        ),
        tuple(
            Row((name, mark.orders, mark.net_twd, mark.basket_twd, mark.others_twd, mark.ratio))
            for name, mark in zip(names, found.marks, strict=True)
        ),
    )
    figure = Figure(
        "basket_twd",
        said("平均客單價", "Average basket", "平均客単価"),
        found.basket_twd,
        "twd",
        said("業績 ÷ 訂單數。", "Sales ÷ orders.", "売上 ÷ 注文数。"),
        cases=found.orders,
    )
    return Findings((figure,), (chart,), (table,), _noted(found.notes))

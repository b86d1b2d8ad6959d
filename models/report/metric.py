"""The shop's named metrics (B-24, E-13, E-16): each a formula over the facts of some days.

A metric is worked out for the period and the one before, for everybody or a segment, always by
the same function. The articles' values are told nowhere: a shop's own past is what it compares to.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.base import Texts, said
from models.report.facts import Facts
from models.report.findings import Figure, Opens, Unit
from models.report.measured import Measured, mean, ratio, share, total
from models.report.opening import bought_between, rule
from models.report.period import Span
from models.report.population import Population
from models.segment.rule import asks


@dataclass(frozen=True)
class Metric:
    """One metric: its name, how it is worked out in words and in code, and what it opens."""

    code: str
    name: Texts
    unit: Unit
    formula: Texts
    measure: Callable[[Facts], Measured]
    opens: Callable[[Span], Opens | None] = lambda _: None
    is_of_all_only: bool = False
    """Whether it can be told of everybody only, for LINE does not say who."""


def work_out(
    metrics: Sequence[Metric], population: Population, span: Span, *, compare: bool = True
) -> tuple[Figure, ...]:
    """Return the figures of some metrics for a population and period, with the period before."""
    now, before = Facts(population, span), Facts(population, span.before)
    chosen = [one for one in metrics if population.is_everybody or not one.is_of_all_only]
    return tuple(_figure(metric, now, before if compare else None) for metric in chosen)


def _figure(metric: Metric, facts: Facts, before: Facts | None) -> Figure:
    found = metric.measure(facts)
    opens = metric.opens(facts.span) if facts.population.is_everybody else None
    return Figure(
        code=metric.code,
        name=metric.name,
        value=found.value,
        unit=metric.unit,
        formula=metric.formula,
        before=metric.measure(before).value if before is not None else None,
        low=found.low,
        high=found.high,
        cases=found.cases,
        opens=opens,
    )


def _buyers(span: Span) -> Opens:
    return rule(bought_between(span.since, span.until))


def _old_buyers(span: Span) -> Opens:
    earlier = asks("purchases", "at_least", 1, until=span.before.until.isoformat())
    return rule(bought_between(span.since, span.until), earlier)


def _first_buyers(span: Span) -> Opens:
    earlier = asks("purchases", "at_least", 1, until=span.before.until.isoformat())
    return rule(bought_between(span.since, span.until), {"not": earlier})


def _joined(span: Span) -> Opens:
    days = [span.since.isoformat(), span.until.isoformat()]
    return rule(asks("joined_on", "between", days))


METRICS: tuple[Metric, ...] = (
    Metric(
        "sales_twd",
        said("會員業績", "Sales to members", "会員売上"),
        "twd",
        said(
            "期間內會員消費的實付金額，扣除退款。",
            "What members paid in the period, less refunds.",
            "期間中に会員が支払った金額から返金を引いたもの。",
        ),
        lambda facts: total(facts.sales.net_twd),
        _buyers,
    ),
    Metric(
        "buyers",
        said("購買會員數", "Members who bought", "購入会員数"),
        "count",
        said(
            "期間內有購買（未全額退款）的會員人數。",
            "Members with a purchase in the period that was not wholly taken back.",
            "期間中に購入（全額返金を除く）した会員数。",
        ),
        lambda facts: total(facts.sales.buyers),
        _buyers,
    ),
    Metric(
        "orders_per_buyer",
        said("購買頻率", "Orders per buyer", "購入頻度"),
        "number",
        said(
            "期間內訂單數 ÷ 購買會員數。",
            "Orders in the period ÷ members who bought.",
            "期間中の注文数 ÷ 購入会員数。",
        ),
        lambda facts: mean(facts.sales.buyers, facts.sales.orders, facts.sales.orders_squared),
        _buyers,
    ),
    Metric(
        "basket_twd",
        said("客單價", "Average basket", "客単価"),
        "twd",
        said(
            "會員業績 ÷ 訂單數。",
            "Sales to members ÷ their orders.",
            "会員売上 ÷ 注文数。",
        ),
        lambda facts: mean(facts.sales.orders, facts.sales.net_twd, facts.sales.squares),
        _buyers,
    ),
    Metric(
        "repeat_rate",
        said("舊客回購率", "Repeat rate of old customers", "既存客リピート率"),
        "percent",
        said(
            "期間前就買過的會員中，期間內又購買的比例。",
            "Of the members who had bought before the period, the share who bought in it.",
            "期間前に購入歴のある会員のうち、期間中に再購入した割合。",
        ),
        lambda facts: share(facts.sales.old_buyers, facts.people.old_customers),
        _old_buyers,
    ),
    Metric(
        "old_share",
        said("舊客業績占比", "Old customers' share of sales", "既存客の売上比率"),
        "percent",
        said(
            "期間前就買過的會員帶來的業績 ÷ 會員業績。",
            "Sales to members who had bought before the period ÷ sales to members.",
            "期間前に購入歴のある会員の売上 ÷ 会員売上。",
        ),
        lambda facts: ratio(facts.sales.old_net_twd, facts.sales.net_twd),
        _old_buyers,
    ),
    Metric(
        "retention",
        said("留存率", "Retention", "継続率"),
        "percent",
        said(
            "前一期購買的會員中，這一期又購買的比例。",
            "Of the members who bought in the period before, the share who bought in this one.",
            "前期に購入した会員のうち、今期も購入した割合。",
        ),
        lambda facts: share(facts.kept[1], facts.kept[0]),
        lambda span: rule(
            bought_between(span.since, span.until),
            bought_between(span.before.since, span.before.until),
        ),
    ),
    Metric(
        "joined",
        said("新加入會員", "Members who joined", "新規会員"),
        "count",
        said(
            "期間內加入、目前仍在的會員人數。",
            "Members who joined in the period and are still here.",
            "期間中に入会し、現在も在籍する会員数。",
        ),
        lambda facts: total(facts.people.joined),
        _joined,
    ),
    Metric(
        "first_buyers",
        said("首購會員", "First-time buyers", "初回購入会員"),
        "count",
        said(
            "第一筆（仍成立的）購買落在期間內的會員人數。",
            "Members whose first purchase that stands lies in the period.",
            "最初の（有効な）購入が期間中だった会員数。",
        ),
        lambda facts: total(facts.people.first_buyers),
        _first_buyers,
    ),
    Metric(
        "active_rate",
        said("活躍率", "Active members", "アクティブ率"),
        "percent",
        said(
            "期間內購買會員數 ÷ 期末會員數。",
            "Members who bought in the period ÷ members at its end.",
            "期間中の購入会員数 ÷ 期末会員数。",
        ),
        lambda facts: share(facts.sales.buyers, facts.people.members),
        _buyers,
    ),
    Metric(
        "promo_share",
        said("促銷訂單占比", "Orders on promotion", "販促利用注文の割合"),
        "percent",
        said(
            "用了優惠券或折扣的訂單 ÷ 全部訂單。",
            "Orders with a coupon or discount ÷ all orders.",
            "クーポンや割引を使った注文 ÷ 全注文。",
        ),
        lambda facts: share(facts.sales.promo_orders, facts.sales.orders),
    ),
    Metric(
        "open_rate",
        said("訊息開啟率", "Open rate", "開封率"),
        "percent",
        said(
            "LINE 統計看到訊息的人數 ÷ 送達則數；只計入 LINE 有公布數字（20 人以上）的發送。",
            "People LINE saw a message on whose screen ÷ messages accepted, "
            "of sendings for which LINE tells a figure (20 people or more).",
            "LINE が表示を確認した人数 ÷ 配信数。LINE が数値を公開した配信（20 人以上）のみ。",
        ),
        lambda facts: share(
            min(facts.messages.seen, facts.messages.seen_of), facts.messages.seen_of
        ),
        is_of_all_only=True,
    ),
    Metric(
        "click_rate",
        said("訊息點擊率", "Click rate", "クリック率"),
        "percent",
        said(
            "點了連結或按鈕的人次 ÷ 送達則數（每次發送每人計一次）。",
            "Messages in which a link or button was tapped ÷ messages accepted, "
            "a person once a sending.",
            "リンクやボタンが押された配信数 ÷ 配信数（1 配信につき 1 人 1 回）。",
        ),
        lambda facts: share(facts.messages.clicked, facts.messages.accepted),
    ),
    Metric(
        "participation",
        said("活動參與率", "Campaign participation", "キャンペーン参加率"),
        "percent",
        said(
            "收到任一活動訊息的會員中，至少點過一次的比例。",
            "Of the members reached by any campaign, the share who clicked or tapped in one.",
            "いずれかの配信を受け取った会員のうち、1 回以上反応した割合。",
        ),
        lambda facts: share(facts.messages.reacted, facts.messages.reached),
    ),
    Metric(
        "block_rate",
        said("封鎖率", "Block rate", "ブロック率"),
        "percent",
        said(
            "期間內封鎖我們的會員 ÷（目前好友＋這些人）。",
            "Members who blocked us in the period ÷ friends now and those together.",
            "期間中にブロックした会員 ÷（現在の友だち＋その人数）。",
        ),
        lambda facts: share(*facts.blocks),
        lambda _: rule(asks("friendship", "is", "blocked")),
    ),
    Metric(
        "coupon_use_rate",
        said("優惠券使用率", "Coupons used", "クーポン利用率"),
        "percent",
        said(
            "期間內發出的優惠券中，到現在已使用的比例。",
            "Of the coupons given in the period, the share used by now.",
            "期間中に発行したクーポンのうち、現在までに利用された割合。",
        ),
        lambda facts: share(facts.coupons[1], facts.coupons[0]),
    ),
    Metric(
        "points_burn",
        said("點數使用率", "Points spent of earned", "ポイント消化率"),
        "percent",
        said(
            "期間內使用的點數 ÷ 期間內發出的點數。",
            "Points spent in the period ÷ points earned in it.",
            "期間中に利用されたポイント ÷ 付与されたポイント。",
        ),
        lambda facts: ratio(facts.points[1], facts.points[0]),
    ),
    Metric(
        "upgrade_conversion",
        said("升等轉換率", "Upgrade conversion", "ランクアップ完了率"),
        "percent",
        said(
            "期間內達標的升等中，完成（看過並領取升等禮；沒有升等禮者看過）的比例。",
            "Of the upgrades qualified for in the period, the share completed: "
            "the gift claimed, or, without one, seen.",
            "期間中に条件を満たしたランクアップのうち、完了（特典受取、特典なしは閲覧）した割合。",
        ),
        lambda facts: share(facts.upgrades[1], facts.upgrades[0]),
    ),
    Metric(
        "satisfaction",
        said("滿意度（1–5 分）", "Satisfaction (1 to 5)", "満足度（1〜5）"),
        "number",
        said(
            "期間內滿意度問卷分數的平均。",
            "The mean score of satisfaction surveys answered in the period.",
            "期間中に回答された満足度アンケートの平均点。",
        ),
        lambda facts: mean(
            facts.satisfaction.answers, facts.satisfaction.total, facts.satisfaction.squares
        ),
    ),
    Metric(
        "recommendation",
        said("推薦意願（NPS）", "Would recommend (NPS)", "推奨度（NPS）"),
        "percent",
        said(
            "9–10 分的比例減 0–6 分的比例。",
            "The share of 9s and 10s less the share of 0s to 6s.",
            "9〜10 点の割合から 0〜6 点の割合を引いたもの。",
        ),
        lambda facts: mean(
            facts.recommendation.answers, facts.recommendation.total, facts.recommendation.squares
        ),
    ),
)
BY_CODE = {metric.code: metric for metric in METRICS}

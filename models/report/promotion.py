"""Who waits for a promotion (A-05), and whose basket is larger (A-14)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.analysis.basket import MARK_NAMES, Baskets, read_baskets
from models.analysis.promotion import Dependency, Promotions, read_promotions
from models.base import Texts, said
from models.report.asked import noted, scope_of
from models.report.findings import (
    Chart,
    Column,
    Figure,
    Findings,
    Row,
    Series,
    Table,
    plain,
)
from models.report.heading import MEMBERS, SALES, TIER
from models.report.opening import rule
from models.segment.rule import asks

MARK_WORDS: Mapping[str, Texts] = {
    "with": said("有", "with", "あり"),
    "without": said("沒有", "without", "なし"),
    "own": said("自家門市", "our own stores", "自社店舗"),
    "till": said("門市收銀", "till", "レジ"),
    "web": said("網路商店", "web shop", "オンライン"),
}
ONLY_MIN_ORDERS = 1


def promotion_findings(session: Session, now: datetime, values: Mapping[str, Any]) -> Findings:
    """Tell how much each tier buys on promotion (A-05)."""
    return told_promotions(read_promotions(session, scope_of(now, values), now))


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
            Column(TIER, "text"),
            Column(MEMBERS),
            Column(said("訂單", "Orders", "注文")),
            Column(said("促銷訂單", "On promotion", "販促注文")),
            Column(said("依賴度", "Dependency", "依存度"), "percent"),
            Column(said("只買促銷的人", "Only on promotion", "販促のみの人")),
            Column(said("占比", "Share", "割合"), "percent"),
        ),
        tuple(_promotion_row(each) for each in (*found.tiers, total)),
    )
    return Findings((figure,), (chart,), (table,), noted(found.notes))


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
    return told_baskets(read_baskets(session, scope_of(now, values), now, values["by"]))


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
            Column(SALES, "twd"),
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
    return Findings((figure,), (chart,), (table,), noted(found.notes))

"""How many paid memberships are renewed (A-03), beside what the trade reaches."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from models.base import said
from models.plan import (
    REFERENCE_PERCENT,
    RETAIL_PERCENTS,
    RenewalRate,
    months_before,
    renewal_rates,
)
from models.report.findings import (
    Chart,
    Column,
    Figure,
    Findings,
    Line,
    Row,
    Series,
    Table,
    plain,
)
from models.report.heading import HIGH, LOW, MONTH
from models.report.measured import share
from models.report.opening import rule
from models.report.period import YEAR_MONTHS
from models.segment.rule import asks


def renewal_findings(session: Session, now: datetime, _values: Mapping[str, Any]) -> Findings:
    """Tell how many of the paid memberships due in a month were renewed (A-03)."""
    return told_renewals(renewal_rates(session, months_before(now, YEAR_MONTHS)))


def told_renewals(rates: Sequence[RenewalRate]) -> Findings:
    """Tell renewal rates beside the article's reference lines."""
    shares = [share(rate.renewed, rate.due) for rate in rates]
    due, renewed = sum(rate.due for rate in rates), sum(rate.renewed for rate in rates)
    year = share(renewed, due)
    formula = said(
        "當月到期的付費會籍中，到期後 30 天內續費的比例。",
        "Of the paid memberships that ended in the month, the share paid for again within 30 days.",
        "その月に期限を迎えた有料会員のうち、30 日以内に更新した割合。",
    )
    low, high = RETAIL_PERCENTS
    chart = Chart(
        "trend",
        said("續約率", "Renewal rate", "更新率"),
        "percent",
        names=tuple(plain(f"{rate.month:%Y/%m}") for rate in rates),
        series=(
            Series(said("續約率", "Renewal rate", "更新率"), tuple(each.value for each in shares)),
        ),
        lines=(
            Line(plain(f"{REFERENCE_PERCENT}%"), REFERENCE_PERCENT / 100),
            Line(plain(f"{low}%"), low / 100),
            Line(plain(f"{high}%"), high / 100),
        ),
    )
    table = Table(
        "renewal",
        said("每月續約", "Renewals by month", "月別の更新"),
        (
            Column(MONTH, "month"),
            Column(said("到期", "Due", "期限到来")),
            Column(said("續約", "Renewed", "更新")),
            Column(said("續約率", "Rate", "更新率"), "percent"),
            Column(LOW, "percent"),
            Column(HIGH, "percent"),
        ),
        tuple(
            Row((rate.month, rate.due, rate.renewed, each.value, each.low, each.high))
            for rate, each in zip(rates, shares, strict=True)
        ),
        said(
            "參考線：台灣某會員制量販 87%，零售業一般 60–70%。它們是文章中的數字，不是目標。",
            "Reference lines: a warehouse club in Taiwan, 87%; retail on average, 60 to 70%. "
            "They are the article's figures, not goals.",
            "参考線：台湾の会員制倉庫店 87%、小売平均 60〜70%。"
            "記事の数値であり、目標ではありません。",
        ),
    )
    figure = Figure(
        "renewal",
        said("近 12 個月續約率", "Renewal rate of 12 months", "直近 12 か月の更新率"),
        year.value,
        "percent",
        formula,
        low=year.low,
        high=year.high,
        cases=due,
        opens=rule(asks("has_plan", "is", True)),
    )
    notes = () if due else (_NO_PLANS,)
    return Findings((figure,), (chart,), (table,), notes)


_NO_PLANS = said(
    "近 12 個月沒有到期的付費會籍。付費方案在「會員經營 › 付費方案」設定。",
    "No paid membership ended in these months. Plans are set up under Loyalty.",
    "直近 12 か月に期限を迎えた有料会員はいません。プランは「会員プログラム」で設定します。",
)

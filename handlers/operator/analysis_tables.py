"""The analyses as tables that a shop's owner reads: figures, what they mean, what to do next."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import click

from handlers.operator.table import Cell, print_table
from handlers.operator.tiers import HEALTH_ADVICE
from models.analysis import (
    MARK_NAMES,
    Baskets,
    Budget,
    Contribution,
    Design,
    FrequencyCurve,
    LadderHealth,
    Note,
    Pareto,
    Promotions,
    RecencyCurve,
    Stall,
    TierReport,
    gap_text,
)
from models.analysis.frequency import STEADY_POINTS
from models.analysis.promotion import Dependency
from models.analysis.recency import MONTH_DAYS, MONTHS
from models.analysis.stall import Band
from models.analysis.tier_report import TierLine
from models.base import in_language
from models.journey.templates.returning_home import BEFORE_MONTH_4

CHINESE = "zh-TW"
COST_NAMES = {
    "rebate": "點數回饋",
    "coupon": "優惠券",
    "gift": "禮物",
    "event": "活動",
    "message": "訊息",
}
MARK_WORDS = {"with": "有", "without": "沒有", "own": "自家門市", "till": "門市收銀"}


def exact_percent(share: float | None) -> str | None:
    """Return a share as people read it, 31.72%; None stays None."""
    return None if share is None else f"{share:.2%}"


def _twd(amount: float | None) -> str | None:
    return None if amount is None else f"NT${amount:,.0f}"


def _range(low: float, high: float) -> str:
    return f"{low:.1%}–{high:.1%}"


def _notes(notes: Iterable[Note]) -> None:
    for note in notes:
        click.echo(f"說明：{note.text(CHINESE)}")


# --- where members stop, come again, are lost ---


def show_stall(found: Stall) -> None:
    """Print the bands, the one where most stop, and the thresholds that follow."""
    if not found.bands[0].and_above:
        _notes(found.notes)
        return
    candidates = {each.over_twd: each for each in found.candidates}
    rows: list[tuple[Cell, ...]] = []
    for band in found.bands:
        mark = ""
        if found.marked == band:
            mark = "← 最多人停在這裡"
        elif band.up_to_twd in candidates:
            mark = "← 下一個高點" + ("" if candidates[band.up_to_twd].is_clear else "（不明顯）")
        rows.append((_band(band), band.members, band.and_above, exact_percent(band.ratio), mark))
    print_table(("累計消費", "人數", "這級以上", "停在這級", ""), rows, "rrrrl")
    click.echo("停在這級＝這級的人數 ÷ 這級以上的人數；最後一級一定是 100%，不列入比較。")
    if found.first_over_twd is not None:
        click.echo(f"建議的第一個門檻：超過 NT${found.first_over_twd:,}。")
    if candidates:
        listed = "、".join(f"超過 NT${over_twd:,}" for over_twd in candidates)
        click.echo(f"之後的門檻可以考慮：{listed}。")
    _notes(found.notes)


def _band(band: Band) -> str:
    if band.up_to_twd is None:
        return f"超過 NT${band.over_twd:,}"
    if not band.over_twd:
        return f"NT${band.up_to_twd:,} 以下"
    return f"NT${band.over_twd + 1:,}–{band.up_to_twd:,}"


def show_frequency(found: FrequencyCurve) -> None:
    """Print who buys again after how many purchases."""
    if not any(step.judged or step.too_recent for step in found.steps):
        _notes(found.notes)
        return
    rows: list[tuple[Cell, ...]] = [
        (
            f"{step.orders} 次以上",
            step.judged,
            step.again,
            exact_percent(step.rate),
            _range(step.low, step.high) if step.judged else None,
            step.too_recent,
            "← 從這次起穩定" if step.orders == found.stable_from else "",
        )
        for step in found.steps
        if step.judged or step.too_recent
    ]
    print_table(("買過", "可判斷", "又再買", "回購率", "95% 區間", "太新不計", ""), rows, "rrrrrrl")
    click.echo(f"太新：最近 {found.horizon_days} 天內才買到這個次數，還看不出會不會再買，不列入。")
    points = round(STEADY_POINTS * 100)
    click.echo(f"穩定：再多買一次，回購率增加不到 {points} 個百分點，之後也沒有明顯低於這個水準。")
    if found.stable_from is not None:
        click.echo(
            f"從第 {found.stable_from} 次購買起回購穩定，回購率 {exact_percent(found.rate)}："
            f"先把新客帶到第 {found.stable_from} 次。"
        )
    _notes(found.notes)


def show_recency(found: RecencyCurve) -> None:
    """Print in which month of their silence members are lost."""
    if not any(month.silent or month.undecided for month in found.months):
        _notes(found.notes)
        return
    rows: list[tuple[Cell, ...]] = [
        (
            f"第 {month.month} 個月",
            month.silent,
            month.came_back,
            exact_percent(month.churn),
            _range(month.low, month.high) if month.silent else None,
            month.undecided,
            exact_percent(month.still_away),
            "← 流失明顯上升" if month.month == found.rises_in_month else "",
        )
        for month in found.months
    ]
    print_table(
        ("購買後", "還沒來", "當月回來", "流失率", "95% 區間", "未滿不計", "一路沒來", ""),
        rows,
        "rrrrrrrl",
    )
    click.echo(
        f"流失率：月初還沒再買的人，有多少整個月也沒來。一個月以 {MONTH_DAYS} 天計，"
        "看每位會員最近兩段間隔；還在當月的人不列入。"
    )
    if found.rises_in_month is not None:
        click.echo(
            f"流失率在第 {found.rises_in_month} 個月明顯上升："
            f"請在購買後第 {found.remind_on_day} 天提醒，讓下一次購買早於第 "
            f"{found.rises_in_month} 個月。"
        )
        click.echo(
            f"建立這個提醒：flask --app app journey install {BEFORE_MONTH_4.code} "
            f"--days {found.remind_on_day} --by 帳號"
        )
    _notes(found.notes)


# --- money ---


def show_budget(found: Budget) -> None:
    """Print a year's profit, what benefits take of it, and what is left."""
    rows: list[tuple[Cell, ...]] = [
        ("一年消費", _twd(found.revenue_twd)),
        ("利潤（優惠前）", _twd(found.profit_twd)),
        *((f"－ {COST_NAMES[cost.kind]}", _twd(cost.cost_twd)) for cost in found.costs),
        ("剩下", _twd(found.left_twd)),
    ]
    print_table(("項目", "金額"), rows, "lr")
    if found.is_red:
        click.secho(f"紅燈：優惠後只剩 NT${found.left_twd:,}，沒有餘裕。", fg="red")
    click.echo(f"回饋率最多到 {found.most_rebate_percent}%，就把利潤用完。")
    _notes(found.notes)


def show_pareto(found: Pareto) -> None:
    """Print what the best customers bring."""
    rows: list[tuple[Cell, ...]] = [
        (f"前 {top.percent}%", top.members, top.net_twd, exact_percent(top.share))
        for top in found.curve
    ]
    print_table(("顧客", "人數", "業績 NT$", "占業績"), rows, "rrrr")
    if found.top is not None:
        click.echo(
            f"前 {found.top.percent}% 的 {found.top.members:,} 人，"
            f"帶來這群顧客 {exact_percent(found.top.share)} 的業績。"
        )
        click.echo(
            f"{found.most_percent}% 的業績來自 {found.members_for_most:,} 人，"
            f"占這群顧客 {exact_percent(found.share_for_most)}。"
        )
        click.echo(
            f"這群顧客共 {found.members:,} 人，占全部業績 {exact_percent(found.share_of_all)}。"
        )
    _notes(found.notes)


def show_promotions(found: Promotions) -> None:
    """Print how much each tier buys on promotion."""
    print_table(
        ("等級", "人數", "訂單", "有優惠的訂單", "促銷依賴度", "只買優惠的人", "占比"),
        [_dependency(line) for line in (*found.tiers, found.total)],
        "lrrrrrr",
    )
    click.echo("促銷依賴度＝用了優惠券或折扣的訂單 ÷ 全部訂單。")
    _notes(found.notes)


def _dependency(line: Dependency) -> tuple[Cell, ...]:
    return (
        in_language(line.name, CHINESE),
        line.members,
        line.orders,
        line.promo_orders,
        exact_percent(line.dependency),
        line.only_on_promotion,
        exact_percent(line.only_share),
    )


def show_baskets(found: Baskets) -> None:
    """Print the basket of each mark against the others'."""
    rows: list[tuple[Cell, ...]] = [
        (
            MARK_WORDS.get(each.mark, each.mark),
            each.orders,
            _twd(each.basket_twd),
            _twd(each.others_twd),
            None if each.ratio is None else f"{each.ratio:.2f} 倍",
        )
        for each in found.marks
    ]
    headers = (in_language(MARK_NAMES[found.by], CHINESE), "訂單", "客單價", "其他訂單", "比其他")
    print_table(headers, rows, "lrrrr")
    if found.basket_twd is not None:
        click.echo(f"全部 {found.orders:,} 筆訂單，平均 {_twd(found.basket_twd)}（已扣退貨）。")
    _notes(found.notes)


def show_tiers(found: TierReport) -> None:
    """Print what each tier brings and costs."""
    print_table(
        ("等級", "會員", "未購", "營收", "每人", "毛利（優惠前）", "優惠成本", "淨利"),
        [_tier(line) for line in (*found.tiers, found.total)],
        "lrrrrrrr",
    )
    click.echo("優惠成本：折扣、點數折抵與贈品；淨利＝實收 − 商品成本 − 贈品（未計房租、人事）。")
    _notes(found.notes)


def _tier(line: TierLine) -> tuple[Cell, ...]:
    return (
        in_language(line.name, CHINESE),
        line.members,
        line.prospects,
        _twd(line.revenue_twd),
        _twd(line.per_member_twd),
        _twd(line.margin_twd),
        _twd(line.benefit_twd),
        _twd(line.net_twd),
    )


def show_contribution(found: Contribution) -> None:
    """Print each tier's part of members and of sales."""
    rows: list[tuple[Cell, ...]] = [
        (
            in_language(part.name, CHINESE),
            part.members,
            exact_percent(part.share_of_members),
            _twd(part.net_twd),
            exact_percent(part.share_of_sales),
            None if part.index is None else f"{part.index:.1f} 倍",
        )
        for part in found.parts
    ]
    print_table(("等級", "人數", "占人數", "業績", "占業績", "業績 ÷ 人數"), rows, "lrrrrr")
    _notes(found.notes)


def show_health(found: LadderHealth) -> None:
    """Print the ladder's steps, who is close to the next, and how far it is."""
    rows: list[tuple[Cell, ...]] = [
        (
            in_language(step.name, CHINESE),
            step.members,
            exact_percent(step.share),
            step.close,
            None if step.months_to_next is None else f"{step.months_to_next:.1f}",
            "；".join(HEALTH_ADVICE[code] for code in step.advice),
        )
        for step in found.steps
    ]
    headers = ("等級", "人數", "占比", "差 20% 內", "到下一級（月，中位數）", "注意")
    print_table(headers, rows, "lrrrrl")


# --- one page ---


def show_design(found: Design) -> None:
    """Print the proposal, then what it was drawn from."""
    _title("門檻：由客單價與回購次數")
    _thresholds(found)
    _title("門檻：由消費停在哪裡（RFM-M）")
    show_stall(found.stall)
    _title("買幾次會穩定（RFM-F）")
    show_frequency(found.frequency)
    _title(f"多久沒來會流失（RFM-R，{MONTHS} 個月）")
    show_recency(found.recency)
    _title("優惠預算（最高門檻的會員，每人每年）")
    if found.budget is not None:
        show_budget(found.budget)
    elif not found.top_members:
        click.echo("近一年還沒有人達到最高門檻。")
    _notes(found.notes)


def _title(text: str) -> None:
    click.echo(f"\n【{text}】")


def _thresholds(found: Design) -> None:
    proposed = found.thresholds
    if proposed is None:
        click.echo("還沒有訂單，請用 --basket-twd 填入客單價。")
        return
    click.echo(f"客單價 NT${proposed.basket_twd:,}")
    click.echo(
        f"第一個門檻 NT${proposed.first_twd:,}：客單價的 1.05–1.1 倍之間最整的數；"
        f"結帳時提醒「{gap_text(proposed.gap_twd, CHINESE)}」"
    )
    for item in found.add_ons:
        pieces = f" × {item.pieces}" if item.pieces > 1 else ""
        click.echo(f"  加購：{item.name}{pieces}（NT${item.amount_twd:,}）")
    click.echo(
        f"第二個門檻 NT${proposed.second_twd:,}：客單價 × {proposed.orders} 次"
        f"（可用 --orders 調整）"
    )
    for amount_twd in proposed.further_twd:
        click.echo(f"更高的門檻 NT${amount_twd:,}：新增等級前請先看預算，並由負責人確認")
    click.echo(f"共 {proposed.tiers} 個等級。")
    click.echo(
        f"近一年達到最高門檻的有 {found.top_members:,} 人，平均每人 {_twd(found.top_each_twd)}。"
    )
    _notes(proposed.notes)


SHOWN: Mapping[str, Callable[[Any], None]] = {
    "design": show_design,
    "stall": show_stall,
    "frequency": show_frequency,
    "recency": show_recency,
    "budget": show_budget,
    "pareto": show_pareto,
    "promotions": show_promotions,
    "baskets": show_baskets,
    "tiers": show_tiers,
    "contribution": show_contribution,
    "health": show_health,
}
"""How each analysis is printed, by its name."""

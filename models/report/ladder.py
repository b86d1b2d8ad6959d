"""The ladder's reports: from qualified to upgraded with who is stuck (E-17), and how many members
each tier will have (E-19)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from models.base import Texts, in_language, said
from models.local_day import day_start, local_day
from models.prediction import NoForecastYet, NotEnoughToPredict, TierNotForecastable
from models.report.findings import (
    Chart,
    Column,
    Figure,
    Findings,
    Opens,
    Row,
    Series,
    Table,
    filled,
)
from models.report.heading import HIGH, LOW, TIER
from models.report.measured import share
from models.report.opening import in_tier
from models.tier import Tier, list_tiers
from models.tier_evaluation import STAGES, Stage, funnel

if TYPE_CHECKING:
    from models.prediction.tiers import TierForecast

YEAR_DAYS = 365
STAGE_NAMES: Mapping[str, Texts] = {
    "qualified": said("達標", "Qualified", "条件達成"),
    "notified": said("已通知", "Told", "通知済み"),
    "opened": said("看過", "Opened", "閲覧"),
    "claimed": said("領取升等禮", "Gift claimed", "特典受取"),
    "first_used": said("用過第一項權益", "First benefit used", "特典を初利用"),
}
"""The stages in the order in which they are passed."""


def since_of(now: datetime) -> datetime:
    """Return from when on upgrades are looked at: those of the last year."""
    return day_start(local_day(now) - timedelta(days=YEAR_DAYS))


def funnel_findings(session: Session, now: datetime, _values: Mapping[str, Any]) -> Findings:
    """Tell how far the upgrades of a year have come, in all and by tier."""
    since = since_of(now)
    tiers = [tier for tier in list_tiers(session) if tier.rank > 0]
    by_tier = [(tier, funnel(session, tier_id=tier.id, since=since)) for tier in tiers]
    return told_funnel(funnel(session, since=since), by_tier)


def told_funnel(
    stages: Sequence[Stage], by_tier: Sequence[tuple[Tier, Sequence[Stage]]]
) -> Findings:
    """Tell a funnel as findings."""
    qualified, claimed = stages[0].reached, stages[STAGES.index("claimed")].reached
    found = share(claimed, qualified)
    figure = Figure(
        "conversion",
        said("升等轉換率", "Upgrade conversion", "ランクアップ完了率"),
        found.value,
        "percent",
        said(
            "達標的升等中，看過並領取升等禮（沒有升等禮者看過）的比例。",
            "Of those qualified for, the share whose gift was claimed (without one: seen).",
            "条件を満たしたうち、特典を受け取った（特典なしは閲覧した）割合。",
        ),
        low=found.low,
        high=found.high,
        cases=found.cases,
    )
    chart = Chart(
        "funnel",
        said("升等漏斗", "Upgrade funnel", "ランクアップのファネル"),
        names=tuple(STAGE_NAMES[stage.name] for stage in stages),
        series=(
            Series(
                said("升等", "Upgrades", "ランクアップ"), tuple(stage.reached for stage in stages)
            ),
        ),
        opens=(*(_stuck(stage.name) for stage in stages[:-1]), None),
    )
    tables = (_stage_table(stages), *((_tier_table(by_tier),) if by_tier else ()))
    return Findings((figure,), (chart,), tables, () if qualified else (_NONE,))


def _stage_table(stages: Sequence[Stage]) -> Table:
    qualified = stages[0].reached
    following = [*stages[1:], None]
    return Table(
        "funnel",
        said("每一關", "Stage by stage", "段階別"),
        (
            Column(said("階段", "Stage", "段階"), "text"),
            Column(said("走到這裡", "Came so far", "到達")),
            Column(said("占達標", "Of qualified", "達成者比"), "percent"),
            Column(said("停在這裡", "Stuck here", "ここで停止")),
        ),
        tuple(
            Row(
                (
                    STAGE_NAMES[stage.name],
                    stage.reached,
                    share(stage.reached, qualified).value,
                    later.lost if later is not None else None,
                ),
                _stuck(stage.name) if later is not None and later.lost else None,
            )
            for stage, later in zip(stages, following, strict=True)
        ),
        said(
            "點開一關，看是哪些人停在那裡。沒有升等禮的等級，達標就算領取；看過即視為已通知。",
            "A stage opens who is stuck there. "
            "Without a gift an upgrade counts as claimed at once; who opened was told.",
            "段階を開くと、そこで止まっている人が見られます。"
            "特典のないランクは達成時に受取済み扱い。閲覧した人は通知済みとみなします。",
        ),
    )


def _stuck(stage: str) -> Opens:
    return {"stuck": stage}


def _tier_table(by_tier: Sequence[tuple[Tier, Sequence[Stage]]]) -> Table:
    return Table(
        "funnel_tiers",
        said("各等級", "By tier", "ランク別"),
        (
            Column(TIER, "text"),
            *(Column(STAGE_NAMES[name]) for name in STAGES),
            Column(said("轉換率", "Conversion", "完了率"), "percent"),
        ),
        tuple(
            Row(
                (
                    dict(tier.name),
                    *(stage.reached for stage in stages),
                    share(stages[STAGES.index("claimed")].reached, stages[0].reached).value,
                ),
                in_tier(tier.code),
            )
            for tier, stages in by_tier
        ),
    )


_NONE = said(
    "近一年還沒有人升等。門檻是否太高，可到「等級設計」試算。",
    "Nobody was upgraded in a year. Whether thresholds are too high, the designer tells.",
    "直近 1 年に昇格者がいません。基準額は「ランク設計」で試算できます。",
)


# --- the tiers in a quarter ---


def forecast_findings(session: Session, now: datetime, _values: Mapping[str, Any]) -> Findings:
    """Tell how many members each tier will have in 91 days, with a test on a quarter ago."""
    from models.prediction.tiers import forecast_tiers  # The numerics; only the night needs them.

    try:
        return told_forecast(forecast_tiers(session, now))
    except NotEnoughToPredict as error:
        missing = error.facts
        facts = {"there": missing.get("repeaters", 0), "needed": missing.get("repeaters_needed", 0)}
        return Findings(notes=(filled(_TOO_FEW, **facts),))
    except (NoForecastYet, TierNotForecastable) as error:
        return Findings(notes=(_WHY_NOT[error.code],))


def told_forecast(found: "TierForecast") -> Findings:
    """Tell a forecast of tiers as findings."""
    names = tuple(dict(line.tier.name) for line in found.lines)
    chart = Chart(
        "bars",
        said(
            "各等級人數：現在與 91 天後",
            "Members by tier: now and in 91 days",
            "ランク別人数：現在と 91 日後",
        ),
        names=names,
        series=(
            Series(said("現在", "Now", "現在"), tuple(line.now for line in found.lines)),
            Series(said("預測", "Expected", "予測"), tuple(line.expected for line in found.lines)),
        ),
        opens=tuple(in_tier(line.tier.code) for line in found.lines),
    )
    table = Table(
        "forecast",
        said("等級人數預測", "Forecast of members per tier", "ランク別人数の予測"),
        (
            Column(TIER, "text"),
            Column(said("現在", "Now", "現在")),
            Column(said("預測", "Expected", "予測")),
            Column(LOW),
            Column(HIGH),
            Column(said("一季前預測現在", "Foretold a quarter ago", "前四半期の予測")),
            Column(said("實際", "Actual", "実績")),
        ),
        tuple(
            Row(
                (
                    dict(line.tier.name),
                    line.now,
                    line.expected,
                    line.low,
                    line.high,
                    line.back_expected,
                    line.back_actual,
                ),
                in_tier(line.tier.code),
            )
            for line in found.lines
        ),
        filled(_HOW, until=f"{found.until:%Y/%m/%d}", sample=found.sample),
    )
    return Findings(_highest(found), (chart,), (table,))


def _highest(found: "TierForecast") -> tuple[Figure, ...]:
    """Return how many will hold the highest tier."""
    if not found.lines:
        return ()
    line = found.lines[-1]
    name = said("一季後的{name}", "{name} in a quarter", "四半期後の{name}")
    tier = dict(line.tier.name)
    return (
        Figure(
            "highest",
            {
                language: words.format(name=in_language(tier, language))
                for language, words in name.items()
            },
            line.expected,
            "count",
            said(
                "以每位會員的購買頻率與金額模擬到下一季。",
                "Each member's purchases are simulated for a quarter.",
                "会員ごとの購入頻度と金額を四半期分シミュレーション。",
            ),
            before=line.now,
            low=line.low,
            high=line.high,
            opens=in_tier(line.tier.code),
        ),
    )


_HOW = said(
    "預測到 {until}：以 {sample} 位會員各模擬 20 次購買。不含這段期間新加入的人。"
    "右邊兩欄用同樣方法從一季前預測今天，可以看出準不準。",
    "As of {until}: the purchases of {sample} members are simulated 20 times each. Who joins "
    "meanwhile is not foretold. The last columns foretell today from a quarter ago, as a test.",
    "{until} 時点：会員 {sample} 人の購入を各 20 回シミュレーション。期間中の新規入会は含みません。"
    "右の 2 列は、同じ方法で前四半期から今日を予測した検証です。",
)
_TOO_FEW = said(
    "回購過的會員只有 {there} 位，至少要 {needed} 位才能預測。",
    "Only {there} members have come back; {needed} are needed to foretell.",
    "再購入会員が {there} 人のみ。予測には {needed} 人以上必要です。",
)
_WHY_NOT: Mapping[str, Texts] = {
    NoForecastYet.code: said(
        "還沒有預測；每天凌晨計算一次，明天就會有。",
        "There is no forecast yet; it is made by night, so there will be one tomorrow.",
        "予測はまだありません。毎晩計算するため、明日ご覧いただけます。",
    ),
    TierNotForecastable.code: said(
        "目前的等級規則不看消費金額，無法用購買預測。",
        "The rules in force do not go by spend, so purchases cannot foretell them.",
        "現在のランク規則は購入額に基づかないため、購入からは予測できません。",
    ),
}

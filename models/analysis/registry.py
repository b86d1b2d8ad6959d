"""The analyses by name, with what each may be asked: commands and API list the same ones."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from models.analysis.basket import MARKS, WINDOW_DAYS, read_baskets
from models.analysis.budget import KINDS, MESSAGE_TWD, WHOLE, Benefit, read_budget
from models.analysis.contribution import read_contribution
from models.analysis.design import Wishes, read_design
from models.analysis.frequency import read_frequency
from models.analysis.ladder import read_health
from models.analysis.parameter import Parameter, read_all
from models.analysis.pareto import MOST_PERCENT, TOP_PERCENT, read_pareto
from models.analysis.promotion import read_promotions
from models.analysis.recency import read_recency
from models.analysis.refusals import NoSuchAnalysis
from models.analysis.scope import ALL, POPULATIONS, REPEAT, Scope
from models.analysis.stall import read_stall
from models.analysis.threshold import FEWEST_ORDERS, MOST_ORDERS
from models.analysis.tier_report import read_tier_report
from models.analysis.told import Told
from models.base import Texts, said
from models.local_day import local_day

LONGEST_WINDOW_DAYS = 36_500
Values = Mapping[str, Any]
Question = Callable[[Session, datetime, Values], Told]


@dataclass(frozen=True)
class Analysis:
    """One analysis: its name, what it is called, what may be asked of it, and how it is run."""

    name: str
    title: Texts
    parameters: tuple[Parameter, ...]
    question: Question

    def run(self, session: Session, now: datetime, asked: Mapping[str, str]) -> Told:
        """Run it for what was asked, as text by parameter; the result tells itself `as_json`.

        Raises ParameterRefused and what else the analysis refuses; changes nothing.
        """
        return self.question(session, now, read_all(self.parameters, asked))


def get_analysis(name: str) -> Analysis:
    """Return the analysis of this name. Raises NoSuchAnalysis."""
    found = ANALYSES.get(name)
    if found is None:
        raise NoSuchAnalysis(name=name[:60], known=list(ANALYSES))
    return found


_AS_OF = Parameter("as_of", "day", said("截至哪一天", "as of this day", "基準日"))
_POPULATION = Parameter(
    "population",
    "choice",
    said(
        "對象：全部購買者，或回購過的人", "all buyers, or repeat buyers", "対象：全購入者／再購入者"
    ),
    default=ALL,
    choices=POPULATIONS,
)
_WINDOW = Parameter(
    "window_days",
    "whole",
    said(
        "只看最近幾天（不填：全部）", "the last days only (all time)", "直近の日数（省略：全期間）"
    ),
    least=1,
    most=LONGEST_WINDOW_DAYS,
)
_YEAR = Parameter(
    "window_days",
    "whole",
    said("看最近幾天", "the last days", "直近の日数"),
    default=WINDOW_DAYS,
    least=1,
    most=LONGEST_WINDOW_DAYS,
)
_EDGES = Parameter(
    "edges",
    "wholes",
    said("級距上限，如 1000,2000", "ends of the bands, such as 1000,2000", "区間の上限"),
    least=1,
)
_HORIZON = Parameter(
    "horizon_days",
    "whole",
    said(
        "多少天內買過算太新（不填：3 個回購週期）",
        "bought within so many days is too recent (3 repurchase cycles)",
        "何日以内の購入を判定対象外とするか（省略：再購入周期の 3 倍）",
    ),
    most=LONGEST_WINDOW_DAYS,
)
_BASKET = Parameter("basket_twd", "whole", said("客單價", "average basket", "客単価"), least=1)
_ORDERS = Parameter(
    "orders",
    "whole",
    said("穩定回購的次數", "orders to stable repeat", "リピートが安定する回数"),
    least=FEWEST_ORDERS,
    most=MOST_ORDERS,
)
_FURTHER = Parameter(
    "further_twd",
    "wholes",
    said("更高的門檻", "further thresholds", "さらに上の基準額"),
    default=(),
    least=1,
)
_MARGIN = Parameter(
    "margin_percent",
    "decimal",
    said("利潤率 %", "profit before benefits, %", "利益率 %"),
    least=-100,
    most=100,
)
_REBATE = Parameter(
    "rebate_percent",
    "decimal",
    said("回饋率 %", "rebate, %", "還元率 %"),
    most=100,
)
_TIER = Parameter("tier", "code", said("等級代碼", "code of a tier", "ランクのコード"))
_REVENUE = Parameter(
    "revenue_twd",
    "whole",
    said(
        "一年的消費（不填：該等級每人）",
        "revenue of a year (one member's)",
        "年間売上（省略：1 人分）",
    ),
)
_REDEEMED = Parameter(
    "rebate_redeemed_percent",
    "decimal",
    said("回饋的預期使用率 %", "share of the rebate that gets used, %", "還元の利用率 %"),
    default=WHOLE,
    most=100,
)
_KIND_NAMES: Mapping[str, Texts] = {
    "coupon": said("優惠券", "coupons", "クーポン"),
    "gift": said("禮物（升等禮、生日禮）", "gifts", "ギフト"),
    "event": said("活動", "events", "イベント"),
    "message": said("訊息", "messages", "メッセージ"),
}


def _benefit_parameters() -> Iterator[Parameter]:
    """Yield for each kind of benefit how often, at how much, and how much of it gets used."""
    for kind in KINDS:
        name = _KIND_NAMES[kind]
        yield Parameter(
            f"{kind}_times",
            "whole",
            said(f"{name['zh-TW']}一年幾次", f"{name['en']} a year", f"{name['ja']}の年間回数"),
            default=0,
        )
        yield Parameter(
            f"{kind}_twd",
            "decimal",
            said(f"{name['zh-TW']}每次成本", f"cost of each, {name['en']}", f"{name['ja']}の単価"),
            default=MESSAGE_TWD if kind == "message" else Decimal(0),
        )
        if kind != "message":
            yield Parameter(
                f"{kind}_redeemed_percent",
                "decimal",
                said(
                    f"{name['zh-TW']}的預期使用率 %",
                    f"share that gets used, {name['en']}, %",
                    f"{name['ja']}の利用率 %",
                ),
                default=WHOLE,
                most=100,
            )


def _scope(now: datetime, values: Values) -> Scope:
    return Scope(
        on=values.get("as_of") or local_day(now),
        population=values.get("population", ALL),
        window_days=values.get("window_days"),
    )


def _design(session: Session, now: datetime, values: Values) -> Told:
    names = ("basket_twd", "orders", "further_twd", "margin_percent", "rebate_percent")
    wishes = Wishes(
        **{name: values[name] for name in names},
        horizon_days=values["horizon_days"],
        edges=values["edges"],
    )
    return read_design(session, _scope(now, values), now, wishes)


def _budget(session: Session, now: datetime, values: Values) -> Told:
    benefits = [
        Benefit(
            kind,
            values[f"{kind}_times"],
            values[f"{kind}_twd"],
            values.get(f"{kind}_redeemed_percent", WHOLE),
        )
        for kind in KINDS
    ]
    return read_budget(
        session,
        now,
        tier_code=values["tier"],
        revenue_twd=values["revenue_twd"],
        margin_percent=values["margin_percent"],
        rebate_percent=values["rebate_percent"],
        rebate_redeemed_percent=values["rebate_redeemed_percent"],
        benefits=tuple(benefits),
    )


_LISTED = (
    Analysis(
        "design",
        said("門檻設計（一頁看完）", "Threshold designer", "基準額の設計"),
        (
            _AS_OF,
            _POPULATION,
            _BASKET,
            _ORDERS,
            _FURTHER,
            _EDGES,
            _HORIZON,
            _MARGIN,
            _REBATE,
        ),
        _design,
    ),
    Analysis(
        "stall",
        said(
            "消費卡關分析（RFM-M）", "Where spending stalls (RFM-M)", "購入額の足踏み分析（RFM-M）"
        ),
        (_AS_OF, _POPULATION, _WINDOW, _EDGES),
        lambda session, now, values: read_stall(session, _scope(now, values), now, values["edges"]),
    ),
    Analysis(
        "frequency",
        said("回購曲線（RFM-F）", "Repeat purchases (RFM-F)", "リピート曲線（RFM-F）"),
        (_AS_OF, _POPULATION, _HORIZON),
        lambda session, now, values: read_frequency(
            session, _scope(now, values), now, values["horizon_days"]
        ),
    ),
    Analysis(
        "recency",
        said("流失曲線（RFM-R）", "Months of silence (RFM-R)", "離脱曲線（RFM-R）"),
        (_AS_OF, _POPULATION),
        lambda session, now, values: read_recency(session, _scope(now, values), now),
    ),
    Analysis(
        "budget",
        said("優惠預算試算", "Benefit budget", "特典予算の試算"),
        (_TIER, _REVENUE, _MARGIN, _REBATE, _REDEEMED, *_benefit_parameters()),
        _budget,
    ),
    Analysis(
        "pareto",
        said("80/20：誰帶來業績", "80/20: who brings the sales", "80/20：売上を支える顧客"),
        (
            _AS_OF,
            replace(_POPULATION, default=REPEAT),
            _WINDOW,
            Parameter(
                "top_percent",
                "whole",
                said("前百分之幾的顧客", "the best customers, %", "上位何 % の顧客"),
                default=TOP_PERCENT,
                least=1,
                most=100,
            ),
            Parameter(
                "most_percent",
                "whole",
                said("百分之幾的業績", "of the sales, %", "売上の何 %"),
                default=MOST_PERCENT,
                least=1,
                most=100,
            ),
        ),
        lambda session, now, values: read_pareto(
            session,
            _scope(now, values),
            now,
            top_percent=values["top_percent"],
            most_percent=values["most_percent"],
        ),
    ),
    Analysis(
        "promotions",
        said("促銷依賴度", "Promotion dependency", "販促依存度"),
        (_AS_OF, _POPULATION, _WINDOW),
        lambda session, now, values: read_promotions(session, _scope(now, values), now),
    ),
    Analysis(
        "baskets",
        said("客單價比較", "Baskets side by side", "客単価の比較"),
        (
            Parameter(
                "by",
                "choice",
                said("依什麼分", "by what", "比較の軸"),
                default="channel",
                choices=tuple(MARKS),
            ),
            _AS_OF,
            _POPULATION,
            _YEAR,
        ),
        lambda session, now, values: read_baskets(session, _scope(now, values), now, values["by"]),
    ),
    Analysis(
        "tiers",
        said("各等級的收支", "What each tier brings and costs", "ランク別の収支"),
        (_YEAR,),
        lambda session, now, values: read_tier_report(session, now, values["window_days"]),
    ),
    Analysis(
        "contribution",
        said("各等級的貢獻（人數 % 對業績 %）", "Contribution of each tier", "ランク別の貢献度"),
        (_AS_OF, _POPULATION, _WINDOW),
        lambda session, now, values: read_contribution(session, _scope(now, values), now),
    ),
    Analysis(
        "health",
        said("等級健康檢查", "Health of the ladder", "ランクの健全性"),
        (),
        lambda session, now, _: read_health(session, now),
    ),
)
ANALYSES: Mapping[str, Analysis] = {analysis.name: analysis for analysis in _LISTED}
"""All of them, in the order in which they are read best."""

"""The reports by name: the question each answers, how it is worked out, and what may be asked.

Each is a prepared figure of its own, made every night for no question and for those asked of late.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from models.analysis.basket import MARKS
from models.analysis.parameter import Parameter
from models.analysis.scope import ALL, POPULATIONS, REPEAT
from models.base import said
from models.prepared import NoteProgress, PreparedFigure, find_prepared, prepared, want
from models.report.curve import frequency_findings, recency_findings
from models.report.drivers import driver_findings
from models.report.findings import SCHEMA
from models.report.ladder import forecast_findings, funnel_findings
from models.report.lens import lens_findings
from models.report.liability import liability_findings
from models.report.messages import campaign_findings, free_findings
from models.report.metric import METRICS
from models.report.named import metric_findings, segment_findings
from models.report.own import own_findings
from models.report.pareto import pareto_findings
from models.report.people import cohort_findings, health_findings, lifetime_findings
from models.report.period import DAYS, UNTIL
from models.report.promotion import basket_findings, promotion_findings
from models.report.refusals import NoSuchReport
from models.report.renewal import renewal_findings
from models.report.report import Report, short
from models.report.reward import reward_findings
from models.report.tiers import contribution_findings, tier_findings
from models.report.upgrade import upgrade_findings

YEAR_DAYS = 365


def get_report(code: str) -> Report:
    """Return the report of this name. Raises NoSuchReport."""
    found = REPORTS.get(code)
    if found is None:
        raise NoSuchReport(report=code[:60])
    return found


def find_findings(
    session: Session, report: Report, asked: Mapping[str, str], now: datetime
) -> tuple[PreparedFigure, dict[str, Any] | None]:
    """Return a report's figure and what it found, as JSON; wanted now where it has to be made.

    What an earlier release kept in another shape counts as not made.
    """
    found = find_prepared(session, report.figure, asked)
    body = kept_findings(found)
    if body is None and (found is None or not (found.is_wanted or found.failed)):
        want(session, report.figure, asked, now)
        found = find_prepared(session, report.figure, asked)
    assert found is not None, "it was wanted just now"
    return found, body


def kept_findings(found: PreparedFigure | None) -> dict[str, Any] | None:
    """Return what a figure keeps of a report; None where there is none of today's shape."""
    body = found.body if found is not None else None
    return body if body is not None and body.get("schema") == SCHEMA else None


_POPULATION = Parameter(
    "population",
    "choice",
    said("對象", "Of whom", "対象"),
    default=ALL,
    choices=POPULATIONS,
)
_WINDOW = Parameter(
    "window_days",
    "whole",
    said(
        "只看最近幾天（不填：全部）", "The last days only (all time)", "直近の日数（省略：全期間）"
    ),
    least=1,
    most=36_500,
)
_YEAR = replace(
    _WINDOW,
    title=said("看最近幾天（不填：365）", "The last days (365)", "直近の日数（省略：365）"),
    default=YEAR_DAYS,
)
_BY = Parameter(
    "by", "choice", said("依什麼分", "By what", "比較の軸"), default="channel", choices=tuple(MARKS)
)
_SEGMENT = Parameter("segment", "code", said("分群", "Segment", "セグメント"))
_ANOTHER = said("再比一個分群", "Another segment", "比較するセグメント")
_METRIC = Parameter(
    "metric",
    "choice",
    said("圖表畫哪個指標", "Which metric to draw", "グラフの指標"),
    default="repeat_rate",
    choices=tuple(metric.code for metric in METRICS if not metric.is_of_all_only),
)

_LISTED = (
    Report(
        "metrics",
        "metrics",
        said("關鍵指標與前期比較", "Key metrics beside the period before", "主要指標と前期比較"),
        said(
            "業績、回購、開啟、點擊、升等、滿意度：這一期比上一期好嗎？",
            "Sales, repeat, opens, clicks, upgrades, satisfaction: better than the period before?",
            "売上・リピート・開封・クリック・昇格・満足度は前期より良いか。",
        ),
        short(metric_findings),
        (DAYS, UNTIL, _SEGMENT),
    ),
    Report(
        "segments",
        "metrics",
        said("任何指標 × 任何分群", "Any metric by any segment", "指標 × セグメント"),
        said(
            "不同的人群，差在哪裡？不選分群時比較各等級。",
            "How do groups differ? Without a segment the tiers stand side by side.",
            "グループごとの違いは？ セグメント未選択ならランク別に比較。",
        ),
        short(segment_findings),
        (
            DAYS,
            UNTIL,
            _METRIC,
            _SEGMENT,
            replace(_SEGMENT, name="segment_2", title=_ANOTHER),
            replace(_SEGMENT, name="segment_3", title=_ANOTHER),
        ),
    ),
    Report(
        "own",
        "metrics",
        said("自訂指標", "KPIs of your own", "独自指標"),
        said(
            "自己定義的指標，每天的數字。",
            "What the KPIs you defined came to, day by day.",
            "独自に定義した指標の日別の値。",
        ),
        short(own_findings),
    ),
    Report(
        "cohorts",
        "customers",
        said("同期留存", "Cohort retention", "コホート継続率"),
        said(
            "某個月第一次買的人，之後還有多少會回來？",
            "Of those who bought first in a month, how many still come?",
            "ある月に初回購入した人は、その後どれだけ戻るか。",
        ),
        short(cohort_findings),
    ),
    Report(
        "frequency",
        "customers",
        said("回購曲線", "Repeat purchases", "リピート曲線"),
        said(
            "買到第幾次之後，就會一直回來？",
            "From which purchase on do members keep coming?",
            "何回目の購入からリピートが安定するか。",
        ),
        short(frequency_findings),
        (_POPULATION,),
    ),
    Report(
        "recency",
        "customers",
        said("流失曲線", "Months of silence", "離脱曲線"),
        said(
            "沉默到第幾個月，人就不回來了？",
            "In which month of silence are members lost?",
            "沈黙が何か月続くと離脱するか。",
        ),
        short(recency_findings),
        (_POPULATION,),
    ),
    Report(
        "pareto",
        "customers",
        said("80/20：誰帶來業績", "80/20: who brings the sales", "80/20：売上を支える顧客"),
        said(
            "最好的 20% 顧客，帶來多少業績？",
            "What share of sales do the best 20% bring?",
            "上位 20% の顧客が売上の何 % を生むか。",
        ),
        short(pareto_findings),
        (replace(_POPULATION, default=REPEAT), _WINDOW),
    ),
    Report(
        "promotions",
        "customers",
        said("促銷依賴度", "Promotion dependency", "販促依存度"),
        said(
            "誰只在打折時才來？",
            "Who comes only for a promotion?",
            "割引のときだけ来るのは誰か。",
        ),
        short(promotion_findings),
        (_POPULATION, _WINDOW),
    ),
    Report(
        "baskets",
        "customers",
        said("客單價比較", "Baskets side by side", "客単価の比較"),
        said(
            "用 LINE、用點數、不同通路的人，一次買得比較多嗎？",
            "Do channels, points or LINE go with larger baskets?",
            "チャネルやポイント利用で客単価は変わるか。",
        ),
        short(basket_findings),
        (_BY, _POPULATION, _YEAR),
    ),
    Report(
        "health",
        "customers",
        said("名單健康度", "Health of the list", "リストの健全性"),
        said(
            "名單裡多少人找得到、會動？",
            "How many can be reached, and how many move?",
            "届く人・動く人はどれだけいるか。",
        ),
        short(health_findings),
    ),
    Report(
        "lifetime",
        "customers",
        said("終身價值", "Lifetime value", "LTV（生涯価値）"),
        said(
            "一位會員到目前與未來一年值多少？",
            "What is a member worth, so far and within a year?",
            "会員 1 人の価値は、これまでと今後 1 年でいくらか。",
        ),
        short(lifetime_findings),
    ),
    Report(
        "tiers",
        "tiers",
        said("各等級的收支", "What each tier brings and costs", "ランク別の収支"),
        said(
            "每個等級帶來多少，優惠花掉多少，剩多少？",
            "What does each tier bring, what do its benefits cost, what is left?",
            "ランクごとの売上・特典コスト・残る利益は？",
        ),
        short(tier_findings),
        (_YEAR,),
    ),
    Report(
        "contribution",
        "tiers",
        said("等級貢獻", "Contribution of the tiers", "ランク別の貢献度"),
        said(
            "這些人占會員幾成，帶來業績幾成？",
            "What share of members brings what share of sales?",
            "会員の何割が売上の何割を生むか。",
        ),
        short(contribution_findings),
        (_WINDOW,),
    ),
    Report(
        "upgrade",
        "tiers",
        said("升等成效", "What upgrades change", "昇格の効果"),
        said(
            "升等之後，真的買得更多嗎？和相似的人比。",
            "Do members buy more once upgraded, beside others like them?",
            "昇格後、類似会員と比べて本当に購入が増えたか。",
        ),
        short(upgrade_findings),
    ),
    Report(
        "funnel",
        "tiers",
        said("升等漏斗", "Upgrade funnel", "ランクアップのファネル"),
        said(
            "從達標到用上權益，人停在哪一關？",
            "From qualified to the first benefit: where do people get stuck?",
            "条件達成から特典利用まで、どこで止まるか。",
        ),
        short(funnel_findings),
    ),
    Report(
        "drivers",
        "tiers",
        said("升等的驅動因素", "Drivers of an upgrade", "昇格の要因"),
        said(
            "哪些行為和升等一起發生？（邏輯迴歸）",
            "Which behaviour goes along with an upgrade? (logistic regression)",
            "どんな行動が昇格と関連するか（ロジスティック回帰）。",
        ),
        short(driver_findings),
    ),
    Report(
        "forecast",
        "tiers",
        said("等級人數預測", "Forecast of members per tier", "ランク別人数の予測"),
        said(
            "下一季每個等級會有多少人？",
            "How many members will each tier have next quarter?",
            "次の四半期、各ランクは何人になるか。",
        ),
        short(forecast_findings),
    ),
    Report(
        "rewards",
        "money",
        said("獎勵帳", "Reward ledger", "特典台帳"),
        said(
            "發出多少、用掉多少、過期、收回、還欠多少？",
            "Issued, used, expired, taken back: what is still owed?",
            "発行・利用・失効・取消・未利用残高は？",
        ),
        short(reward_findings),
    ),
    Report(
        "liability",
        "money",
        said("點數負債與到期", "Point liability and expiry", "ポイント負債と失効"),
        said(
            "手上還有多少點數，什麼時候到期？",
            "How many points are outstanding, and when do they lapse?",
            "未利用ポイントはいくらで、いつ失効するか。",
        ),
        short(liability_findings),
    ),
    Report(
        "renewal",
        "money",
        said("付費會籍續約率", "Renewal of paid memberships", "有料会員の更新率"),
        said(
            "到期的付費會員，多少人續約？",
            "How many of those due paid again?",
            "期限を迎えた有料会員の何割が更新したか。",
        ),
        short(renewal_findings),
    ),
    Report(
        "campaigns",
        "messages",
        said("所有活動的成效", "What all campaigns came to", "全キャンペーンの効果"),
        said(
            "發訊息真的有用嗎？和保留組比，A/B 誰贏？",
            "Do messages work? Beside the holdout, and variant by variant.",
            "配信は効果があるか。対照群との比較と A/B の結果。",
        ),
        campaign_findings,
    ),
    Report(
        "free",
        "messages",
        said("免費送達", "Messages that cost nothing", "無料の配信"),
        said(
            "多少訊息沒有花到額度？",
            "What share of messages used no quota?",
            "配信枠を使わなかったメッセージの割合は？",
        ),
        short(free_findings),
    ),
    Report(
        "lens",
        "counter",
        said("店員異常檢視", "Clerk lens", "スタッフの異常確認"),
        said(
            "哪位店員的數字和同事差很多？",
            "Whose figures differ much from their colleagues'?",
            "同僚と大きく異なる数値のスタッフは？",
        ),
        short(lens_findings),
        (DAYS, UNTIL),
        right="audit.see",
    ),
)
REPORTS: Mapping[str, Report] = {report.code: report for report in _LISTED}
"""All of them, in the order in which they are listed."""


def _prepare(
    report: Report, session: Session, now: datetime, asked: Mapping[str, Any], tell: NoteProgress
) -> dict[str, Any]:
    return report.work_out(session, now, asked, tell).as_json()


for _report in _LISTED:
    prepared(_report.figure, nightly=True)(partial(_prepare, _report))

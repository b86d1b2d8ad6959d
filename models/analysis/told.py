"""How the analyses tell their results: as JSON, and as notes in the readers' languages."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from typing import Any

from models.base import in_language
from models.tier_evaluation.linting import MANY_TIERS

PLACES = 4
"""A ratio is told to a hundredth of a percent: 0.3172 is 31.72%."""

NOTES: dict[str, dict[str, str]] = {
    "no_buyers": {
        "zh-TW": "目前沒有符合條件、買過東西的會員，還不能分析。",
        "en": "No member in this selection has bought anything yet; there is nothing to analyse.",
        "ja": "条件に合う購入者がまだいないため、分析できません。",
    },
    "few_members": {
        "zh-TW": "人數不到 {needed} 人的部分容易受巧合影響，只列出、不拿來判斷。",
        "en": "Parts with fewer than {needed} members are shown but not judged: "
        "chance decides there.",
        "ja": "{needed} 人未満の部分は偶然の影響が大きいため、表示のみで判定には使いません。",
    },
    "tie": {
        "zh-TW": "有 {count} 個級距的比例一樣高，取金額最低的那一個。",
        "en": "{count} bands share the highest ratio; the lowest of them is taken.",
        "ja": "比率が最も高い区間が {count} つあるため、金額の低いほうを採用しました。",
    },
    "no_stall": {
        "zh-TW": "看不出消費卡在哪一個金額。",
        "en": "No amount stands out at which members stop.",
        "ja": "足踏みしている金額帯は見当たりません。",
    },
    "never_stable": {
        "zh-TW": "目前的資料還看不出從第幾次購買開始穩定回購。",
        "en": "The figures do not show yet from which purchase on members keep coming back.",
        "ja": "何回目の購入からリピートが安定するか、まだ判断できません。",
    },
    "no_rise": {
        "zh-TW": "看不出流失率在哪一個月明顯上升。",
        "en": "There is no month in which churn clearly rises.",
        "ja": "離脱率がはっきり上がる月は見当たりません。",
    },
    "k_assumed": {
        "zh-TW": "資料還不足以算出穩定回購的次數，先以 {orders} 次計算，可自行調整。",
        "en": "There is too little to tell after how many orders members stay; "
        "{orders} is assumed and may be changed.",
        "ja": "リピートが安定する回数を出すにはデータが足りず、仮に {orders} 回としています。",
    },
    "many_tiers": MANY_TIERS,
    "no_add_ons": {
        "zh-TW": "商品目錄裡沒有可以加購的品項。",
        "en": "The catalogue has nothing that could be added on.",
        "ja": "追加購入を提案できる商品が商品台帳にありません。",
    },
    "margin_unknown": {
        "zh-TW": "沒有商品成本資料，毛利未知；匯入商品成本，或自行輸入毛利率。",
        "en": "No costs of goods are known, so neither is the margin; "
        "import them, or tell the margin.",
        "ja": "原価データがないため粗利が不明です。原価を取り込むか、粗利率を入力してください。",
    },
    "margin_partly_known": {
        "zh-TW": "毛利以有成本資料的 {percent}% 營收推估。",
        "en": "The margin is estimated from the {percent}% of revenue whose costs are known.",
        "ja": "粗利は、原価が分かる売上（全体の {percent}%）からの推計です。",
    },
    "margin_of_goods": {
        "zh-TW": "毛利率 {percent}% 取自商品成本，房租、人事等費用還沒有扣除。",
        "en": "The margin of {percent}% is that of the goods; "
        "rent and wages are not taken off yet.",
        "ja": "粗利率 {percent}% は商品原価によるもので、家賃や人件費は差し引いていません。",
    },
    "no_profit": {
        "zh-TW": "沒有利潤可以分配：任何優惠都會虧錢。",
        "en": "There is no profit to give from: any benefit makes a loss.",
        "ja": "還元の原資となる利益がありません。どの特典も赤字になります。",
    },
    "nothing_left": {
        "zh-TW": "利潤已經用完：再多任何優惠都會虧錢。",
        "en": "Nothing is left of the profit: anything more makes a loss.",
        "ja": "利益を使い切っています。これ以上の特典は赤字になります。",
    },
    "a_loss": {
        "zh-TW": "優惠比利潤多 NT${loss_twd:,}：這樣會虧錢。",
        "en": "The benefits cost NT${loss_twd:,} more than the profit: a loss.",
        "ja": "特典の費用が利益を NT${loss_twd:,} 上回り、赤字になります。",
    },
    "one_value": {
        "zh-TW": "所有訂單都屬於同一種，沒有可以比較的對象。",
        "en": "All orders are of one kind; there is nothing to compare with.",
        "ja": "注文がすべて同じ種類のため、比較できません。",
    },
}
"""What there is to say about a result, by code."""


class Told:
    """A frozen dataclass that tells its fields as JSON: days as ISO, ratios to four places."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name, those within them too."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}  # type: ignore[arg-type]  # Each is one.


@dataclass(frozen=True)
class Note(Told):
    """One thing to say about a result: its code, and the facts its text names."""

    code: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def text(self, language: str) -> str:
        """Return the note in a language."""
        return in_language(NOTES[self.code], language).format(**self.facts)

    def as_json(self) -> dict[str, Any]:
        """Return the code with its text in every language."""
        return {"code": self.code, "text": {name: self.text(name) for name in NOTES[self.code]}}


def _plain(value: Any) -> Any:
    if isinstance(value, Told):
        return value.as_json()
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float | Decimal):
        return round(float(value), PLACES)
    return value

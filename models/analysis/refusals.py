"""What the analyses refuse: questions that have no answer, told before a wrong one is given."""

from typing import Any, ClassVar

from models.base import BusinessError


class AnalysisRefused(BusinessError):
    """An analysis cannot be run so; `advice` says why in a sentence a language."""

    code = "analysis_refused"
    texts: ClassVar[dict[str, str]]

    def __init__(self, **facts: Any) -> None:
        advice = {language: text.format(**facts) for language, text in self.texts.items()}
        super().__init__(**facts, advice=advice)


class EdgesRefused(AnalysisRefused):
    """The edges of the bands are none, too many, not above zero, or not rising."""

    code = "edges_refused"
    texts: ClassVar[dict[str, str]] = {
        "zh-TW": "級距 {edges} 不能用：請由小到大填 1 到 {most} 個大於 0 的金額。",
        "en": "The edges {edges} will not do: 1 to {most} amounts above zero, each larger than "
        "the one before.",
        "ja": "区間の上限 {edges} は使えません。0 より大きい金額を小さい順に 1〜{most} 個指定して"
        "ください。",
    }


class ParameterRefused(AnalysisRefused):
    """A parameter of an analysis is unknown or misshapen; `name` and `why` say which and how."""

    code = "analysis_parameter_refused"
    texts: ClassVar[dict[str, str]] = {
        "zh-TW": "{name} 不符；可用：{why}。",
        "en": "{name} will not do; possible: {why}.",
        "ja": "{name} が正しくありません。指定できるもの：{why}。",
    }


class NoSuchAnalysis(AnalysisRefused):
    """There is no analysis of this name; `known` are those there are."""

    code = "no_such_analysis"
    texts: ClassVar[dict[str, str]] = {
        "zh-TW": "沒有「{name}」這項分析。",
        "en": "There is no analysis {name}.",
        "ja": "「{name}」という分析はありません。",
    }


class MarginUnknown(AnalysisRefused):
    """No costs of goods are known and no margin was told, so no budget can be judged."""

    code = "margin_unknown"
    texts: ClassVar[dict[str, str]] = {
        "zh-TW": "沒有商品成本，算不出毛利；請填 {parameter}，或先匯入商品成本。",
        "en": "No costs of goods are known; tell {parameter}, or import the costs first.",
        "ja": "商品原価がないため粗利を計算できません。{parameter} を指定するか、原価を取り込んで"
        "ください。",
    }


class NoSuchTier(AnalysisRefused):
    """The ladder has no tier with this code; `known` are those it has."""

    code = "no_such_tier"
    texts: ClassVar[dict[str, str]] = {
        "zh-TW": "沒有代碼「{tier}」的等級。",
        "en": "The ladder has no tier {tier}.",
        "ja": "コード「{tier}」のランクはありません。",
    }

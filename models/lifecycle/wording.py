"""The models in words: the rule of each class with its numbers, and where a cycle came from."""

from models.base import Texts, in_language
from models.lifecycle.cycle import (
    ASSUMED,
    CATEGORY,
    FEWEST_MEMBERS,
    FIXED,
    MEMBER,
    OWN_INTERVALS,
    Cycle,
)
from models.lifecycle.names import NASLD, get_class
from models.lifecycle.setting import LifecycleSettings

_SPAN: Texts = {
    "zh-TW": "{days} 天（{cycles} 個回購週期）",
    "en": "{days} days ({cycles} repurchase cycles)",
    "ja": "{days}日（購入サイクル{cycles}回分）",
}
_OWN_SPAN: dict[str, Texts] = {
    CATEGORY: {
        "zh-TW": "{cycles} 個回購週期（各依常買品類）",
        "en": "{cycles} repurchase cycles (of the category each usually buys)",
        "ja": "購入サイクル{cycles}回分（よく買うカテゴリーごと）",
    },
    MEMBER: {
        "zh-TW": "{cycles} 個回購週期（各依自己的週期）",
        "en": "{cycles} repurchase cycles (each member's own)",
        "ja": "購入サイクル{cycles}回分（会員ごと）",
    },
}
_IN_ORDER: Texts = {
    "zh-TW": "由上往下判斷，符合第一個就歸入該類；天數算到當天為止，剛好滿期算在期內。",
    "en": "Read from the top: the first that fits is the class. A day exactly at a limit is "
    "within it.",
    "ja": "上から順に見て、最初に当てはまったものに入ります。ちょうど期限の日は期間内です。",
}
_AT_ONCE: Texts = {
    "zh-TW": "天數算到當天為止，剛好滿期算在期內；已全額退款的購買不算。",
    "en": "A day exactly at a limit is within it. Purchases taken back in full do not count.",
    "ja": "ちょうど期限の日は期間内です。全額返金された購入は数えません。",
}
_CYCLE: dict[str, Texts] = {
    FIXED: {
        "zh-TW": "回購週期 {days} 天：店家自訂",
        "en": "Repurchase cycle {days} days: set by the shop",
        "ja": "購入サイクル{days}日：店舗が設定",
    },
    ASSUMED: {
        "zh-TW": "回購週期 {days} 天：暫定值，回購過的會員只有 {members} 位"
        "（需要 {fewest} 位以上才能估算）",
        "en": "Repurchase cycle {days} days: assumed, for only {members} members have bought again "
        "(an estimate needs {fewest})",
        "ja": "購入サイクル{days}日：仮の値です。再購入した会員が{members}人しかいません"
        "（推定には{fewest}人以上必要）",
    },
    "estimated": {
        "zh-TW": "回購週期 {days} 天：{members} 位回購會員、{intervals} 次間隔的中位數"
        "（{measured_on} 估算）",
        "en": "Repurchase cycle {days} days: the median of {members} members who bought again, "
        "{intervals} intervals (estimated on {measured_on})",
        "ja": "購入サイクル{days}日：再購入した会員{members}人・間隔{intervals}回の中央値"
        "（{measured_on}に推定）",
    },
}
_LEVEL: dict[str, Texts] = {
    CATEGORY: {
        "zh-TW": "；常買品類另有週期時用品類的（{categories} 類）",
        "en": "; where the category a member usually buys has a cycle, that one ({categories})",
        "ja": "。よく買うカテゴリーにサイクルがあればそれを使用（{categories}種類）",
    },
    MEMBER: {
        "zh-TW": "；每位會員用自己的平均間隔，不足 {own} 次的部分以全店週期補足",
        "en": "; each member by their own mean interval, filled up to {own} intervals with the "
        "shop's",
        "ja": "。会員ごとに自分の平均間隔を使い、{own}回に満たない分は全店のサイクルで補う",
    },
}

_VERSION: Texts = {
    "zh-TW": "設定第 {version} 版",
    "en": "settings version {version}",
    "ja": "設定バージョン{version}",
}
_STARTING: Texts = {"zh-TW": "起始設定", "en": "starting settings", "ja": "初期設定"}


def rule_text(
    model: str,
    code: str,
    settings: LifecycleSettings,
    language: str = "zh-TW",
    *,
    cycle_days: int | None = None,
) -> str:
    """Return the rule of a class in words, with its numbers.

    `cycle_days` is the cycle of one member; without it the rule speaks of all of them. Raises
    UnknownModel or UnknownClass.
    """
    rule = in_language(get_class(model, code).rule, language)
    return rule.format(
        near=_span(settings, settings.near_cycles, cycle_days, language),
        far=_span(settings, settings.far_cycles, cycle_days, language),
        window=settings.window_days,
        loyal=settings.loyal_orders,
    )


def _span(settings: LifecycleSettings, cycles: int, cycle_days: int | None, language: str) -> str:
    cycle = settings.cycle
    if cycle_days is None and cycle.level in _OWN_SPAN:
        return in_language(_OWN_SPAN[cycle.level], language).format(cycles=cycles)
    days = cycles * (cycle_days or cycle.days)
    return in_language(_SPAN, language).format(days=days, cycles=cycles)


def order_text(model: str, language: str = "zh-TW") -> str:
    """Return how the rules of a model are read: from the top, or each by itself."""
    return in_language(_IN_ORDER if model == NASLD else _AT_ONCE, language)


def cycle_text(cycle: Cycle, language: str = "zh-TW") -> str:
    """Return how long the cycle is, and where it came from."""
    how = FIXED if cycle.level == FIXED else cycle.source
    text = in_language(_CYCLE[how], language).format(
        days=cycle.days,
        members=f"{cycle.members:,}",
        intervals=f"{cycle.intervals:,}",
        fewest=FEWEST_MEMBERS,
        measured_on=f"{cycle.measured_on:%Y/%m/%d}" if cycle.measured_on else None,
    )
    if cycle.level in _LEVEL:
        text += in_language(_LEVEL[cycle.level], language).format(
            categories=len(cycle.by_category), own=OWN_INTERVALS
        )
    return text


def version_text(settings: LifecycleSettings, language: str = "zh-TW") -> str:
    """Return which version of the settings it is."""
    if settings.version is None:
        return in_language(_STARTING, language)
    return in_language(_VERSION, language).format(version=settings.version)

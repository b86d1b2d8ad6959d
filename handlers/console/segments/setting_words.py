"""What the models are set to, in words: each setting with its name, and how a cut is made."""

from collections.abc import Mapping
from typing import Any

from bot.texts import Texts
from handlers.console.segments.words import class_name, model_name
from models.lifecycle import NAPL_91APP, NAPL_ARTICLE, NASLD, LifecycleSettings
from models.lifecycle.setting import CHOSEN
from models.rfm import DIMENSIONS, CutRule, RfmSettings
from models.rfm.setting import FIXED, MEAN, MEDIAN, QUINTILE

Rows = dict[str, tuple[str, str]]
"""Each setting's name and what it holds, by its field."""


def level_names(t: Texts) -> dict[str, str]:
    """Return whose repurchase cycle may hold."""
    return {
        "shop": t("全店一個週期"),
        "category": t("各品類自己的週期"),
        "member": t("每位會員自己的週期"),
    }


def dimension_names(t: Texts) -> dict[str, str]:
    """Return the three that RFM looks at."""
    return {"recency": t("最近消費"), "frequency": t("消費頻率"), "monetary": t("消費金額")}


def method_names(t: Texts) -> dict[str, str]:
    """Return the ways to tell high from low."""
    return {
        MEDIAN: t("中位數"),
        MEAN: t("平均數"),
        QUINTILE: t("五等分"),
        FIXED: t("自訂數字"),
    }


def lifecycle_labels(t: Texts) -> dict[str, str]:
    """Return the names of the lifecycles' settings, in the order of the form."""
    return {
        "near_cycles": t(
            "{model}：幾個回購週期內買過算「{active}」",
            model=model_name(NASLD),
            active=class_name(NASLD, "active"),
        ),
        "far_cycles": t(
            "{model}：幾個回購週期沒買算「{deep}」",
            model=model_name(NASLD),
            deep=class_name(NASLD, "deep"),
        ),
        "cycle_level": t("回購週期用誰的"),
        "cycle_days": t("自訂回購週期（天）"),
        "window_days": t(
            "{one}、{other}：幾天沒買算沉默",
            one=model_name(NAPL_ARTICLE),
            other=model_name(NAPL_91APP),
        ),
        "loyal_orders": t(
            "{model}：買幾次算「{loyal}」",
            model=model_name(NAPL_ARTICLE),
            loyal=class_name(NAPL_ARTICLE, "loyal"),
        ),
    }


def lifecycle_rows(t: Texts, settings: LifecycleSettings) -> Rows:
    """Return what the lifecycles are set to."""
    held = {name: getattr(settings, name) for name in CHOSEN}
    told = {name: t.number(value) for name, value in held.items() if isinstance(value, int)}
    told["cycle_level"] = level_names(t)[settings.cycle_level]
    if settings.cycle_days is None:
        told["cycle_days"] = t("依消費紀錄估算")
    return {name: (label, told[name]) for name, label in lifecycle_labels(t).items()}


def rfm_rows(t: Texts, settings: RfmSettings) -> Rows:
    """Return what RFM is set to."""
    names = dimension_names(t)
    rows = {"window_days": (t("看最近幾天的消費"), t.number(settings.window_days))}
    return rows | {
        name: (t("{dimension}的高低", dimension=names[name]), cut_words(t, settings.cuts[name]))
        for name in DIMENSIONS
    }


def cut_words(t: Texts, rule: CutRule) -> str:
    """Return how one of the three is cut."""
    values = t("、").join(t.number(value) for value in rule.values)
    if rule.method == FIXED and len(rule.values) == 1:
        return t("自訂：{values}", values=values)
    if rule.method == FIXED:
        return t("自訂五級：{values}，{score} 分以上算高", values=values, score=rule.high_from)
    if rule.method == QUINTILE:
        return t("五等分，{score} 分以上算高", score=rule.high_from)
    return method_names(t)[rule.method]


def high_words(t: Texts, high: Mapping[str, Any], window_days: int) -> dict[str, str]:
    """Return from where on each of the three is high, by numbers that hold today."""
    said = {
        "recency": lambda value: t("{days} 天內買過", days=t.number(value)),
        "frequency": lambda value: t(
            "近 {window} 天買 {times} 次以上", window=window_days, times=t.number(value)
        ),
        "monetary": lambda value: t(
            "近 {window} 天 {money} 以上", window=window_days, money=t.money(value)
        ),
    }
    return {name: said[name](high[name]) for name in DIMENSIONS if name in high}

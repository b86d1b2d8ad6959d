"""A journey in words: what each step does, in the shop's languages, for tables and diagrams."""

from collections.abc import Mapping
from typing import Any

from models.base import Texts, in_language, said
from models.journey.definition import Cause, Definition, Leaving
from models.journey.fact import fact_name
from models.journey.step import FactAsked, MayWrite, Step, Wait
from models.journey.table import (
    ACTIVE,
    ARCHIVED,
    DONE,
    DRAFT,
    EXITED,
    HELD_OUT,
    PAUSED,
    SET_ASIDE,
    UNDER_WAY,
)
from models.segment.wording import describe

STATE_NAMES: Mapping[str, Texts] = {
    DRAFT: said("草稿", "Draft", "下書き"),
    ACTIVE: said("進行中", "Active", "稼働中"),
    PAUSED: said("暫停", "Paused", "一時停止"),
    ARCHIVED: said("已封存", "Archived", "アーカイブ済み"),
    UNDER_WAY: said("進行中", "Under way", "進行中"),
    DONE: said("走完", "Finished", "完了"),
    EXITED: said("提前離開", "Left early", "途中離脱"),
    HELD_OUT: said("對照組", "Held out", "対照群"),
    SET_ASIDE: said("待處理", "Set aside", "要確認"),
}
REASONS: Mapping[str, Texts] = {
    "started": said("開始", "started", "開始"),
    "waited": said("等到了", "waited", "待機終了"),
    "unknown": said("日子未知", "day not known", "日付不明"),
    "too_late": said("日子已過", "too late", "日付経過"),
    "yes": said("是", "yes", "はい"),
    "no": said("否", "no", "いいえ"),
    "owed": said("已交付發送", "handed over", "送信待ちへ"),
    "said_before": said("先前已發", "sent before", "送信済み"),
    "not_reachable": said("無法聯絡", "not reachable", "連絡先なし"),
    "marketing_stopped": said("不收行銷訊息", "no marketing", "配信停止"),
    "no_coupon": said("券已發完", "no coupon left", "クーポン終了"),
    "given": said("已發券", "coupon given", "クーポン付与"),
    "done": said("完成", "done", "完了"),
    "left": said("已列入待辦", "task left", "タスク登録"),
    "moved": said("改走新版", "moved", "移動"),
    "given_up": said("人工結束", "taken off", "手動終了"),
    "erased": said("會員已離開", "left the shop", "退会"),
    "merged": said("併卡", "card merged", "カード統合"),
    "journey_archived": said("旅程已封存", "journey archived", "アーカイブ"),
    "journey_paused": said("旅程暫停", "journey paused", "一時停止"),
    "held_out": said("屬於對照組", "held out", "対照群"),
    "was_here": said("已走過", "was here before", "参加済み"),
    "no_cause": said("沒有觸發事件", "no cause yet", "きっかけなし"),
    "gone": said("已不是會員", "not a member any more", "会員ではない"),
}
_DO: Mapping[str, Texts] = {
    "split": said("分流 {shares}", "split {shares}", "振り分け {shares}"),
    "send": said("發送訊息", "send a message", "メッセージ送信"),
    "coupon": said("發券「{code}」", "give the coupon {code}", "クーポン「{code}」を付与"),
    "give": said("加上標籤「{code}」", "add the tag {code}", "タグ「{code}」を付与"),
    "take": said("移除標籤「{code}」", "take off the tag {code}", "タグ「{code}」を外す"),
    "task": said("店員待辦：{what}", "task for staff: {what}", "スタッフのタスク：{what}"),
    "survey": said("發送問卷「{code}」", "send the survey {code}", "アンケート「{code}」送信"),
    "exit": said("離開（{code}）", "leave ({code})", "離脱（{code}）"),
    "fact": said(
        "若 {fact} {operator} {value}",
        "if {fact} {operator} {value}",
        "{fact} {operator} {value} なら",
    ),
    "known": said("若知道 {fact}", "if {fact} is known", "{fact} が分かるなら"),
    "rule": said("若{rule}", "if {rule}", "{rule} なら"),
    "may_write": said("若現在可以聯絡", "if they may be written to", "連絡してよいなら"),
    "for": said("等 {span}", "wait {span}", "{span} 待つ"),
    "cause": said(
        "等到觸發後 {span}", "wait until {span} after the cause", "きっかけから {span} まで待つ"
    ),
    "time": said("等到 {time}", "wait until {time}", "{time} まで待つ"),
    "weekday": said(
        "等到星期{weekday} {time}", "wait until {weekday} {time}", "{weekday} {time} まで待つ"
    ),
    "day": said("等到 {fact}{days}", "wait until {fact}{days}", "{fact}{days} まで待つ"),
}
_UNITS: Mapping[str, Texts] = {
    "days": said("{} 天", "{} days", "{} 日"),
    "hours": said("{} 小時", "{} hours", "{} 時間"),
    "minutes": said("{} 分鐘", "{} minutes", "{} 分"),
}
_MINUTES = {"days": 1_440, "hours": 60, "minutes": 1}
_WEEKDAYS: Mapping[str, str] = {
    "zh-TW": "一二三四五六日",
    "ja": "月火水木金土日",
}
_ENGLISH_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_OPERATORS = {"at_least": "≥", "at_most": "≤", "is": "=", "is_not": "≠"}


def reason_text(why: str, language: str, definition: Definition | None = None) -> str:
    """Return why a visit moved or ended as a person reads it; a shop's own word stays itself."""
    if why in REASONS:
        return in_language(REASONS[why], language)
    for leaving in definition.exits if definition is not None else ():
        if leaving.exit.code == why:
            return in_language(leaving.exit.names, language)
    return why


def cause_text(
    cause: Cause | Leaving, language: str, names: Mapping[str, str] | None = None
) -> str:
    """Return a trigger or an exit in words, with what it was told.

    `names` are what coupons, classes, festivals and segments are called, by code.
    """
    known = names or {}
    entry = cause.trigger if isinstance(cause, Cause) else cause.exit
    labels = {param.name: in_language(param.labels, language) for param in entry.params}
    told = {
        name: value
        for name, value in cause.as_json().items()
        if name in labels and value is not None
    }
    name = in_language(entry.names, language)
    if not told:
        return name
    before, between, after = (" (", ", ", ")") if language == "en" else ("（", "、", "）")
    filled = between.join(f"{labels[key]} {_shown(told[key], known)}" for key in told)
    return name + before + filled + after


def _shown(value: Any, names: Mapping[str, str]) -> str:
    if isinstance(value, list):
        return "・".join(_shown(each, names) for each in value)
    if isinstance(value, bool):
        return "✓" if value else "✗"
    return names.get(value, str(value))


def step_text(step: Step, language: str, names: Mapping[str, str] | None = None) -> str:
    """Return what a step does, in words.

    `names` are what coupons, surveys and tags are called, by code; others are told by their code.
    """
    known = names or {}
    if step.wait is not None:
        return _wait_text(step.wait, language)
    if step.condition is not None:
        return _condition_text(step, language)
    words = step.words
    if step.do == "split":
        shares = " / ".join(
            f"{arm} {share}%" for arm, share in zip(step.branches, step.shares, strict=True)
        )
        return _say("split", language, shares=shares)
    if step.do == "tag":
        word = "give" if "give" in words else "take"
        return _say(word, language, code=known.get(words[word], words[word]))
    if step.do == "task":
        return _say("task", language, what=in_language(dict(words["what"]), language))
    template = words.get("template", words.get("survey", words.get("reason")))
    if isinstance(template, Mapping):
        return _say(step.do, language, code=fact_name(template["fact"], language))
    return _say(step.do, language, code=known.get(str(template), template))


def _condition_text(step: Step, language: str) -> str:
    asked = step.condition
    if isinstance(asked, FactAsked):
        word = "known" if asked.operator == "known" else "fact"
        operator = _OPERATORS.get(asked.operator, "")
        fact = fact_name(asked.fact, language)
        return _say(word, language, fact=fact, operator=operator, value=asked.value)
    if isinstance(asked, MayWrite):
        return _say("may_write", language)
    assert asked is not None, "a condition asks something"
    return _say("rule", language, rule=describe(asked, language, {}))


def _wait_text(wait: Wait, language: str) -> str:
    at = wait.at.isoformat("minutes") if wait.at is not None else ""
    if wait.fact is not None:
        days = f" {wait.days:+d}" if wait.days else ""
        fact = fact_name(wait.fact, language)
        return f"{_say('day', language, fact=fact, days=days)} {at}".rstrip()
    if not wait.minutes and wait.at is not None:
        if wait.weekday is None:
            return _say("time", language, time=at)
        names = _WEEKDAYS.get(language, _ENGLISH_DAYS)
        return _say("weekday", language, weekday=names[wait.weekday - 1], time=at)
    span = _span(wait.minutes, language)
    return f"{_say('cause' if wait.from_cause else 'for', language, span=span)} {at}".rstrip()


def _span(minutes: int, language: str) -> str:
    """Return a duration in its units, the smaller ones only where they are needed."""
    parts = []
    for unit, size in _MINUTES.items():
        number, minutes = divmod(minutes, size)
        if number:
            parts.append(in_language(_UNITS[unit], language).format(number))
    return " ".join(parts) or in_language(_UNITS["minutes"], language).format(0)


def _say(word: str, language: str, **facts: Any) -> str:
    return in_language(_DO[word], language).format(**facts)

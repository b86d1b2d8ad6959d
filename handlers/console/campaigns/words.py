"""How the campaigns' pages say states, times, outcomes, reasons and what was changed."""

from collections.abc import Mapping
from typing import Any

from flask import g

from bot.texts import Texts
from models.base import in_language
from models.campaign import Campaign, Schedule, schedule_of
from models.campaign.schedule import DAILY, WEEKDAYS, WEEKLY
from models.insight.reason import reason_name
from models.segment.keeping import get_segment

TONES: Mapping[str, str] = {
    "draft": "secondary",
    "waiting_approval": "yellow",
    "scheduled": "azure",
    "running": "green",
    "paused": "orange",
    "finished": "secondary",
    "cancelled": "secondary",
    "planned": "azure",
    "freezing": "azure",
    "sending": "green",
    "missed": "red",
    "stopped": "red",
}
"""The colour in which a state is shown, of campaigns and of their runs."""


def state_names(t: Texts) -> dict[str, str]:
    """Return what the states of campaigns, and of their single sendings, are called."""
    return {
        "draft": t("草稿"),
        "waiting_approval": t("待核准"),
        "scheduled": t("已排程"),
        "running": t("進行中"),
        "planned": t("等待時間"),
        "freezing": t("整理名單"),
        "sending": t("發送中"),
        "paused": t("已暫停"),
        "finished": t("已完成"),
        "cancelled": t("已取消"),
        "missed": t("錯過時間"),
        "stopped": t("已停止"),
    }


def outcome_names(t: Texts) -> dict[str, str]:
    """Return what became of a recipient, by its state, in the order in which they are told."""
    return {
        "accepted": t("送達"),
        "skipped": t("未發送"),
        "refused": t("被拒絕"),
        "unknown": t("結果不明"),
        "waiting": t("等待中"),
    }


def channel_names(t: Texts) -> dict[str, str]:
    """Return the ways a campaign may go."""
    return {
        "line": t("LINE"),
        "preferred": t("會員偏好的通路（LINE 或電子郵件）"),
        "email": t("電子郵件"),
    }


def metric_names(t: Texts) -> dict[str, str]:
    """Return what variants may be judged by."""
    return {"click": t("點擊"), "conversion": t("購買")}


def weekday_names(t: Texts) -> dict[str, str]:
    """Return the days of the week, Monday first."""
    names = (t("一"), t("二"), t("三"), t("四"), t("五"), t("六"), t("日"))
    return dict(zip(WEEKDAYS, names, strict=True))


def verdict_name(t: Texts, verdict: str) -> str:
    """Return how an A/B test was judged."""
    return {
        "winner": t("有勝出的版本"),
        "no_difference": t("看不出差別"),
        "too_few": t("人數不足"),
    }[verdict]


def kind_names(t: Texts) -> dict[str, str]:
    """Return the kinds of campaigns."""
    return {"marketing": t("行銷訊息"), "service": t("服務通知（不含促銷）")}


def arm_name(t: Texts, variant: str | None) -> str:
    """Return what a part of the audience is called; `*` is who gets what a test chooses."""
    if variant is None:
        return t("對照組（不發送）")
    return t("測試後的勝出版") if variant == "*" else t("{code} 版", code=variant)


def said_reason(t: Texts, reason: str) -> str:
    """Return why a message did not go, as a person reads it."""
    return in_language(reason_name(reason), t.language) if reason else t("其他")


def said_schedule(t: Texts, campaign: Campaign) -> str:
    """Return when a campaign is sent, as a marketer reads it."""
    schedule = schedule_of(campaign)
    if schedule.at is not None:
        return t.moment(schedule.at)
    return _said_recurring(t, schedule) if schedule.recurs else t("核准後立即")


def _said_recurring(t: Texts, schedule: Schedule) -> str:
    at = f"{schedule.at_time:%H:%M}"
    if schedule.every == DAILY:
        return t("每天 {time}", time=at)
    if schedule.every == WEEKLY:
        names = weekday_names(t)
        days = t("、").join(names[str(day)] for day in schedule.on)
        return t("每週{days} {time}", days=days, time=at)
    return t("每月 {days} 日 {time}", days=t("、").join(map(str, schedule.on)), time=at)


def said_deed(t: Texts, what: str) -> str:
    """Return what was done with a campaign, for its trail."""
    if what.startswith("clone:"):
        return t("複製自 {code}", code=what.removeprefix("clone:"))
    known = {
        "add": t("建立"),
        "change": t("修改"),
        "submit": t("送出"),
        "approve": t("核准"),
        "send_back": t("退回草稿"),
        "pause": t("暫停"),
        "resume": t("繼續"),
        "cancel": t("取消"),
        "open": t("開始發送"),
        "finish": t("結束"),
        "test": t("測試發送"),
    }
    return known.get(what, what)


def detail_names(t: Texts) -> dict[str, str]:
    """Return what each thing a campaign says of itself is called."""
    return {
        "name": t("名稱"),
        "segment_code": t("對象"),
        "segment_version": t("分群版本"),
        "variants": t("內容"),
        "schedule": t("時間"),
        "kind": t("種類"),
        "priority": t("優先順序"),
        "metric": t("衡量方式"),
        "stop_rule": t("A/B 判定規則"),
        "holdout_percent": t("對照組"),
        "grace_minutes": t("最晚可以遲多久"),
        "budget_twd": t("優惠預算"),
        "channel": t("通路"),
        "attribution_days": t("成效計算天數"),
        "state": t("狀態"),
    }


def said_detail(t: Texts, name: str, value: Any) -> str:
    """Return what a campaign says of itself in a few words, to compare two versions."""
    if value is None:
        return "–"
    if name == "name":
        return in_language(value, t.language)
    if name == "segment_code":
        segment = get_segment(g.session, value)
        return t("自設條件") if segment.is_one_off else in_language(segment.name, t.language)
    if name == "variants":
        return t("、").join(_said_variant(t, each) for each in value)
    if name == "state":
        return state_names(t)[value]
    if name == "channel":
        return channel_names(t)[value]
    if isinstance(value, dict):
        return t("、").join(f"{key} {each}" for key, each in value.items())
    return str(value)


def _said_variant(t: Texts, variant: Mapping[str, Any]) -> str:
    messages = variant["content"]["messages"]
    first = messages[0]
    texts = first.get("text") or first.get("fields", {}).get("title")
    words = in_language(texts, t.language) if isinstance(texts, dict) else ""
    return t(
        "{code} 版 {share}%：{count} 則 {words}",
        code=variant["code"],
        share=variant["share"],
        count=len(messages),
        words=words[:30],
    ).rstrip()

"""What the calendar calls states and reasons."""

from collections.abc import Mapping
from typing import Any

from bot.texts import Texts
from models.base import in_language
from models.insight.reason import reason_name

TONES: Mapping[str, str] = {
    "draft": "secondary",
    "waiting_approval": "yellow",
    "scheduled": "blue",
    "planned": "blue",
    "freezing": "blue",
    "sending": "green",
    "running": "green",
    "paused": "yellow",
    "finished": "secondary",
    "cancelled": "secondary",
    "missed": "red",
    "stopped": "red",
}
"""In which colour the state of a campaign or a run is shown; its name stands beside it."""


def state_names(t: Texts) -> dict[str, str]:
    """Return what the states of campaigns and their runs are called."""
    return {
        "draft": t("草稿"),
        "waiting_approval": t("等待核准"),
        "scheduled": t("已排程"),
        "planned": t("等待時間"),
        "freezing": t("整理名單"),
        "sending": t("發送中"),
        "running": t("進行中"),
        "paused": t("已暫停"),
        "finished": t("已完成"),
        "cancelled": t("已取消"),
        "missed": t("錯過時間"),
        "stopped": t("已停止"),
    }


def entry_words(t: Texts) -> dict[str, Any]:
    """Return what templates need to name what is on a day."""
    return {
        "tones": TONES,
        "states": state_names(t),
        "reason": lambda why: in_language(dict(reason_name(why)), t.language),
        "weekdays": weekdays(t),
    }


def weekdays(t: Texts) -> list[str]:
    """Return the days of a week as a calendar heads its columns, Monday first."""
    return [t("一"), t("二"), t("三"), t("四"), t("五"), t("六"), t("日")]

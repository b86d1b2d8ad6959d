"""What journeys and their steps are called on the pages."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.texts import Texts
from models.base import in_language
from models.coupon import CouponTemplate
from models.journey.editing import Json
from models.journey.step import NO, ONWARDS, OTHERWISE, YES
from models.journey.stepping import StepReader
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
from models.journey.trigger import EXITS, TRIGGERS
from models.journey.wording import STATE_NAMES, step_text
from models.segment.refusals import RuleRefused
from models.segment.table import Segment
from models.survey.table import Survey
from models.tag.table import Tag

LONGEST_SAID = 40
TONES: Mapping[str, str] = {
    DRAFT: "secondary",
    ACTIVE: "green",
    PAUSED: "yellow",
    ARCHIVED: "secondary",
    UNDER_WAY: "blue",
    DONE: "green",
    EXITED: "secondary",
    HELD_OUT: "purple",
    SET_ASIDE: "red",
}
"""In which colour a state is shown; its name always stands beside it."""
ICONS: Mapping[str, str] = {
    "wait": "hourglass-split",
    "send": "chat-left-text",
    "coupon": "ticket-perforated",
    "survey": "patch-question",
    "condition": "signpost-split",
    "split": "shuffle",
    "tag": "tag",
    "task": "clipboard-check",
    "exit": "box-arrow-right",
}


def kind_names(t: Texts) -> dict[str, str]:
    """Return what each kind of step is called."""
    return {
        "wait": t("等待"),
        "send": t("發送訊息"),
        "coupon": t("發優惠券"),
        "survey": t("發問卷"),
        "condition": t("條件分支"),
        "split": t("隨機分流"),
        "tag": t("標籤"),
        "task": t("店員待辦"),
        "exit": t("離開旅程"),
    }


def kind_hints(t: Texts) -> dict[str, str]:
    """Return what each kind of step is for, in a line."""
    return {
        "wait": t("等幾天、等到幾點，或等到某個日子"),
        "send": t("LINE 訊息，最多五則"),
        "coupon": t("給一張券，之後的訊息可以帶出來"),
        "survey": t("問一題滿意度、推薦度或離開原因"),
        "condition": t("是、否走不同的路"),
        "split": t("照比例隨機走不同的路，比較哪條好"),
        "tag": t("加上或移除標籤"),
        "task": t("請店員親手做一件事"),
        "exit": t("提早結束，不再往下走"),
    }


def branch_name(t: Texts, branch: str) -> str:
    """Return what a way that leads on is called."""
    names = {
        ONWARDS: t("接著"),
        YES: t("是"),
        NO: t("否"),
        OTHERWISE: t("券發完時"),
    }
    return names.get(branch) or t("第 {arm} 組", arm=branch)


def state_name(t: Texts, state: str) -> str:
    """Return what the state of a journey or a visit is called."""
    return in_language(dict(STATE_NAMES[state]), t.language)


def names_in_shop(session: Session, language: str) -> dict[str, str]:
    """Return what journeys may name is called, by code: coupons, surveys, tags, classes, days."""
    found: dict[str, str] = {}
    for table in (CouponTemplate, Survey, Tag, Segment):
        rows = session.execute(select(table.code, table.name))
        found |= {code: in_language(name, language) for code, name in rows}
    params = [param for each in TRIGGERS.values() for param in each.params]
    params += [param for each in EXITS.values() for param in each.params]
    for choices in {param.choices for param in params}:
        if callable(choices):
            told = choices(session).items()
            found |= {code: in_language(dict(name), language) for code, name in told}
    return found


def said_in(content: Any, t: Texts) -> str:
    """Return how a message begins: the first text of a draft's content that can be read."""
    messages = content.get("messages") if isinstance(content, dict) else None
    for part in messages if isinstance(messages, list) else ():
        fields = part.get("fields") if isinstance(part, dict) else None
        texts = part.get("text") or (fields or {}).get("title") or (fields or {}).get("body")
        if isinstance(texts, dict) and texts.get("zh-TW"):
            line = " ".join(str(in_language(texts, t.language)).split())
            return line if len(line) <= LONGEST_SAID else line[:LONGEST_SAID] + "…"
    return t("（沒有文字）")


def step_line(told: Json, step: Json, t: Texts, names: Mapping[str, str]) -> str:
    """Return what a step of a draft does; of one that nobody filled in yet, that it is so."""
    trigger = TRIGGERS.get(told["trigger"].get("on"))
    assert trigger is not None, "a kept draft has a trigger there is"
    try:
        read = StepReader(trigger).read(dict(step), "step")
    except RuleRefused:
        return t("還沒填完")
    return said_in(step["content"], t) if read.do == "send" else step_text(read, t.language, names)


def named(names: Mapping[str, Any], codes: Sequence[str], t: Texts) -> list[tuple[str, str]]:
    """Return codes with their names, as a list of options has them."""
    return [(code, in_language(dict(names[code]), t.language)) for code in codes]

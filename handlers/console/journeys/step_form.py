"""The form of one step, a kind at a time: what was typed becomes what a definition says of it.

Whether it would do is for the definition's own reader to say; here only its shape is made. Fields
left empty stay out, so that the reader names them.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from flask import g

from handlers.console import form
from handlers.console.segments.typed import EMPTY, typed_rule
from models.journey.editing import Json
from models.journey.step import ONWARDS, OTHERWISE
from models.journey.stepping import (
    ALL_SHARES,
    LANGUAGES,
    LONGEST_CODE,
    LONGEST_WHAT,
    MOST_ARMS,
    MOST_TASK_DAYS,
    MOST_USEFUL_HOURS,
    MOST_WAIT_DAYS,
    NUMBERS,
    OPERATORS,
    SAME_KEY,
    USUAL_TASK_DAYS,
)
from models.outreach import WIN_BACK
from models.segment.keeping import get_version, rule_of

FOR, SINCE_CAUSE, UNTIL_TIME, UNTIL_FACT = WAITS = ("for", "cause", "time", "fact")
MAY_WRITE, SEGMENT, FACT, RULE = ASKS = ("may_write", "segment", "fact", "rule")
OF_CAUSE = "*"
"""In the list of coupons: the one that the cause brought."""
LONGEST_TIME = 5
LONGEST_CONTENT = 80_000
_NUMBER = re.compile(r"-?\d{1,15}")
_TRUTHS = {"true": True, "false": False}


def read_step(step: Json) -> Json:
    """Return what the form says of a step, but for its ways: they stay where they lead.

    Raises FieldRefused, NoSuchSegment, or a RuleRefused.
    """
    return _READERS[step["do"]](step)


def _wait(_step: Json) -> Json:
    how = form.needed_choice("how", WAITS)
    at = form.text("time", LONGEST_TIME)
    clock = {"time": at} if at else {}
    if how == UNTIL_TIME:
        weekday = form.whole("weekday", least=1, most=7)
        return {"until": clock | ({"weekday": weekday} if weekday else {})}
    if how == UNTIL_FACT:
        days = form.whole("fact_days", least=-MOST_WAIT_DAYS, most=MOST_WAIT_DAYS) or 0
        until = {"fact": form.needed("fact", LONGEST_CODE), "days": days} | clock
        return {"until": until, "when_past": "exit" if form.flag("exits_if_past") else "go"}
    spans = {
        unit: form.whole(unit, least=0, most=MOST_WAIT_DAYS * 24 * 60)
        for unit in ("days", "hours", "minutes")
    }
    told: Json = {"for": {unit: number for unit, number in spans.items() if number}}
    if not told["for"]:
        told["for"] = {"days": 0}
    return told | clock | ({"from": "cause"} if how == SINCE_CAUSE else {})


def _condition(_step: Json) -> Json:
    how = form.needed_choice("how", ASKS)
    if how == RULE:
        return {"if": {"rule": typed_rule().as_json()}}
    if how == MAY_WRITE:
        return {"if": {"may_write": True} | _purpose()}
    if how == SEGMENT:
        code = form.needed("segment", LONGEST_CODE)
        return {"if": {"rule": rule_of(get_version(g.session, code)).as_json()}}
    operator = form.needed_choice("operator", OPERATORS)
    asked: Json = {"fact": form.needed("fact", LONGEST_CODE), "is": operator}
    if operator in NUMBERS:
        asked["value"] = _value(form.needed("value", LONGEST_CODE))
    return {"if": asked}


def _value(typed: str) -> int | bool | str:
    """Return a number or a yes or no as what it is, and all else as a word."""
    if typed in _TRUTHS:
        return _TRUTHS[typed]
    return int(typed) if _NUMBER.fullmatch(typed) else typed


def _split(_step: Json) -> Json:
    names = [f"share_{number}" for number in range(MOST_ARMS)]
    shares = [form.whole(name, least=1, most=ALL_SHARES - 1) for name in names]
    return {"arms": [{"share": share, ONWARDS: None} for share in shares if share]}


def _send(_step: Json) -> Json:
    typed = form.needed("content", LONGEST_CONTENT)
    return {"content": form.decoded(typed, "content", LONGEST_CONTENT)} | _sending()


def _survey(_step: Json) -> Json:
    return {"survey": form.text("survey", LONGEST_CODE) or ""} | _sending()


def _sending() -> Json:
    hours = form.whole("useful_hours", least=1, most=MOST_USEFUL_HOURS)
    return _purpose() | ({"useful_hours": hours} if hours else {}) | _key()


def _purpose() -> Json:
    return {"purpose": WIN_BACK} if form.flag("is_win_back") else {}


def _key() -> Json:
    return {"key": SAME_KEY} if form.flag("same_key") else {}


def _coupon(_step: Json) -> Json:
    template = form.text("template", LONGEST_CODE) or ""
    told: Any = {"fact": "template"} if template == OF_CAUSE else template
    otherwise = {OTHERWISE: None} if form.flag("has_otherwise") else {}
    return {"template": told, ONWARDS: None} | _key() | otherwise


def _tag(_step: Json) -> Json:
    word = form.needed_choice("word", ("give", "take"))
    days = form.whole("days", least=1, most=MOST_WAIT_DAYS) if word == "give" else None
    return {word: form.text("tag", LONGEST_CODE) or ""} | ({"days": days} if days else {})


def _task(_step: Json) -> Json:
    typed = {language: form.text(f"what_{language}", LONGEST_WHAT) for language in LANGUAGES}
    what = {language: words for language, words in typed.items() if words}
    days = form.whole("days", least=1, most=MOST_TASK_DAYS)
    return {"what": {"zh-TW": ""} | what, "days": days or USUAL_TASK_DAYS}


def _exit(_step: Json) -> Json:
    return {"reason": form.text("reason", LONGEST_CODE) or ""}


_READERS: Mapping[str, Callable[[Json], Json]] = {
    "wait": _wait,
    "condition": _condition,
    "split": _split,
    "send": _send,
    "survey": _survey,
    "coupon": _coupon,
    "tag": _tag,
    "task": _task,
    "exit": _exit,
}


# --- and back: what the form shows of a step ---


def shown_wait(step: Json) -> dict[str, Any]:
    """Return how the fields of a wait are filled."""
    until = step.get("until")
    if until is None:
        how = SINCE_CAUSE if step.get("from") == "cause" else FOR
        return dict(step["for"]) | {"how": how, "time": step.get("time")}
    if "fact" not in until:
        return dict(until) | {"how": UNTIL_TIME}
    is_exit = step.get("when_past") == "exit"
    return dict(until) | {
        "how": UNTIL_FACT,
        "fact_days": until.get("days", 0),
        "days": None,
        "exits_if_past": is_exit,
    }


def shown_condition(step: Json) -> dict[str, Any]:
    """Return how the fields of a condition are filled."""
    asked = step["if"]
    if "rule" in asked:
        return {"how": RULE, "rule": json.dumps(asked["rule"], ensure_ascii=False)}
    blank = {"rule": EMPTY}
    if "fact" not in asked:
        return blank | {"how": MAY_WRITE, "is_win_back": asked.get("purpose") == WIN_BACK}
    value = asked.get("value")
    written = str(value).lower() if isinstance(value, bool) else value
    return blank | {"how": FACT, "fact": asked["fact"], "operator": asked["is"], "value": written}

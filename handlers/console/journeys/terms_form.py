"""The form of what holds of a whole journey: what starts it, what ends it, who may come again."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask import g, request

from bot.texts import Texts
from handlers.console import form
from models.base import in_language
from models.journey.definition import (
    EACH,
    HIGHEST_PRIORITY,
    KINDS,
    LONGEST_TEXT,
    MOST_CODES,
    MOST_REENTRY_DAYS,
    ONCE,
    OPTIONS,
    read_cause,
    read_exits,
)
from models.journey.editing import Json
from models.journey.trigger import EXITS, TRIGGERS, USUAL_DAY_TIME, Exit, Param, Trigger
from models.segment.keeping import list_segments

AFTER_DAYS = "after_days"
REENTRIES = (ONCE, AFTER_DAYS, EACH)
LONGEST_TIME = 5


def read_terms(told: Json) -> Json:
    """Return a draft with what the form says of the whole. Raises FieldRefused or RuleRefused."""
    on = form.needed_choice("on", TRIGGERS)
    trigger = {"on": on} | dict(_params(TRIGGERS[on].params, "trigger"))
    at = form.text("from_time", LONGEST_TIME)
    if at and at != f"{USUAL_DAY_TIME:%H:%M}":
        trigger["from_time"] = at
    exits = [
        {"on": code} | dict(_params(each.params, f"exit.{code}"))
        for code, each in EXITS.items()
        if form.flag(f"exit.{code}")
    ]
    read_cause(trigger)
    read_exits(exits)
    numbers = {
        name: form.needed_whole(name, least=least, most=most)
        for name, (least, most, _) in OPTIONS.items()
    }
    return (
        told
        | numbers
        | {
            "kind": form.needed_choice("kind", KINDS),
            "trigger": trigger,
            "exit_when": exits,
            "reentry": _reentry(),
            "needs_consent": form.flag("needs_consent"),
            "priority": form.whole("priority", least=0, most=HIGHEST_PRIORITY),
        }
    )


def _reentry() -> Any:
    how = form.needed_choice("reentry", REENTRIES)
    if how != AFTER_DAYS:
        return how
    return {AFTER_DAYS: form.needed_whole("reentry_days", least=1, most=MOST_REENTRY_DAYS)}


def _params(params: Sequence[Param], under: str) -> Iterator[tuple[str, Any]]:
    """Yield what was typed for the words of a trigger or an exit; what is empty is left out."""
    for param in params:
        name = f"{under}.{param.name}"
        if param.kind == "boolean":
            yield param.name, form.flag(name)
        elif param.kind == "integer":
            number = form.whole(name, least=param.minimum, most=param.maximum)
            if number is not None:
                yield param.name, number
        elif param.kind == "codes":
            chosen = request.form.getlist(name)[:MOST_CODES]
            if chosen:
                yield param.name, chosen
        else:
            typed = form.text(name, LONGEST_TEXT)
            if typed is not None:
                yield param.name, typed


# --- and back: what the form shows ---


def shown_terms(told: Json, t: Texts, on: str | None) -> dict[str, Any]:
    """Return what the form of the terms shows; `on` is another trigger that is looked at."""
    cause = told["trigger"] if on in (None, told["trigger"]["on"]) else {"on": on}
    trigger = TRIGGERS[cause["on"]]
    said = {each["on"]: each for each in map(_with_code, told.get("exit_when", []))}
    reentry = told.get("reentry", ONCE)
    return {
        "on": trigger.code,
        "triggers": _options(TRIGGERS, t),
        "params": _fields(trigger.params, cause, "trigger", t),
        "from_time": cause.get("from_time", f"{USUAL_DAY_TIME:%H:%M}"),
        "exits": [
            (
                code,
                in_language(dict(each.names), t.language),
                code in said,
                _fields(each.params, said.get(code, {}), f"exit.{code}", t),
            )
            for code, each in EXITS.items()
        ],
        "kind": told.get("kind", KINDS[0]),
        "reentry": AFTER_DAYS if isinstance(reentry, Mapping) else reentry,
        "reentry_days": reentry[AFTER_DAYS] if isinstance(reentry, Mapping) else None,
        "needs_consent": told.get("needs_consent", told.get("kind", KINDS[0]) == KINDS[0]),
        "priority": told.get("priority"),
        "numbers": {name: told.get(name, usual) for name, (_, _, usual) in OPTIONS.items()},
        "limits": OPTIONS,
    }


def _with_code(told: Any) -> Json:
    return {"on": told} if isinstance(told, str) else told


def _options(entries: Mapping[str, Trigger] | Mapping[str, Exit], t: Texts) -> list[Any]:
    return [(code, in_language(dict(each.names), t.language)) for code, each in entries.items()]


def _fields(params: Sequence[Param], told: Json, under: str, t: Texts) -> list[dict[str, Any]]:
    return [
        {
            "name": f"{under}.{param.name}",
            "kind": param.kind,
            "label": in_language(dict(param.labels), t.language),
            "is_required": param.required,
            "value": told.get(param.name, param.usual),
            "least": param.minimum,
            "most": param.maximum,
            "options": _choices(param, t),
        }
        for param in params
    ]


def _choices(param: Param, t: Texts) -> list[tuple[str, str]] | None:
    """Return what may be chosen in this shop; None where anything may be typed."""
    if param.kind == "segment":
        return [
            (each.code, in_language(each.name, t.language)) for each, _ in list_segments(g.session)
        ]
    if isinstance(param.choices, tuple):
        return [(word, word) for word in param.choices]
    if param.choices is None:
        return None
    return [
        (code, in_language(dict(name), t.language))
        for code, name in param.choices(g.session).items()
    ]

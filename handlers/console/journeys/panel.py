"""What is open beside the flow in the editor: the form of a step, a new one, or the terms."""

from typing import Any

from flask import g, request

from handlers.console.door import console_texts
from handlers.console.journeys.step_form import OF_CAUSE, shown_condition, shown_wait
from handlers.console.journeys.terms_form import shown_terms
from models.base import in_language
from models.coupon import list_templates
from models.journey import TRIGGERS
from models.journey.checking import facts_of
from models.journey.editing import (
    Json,
    Place,
    aim_of,
    branches_of,
    find_step,
    lost_with,
)
from models.journey.fact import fact_name
from models.journey.step import ONWARDS
from models.journey.stepping import GIVEN, LIVE_FACTS, LONGEST_ID, MOST_ARMS
from models.segment.keeping import list_segments
from models.survey import list_surveys
from models.tag import list_tags

LONGEST_BRANCH = 10
STEP, ADD, TERMS, NONE = "step", "add", "terms", "none"
_DAYS = ("_on", "_by")
"""How the names of facts end that are days."""


def asked_place() -> Place:
    """Return the way that is meant: after which step, by which branch."""
    step = request.values.get("at", "")[:LONGEST_ID] or None
    return Place(step, request.values.get("branch", "")[:LONGEST_BRANCH] or ONWARDS)


def opened(told: Json, step_id: str | None, place: Place) -> dict[str, Any]:
    """Return what is open, with the words its form shows."""
    step = find_step(told, step_id) if step_id else None
    if step is not None:
        return {"panel": STEP, "opened": step} | _step_words(told, step)
    asked = request.args
    if asked.get("open") == ADD:
        return {"panel": ADD, "place": place}
    if asked.get("open") == TERMS:
        on = asked.get("on")
        shown = shown_terms(told, console_texts(), on if on in TRIGGERS else None)
        return {"panel": TERMS, "shown": shown}
    return {"panel": NONE}


def _step_words(told: Json, step: Json) -> dict[str, Any]:
    """Return what the form of a step shows: its values, and what may be chosen in this shop."""
    facts = [*(fact for fact in facts_of(told) if fact != GIVEN), *LIVE_FACTS]
    words: dict[str, Any] = {
        "lost": lost_with(told, step["id"]),
        "aims": [each["id"] for each in told["steps"] if each["id"] != step["id"]],
        "leads": {branch: aim_of(step, branch) for branch in branches_of(step)},
    }
    if step["do"] == "wait":
        dated = [fact for fact in facts if fact.endswith(_DAYS) or fact in LIVE_FACTS]
        return words | {"shown": shown_wait(step), "days": _facts(dated)}
    if step["do"] == "condition":
        segments = _named(segment for segment, _ in list_segments(g.session))
        shown = shown_condition(step)
        return words | {"shown": shown, "segments": segments, "facts": _facts(facts)}
    if step["do"] == "split":
        return words | {"shares": [arm["share"] for arm in step["arms"]], "most_arms": MOST_ARMS}
    if step["do"] == "send":
        return words | {"more_variables": facts_of(told)}
    return words | _choices(told, step)


def _choices(told: Json, step: Json) -> dict[str, Any]:
    """Return which coupons, surveys or tags a step may name."""
    if step["do"] == "coupon":
        brings = "template" in TRIGGERS[told["trigger"]["on"]].facts
        active = [each for each in list_templates(g.session) if each.is_active]
        return {"coupons": _named(active), "of_cause": OF_CAUSE if brings else None}
    if step["do"] == "survey":
        return {"surveys": _named(list_surveys(g.session))}
    return {"tags": _named(list_tags(g.session))} if step["do"] == "tag" else {}


def _facts(facts: list[str]) -> list[tuple[str, str]]:
    return [(fact, fact_name(fact, console_texts().language)) for fact in facts]


def _named(rows: Any) -> list[tuple[str, str]]:
    language = console_texts().language
    return [(row.code, in_language(row.name, language)) for row in rows]

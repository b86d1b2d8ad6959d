"""What a draft still lacks: every refusal at once, each with the step at which it stands.

Keeping a version refuses with the first one (`parse_definition`, `check_names`); who edits wants
to see all of them, beside the steps they are about.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from models.content import parse_content
from models.journey.definition import parse_definition
from models.journey.naming import list_unknown
from models.journey.refusals import moved_under
from models.journey.stepping import StepReader
from models.journey.trigger import TRIGGERS, Trigger
from models.segment.refusals import RuleRefused

Json = Mapping[str, Any]
_STEP = re.compile(r"steps\[(\d+)\]")


@dataclass(frozen=True)
class Problem:
    """One thing that will not do: where, at which step if at one, and what would do."""

    path: str
    step: str | None
    advice: Mapping[str, str]
    """In the shop's languages."""


def problems_of(session: Session, told: Json) -> list[Problem]:
    """Return what keeps a draft from being kept as a version, in the order of its steps.

    What the shop does not have (coupons, surveys, segments) is asked once the form is right.
    """
    found = list(_of_steps(told))
    try:
        definition = parse_definition(dict(told))
    except RuleRefused as refused:
        if not found or not _STEP.match(str(refused.facts["path"])):
            found.append(refused)
    else:
        found += list_unknown(session, definition)
    ids = [step["id"] for step in told["steps"]]
    problems = {each.path: each for each in (_problem(refused, ids) for refused in found)}
    return list(problems.values())


def _of_steps(told: Json) -> Iterator[RuleRefused]:
    """Yield the first refusal of each step; the ways between them are the whole's to judge."""
    trigger = TRIGGERS.get(told["trigger"].get("on"))
    if trigger is None:
        return
    reader = StepReader(trigger)
    for number, step in enumerate(told["steps"]):
        try:
            reader.read(dict(step), f"steps[{number}]")
        except RuleRefused as refused:
            yield refused
    for content, path in reader.contents.values():
        try:
            parse_content(content, more_variables=reader.more_variables)
        except RuleRefused as refused:
            yield moved_under(path, refused)


def facts_of(told: Json) -> tuple[str, ...]:
    """Return what the texts of a draft may say beside what is known of every member."""
    trigger: Trigger | None = TRIGGERS.get(told["trigger"].get("on"))
    if trigger is None:
        return ()
    gives = any(step["do"] == "coupon" for step in told["steps"])
    return StepReader(trigger, gives_coupons=gives).more_variables


def _problem(refused: RuleRefused, ids: Sequence[str]) -> Problem:
    path = str(refused.facts["path"])
    at = _STEP.match(path)
    step = ids[int(at[1])] if at and int(at[1]) < len(ids) else None
    return Problem(path, step, refused.facts["advice"])

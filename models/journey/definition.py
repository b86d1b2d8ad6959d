"""Definitions as typed JSON: read into dataclasses, or refused with the place and what would do.

`docs/journeys.md` describes the form; `parse_definition` is its only reader. What a definition
names in the shop (segments, coupons, tags, surveys) is checked by `check_names` when it is kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time, timedelta
from typing import Any, Literal

from models.content import Content, parse_content
from models.journey.reading import (
    check_keys,
    read_choice,
    read_integer,
    read_mapping,
    read_text,
    read_time,
)
from models.journey.refusals import (
    DuplicateStep,
    LoopWithoutWait,
    NotADefinition,
    TooManySteps,
    UnknownStep,
    UnreachableStep,
    ValueRefused,
    WordUnknown,
    moved_under,
)
from models.journey.step import Step
from models.journey.stepping import StepReader
from models.journey.trigger import (
    EXITS,
    TRIGGERS,
    USUAL_DAY_TIME,
    Exit,
    Param,
    Trigger,
    usual_params,
)
from models.segment.refusals import RuleRefused, nearest

SCHEMA = 1
MOST_STEPS = 50
MOST_EXITS = 10
MOST_CODES = 50
LONGEST_TEXT = 60
KINDS = ("marketing", "service")
KEYS = ("schema", "trigger", "steps")
OPTIONS: Mapping[str, tuple[int, int, int]] = {
    "holdout_percent": (0, 50, 10),
    "hold_minutes": (0, 7 * 24 * 60, 0),
    "grace_minutes": (1, 30 * 24 * 60, 3 * 24 * 60),
}
"""What may be said in numbers: least, most, usual."""
HIGHEST_PRIORITY = 100
ONCE, EACH = "once", "each"
MOST_REENTRY_DAYS = 3_650


@dataclass(frozen=True)
class Cause:
    """The trigger a definition names, with its parameters."""

    trigger: Trigger
    params: Mapping[str, Any]
    from_time: time = USUAL_DAY_TIME

    def as_json(self) -> dict[str, Any]:
        """Return it as a definition writes it."""
        told = {"on": self.trigger.code} | _said(self.params, self.trigger.params)
        if self.from_time != USUAL_DAY_TIME:
            told["from_time"] = self.from_time.isoformat("minutes")
        return told


@dataclass(frozen=True)
class Leaving:
    """An exit a definition names, with its parameters."""

    exit: Exit
    params: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """Return it as a definition writes it."""
        return {"on": self.exit.code} | _said(self.params, self.exit.params)


@dataclass(frozen=True)
class Definition:
    """A whole journey, checked. Its first step is where everybody begins."""

    kind: Literal["marketing", "service"]
    cause: Cause
    steps: Mapping[str, Step]
    exits: tuple[Leaving, ...]
    reentry: str | int
    """`once`, `each`, or after how many days."""
    priority: int | None
    """Who goes first of several messages; None as the shop's rules of outreach have it."""
    holdout_percent: int
    hold_minutes: int
    """So long a message waits for a reply that carries it free, before it is pushed."""
    grace_minutes: int
    """A cause is still taken up so long after it happened: after downtime, not for ever."""
    needs_consent: bool
    """Whether only who allows marketing starts, and who stops it leaves; else only what is
    marketing is kept from them, such as the message beside a birthday coupon."""
    contents: Mapping[str, Content] = field(default_factory=dict)
    """What is sent, by the step's id."""

    @property
    def first(self) -> Step:
        """Return where everybody begins."""
        return next(iter(self.steps.values()))

    @property
    def is_marketing(self) -> bool:
        """Tell whether consent, caps and quiet hours hold for it."""
        return self.kind == "marketing"

    @property
    def grace(self) -> timedelta:
        """Return how long after it happened a cause is still taken up."""
        return timedelta(minutes=self.grace_minutes)

    def as_json(self) -> dict[str, Any]:
        """Return the definition in its one canonical form, as it is stored."""
        once = self.reentry in (ONCE, EACH)
        return {
            "schema": SCHEMA,
            "kind": self.kind,
            "trigger": self.cause.as_json(),
            "exit_when": [leaving.as_json() for leaving in self.exits],
            "reentry": self.reentry if once else {"after_days": self.reentry},
            "priority": self.priority,
            "needs_consent": self.needs_consent,
            "holdout_percent": self.holdout_percent,
            "hold_minutes": self.hold_minutes,
            "grace_minutes": self.grace_minutes,
            "steps": [{"id": step.id, "do": step.do, **step.words} for step in self.steps.values()],
        }


def parse_definition(told: object) -> Definition:
    """Read a definition from decoded JSON. Raises a RuleRefused that says where and why."""
    words = read_mapping(told, "", ('{"schema": 1, "trigger": {…}, "steps": […]}',))
    known = (*KEYS, "kind", "exit_when", "reentry", "priority", "needs_consent", *OPTIONS)
    check_keys(words, KEYS, known, "")
    if type(words["schema"]) is not int or words["schema"] != SCHEMA:
        raise ValueRefused("schema", words["schema"], [SCHEMA])
    kind: Any = read_choice(words.get("kind", KINDS[0]), KINDS, "kind")
    cause = read_cause(words["trigger"])
    steps, contents = _steps(words["steps"], cause.trigger)
    _check_ways(steps)
    priority = words.get("priority")
    consent = words.get("needs_consent", kind == KINDS[0])
    return Definition(
        kind=kind,
        cause=cause,
        steps=steps,
        exits=read_exits(words.get("exit_when", [])),
        reentry=_reentry(words.get("reentry", ONCE)),
        priority=None
        if priority is None
        else read_integer(priority, 0, HIGHEST_PRIORITY, "priority"),
        needs_consent=read_choice(consent, (True, False), "needs_consent"),
        contents=contents,
        **{
            name: read_integer(words.get(name, usual), low, high, name)
            for name, (low, high, usual) in OPTIONS.items()
        },
    )


def read_cause(told: object) -> Cause:
    """Read what starts a journey. Raises a RuleRefused that says where and why."""
    words = read_mapping(told, "trigger", ('{"on": …}',))
    code = words.get("on")
    trigger = TRIGGERS.get(code) if isinstance(code, str) else None
    if trigger is None:
        raise WordUnknown("trigger.on", code, nearest(code, list(TRIGGERS)))
    rest = {key: value for key, value in words.items() if key not in ("on", "from_time")}
    params = _params(rest, trigger.params, "trigger")
    if "from_time" not in words:
        return Cause(trigger, params)
    return Cause(trigger, params, read_time(words["from_time"], "trigger.from_time"))


def read_exits(told: object) -> tuple[Leaving, ...]:
    """Read what ends a journey early. Raises a RuleRefused that says where and why."""
    if not isinstance(told, list) or len(told) > MOST_EXITS:
        raise NotADefinition("exit_when", told, (f'["purchase", {{"on": …}}] ≤ {MOST_EXITS}',))
    found = []
    for place, each in enumerate(told):
        path = f"exit_when[{place}]"
        words = {"on": each} if isinstance(each, str) else read_mapping(each, path, ('{"on": …}',))
        code = words.get("on")
        leaving = EXITS.get(code) if isinstance(code, str) else None
        if leaving is None:
            raise WordUnknown(f"{path}.on", code, nearest(code, list(EXITS)))
        rest = {key: value for key, value in words.items() if key != "on"}
        found.append(Leaving(leaving, _params(rest, leaving.params, path)))
    return tuple(found)


def _params(told: Mapping[str, Any], params: Sequence[Param], path: str) -> dict[str, Any]:
    known = {param.name: param for param in params}
    check_keys(told, [param.name for param in params if param.required], list(known), path)
    read = {name: _param(value, known[name], f"{path}.{name}") for name, value in told.items()}
    return usual_params(params) | read


def _param(value: object, param: Param, path: str) -> Any:
    if param.kind == "boolean":
        return read_choice(value, (True, False), path)
    if param.kind == "integer":
        return read_integer(value, param.minimum, param.maximum, path)
    if param.kind == "codes":
        if not isinstance(value, list) or not 0 < len(value) <= MOST_CODES:
            raise ValueRefused(path, value, (f"[…] 1–{MOST_CODES}",))
        return [_code(each, param, f"{path}[{place}]") for place, each in enumerate(value)]
    return _code(value, param, path)


def _code(value: object, param: Param, path: str) -> Any:
    if isinstance(param.choices, tuple):
        return read_choice(value, param.choices, path)
    return read_text(value, LONGEST_TEXT, path)


def _said(params: Mapping[str, Any], known: Sequence[Param]) -> dict[str, Any]:
    """Return the parameters that are not as they usually are."""
    usual = usual_params(known)
    return {
        name: value for name, value in params.items() if name not in usual or usual[name] != value
    }


def _reentry(told: object) -> str | int:
    if told in (ONCE, EACH):
        return str(told)
    words = read_mapping(told, "reentry", (ONCE, EACH, '{"after_days": 90}'))
    check_keys(words, ["after_days"], ["after_days"], "reentry")
    return read_integer(words["after_days"], 1, MOST_REENTRY_DAYS, "reentry.after_days")


def _steps(told: object, trigger: Trigger) -> tuple[dict[str, Step], dict[str, Content]]:
    if not isinstance(told, list) or not told:
        raise NotADefinition("steps", told, ('[{"id": …, "do": …, "next": …}]',))
    if len(told) > MOST_STEPS:
        raise TooManySteps("steps", len(told), limit=MOST_STEPS)
    reader = StepReader(trigger)
    steps: dict[str, Step] = {}
    for place, each in enumerate(told):
        step = reader.read(each, f"steps[{place}]")
        if step.id in steps:
            raise DuplicateStep(f"steps[{place}].id", step.id)
        steps[step.id] = step
    reader.check_facts()
    return steps, {
        step_id: _content(content, path, reader.more_variables)
        for step_id, (content, path) in reader.contents.items()
    }


def _content(told: object, path: str, variables: Sequence[str]) -> Content:
    try:
        return parse_content(told, more_variables=variables)
    except RuleRefused as refused:
        raise moved_under(path, refused) from refused


def _check_ways(steps: Mapping[str, Step]) -> None:
    """Refuse ways into nowhere, steps no way leads to, and circles in which nothing waits."""
    for place, step in enumerate(steps.values()):
        for branch, aim in step.branches.items():
            if aim is not None and aim not in steps:
                raise UnknownStep(f"steps[{place}].{branch}", aim, list(steps))
    reached = _reached(steps, next(iter(steps)))
    for place, step_id in enumerate(steps):
        if step_id not in reached:
            raise UnreachableStep(f"steps[{place}]", step_id)
    for place, step_id in enumerate(steps):
        circle = _circle(steps, step_id)
        if circle:
            raise LoopWithoutWait(f"steps[{place}]", step_id, circle)


def _reached(steps: Mapping[str, Step], start: str) -> set[str]:
    reached, ahead = {start}, [start]
    while ahead:
        for aim in steps[ahead.pop()].branches.values():
            if aim is not None and aim not in reached:
                reached.add(aim)
                ahead.append(aim)
    return reached


def _circle(steps: Mapping[str, Step], start: str) -> list[str]:
    """Return the steps of a circle over `start` in which nothing waits; empty where none is."""
    came: dict[str, str] = {}
    ahead = [] if steps[start].holds_up() else [start]
    while ahead:
        here = ahead.pop()
        for aim in steps[here].branches.values():
            if aim == start:
                return [*_way_to(came, here, start), start]
            if aim is not None and aim not in came and not steps[aim].holds_up():
                came[aim] = here
                ahead.append(aim)
    return []


def _way_to(came: Mapping[str, str], here: str, start: str) -> Iterator[str]:
    way = [here]
    while way[-1] != start:
        way.append(came[way[-1]])
    return reversed(way)

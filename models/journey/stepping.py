"""Reading the steps of a definition, one function a kind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from models.journey.reading import (
    check_keys,
    read_choice,
    read_integer,
    read_mapping,
    read_text,
    read_time,
)
from models.journey.refusals import (
    MissingNext,
    NotADefinition,
    ValueRefused,
    WaitTooLong,
    WordUnknown,
    moved_under,
)
from models.journey.step import (
    NO,
    ONWARDS,
    OTHERWISE,
    YES,
    Condition,
    FactAsked,
    MayWrite,
    Step,
    Wait,
)
from models.journey.trigger import Trigger
from models.segment.refusals import RuleRefused, nearest
from models.segment.rule import parse_rule

LONGEST_ID = 30
LONGEST_CODE = 60
LONGEST_WHAT = 100
MOST_WAIT_DAYS = 400
MOST_ARMS = 6
ALL_SHARES = 100
MOST_TASK_DAYS = 60
USUAL_TASK_DAYS = 7
MOST_USEFUL_HOURS = 7 * 24
USUAL_USEFUL_HOURS = 12
LARGEST_VALUE = 2_000_000_000
MINUTES = {"days": 24 * 60, "hours": 60, "minutes": 1}
DAY_MINUTES = MINUTES["days"]
COUPON_FACTS = ("coupon_id", "coupon_ends_on", "template")
"""What a coupon step tells of the coupon it gave."""
LIVE_FACTS = ("birthday", "repurchase_on")
"""Days that are read when they are needed: the next birthday, when the next purchase is likely."""
GIVEN = "given"
"""In a content: the coupon that a step before gave."""
NUMBERS = ("at_least", "at_most", "is", "is_not")
OPERATORS = (*NUMBERS, "known")
SAME_KEY = "cause"
MAY_WRITE = "may_write"
LANGUAGES = ("zh-TW", "en", "ja")


@dataclass
class StepReader:
    """Reads steps, and gathers the contents and facts they name."""

    trigger: Trigger
    contents: dict[str, tuple[Any, str]] = field(default_factory=dict)
    """By the step's id: the content as told, and where it stands."""
    named: list[tuple[str, str]] = field(default_factory=list)
    """Facts that steps name, each with its place."""
    gives_coupons: bool = False

    @property
    def facts(self) -> tuple[str, ...]:
        """Return the facts that steps and contents may name."""
        return self.trigger.facts + (COUPON_FACTS if self.gives_coupons else ())

    @property
    def more_variables(self) -> tuple[str, ...]:
        """Return what a content may say beside what is known of every member."""
        return (*self.facts, GIVEN) if "coupon_id" in self.facts else self.facts

    def read(self, told: object, path: str) -> Step:
        """Read one step. Raises a RuleRefused that says where and why."""
        words = read_mapping(told, path, ('{"id": …, "do": …}',))
        step_id = read_text(words.get("id"), LONGEST_ID, f"{path}.id")
        do = words.get("do")
        if not isinstance(do, str) or do not in _READERS:
            raise WordUnknown(f"{path}.do", do, nearest(do, list(_READERS)))
        rest = {key: value for key, value in words.items() if key not in ("id", "do")}
        return _READERS[do](self, step_id, rest, path)

    def check_facts(self) -> None:
        """Refuse facts that neither the trigger nor a step tells."""
        known = (*self.facts, *LIVE_FACTS)
        for fact, path in self.named:
            if fact not in known:
                raise WordUnknown(path, fact, nearest(fact, known))

    def name_fact(self, told: object, path: str) -> str:
        """Return the name of a fact; whether there is such is asked once all steps are read."""
        fact = read_text(told, LONGEST_CODE, path)
        self.named.append((fact, path))
        return fact


def _aim(words: Mapping[str, Any], branch: str, path: str) -> str | None:
    if branch not in words:
        raise MissingNext(path, branch)
    aim = words[branch]
    return None if aim is None else read_text(aim, LONGEST_ID, f"{path}.{branch}")


def _onwards(words: Mapping[str, Any], known: tuple[str, ...], path: str) -> dict[str, str | None]:
    """Return the one way of a step that has no other, its other words being checked."""
    branches = {ONWARDS: _aim(words, ONWARDS, path)}
    check_keys(words, (), (*known, ONWARDS), path)
    return branches


# --- waiting ---


def _wait(reader: StepReader, step_id: str, words: Mapping[str, Any], path: str) -> Step:
    branches = _onwards(words, ("for", "from", "time", "until", "when_past"), path)
    if ("for" in words) == ("until" in words):
        raise WordUnknown(path, "for, until", ("for", "until"))
    if "for" in words:
        check_keys(words, (), ("for", "from", "time", ONWARDS), path)
        wait = _duration(words, path)
    else:
        check_keys(words, (), ("until", "when_past", ONWARDS), path)
        wait = _until(reader, words, f"{path}.until")
    return Step(step_id, "wait", dict(words), branches, wait=wait)


def _duration(words: Mapping[str, Any], path: str) -> Wait:
    told = read_mapping(words["for"], f"{path}.for", ('{"days": 7}', '{"hours": 2}'))
    check_keys(told, (), tuple(MINUTES), f"{path}.for")
    if not told:
        raise WordUnknown(f"{path}.for", "days", tuple(MINUTES))
    minutes = sum(
        read_integer(value, 0, LARGEST_VALUE, f"{path}.for.{unit}") * MINUTES[unit]
        for unit, value in told.items()
    )
    if minutes > MOST_WAIT_DAYS * DAY_MINUTES:
        raise WaitTooLong(f"{path}.for", minutes // DAY_MINUTES, limit=MOST_WAIT_DAYS)
    at = read_time(words["time"], f"{path}.time") if "time" in words else None
    from_cause = read_choice(words.get("from", "step"), ("step", "cause"), f"{path}.from")
    return Wait(minutes=minutes, from_cause=from_cause == "cause", at=at)


def _until(reader: StepReader, words: Mapping[str, Any], path: str) -> Wait:
    told = read_mapping(words["until"], path, ('{"time": "18:00"}', '{"fact": …, "days": -3}'))
    at = read_time(told["time"], f"{path}.time") if "time" in told else None
    if "fact" not in told:
        check_keys(told, ("time",), ("time", "weekday"), path)
        weekday = told.get("weekday")
        if weekday is not None:
            read_integer(weekday, 1, 7, f"{path}.weekday")
        return Wait(at=at, weekday=weekday)
    check_keys(told, ("fact",), ("fact", "days", "time"), path)
    days = told.get("days", 0)
    if isinstance(days, int) and abs(days) > MOST_WAIT_DAYS:
        raise WaitTooLong(f"{path}.days", days, limit=MOST_WAIT_DAYS)
    past = words.get("when_past", "go")
    return Wait(
        fact=reader.name_fact(told["fact"], f"{path}.fact"),
        days=read_integer(days, -MOST_WAIT_DAYS, MOST_WAIT_DAYS, f"{path}.days"),
        at=at,
        exits_if_past=read_choice(past, ("go", "exit"), f"{path}.when_past") == "exit",
    )


# --- choosing ---


def _condition(reader: StepReader, step_id: str, words: Mapping[str, Any], path: str) -> Step:
    branches = {branch: _aim(words, branch, path) for branch in (YES, NO)}
    check_keys(words, ("if",), ("if", YES, NO), path)
    condition = _asked(reader, words["if"], f"{path}.if")
    return Step(step_id, "condition", dict(words), branches, condition=condition)


def _asked(reader: StepReader, told: object, path: str) -> Condition:
    forms = ('{"rule": …}', '{"fact": …, "is": …, "value": …}', '{"may_write": true}')
    words = read_mapping(told, path, forms)
    if "rule" in words:
        check_keys(words, ("rule",), ("rule",), path)
        try:
            return parse_rule(words["rule"])
        except RuleRefused as refused:
            raise moved_under(f"{path}.rule", refused) from refused
    if MAY_WRITE in words:
        check_keys(words, (MAY_WRITE,), (MAY_WRITE, "purpose"), path)
        read_choice(words[MAY_WRITE], (True,), f"{path}.{MAY_WRITE}")
        return MayWrite(_purpose(words, path))
    if "fact" not in words:
        raise NotADefinition(path, ", ".join(map(str, words)) or "{}", forms)
    return _fact_asked(reader, words, path)


def _fact_asked(reader: StepReader, words: Mapping[str, Any], path: str) -> FactAsked:
    fact = reader.name_fact(words["fact"], f"{path}.fact")
    operator = read_choice(words.get("is"), OPERATORS, f"{path}.is")
    needed = ("fact", "is") if operator == "known" else ("fact", "is", "value")
    check_keys(words, needed, needed, path)
    value = words.get("value")
    if operator in ("at_least", "at_most"):
        read_integer(value, -LARGEST_VALUE, LARGEST_VALUE, f"{path}.value")
    elif isinstance(value, str):
        read_text(value, LONGEST_CODE, f"{path}.value")
    elif operator != "known" and not isinstance(value, int):
        raise ValueRefused(f"{path}.value", value, ("1", '"…"', "true"))
    return FactAsked(fact, operator, value)


def _split(reader: StepReader, step_id: str, words: Mapping[str, Any], path: str) -> Step:
    check_keys(words, ("arms",), ("arms",), path)
    told = words["arms"]
    if not isinstance(told, list) or not 2 <= len(told) <= MOST_ARMS:
        raise NotADefinition(f"{path}.arms", told, (f'[{{"share": 50, "next": …}}] 2–{MOST_ARMS}',))
    branches: dict[str, str | None] = {}
    shares = []
    for place, each in enumerate(told):
        here = f"{path}.arms[{place}]"
        arm = read_mapping(each, here, ('{"share": 50, "next": …}',))
        branches[chr(ord("A") + place)] = _aim(arm, ONWARDS, here)
        check_keys(arm, ("share",), ("share", ONWARDS), here)
        shares.append(read_integer(arm["share"], 1, ALL_SHARES - 1, f"{here}.share"))
    if sum(shares) != ALL_SHARES:
        raise ValueRefused(f"{path}.arms", sum(shares), (f"= {ALL_SHARES} %",))
    return Step(step_id, "split", dict(words), branches, shares=tuple(shares))


# --- acting ---


def _send(reader: StepReader, step_id: str, words: Mapping[str, Any], path: str) -> Step:
    branches = _onwards(words, ("content", "purpose", "useful_hours", "key"), path)
    check_keys(words, ("content",), tuple(words), path)
    reader.contents[step_id] = (words["content"], f"{path}.content")
    _check_sending(words, path)
    return Step(step_id, "send", dict(words), branches)


def _survey(reader: StepReader, step_id: str, words: Mapping[str, Any], path: str) -> Step:
    branches = _onwards(words, ("survey", "purpose", "useful_hours", "key"), path)
    check_keys(words, ("survey",), tuple(words), path)
    code = read_text(words["survey"], LONGEST_CODE, f"{path}.survey")
    part = {"type": "survey", "survey": code}
    reader.contents[step_id] = ({"schema": 1, "messages": [part]}, path)
    _check_sending(words, path)
    return Step(step_id, "survey", dict(words), branches)


def _check_sending(words: Mapping[str, Any], path: str) -> None:
    _purpose(words, path)
    hours = words.get("useful_hours", USUAL_USEFUL_HOURS)
    read_integer(hours, 1, MOST_USEFUL_HOURS, f"{path}.useful_hours")
    _check_key(words, path)


def _purpose(words: Mapping[str, Any], path: str) -> str | None:
    if "purpose" not in words:
        return None
    return read_text(words["purpose"], LONGEST_CODE, f"{path}.purpose")


def _check_key(words: Mapping[str, Any], path: str) -> None:
    read_choice(words.get("key", SAME_KEY), (SAME_KEY,), f"{path}.key")


def _coupon(reader: StepReader, step_id: str, words: Mapping[str, Any], path: str) -> Step:
    branches = _onwards(words, ("template", "key", OTHERWISE), path)
    check_keys(words, ("template",), tuple(words), path)
    if OTHERWISE in words:
        branches[OTHERWISE] = _aim(words, OTHERWISE, path)
    template = words["template"]
    if isinstance(template, dict):
        check_keys(template, ("fact",), ("fact",), f"{path}.template")
        reader.name_fact(template["fact"], f"{path}.template.fact")
    else:
        read_text(template, LONGEST_CODE, f"{path}.template")
    _check_key(words, path)
    reader.gives_coupons = True
    return Step(step_id, "coupon", dict(words), branches)


def _tag(reader: StepReader, step_id: str, words: Mapping[str, Any], path: str) -> Step:
    branches = _onwards(words, ("give", "take", "days"), path)
    if ("give" in words) == ("take" in words):
        raise WordUnknown(path, "give, take", ("give", "take"))
    word = "give" if "give" in words else "take"
    read_text(words[word], LONGEST_CODE, f"{path}.{word}")
    if "days" in words:
        read_integer(words["days"], 1, MOST_WAIT_DAYS, f"{path}.days")
    return Step(step_id, "tag", dict(words), branches)


def _task(reader: StepReader, step_id: str, words: Mapping[str, Any], path: str) -> Step:
    branches = _onwards(words, ("what", "days"), path)
    check_keys(words, ("what",), tuple(words), path)
    what = read_mapping(words["what"], f"{path}.what", ('{"zh-TW": …}',))
    check_keys(what, LANGUAGES[:1], LANGUAGES, f"{path}.what")
    for language, text in what.items():
        read_text(text, LONGEST_WHAT, f"{path}.what.{language}")
    read_integer(words.get("days", USUAL_TASK_DAYS), 1, MOST_TASK_DAYS, f"{path}.days")
    return Step(step_id, "task", dict(words), branches)


def _exit(reader: StepReader, step_id: str, words: Mapping[str, Any], path: str) -> Step:
    check_keys(words, ("reason",), ("reason",), path)
    read_text(words["reason"], LONGEST_CODE, f"{path}.reason")
    return Step(step_id, "exit", dict(words), {})


_READERS: Mapping[str, Callable[[StepReader, str, Mapping[str, Any], str], Step]] = {
    "wait": _wait,
    "condition": _condition,
    "split": _split,
    "send": _send,
    "coupon": _coupon,
    "tag": _tag,
    "task": _task,
    "survey": _survey,
    "exit": _exit,
}

"""Editing a definition step by step, as the console does: pure, on JSON that may not do yet.

What is told stays a definition's JSON (`docs/journeys.md`), so that a draft can be kept as it is;
whether it would do is for `checking`. A **place** is a way that leads on: the branch of a step, or
the beginning. A step's **main way** is the one on which the journey goes on where nothing is to be
chosen: `next`, else `yes`, else the first arm; a step that ends the journey has none.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from models.base import BusinessError
from models.journey.step import NO, ONWARDS, OTHERWISE, YES
from models.journey.stepping import USUAL_TASK_DAYS

Json = dict[str, Any]
KINDS = ("wait", "send", "coupon", "survey", "condition", "split", "tag", "task", "exit")
"""What a step may do, in the order in which a palette shows it."""
INTO_ITSELF, ENDS_THE_WAY, NO_SUCH_STEP = "into_itself", "ends_the_way", "no_such_step"
_BLANK: dict[str, Json] = {
    "wait": {"for": {"days": 1}, "time": "11:00", ONWARDS: None},
    "send": {
        "content": {
            "schema": 1,
            "messages": [{"type": "text", "text": {"zh-TW": "{name|朋友}，您好！"}}],
        },
        ONWARDS: None,
    },
    "coupon": {"template": "", ONWARDS: None},
    "survey": {"survey": "", ONWARDS: None},
    "condition": {"if": {"may_write": True}, YES: None, NO: None},
    "split": {"arms": [{"share": 50, ONWARDS: None}, {"share": 50, ONWARDS: None}]},
    "tag": {"give": "", ONWARDS: None},
    "task": {"what": {"zh-TW": ""}, "days": USUAL_TASK_DAYS, ONWARDS: None},
    "exit": {"reason": "stopped"},
}
"""What a new step says until somebody fills it in; a coupon, a survey, a tag must be chosen."""


class EditRefused(BusinessError):
    """A change would tear the journey apart; `why` says how."""

    code = "journey_edit_refused"


@dataclass(frozen=True)
class Place:
    """A way that leads on: a branch of a step, or, without a step, the beginning."""

    step: str | None = None
    branch: str = ONWARDS


@dataclass
class Way:
    """What comes one after the other on a way, and where it ends."""

    place: Place
    nodes: "list[Node]" = field(default_factory=list)
    joins: str | None = None
    """The step shown elsewhere at which it goes on; None where the journey ends."""
    is_open: bool = False
    """Whether it goes on in the branches of its last step, so that it has no end of its own."""


@dataclass
class Node:
    """One step on a way; `ways` are its branches that are drawn as ways of their own."""

    step: Json
    number: int
    """Its place in the definition, from 0: where a refusal says it is."""
    ways: list[Way] = field(default_factory=list)


def flow_of(told: Json) -> tuple[Way, list[Node]]:
    """Return a definition as it is drawn: the way from the beginning, and what no way leads to."""
    steps = {step["id"]: (number, step) for number, step in enumerate(told["steps"])}
    seen: set[str] = set()
    first = told["steps"][0]["id"] if told["steps"] else None
    way = _follow(steps, seen, Place(), first)
    return way, [
        Node(step, number) for step_id, (number, step) in steps.items() if step_id not in seen
    ]


def _follow(
    steps: dict[str, tuple[int, Json]], seen: set[str], place: Place, aim: str | None
) -> Way:
    way = Way(place)
    while aim is not None and aim in steps and aim not in seen:
        seen.add(aim)
        number, step = steps[aim]
        node = Node(step, number)
        way.nodes.append(node)
        main = main_way(step)
        goes_on = main == ONWARDS
        node.ways = [
            _follow(steps, seen, Place(step["id"], branch), aim_of(step, branch))
            for branch in branches_of(step)
            if not (goes_on and branch == main)
        ]
        if not goes_on:
            way.is_open = True
            return way
        aim = aim_of(step, ONWARDS)
    way.joins = aim
    return way


def insert_step(told: Json, do: str, place: Place) -> tuple[Json, str]:
    """Return the definition with a new step at a place, and the step's id.

    Raises EditRefused where a step that ends the journey would cut off what follows.
    """
    assert do in KINDS, do
    new = deepcopy(told)
    step = {"id": _fresh_id(new, do), "do": do} | deepcopy(_BLANK[do])
    _put(new, step, place)
    return _in_order(new), step["id"]


def move_step(told: Json, step_id: str, place: Place) -> Json:
    """Return the definition with a step taken to another place; its side ways go with it.

    Raises EditRefused where it would go into one of its own ways, or cut off what follows.
    """
    if place.step == step_id:
        return told
    before = _reached(told)
    new = deepcopy(told)
    step = _step(new, step_id)
    _take_out(new, step)
    _put(new, step, place)
    if before - _reached(new):
        raise EditRefused(why=INTO_ITSELF, step=step_id)
    return _in_order(new)


def shift_step(told: Json, step_id: str, *, up: bool) -> Json:
    """Return the definition with a step one place further up or down; at the end it stays."""
    ways = _ways_in(told)
    if up:
        before = ways[step_id].step if step_id in ways else None
        return told if before is None else move_step(told, step_id, ways[before])
    step = _step(told, step_id)
    main = main_way(step)
    after = aim_of(step, main) if main else None
    if after is None:
        return told
    following = _step(told, after)
    onwards = main_way(following)
    return told if onwards is None else move_step(told, step_id, Place(after, onwards))


def remove_step(told: Json, step_id: str) -> Json:
    """Return the definition without a step, and without what only its side ways led to."""
    before = _reached(told)
    new = deepcopy(told)
    _take_out(new, _step(new, step_id))
    lost = before - _reached(new)
    new["steps"] = [step for step in new["steps"] if step["id"] not in lost]
    return _in_order(new)


def lost_with(told: Json, step_id: str) -> list[str]:
    """Return the other steps that would go with a step, in their order."""
    kept = {step["id"] for step in remove_step(told, step_id)["steps"]} | {step_id}
    return [step["id"] for step in told["steps"] if step["id"] not in kept]


def lead_to(told: Json, place: Place, aim: str | None) -> Json:
    """Return the definition with a way that leads to a step there is, or to the end."""
    new = deepcopy(told)
    if aim is not None:
        _step(new, aim)
    _set(new, place, aim)
    return _in_order(new)


def replace_step(told: Json, step_id: str, words: Json) -> Json:
    """Return the definition with what a step says said anew; a way it still has leads where it led.

    Arms that are no more lead nowhere: what only they led to goes.
    """
    before = _reached(told)
    new = deepcopy(told)
    old = _step(new, step_id)
    aims = {branch: aim_of(old, branch) for branch in branches_of(old)}
    step = {"id": step_id, "do": old["do"]} | deepcopy(words)
    for branch in branches_of(step):
        _lead(step, branch, aims.get(branch))
    new["steps"][new["steps"].index(old)] = step
    lost = before - _reached(new)
    new["steps"] = [each for each in new["steps"] if each["id"] not in lost]
    return _in_order(new)


def find_step(told: Json, step_id: str) -> Json | None:
    """Return a step of a draft, or None."""
    return next((step for step in told["steps"] if step["id"] == step_id), None)


# --- ways ---


def branches_of(step: Json) -> tuple[str, ...]:
    """Return the names of the ways that lead on from a step."""
    if step["do"] == "condition":
        return (YES, NO)
    if step["do"] == "split":
        return tuple(chr(ord("A") + number) for number in range(len(step["arms"])))
    if step["do"] == "exit":
        return ()
    return (ONWARDS, OTHERWISE) if OTHERWISE in step else (ONWARDS,)


def main_way(step: Json) -> str | None:
    """Return the way on which the journey goes on where nothing is to be chosen."""
    return next(iter(branches_of(step)), None)


def aim_of(step: Json, branch: str) -> str | None:
    """Return where a way of a step leads."""
    if step["do"] != "split":
        aim: str | None = step.get(branch)
        return aim
    arm: Json = step["arms"][ord(branch) - ord("A")]
    return arm.get(ONWARDS)


def _lead(step: Json, branch: str, aim: str | None) -> None:
    if step["do"] == "split":
        step["arms"][ord(branch) - ord("A")][ONWARDS] = aim
    else:
        step[branch] = aim


def _ways_in(told: Json) -> dict[str, Place]:
    """Return by which way each step is drawn: the first that leads to it."""
    found: dict[str, Place] = {}

    def look(way: Way) -> None:
        place = way.place
        for node in way.nodes:
            found[node.step["id"]] = place
            place = Place(node.step["id"], main_way(node.step) or ONWARDS)
            for side in node.ways:
                look(side)

    look(flow_of(told)[0])
    return found


def _reached(told: Json) -> set[str]:
    return {node.step["id"] for node in _nodes(flow_of(told)[0])}


def _nodes(way: Way) -> Iterator[Node]:
    for node in way.nodes:
        yield node
        for side in node.ways:
            yield from _nodes(side)


# --- changing a copy in place ---


def _step(told: Json, step_id: str) -> Json:
    step = find_step(told, step_id)
    if step is None:
        raise EditRefused(why=NO_SUCH_STEP, step=step_id)
    return step


def _set(told: Json, place: Place, aim: str | None) -> None:
    """Let a way lead to a step; of the beginning the step becomes the first one."""
    if place.step is not None:
        step = _step(told, place.step)
        if place.branch not in branches_of(step):
            raise EditRefused(why=NO_SUCH_STEP, step=place.step)
        _lead(step, place.branch, aim)
    elif aim is not None:
        step = _step(told, aim)
        told["steps"].remove(step)
        told["steps"].insert(0, step)


def _put(told: Json, step: Json, place: Place) -> None:
    """Put a step that stands nowhere into a way; what followed there follows it."""
    if place.step is None:
        after = told["steps"][0]["id"] if told["steps"] else None
    else:
        after = aim_of(_step(told, place.step), place.branch)
    main = main_way(step)
    if main is None and after is not None:
        raise EditRefused(why=ENDS_THE_WAY, step=step["id"])
    if main is not None:
        _lead(step, main, after)
    told["steps"].append(step)
    _set(told, place, step["id"])


def _take_out(told: Json, step: Json) -> None:
    """Take a step out; what led to it leads to what followed it."""
    main = main_way(step)
    after = aim_of(step, main) if main else None
    after = None if after == step["id"] else after
    was_first = told["steps"][0] is step
    told["steps"].remove(step)
    for other in told["steps"]:
        for branch in branches_of(other):
            if aim_of(other, branch) == step["id"]:
                _lead(other, branch, after)
    if was_first and after is not None:
        _set(told, Place(), after)


def _fresh_id(told: Json, do: str) -> str:
    taken = {step["id"] for step in told["steps"]}
    return next(
        name for number in range(1, len(taken) + 2) if (name := f"{do}_{number}") not in taken
    )


def _in_order(told: Json) -> Json:
    """Write the steps in the order in which they are drawn; what no way leads to stands last."""
    way, loose = flow_of(told)
    told["steps"] = [node.step for node in _nodes(way)] + [node.step for node in loose]
    return told

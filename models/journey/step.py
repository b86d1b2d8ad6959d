"""The steps of a journey as they are after reading: each with where it leads, by branch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Any, Literal

from models.segment.rule import Rule

ONWARDS = "next"
"""The branch of a step that has only one."""
YES, NO = "yes", "no"
OTHERWISE = "otherwise"
"""Where a coupon leads if none was left."""
Do = Literal["wait", "condition", "split", "send", "coupon", "tag", "task", "survey", "exit"]
SENDS = ("send", "survey")


@dataclass(frozen=True)
class Wait:
    """How long: a duration, until a time of day, or until a day that a fact names."""

    minutes: int = 0
    from_cause: bool = False
    """Counted from the cause instead of from coming to the step."""
    at: time | None = None
    """Then until this time in Taipei: of a duration's or a fact's day, else the next one."""
    weekday: int | None = None
    """1 is Monday; only with a time alone."""
    fact: str | None = None
    days: int = 0
    """So many days after the fact's day; below zero before."""
    exits_if_past: bool = False


@dataclass(frozen=True)
class FactAsked:
    """A condition over one fact of the visit."""

    fact: str
    operator: str
    value: Any


@dataclass(frozen=True)
class MayWrite:
    """The question whether a message might go now, by the rules of outreach."""

    purpose: str | None = None
    """What it would be sent for, such as `win_back`, where that has a rule of its own."""


Condition = Rule | FactAsked | MayWrite


@dataclass(frozen=True)
class Step:
    """One step, checked. `words` is what the definition says of it, in canonical form."""

    id: str
    do: Do
    words: Mapping[str, Any]
    branches: Mapping[str, str | None]
    """Where it leads; None is the end. Of a split by the arm's name, A, B, …"""
    wait: Wait | None = None
    condition: Condition | None = None
    shares: tuple[int, ...] = field(default=())
    """Of a split, in percent, in the order of its branches."""

    @property
    def onwards(self) -> str | None:
        """Return where it leads where nothing is to be chosen."""
        return self.branches.get(ONWARDS)

    def holds_up(self) -> bool:
        """Tell whether nobody can pass it twice at one moment, so that a circle over it ends."""
        wait = self.wait
        if wait is None or wait.fact is not None or wait.from_cause:
            return False
        return wait.minutes > 0 or wait.at is not None

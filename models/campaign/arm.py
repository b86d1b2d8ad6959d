"""Arms: which variant a member gets, and who is left out, the same each time and without a row.

A member's position is a hash of the campaign's code and their id, 0 to 9,999: evenly spread, and
independent from one campaign to the next. The first positions are the holdout's; the variants
share the others. Variants of a segment are for its members alone (E-08), each group with a holdout
of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, Text, and_, case, cast, func, literal, null
from sqlalchemy.orm import InstrumentedAttribute

from models.member import Member
from models.segment import Context, condition_of, parse_rule

PARTS = 10_000
"""So many positions there are; a percent is a hundred of them."""
WHOLE, TEST, REST = ("whole", "test", "rest")


def position_of(
    code: str, member_id: ColumnElement[int] | InstrumentedAttribute[int] = Member.id
) -> ColumnElement[int]:
    """Return a member's position, 0 to 9,999, in the campaign or journey of this code."""
    key = literal(f"{code}:", Text).concat(cast(member_id, Text))
    return cast(func.abs(func.mod(func.hashtextextended(key, 0), PARTS)), Integer)


@dataclass(frozen=True)
class Arm:
    """Members from one position up to before another, of a rule where one is told."""

    variant: str | None
    """None: left out, to be compared with."""
    first: int
    end: int
    rule: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the arm as a run's snapshot keeps it."""
        return {"variant": self.variant, "from": self.first, "to": self.end, "rule": self.rule}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Arm":
        """Read what `as_json` wrote."""
        return cls(told["variant"], told["from"], told["to"], told.get("rule"))


def arms_of(
    variants: Sequence[Mapping[str, Any]],
    rules: Mapping[str, Mapping[str, Any]],
    *,
    holdout_percent: int,
    test_percent: int = 100,
    phase: str = WHOLE,
    chosen: str | None = None,
) -> list[Arm]:
    """Return the arms of one run, in the order in which they are tried; each member has one.

    `rules` are those of the variants' segments. In the phase `test` only `test_percent` of who is
    not held out take part; in the phase `rest` the others get `chosen`. Where `chosen` is told and
    the phase is `whole`, everybody gets it.
    """
    start = holdout_percent * PARTS // 100
    tested = start + (PARTS - start) * test_percent // 100
    if phase == REST:
        return [Arm(chosen, tested, PARTS)]
    end = tested if phase == TEST else PARTS
    arms: list[Arm] = []
    for segment in _groups(variants):
        rule = rules[segment] if segment is not None else None
        own = [each for each in variants if each.get("segment") == segment]
        if chosen is not None:
            own = [dict(each, share=100) for each in own if each["code"] == chosen]
        arms.append(Arm(None, 0, start, rule))
        arms += _shared(own, start, end, rule)
    return [arm for arm in arms if arm.first < arm.end]


def _groups(variants: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """Return the segments of variants in their order; those for everybody else come last."""
    named: dict[str | None, None] = {each.get("segment"): None for each in variants}
    return sorted(named, key=lambda segment: segment is None)


def _shared(
    variants: Sequence[Mapping[str, Any]], start: int, end: int, rule: Mapping[str, Any] | None
) -> list[Arm]:
    arms, passed = [], 0
    for each in variants:
        first = start + (end - start) * passed // 100
        passed += each["share"]
        arms.append(Arm(each["code"], first, start + (end - start) * passed // 100, rule))
    return arms


def arm_number(arms: Sequence[Arm], code: str, context: Context) -> ColumnElement[Any]:
    """Return the number of a member's arm, from 0, or NULL where they have none; over `Member`."""
    position = position_of(code)
    choices = []
    for number, arm in enumerate(arms):
        within = and_(position >= arm.first, position < arm.end)
        if arm.rule is not None:
            within = and_(within, condition_of(parse_rule(dict(arm.rule)), context))
        choices.append((within, literal(number, Integer)))
    return case(*choices, else_=null()) if choices else cast(null(), Integer)

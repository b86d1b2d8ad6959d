"""What a rule may ask of a member: fields, their operators and options, and how they are asked.

A field is data and two small functions over the columns of `Member`. Nothing of a rule is ever
written into SQL: functions build SQLAlchemy expressions, and every value is bound.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal, TypeVar

from sqlalchemy import ColumnElement, Exists, SQLColumnExpression, and_, false, or_, true
from sqlalchemy.orm import Session

from models.base import Texts, said
from models.local_day import local_day
from models.programme import Programme, get_programme

_Read = TypeVar("_Read")
"""One text a language."""
Scalar = bool | int | str | date
Value = Scalar | tuple[Scalar, ...]
Kind = Literal["integer", "boolean", "code", "text", "day"]
"""What a value is. A `code` is one of the field's choices; a `text` is any short text."""
Choices = Callable[[Session], Mapping[str, Texts]]
"""Returns what may be chosen: the name of each code. Read from the database where it is there."""

LIVE = "live"
"""As of this moment."""
NIGHTLY = "nightly"
"""As of the last night's work."""
MINUTES = "minutes"
"""Some minutes old at most."""

ROW = "row"
"""Read from the member's own row."""
LOOKUP = "lookup"
"""Read from few rows beside it."""
HISTORY = "history"
"""Read from the purchases where an option narrows it: in a large shop its size is an estimate."""

LARGEST_NUMBER = 2_000_000_000


@dataclass(frozen=True)
class Operator:
    """A way to compare. It takes one value, a pair (low and high, both within), or many."""

    name: str
    takes: Literal["one", "pair", "many"]
    labels: Texts
    """With `{}` where the value stands."""


OPERATORS: dict[str, Operator] = {
    operator.name: operator
    for operator in (
        Operator("is", "one", said("是 {}", "is {}", "が {}")),
        Operator("is_not", "one", said("不是 {}", "is not {}", "が {} ではない")),
        Operator("at_least", "one", said("≥ {}", "≥ {}", " ≥ {}")),
        Operator("at_most", "one", said("≤ {}", "≤ {}", " ≤ {}")),
        Operator("more_than", "one", said("> {}", "> {}", " > {}")),
        Operator("less_than", "one", said("< {}", "< {}", " < {}")),
        Operator("between", "pair", said("介於 {}", "is between {}", "が {} の間")),
        Operator("from", "one", said("在 {} 當天或之後", "is on or after {}", "が{}以降")),
        Operator("until", "one", said("在 {} 當天或之前", "is on or before {}", "が{}以前")),
        Operator("any_of", "many", said("是 {} 其中之一", "is any of {}", "が{}のいずれか")),
        Operator("none_of", "many", said("不是 {}", "is none of {}", "が{}のいずれでもない")),
        Operator("all_of", "many", said("同時有 {}", "has all of {}", "が{}のすべて")),
    )
}
NUMBER_OPERATORS = ("is", "is_not", "at_least", "at_most", "more_than", "less_than", "between")
ONE_OPERATORS = ("is", "is_not", "any_of", "none_of")
DAY_OPERATORS = ("is", "from", "until", "between")
SET_OPERATORS = ("any_of", "none_of", "all_of")
"""For what a member may have several of, such as tags."""
USUAL_OPERATORS: dict[Kind, tuple[str, ...]] = {
    "integer": NUMBER_OPERATORS,
    "boolean": ("is",),
    "code": ONE_OPERATORS,
    "text": ONE_OPERATORS,
    "day": DAY_OPERATORS,
}


@dataclass(frozen=True)
class Option:
    """What narrows a field, such as `within_days` or `store`. With `many`, a list says "any of"."""

    name: str
    kind: Kind
    labels: Texts
    phrases: Texts
    """How it reads in a sentence, with `{}` where the value stands; a boolean only where true."""
    minimum: int = 0
    maximum: int = LARGEST_NUMBER
    choices: Choices | None = None
    many: bool = False
    required: bool = False


@dataclass(frozen=True)
class Leaf:
    """One question of a rule, checked: the field, how it is compared, with what, and where."""

    field: "Field"
    operator: str
    value: Value
    options: Mapping[str, Value]
    path: str
    """Where it stands in the rule: `where.all[2]`."""

    def option(self, name: str) -> Any:
        """Return the value of an option, or None where it was not given."""
        return self.options.get(name)

    def as_json(self) -> dict[str, Any]:
        """Return the leaf as a rule writes it."""
        written = {
            "field": self.field.name,
            "is": self.operator,
            "value": written_value(self.value),
        }
        return written | {name: written_value(value) for name, value in self.options.items()}


@dataclass(frozen=True)
class Context:
    """What a question may depend on beside the member: the moment, and the shop's rules."""

    session: Session
    now: datetime
    _read: dict[str, Any] = field(default_factory=dict, repr=False)

    @cached_property
    def today(self) -> date:
        """Return the Taipei day of `now`."""
        return local_day(self.now)

    @cached_property
    def programme(self) -> Programme:
        """Return the programme's rules in force."""
        return get_programme(self.session)

    def once(self, name: str, read: Callable[[Session, date], _Read]) -> _Read:
        """Return what `read` makes of session and day, asked once a context."""
        if name not in self._read:
            self._read[name] = read(self.session, self.today)
        found: _Read = self._read[name]
        return found


Condition = Callable[[Leaf, Context], ColumnElement[bool]]
Fact = Callable[[Leaf, Context], SQLColumnExpression[Any]]


@dataclass(frozen=True)
class Field:
    """One thing that may be asked of a member.

    `fact` is what is compared, and what is shown where somebody asks why; without a `condition`
    of its own the two are one. Both are built over `Member`; a look at another table is a
    correlated subquery or an EXISTS. Where there is no fact (NULL), no comparison holds, but
    `is_not` and `none_of` do: they are the exact complements of `is` and `any_of`.
    """

    name: str
    kind: Kind
    topic: str
    """Where a builder lists it: `purchase`, `points`, …; see `schema.py`."""
    labels: Texts
    fact: Fact
    condition: Condition | None = None
    operators: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    unit: Texts | None = None
    """What the value counts, with `{}` where it stands: `{} 次`."""
    choices: Choices | None = None
    minimum: int = 0
    maximum: int = LARGEST_NUMBER
    freshness: str = LIVE
    cost: str = ROW
    """Where it may have to be read from: ROW, LOOKUP or HISTORY; a builder says so."""
    excludes: tuple[tuple[str, str], ...] = ()
    """Pairs of options of which a leaf has one at most."""

    @property
    def allowed(self) -> tuple[str, ...]:
        """Return the operators it knows."""
        return self.operators or USUAL_OPERATORS[self.kind]

    def holds(self, leaf: Leaf, context: Context) -> ColumnElement[bool]:
        """Return the condition under which a member answers yes; NULL counts as no."""
        if self.condition is not None:
            return self.condition(leaf, context)
        return compare(self.fact(leaf, context), leaf.operator, leaf.value)


def compare(fact: SQLColumnExpression[Any], operator: str, value: Value) -> ColumnElement[bool]:
    """Return the comparison of one fact with what a leaf asks."""
    return _COMPARE[operator](fact, value)


def _between(fact: SQLColumnExpression[Any], value: Any) -> ColumnElement[bool]:
    low, high = value
    return and_(fact >= low, fact <= high)


def _is(fact: SQLColumnExpression[Any], value: Any) -> ColumnElement[bool]:
    if value is True:
        return and_(true(), fact)
    return fact.is_not(true()) if value is False else fact == value


_COMPARE: dict[str, Callable[[SQLColumnExpression[Any], Any], ColumnElement[bool]]] = {
    "is": _is,
    "is_not": lambda fact, value: fact.is_distinct_from(value),
    "at_least": lambda fact, value: fact >= value,
    "at_most": lambda fact, value: fact <= value,
    "more_than": lambda fact, value: fact > value,
    "less_than": lambda fact, value: fact < value,
    "between": _between,
    "from": lambda fact, value: fact >= value,
    "until": lambda fact, value: fact <= value,
    "any_of": lambda fact, value: fact.in_(value),
    "none_of": lambda fact, value: or_(fact.is_(None), fact.not_in(value)),
}


def has_any(
    leaf: Leaf, exists: Callable[[tuple[Any, ...]], ColumnElement[bool]]
) -> ColumnElement[bool]:
    """Return the condition of a field of codes that are rows; `exists` asks for any of some."""
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    if leaf.operator == "all_of":
        return and_(true(), *(exists((value,)) for value in values))
    if leaf.operator in ("none_of", "is_not"):
        return denied(exists(values))
    return or_(false(), exists(values))


def denied(holds: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that holds wherever another is false or unknown.

    An EXISTS is never unknown, and only its plain denial lets PostgreSQL join for it.
    """
    return ~holds if isinstance(holds, Exists) else holds.is_not(true())


def written_value(value: Value) -> Any:
    """Return a value as JSON has it: days as ISO text, several as a list."""
    if isinstance(value, tuple):
        return [written_value(one) for one in value]
    return value.isoformat() if isinstance(value, date) else value

"""What a rule names in the shop, tiers, stores, coupons: whether it is there, and its name."""

from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy.orm import Session

from models.base import Texts
from models.segment.field import Choices, Field, Leaf, Option, Value
from models.segment.refusals import UnknownCode, nearest
from models.segment.rule import Rule

Names = Mapping[Choices, Mapping[str, Texts]]
"""By where they are chosen from: the name of each code."""


def check_codes(session: Session, rule: Rule) -> Names:
    """Return the names of all that a rule may name; one small query a kind. Raises UnknownCode."""
    names = names_for(session, [rule])
    for leaf in rule.leaves():
        for asked, value, path in _named(leaf):
            if asked.choices is not None:
                _check(value, names[asked.choices], path)
    return names


def names_for(session: Session, rules: Iterable[Rule]) -> Names:
    """Return the names of all that some rules may name, one small query a kind.

    To say kept rules in words: what was archived since has no name, and refuses nothing.
    """
    asked = {
        each.choices
        for rule in rules
        for leaf in rule.leaves()
        for each, _, _ in _named(leaf)
        if each.choices is not None
    }
    return {choices: choices(session) for choices in asked}


def _named(leaf: Leaf) -> Iterator[tuple[Field | Option, Value, str]]:
    """Yield what a leaf asks, with its values and where they stand."""
    yield leaf.field, leaf.value, f"{leaf.path}.value"
    for option in leaf.field.options:
        if option.name in leaf.options:
            yield option, leaf.options[option.name], f"{leaf.path}.{option.name}"


def _check(value: Value, known: Mapping[str, Texts], path: str) -> None:
    values = value if isinstance(value, tuple) else (value,)
    for place, code in enumerate(values):
        if code not in known:
            here = f"{path}[{place}]" if isinstance(value, tuple) else path
            raise UnknownCode(here, code, nearest(code, list(known)))

"""What a rule names in the shop, tiers, stores, coupons: whether it is there, and its name."""

from collections.abc import Iterator, Mapping

from sqlalchemy.orm import Session

from models.segment.field import Choices, Field, Leaf, Option, Texts, Value
from models.segment.refusals import UnknownCode, nearest
from models.segment.rule import Rule

Names = Mapping[Choices, Mapping[str, Texts]]
"""By where they are chosen from: the name of each code."""


def check_codes(session: Session, rule: Rule) -> Names:
    """Return the names of all that a rule may name; one small query a kind. Raises UnknownCode."""
    names: dict[Choices, Mapping[str, Texts]] = {}
    for leaf in rule.leaves():
        for asked, value, path in _named(leaf):
            if asked.choices is None:
                continue
            if asked.choices not in names:
                names[asked.choices] = asked.choices(session)
            _check(value, names[asked.choices], path)
    return names


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

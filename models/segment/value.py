"""Reading the values of a rule: whole numbers, days, codes and texts, each held to its bounds."""

import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import Any

from models.segment.field import OPERATORS, Field, Kind, Option, Scalar, Value
from models.segment.refusals import (
    EmptyList,
    NoSuchDay,
    OptionsConflict,
    OutOfRange,
    TextRefused,
    TooManyValues,
    UnknownOption,
    WrongType,
)

MOST_VALUES = 1_000
LONGEST_TEXT = 200
WANTED: dict[Kind, str] = {
    "integer": "a whole number",
    "boolean": "true or false",
    "code": "a code (text)",
    "text": "a text",
    "day": "a day as text, 2026-11-22",
}


def read_value(field: Field, operator: str, words: Any, path: str) -> Value:
    """Return what a leaf compares with, as its operator takes it. Raises a RuleRefused."""
    takes = OPERATORS[operator].takes
    if takes == "one":
        return read_scalar(field, words, path)
    values = _read_many(field, words, path)
    if takes == "many":
        return values
    if len(values) != 2:
        raise WrongType(path, words, ["[low, high]"])
    low, high = values
    if low > high:  # type: ignore[operator]  # Both are of the field's one kind.
        raise OutOfRange(path, f"{low} > {high}", ["low ≤ high"])
    return values


def read_options(field: Field, told: Mapping[str, Any], path: str) -> dict[str, Value]:
    """Return a leaf's options, in the order of its field. Raises a RuleRefused."""
    read: dict[str, Value] = {}
    for option in field.options:
        here = f"{path}.{option.name}"
        if option.name not in told:
            if option.required:
                raise UnknownOption(here, option.name, [option.name])
            continue
        words = told[option.name]
        is_list = option.many and isinstance(words, list)
        read[option.name] = (
            _read_many(option, words, here) if is_list else read_scalar(option, words, here)
        )
    for first, second in field.excludes:
        if first in read and second in read:
            raise OptionsConflict(path, f"{first}, {second}")
    _check_order(read, path)
    return read


def _check_order(read: Mapping[str, Value], path: str) -> None:
    """Refuse a range of options that ends before it begins."""
    for low, high in (("since", "until"), ("min_twd", "max_twd")):
        if low in read and high in read and read[low] > read[high]:  # type: ignore[operator]  # Of one kind.
            found = f"{low} {read[low]} > {high} {read[high]}"
            raise OutOfRange(path, found, [f"{low} ≤ {high}"])


def _read_many(asked: Field | Option, words: Any, path: str) -> tuple[Scalar, ...]:
    if not isinstance(words, list):
        raise WrongType(path, words, [f"a list: {WANTED[asked.kind]}"])
    if not words:
        raise EmptyList(path)
    if len(words) > MOST_VALUES:
        raise TooManyValues(path, len(words), limit=MOST_VALUES)
    return tuple(read_scalar(asked, each, f"{path}[{place}]") for place, each in enumerate(words))


def read_scalar(asked: Field | Option, words: Any, path: str) -> Scalar:
    """Return one value of the kind that is asked. Raises a RuleRefused."""
    if asked.kind == "integer":
        return _read_number(asked, words, path)
    if asked.kind == "boolean":
        if not isinstance(words, bool):
            raise WrongType(path, words, [WANTED["boolean"]])
        return words
    if not isinstance(words, str):
        raise WrongType(path, words, [WANTED[asked.kind]])
    return _read_day(words, path) if asked.kind == "day" else _read_text(words, path)


def _read_number(asked: Field | Option, words: Any, path: str) -> int:
    """Read a whole number; true is none, nor is 3.0."""
    if type(words) is not int:
        raise WrongType(path, words, [WANTED["integer"]])
    if not asked.minimum <= words <= asked.maximum:
        raise OutOfRange(path, words, [f"{asked.minimum} – {asked.maximum}"])
    return words


def _read_day(words: str, path: str) -> date:
    try:
        day = date.fromisoformat(words)
    except ValueError as error:
        raise NoSuchDay(path, words) from error
    if day.isoformat() != words:
        raise NoSuchDay(path, words)
    return day


def _read_text(words: str, path: str) -> str:
    is_unfit = any(unicodedata.category(sign) in ("Cc", "Cs") for sign in words)
    if not words.strip() or len(words) > LONGEST_TEXT or is_unfit:
        raise TextRefused(path, words, limit=LONGEST_TEXT)
    return words

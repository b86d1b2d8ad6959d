"""The fields of the programme's forms: what stands in a form, and the value that it means.

A form is drawn from text alone, `{"name.en": "Gold", "tier_codes": ["gold"]}`: from the row, from a
draft, or from what was typed and refused. Reading it gives the values of the row's columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from flask import request
from werkzeug.datastructures import MultiDict

from bot.texts import LANGUAGES
from handlers.address import LARGEST_WHOLE
from handlers.console import form
from models.activity import Reward
from models.local_day import TAIPEI

TEXTS, TEXT, CODE, WHOLE = "texts", "text", "code", "whole"
DAY, MOMENT, CHOICE, MANY = "day", "moment", "choice", "many"
NUMBERS, WORDS, FLAG, BRINGS, BONUSES = "numbers", "words", "flag", "brings", "bonuses"
COLOUR = "colour"
CODE_PATTERN = "[a-z0-9][a-z0-9_-]{0,59}"
LONGEST_NAME = 60
LONGEST_COLOUR = len("#7A4B9A")
LARGEST_POINTS = 100_000
BONUS_PLACES = 4
BRINGS_PARTS = ("points", "tier_points", "coupon", "lottery", "tickets", "badge")
BONUS_PARTS = ("kind", "stamps", "weekdays", "category", "starts_on", "ends_on")

Option = tuple[str, str]
"""A word of the form, and how it is called."""
Typed = Mapping[str, Any]
"""What stands in a form: a text a field, or a list of them."""


@dataclass(frozen=True)
class Field:
    """One field of a form: a column of the row, how it is asked for, and what it may hold."""

    name: str
    label: str
    shape: str
    hint: str = ""
    options: Sequence[Option] = ()
    least: int | None = None
    most: int | None = None
    longest: int = LONGEST_NAME
    unit: str = ""
    is_needed: bool = False
    empty: Any = None
    """What it means where nothing is typed."""
    group: str = ""
    """The heading it stands under; fields of one group follow each other."""
    is_fixed: bool = False
    """Whether members have some of it by now, so that it is shown and not asked for."""
    more: Mapping[str, Sequence[Option]] = field(default_factory=dict)
    """Of a reward or a bonus: what its parts are chosen from."""


def read(asked: Field) -> Any:
    """Return the value that the form brings for a field. Raises FieldRefused."""
    value = _READERS[asked.shape](asked)
    if asked.is_needed and value in (None, [], {}):
        raise form.FieldRefused(field=asked.name, why="missing")
    return asked.empty if value is None else value


def write(asked: Field, value: Any) -> dict[str, Any]:
    """Return how a value stands in the form."""
    typed: dict[str, Any] = _WRITERS[asked.shape](asked.name, value)
    return typed


def typed_form() -> dict[str, Any]:
    """Return what the request's form holds, as a form is drawn from it."""
    return as_typed(request.form)


def as_typed(brought: MultiDict[str, str]) -> dict[str, Any]:
    """Return a form's fields; what is told several times is a list."""
    return {
        name: values if len(values) > 1 else values[0]
        for name, values in brought.lists()
        if name not in ("csrf_token", "key")
    }


def _read_texts(asked: Field) -> dict[str, str] | None:
    texts = {
        language: typed
        for language in LANGUAGES
        if (typed := form.text(f"{asked.name}.{language}", asked.longest)) is not None
    }
    if texts and "zh-TW" not in texts:
        raise form.FieldRefused(field=asked.name, why="missing")
    return texts or (None if asked.is_needed else {"zh-TW": ""})


def _read_code(asked: Field) -> str | None:
    typed = form.text(asked.name, asked.longest)
    is_code = typed is None or (
        typed.isascii() and typed.replace("-", "").replace("_", "").isalnum()
    )
    if not is_code:
        raise form.FieldRefused(field=asked.name, why="code")
    return typed.lower() if typed is not None else None


def _read_many(asked: Field) -> list[str]:
    known = {code for code, _ in asked.options}
    ticked = request.form.getlist(asked.name)
    if not set(ticked) <= known:
        raise form.FieldRefused(field=asked.name, why="choice")
    return [code for code, _ in asked.options if code in ticked]


def _read_numbers(asked: Field) -> list[int]:
    return [_number(asked, part) for part in _parts(asked)]


def _number(asked: Field, part: str) -> int:
    least, most = asked.least or 0, asked.most or LARGEST_WHOLE
    if not part.isascii() or not part.isdigit() or not least <= int(part) <= most:
        raise form.FieldRefused(field=asked.name, why="range", least=least, most=most)
    return int(part)


def _parts(asked: Field) -> list[str]:
    return list(dict.fromkeys(form.parts_of(form.text(asked.name) or "")))


def _read_brings(asked: Field) -> dict[str, Any]:
    def name(part: str) -> str:
        return f"{asked.name}.{part}"

    words: dict[str, Any] = {
        "points": form.whole(name("points"), least=0, most=LARGEST_POINTS),
        "tier_points": form.whole(name("tier_points"), least=0, most=LARGEST_POINTS),
        "tickets": form.whole(name("tickets"), least=0, most=20),
    }
    for part in ("coupon", "lottery", "badge"):
        known = {code for code, _ in asked.more.get(part, ())}
        words[part] = form.choice(name(part), known)
    told = {part: value for part, value in words.items() if value}
    if "lottery" in told:
        told.setdefault("tickets", 1)
    return Reward.from_words(told).to_words()


def _read_bonuses(asked: Field) -> list[dict[str, Any]]:
    return [words for place in range(BONUS_PLACES) if (words := _read_bonus(asked, place))]


def _read_bonus(asked: Field, place: int) -> dict[str, Any] | None:
    def name(part: str) -> str:
        return f"{asked.name}.{place}.{part}"

    kind = form.choice(name("kind"), {code for code, _ in asked.more["kind"]})
    if kind is None:
        return None
    starts_on, ends_on = form.day(name("starts_on")), form.day(name("ends_on"))
    weekdays = Field(name("weekdays"), "", NUMBERS, least=1, most=7)
    return {
        "kind": kind,
        "stamps": form.needed_whole(name("stamps"), least=1, most=20),
        "weekdays": _read_numbers(weekdays) if kind == "weekday" else [],
        "category": form.text(name("category"), LONGEST_NAME) if kind == "category" else None,
        "starts_on": starts_on.isoformat() if starts_on else None,
        "ends_on": ends_on.isoformat() if ends_on else None,
    }


_READERS: Mapping[str, Any] = {
    TEXTS: _read_texts,
    TEXT: lambda asked: form.text(asked.name, asked.longest),
    COLOUR: lambda asked: form.text(asked.name, LONGEST_COLOUR),
    CODE: _read_code,
    WHOLE: lambda asked: form.whole(asked.name, least=asked.least, most=asked.most),
    DAY: lambda asked: form.day(asked.name),
    MOMENT: lambda asked: form.moment(asked.name),
    CHOICE: lambda asked: form.choice(asked.name, {code for code, _ in asked.options}),
    MANY: _read_many,
    NUMBERS: _read_numbers,
    WORDS: _parts,
    FLAG: lambda asked: form.flag(asked.name),
    BRINGS: _read_brings,
    BONUSES: _read_bonuses,
}


def _one(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, datetime):
        return {name: f"{value.astimezone(TAIPEI):%Y-%m-%dT%H:%M}"}
    if isinstance(value, date):
        return {name: value.isoformat()}
    return {name: "" if value is None else str(value)}


def _write_texts(name: str, value: Any) -> dict[str, Any]:
    return {f"{name}.{language}": (value or {}).get(language, "") for language in LANGUAGES}


def _write_list(name: str, value: Any) -> dict[str, Any]:
    return {name: ", ".join(str(one) for one in value or ())}


def _write_brings(name: str, value: Any) -> dict[str, Any]:
    return {f"{name}.{part}": str((value or {}).get(part, "")) for part in BRINGS_PARTS}


def _write_bonuses(name: str, value: Any) -> dict[str, Any]:
    typed: dict[str, Any] = {}
    for place, words in enumerate(value or ()):
        for part in BONUS_PARTS:
            held = words.get(part)
            shown = ", ".join(map(str, held)) if isinstance(held, list) else held
            typed[f"{name}.{place}.{part}"] = "" if shown is None else str(shown)
    return typed


_WRITERS: Mapping[str, Any] = dict.fromkeys(
    (TEXT, COLOUR, CODE, WHOLE, DAY, MOMENT, CHOICE), _one
) | {
    TEXTS: _write_texts,
    MANY: lambda name, value: {name: list(value or ())},
    NUMBERS: _write_list,
    WORDS: _write_list,
    FLAG: lambda name, value: {name: "1" if value else ""},
    BRINGS: _write_brings,
    BONUSES: _write_bonuses,
}

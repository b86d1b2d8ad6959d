"""Compile messages with blanks: how to fill them in for one person without building them again.

A blank is one sign of Unicode's private use, or a number nobody has where only a number can stand.
Only the parts on the way to a blank are copied; all others are shared.
"""

import re
import secrets
from collections.abc import Callable, Sequence
from typing import Any, Final

FIRST_SIGN: Final = 0xE000
NOTHING: Final = "－"
"""What stands where blanks leave a text empty: LINE refuses an empty one."""
_DRAWN: Final = 88_000_000_000 + secrets.randbelow(1_000_000_000)
"""Drawn anew by each process, so that no shop's text has such a number in it."""
FIRST_NUMBER: Final = _DRAWN * 10_000
_BLANK: Final = re.compile(rf"([\uE000-\uF8FF]|{_DRAWN}\d{{4}})")

Make = Callable[[Sequence[str]], Any]


class Node:
    """A compiled part: `fixed` as it is, or made of the blanks' words."""

    __slots__ = ("fixed", "make")

    def __init__(self, fixed: Any = None, make: Make | None = None) -> None:
        self.fixed, self.make = fixed, make


def compile_part(node: Any) -> Node:
    """Compile a message, or a part of one, whose texts may have blanks."""
    if isinstance(node, str):
        return _compile_text(node)
    if isinstance(node, dict):
        return _compile_dict(node)
    if isinstance(node, list):
        return _compile_list(node)
    return Node(node)


def _compile_text(words: str) -> Node:
    pieces = _BLANK.split(words)
    if len(pieces) == 1:
        return Node(words)
    fixed = [*pieces]
    places = [(place, _place_of(sign)) for place, sign in enumerate(pieces) if place % 2]
    if len(pieces) == 3 and not pieces[0] and not pieces[2]:
        only = places[0][1]
        return Node(make=lambda values: _said(values[only]))

    def make(values: Sequence[str]) -> str:
        filled = fixed.copy()
        for place, blank in places:
            filled[place] = values[blank]
        return _said("".join(filled))

    return Node(make=make)


def _said(words: str) -> str:
    return words if words.strip() else NOTHING


def _place_of(sign: str) -> int:
    return int(sign) - FIRST_NUMBER if len(sign) > 1 else ord(sign) - FIRST_SIGN


def _compile_dict(node: dict[str, Any]) -> Node:
    compiled = {key: compile_part(value) for key, value in node.items()}
    makers = [(key, each.make) for key, each in compiled.items() if each.make is not None]
    if not makers:
        return Node(node)

    def make(values: Sequence[str]) -> dict[str, Any]:
        made = node.copy()
        for key, make_one in makers:
            made[key] = make_one(values)
        return made

    return Node(make=make)


def _compile_list(node: list[Any]) -> Node:
    compiled = [compile_part(value) for value in node]
    makers = [(place, each.make) for place, each in enumerate(compiled) if each.make is not None]
    if not makers:
        return Node(node)

    def make(values: Sequence[str]) -> list[Any]:
        made = node.copy()
        for place, make_one in makers:
            made[place] = make_one(values)
        return made

    return Node(make=make)

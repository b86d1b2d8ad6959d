"""The small engine under the checker: rules for one value, and shapes for one JSON object.

A rule looks at a single value and returns what is wrong with it, or None. A node walks a value
that has parts and appends a violation for each part that is wrong. Paths are put together only
where something is wrong or a part has parts of its own, which keeps a good message cheap.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from .counting import grapheme_length, utf16_length

MAX_URL_LENGTH = 2000
MAX_ACTION_URI_LENGTH = 1000
_MAX_REMEMBERED = 4096
_MAX_REMEMBERED_LENGTH = 40
_URL_TAIL = r"[!-~]"  # Printable ASCII without the space: all else must be percent-encoded.
_LOOPBACK = r"http://(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?"
_FILE_URL = re.compile(rf"https://{_URL_TAIL}+|{_LOOPBACK}(?:[/?#]{_URL_TAIL}*)?")
_ACTION_URI = re.compile(rf"(?:https?://|line://|tel:){_URL_TAIL}+")

NOT_EMPTY = "May not be empty"
MISSING = "must be specified"
UNKNOWN = "Unknown property"
NOT_A_STRING = "must be a string"


class Violation(TypedDict):
    """One thing LINE would refuse, in the shape of LINE's own `details` entries."""

    property: str
    message: str


Found = list[Violation]
Rule = Callable[[Any], str | None]
Node = Callable[[Any, str, Found], None]


def add(found: Found, path: str, message: str) -> None:
    """Append one violation."""
    found.append({"property": path, "message": message})


def join(path: str, name: str) -> str:
    """Return the path of the property `name` of the object at `path` ("" is the body itself)."""
    return f"{path}.{name}" if path else name


class Shape:
    """One kind of JSON object: every property it may have, and which of them it must have.

    `rules` check single values, `nodes` check values with parts; a property in neither is refused.
    `together` are the conditions between properties: they run where each part alone is in order.
    """

    __slots__ = ("_known_good", "_nodes", "_required", "_rules", "_together")

    def __init__(
        self,
        rules: Mapping[str, Rule],
        nodes: Mapping[str, Node] | None = None,
        *,
        required: Iterable[str] = (),
        together: Iterable[Node] = (),
    ) -> None:
        self._rules = dict(rules)
        self._nodes = dict(nodes or {})
        self._required = tuple(required)
        self._together = tuple(together)
        self._known_good: set[tuple[str, str]] = set()

    def __call__(self, value: Any, path: str, found: Found) -> None:
        """Append everything that is wrong with `value`, which stands at `path`."""
        if not isinstance(value, dict):
            add(found, path, "must be an object")
            return
        start = len(found)
        known_good = self._known_good
        for pair in value.items():
            # The same sizes and colours stand all over a card: their verdict is remembered.
            if pair[1].__class__ is not str or pair not in known_good:
                self._check_property(pair, path, found)
        for name in self._required:
            if name not in value:
                add(found, join(path, name), MISSING)
        if len(found) == start:
            for condition in self._together:
                condition(value, path, found)

    def _check_property(self, pair: tuple[str, Any], path: str, found: Found) -> None:
        name, item = pair
        rule = self._rules.get(name)
        if rule is None:
            node = self._nodes.get(name)
            if node is None:
                add(found, join(path, name), UNKNOWN)
            else:
                node(item, join(path, name), found)
            return
        complaint = rule(item)
        if complaint is not None:
            add(found, join(path, name), complaint)
        elif isinstance(item, str) and len(item) <= _MAX_REMEMBERED_LENGTH:
            if len(self._known_good) >= _MAX_REMEMBERED:
                self._known_good.clear()
            self._known_good.add(pair)


def one_of(kinds: Mapping[str, Node], by: str = "type") -> Node:
    """Return the node that looks at the property `by` and checks the value as that kind."""
    complaint = listed(kinds)

    def check(value: Any, path: str, found: Found) -> None:
        if not isinstance(value, dict):
            add(found, path, "must be an object")
            return
        kind = value.get(by)
        node = kinds.get(kind) if isinstance(kind, str) else None
        if node is not None:
            node(value, path, found)
        else:
            add(found, join(path, by), MISSING if kind is None else complaint)

    return check


def list_of(node: Node, least: int, most: int) -> Node:
    """Return the node that checks every item of an array of `least` to `most` items."""
    complaint = f"Size must be between {least} and {most}"

    def check(value: Any, path: str, found: Found) -> None:
        if not isinstance(value, list):
            add(found, path, "must be an array")
            return
        if not least <= len(value) <= most:
            add(found, path, complaint)
        for index, item in enumerate(value[:most]):
            node(item, f"{path}[{index}]", found)

    return check


def listed(values: Iterable[str]) -> str:
    """Return LINE's words for a value that is not among `values`."""
    return f"Must be one of the following values: [{', '.join(values)}]"


def keyword(*values: str) -> Rule:
    """Return the rule that allows exactly `values`."""
    allowed = frozenset(values)
    complaint = listed(values)

    def check(value: Any) -> str | None:
        return None if isinstance(value, str) and value in allowed else complaint

    return check


def boolean(value: Any) -> str | None:
    """Allow true and false."""
    return None if isinstance(value, bool) else "must be a boolean"


def integer(least: int, most: int) -> Rule:
    """Return the rule that allows whole numbers from `least` to `most`."""

    def check(value: Any) -> str | None:
        if not isinstance(value, int) or isinstance(value, bool):
            return "must be an integer"
        return None if least <= value <= most else f"must be between {least} and {most}"

    return check


def number(least: float, most: float) -> Rule:
    """Return the rule that allows numbers, whole or not, from `least` to `most`."""

    def check(value: Any) -> str | None:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return "must be a number"
        return None if least <= value <= most else f"must be between {least} and {most}"

    return check


def text(most: int, least: int = 1) -> Rule:
    """Return the rule for a string of `least` to `most` UTF-16 code units."""
    return _measured(utf16_length, most, least, units_a_character=2)


def graphemes(most: int, least: int = 1) -> Rule:
    """Return the rule for a string of `least` to `most` grapheme clusters."""
    return _measured(grapheme_length, most, least, units_a_character=1)


def _measured(
    measure: Callable[[str], int], most: int, least: int, *, units_a_character: int
) -> Rule:
    surely_fits = most // units_a_character

    def check(value: Any) -> str | None:
        if not isinstance(value, str):
            return NOT_A_STRING
        if not value:
            return NOT_EMPTY if least else None
        if len(value) <= surely_fits or measure(value) <= most:
            return None
        return f"Length must be between {least} and {most}"

    return check


def matching(pattern: str, complaint: str) -> Rule:
    """Return the rule for a string that matches `pattern` as a whole."""
    compiled = re.compile(pattern)

    def check(value: Any) -> str | None:
        return None if isinstance(value, str) and compiled.fullmatch(value) else complaint

    return check


def file_url(value: Any) -> str | None:
    """Allow an https address (http only on this machine), percent-encoded, up to 2,000 units."""
    return _address(value, _FILE_URL, MAX_URL_LENGTH)


def action_uri(value: Any) -> str | None:
    """Allow an address a tap may open: http, https, line or tel, up to 1,000 units."""
    return _address(value, _ACTION_URI, MAX_ACTION_URI_LENGTH)


def _address(value: Any, pattern: re.Pattern[str], most: int) -> str | None:
    if not isinstance(value, str):
        return NOT_A_STRING
    if len(value) > most:
        return f"Length must be between 1 and {most}"
    return None if pattern.fullmatch(value) else "invalid uri"

"""Rules as typed JSON: `{"schema": 1, "where": NODE}`, read into dataclasses or refused with where.

A node is `{"all": [NODE, …]}`, `{"any": [NODE, …]}`, `{"not": NODE}`, or one question,
`{"field": "purchases", "is": "at_least", "value": 3, "within_days": 90}`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from models.segment.field import Field, Leaf
from models.segment.fields import FIELDS
from models.segment.refusals import (
    DuplicateKey,
    EmptyList,
    NotARule,
    RuleTooLarge,
    SchemaUnknown,
    TooDeep,
    TooManyLeaves,
    UnknownField,
    UnknownKey,
    UnknownOperator,
    UnknownOption,
    nearest,
)
from models.segment.value import read_options, read_value

SCHEMA = 1
MOST_LEVELS = 8
MOST_LEAVES = 200
LARGEST_BYTES = 64 * 1024
FORM = ('{"schema": 1, "where": …}',)
NODES = ('{"all": […]}', '{"any": […]}', '{"not": …}', '{"field": …, "is": …, "value": …}')
LEAF_KEYS = ("field", "is", "value")


@dataclass(frozen=True)
class Group:
    """Several nodes of which `all` or `any` must hold."""

    word: str
    nodes: tuple["Node", ...]

    def as_json(self) -> dict[str, Any]:
        """Return the group as a rule writes it."""
        return {self.word: [node.as_json() for node in self.nodes]}


@dataclass(frozen=True)
class Not:
    """A node that must not hold."""

    node: "Node"

    def as_json(self) -> dict[str, Any]:
        """Return it as a rule writes it."""
        return {"not": self.node.as_json()}


Node = Group | Not | Leaf


@dataclass(frozen=True)
class Rule:
    """A whole rule, checked."""

    where: Node

    def as_json(self) -> dict[str, Any]:
        """Return the rule in its one canonical form, as it is stored."""
        return {"schema": SCHEMA, "where": self.where.as_json()}

    def leaves(self) -> Iterator[Leaf]:
        """Yield its questions in the order in which they are written."""
        return leaves_of(self.where)


def asks(field: str, operator: str, value: Any, **options: Any) -> dict[str, Any]:
    """Return one question of a rule as JSON."""
    return {"field": field, "is": operator, "value": value, **options}


def leaves_of(node: Node) -> Iterator[Leaf]:
    """Yield the questions of a node in the order in which they are written."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Not):
        yield from leaves_of(node.node)
    else:
        for each in node.nodes:
            yield from leaves_of(each)


def read_rule(text: str | bytes) -> Rule:
    """Read a rule from JSON text. Raises a RuleRefused that says where and why."""
    size = len(text if isinstance(text, bytes) else text.encode(errors="surrogatepass"))
    if size > LARGEST_BYTES:
        raise RuleTooLarge("", size, limit=LARGEST_BYTES)
    try:
        words = json.loads(text, object_pairs_hook=_once_each)
    except RecursionError as error:
        raise TooDeep("where", limit=MOST_LEVELS) from error
    except ValueError as error:
        raise NotARule("", str(error), FORM) from error
    return parse_rule(words)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise DuplicateKey("", key)
        found[key] = value
    return found


def parse_rule(words: object, fields: Mapping[str, Field] = FIELDS) -> Rule:
    """Read a rule from decoded JSON. Raises a RuleRefused that says where and why.

    Whether the codes it names exist in the shop is for `check_codes` to say.
    """
    if not isinstance(words, dict):
        raise NotARule("", type(words).__name__, FORM)
    _check_keys(words, ("schema", "where"), "")
    if type(words["schema"]) is not int or words["schema"] != SCHEMA:
        raise SchemaUnknown("schema", words["schema"], [SCHEMA])
    rule = Rule(_Reader(fields).node(words["where"], "where", level=1))
    size = len(json.dumps(rule.as_json(), ensure_ascii=False).encode())
    if size > LARGEST_BYTES:
        raise RuleTooLarge("", size, limit=LARGEST_BYTES)
    return rule


def _check_keys(words: Mapping[str, Any], wanted: tuple[str, ...], path: str) -> None:
    for key in [*(key for key in words if key not in wanted), *wanted]:
        if key not in words or key not in wanted:
            raise UnknownKey(path, key, wanted)


class _Reader:
    """Reads nodes and counts what it reads."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self.fields = fields
        self.leaves = 0

    def node(self, words: object, path: str, *, level: int) -> Node:
        if not isinstance(words, dict):
            raise NotARule(path, type(words).__name__, NODES)
        if "field" in words:
            return self._leaf(words, path)
        if level > MOST_LEVELS:
            raise TooDeep(path, limit=MOST_LEVELS)
        word = next((word for word in ("all", "any", "not") if word in words), None)
        if word is None:
            raise NotARule(path, ", ".join(map(str, words)) or "{}", NODES)
        _check_keys(words, (word,), path)
        inner = words[word]
        if word == "not":
            return Not(self.node(inner, f"{path}.not", level=level + 1))
        return Group(word, self._nodes(inner, f"{path}.{word}", level + 1))

    def _nodes(self, words: object, path: str, level: int) -> tuple[Node, ...]:
        if not isinstance(words, list):
            raise NotARule(path, type(words).__name__, NODES)
        if not words:
            raise EmptyList(path)
        return tuple(
            self.node(each, f"{path}[{place}]", level=level) for place, each in enumerate(words)
        )

    def _leaf(self, words: Mapping[str, Any], path: str) -> Leaf:
        self.leaves += 1
        if self.leaves > MOST_LEAVES:
            raise TooManyLeaves(path, self.leaves, limit=MOST_LEAVES)
        name = words["field"]
        field = self.fields.get(name) if isinstance(name, str) else None
        if field is None:
            raise UnknownField(f"{path}.field", name, nearest(name, list(self.fields)))
        for key in LEAF_KEYS:
            if key not in words:
                raise UnknownKey(path, key, LEAF_KEYS)
        operator = words["is"]
        if operator not in field.allowed:
            raise UnknownOperator(f"{path}.is", operator, field.allowed)
        told = {key: value for key, value in words.items() if key not in LEAF_KEYS}
        known = [option.name for option in field.options]
        for key in told:
            if key not in known:
                raise UnknownOption(f"{path}.{key}", key, nearest(key, known))
        value = read_value(field, operator, words["value"], f"{path}.value")
        return Leaf(field, operator, value, read_options(field, told, path), path)

"""Rules that open a number: the people of a class, of two at once, of a move, of cells of RFM.

Whoever shows such a number leads to its people by the rule; whoever writes to them keeps it.
"""

from collections.abc import Sequence
from typing import Any

from models.lifecycle import NASLD, PROSPECT, RFM, class_key
from models.segment.rule import SCHEMA

Written = dict[str, Any]
"""A rule, or a node of one, as JSON."""


def rule_around(node: Written) -> Written:
    """Return a whole rule that asks one node."""
    return {"schema": SCHEMA, "where": node}


def class_rule(model: str, code: str) -> Written:
    """Return the rule of a class of any model; beside RFM, who never bought goes by NASLD's."""
    return rule_around(_class_node(model, code))


def cross_rule(model_a: str, a: str, model_b: str, b: str) -> Written:
    """Return the rule of who is in a class of one model and in a class of another."""
    if model_a == model_b:
        return class_rule(model_a, a)
    return rule_around({"all": [_class_node(model_a, a), _class_node(model_b, b)]})


def move_rule(model: str, move: tuple[str, str], days_ago: tuple[int, int]) -> Written:
    """Return the rule of who was in one class so many days ago and in another later; 0 is today.

    `model` is a lifecycle: RFM's groups of past days are not kept.
    """
    nodes = [_then_node(model, code, days) for code, days in zip(move, days_ago, strict=True)]
    return rule_around({"all": nodes})


def cells_rule(cells: Sequence[str]) -> Written:
    """Return the rule of the buyers in some cells of RFM: `5-4`, or `5-4-3` with the money."""
    return rule_around({"field": "rfm_cell", "is": "any_of", "value": list(cells)})


def _class_node(model: str, code: str) -> Written:
    named = NASLD if (model, code) == (RFM, PROSPECT) else model
    return {"field": named, "is": "is", "value": class_key(named, code)}


def _then_node(model: str, code: str, days_ago: int) -> Written:
    if not days_ago:
        return _class_node(model, code)
    value = class_key(model, code)
    return {"field": f"{model}_was", "is": "is", "value": value, "days_ago": days_ago}

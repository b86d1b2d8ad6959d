"""The rules that lead from a number to the people behind it."""

from datetime import date
from typing import Any

from models.segment.rule import SCHEMA, asks


def rule(*nodes: dict[str, Any]) -> dict[str, Any]:
    """Return what opens the members for whom all of these hold."""
    where = nodes[0] if len(nodes) == 1 else {"all": list(nodes)}
    return {"rule": {"schema": SCHEMA, "where": where}}


def bought_between(since: date, until: date) -> dict[str, Any]:
    """Return the question whether somebody bought on some days, both within."""
    days = {"since": since.isoformat(), "until": until.isoformat()}
    return asks("purchases", "at_least", 1, **days)


def in_tier(code: str) -> dict[str, Any]:
    """Return what opens a tier's members."""
    return rule(asks("tier", "is", code))

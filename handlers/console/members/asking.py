"""What a list of members is asked for: a rule, a kept segment, or a few usual questions."""

from dataclasses import dataclass
from typing import Any

from flask import g, request
from sqlalchemy.orm import Session

from models.segment import Rule, describe, parse_rule, read_rule
from models.segment.codes import check_codes
from models.segment.keeping import get_segment, get_version, rule_of
from models.segment.table import Segment

USUAL = ("tier", "nasld", "tag", "reachable", "quiet")
"""The questions of the list's own form, in its order."""
MOST_DAYS = 3_650
_REACHABLE = {"field": "reachable", "is": "is", "value": True}


@dataclass(frozen=True)
class Asked:
    """What a list is of. `rule` is None where it is of everybody."""

    rule: Rule | None
    segment: Segment | None
    words: str | None
    """The rule as a sentence."""

    @property
    def written(self) -> dict[str, Any] | None:
        """Return the rule as JSON."""
        return self.rule.as_json() if self.rule is not None else None


def read_asked(language: str) -> Asked:
    """Read what the address asks for. Raises a RuleRefused, UnknownCode or NoSuchSegment."""
    code, typed = request.args.get("segment"), request.args.get("rule")
    if code:
        rule = rule_of(get_version(g.session, code))
        return Asked(rule, get_segment(g.session, code), _words(g.session, rule, language))
    if typed:
        rule = read_rule(typed)
        return Asked(rule, None, _words(g.session, rule, language))
    nodes = _usual_nodes()
    if not nodes:
        return Asked(None, None, None)
    rule = parse_rule({"schema": 1, "where": {"all": nodes}})
    return Asked(rule, None, _words(g.session, rule, language))


def _words(session: Session, rule: Rule, language: str) -> str:
    return describe(rule, language, check_codes(session, rule))


def _usual_nodes() -> list[dict[str, Any]]:
    """Return the questions that the list's own form asks, each as a node of a rule."""
    told = {name: request.args.get(name, "").strip() for name in USUAL}
    nodes: list[dict[str, Any]] = []
    if told["tier"]:
        nodes.append({"field": "tier", "is": "is", "value": told["tier"]})
    if told["nasld"]:
        nodes.append({"field": "nasld", "is": "is", "value": told["nasld"]})
    if told["tag"]:
        nodes.append({"field": "tag", "is": "any_of", "value": [told["tag"]]})
    if told["reachable"]:
        nodes.append(_REACHABLE)
    days = told["quiet"]
    if days.isascii() and days.isdigit() and 0 < int(days[:5]) <= MOST_DAYS:
        nodes.append({"field": "days_since_purchase", "is": "at_least", "value": int(days)})
    return nodes

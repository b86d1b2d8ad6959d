"""Segments: rules over members that explain themselves, kept in versions, sized and exported."""

from models.segment.compiling import condition_of, members_of
from models.segment.explaining import Answer, Explanation, explain_rule
from models.segment.field import Context, Field, Leaf, Option
from models.segment.fields import FIELDS
from models.segment.freshness import FRESHNESS, freshness_of
from models.segment.rule import Group, Not, Rule, parse_rule, read_rule
from models.segment.sizing import Size, size_of
from models.segment.wording import describe

__all__ = [
    "FIELDS",
    "FRESHNESS",
    "Answer",
    "Context",
    "Explanation",
    "Field",
    "Group",
    "Leaf",
    "Not",
    "Option",
    "Rule",
    "Size",
    "condition_of",
    "describe",
    "explain_rule",
    "freshness_of",
    "members_of",
    "parse_rule",
    "read_rule",
    "size_of",
]

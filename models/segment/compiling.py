"""Making one SQL condition of a rule: an expression over `Member`, in which every value is bound.

SQL has a third truth: a comparison with what is not there is neither true nor false. A `not` is
therefore pushed down to the questions, and each denied one holds for whoever does not answer yes;
so a rule and its denial part the members exactly.
"""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select

from models.lifecycle.figures import is_here
from models.member import Member
from models.segment.field import Context, Leaf, denied
from models.segment.rule import Node, Not, Rule


def condition_of(rule: Rule, context: Context) -> ColumnElement[bool]:
    """Return the condition over `Member` under which a rule holds; NULL counts as no.

    Whoever uses it adds `is_here()`, or takes `members_of`.
    """
    return _condition(rule.where, context, is_wanted=True)


def members_of(rule: Rule, context: Context, *columns: Any) -> Select[Any]:
    """Return the query of all members a rule holds for, with these columns or their ids."""
    return select(*(columns or (Member.id,))).where(is_here(), condition_of(rule, context))


def _condition(node: Node, context: Context, *, is_wanted: bool) -> ColumnElement[bool]:
    if isinstance(node, Leaf):
        holds = node.field.holds(node, context)
        return holds if is_wanted else denied(holds)
    if isinstance(node, Not):
        return _condition(node.node, context, is_wanted=not is_wanted)
    parts = [_condition(each, context, is_wanted=is_wanted) for each in node.nodes]
    join = and_ if (node.word == "all") == is_wanted else or_
    return join(*parts)

"""Metrics: a member's figures of the shop's own, told, measured as KPIs, or value factors."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from models.base import Texts, said
from models.member import Member
from models.metric import MemberMetric, list_definitions
from models.segment.field import (
    LARGEST_NUMBER,
    LOOKUP,
    NIGHTLY,
    Context,
    Field,
    Leaf,
    Option,
    compare,
)


def _defined(session: Session) -> Mapping[str, Texts]:
    """Return every metric that has a meaning."""
    return {name: {"zh-TW": meaning} for name, meaning in list_definitions(session).items()}


def _value(leaf: Leaf, _context: Context) -> ColumnElement[Any]:
    rows = select(MemberMetric.value).where(
        MemberMetric.member_id == Member.id, MemberMetric.name == leaf.option("metric")
    )
    return rows.correlate(Member).scalar_subquery()


def _compares(leaf: Leaf, context: Context) -> ColumnElement[bool]:
    """Return the comparison; as an EXISTS where only a kept value can answer it."""
    if leaf.operator == "is_not":
        return compare(_value(leaf, context), leaf.operator, leaf.value)
    rows = select(MemberMetric.member_id).where(
        MemberMetric.member_id == Member.id,
        MemberMetric.name == leaf.option("metric"),
        compare(MemberMetric.value, leaf.operator, leaf.value),
    )
    return rows.correlate(Member).exists()


METRICS: tuple[Field, ...] = (
    Field(
        "metric",
        "integer",
        "metric",
        said("自訂指標", "Metric", "カスタム指標"),
        _value,
        _compares,
        options=(
            Option(
                "metric",
                "code",
                said("指標", "Which metric", "指標"),
                said("「{}」", "{}", "「{}」"),
                choices=_defined,
                required=True,
            ),
        ),
        minimum=-LARGEST_NUMBER,
        freshness=NIGHTLY,
        cost=LOOKUP,
    ),
)

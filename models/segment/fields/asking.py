"""What the topics share: counting rows beside a member, days back, names of what may be chosen."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, distinct, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.base import Texts, said
from models.member import Member
from models.segment.field import Choices, Context, Leaf, Option, compare

MOST_DAYS = 3_660
"""Ten years: what a window may reach back."""

TIMES = said("{} 次", "{}", "{} 回")
DAYS = said("{} 天", "{} days", "{} 日")
TWD = said("{} 元", "NT${}", "{} 元")
POINTS_UNIT = said("{} 點", "{} points", "{} ポイント")
PERCENT = said("{}%", "{}%", "{}%")
PEOPLE = said("{} 人", "{}", "{} 人")
YEARS = said("{} 歲", "{} years", "{} 歳")
SHEETS = said("{} 張", "{}", "{} 枚")

WITHIN_DAYS = Option(
    "within_days",
    "integer",
    said("最近幾天內", "Within days", "直近の日数"),
    said("近 {} 天", "in the last {} days", "直近 {} 日間の"),
    maximum=MOST_DAYS,
)


def days_back(context: Context, days: int) -> date:
    """Return the first day that is at most `days` old: within 0 days is today alone."""
    return context.today - timedelta(days=days)


def count_of(rows: Select[Any]) -> ColumnElement[int]:
    """Return how many rows a correlated query has, beside one member."""
    counted = rows.with_only_columns(func.count(), maintain_column_froms=True)
    return counted.correlate(Member).scalar_subquery()


def counted(leaf: Leaf, rows: Select[Any]) -> ColumnElement[bool]:
    """Return the condition on a number of rows, as an EXISTS where one row decides."""
    exists = rows.correlate(Member).exists()
    asked = (leaf.operator, leaf.value)
    if asked in (("at_least", 1), ("more_than", 0), ("is_not", 0)):
        return exists
    if asked in (("is", 0), ("at_most", 0), ("less_than", 1)):
        return ~exists
    return compare(count_of(rows), leaf.operator, leaf.value)


def values_of(asked: Any) -> tuple[Any, ...]:
    """Return what an option or a value names: several, or the one."""
    return asked if isinstance(asked, tuple) else (asked,)


def named(code: InstrumentedAttribute[str], name: InstrumentedAttribute[dict[str, str]]) -> Choices:
    """Return a reader of codes and names of one table, in the order of the codes."""
    statement = select(code, name).order_by(code)

    def read(session: Session) -> Mapping[str, Texts]:
        return dict(session.execute(statement).all())

    return read


def fixed(texts: Mapping[str, Texts]) -> Choices:
    """Return a reader of choices that are the same in every shop."""
    return lambda _session: texts


def codes_of(rows: Select[Any], code: SQLColumnExpression[str]) -> ColumnElement[list[str]]:
    """Return the different codes of a correlated query's rows as one list, to be shown."""
    collected = rows.with_only_columns(func.array_agg(distinct(code)), maintain_column_froms=True)
    return collected.correlate(Member).scalar_subquery()

"""What the triggers share: a cause as one row, and the days on which a day's causes count."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    DateTime,
    Select,
    SQLColumnExpression,
    TableValuedAlias,
    column,
    func,
    literal,
    select,
)
from sqlalchemy.types import TypeEngine

from models.journey.trigger import Span
from models.local_day import day_of

MOMENT = DateTime(timezone=True)


def cause(
    member_id: SQLColumnExpression[int],
    key: ColumnElement[str],
    at: Any,
    **facts: Any,
) -> Select[Any]:
    """Return the four columns of a cause; facts are columns or plain values, by name."""
    pairs = [part for name, value in facts.items() for part in (literal(name), value)]
    return select(
        member_id.label("member_id"),
        key.label("key"),
        at.label("at"),
        func.jsonb_build_object(*pairs).label("facts"),
    )


def days_ahead(span: Span, days: int) -> TableValuedAlias | None:
    """Return the days a cause lies `days` ahead of (below zero: behind), each with its moment.

    Columns: `on`, the day the cause is about, and `at`, when it counts. None where no day's
    moment lies in the span.
    """
    shift = timedelta(days=days)
    rows: list[tuple[date, Any]] = [(day + shift, span.moment_of(day)) for day in span.days()]
    if not rows:
        return None
    return due_rows(rows, on=Date(), at=MOMENT)


def due_rows(rows: Sequence[tuple[Any, ...]], **columns: TypeEngine[Any]) -> TableValuedAlias:
    """Return rows as the table `due`: one array a column, so that any number is one statement."""
    given = [
        literal([row[place] for row in rows], ARRAY(kind))
        for place, kind in enumerate(columns.values())
    ]
    named = [column(name, kind) for name, kind in columns.items()]
    return func.unnest(*given).table_valued(*named).render_derived(name="due")


def last_day_of(ends_at: Any) -> ColumnElement[date]:
    """Return the last Taipei day on which something that ends at a moment is good, in SQL."""
    return day_of(ends_at - timedelta(microseconds=1))


def in_their_language(texts: Any, language: Any) -> ColumnElement[str]:
    """Return a translated name as a member reads it, in SQL."""
    return func.coalesce(texts.op("->>")(language), texts.op("->>")("zh-TW"))

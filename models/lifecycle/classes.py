"""Which class a member is in: as SQL over any relation of figures, and as plain Python for one.

NASLD as written puts 36 of 256 histories in two classes; recency first (A > N > S > L > D) makes
it a partition, and then the last purchase and the last but one decide alone. Ages are whole days,
and "within n cycles" is an age of at most n times the cycle: today's purchase has the age 0.
"""

from collections.abc import Callable
from datetime import date, timedelta

from sqlalchemy import Case, ColumnElement, Date, SQLColumnExpression, Text, case, cast, literal

from models.lifecycle.cycle import cycle_of, cycle_sql
from models.lifecycle.figures import FigureColumns, MemberFigures
from models.lifecycle.names import (
    NAPL_91APP,
    NAPL_ARTICLE,
    NASLD,
    PROSPECT,
    get_model,
)
from models.lifecycle.setting import LifecycleSettings


def class_of(model: str, figures: MemberFigures, settings: LifecycleSettings, on: date) -> str:
    """Return the code of the class a member with these figures is in on a day.

    Raises UnknownModel.
    """
    return _OF[get_model(model).code](figures, settings, on)


def class_sql(
    model: str, columns: FigureColumns, settings: LifecycleSettings, on: date
) -> ColumnElement[str]:
    """Return the same as a plain CASE over the columns of a relation. Raises UnknownModel."""
    return cast(_SQL[get_model(model).code](columns, settings, on), Text)


def _nasld_of(figures: MemberFigures, settings: LifecycleSettings, on: date) -> str:
    if not figures.orders:
        return PROSPECT
    assert figures.last_on is not None
    cycle_days = cycle_of(settings.cycle, figures)
    near = on - timedelta(days=settings.near_cycles * cycle_days)
    far = on - timedelta(days=settings.far_cycles * cycle_days)
    previous_on = figures.previous_on or date.min
    if previous_on >= near:
        return "active"
    if figures.last_on >= near:
        return "new"
    if previous_on >= far:
        return "sleep"
    return "lost" if figures.last_on >= far else "deep"


def _nasld_sql(columns: FigureColumns, settings: LifecycleSettings, on: date) -> Case[str]:
    near = _cycles_before(columns, settings, on, settings.near_cycles)
    far = _cycles_before(columns, settings, on, settings.far_cycles)
    return case(
        (columns.orders == 0, PROSPECT),
        (columns.previous_on >= near, "active"),
        (columns.last_on >= near, "new"),
        (columns.previous_on >= far, "sleep"),
        (columns.last_on >= far, "lost"),
        else_="deep",
    )


def _cycles_before(
    columns: FigureColumns, settings: LifecycleSettings, on: date, cycles: int
) -> SQLColumnExpression[date]:
    """Return the first day within so many cycles: one day for all where all have one cycle."""
    days = cycle_sql(settings.cycle, columns)
    if isinstance(days, int):
        return literal(on - timedelta(days=cycles * days))
    return cast(literal(on) - cycles * days, Date)


def _article_of(figures: MemberFigures, settings: LifecycleSettings, on: date) -> str:
    if not figures.orders:
        return "new"
    assert figures.last_on is not None
    if figures.last_on < on - timedelta(days=settings.window_days):
        return "passout"
    return "loyal" if figures.orders >= settings.loyal_orders else "active"


def _article_sql(columns: FigureColumns, settings: LifecycleSettings, on: date) -> Case[str]:
    return case(
        (columns.orders == 0, "new"),
        (columns.last_on < on - timedelta(days=settings.window_days), "passout"),
        (columns.orders >= settings.loyal_orders, "loyal"),
        else_="active",
    )


def _91app_of(figures: MemberFigures, settings: LifecycleSettings, on: date) -> str:
    if not figures.orders:
        return PROSPECT
    assert figures.last_on is not None
    is_silent = figures.last_on < on - timedelta(days=settings.window_days)
    if figures.orders == 1:
        return "lost" if is_silent else "new"
    return "potential" if is_silent else "active"


def _91app_sql(columns: FigureColumns, settings: LifecycleSettings, on: date) -> Case[str]:
    is_heard = columns.last_on >= on - timedelta(days=settings.window_days)
    return case(
        (columns.orders == 0, PROSPECT),
        (columns.orders == 1, case((is_heard, "new"), else_="lost")),
        (is_heard, "active"),
        else_="potential",
    )


_OF: dict[str, Callable[[MemberFigures, LifecycleSettings, date], str]] = {
    NASLD: _nasld_of,
    NAPL_ARTICLE: _article_of,
    NAPL_91APP: _91app_of,
}
_SQL: dict[str, Callable[[FigureColumns, LifecycleSettings, date], Case[str]]] = {
    NASLD: _nasld_sql,
    NAPL_ARTICLE: _article_sql,
    NAPL_91APP: _91app_sql,
}

"""Measuring buyers in SQL: recency, frequency and money, cut-offs, scores and groups.

Everything is a relation over one of figures (`models/lifecycle/figures.py`), so the same words
tell of today and of any day before. Cut-offs are numbers that members have (`percentile_disc`),
and ties fall on one side: high is from the cut-off on, for days up to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Float,
    FromClause,
    Integer,
    Select,
    SmallInteger,
    SQLColumnExpression,
    case,
    cast,
    func,
    literal,
    select,
    true,
    type_coerce,
)
from sqlalchemy.orm import Session

from models.lifecycle.figures import columns_of, net_by, stood_on
from models.purchase.table import Purchase
from models.rfm.group import group_sql
from models.rfm.setting import (
    DIMENSIONS,
    FIXED,
    FREQUENCY,
    MEAN,
    MEDIAN,
    MONETARY,
    RECENCY,
    SCORES,
    CutRule,
    RfmSettings,
)

FRACTIONS = (0.2, 0.4, 0.6, 0.8, 0.5)
"""Where the five scores part, and the median after them."""
STEPS = SCORES - 1


@dataclass(frozen=True)
class Cut:
    """Where one dimension is cut: the rising steps between the scores, and where high begins."""

    steps: tuple[int, ...]
    high: int


Cuts = Mapping[str, Cut]


@dataclass(frozen=True)
class Graded:
    """The scores and the group, as SQL over measured buyers."""

    r_score: ColumnElement[int]
    f_score: ColumnElement[int]
    m_score: ColumnElement[int]
    group: ColumnElement[str]


def window_sales(on: date, window_days: int, *, is_past: bool) -> Select[*tuple[Any, ...]]:
    """Select per member the standing purchases of the window that ends with `on`, and their net.

    `is_past` asks for what stood at the end of that day, not for what stands now.
    """
    stands = stood_on(on) if is_past else Purchase.undone_at.is_(None)
    net = net_by(on) if is_past else Purchase.paid_twd - Purchase.refunded_twd
    return (
        select(
            Purchase.member_id,
            cast(func.count(), Integer).label("frequency"),
            cast(func.sum(net), BigInteger).label("monetary"),
        )
        .where(
            Purchase.purchased_on > on - timedelta(days=window_days),
            Purchase.purchased_on <= on,
            stands,
        )
        .group_by(Purchase.member_id)
    )


def measured_buyers(
    figures: FromClause, settings: RfmSettings, on: date, *, is_past: bool
) -> Select[*tuple[Any, ...]]:
    """Select everybody who ever bought: member_id, recency (days), frequency, monetary (NT$)."""
    columns = columns_of(figures)
    window = window_sales(on, settings.window_days, is_past=is_past).subquery("in_window")
    return (
        select(
            columns.member_id,
            days_since(columns.last_on, on).label("recency"),
            func.coalesce(window.c.frequency, 0).label("frequency"),
            func.coalesce(window.c.monetary, 0).label("monetary"),
        )
        .select_from(figures)
        .join(window, window.c.member_id == columns.member_id, isouter=True)
        .where(columns.orders > 0)
    )


def days_since(day: SQLColumnExpression[Any], on: date) -> ColumnElement[int]:
    """Return the whole days from a column's day to `on`, as SQL."""
    return cast(literal(on) - day, Integer)


def find_cuts(session: Session, measured: FromClause, settings: RfmSettings) -> tuple[Cuts, int]:
    """Return the cut-offs of measured buyers, and how many they are; of nobody there are none."""
    *found, buyers = session.execute(cuts_in_sql(measured, settings)).one()
    if not buyers:
        return {}, 0
    values = iter(found)
    return {
        name: Cut(tuple(next(values) for _ in range(STEPS)), next(values)) for name in DIMENSIONS
    }, buyers


def cuts_in_sql(measured: FromClause, settings: RfmSettings) -> Select[*tuple[Any, ...]]:
    """Select the cut-offs as one row, named as `graded_by_row` looks for them; then `buyers`."""
    summed = _summed(measured).subquery()
    columns: list[ColumnElement[int]] = []
    for name in DIMENSIONS:
        steps, high = _cut_sql(name, summed, settings.cuts[name])
        columns += [step.label(f"{name}_{place}") for place, step in enumerate(steps, start=1)]
        columns.append(high.label(f"{name}_high"))
    return select(*columns, summed.c.buyers)


def _summed(measured: FromClause) -> Select[*tuple[Any, ...]]:
    """Select the quantiles and the mean of each dimension, and how many buyers there are."""
    quantiles, means = [], []
    for name in DIMENSIONS:
        column = measured.c[name]
        found = func.percentile_disc(literal(list(FRACTIONS), ARRAY(Float))).within_group(column)
        quantiles.append(type_coerce(found, ARRAY(BigInteger)).label(name))
        means.append(func.avg(column).label(f"{name}_mean"))
    return select(*quantiles, *means, func.count().label("buyers")).select_from(measured)


def _cut_sql(
    name: str, summed: FromClause, rule: CutRule
) -> tuple[list[ColumnElement[int]], ColumnElement[int]]:
    """Return the four steps of a dimension and its cut-off, as SQL over what was summed up."""
    quantiles: Sequence[ColumnElement[int]] = [
        summed.c[name][place] for place in range(1, len(FRACTIONS) + 1)
    ]
    *steps, median = quantiles
    if rule.method == FIXED and len(rule.values) == STEPS:
        steps = [literal(value, BigInteger) for value in rule.values]
    if rule.method == FIXED and len(rule.values) == 1:
        return steps, literal(rule.values[0], BigInteger)
    if rule.method == MEDIAN:
        return steps, median
    if rule.method == MEAN:
        mean = summed.c[f"{name}_mean"]
        return steps, cast(func.floor(mean) if name == RECENCY else func.ceil(mean), BigInteger)
    place = SCORES - rule.high_from if name == RECENCY else rule.high_from - 2
    return steps, steps[place]


def graded(measured: FromClause, cuts: Cuts) -> Graded:
    """Return scores and group of measured buyers by known cut-offs."""
    return _graded(
        measured,
        {
            name: (
                [literal(step, BigInteger) for step in cut.steps],
                literal(cut.high, BigInteger),
            )
            for name, cut in cuts.items()
        },
    )


def graded_by_row(measured: FromClause, cut_row: FromClause) -> Graded:
    """Return the same by the cut-offs in the one row of a relation that is joined to them."""
    return _graded(
        measured,
        {
            name: (
                [cut_row.c[f"{name}_{place}"] for place in range(1, STEPS + 1)],
                cut_row.c[f"{name}_high"],
            )
            for name in DIMENSIONS
        },
    )


def _graded(
    measured: FromClause,
    cuts: Mapping[str, tuple[Sequence[ColumnElement[int]], ColumnElement[int]]],
) -> Graded:
    scores: dict[str, ColumnElement[int]] = {}
    highs: dict[str, ColumnElement[bool]] = {}
    for name in DIMENSIONS:
        column, (steps, high) = measured.c[name], cuts[name]
        is_days = name == RECENCY
        total: ColumnElement[int] = literal(1, Integer)
        for step in steps:
            total = total + case((column <= step if is_days else column >= step, 1), else_=0)
        scores[name] = cast(total, SmallInteger)
        highs[name] = column <= high if is_days else column >= high
    return Graded(scores[RECENCY], scores[FREQUENCY], scores[MONETARY], group_sql(**highs))


def groups_of_day(
    figures: FromClause, settings: RfmSettings, on: date, *, is_past: bool
) -> Select[*tuple[Any, ...]]:
    """Select every buyer's group on a day, by that day's own cut-offs: member_id, rfm_group."""
    measured = measured_buyers(figures, settings, on, is_past=is_past).cte()
    cuts = cuts_in_sql(measured, settings).cte()
    grades = graded_by_row(measured, cuts)
    return (
        select(measured.c.member_id, grades.group.label("rfm_group"))
        .select_from(measured)
        .join(cuts, true())
    )

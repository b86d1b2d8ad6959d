"""Lifecycles and RFM: the class a member is in, live from the running figures; RFM of last night.

A class is always written with its model, `nasld:lost`, for the same letter means opposite things.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, func, literal, or_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from models.base import Texts, said
from models.classification.table import MemberClass
from models.favourite import MemberFavourite
from models.lifecycle import (
    MODELS,
    FigureColumns,
    class_key,
    class_sql,
    columns_of,
    figures_as_of,
    get_settings,
    member_columns,
)
from models.lifecycle.cycle import CATEGORY
from models.lifecycle.names import ModelName
from models.member import Member
from models.rfm.names import RFM_MODEL
from models.segment.field import (
    HISTORY,
    LARGEST_NUMBER,
    LOOKUP,
    NIGHTLY,
    Context,
    Field,
    Leaf,
    Option,
    compare,
)
from models.segment.fields.asking import MOST_DAYS, TIMES, TWD, fixed, values_of

TOPIC = "lifecycle"
MOST_SCORE = 5
SCORES = range(1, MOST_SCORE + 1)
DAYS_AGO = Option(
    "days_ago",
    "integer",
    said("幾天前", "Days ago", "何日前"),
    said("{} 天前的", "{} days ago", "{} 日前の"),
    minimum=1,
    maximum=MOST_DAYS,
    required=True,
)
_WAS = said("{}（當時）", "{} as it was", "{}（当時）")
_PAIR = said("最近消費 {} 分・頻率 {} 分", "recency {}, frequency {}", "最終購入 {}・頻度 {}")
_TRIPLE = said(
    "最近消費 {} 分・頻率 {} 分・金額 {} 分",
    "recency {}, frequency {}, spend {}",
    "最終購入 {}・頻度 {}・金額 {}",
)


def _classes(model: ModelName) -> Mapping[str, Texts]:
    return {class_key(model.code, each.code): each.name for each in model.classes}


def _codes(leaf: Leaf, model: str) -> tuple[str, ...]:
    """Return the bare codes of the classes a leaf names."""
    return tuple(key.removeprefix(f"{model}:") for key in values_of(leaf.value))


def _columns() -> FigureColumns:
    """Return the figures of a member's row, with their usual category where a cycle asks for it."""
    usual = select(MemberFavourite.category).where(MemberFavourite.member_id == Member.id)
    return replace(member_columns(), category=usual.correlate(Member).scalar_subquery())


def _class_of(model: str, context: Context) -> ColumnElement[str]:
    settings = context.once("lifecycle", get_settings)
    return class_sql(model, _columns(), settings, context.today)


def _lifecycle(model: ModelName) -> Field:
    """Make the field of one lifecycle model, told live from the member's own row."""

    def fact(_leaf: Leaf, context: Context) -> ColumnElement[Any]:
        return literal(f"{model.code}:") + _class_of(model.code, context)

    def condition(leaf: Leaf, context: Context) -> ColumnElement[bool]:
        operator = {"is": "any_of", "is_not": "none_of"}.get(leaf.operator, leaf.operator)
        return compare(_class_of(model.code, context), operator, _codes(leaf, model.code))

    return Field(
        model.code,
        "code",
        TOPIC,
        model.name,
        fact,
        condition,
        choices=fixed(_classes(model)),
    )


def _was(model: ModelName) -> Field:
    """Make the field of one lifecycle model as it was some days ago, told from the purchases.

    It is the relation that the migration matrix counts, so its cells can be opened.
    """

    def fact(leaf: Leaf, context: Context) -> SQLColumnExpression[Any]:
        day = context.today - timedelta(days=leaf.option("days_ago"))
        settings = context.once(
            f"lifecycle on {day}", lambda session, _: get_settings(session, day)
        )
        is_by_category = settings.cycle.level == CATEGORY
        figures = columns_of(figures_as_of(day, is_usual_asked=is_by_category))
        key = literal(f"{model.code}:") + class_sql(model.code, figures, settings, day)
        return select(key).where(figures.member_id == Member.id).correlate(Member).scalar_subquery()

    return Field(
        f"{model.code}_was",
        "code",
        TOPIC,
        {language: _WAS[language].format(name) for language, name in model.name.items()},
        fact,
        options=(DAYS_AGO,),
        choices=fixed(_classes(model)),
        cost=HISTORY,
    )


def _of_last_night(column: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    found = select(column).where(MemberClass.member_id == Member.id)
    return found.correlate(Member).scalar_subquery()


def _group(_leaf: Leaf, _context: Context) -> ColumnElement[Any]:
    return literal(f"{RFM_MODEL.code}:") + _of_last_night(MemberClass.rfm_group)


def _in_group(leaf: Leaf, _context: Context) -> ColumnElement[bool]:
    is_within = (
        select(MemberClass.member_id)
        .where(
            MemberClass.member_id == Member.id,
            MemberClass.rfm_group.in_(_codes(leaf, RFM_MODEL.code)),
        )
        .correlate(Member)
        .exists()
    )
    return is_within if leaf.operator in ("is", "any_of") else ~is_within


def _cells() -> Mapping[str, Texts]:
    """Return the cells of the grid by their codes: `5-4` of two scores, `5-4-3` of all three."""
    pairs = [(r, f) for r in reversed(SCORES) for f in reversed(SCORES)]
    cells = {f"{r}-{f}": _named_cell(_PAIR, r, f) for r, f in pairs}
    return cells | {
        f"{r}-{f}-{m}": _named_cell(_TRIPLE, r, f, m) for r, f in pairs for m in reversed(SCORES)
    }


def _named_cell(texts: Texts, *scores: int) -> Texts:
    return {language: text.format(*scores) for language, text in texts.items()}


def _scores() -> ColumnElement[str]:
    return func.concat_ws("-", MemberClass.r_score, MemberClass.f_score, MemberClass.m_score)


def _cell(_leaf: Leaf, _context: Context) -> SQLColumnExpression[Any]:
    found = select(_scores()).where(
        MemberClass.member_id == Member.id, MemberClass.r_score.is_not(None)
    )
    return found.correlate(Member).scalar_subquery()


def _in_cell(leaf: Leaf, _context: Context) -> ColumnElement[bool]:
    """Return the condition that a buyer has the scores of one of the cells; one look at the row."""
    columns = (MemberClass.r_score, MemberClass.f_score, MemberClass.m_score)
    cells = [tuple(map(int, code.split("-"))) for code in values_of(leaf.value)]
    wanted = [
        tuple_(*columns[:size]).in_([cell for cell in cells if len(cell) == size])
        for size in sorted({len(cell) for cell in cells})
    ]
    is_within = (
        select(MemberClass.member_id)
        .where(MemberClass.member_id == Member.id, or_(*wanted))
        .correlate(Member)
        .exists()
    )
    return is_within if leaf.operator in ("is", "any_of") else ~is_within


def _number(
    name: str,
    column: InstrumentedAttribute[Any],
    labels: Texts,
    unit: Texts | None = None,
    *,
    scores: bool = False,
) -> Field:
    """Make a field of one of RFM's figures."""

    def fact(_leaf: Leaf, _context: Context) -> SQLColumnExpression[Any]:
        return _of_last_night(column)

    return Field(
        name,
        "integer",
        TOPIC,
        labels,
        fact,
        unit=unit,
        minimum=1 if scores else 0,
        maximum=MOST_SCORE if scores else LARGEST_NUMBER,
        freshness=NIGHTLY,
        cost=LOOKUP,
    )


LIFECYCLE: tuple[Field, ...] = (
    *(_lifecycle(model) for model in MODELS.values()),
    *(_was(model) for model in MODELS.values()),
    Field(
        RFM_MODEL.code,
        "code",
        TOPIC,
        RFM_MODEL.name,
        _group,
        _in_group,
        choices=fixed(_classes(RFM_MODEL)),
        freshness=NIGHTLY,
        cost=LOOKUP,
    ),
    Field(
        "rfm_cell",
        "code",
        TOPIC,
        said("RFM 分數格", "RFM cell", "RFM セル"),
        _cell,
        _in_cell,
        choices=fixed(_cells()),
        freshness=NIGHTLY,
        cost=LOOKUP,
    ),
    _number(
        "rfm_recency_score",
        MemberClass.r_score,
        said("RFM 最近消費分數（1–5）", "RFM recency score (1–5)", "RFM 最終購入スコア（1–5）"),
        scores=True,
    ),
    _number(
        "rfm_frequency_score",
        MemberClass.f_score,
        said("RFM 消費頻率分數（1–5）", "RFM frequency score (1–5)", "RFM 頻度スコア（1–5）"),
        scores=True,
    ),
    _number(
        "rfm_monetary_score",
        MemberClass.m_score,
        said("RFM 消費金額分數（1–5）", "RFM monetary score (1–5)", "RFM 金額スコア（1–5）"),
        scores=True,
    ),
    _number(
        "rfm_frequency",
        MemberClass.frequency,
        said("RFM 期間內購買次數", "Purchases in RFM's window", "RFM 期間内の購入回数"),
        TIMES,
    ),
    _number(
        "rfm_monetary_twd",
        MemberClass.monetary_twd,
        said("RFM 期間內消費金額", "Net spend in RFM's window", "RFM 期間内の購入金額"),
        TWD,
    ),
)

"""What the night foretells of a member: who buys soon, what they will bring, who may be lost.

Who never bought has no forecast and answers no question; nobody does where the night refused to
foretell for lack of data.
"""

from sqlalchemy import ColumnElement, Integer, cast, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute

from models.base import Texts, said
from models.member import Member
from models.prediction import LIKELY_DAYS, MemberForecast
from models.segment.field import LOOKUP, NIGHTLY, NUMBER_OPERATORS, Context, Field, Leaf, compare
from models.segment.fields.asking import PERCENT, TWD

OPERATORS = tuple(name for name in NUMBER_OPERATORS if name not in ("is", "is_not"))
"""A probability is never just one number."""


def _percent(share: InstrumentedAttribute[float]) -> ColumnElement[int]:
    """Return a share as a whole percent, rounded down: 30 means at least 30%."""
    return cast(func.floor(share * 100), Integer)


def _field(
    name: str,
    labels: Texts,
    figure: ColumnElement[int] | InstrumentedAttribute[int],
    unit: Texts,
    *,
    minimum: int = 0,
    maximum: int = 100,
) -> Field:
    """Make a field that asks a figure of the forecast; its condition is one row of it."""

    def fact(_leaf: Leaf, _context: Context) -> ColumnElement[int]:
        return (
            select(figure)
            .where(MemberForecast.member_id == Member.id)
            .correlate(Member)
            .scalar_subquery()
        )

    def holds(leaf: Leaf, _context: Context) -> ColumnElement[bool]:
        asked = compare(figure, leaf.operator, leaf.value)
        row = exists().where(MemberForecast.member_id == Member.id, asked)
        return row.correlate(Member)

    return Field(
        name,
        "integer",
        "prediction",
        labels,
        fact,
        holds,
        operators=OPERATORS,
        unit=unit,
        minimum=minimum,
        maximum=maximum,
        freshness=NIGHTLY,
        cost=LOOKUP,
    )


PREDICTION: tuple[Field, ...] = (
    _field(
        "likely_to_buy",
        said(
            f"未來 {LIKELY_DAYS} 天會購買的機率",
            f"Chance to buy in the next {LIKELY_DAYS} days",
            f"今後 {LIKELY_DAYS} 日以内に購入する確率",
        ),
        _percent(MemberForecast.likely),
        PERCENT,
    ),
    _field(
        "likely_to_buy_top",
        said(
            f"未來 {LIKELY_DAYS} 天最可能購買的前幾 %",
            f"Among the likeliest to buy in {LIKELY_DAYS} days, top so many %",
            f"{LIKELY_DAYS} 日以内に購入しそうな上位 %",
        ),
        MemberForecast.likely_top,
        PERCENT,
        minimum=1,
    ),
    _field(
        "expected_value",
        said("未來一年預期消費", "Expected spend in the next year", "今後 1 年の予測購入額"),
        MemberForecast.value_365_twd,
        TWD,
        maximum=2_000_000_000,
    ),
    _field(
        "churn_risk",
        said(
            "流失風險（未來 90 天不再購買的機率）",
            "Risk of churn (buys nothing in 90 days)",
            "離反リスク（今後 90 日購入なしの確率）",
        ),
        _percent(MemberForecast.risk),
        PERCENT,
    ),
)

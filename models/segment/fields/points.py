"""Points: what is there, what is to come, what is about to be gone."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select

from models.base import said
from models.member import Member
from models.points import PointsLot
from models.segment.field import LARGEST_NUMBER, LOOKUP, Context, Field, Leaf, Option, compare
from models.segment.fields.asking import MOST_DAYS, POINTS_UNIT


def _expiring(leaf: Leaf, context: Context) -> ColumnElement[Any]:
    """Sum up what may be spent and is gone after so many days: today is the last day of 0."""
    lasts_until = context.today + timedelta(days=leaf.option("within_days") + 1)
    total = select(func.coalesce(func.sum(PointsLot.remaining), 0)).where(
        PointsLot.member_id == Member.id,
        PointsLot.remaining > 0,
        PointsLot.pending_until.is_(None),
        PointsLot.expires_on > context.today,
        PointsLot.expires_on <= lasts_until,
    )
    return total.correlate(Member).scalar_subquery()


def _expiring_condition(leaf: Leaf, context: Context) -> ColumnElement[bool]:
    """Look at the lots only of whoever has points: of nobody else can any expire."""
    asked = compare(_expiring(leaf, context), leaf.operator, leaf.value)
    value: Any = leaf.value
    if leaf.operator in ("at_least", "is") and value > 0:
        return and_(Member.points >= value, asked)
    if leaf.operator == "more_than":
        return and_(Member.points > value, asked)
    return asked


POINTS: tuple[Field, ...] = (
    Field(
        "points",
        "integer",
        "points",
        said("可用點數", "Points to spend", "利用可能ポイント"),
        lambda _leaf, _context: Member.points,
        unit=POINTS_UNIT,
        minimum=-LARGEST_NUMBER,
    ),
    Field(
        "points_pending",
        "integer",
        "points",
        said("待生效點數", "Pending points", "確定前のポイント"),
        lambda _leaf, _context: Member.points_pending,
        unit=POINTS_UNIT,
    ),
    Field(
        "points_expiring",
        "integer",
        "points",
        said("即將到期的點數", "Points about to expire", "まもなく失効するポイント"),
        _expiring,
        _expiring_condition,
        options=(
            Option(
                "within_days",
                "integer",
                said("幾天內到期", "Within days", "失効までの日数"),
                said("{} 天內", "within {} days", "{} 日以内に"),
                maximum=MOST_DAYS,
                required=True,
            ),
        ),
        unit=POINTS_UNIT,
        cost=LOOKUP,
    ),
)

"""The ladder: which tier a member holds, how long, and what is missing to the next one."""

from typing import Any

from sqlalchemy import ColumnElement, case, func, null, select

from models.base import said
from models.member import Member
from models.metric import MemberMetric
from models.segment.field import NIGHTLY, ONE_OPERATORS, Context, Field, Leaf
from models.segment.fields.asking import DAYS, PERCENT, POINTS_UNIT, named, values_of
from models.tier import CALENDAR, LIFETIME, METRIC, ROLLING, TIER_POINTS, Rules, Tier, year_start


def _tier(_leaf: Leaf, _context: Context) -> ColumnElement[Any]:
    return select(Tier.code).where(Tier.id == Member.tier_id).correlate(Member).scalar_subquery()


def _in_tier(leaf: Leaf, context: Context) -> ColumnElement[bool]:
    """Compare by the ladder read before: `at_least` means this step or a higher one."""
    tiers = context.programme.tiers
    asked = [tier for tier in tiers if tier.code in values_of(leaf.value)]
    if leaf.operator in ("at_least", "at_most"):
        ranks = [tier.rank for tier in asked]
        is_up = leaf.operator == "at_least"
        ids = [
            tier.id
            for tier in tiers
            if any(tier.rank >= rank if is_up else tier.rank <= rank for rank in ranks)
        ]
        return Member.tier_id.in_(ids)
    ids = [tier.id for tier in asked]
    is_within = leaf.operator in ("is", "any_of")
    return Member.tier_id.in_(ids) if is_within else Member.tier_id.not_in(ids)


def _counted(rules: Rules, context: Context) -> ColumnElement[Any]:
    """Return the one figure that the rules in force look at; NULL where it is a score."""
    if rules.basis == CALENDAR:
        is_this_year = Member.spend_on >= year_start(context.today)
        return case((is_this_year, Member.year_twd), else_=0)
    if rules.basis == METRIC:
        measured = select(MemberMetric.value).where(
            MemberMetric.member_id == Member.id, MemberMetric.name == rules.metric
        )
        return func.coalesce(measured.correlate(Member).scalar_subquery(), 0)
    columns: dict[str, ColumnElement[Any]] = {
        ROLLING: Member.spend_twd.expression,
        LIFETIME: Member.lifetime_twd.expression,
        TIER_POINTS: Member.tier_points.expression,
    }
    return columns.get(rules.basis, null())


def _goal(rules: Rules) -> ColumnElement[Any]:
    """Return the threshold of the next step, by the tier held; NULL on the highest."""
    steps = [(tier, rules.next_step(tier)) for tier in rules.tiers]
    goals = [(Member.tier_id == tier.id, step[1]) for tier, step in steps if step is not None]
    return case(*goals) if goals else null()


def _gap(_leaf: Leaf, context: Context) -> ColumnElement[Any]:
    rules = context.programme.ladder.on(context.today)
    return func.greatest(_goal(rules) - _counted(rules, context), 0)


def _way(_leaf: Leaf, context: Context) -> ColumnElement[Any]:
    """Return the way to the next step in percent, 0 to 100, rounded down; NULL on the highest."""
    rules = context.programme.ladder.on(context.today)
    way = _counted(rules, context) * 100 // func.nullif(_goal(rules), 0)
    return case((_goal(rules).is_(None), null()), else_=func.greatest(func.least(way, 100), 0))


TIER: tuple[Field, ...] = (
    Field(
        "tier",
        "code",
        "tier",
        said("會員等級", "Tier", "会員ランク"),
        _tier,
        _in_tier,
        operators=(*ONE_OPERATORS, "at_least", "at_most"),
        choices=named(Tier.code, Tier.name),
    ),
    Field(
        "tier_gap",
        "integer",
        "tier",
        said("距離下一等級還差", "Missing to the next tier", "次のランクまでの不足"),
        _gap,
        freshness=NIGHTLY,
    ),
    Field(
        "tier_way_percent",
        "integer",
        "tier",
        said("升等進度", "Way to the next tier", "次のランクへの進捗"),
        _way,
        unit=PERCENT,
        maximum=100,
        freshness=NIGHTLY,
    ),
    Field(
        "tier_ends_in_days",
        "integer",
        "tier",
        said("距離等級到期", "Days until the tier is evaluated", "ランク更新までの日数"),
        lambda _leaf, context: Member.tier_kept_until - context.today,
        unit=DAYS,
    ),
    Field(
        "tier_points",
        "integer",
        "tier",
        said("等級點數", "Tier points", "ランクポイント"),
        lambda _leaf, _context: Member.tier_points,
        unit=POINTS_UNIT,
    ),
)

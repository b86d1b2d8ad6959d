"""Something a member has is about to end: coupons, points, stamps, a paid plan; each told once."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    and_,
    cast,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.orm import Session

from models.base import said
from models.coupon import Coupon, CouponTemplate
from models.journey.table import JourneyVisit
from models.journey.trigger import Exit, Param, Params, Span, Trigger, add_exit, add_trigger
from models.journey.triggers.due_days import (
    cause,
    days_ahead,
    in_their_language,
    last_day_of,
)
from models.local_day import day_of, day_start
from models.member import Member
from models.plan.table import Plan, Subscription
from models.points import PointsLot
from models.segment.fields.asking import named
from models.stamp_card import StampCard, StampProgramme

MOST_DAYS = 90
LOOK_EVERY = timedelta(minutes=10)


def _days(usual: int) -> Param:
    return Param(
        "days",
        "integer",
        said("提前天數", "Days before", "何日前"),
        usual=usual,
        maximum=MOST_DAYS,
    )


# --- coupons ---


def _coupons(session: Session, params: Params, span: Span) -> Select[Any] | None:
    """Tell of a member's coupons that end in so many days, all of a day in one cause (A-21).

    A coupon that came, became usable or was opened since is told of the day after: its owner has
    just looked at it. Used or taken back, it is not told of.
    """
    days = span.days()
    if not days:
        return None
    last_on = last_day_of(Coupon.expires_at)
    settled_at = func.greatest(Coupon.issued_at, Coupon.usable_from, Coupon.opened_at)
    told_on = func.greatest(last_on - params["days"], day_of(settled_at) + 1)
    ending = (
        select(
            Coupon.member_id,
            cast(told_on, Date).label("told_on"),
            func.min(Coupon.id).label("coupon_id"),
            func.jsonb_agg(Coupon.id).label("ids"),
            func.count().label("count"),
            func.min(last_on).label("ends_on"),
        )
        .join(CouponTemplate, CouponTemplate.id == Coupon.template_id)
        .where(
            Coupon.state == "issued",
            Coupon.reminded_at.is_(None),
            Coupon.expires_at > span.since,
            Coupon.expires_at <= day_start(span.today + timedelta(days=params["days"] + 1)),
            told_on <= last_on,
            *([CouponTemplate.code == params["template"]] if params["template"] else []),
        )
        .group_by(Coupon.member_id, cast(told_on, Date))
        .subquery()
    )
    due = days_ahead(span, 0)
    assert due is not None
    key = func.concat("coupon_expiry:", ending.c.member_id, ":", ending.c.told_on)
    name = in_their_language(CouponTemplate.name, Member.language)
    return (
        cause(
            ending.c.member_id,
            key,
            due.c.at,
            coupon_id=ending.c.coupon_id,
            coupon_ids=ending.c.ids,
            coupon_name=name,
            count=ending.c.count,
            ends_on=ending.c.ends_on,
        )
        .join(due, due.c.on == ending.c.told_on)
        .join(Member, Member.id == ending.c.member_id)
        .join(Coupon, Coupon.id == ending.c.coupon_id)
        .join(CouponTemplate, CouponTemplate.id == Coupon.template_id)
    )


add_trigger(
    Trigger(
        "coupon_ending",
        said("優惠券快到期", "Coupon about to end", "クーポン期限間近"),
        _coupons,
        params=(
            _days(3),
            Param(
                "template",
                "code",
                said("優惠券", "Coupon", "クーポン"),
                choices=named(CouponTemplate.code, CouponTemplate.name),
            ),
        ),
        every=LOOK_EVERY,
        facts=("coupon_id", "coupon_name", "count", "ends_on"),
    )
)


def _all_used(session: Session, params: Params, now: datetime) -> ColumnElement[bool]:
    """Tell whether no coupon of the visit can be used any more, of those that it names."""
    named_ids = func.coalesce(
        JourneyVisit.facts["coupon_ids"],
        func.jsonb_build_array(JourneyVisit.facts["coupon_id"]),
    )
    usable = select(Coupon.id).where(
        Coupon.member_id == JourneyVisit.member_id,
        named_ids.op("@>")(func.to_jsonb(Coupon.id)),
        Coupon.state == "issued",
        Coupon.expires_at > now,
    )
    names_one = JourneyVisit.facts.has_any(array(["coupon_ids", "coupon_id"]))
    return and_(names_one, ~usable.correlate(JourneyVisit).exists())


add_exit(
    Exit(
        "coupon_used",
        said("優惠券已使用", "The coupon was used", "クーポン使用済み"),
        _all_used,
    )
)


# --- points ---


def _points(session: Session, params: Params, span: Span) -> Select[Any] | None:
    """Tell of the points that a member loses in so many days, from a least number on."""
    due = days_ahead(span, params["days"] + 1)
    if due is None:
        return None
    points = func.sum(PointsLot.remaining)
    return (
        cause(
            PointsLot.member_id,
            func.concat("points_expiry:", PointsLot.member_id, ":", PointsLot.expires_on),
            due.c.at,
            points_ending=points,
            ends_on=cast(PointsLot.expires_on - 1, Date),
        )
        .join(due, due.c.on == PointsLot.expires_on)
        .where(PointsLot.remaining > 0, PointsLot.pending_until.is_(None))
        .group_by(PointsLot.member_id, PointsLot.expires_on, due.c.at)
        .having(points >= params["at_least"])
    )


add_trigger(
    Trigger(
        "points_ending",
        said("點數快到期", "Points about to end", "ポイント期限間近"),
        _points,
        params=(
            _days(14),
            Param(
                "at_least",
                "integer",
                said("至少幾點", "At least so many", "最低ポイント"),
                usual=1,
                minimum=1,
            ),
        ),
        every=LOOK_EVERY,
        facts=("points_ending", "ends_on"),
    )
)


def _points_kept(session: Session, params: Params, now: datetime) -> ColumnElement[bool]:
    """Tell whether nothing is left of the points that were about to end."""
    ends_on = cast(JourneyVisit.facts["ends_on"].astext, Date)
    left = select(PointsLot.entry_id).where(
        PointsLot.member_id == JourneyVisit.member_id,
        PointsLot.expires_on == ends_on + 1,
        PointsLot.remaining > 0,
    )
    return and_(ends_on.is_not(None), ~left.correlate(JourneyVisit).exists())


add_exit(
    Exit(
        "points_spent",
        said("點數已用完", "The points were spent", "ポイント使用済み"),
        _points_kept,
    )
)


# --- stamps ---


def _stamps(session: Session, params: Params, span: Span) -> Select[Any] | None:
    """Tell of unfilled stamp cards that lapse in so many days."""
    due = days_ahead(span, params["days"] + 1)
    if due is None:
        return None
    shown = StampCard.stamps % StampProgramme.size
    return (
        cause(
            StampCard.member_id,
            func.concat(
                "stamps_ending:",
                StampCard.member_id,
                ":",
                StampCard.programme_id,
                ":",
                StampCard.expires_on,
            ),
            due.c.at,
            stamps=shown,
            size=StampProgramme.size,
            missing=StampProgramme.size - shown,
            programme_name=in_their_language(StampProgramme.name, Member.language),
            reward_name=in_their_language(CouponTemplate.name, Member.language),
            ends_on=cast(StampCard.expires_on - 1, Date),
        )
        .join(due, due.c.on == StampCard.expires_on)
        .join(StampProgramme, StampProgramme.id == StampCard.programme_id)
        .join(CouponTemplate, CouponTemplate.id == StampProgramme.reward_template_id)
        .join(Member, Member.id == StampCard.member_id)
        .where(shown > 0, StampCard.reminded_for.is_distinct_from(StampCard.expires_on))
    )


add_trigger(
    Trigger(
        "stamps_ending",
        said("集點卡快到期", "Stamps about to end", "スタンプ期限間近"),
        _stamps,
        params=(_days(7),),
        every=LOOK_EVERY,
        facts=("stamps", "size", "missing", "programme_name", "reward_name", "ends_on"),
    )
)


# --- paid plans ---


def _plans(session: Session, params: Params, span: Span) -> Select[Any] | None:
    """Tell of paid plans that end in so many days and were not cancelled (A-03)."""
    due = days_ahead(span, params["days"])
    if due is None:
        return None
    last_on = last_day_of(Subscription.ends_at)
    days = params["days"]
    return (
        cause(
            Subscription.member_id,
            func.concat("plan_ending:", Subscription.id, ":", last_on, ":", literal(days)),
            due.c.at,
            subscription_id=Subscription.id,
            plan_name=in_their_language(Plan.name, Member.language),
            fee_twd=Plan.fee_twd,
            ends_on=last_on,
            days=days,
        )
        .join(due, due.c.on == last_on)
        .join(Plan, Plan.id == Subscription.plan_id)
        .join(Member, Member.id == Subscription.member_id)
        .where(
            Subscription.state == "active",
            Subscription.cancelled_at.is_(None),
            Subscription.ends_at > span.since,
            Subscription.ends_at <= day_start(span.today + timedelta(days=days + 1)),
            func.coalesce(Subscription.reminded_days > days, True),
        )
    )


add_trigger(
    Trigger(
        "plan_ending",
        said("付費方案快到期", "Paid plan about to end", "有料プラン期限間近"),
        _plans,
        params=(_days(14),),
        every=LOOK_EVERY,
        facts=("subscription_id", "plan_name", "fee_twd", "ends_on", "days"),
    )
)


def _plan_renewed(session: Session, params: Params, now: datetime) -> ColumnElement[bool]:
    """Tell whether the plan of the visit goes on beyond its day, or was given up."""
    subscription_id = cast(JourneyVisit.facts["subscription_id"].astext, BigInteger)
    ends_on = cast(JourneyVisit.facts["ends_on"].astext, Date)
    gone = select(Subscription.id).where(
        Subscription.id == subscription_id,
        or_(
            Subscription.state != "active",
            Subscription.cancelled_at.is_not(None),
            last_day_of(Subscription.ends_at) > ends_on,
        ),
    )
    return gone.correlate(JourneyVisit).exists()


add_exit(
    Exit(
        "plan_renewed",
        said("方案已續約或取消", "The plan was renewed or cancelled", "プラン更新・解約済み"),
        _plan_renewed,
    )
)

"""Coupons: which a member holds, has used, was given, and which are about to expire."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, select

from models.base import said
from models.coupon import Coupon, CouponTemplate
from models.local_day import day_start
from models.member import Member
from models.segment.field import LOOKUP, SET_OPERATORS, Context, Field, Leaf, Option, has_any
from models.segment.fields.asking import (
    MOST_DAYS,
    SHEETS,
    WITHIN_DAYS,
    codes_of,
    count_of,
    counted,
    days_back,
    named,
    values_of,
)

_TEMPLATES = named(CouponTemplate.code, CouponTemplate.name)
_ENDING = Option(
    "expiring_within_days",
    "integer",
    said("幾天內到期", "Expiring within days", "期限までの日数"),
    said("{} 天內到期的", "that expire within {} days", "{} 日以内に期限切れの"),
    maximum=MOST_DAYS,
)
_TEMPLATE = Option(
    "template",
    "code",
    said("優惠券", "Coupon", "クーポン"),
    said("「{}」", "of {}", "「{}」の"),
    choices=_TEMPLATES,
    many=True,
)


def _given(leaf: Leaf, context: Context) -> Select[Any]:
    rows = select(Coupon.id).where(Coupon.member_id == Member.id)
    if (days := leaf.option("within_days")) is not None:
        rows = rows.where(Coupon.issued_at >= day_start(days_back(context, days)))
    return rows


def _used(leaf: Leaf, context: Context) -> Select[Any]:
    rows = select(Coupon.id).where(Coupon.member_id == Member.id, Coupon.state == "redeemed")
    if (days := leaf.option("within_days")) is not None:
        rows = rows.where(Coupon.redeemed_at >= day_start(days_back(context, days)))
    return rows


def _usable(leaf: Leaf, context: Context) -> Select[Any]:
    rows = select(Coupon.id).where(
        Coupon.member_id == Member.id,
        Coupon.state == "issued",
        Coupon.usable_from <= context.now,
        Coupon.expires_at > context.now,
    )
    if (days := leaf.option("expiring_within_days")) is not None:
        ends = day_start(context.today + timedelta(days=days + 1))
        rows = rows.where(Coupon.expires_at <= ends)
    if (templates := leaf.option("template")) is not None:
        rows = rows.where(Coupon.template_id.in_(_ids(values_of(templates))))
    return rows


def _ids(codes: tuple[Any, ...]) -> Select[Any]:
    return select(CouponTemplate.id).where(CouponTemplate.code.in_(codes))


def _held(name: str, rows: Any, labels: dict[str, str], *options: Option) -> Field:
    """Make a field of which coupons there are among some rows of a member."""

    def condition(leaf: Leaf, context: Context) -> ColumnElement[bool]:
        return has_any(
            leaf,
            lambda codes: (
                rows(leaf, context)
                .where(Coupon.template_id.in_(_ids(codes)))
                .correlate(Member)
                .exists()
            ),
        )

    def fact(leaf: Leaf, context: Context) -> ColumnElement[Any]:
        found = rows(leaf, context).join(CouponTemplate, CouponTemplate.id == Coupon.template_id)
        return codes_of(found, CouponTemplate.code)

    return Field(
        name,
        "code",
        "coupon",
        labels,
        fact,
        condition,
        operators=SET_OPERATORS,
        options=options,
        choices=_TEMPLATES,
        cost=LOOKUP,
    )


COUPONS: tuple[Field, ...] = (
    _held(
        "coupon_usable",
        _usable,
        said("持有可用的優惠券", "Holds a usable coupon", "利用可能なクーポン"),
        _ENDING,
    ),
    _held(
        "coupon_used",
        _used,
        said("用過的優惠券", "Has used the coupon", "利用済みのクーポン"),
        WITHIN_DAYS,
    ),
    _held(
        "coupon_given",
        _given,
        said("收過的優惠券", "Was given the coupon", "受け取ったクーポン"),
        WITHIN_DAYS,
    ),
    Field(
        "coupons_usable",
        "integer",
        "coupon",
        said("可用優惠券張數", "Number of usable coupons", "利用可能なクーポンの枚数"),
        lambda leaf, context: count_of(_usable(leaf, context)),
        lambda leaf, context: counted(leaf, _usable(leaf, context)),
        options=(_ENDING, _TEMPLATE),
        unit=SHEETS,
        cost=LOOKUP,
    ),
    Field(
        "coupons_used",
        "integer",
        "coupon",
        said("用過優惠券張數", "Number of coupons used", "利用したクーポンの枚数"),
        lambda leaf, context: count_of(_used(leaf, context)),
        lambda leaf, context: counted(leaf, _used(leaf, context)),
        options=(WITHIN_DAYS,),
        unit=SHEETS,
        cost=LOOKUP,
    ),
)

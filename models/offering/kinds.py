"""Every kind of thing a shop offers by its programme, and what it checks before it is kept."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session

from models.activity import (
    ActivityRule,
    Badge,
    Community,
    Lottery,
    Mission,
    ReferralRule,
)
from models.activity import Reward as Brings
from models.activity.giving import check_reward
from models.coupon import Coupon, CouponTemplate
from models.earn_rule import EarnRule
from models.gathering import ContentPage, Gathering, SaleEvent
from models.lottery import Draw
from models.mission import MissionEvent
from models.offering.kind import Check, Kind, Row, Values, write
from models.offering.table import OfferingRefused
from models.plan import Plan, PlanRuleRefused, Subscription
from models.plan.steps import LARGEST_FEE_TWD
from models.reward import Reward
from models.shop import Shop
from models.stamp_card import StampBonus, StampCard, StampProgramme


def _has(session: Session, condition: ColumnElement[bool]) -> bool:
    return bool(session.scalar(select(exists().where(condition))))


def _brings(*columns: str) -> Check:
    """Return the check that rewards name only what the shop has."""

    def check(session: Session, values: Values) -> None:
        for column in columns:
            check_reward(session, Brings.from_words(values.get(column)))

    return check


def _check_stamps(_session: Session, values: Values) -> None:
    for words in values.get("bonuses") or ():
        StampBonus.from_words(words)


def _check_plan(_session: Session, values: Values) -> None:
    if not 0 < values["fee_twd"] <= LARGEST_FEE_TWD:
        raise PlanRuleRefused(what="numbers")


def _write_event(session: Session, row: Row, values: Values) -> None:
    """Set an event; seats that are added can be taken, and seats that are taken stay."""
    taken = row.capacity - row.seats_left if row.capacity is not None else 0
    capacity = values.get("capacity", row.capacity)
    if capacity < taken:
        raise OfferingRefused(kind="event", rule="seats_taken", taken=taken)
    write(session, row, values)
    row.seats_left = capacity - taken


COUPON = Kind(
    "coupon",
    CouponTemplate,
    (
        *("kind", "value", "cap_twd", "item_sku", "name", "headline", "description"),
        *("min_spend_twd", "clock", "valid_days", "starts_at", "ends_at", "open_within_days"),
        *("stock_left", "per_member_limit", "per_day_limit", "tier_codes", "store_codes"),
        *("channels", "combines", "on_refund", "priority", "is_active", "pack_code", "pack_place"),
    ),
    # What stands on coupons that members hold: changed, it would be another coupon.
    fixed=frozenset(
        {"kind", "value", "cap_twd", "item_sku", "min_spend_twd", "clock", "valid_days"}
        | {"starts_at", "ends_at", "open_within_days", "tier_codes", "store_codes", "channels"}
        | {"combines", "on_refund", "pack_code", "pack_place"}
    ),
    at_first=frozenset({"stock_left"}),
    is_used=lambda session, row: _has(session, Coupon.template_id == row.id),
    switch="is_active",
)
EARN_RULE = Kind(
    "earn_rule",
    EarnRule,
    (
        *("name", "percent", "points", "min_spend_twd", "store_codes", "channels", "tier_codes"),
        *("categories", "weekdays", "month_days", "starts_at", "ends_at", "is_active"),
    ),
    switch="is_active",
)
POINTS = Kind(
    "points_rule",
    Shop,
    (
        *("earn_twd", "earn_stacking", "earn_cap_percent", "earn_daily_cap"),
        *("points_valid_months", "return_days", "negative_points", "adjust_limit_points"),
        "point_value_twd",
    ),
    key="id",
)
STAMP_CARD = Kind(
    "stamp_card",
    StampProgramme,
    (
        *("name", "size", "min_spend_twd", "per_twd", "bonuses", "channel", "card_days"),
        *("starts_on", "ends_on", "is_active", "reward_template_id"),
    ),
    fixed=frozenset({"size"}),
    is_used=lambda session, row: _has(session, StampCard.programme_id == row.id),
    check=_check_stamps,
    switch="is_active",
)
REWARD = Kind(
    "reward",
    Reward,
    (
        *("name", "description", "cost_points", "template_id", "stock_left", "per_member_limit"),
        *("tier_codes", "starts_at", "ends_at", "cancel_days", "is_active"),
    ),
    at_first=frozenset({"stock_left"}),
    switch="is_active",
)
MISSION = Kind(
    "mission",
    Mission,
    (
        *("place", "name", "kind", "event", "goal", "things", "period", "day_cap"),
        *("min_spend_twd", "min_rank", "rounds", "starts_at", "ends_at", "is_open", "reward"),
    ),
    fixed=frozenset(
        {"kind", "event", "goal", "things", "period", "day_cap", "min_spend_twd"}
        | {"min_rank", "rounds", "reward"}
    ),
    is_used=lambda session, row: _has(session, MissionEvent.mission_id == row.id),
    check=_brings("reward"),
    switch="is_open",
)
BADGE = Kind("badge", Badge, ("name", "sign"))
PLAN = Kind(
    "plan",
    Plan,
    ("name", "colour", "period", "fee_twd", "points_percent", "is_active"),
    fixed=frozenset({"period"}),
    is_used=lambda session, row: _has(session, Subscription.plan_id == row.id),
    check=_check_plan,
    switch="is_active",
)
LOTTERY = Kind(
    "lottery",
    Lottery,
    (
        *("name", "starts_at", "ends_at", "is_open", "ticket_points", "ticket_day_cap"),
        *("purchase_twd", "consolation"),
    ),
    fixed=frozenset({"consolation"}),
    is_used=lambda session, row: _has(session, Draw.lottery_id == row.id),
    check=_brings("consolation"),
    switch="is_open",
)
EVENT = Kind(
    "event",
    Gathering,
    ("name", "place", "starts_at", "capacity", "min_tier_id"),
    write=_write_event,
)
SALE = Kind("sale", SaleEvent, ("name", "public_at", "ends_at"))
PAGE = Kind("page", ContentPage, ("title", "body", "min_tier_id"))
REFERRAL = Kind(
    "referral_rule",
    ReferralRule,
    (
        *("is_open", "min_spend_twd", "on_order", "wait_days", "monthly_cap", "claim_days"),
        *("referrer_reward", "friend_reward"),
    ),
    check=_brings("referrer_reward", "friend_reward"),
    switch="is_open",
    key="id",
)
COMMUNITY = Kind("community", Community, ("name", "url", "min_rank"), key="id")
ENGAGEMENT = Kind("activity_rule", ActivityRule, ("points", "tier_points", "day_cap"))

KINDS: Mapping[str, Kind] = {
    kind.noun: kind
    for kind in (
        *(COUPON, EARN_RULE, POINTS, STAMP_CARD, REWARD, MISSION, BADGE, PLAN, LOTTERY),
        *(EVENT, SALE, PAGE, REFERRAL, COMMUNITY, ENGAGEMENT),
    )
}

"""Set-up: the rows without which nothing else works, made once for a shop and never twice."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from models.base import Base
from models.benefit import Benefit
from models.consent import Notice
from models.coupon import CouponTemplate, get_template
from models.journey.templates import install_basic
from models.segment.starting import STARTING, add_starting_segments
from models.shop import THE_SHOP, Shop, Store, get_shop
from models.stamp_card import StampProgramme
from models.starting_rules import (
    BENEFITS,
    NOTICE_VERSION,
    STAMP_MIN_SPEND_TWD,
    STAMP_REWARD,
    STAMP_SIZE,
    TEMPLATES,
    THRESHOLDS_TWD,
    TIERS,
    WELCOME_PACK,
    benefits,
    notice_items,
)
from models.tier import ROLLING, Tier, TierVersion
from models.velocity_rule import STARTING_RULES, VelocityRule

WARN_DAYS = 30
MADE_BY = "set-up"
STAMP_CARD_NAME = {"zh-TW": "集點卡", "en": "Stamp card", "ja": "スタンプカード"}
STAMP_CARD_CODE = "main"
EARN_TWD = 100
FIRST_RULES_ON = date(2000, 1, 1)
"""Before any sale, so that the first rules hold for whatever is brought in later."""


@dataclass(frozen=True)
class ShopPlan:
    """What only the shop itself can say. Texts are one a language; `zh-TW` must be there."""

    name: dict[str, str]
    legal_name: str
    phone: str
    hours: dict[str, str]
    basic_id: str
    """The Official Account's id, such as `@teadays`."""
    stores: dict[str, dict[str, str]]
    """The name of each store by its code; codes are upper case."""
    stamp_card_name: dict[str, str] | None = None
    earn_twd: int = EARN_TWD


def set_up_shop(session: Session, plan: ShopPlan, now: datetime) -> Shop:
    """Make the shop, its stores, ladder, coupons, stamps, notice, segments and basic journeys.

    Only what is missing is made: a shop that has changed its rules keeps them when this is run
    again, and two runs at once make one shop.
    """
    _add(session, Shop, [_shop_row(plan)])
    _add(session, Store, [{"code": code, "name": name} for code, name in plan.stores.items()])
    has_ladder = session.scalar(select(Tier.id).limit(1)) is not None
    _add(session, Tier, [row | {"benefits": benefits(row, plan.earn_twd)} for row in TIERS])
    _add(session, TierVersion, [_first_rules(now)])
    _add(session, CouponTemplate, list(WELCOME_PACK))
    _add(session, CouponTemplate, list(TEMPLATES))
    if not has_ladder:
        _add_benefits(session)
    _add(session, VelocityRule, list(STARTING_RULES))
    _add_stamp_programme(session, plan)
    _add_notice(session, plan, now)
    add_starting_segments(session, now, STARTING)
    install_basic(session, by=MADE_BY, now=now)
    return get_shop(session)


def bring_up_to_date(session: Session, now: datetime) -> bool:
    """Give a shop that is there what newer versions of the program bring to all; tell whether one
    is. What it once had and changed or archived stays as it is."""
    if session.get(Shop, THE_SHOP) is None:
        return False
    install_basic(session, by=MADE_BY, now=now)
    return True


def _first_rules(now: datetime) -> dict[str, Any]:
    return {
        "effective_on": FIRST_RULES_ON,
        "basis": ROLLING,
        "parameters": {"thresholds": THRESHOLDS_TWD},
        "grace_days": 0,
        "warn_days": WARN_DAYS,
        "note": "最初的等級規則",
        "created_at": now,
        "created_by": MADE_BY,
    }


def _shop_row(plan: ShopPlan) -> dict[str, Any]:
    return {
        "id": THE_SHOP,
        "name": plan.name,
        "legal_name": plan.legal_name,
        "phone": plan.phone,
        "hours": plan.hours,
        "basic_id": plan.basic_id,
        "earn_twd": plan.earn_twd,
    }


def _add(session: Session, model: type[Base], rows: list[dict[str, Any]]) -> None:
    """Insert the rows whose unique keys are still free."""
    table = model.__table__
    assert isinstance(table, Table)
    session.execute(insert(table).values(rows).on_conflict_do_nothing())


def _add_benefits(session: Session) -> None:
    """Give the tiers just made what their texts promise; later they are the shop's to change."""
    ids = dict(session.execute(select(Tier.code, Tier.id)).all())
    rows = [
        {"tier_id": ids[code], "kind": kind, "parameters": terms}
        for code, given in BENEFITS.items()
        for kind, terms in given
    ]
    session.execute(insert(Benefit), rows)


def _add_stamp_programme(session: Session, plan: ShopPlan) -> None:
    if session.scalar(select(StampProgramme.id).limit(1)) is not None:
        return
    session.add(
        StampProgramme(
            code=STAMP_CARD_CODE,
            name=plan.stamp_card_name or STAMP_CARD_NAME,
            size=STAMP_SIZE,
            min_spend_twd=STAMP_MIN_SPEND_TWD,
            reward_template_id=get_template(session, STAMP_REWARD).id,
        )
    )
    session.flush()


def _add_notice(session: Session, plan: ShopPlan, now: datetime) -> None:
    items = notice_items(
        {"legal_name": plan.legal_name, "phone": plan.phone, "basic_id": plan.basic_id}
    )
    _add(session, Notice, [{"version": NOTICE_VERSION, "items": items, "published_at": now}])

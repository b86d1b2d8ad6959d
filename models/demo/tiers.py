"""The demo's benefits beside those of set-up: gifts, an event, an early sale, two pages."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models.base import said
from models.benefit import Benefit
from models.coupon import CouponTemplate
from models.demo.rising import GIFTS
from models.gathering import (
    ContentPage,
    Gathering,
    SaleEvent,
    add_gathering,
    ask_for_seat,
)
from models.local_day import day_start, first_of_month_after, local_day
from models.member import Member
from models.metric import VALUE_FACTORS, define_metric
from models.programme import get_programme
from models.staff import MARKETER, Staff
from models.tier import Tier, list_versions
from models.tier_evaluation import Draft, raise_version
from models.tier_proposal import Proposed, begin_proposal

SEATS = 6


def add_tiers(session: Session, now: datetime) -> None:
    """Give the demo's tiers more benefits, and some members a place in what they offer."""
    if session.scalar(select(Gathering.id).limit(1)) is not None:
        return
    tiers = get_programme(session).tiers
    _add_monthly_drink(session)
    _add_benefits(session, tiers, now)
    _tell_benefits(session)
    for name, meaning in VALUE_FACTORS.items():
        define_metric(session, name, meaning)
    _add_event(session, tiers, now)
    _add_sale(session, now)
    _add_pages(session, tiers)
    raise_version(session)
    _add_proposal(session, now)
    session.flush()


def _add_proposal(session: Session, now: datetime) -> None:
    """Leave the owner a proposal to look at: the marketer wants the second step easier to reach."""
    marketer = session.scalars(select(Staff).where(Staff.role == MARKETER)).first()
    if marketer is None:
        return
    newest = list_versions(session)[-1]
    draft = Draft.of(
        newest,
        effective_on=first_of_month_after(local_day(now), 1),
        thresholds=newest.parameters["thresholds"] | {"gold": 12_000},
        grace_days=14,
        note="金卡會員只有一成，門檻降一點讓銀卡看得到希望",
    )
    proposed = Proposed(draft)
    begin_proposal(session, marketer, "金卡門檻調整", proposed, key="demo:tiers", now=now)


def _add_monthly_drink(session: Session) -> None:
    session.add(
        CouponTemplate(
            code="gold_monthly",
            kind="amount",
            value=50,
            name=said("金卡每月飲品券", "Gold monthly drink", "ゴールド月例ドリンク券"),
            headline=said("折 NT$50", "NT$50 off", "NT$50 引き"),
            description=said(
                "會員專屬，任何消費都能使用。",
                "For members; any order.",
                "会員限定。すべてのお会計に。",
            ),
            valid_days=60,
        )
    )
    session.flush()


def _add_benefits(session: Session, tiers: Sequence[Tier], now: datetime) -> None:
    """Add to the matrix of set-up what a tea shop gives besides: gifts always, the rest from now.

    Everybody who ever rose was offered the gift of their tier (`models/demo/rising.py`).
    """
    ids = {tier.code: tier.id for tier in tiers}
    today = local_day(now)
    drink = ("monthly_coupon", {"template": "gold_monthly"})
    added: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("gold", *drink),
        ("black", *drink),
        ("black", "order_discount", {"percent": 5, "most_twd": 50}),
    )
    gifts = [
        {
            "tier_id": ids[code],
            "kind": "upgrade_gift",
            "parameters": {"template": template},
            "starts_on": None,
        }
        for code, template in GIFTS.items()
    ]
    others = [
        {"tier_id": ids[code], "kind": kind, "parameters": terms, "starts_on": today}
        for code, kind, terms in added
    ]
    session.execute(insert(Benefit), [*gifts, *others])


def _tell_benefits(session: Session) -> None:
    """Say on the tiers' cards what was added."""
    gold_gift = said("升級禮 NT$150", "NT$150 welcome gift", "昇格ギフト NT$150")
    drink = said("每月飲品券 NT$50", "NT$50 drink coupon every month", "毎月のドリンク券 NT$50")
    discount = said(
        "每筆消費折 5%（最多 NT$50）",
        "5% off each order (NT$50 at most)",
        "毎回 5% 引き（最大 NT$50）",
    )
    added = {
        "silver": [said("升級禮 NT$60", "NT$60 welcome gift", "昇格ギフト NT$60")],
        "gold": [gold_gift, drink],
        "black": [gold_gift, drink, discount],
    }
    for tier in session.scalars(select(Tier).where(Tier.code.in_(added))):
        tier.benefits = {
            language: [*lines, *(line[language] for line in added[tier.code])]
            for language, lines in tier.benefits.items()
        }


def _add_event(session: Session, tiers: Sequence[Tier], now: datetime) -> Gathering:
    gathering = add_gathering(
        session,
        code="winter-tasting",
        name=said("冬季新品品茶會", "Winter tea tasting", "冬の新作テイスティング"),
        place=said("信義店二樓", "Xinyi Store, 2F", "信義店 2 階"),
        starts_at=day_start(local_day(now) + timedelta(days=20)) + timedelta(hours=14),
        capacity=SEATS,
        min_tier=tiers[2],
    )
    ranks = {tier.id: tier.rank for tier in tiers}
    invited = session.scalars(
        select(Member)
        .where(Member.tier_id.in_([tier.id for tier in tiers[2:]]))
        .order_by(Member.id.desc())
        .limit(SEATS - 1)
    ).all()
    for place, member in enumerate(invited):
        asked_at = now - timedelta(hours=48 - place)
        ask_for_seat(session, gathering.id, member, rank=ranks[member.tier_id], now=asked_at)
    return gathering


def _add_sale(session: Session, now: datetime) -> None:
    opens = day_start(local_day(now) + timedelta(days=1)) + timedelta(hours=10)
    session.add(
        SaleEvent(
            code="winter-oolong",
            name=said("冬季限定烏龍", "Winter oolong", "冬限定ウーロン"),
            public_at=opens,
            ends_at=opens + timedelta(days=7),
        )
    )


def _add_pages(session: Session, tiers: Sequence[Tier]) -> None:
    session.add_all(
        (
            ContentPage(
                code="brewing",
                title=said("在家泡出好茶", "Brew it at home", "おうちで淹れるお茶"),
                body=said(
                    "水溫 85 度、茶葉 5 公克、浸泡 90 秒。第二泡加 15 秒，香氣最足。",
                    "Water at 85 °C, 5 g of leaves, 90 seconds; 15 more for the second cup.",
                    "お湯は 85 度、茶葉 5 g、90 秒。二煎目は 15 秒長く。",
                ),
                min_tier_id=tiers[1].id,
            ),
            ContentPage(
                code="garden",
                title=said("茶園主的季節筆記", "Notes from the garden", "茶園主の季節便り"),
                body=said(
                    "今年冬茶在立冬前採收，產量少三成，花香更集中。黑卡會員可先預留。",
                    "This winter's harvest is small and fragrant; Black members may reserve.",
                    "今年の冬茶は収量が少なく香り高い出来。ブラック会員は先にご予約いただけます。",
                ),
                min_tier_id=tiers[3].id,
            ),
        )
    )

"""The demo's benefits beside those of set-up: gifts, an event, an early sale, two pages."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from models.benefit import Benefit
from models.coupon import CouponTemplate
from models.demo.shop import texts
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
from models.tier import Tier, Upgrade, list_versions
from models.tier_evaluation import Draft, raise_version
from models.tier_proposal import Proposed, begin_proposal

RECENT_DAYS = 120
"""Tiers reached so lately have their way to the gift still in the funnel."""
SEATS = 6


def add_tiers(session: Session, now: datetime) -> None:
    """Give the demo's tiers more benefits, and some members a place in what they offer."""
    if session.scalar(select(Gathering.id).limit(1)) is not None:
        return
    tiers = get_programme(session).tiers
    _add_templates(session)
    _add_benefits(session, tiers, now)
    _tell_benefits(session)
    for name, meaning in VALUE_FACTORS.items():
        define_metric(session, name, meaning)
    _add_upgrades(session, now)
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


def _add_templates(session: Session) -> None:
    rows = (
        (
            "silver_gift",
            60,
            texts("銀卡升級禮", "Silver welcome gift", "シルバー昇格ギフト"),
            texts("折 NT$60", "NT$60 off", "NT$60 引き"),
        ),
        (
            "gold_gift",
            150,
            texts("金卡升級禮", "Gold welcome gift", "ゴールド昇格ギフト"),
            texts("折 NT$150", "NT$150 off", "NT$150 引き"),
        ),
        (
            "gold_monthly",
            50,
            texts("金卡每月飲品券", "Gold monthly drink", "ゴールド月例ドリンク券"),
            texts("折 NT$50", "NT$50 off", "NT$50 引き"),
        ),
    )
    session.add_all(
        CouponTemplate(
            code=code,
            kind="amount",
            value=value,
            name=name,
            headline=headline,
            description=texts(
                "會員專屬，任何消費都能使用。",
                "For members; any order.",
                "会員限定。すべてのお会計に。",
            ),
            valid_days=60,
        )
        for code, value, name, headline in rows
    )
    session.flush()


def _add_benefits(session: Session, tiers: Sequence[Tier], now: datetime) -> None:
    """Add to the matrix of set-up what a tea shop gives besides."""
    drink = ("monthly_coupon", {"template": "gold_monthly"})
    matrix: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
        "silver": (("upgrade_gift", {"template": "silver_gift"}),),
        "gold": (("upgrade_gift", {"template": "gold_gift"}), drink),
        "black": (
            ("upgrade_gift", {"template": "gold_gift"}),
            drink,
            ("order_discount", {"percent": 5, "most_twd": 50}),
        ),
    }
    ids = {tier.code: tier.id for tier in tiers}
    today = local_day(now)
    session.execute(
        insert(Benefit),
        [
            {"tier_id": ids[code], "kind": kind, "parameters": terms, "starts_on": today}
            for code, benefits in matrix.items()
            for kind, terms in benefits
        ],
    )


def _tell_benefits(session: Session) -> None:
    """Say on the tiers' cards what was added."""
    gold_gift = texts("升級禮 NT$150", "NT$150 welcome gift", "昇格ギフト NT$150")
    drink = texts("每月飲品券 NT$50", "NT$50 drink coupon every month", "毎月のドリンク券 NT$50")
    discount = texts(
        "每筆消費折 5%（最多 NT$50）",
        "5% off each order (NT$50 at most)",
        "毎回 5% 引き（最大 NT$50）",
    )
    added = {
        "silver": [texts("升級禮 NT$60", "NT$60 welcome gift", "昇格ギフト NT$60")],
        "gold": [gold_gift, drink],
        "black": [gold_gift, drink, discount],
    }
    for tier in session.scalars(select(Tier).where(Tier.code.in_(added))):
        tier.benefits = {
            language: [*lines, *(line[language] for line in added[tier.code])]
            for language, lines in tier.benefits.items()
        }


def _add_upgrades(session: Session, now: datetime) -> None:
    """Begin the upgrade of everybody lately lifted; most have seen it, nobody has the gift yet."""
    rules = get_programme(session).ladder.on(local_day(now))
    lifted = session.scalars(
        select(Member)
        .join(Tier, Tier.id == Member.tier_id)
        .where(
            Tier.rank > 0,
            Member.tier_kept_until > local_day(now) + timedelta(days=365 - RECENT_DAYS),
        )
        .order_by(Member.id)
    ).all()
    rows = []
    for place, member in enumerate(lifted):
        assert member.tier_kept_until is not None
        at = day_start(member.tier_kept_until - timedelta(days=365)) + timedelta(hours=12)
        rows.append(
            {
                "member_id": member.id,
                "tier_id": member.tier_id,
                "version_id": rules.version_id,
                "variant": "",
                "qualified_at": at,
                "notified_at": at if place % 8 else None,
                "opened_at": at + timedelta(hours=2) if place % 3 == 1 else None,
            }
        )
    if rows:
        session.execute(insert(Upgrade), rows)


def _add_event(session: Session, tiers: Sequence[Tier], now: datetime) -> Gathering:
    gathering = add_gathering(
        session,
        code="winter-tasting",
        name=texts("冬季新品品茶會", "Winter tea tasting", "冬の新作テイスティング"),
        place=texts("信義店二樓", "Xinyi Store, 2F", "信義店 2 階"),
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
            name=texts("冬季限定烏龍", "Winter oolong", "冬限定ウーロン"),
            public_at=opens,
            ends_at=opens + timedelta(days=7),
        )
    )


def _add_pages(session: Session, tiers: Sequence[Tier]) -> None:
    session.add_all(
        (
            ContentPage(
                code="brewing",
                title=texts("在家泡出好茶", "Brew it at home", "おうちで淹れるお茶"),
                body=texts(
                    "水溫 85 度、茶葉 5 公克、浸泡 90 秒。第二泡加 15 秒，香氣最足。",
                    "Water at 85 °C, 5 g of leaves, 90 seconds; 15 more for the second cup.",
                    "お湯は 85 度、茶葉 5 g、90 秒。二煎目は 15 秒長く。",
                ),
                min_tier_id=tiers[1].id,
            ),
            ContentPage(
                code="garden",
                title=texts("茶園主的季節筆記", "Notes from the garden", "茶園主の季節便り"),
                body=texts(
                    "今年冬茶在立冬前採收，產量少三成，花香更集中。黑卡會員可先預留。",
                    "This winter's harvest is small and fragrant; Black members may reserve.",
                    "今年の冬茶は収量が少なく香り高い出来。ブラック会員は先にご予約いただけます。",
                ),
                min_tier_id=tiers[3].id,
            ),
        )
    )

"""The night in sets: the same as member by member, told once, warned in time, safe to repeat."""

import random
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from jobs.nightly import evaluate_tiers
from models.base import Sessions
from models.benefit import add_benefit
from models.local_day import day_start, local_day
from models.member import Member
from models.metric import set_metric
from models.outbox import Owed
from models.programme import get_programme
from models.purchase import Purchase
from models.shop import Store
from models.tier import (
    CALENDAR,
    LIFETIME,
    METRIC,
    ROLLING,
    SCORE,
    TIER_POINTS,
    Factor,
    TierChange,
    TierNight,
    Upgrade,
    replay,
    window_start,
)
from models.tier_evaluation import Draft, evaluate_member, publish
from models.tier_evaluation.night import plan_night
from tests.conftest import NOON

MakeMember = Callable[..., Member]
TODAY = date(2026, 11, 22)
GOLDEN = {"silver": 5_000, "gold": 15_000, "black": 30_000}


def night_of(day: date) -> datetime:
    return day_start(day) + timedelta(minutes=10)


def publish_rules(session: Session, day: date, basis: str = ROLLING, **told: object) -> None:
    draft = Draft(day, basis, **({"thresholds": GOLDEN, "note": "測試"} | told))  # type: ignore[arg-type]
    publish(session, draft, by="owner", confirmed_by_owner=True, now=day_start(day))
    session.flush()


def tier_of(session: Session, member: Member) -> str:
    session.refresh(member)
    return get_programme(session).tier(member.tier_id).code


def crowd(session: Session, make_member: MakeMember, store: Store, count: int) -> list[Member]:
    """Make members with random sales of three years, standing where these put them yesterday."""
    chance = random.Random(7)
    ladder, yesterday = get_programme(session).ladder, TODAY - timedelta(days=1)
    members = []
    for _ in range(count):
        days = sorted(chance.sample(range(1, 1_100), chance.randint(0, 5)), reverse=True)
        sales = [
            (TODAY - timedelta(days=day), chance.choice([900, 5_000, 9_999, 16_000]))
            for day in days
        ]
        held, _ = replay(ladder, sales, yesterday)
        member = make_member(tier=held.tier.code, tier_kept_until=held.kept_until)
        for number, (day, twd) in enumerate(sales):
            session.add(a_sale(member, store, day, twd, f"crowd:{member.id}:{number}"))
        member.tier_kept_until = held.kept_until
        member.spend_on = yesterday
        member.spend_twd = sum(twd for day, twd in sales if day >= window_start(yesterday))
        member.year_twd = sum(twd for day, twd in sales if day.year == yesterday.year)
        member.lifetime_twd = sum(twd for _, twd in sales)
        members.append(member)
    session.flush()
    return members


def a_sale(member: Member, store: Store, day: date, twd: int, key: str) -> Purchase:
    return Purchase(
        member_id=member.id,
        store_id=store.id,
        amount_twd=twd,
        paid_twd=twd,
        points_earned=0,
        purchased_at=night_of(day) + timedelta(hours=11),
        purchased_on=day,
        idempotency_key=key,
    )


@pytest.mark.parametrize("basis", [ROLLING, CALENDAR, LIFETIME])
@pytest.mark.parametrize("days", [0, 1, 40])
def test_the_night_in_sets_is_the_night_member_by_member(
    session: Session,
    sessions: Sessions,
    make_member: MakeMember,
    store: Store,
    basis: str,
    days: int,
) -> None:
    """A-12: one set-based pass; new rules, missed nights, the everyday one."""
    members = crowd(session, make_member, store, 60)
    if basis != ROLLING:
        publish_rules(session, TODAY, basis)
    now = night_of(TODAY)
    session.commit()
    evaluate_tiers(sessions, now=now)
    if days:
        now += timedelta(days=days)
        evaluate_tiers(sessions, now=now)
    session.expire_all()
    in_sets = {m.id: (m.tier_id, m.tier_kept_until, m.spend_twd) for m in members}
    for member in members:
        assert not evaluate_member(session, member.id, now)
    session.flush()
    one_by_one = {m.id: (m.tier_id, m.tier_kept_until, m.spend_twd) for m in members}
    assert in_sets == one_by_one
    if basis == ROLLING:
        today = local_day(now)
        for member in members:
            held, _ = replay(get_programme(session).ladder, sales_of(session, member), today)
            assert (member.tier_id, member.tier_kept_until) == (held.tier.id, held.kept_until)


def sales_of(session: Session, member: Member) -> list[tuple[date, int]]:
    rows = session.scalars(
        select(Purchase).where(Purchase.member_id == member.id).order_by(Purchase.purchased_on)
    )
    return [(sale.purchased_on, sale.net_twd) for sale in rows]


def test_the_night_writes_reason_upgrade_and_message_once(
    session: Session, sessions: Sessions, make_member: MakeMember
) -> None:
    """A-12, T10: qualified, and told."""
    member = make_member(spend_twd=6_000, spent_on=TODAY, tier="basic")
    session.commit()
    assert evaluate_tiers(sessions, now=NOON) == 1
    assert evaluate_tiers(sessions, now=NOON) == 0
    change = session.scalars(select(TierChange)).one()
    upgrade = session.scalars(select(Upgrade)).one()
    owed = session.scalars(select(Owed)).one()
    assert owed.kind == "tier_up_notice"
    assert owed.words["step"]["name"] == "銀卡會員"
    assert upgrade.told_by == owed.idempotency_key == f"tier_change:{change.id}"
    assert tier_of(session, member) == "silver"


def test_an_ordinary_night_looks_only_at_what_changed(
    session: Session, sessions: Sessions, make_member: MakeMember
) -> None:
    make_member(spend_twd=4_000, spent_on=TODAY)
    session.commit()
    assert plan_night(session, NOON).everybody
    evaluate_tiers(sessions, now=NOON)
    assert not plan_night(session, NOON + timedelta(days=1)).everybody
    nights = session.scalar(select(func.count()).select_from(TierNight))
    assert nights == 1


def test_a_warning_says_what_keeps_the_tier_and_by_when_and_is_told_once(
    session: Session, sessions: Sessions, make_member: MakeMember
) -> None:
    """A-12: grace, and a warning before it."""
    publish_rules(session, TODAY, grace_days=10, warn_days=30)
    due = TODAY + timedelta(days=20)
    member = make_member(spend_twd=3_000, spent_on=TODAY, tier="silver", tier_kept_until=due)
    make_member(spend_twd=6_000, spent_on=TODAY, tier_kept_until=due)
    session.commit()
    evaluate_tiers(sessions, now=night_of(TODAY))
    evaluate_tiers(sessions, now=night_of(TODAY))
    evaluate_tiers(sessions, now=night_of(TODAY + timedelta(days=1)))
    owed = session.scalars(select(Owed)).one()
    assert (owed.kind, owed.member_id) == ("tier_warning", member.id)
    assert owed.words["gap"] == 2_000
    assert owed.words["by"] == (due + timedelta(days=9)).isoformat()
    for day, tier in (
        (due, "silver"),
        (due + timedelta(days=9), "silver"),
        (due + timedelta(days=10), "basic"),
    ):
        evaluate_tiers(sessions, now=night_of(day))
        assert tier_of(session, member) == tier


def test_a_tier_can_run_on_a_metric_of_the_shops_own(
    session: Session, sessions: Sessions, make_member: MakeMember
) -> None:
    """D-03: lessons done, not money."""
    member = make_member()
    set_metric(session, member.id, "lessons", 12, source="test", now=NOON)
    publish_rules(session, TODAY, METRIC, metric="lessons", thresholds={"silver": 10, "gold": 20})
    session.commit()
    evaluate_tiers(sessions, now=NOON)
    assert tier_of(session, member) == "silver"
    change = session.scalars(select(TierChange)).one()
    assert change.reason["value"] == 12


def test_tier_points_are_a_wallet_that_lifts(
    session: Session, sessions: Sessions, make_member: MakeMember
) -> None:
    """E-05: activities and referrals earn them; redeeming never lowers the tier."""
    member = make_member(points=500)
    member.tier_points = 120
    publish_rules(session, TODAY, TIER_POINTS, thresholds={"silver": 100, "gold": 300})
    session.commit()
    evaluate_tiers(sessions, now=NOON)
    assert tier_of(session, member) == "silver"


def test_an_active_low_spender_stands_no_lower_than_a_big_spender(
    session: Session, sessions: Sessions, make_member: MakeMember, store: Store
) -> None:
    """E-01, E-02: X, low spend and high activity, ranks at least as high as Y, who only spends."""
    x = make_member(spend_twd=1_200, spent_on=TODAY)
    y = make_member(spend_twd=6_000, spent_on=TODAY, tier="basic")
    for number in range(11):
        day = TODAY - timedelta(days=10 * number + 1)
        session.add(a_sale(x, store, day, 120, f"often:{number}"))
    x.tier_points = 60
    session.flush()
    factors = (
        Factor("spend_twd", weight=1, unit=100, cap=60, label="消費"),
        Factor("purchases", weight=4, cap=60, label="次數"),
        Factor("tier_points", weight=1, cap=40, label="活動"),
    )
    publish_rules(session, TODAY, SCORE, factors=factors, thresholds={"silver": 60, "gold": 90})
    session.commit()
    evaluate_tiers(sessions, now=NOON)
    rank = {tier.id: tier.rank for tier in get_programme(session).tiers}
    session.expire_all()
    assert rank[x.tier_id] >= rank[y.tier_id] > 0


def test_a_gift_of_the_tier_waits_for_those_lifted_at_night(
    session: Session, sessions: Sessions, make_member: MakeMember
) -> None:
    """C-12, E-08: the variant follows the member's spend."""
    silver = get_programme(session).tiers[1]
    for variant, least in (("plain", 0), ("big", 5_500)):
        parameters = {"template": "birthday", "variant": variant, "from_lifetime_twd": least}
        add_benefit(session, "upgrade_gift", parameters, tier_id=silver.id)
    publish_rules(session, TODAY)
    for spend_twd in (5_200, 6_000):
        make_member(spend_twd=spend_twd, spent_on=TODAY, tier="basic")
    session.commit()
    evaluate_tiers(sessions, now=NOON)
    upgrades = session.scalars(select(Upgrade).order_by(Upgrade.id)).all()
    assert [(one.variant, one.claimed_at) for one in upgrades] == [("plain", None), ("big", None)]

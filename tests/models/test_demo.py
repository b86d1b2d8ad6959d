"""The demo: quick, the same every time, and true to every rule of the shop."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from itertools import groupby
from uuid import uuid4

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from models.base import Sessions
from models.checkout import Sale, record_purchase
from models.consent import Consent
from models.coupon import Coupon
from models.database import create_database, drop_database, make_engine, make_sessions
from models.demo import DEMO_STAFF, TEA_SHOP, DemoReport, demo_people, load_demo
from models.demo.people import FIRST_NUMBER, FIRST_PHONE, make_people
from models.friend import Friend
from models.local_day import birthdays_kept_on, day_start, local_day
from models.member import Member, get_member_by_typed, is_member_number, normal_name
from models.nudge import evaluate_member, gift_birthdays, remind_of_coupons, win_back
from models.outbox import Owed
from models.phone import normal_phone
from models.points import PointsEntry, PointsLot, expire_member_points
from models.programme import get_programme
from models.purchase import Purchase
from models.shop import Store
from models.staff import log_in
from models.stamp_card import StampCard
from models.tier import TierChange, tier_for_spend, window_start
from tests.conftest import NOON, Committed

REPLAYED = 12
TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def shop_engine(server_url: str, pristine: str) -> Iterator[Engine]:
    """Yield the engine of a database with the demo, in which transactions are rolled back."""
    name = f"regulars_demo_{uuid4().hex[:12]}"
    engine = make_engine(create_database(server_url, name, pristine))
    load_demo(make_sessions(engine), NOON)
    yield engine
    engine.dispose()
    drop_database(server_url, name)


@pytest.fixture
def report(sessions: Sessions) -> DemoReport:
    """Ask for the counts, by loading again."""
    return load_demo(sessions, NOON + timedelta(days=3))


def test_the_demo_has_what_it_promises(report: DemoReport) -> None:
    assert (report.staff, report.members) == (6, 300)
    shares = {code: count / 300 for code, count in report.members_by_tier.items()}
    assert 0.55 < shares["basic"] < 0.75
    assert 0.15 < shares["silver"] < 0.30
    assert 0.05 < shares["gold"] < 0.13
    assert 0.02 < shares["black"] < 0.07
    assert 0.88 < report.friends / 300 < 0.96
    assert report.purchases > 10_000


def test_loading_again_does_nothing(session: Session, report: DemoReport) -> None:
    assert not report.is_fresh
    assert "was loaded before" in str(report)
    assert session.scalar(select(func.max(Member.spend_on))) == TODAY


def test_two_loads_at_once_load_once(committed: Committed) -> None:
    with ThreadPoolExecutor(2) as threads:
        reports = list(threads.map(lambda _: load_demo(committed.sessions, NOON), range(2)))
    assert sorted(report.is_fresh for report in reports) == [False, True]
    assert str(reports[0]).partition(":")[2] == str(reports[1]).partition(":")[2]


@pytest.mark.parametrize(("username", "password", "role", "name", "store"), DEMO_STAFF)
def test_the_staff_may_log_in(
    session: Session,
    username: str,
    password: str,
    role: str,
    name: str,
    store: str,
) -> None:
    staff = log_in(session, username, password)
    assert (staff.role, staff.name, staff.store.code) == (role, name, store)


def test_nobody_is_owed_a_message_for_the_past(session: Session) -> None:
    assert session.scalar(select(func.count()).select_from(Owed)) == 0


def test_members_look_like_members(session: Session) -> None:
    members = session.scalars(select(Member)).all()
    assert len({member.phone for member in members}) == 300
    for member in members:
        assert normal_phone(member.phone or "") == member.phone
        assert normal_name(member.name or "") == member.name
        assert is_member_number(member.number)
        assert re.fullmatch(r"U[0-9a-f]{32}", member.line_user_id or "")
        assert member.joined_at <= NOON
    assert {member.language for member in members} == {"zh-TW", "en", "ja"}
    assert any(not name.isalnum() for member in members if (name := member.name or ""))
    assert 0.6 < sum(member.marketing_allowed for member in members) / 300 < 0.8
    assert get_member_by_typed(session, FIRST_PHONE).number == FIRST_NUMBER


def test_the_clock_finds_something_for_each_of_its_jobs(
    session: Session,
) -> None:
    for rule in (gift_birthdays, remind_of_coupons, win_back):
        assert rule(session, NOON, after_id=0, limit=100).owed > 0
    tomorrow = gift_birthdays(session, NOON + timedelta(days=1), after_id=0, limit=100)
    assert tomorrow.seen >= 3
    leapers = select(func.count()).where(Member.birthday_mmdd == 229)
    assert (session.scalar(leapers) or 0) >= 3
    silent = Member.last_purchase_on.between(TODAY - timedelta(95), TODAY - timedelta(85))
    assert (session.scalar(select(func.count()).where(silent)) or 0) >= 10
    fresh = Member.joined_at > NOON - timedelta(days=7)
    assert (session.scalar(select(func.count()).where(fresh)) or 0) >= 10


def test_amounts_are_those_of_a_tea_shop(session: Session) -> None:
    lowest, highest = session.execute(
        select(func.min(Purchase.amount_twd), func.max(Purchase.amount_twd))
    ).one()
    assert (lowest, highest) == (35, 600)


def test_every_balance_is_its_entries_and_its_open_lots(
    session: Session,
) -> None:
    """X6: balance = sum of entries = sum of what the lots still hold, entry by entry."""
    entries = session.scalars(
        select(PointsEntry).order_by(PointsEntry.member_id, PointsEntry.id)
    ).all()
    balances: Counter[int] = Counter()
    for entry in entries:
        balances[entry.member_id] += entry.points
        assert entry.balance_after == balances[entry.member_id] >= 0
    lots = session.scalars(select(PointsLot)).all()
    remaining: Counter[int] = Counter()
    for lot in lots:
        remaining[lot.member_id] += lot.remaining
        assert lot.expires_on > TODAY or lot.remaining == 0
    for member in session.scalars(select(Member)):
        assert member.points == balances[member.id] == remaining[member.id]
    granted = {lot.entry_id: lot.granted for lot in lots}
    assert granted == {entry.id: entry.points for entry in entries if entry.points > 0}


def test_every_figure_is_that_of_the_sales(session: Session) -> None:
    sales = session.scalars(select(Purchase).order_by(Purchase.member_id, Purchase.id)).all()
    by_member = {key: list(own) for key, own in groupby(sales, key=lambda sale: sale.member_id)}
    stamps = {card.member_id: card.stamps for card in session.scalars(select(StampCard))}
    tiers = get_programme(session).tiers
    for member in session.scalars(select(Member)):
        own = by_member.get(member.id, [])
        in_window = [sale for sale in own if sale.purchased_on >= window_start(TODAY)]
        assert member.spend_on == TODAY
        assert member.spend_twd == sum(sale.paid_twd for sale in in_window)
        assert member.purchase_count == len(own)
        assert member.last_purchase_on == (own[-1].purchased_on if own else None)
        assert stamps.get(member.id, 0) == sum(sale.stamps_added for sale in own)
        assert [sale.purchased_at for sale in own] == sorted(sale.purchased_at for sale in own)
        rank = next(tier.rank for tier in tiers if tier.id == member.tier_id)
        assert rank >= tier_for_spend(tiers, member.spend_twd).rank
        assert (member.tier_kept_until is not None) == (rank > 0)
        assert member.tier_kept_until is None or member.tier_kept_until > TODAY


def test_tier_changes_lead_from_the_lowest_to_the_tier_held(
    session: Session,
) -> None:
    """A-12: every change has a reason, and none is missing."""
    changes = session.scalars(select(TierChange).order_by(TierChange.changed_at)).all()
    lowest = get_programme(session).tiers[0].id
    held = dict.fromkeys(session.scalars(select(Member.id)), lowest)
    for change in changes:
        assert change.from_tier_id == held[change.member_id] != change.to_tier_id
        assert change.reason["spend_twd"] >= change.reason["threshold_twd"]
        held[change.member_id] = change.to_tier_id
    assert held == dict(session.execute(select(Member.id, Member.tier_id)).all())


def test_coupons_tell_the_same_story_as_the_sales(session: Session) -> None:
    used = session.execute(
        select(Coupon, Purchase).join(Purchase, Purchase.coupon_id == Coupon.id)
    ).all()
    assert len(used) == session.scalar(select(func.count()).where(Coupon.state == "redeemed"))
    for coupon, sale in used:
        assert (coupon.member_id, coupon.redeemed_at) == (sale.member_id, sale.purchased_at)
        assert coupon.usable_from <= sale.purchased_at < coupon.expires_at
        assert sale.discount_twd == coupon.template.discount_on(sale.amount_twd)
    states = Counter(
        (coupon.template.code, coupon.shown_state(NOON))
        for coupon in session.scalars(select(Coupon))
    )
    for shown in (("welcome", "used"), ("welcome", "usable"), ("stamp_reward", "usable")):
        assert states[shown] > 0
    assert (
        states["welcome", "used"] + states["welcome", "usable"] + states["welcome", "expired"]
        == 300
    )


def test_birthday_coupons_were_given_on_the_days_they_are_kept(session: Session) -> None:
    """A-20: the same days as the job's, 29 February included."""
    given = session.execute(
        select(Member.birthday_mmdd, Coupon.issued_at)
        .join(Coupon, Coupon.member_id == Member.id)
        .where(Coupon.issue_key.startswith("birthday:"))
    ).all()
    assert len(given) > 100
    for mmdd, issued_at in given:
        assert mmdd in birthdays_kept_on(local_day(issued_at))


def test_every_member_agreed_and_is_known_as_a_friend(session: Session) -> None:
    agreed = session.scalars(
        select(Consent.member_id).where(Consent.purpose == "membership", Consent.is_given)
    ).all()
    wanted = session.scalars(select(Consent.member_id).where(Consent.purpose == "marketing")).all()
    allowed = session.scalars(select(Member.id).where(Member.marketing_allowed)).all()
    assert len(set(agreed)) == len(agreed) == 300
    assert set(wanted) == set(allowed)
    assert session.scalar(select(func.count()).select_from(Friend)) == 300


def test_the_simulators_people_are_the_members(session: Session) -> None:
    people = demo_people(session)
    assert len(people) == len({person["id"] for person in people}) == 300
    assert people[0]["name"] == "王小明"
    assert people[0]["friend"] is True
    assert set(people[0]) == {"id", "name", "language", "friend"}


def test_the_seed_makes_the_same_people() -> None:
    stores = list(TEA_SHOP.stores)
    assert make_people(7, NOON, stores) == make_people(7, NOON, stores)
    assert make_people(7, NOON, stores) != make_people(8, NOON, stores)


@pytest.mark.parametrize(
    "now",
    [
        datetime.fromisoformat("2028-02-29T00:00:01+08:00"),
        datetime.fromisoformat("2027-02-28T23:59:59+08:00"),
    ],
)
def test_the_demo_can_be_loaded_at_any_moment(committed: Committed, now: datetime) -> None:
    assert load_demo(committed.sessions, now).is_fresh
    with committed.sessions.begin() as session:
        assert gift_birthdays(session, now, after_id=0, limit=100).seen >= 3


# --- the same as the real thing ---


def test_a_demo_history_is_what_the_real_verbs_would_have_made(
    session: Session, make_member: Callable[..., Member]
) -> None:
    """X3: identical rules reproduce the same figures: sales replayed by record_purchase."""
    chosen = session.scalars(
        select(Member).where(Member.purchase_count.between(20, 60)).order_by(Member.id)
    ).all()[::5][:REPLAYED]
    assert len(chosen) == REPLAYED
    stores = {store.id: store for store in session.scalars(select(Store))}
    for member in chosen:
        twin = make_member(joined_at=member.joined_at, birthday=member.birthday, marketing=False)
        twin.spend_on = local_day(member.joined_at)
        session.flush()
        replay(session, member, twin, stores)
        assert figures(session, twin) == figures(session, member)


def replay(session: Session, member: Member, twin: Member, stores: dict[int, Store]) -> None:
    """Do to the twin what was done to the member, night by night and sale by sale."""
    sales = session.scalars(
        select(Purchase).where(Purchase.member_id == member.id).order_by(Purchase.id)
    ).all()
    for sale in sales:
        live_until(session, twin, sale.purchased_at)
        coupon_id = twin_coupon(session, sale, twin) if sale.coupon_id else None
        asked = Sale(twin.id, stores[sale.store_id], None, sale.amount_twd, f"replay:{sale.id}")
        if coupon_id:
            asked = Sale(**{**vars(asked), "coupon_id": coupon_id})
        record_purchase(session, asked, sale.purchased_at)
    live_until(session, twin, NOON)
    evaluate_member(session, twin.id, NOON)


def live_until(session: Session, twin: Member, moment: datetime) -> None:
    """Run the nights on which something was due for the twin, up to `moment`."""
    while True:
        lot_ends = session.scalar(
            select(func.min(PointsLot.expires_on)).where(
                PointsLot.member_id == twin.id, PointsLot.remaining > 0
            )
        )
        days = [day for day in (lot_ends, twin.tier_kept_until) if day is not None]
        if not days or day_start(min(days)) + timedelta(minutes=40) > moment:
            return
        night = day_start(min(days)) + timedelta(minutes=10)
        evaluate_member(session, twin.id, night)
        expire_member_points(session, twin.id, min(days), night)
        session.flush()


def twin_coupon(session: Session, sale: Purchase, twin: Member) -> int:
    """Give the twin the coupon that the member used in this sale."""
    used = session.get_one(Coupon, sale.coupon_id)
    coupon = Coupon(
        code=f"twin{used.id}",
        member_id=twin.id,
        template_id=used.template_id,
        issue_key=f"twin:{used.id}",
        issued_at=used.issued_at,
        usable_from=used.usable_from,
        expires_at=used.expires_at,
    )
    session.add(coupon)
    session.flush()
    return coupon.id


def figures(session: Session, member: Member) -> dict[str, object]:
    """All that a member's history comes to, without ids and keys."""
    session.flush()
    session.refresh(member)
    entries = session.execute(
        select(PointsEntry.points, PointsEntry.balance_after, PointsEntry.reason)
        .where(PointsEntry.member_id == member.id)
        .order_by(PointsEntry.id)
    ).all()
    lots = session.execute(
        select(PointsLot.granted, PointsLot.remaining, PointsLot.expires_on)
        .where(PointsLot.member_id == member.id)
        .order_by(PointsLot.entry_id)
    ).all()
    changes = session.execute(
        select(TierChange.from_tier_id, TierChange.to_tier_id)
        .where(TierChange.member_id == member.id)
        .order_by(TierChange.id)
    ).all()
    sales = session.execute(
        select(Purchase.paid_twd, Purchase.points_earned, Purchase.stamps_added)
        .where(Purchase.member_id == member.id)
        .order_by(Purchase.id)
    ).all()
    rewards = session.scalar(
        select(func.count()).where(
            Coupon.member_id == member.id, Coupon.issue_key.startswith("stamps:")
        )
    )
    return {
        "entries": [tuple(row) for row in entries],
        "lots": [tuple(row) for row in lots],
        "changes": [tuple(row) for row in changes],
        "sales": [tuple(row) for row in sales],
        "rewards": rewards,
        "stamps": session.scalar(select(StampCard.stamps).where(StampCard.member_id == member.id)),
        "points": member.points,
        "window": (member.spend_twd, member.spend_on),
        "purchases": (member.purchase_count, member.last_purchase_on),
        "tier": (member.tier_id, member.tier_kept_until),
    }

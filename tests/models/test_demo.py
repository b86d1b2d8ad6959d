"""The demo: quick, the same every time, and true to every rule of the shop."""

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from itertools import groupby, takewhile
from uuid import uuid4

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from models.activity import (
    ActivityRule,
    Badge,
    Community,
    Lottery,
    LotteryPrize,
    Mission,
    ReferralRule,
)
from models.base import Base, Sessions
from models.benefit import Benefit
from models.birthday_card import BirthdayCard
from models.browse_event import BrowseEvent
from models.campaign import Campaign, get_campaign
from models.catalogue import CatalogueItem, list_bestsellers
from models.channel import MemberChannel
from models.classification.table import ClassCount, ClassMove, MemberClass
from models.consent import Consent
from models.contact import ContactRequest
from models.coupon import Coupon, CouponTemplate, Redemption
from models.database import create_database, drop_database, make_engine
from models.demo import DEMO_STAFF, TEA_SHOP, DemoReport, demo_people, load_demo
from models.demo.identity import DOUBLE_NAME, TILL_PHONE
from models.demo.load import MECHANICS
from models.demo.people import FIRST_NUMBER, FIRST_PHONE, make_people
from models.earn_rule import EarnRule
from models.favourite import MemberFavourite
from models.festival import Festival
from models.fraud import FraudAlert
from models.friend import Friend
from models.gathering import ContentPage, Gathering, GatheringSeat, SaleEvent
from models.identity import likely_duplicates
from models.insight import report_of_campaign
from models.journey import Journey, JourneyVersion
from models.journey.expecting import starts_ahead
from models.lifecycle.table import RepurchaseCycle
from models.line_binding import LineBinding
from models.local_day import birthdays_kept_on, day_start, local_day
from models.lottery import Draw, LotteryTicket
from models.member import Member, get_member_by_typed, is_member_number, normal_name
from models.member_note import MemberNote
from models.metric import MetricDefinition
from models.mission import MissionEvent, MissionProgress
from models.outbox import Owed
from models.phone import normal_phone
from models.pin import check_pin
from models.plan import Plan, PlanPayment, Subscription
from models.points import (
    BonusCode,
    LedgerSeal,
    PointsAdjustment,
    PointsEntry,
    PointsLot,
    PointsTake,
    verify_ledger,
)
from models.programme import get_programme
from models.purchase import Purchase, PurchaseLine, Refund
from models.referral import Referral, ReferralMonth
from models.review import APPROVED, PENDING, Review
from models.reward import Reward
from models.segment.table import Segment
from models.sending.table import CampaignRun
from models.shop import THE_SHOP, Shop
from models.staff import log_in
from models.stamp_card import StampCard, StampEntry, StampProgramme
from models.survey import Survey, SurveyAnswer
from models.tag.table import MemberTag
from models.tier import TierChange, Upgrade, window_start
from models.tier_evaluation import STAGES, funnel
from models.tier_proposal import TierProposal
from models.web_order import WebOrder
from tests.conftest import NOON, Committed
from tests.models.test_journey_triggers import causes

IN_LINE, AT_TILL = 300, 3
"""Members with a LINE account, and those a clerk wrote down."""
TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def shop_engine(server_url: str, pristine_demo: str) -> Iterator[Engine]:
    """Yield the engine of a database with the demo, in which transactions are rolled back."""
    name = f"regulars_demo_{uuid4().hex[:12]}"
    engine = make_engine(create_database(server_url, name, pristine_demo))
    yield engine
    engine.dispose()
    drop_database(server_url, name)


@pytest.fixture
def report(sessions: Sessions) -> DemoReport:
    """Ask for the counts, by loading again."""
    return load_demo(sessions, NOON + timedelta(days=3))


def test_the_demo_has_what_it_promises(report: DemoReport) -> None:
    assert (report.staff, report.members) == (6, IN_LINE + AT_TILL)
    shares = {code: count / report.members for code, count in report.members_by_tier.items()}
    assert 0.55 < shares["basic"] < 0.75
    assert 0.15 < shares["silver"] < 0.30
    assert 0.05 < shares["gold"] < 0.13
    assert 0.02 < shares["black"] < 0.07
    assert 0.88 < report.friends / IN_LINE < 0.96
    assert report.purchases > 10_000


def test_loading_again_does_nothing(session: Session, report: DemoReport) -> None:
    assert not report.is_fresh
    assert "was loaded before" in str(report)
    assert session.scalar(select(func.max(Member.spend_on))) == TODAY


@pytest.mark.parametrize(("username", "password", "role", "name", "store", "pin"), DEMO_STAFF)
def test_the_staff_may_log_in(
    session: Session,
    username: str,
    password: str,
    role: str,
    name: str,
    store: str,
    pin: str | None,
) -> None:
    staff = log_in(session, username, password)
    assert (staff.role, staff.name, staff.store.code) == (role, name, store)
    assert pin is None or check_pin(session, staff.id, pin, NOON) is staff


def test_nobody_is_owed_a_message_for_the_past(session: Session) -> None:
    assert session.scalar(select(func.count()).select_from(Owed)) == 0


def test_members_look_like_members(session: Session) -> None:
    members = session.scalars(select(Member)).all()
    assert len({member.phone for member in members}) == IN_LINE + AT_TILL
    for member in members:
        assert normal_phone(member.phone or "") == member.phone
        assert is_member_number(member.number)
        assert member.joined_at <= NOON
    assert {member.language for member in members} == {"zh-TW", "en", "ja"}
    assert get_member_by_typed(session, FIRST_PHONE).number == FIRST_NUMBER


def test_members_in_line_look_like_people(session: Session) -> None:
    members = session.scalars(select(Member).where(Member.line_user_id.is_not(None))).all()
    assert len(members) == IN_LINE
    for member in members:
        assert normal_name(member.name or "") == member.name
        assert re.fullmatch(r"U[0-9a-f]{32}", member.line_user_id or "")
    assert any(not name.isalnum() for member in members if (name := member.name or ""))
    assert 0.6 < sum(member.marketing_allowed for member in members) / IN_LINE < 0.8


def test_the_journeys_find_somebody_soon(session: Session) -> None:
    until = TODAY + timedelta(days=4)
    found = Counter(
        (journey.code, local_day(at))
        for journey in session.scalars(select(Journey).where(Journey.state == "active"))
        if (starts := starts_ahead(session, journey, TODAY, until, NOON - timedelta(hours=11)))
        is not None
        for _, at in session.execute(starts)
    )
    assert {code for code, _ in found} >= {"birthday", "coupon-expiry", "dormant-90-days"}
    assert found["birthday", TODAY] > 0
    assert found["birthday", TODAY + timedelta(days=1)] >= 3
    leapers = select(func.count()).where(Member.birthday_mmdd == 229)
    assert (session.scalar(leapers) or 0) >= 3
    silent = Member.last_purchase_on.between(TODAY - timedelta(95), TODAY - timedelta(85))
    assert (session.scalar(select(func.count()).where(silent)) or 0) >= 10
    fresh = Member.joined_at > NOON - timedelta(days=7)
    assert (session.scalar(select(func.count()).where(fresh)) or 0) >= 10


def test_amounts_are_those_of_a_tea_shop(session: Session) -> None:
    lowest, highest = session.execute(
        select(func.min(Purchase.amount_twd), func.max(Purchase.amount_twd)).where(
            Purchase.undone_at.is_(None)
        )
    ).one()
    assert (lowest, highest) == (35, 600)


def test_every_balance_is_its_entries_and_its_open_lots(
    session: Session,
) -> None:
    """X6: balance = sum of entries = sum of what the lots still hold, entry by entry."""
    entries = session.scalars(
        select(PointsEntry).order_by(PointsEntry.member_id, PointsEntry.seq)
    ).all()
    balances: Counter[int] = Counter()
    waiting: Counter[int] = Counter()
    for entry in entries:
        balances[entry.member_id] += entry.points
        waiting[entry.member_id] += entry.pending
        assert entry.balance_after == balances[entry.member_id] >= 0
        assert entry.pending_after == waiting[entry.member_id] >= 0
    active: Counter[int] = Counter()
    pending: Counter[int] = Counter()
    for lot in session.scalars(select(PointsLot)):
        held = active if lot.pending_until is None else pending
        held[lot.member_id] += lot.remaining
        assert lot.expires_on > TODAY or lot.remaining == 0
    for member in session.scalars(select(Member)):
        assert member.points == balances[member.id] == active[member.id]
        assert member.points_pending == waiting[member.id] == pending[member.id]
    assert sum(pending.values()) > 0


def test_every_lot_is_an_earning_less_what_was_taken(session: Session) -> None:
    """X6: what left a lot is named entry by entry, and nothing else left it."""
    lots = session.scalars(select(PointsLot)).all()
    earned = select(PointsEntry.id, PointsEntry.points + PointsEntry.pending).where(
        PointsEntry.points + PointsEntry.pending > 0, PointsEntry.answers_id.is_(None)
    )
    assert {lot.entry_id: lot.granted for lot in lots} == dict(session.execute(earned).all())
    sums = select(PointsTake.lot_id, func.sum(PointsTake.points)).group_by(PointsTake.lot_id)
    taken = dict(session.execute(sums).all())
    for lot in lots:
        assert lot.granted - lot.remaining == taken.get(lot.entry_id, 0)


def test_the_ledger_is_whole(session: Session) -> None:
    """X6: chains, sums, lots and the first seal, worked out again from nothing."""
    assert [str(fault) for fault in verify_ledger(session)] == []


def test_every_figure_is_that_of_the_sales(session: Session) -> None:
    kept = select(Purchase).where(Purchase.undone_at.is_(None))
    sales = session.scalars(kept.order_by(Purchase.member_id, Purchase.id)).all()
    by_member = {key: list(own) for key, own in groupby(sales, key=lambda sale: sale.member_id)}
    tiers, ladder = get_programme(session).tiers, get_programme(session).ladder
    for member in session.scalars(select(Member)):
        own = by_member.get(member.id, [])
        assert spends(member) == spends_of(own, member.spend_on)
        assert member.spend_on == TODAY or not own
        assert member.purchase_count == len(own)
        assert member.last_purchase_on == (own[-1].purchased_on if own else None)
        assert [sale.purchased_at for sale in own] == sorted(sale.purchased_at for sale in own)
        rank = next(tier.rank for tier in tiers if tier.id == member.tier_id)
        assert rank >= ladder.on(TODAY).tier_at(member.spend_twd).rank
        assert (member.tier_kept_until is not None) == (rank > 0)
        assert member.tier_kept_until is None or member.tier_kept_until > TODAY


def spends(member: Member) -> tuple[int, int, int]:
    """Return a member's running figures of money: the window's, the year's, all time's."""
    return member.spend_twd, member.year_twd, member.lifetime_twd


def spends_of(sales: list[Purchase], day: date) -> tuple[int, int, int]:
    """Return what these sales come to on `day`, in the order of `spends`."""
    return (
        sum(sale.net_twd for sale in sales if sale.purchased_on >= window_start(day)),
        sum(sale.net_twd for sale in sales if sale.purchased_on.year == day.year),
        sum(sale.net_twd for sale in sales),
    )


def test_what_was_given_back_counts_for_nothing(session: Session) -> None:
    refunded = session.execute(
        select(Refund, Purchase).join(Purchase, Purchase.id == Refund.purchase_id)
    ).all()
    undone = select(func.count()).where(Purchase.refunded_twd > 0)
    assert len(refunded) == session.scalar(undone)
    for refund, sale in refunded:
        assert (refund.is_full, sale.net_twd, sale.undone_at) == (True, 0, refund.refunded_at)
        assert refund.amount_twd == sale.refunded_twd


def test_every_stamp_card_is_its_entries(session: Session) -> None:
    by_card = (StampEntry.member_id, StampEntry.programme_id)
    entries = {
        (member_id, programme_id): stamps
        for member_id, programme_id, stamps in session.execute(
            select(*by_card, func.sum(StampEntry.delta)).group_by(*by_card)
        )
    }
    cards = session.scalars(select(StampCard)).all()
    assert {(card.member_id, card.programme_id): card.stamps for card in cards} == entries
    told = select(Purchase.id, Purchase.stamps_added).where(Purchase.stamps_added > 0)
    stamped = select(StampEntry.purchase_id, func.sum(StampEntry.delta)).where(
        StampEntry.reason == "purchase"
    )
    by_sale = session.execute(stamped.group_by(StampEntry.purchase_id)).all()
    assert dict(by_sale) == dict(session.execute(told).all())


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


def test_everybody_who_rose_has_an_upgrade_and_some_stopped_at_each_step(
    session: Session,
) -> None:
    """E-13, E-17: the way from qualified to the first use of the gift shows life."""
    rank = {tier.id: tier.rank for tier in get_programme(session).tiers}
    rises = {
        (change.member_id, change.to_tier_id)
        for change in session.scalars(select(TierChange))
        if rank[change.to_tier_id] > rank[change.from_tier_id]
    }
    upgrades = session.scalars(select(Upgrade)).all()
    assert {(upgrade.member_id, upgrade.tier_id) for upgrade in upgrades} == rises
    for upgrade in upgrades:
        steps = (getattr(upgrade, f"{stage}_at") for stage in STAGES)
        taken = list(takewhile(lambda at: at is not None, steps))
        assert taken == sorted(taken)
        assert (upgrade.gift_coupon_id is not None) == (upgrade.claimed_at is not None)
    reached = [stage.reached for stage in funnel(session)]
    assert reached == sorted(set(reached), reverse=True)
    assert 0.5 < reached[STAGES.index("claimed")] / reached[0] < 0.8


def test_coupons_tell_the_same_story_as_the_sales(session: Session) -> None:
    used = session.execute(
        select(Coupon, Purchase, Redemption)
        .join(Purchase, Purchase.coupon_id == Coupon.id)
        .join(Redemption, Redemption.coupon_id == Coupon.id)
    ).all()
    redeemed = session.scalar(select(func.count()).where(Coupon.state == "redeemed"))
    assert len(used) == redeemed == session.scalar(select(func.count(Redemption.id)))
    for coupon, sale, use in used:
        assert (coupon.member_id, coupon.redeemed_at) == (sale.member_id, sale.purchased_at)
        assert coupon.usable_from <= sale.purchased_at < coupon.expires_at
        assert sale.discount_twd == coupon.template.discount_on(sale.amount_twd)
        assert (use.purchase_id, use.member_id) == (sale.id, sale.member_id)
        assert (use.discount_twd, use.redeemed_at) == (sale.discount_twd, sale.purchased_at)
    states = Counter(
        (coupon.template.code, coupon.shown_state(NOON))
        for coupon in session.scalars(select(Coupon))
    )
    for shown in (("welcome", "used"), ("welcome", "usable"), ("stamp_reward", "usable")):
        assert states[shown] > 0
    assert (
        states["welcome", "used"] + states["welcome", "usable"] + states["welcome", "expired"]
        == IN_LINE
    )


def test_newcomers_have_three_coupons_that_open_one_after_another(session: Session) -> None:
    """C-01: the second is there once the first was used, the third waits for the second."""
    coupons = session.scalars(
        select(Coupon)
        .where(Coupon.pack_key.is_not(None))
        .order_by(Coupon.pack_key, Coupon.pack_place)
    ).all()
    packs = [list(pack) for _, pack in groupby(coupons, key=lambda coupon: coupon.pack_key)]
    states = {tuple(coupon.state for coupon in pack) for pack in packs}
    assert states == {("issued", "locked", "locked"), ("redeemed", "issued", "locked")}


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
    assert len(set(agreed)) == len(agreed) == IN_LINE + AT_TILL
    assert set(wanted) == set(allowed)
    assert session.scalar(select(func.count()).select_from(Friend)) == IN_LINE


def test_the_simulators_people_are_the_members(session: Session) -> None:
    people = demo_people(session)
    assert len(people) == len({person["id"] for person in people}) == IN_LINE
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
def test_the_demo_can_be_loaded_at_any_moment_once_by_two_at_once(
    committed: Committed, now: datetime
) -> None:
    with ThreadPoolExecutor(2) as threads:
        reports = list(threads.map(lambda _: load_demo(committed.sessions, now), range(2)))

    assert sorted(report.is_fresh for report in reports) == [False, True]
    assert str(reports[0]).partition(":")[2] == str(reports[1]).partition(":")[2]
    with committed.sessions.begin() as session:
        night = day_start(local_day(now) + timedelta(days=1))
        assert len(causes(session, "birthday", night, since=night - timedelta(days=1))) >= 3


# --- every mechanic ---


SHOWN: dict[str, tuple[type[Base], ...]] = {
    "coupons": (CouponTemplate, Redemption, Reward),
    "stamps": (StampProgramme, StampCard, StampEntry),
    "tiers": (
        Benefit,
        ContentPage,
        Gathering,
        GatheringSeat,
        MetricDefinition,
        SaleEvent,
        TierChange,
        TierProposal,
        Upgrade,
    ),
    "plans": (Plan, PlanPayment, Subscription),
    "ledger": (BonusCode, LedgerSeal, PointsAdjustment, PointsTake),
    "lottery": (Draw, Lottery, LotteryPrize, LotteryTicket),
    "missions": (Badge, Mission, MissionEvent, MissionProgress),
    "referral": (Referral, ReferralMonth, ReferralRule),
    "reviews": (ActivityRule, Community, Review),
    "identity": (LineBinding,),
    "fraud": (FraudAlert, Refund),
    "earning": (EarnRule,),
    "channels": (MemberChannel,),
    "contacts": (BirthdayCard, ContactRequest),
    "catalogue": (BrowseEvent, CatalogueItem, PurchaseLine, WebOrder),
    "segments": (
        ClassCount,
        ClassMove,
        MemberClass,
        MemberFavourite,
        MemberTag,
        RepurchaseCycle,
        Segment,
    ),
    "journeys": (Festival, Journey, JourneyVersion),
    "surveys": (Survey, SurveyAnswer),
    "campaigns": (Campaign,),
    "sent_campaign": (CampaignRun,),
    "notes": (MemberNote,),
}
"""By mechanic, the tables in which a presenter must find something."""


def test_every_mechanic_of_the_demo_is_looked_for() -> None:
    assert {f"add_{mechanic}" for mechanic in SHOWN} == {add.__name__ for add in MECHANICS}


@pytest.mark.parametrize("mechanic", SHOWN)
def test_the_demo_shows(session: Session, mechanic: str) -> None:
    empty = [
        table.__name__
        for table in SHOWN[mechanic]
        if not session.scalar(select(func.count()).select_from(table))
    ]
    assert empty == []


def test_one_campaign_of_the_demo_was_sent_and_is_accounted_for(session: Session) -> None:
    """E-15, X1: nobody is lost, a group was held out, some tapped, and no lift is made up."""
    report = report_of_campaign(session, get_campaign(session, "autumn-oolong"), NOON)
    outcomes, clicks = report.outcomes, report.clicks
    assert outcomes.planned == outcomes.accepted + sum(outcomes.skipped.values())
    assert outcomes.skipped["holdout"] > 20
    assert 0 < clicks.clickers < outcomes.accepted / 2
    assert report.lift is not None
    assert report.lift.held_out_buyers > 0


def test_the_demos_reviews_are_on_the_wall_or_wait_for_the_owner(session: Session) -> None:
    counts = select(Review.state, func.count()).group_by(Review.state)
    assert dict(session.execute(counts).all()) == {APPROVED: 6, PENDING: 2}


def test_the_demo_has_cards_of_the_till_and_one_person_twice(session: Session) -> None:
    """U23: a phone known at the counter is a card; two cards of one person are found."""
    card = get_member_by_typed(session, TILL_PHONE)
    assert (card.line_user_id, card.join_source.partition(":")[0]) == (None, "store")
    twice = session.scalars(
        select(Member.id)
        .where(Member.name == DOUBLE_NAME, Member.line_user_id.is_(None))
        .order_by(Member.id)
    ).all()
    found = {(pair.first_id, pair.second_id): pair for pair in likely_duplicates(session, 50)}
    assert set(found[twice[0], twice[1]].reasons) == {
        "phone",
        "birthday_and_name",
        "name_and_joining",
    }
    bound = select(func.count()).where(LineBinding.revoked_at.is_(None))
    assert session.scalar(bound) == IN_LINE


def test_the_demo_has_a_card_that_says_it_was_not_them(session: Session) -> None:
    alert = session.scalars(select(FraudAlert)).one()
    frozen = session.scalars(select(Member).where(Member.frozen_at.is_not(None))).one()
    assert (alert.kind, alert.member_id, frozen.frozen_at) == ("not_me", frozen.id, NOON)


def test_the_demos_earn_rules_begin_today_and_are_capped(session: Session) -> None:
    """The made-up past was earned by the plain rule, so no rule may reach back into it."""
    rules = session.scalars(select(EarnRule).order_by(EarnRule.code)).all()
    assert [rule.code for rule in rules] == ["fresh_milk", "member_day", "warm_season"]
    assert {local_day(rule.starts_at) for rule in rules if rule.starts_at} == {TODAY}
    assert all(rule.starts_at for rule in rules)
    shop = session.get_one(Shop, THE_SHOP)
    assert (shop.earn_daily_cap, shop.earn_cap_percent) == (300, 300)


def test_the_demos_sales_have_lines_that_come_to_their_amounts(session: Session) -> None:
    """A-07: the bestsellers have something to show, and nothing that is sold out."""
    rest_twd = Purchase.amount_twd - func.sum(PurchaseLine.amount_twd)
    rests = session.execute(
        select(Purchase.channel, rest_twd)
        .join(PurchaseLine, PurchaseLine.purchase_id == Purchase.id)
        .group_by(Purchase.id)
    )
    assert {tuple(row) for row in rests} == {("till", 0), ("web", 80)}
    best = list_bestsellers(session, NOON)
    assert len(best) == 5
    assert all(each.item.is_available for each in best)

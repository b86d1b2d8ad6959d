"""Triggers and exits: who has a cause, when, under which key; and when its reason is gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.browse_event import BrowseEvent
from models.catalogue import CatalogueItem
from models.classification import MemberClass
from models.coupon import get_template, issue_coupon
from models.festival import ANNIVERSARY, OWN_NAMES, keep_festival
from models.journey import EXITS, TRIGGERS, Journey, JourneyVersion, JourneyVisit, Span
from models.journey.trigger import usual_params
from models.local_day import TAIPEI, local_day
from models.member import Member
from models.plan import Plan, Subscription
from models.points import PointsLot
from models.purchase import PurchaseLine
from models.stamp_card import StampCard, StampProgramme
from models.tier import Upgrade, list_tiers, list_versions
from tests.conftest import NOON, Maker
from tests.models.shopping import take_back

MakeMember = Callable[..., Member]
TODAY = local_day(NOON)
DAY = timedelta(days=1)
MORNING = datetime(2026, 11, 22, 10, 0, tzinfo=TAIPEI)


def on(day: date, hour: int = 12) -> datetime:
    return datetime.combine(day, time(hour), TAIPEI)


def causes(
    session: Session,
    code: str,
    now: datetime = NOON,
    *,
    since: datetime | None = None,
    **params: Any,
) -> dict[str, Any]:
    """Return the causes since midnight, unless told: facts, member and moment, by key."""
    session.flush()
    trigger = TRIGGERS[code]
    span = Span("test", since or on(local_day(now), 0), now)
    found = trigger.causes(session, usual_params(trigger.params) | params, span)
    if found is None:
        return {}
    rows = session.execute(found).all()
    assert len({row.key for row in rows}) == len(rows), "a key stands for one cause"
    for row in rows:
        assert set(trigger.facts) <= set(row.facts), code
    return {
        row.key: row.facts | {"member": row.member_id, "at": row.at}
        for row in rows
        if span.since <= row.at <= now
    }


def members(found: dict[str, Any]) -> set[int]:
    return {facts["member"] for facts in found.values()}


def gone(session: Session, code: str, visit: JourneyVisit, now: datetime = NOON) -> bool:
    """Tell whether an exit holds of a visit."""
    session.flush()
    holds = EXITS[code].gone(session, {}, now)
    return bool(session.scalar(select(holds).where(JourneyVisit.id == visit.id)))


@pytest.fixture
def visit_of(session: Session) -> Callable[..., JourneyVisit]:
    """Return a maker of visits with some facts."""
    session.add(
        Journey(code="t", name={"zh-TW": "t"}, state="draft", version=1, created_at=NOON - DAY)
    )
    session.flush()
    version = JourneyVersion(
        journey_code="t", version=1, definition={}, note="", made_by="t", made_at=NOON
    )
    session.add(version)

    def make(member: Member, **facts: Any) -> JourneyVisit:
        visit = JourneyVisit(
            journey_code="t",
            version=1,
            member_id=member.id,
            key=uuid4().hex,
            state="under_way",
            step="s",
            step_at=NOON,
            due_at=NOON,
            cause_at=NOON - DAY,
            started_at=NOON - DAY,
            facts=facts,
        )
        session.add(visit)
        session.flush()
        return visit

    return make


# --- who has not come ---


def test_who_registered_and_never_bought_is_told_of_on_the_day(
    session: Session, make_member: MakeMember
) -> None:
    """B-02: registered, 0 orders, N days; who bought is not told of."""
    due, early, bought = (make_member(joined_at=on(TODAY - n * DAY, 23)) for n in (7, 6, 7))
    Maker().spend(session, bought, 60, TODAY)

    assert list(causes(session, "no_order")) == [f"no_order:{due.id}:7"]
    assert causes(session, "no_order", MORNING - timedelta(minutes=1)) == {}
    assert members(causes(session, "no_order", NOON + DAY)) == {early.id}
    assert members(causes(session, "no_order", NOON + DAY, since=on(TODAY, 9))) == {
        due.id,
        early.id,
    }


def test_day_90_comes_once_and_keeps_the_key_it_had(
    session: Session, make_member: MakeMember
) -> None:
    """A-18: day 90, not 89 or 91; not for a silence that was written to before."""
    silent, told, other = (make_member() for _ in range(3))
    last_on = TODAY - 90 * DAY
    for member, day in ((silent, last_on), (told, last_on), (other, last_on + DAY)):
        Maker().spend(session, member, 60, day)
    told.won_back_for = last_on

    found = causes(session, "silent")
    assert list(found) == [f"win_back:{silent.id}:{last_on}"]
    assert found[f"win_back:{silent.id}:{last_on}"]["last_purchase_on"] == last_on.isoformat()
    assert members(causes(session, "silent", NOON + DAY)) == {other.id}
    assert members(causes(session, "silent", days=83)) == set()
    assert members(causes(session, "silent", NOON - 7 * DAY, days=83)) == {silent.id}


def test_a_class_or_the_lowest_recency_is_told_of_once_a_silence(
    session: Session, make_member: MakeMember
) -> None:
    """T6, A-19, B-04: who falls asleep by NASLD, and whose R is lowest; not who bought since."""
    asleep, back = make_member(), make_member()
    asleep_by_nasld: dict[str, Any] = {"class": "nasld:sleep"}
    lost_by_nasld: dict[str, Any] = {"class": "nasld:lost"}
    for member in (asleep, back):
        Maker().spend(session, member, 60, TODAY - 60 * DAY)
        session.add(
            MemberClass(
                member_id=member.id,
                as_of=TODAY,
                nasld="sleep",
                napl_article="active",
                napl_91app="lost",
                last_on=TODAY - 60 * DAY,
                frequency=2,
                monetary_twd=60,
                r_score=1,
                f_score=1,
                m_score=1,
                rfm_group="sleeping",
            )
        )
    Maker().spend(session, back, 60, TODAY)

    in_class = causes(session, "class_entered", **asleep_by_nasld)
    assert list(in_class) == [f"win_back:{asleep.id}:{TODAY - 60 * DAY}"]
    assert causes(session, "class_entered", **lost_by_nasld) == {}
    assert members(causes(session, "lowest_recency")) == {asleep.id}
    assert causes(session, "lowest_recency", NOON + DAY, since=NOON) == {}
    choices = TRIGGERS["class_entered"].params[0].choices
    assert callable(choices)
    assert "nasld:sleep" in choices(session)


# --- dates ---


@pytest.mark.parametrize(
    ("day", "is_kept"),
    [(date(2027, 2, 28), True), (date(2028, 2, 28), False), (date(2028, 2, 29), True)],
)
def test_a_leap_day_birthday_is_kept_in_its_month(
    session: Session, make_member: MakeMember, day: date, is_kept: bool
) -> None:
    """A-20: 29 February."""
    member = make_member(birthday=date(1992, 2, 29))
    found = causes(session, "birthday", on(day))
    assert list(found) == ([f"birthday:{member.id}:{day.year}"] if is_kept else [])


def test_a_birthday_names_the_gift_of_tier_and_comes_once_a_year(
    session: Session, make_member: MakeMember
) -> None:
    """A-20, B-17: the coupon by tier; not where it was given before; some days ahead."""
    basic, gold, given = (
        make_member(birthday=date(1990, 11, 22), tier=tier) for tier in ("basic", "gold", "basic")
    )
    key = f"birthday:{given.id}:2026"
    issue_coupon(
        session, given.id, get_template(session, "birthday"), issue_key=key, now=NOON - DAY
    )

    found = causes(session, "birthday")
    assert {facts["member"]: facts["template"] for facts in found.values()} == {
        basic.id: "birthday",
        gold.id: "birthday_gold",
    }
    janus = make_member(birthday=date(1990, 1, 2))
    ahead = causes(session, "birthday", on(date(2026, 12, 30)), days_before=3)
    assert list(ahead) == [f"birthday:{janus.id}:2027"]


def test_a_birthday_month_is_told_of_on_its_first_day(
    session: Session, make_member: MakeMember
) -> None:
    member = make_member(birthday=date(1990, 12, 31))
    first = date(2026, 12, 1)
    assert list(causes(session, "birthday_month", on(first))) == [
        f"birthday_month:{member.id}:2026-12"
    ]
    assert causes(session, "birthday_month", on(first + DAY)) == {}


def test_festivals_are_told_of_days_ahead_in_the_members_language(
    session: Session, make_member: MakeMember
) -> None:
    """A-20: lunar days, the shop's own, each once a year."""
    chinese, english = make_member(), make_member(language="en")
    keep_festival(
        session, ANNIVERSARY, OWN_NAMES[ANNIVERSARY], month=9, day=25, by="owner", now=NOON
    )
    asked: dict[str, Any] = {"festivals": ["mid_autumn", ANNIVERSARY]}
    eve = date(2026, 9, 22)

    found = causes(session, "festival", on(eve), **asked)
    assert len(found) == 4
    moon = found[f"festival:mid_autumn:2026:{english.id}"]
    assert (moon["festival_name"], moon["begins_on"]) == ("Mid-Autumn Festival", "2026-09-25")
    assert found[f"festival:{ANNIVERSARY}:2026:{chinese.id}"]["festival_name"] == "品牌週年慶"
    assert causes(session, "festival", on(eve + DAY), **asked) == {}


# --- what is about to end ---


def test_coupons_of_a_day_are_one_cause_and_a_used_one_is_none(
    session: Session, make_member: MakeMember, visit_of: Callable[..., JourneyVisit]
) -> None:
    """A-21: n days before, not after use, not within a day of having come."""
    member = make_member()
    coupons = [
        issue_coupon(
            session,
            member.id,
            get_template(session, "win_back"),
            issue_key=f"c:{place}",
            now=NOON - 5 * DAY,
        )
        for place in range(3)
    ]
    first, second, told = [coupon for coupon in coupons if coupon is not None]
    told.reminded_at = NOON
    due = local_day(first.expires_at) - 4 * DAY

    found = causes(session, "coupon_ending", on(due))
    (key,) = found
    assert key == f"coupon_expiry:{member.id}:{due}"
    facts = found[key]
    assert (facts["coupon_id"], facts["count"]) == (first.id, 2)
    assert facts["coupon_name"] == "好久不見折價券"
    assert causes(session, "coupon_ending", on(due - DAY)) == {}
    assert causes(session, "coupon_ending", on(due + DAY)) == {}
    assert causes(session, "coupon_ending", on(due), template="birthday") == {}

    visit = visit_of(member, coupon_id=first.id, coupon_ids=[first.id, second.id])
    first.move("redeemed", "test", NOON)
    assert members(causes(session, "coupon_ending", on(due))) == {member.id}
    assert not gone(session, "coupon_used", visit)
    second.move("redeemed", "test", NOON)
    assert causes(session, "coupon_ending", on(due)) == {}
    assert gone(session, "coupon_used", visit)
    assert gone(session, "coupon_used", visit_of(member, coupon_id=first.id))
    assert not gone(session, "coupon_used", visit_of(member))


def test_a_coupon_that_lives_shorter_is_told_of_the_day_after_it_came(
    session: Session, make_member: MakeMember
) -> None:
    member, template = make_member(), get_template(session, "win_back")
    template.valid_days = 2
    issue_coupon(session, member.id, template, issue_key="short", now=NOON)
    assert causes(session, "coupon_ending", on(TODAY, 20)) == {}
    assert members(causes(session, "coupon_ending", on(TODAY + DAY))) == {member.id}
    assert causes(session, "coupon_ending", on(TODAY + 2 * DAY)) == {}


def test_points_are_told_of_before_they_end_and_not_once_spent(
    session: Session, make_member: MakeMember, visit_of: Callable[..., JourneyVisit]
) -> None:
    ends = TODAY + 15 * DAY
    member = make_member(points=30, points_expire_on=ends)
    make_member(points=5, points_expire_on=ends)

    found = causes(session, "points_ending", at_least=10)
    (facts,) = found.values()
    assert (facts["points_ending"], facts["ends_on"]) == (30, (ends - DAY).isoformat())
    visit = visit_of(member, ends_on=facts["ends_on"])
    assert not gone(session, "points_spent", visit)
    session.execute(update(PointsLot).values(remaining=0, repaid=PointsLot.granted))
    assert gone(session, "points_spent", visit)


def test_stamps_and_plans_are_told_of_unless_told_before(
    session: Session, make_member: MakeMember, visit_of: Callable[..., JourneyVisit]
) -> None:
    """A-03: a reminder before expiry, not where it was renewed or cancelled."""
    one, two = make_member(), make_member()
    programme = session.scalars(select(StampProgramme)).one()
    ends = TODAY + 8 * DAY
    for member, reminded_for in ((one, None), (two, ends)):
        session.add(
            StampCard(
                member_id=member.id,
                programme_id=programme.id,
                stamps=13,
                expires_on=ends,
                reminded_for=reminded_for,
            )
        )
    (stamps,) = causes(session, "stamps_ending").values()
    assert (stamps["member"], stamps["stamps"], stamps["missing"]) == (one.id, 3, 7)
    assert stamps["programme_name"] == "茶香集點卡"

    plan = Plan(
        code="pass", name={"zh-TW": "茶友卡"}, colour="#112233", period="yearly", fee_twd=499
    )
    session.add(plan)
    session.flush()
    subscriptions = [
        Subscription(
            member_id=member.id,
            plan_id=plan.id,
            anchor_on=TODAY - 365 * DAY,
            months=12,
            starts_at=NOON - 365 * DAY,
            ends_at=on(TODAY + 15 * DAY, 0),
            reminded_days=reminded,
        )
        for member, reminded in ((one, None), (two, 14))
    ]
    session.add_all(subscriptions)
    (plan_ending,) = causes(session, "plan_ending").values()
    assert (plan_ending["member"], plan_ending["plan_name"]) == (one.id, "茶友卡")
    visit = visit_of(one, subscription_id=subscriptions[0].id, ends_on=plan_ending["ends_on"])
    assert not gone(session, "plan_renewed", visit)
    subscriptions[0].ends_at += 365 * DAY
    assert gone(session, "plan_renewed", visit)


# --- the ladder ---


def test_an_upgrade_is_told_of_until_its_gift_is_claimed(
    session: Session, make_member: MakeMember, visit_of: Callable[..., JourneyVisit]
) -> None:
    """T10: with a gift to claim; claimed, the reason is gone."""
    member, ungifted = make_member(tier="gold"), make_member(tier="gold")
    version = list_versions(session)[0]
    upgrades = [
        Upgrade(
            member_id=each.id,
            tier_id=each.tier_id,
            version_id=version.id,
            qualified_at=NOON - timedelta(hours=1),
            claimed_at=claimed_at,
        )
        for each, claimed_at in ((member, None), (ungifted, NOON))
    ]
    session.add_all(upgrades)

    assert members(causes(session, "tier_up")) == {member.id, ungifted.id}
    (facts,) = causes(session, "tier_up", with_gift=True).values()
    assert (facts["member"], facts["new_tier"]) == (member.id, "金卡會員")
    visit = visit_of(member, upgrade_id=upgrades[0].id)
    assert not gone(session, "gift_claimed", visit)
    upgrades[0].claimed_at = NOON
    assert gone(session, "gift_claimed", visit)
    assert not gone(session, "tier_up", visit)


def test_near_the_next_tier_and_about_to_fall_name_what_is_missing(
    session: Session, make_member: MakeMember
) -> None:
    """B-13: less than x to the next tier; a fall is told of with what would keep the tier."""
    near, far = make_member(), make_member()
    Maker().spend(session, near, 4_500, TODAY)
    Maker().spend(session, far, 3_000, TODAY)
    assert members(causes(session, "near_upgrade", within_twd=1_000)) == {near.id}

    falls = TODAY + 10 * DAY
    short, safe = (make_member(tier="silver", tier_kept_until=falls) for _ in range(2))
    Maker().spend(session, short, 3_800, TODAY - 30 * DAY)
    Maker().spend(session, short, 5_000, TODAY - 360 * DAY)  # Counts no more on that day.
    Maker().spend(session, safe, 5_200, TODAY - 30 * DAY)
    (facts,) = causes(session, "tier_falling").values()
    assert (facts["member"], facts["keep_gap"]) == (short.id, "NT$1,200")
    assert facts["keep_by"] == (falls - DAY).isoformat()
    assert len(list_tiers(session)) == 4


# --- interest ---


def test_looks_and_similar_items_are_told_of_once(
    session: Session, make_member: MakeMember
) -> None:
    """B-02, B-14: what somebody looked at last; who bought something like a new item."""
    new, regular = make_member(), make_member()
    for sku, name in (("T-1", "四季春青茶"), ("T-9", "新品：蜜香紅茶")):
        session.add(
            CatalogueItem(sku=sku, name=name, category="原茶", updated_at=NOON, is_available=True)
        )
    looks = ((new, None), (new, "T-1"), (regular, "T-1"))
    for place, (member, looked_at) in enumerate(looks):
        session.add(
            BrowseEvent(
                source="web",
                event_id=str(place),
                member_id=member.id,
                kind="view",
                sku=looked_at,
                category="原茶",
                occurred_at=NOON - timedelta(minutes=30 - place),
            )
        )
    sale = Maker().spend(session, regular, 60, TODAY)
    session.flush()
    session.add(
        PurchaseLine(
            purchase_id=sale.id, line_no=1, sku="T-1", name="四季春", category="原茶", amount_twd=60
        )
    )

    found = causes(session, "browsed", never_bought=True)
    assert [(each["member"], each["item_name"]) for each in found.values()] == [
        (new.id, "四季春青茶")
    ]
    assert members(causes(session, "browsed", kind="view")) == {new.id, regular.id}
    assert causes(session, "browsed", kind="cart") == {}

    assert members(causes(session, "bought_similar", sku="T-9")) == {regular.id}
    assert causes(session, "bought_similar", sku="T-1") == {}
    take_back(session, regular, sale)
    assert causes(session, "bought_similar", sku="T-9") == {}

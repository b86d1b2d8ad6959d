"""Loading the demo: staff, members and their whole history, in one transaction, once."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import sql
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from models.base import Base, Sessions
from models.consent import Consent, get_notice
from models.coupon import Coupon, CouponTemplate
from models.demo.campaigns import add_campaigns
from models.demo.catalogue import add_catalogue
from models.demo.channels import add_channels
from models.demo.classes import add_nights
from models.demo.contacts import add_contacts
from models.demo.coupons import add_coupons
from models.demo.earning import add_earning
from models.demo.fraud import add_fraud
from models.demo.history import History
from models.demo.identity import add_identity
from models.demo.journeys import add_journeys
from models.demo.ledger import add_ledger
from models.demo.lottery import add_lottery
from models.demo.missions import add_missions
from models.demo.notes import add_notes
from models.demo.people import FIRST_NUMBER, HISTORY_DAYS, Person, make_people
from models.demo.plans import add_plans
from models.demo.referral import add_referral
from models.demo.reviews import add_reviews
from models.demo.rising import add_gifts
from models.demo.segments import add_forecasts, add_segments, count_segments
from models.demo.sent import add_sent_campaign
from models.demo.shop import DEMO_STAFF, TEA_SHOP
from models.demo.shopfront import Row, Rows, Shopfront
from models.demo.stamps import add_stamps
from models.demo.surveys import add_surveys
from models.demo.tiers import add_tiers
from models.friend import Friend
from models.member import Member
from models.pin import set_pin
from models.points import PointsEntry, PointsLot, PointsTake, reserve_entry_ids
from models.prepared import want_nightly
from models.programme import get_programme
from models.purchase import Purchase, refigure
from models.setup import set_up_shop
from models.shop import THE_SHOP, Shop, find_store, list_stores
from models.staff import Staff, add_staff
from models.stamp_card import StampCard, StampEntry
from models.tier import TierChange, Upgrade, list_tiers

SEED = 20_261_122
OPENED_DAYS = HISTORY_DAYS + 60
COUPONS_A_MEMBER = 12
"""More than anybody gets beside their stamp rewards; ids are reserved, gaps do no harm."""

MECHANICS = (
    add_coupons,
    add_stamps,
    add_tiers,
    add_plans,
    add_ledger,
    add_lottery,
    add_missions,
    add_referral,
    add_reviews,
    add_identity,
    add_fraud,
    add_earning,
    add_contacts,
    add_channels,
    add_catalogue,
    add_segments,
    add_journeys,
    add_surveys,
    add_sent_campaign,
    add_campaigns,
    add_notes,
)
"""Each lets the demo shop use one mechanic; in order, for missions give tickets of the lottery, and
plans bring benefits to a shop whose tiers have theirs."""


@dataclass(frozen=True)
class DemoReport:
    """What the demo shop has; `is_fresh` where this call loaded it."""

    is_fresh: bool
    staff: int
    members: int
    friends: int
    purchases: int
    points_entries: int
    coupons: int
    tier_changes: int
    members_by_tier: dict[str, int]

    def __str__(self) -> str:
        """Return one line of counts."""
        tiers = ", ".join(f"{code} {count}" for code, count in self.members_by_tier.items())
        return (
            f"Demo shop {'loaded' if self.is_fresh else 'was loaded before'}: "
            f"{self.staff} staff, {self.members} members ({tiers}), {self.friends} friends, "
            f"{self.purchases} purchases, {self.points_entries} points entries, "
            f"{self.coupons} coupons, {self.tier_changes} tier changes"
        )


def load_demo(sessions: Sessions, now: datetime) -> DemoReport:
    """Make the tea shop with staff, members and two years of sales, unless it is there already.

    All or nothing. Members owe nobody a message for the past: their outbox is empty.
    """
    with sessions.begin() as session:
        set_up_shop(session, TEA_SHOP, now - timedelta(days=OPENED_DAYS))
        # A second loader waits here, and then finds the demo loaded.
        session.execute(select(Shop.id).where(Shop.id == THE_SHOP).with_for_update())
        is_fresh = not _is_loaded(session)
        _add_staff(session)
        if is_fresh:
            add_gifts(session)
            _add_members(session, now)
            for add in MECHANICS:
                add(session, now)
                session.flush()
        report = _report(session, is_fresh=is_fresh)
    if is_fresh:
        add_forecasts(sessions, now)
        with sessions.begin() as session:
            add_nights(session, now)
            count_segments(session, now)
            want_nightly(session, now)
    return report


def demo_people(session: Session) -> list[dict[str, Any]]:
    """Return every member with a LINE account as the simulator's seed file names them."""
    rows = session.execute(
        select(Member.line_user_id, Member.name, Member.language, Friend.is_following)
        .join(Friend, Friend.line_user_id == Member.line_user_id)
        .order_by(Member.id)
    )
    return [
        {"id": line_user_id, "name": name, "language": language, "friend": is_following}
        for line_user_id, name, language, is_following in rows
    ]


def _is_loaded(session: Session) -> bool:
    return session.scalar(select(Member.id).where(Member.number == FIRST_NUMBER)) is not None


def _add_staff(session: Session) -> None:
    known = {staff.username: staff for staff in session.scalars(select(Staff))}
    for username, password, role, name, store_code, pin in DEMO_STAFF:
        store = find_store(session, store_code)
        assert store is not None, "set-up makes the demo's stores"
        staff = known.get(username) or add_staff(
            session, username=username, name=name, role=role, store=store, password=password
        )
        if pin is not None and staff.pin_hash is None:
            set_pin(staff, pin)


def _add_members(session: Session, now: datetime) -> None:
    people = make_people(SEED, now, list(TEA_SHOP.stores))
    shop = _shopfront(session, people, now)
    member_ids = _reserve(session, Member, len(people))
    histories = [History(person, next(member_ids), shop) for person in people]
    visits = [(visit, history) for history in histories for visit in history.person.visits]
    for visit, history in sorted(visits, key=lambda pair: pair[0].at):
        history.visit(visit)
    for history in histories:
        history.advance(now)
    _write(session, histories, shop.rows, get_notice(session).version)


def _shopfront(session: Session, people: list[Person], now: datetime) -> Shopfront:
    programme = get_programme(session)
    sales = sum(len(person.visits) for person in people)
    stores = {store.code: store.id for store in list_stores(session)}
    counter = session.scalars(
        select(Staff).where(Staff.role.in_(("clerk", "manager"))).order_by(Staff.id.desc())
    )
    clerks = {staff.store_id: staff.id for staff in counter}
    return Shopfront(
        programme=programme,
        templates={template.code: template for template in session.scalars(select(CouponTemplate))},
        store_ids=stores,
        clerk_ids={
            code: clerks[store_id] for code, store_id in stores.items() if store_id in clerks
        },
        purchase_ids=_reserve(session, Purchase, sales),
        entry_ids=iter(reserve_entry_ids(session, 2 * sales)),
        coupon_ids=_reserve(
            session,
            Coupon,
            sales // programme.stamp_programmes[0].size + COUPONS_A_MEMBER * len(people),
        ),
        rows=Rows(),
        chance=random.Random(SEED),  # noqa: S311 - the demo's coupon codes are no secret.
        now=now,
    )


def _reserve(session: Session, model: type[Base], count: int) -> Iterator[int]:
    """Draw `count` ids from the table's own sequence, so that nobody else gets them."""
    drawn = session.scalars(
        text("SELECT nextval(pg_get_serial_sequence(:name, 'id')) FROM generate_series(1, :count)"),
        {"name": model.__tablename__, "count": count},
    )
    return iter(drawn.all())


def _write(session: Session, histories: list[History], rows: Rows, notice_version: str) -> None:
    people = [(history.person, history.member_id) for history in histories]
    _copy(session, Member, [history.member_row() for history in histories])
    _copy(session, Friend, [_friend_row(person) for person, _ in people])
    _copy(
        session,
        Consent,
        [
            row
            for person, member_id in people
            for row in _consents(person, member_id, notice_version)
        ],
    )
    _copy(session, Coupon, rows.coupons)
    _copy(session, Purchase, rows.purchases)
    refigure(session, [member_id for _, member_id in people])
    _copy(session, PointsEntry, rows.entries)
    _copy(session, PointsLot, rows.lots)
    _copy(session, PointsTake, rows.takes)
    _copy(session, StampCard, [row for history in histories if (row := history.stamp_row())])
    _copy(session, StampEntry, rows.stamps)
    _copy(session, TierChange, rows.tier_changes)
    _copy(session, Upgrade, rows.upgrades)


def _friend_row(person: Person) -> Row:
    return {
        "line_user_id": person.line_user_id,
        "is_following": person.is_friend,
        "changed_at": person.joined_at - timedelta(minutes=3),
        "language": person.language,
        "source": person.join_source,
    }


def _consents(person: Person, member_id: int, notice_version: str) -> Iterator[Row]:
    purposes = ["membership", "marketing"] if person.allows_marketing else ["membership"]
    for purpose in purposes:
        yield {
            "member_id": member_id,
            "purpose": purpose,
            "is_given": True,
            "notice_version": notice_version,
            "channel": "line",
            "evidence": f"demo:{person.number}:{purpose}",
            "said_at": person.joined_at,
        }


def _copy(session: Session, model: type[Base], rows: list[Row]) -> None:
    """Write rows of one shape with COPY, inside the session's transaction."""
    columns = list(rows[0])
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(model.__tablename__), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    driver = session.connection().connection.driver_connection
    assert driver is not None
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([_plain(row[column]) for column in columns])


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict) else value


def _report(session: Session, *, is_fresh: bool) -> DemoReport:
    counts = select(Member.tier_id, func.count()).group_by(Member.tier_id)
    by_tier = dict(session.execute(counts).all())
    return DemoReport(
        is_fresh=is_fresh,
        staff=_count(session, Staff),
        members=_count(session, Member),
        friends=session.scalar(select(func.count()).where(Friend.is_following)) or 0,
        purchases=_count(session, Purchase),
        points_entries=_count(session, PointsEntry),
        coupons=_count(session, Coupon),
        tier_changes=_count(session, TierChange),
        members_by_tier={tier.code: by_tier.get(tier.id, 0) for tier in list_tiers(session)},
    )


def _count(session: Session, model: type[Base]) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0

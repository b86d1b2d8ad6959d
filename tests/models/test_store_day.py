"""A store's day: what it brought, beside what the same weekday usually brings."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models.coupon import cancel_redemption, redeem_alone
from models.local_day import local_day
from models.member import Member
from models.shop import Store
from models.staff import Staff
from models.store_day import Hour, store_day
from tests.conftest import NOON
from tests.handlers.statements import count_statements
from tests.models.coupon_maker import give, make_template
from tests.models.shopping import buy, take_back

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]
TODAY = local_day(NOON)
LONG_AGO = NOON - timedelta(days=100)


def test_an_empty_day_has_no_figures(session: Session, store: Store) -> None:
    day = store_day(session, store, TODAY)
    assert (day.count, day.net_twd, day.average_twd, day.refunds, day.coupons_used) == (0,) * 5
    assert (day.hours, day.usual_days) == ((), 0)


def test_the_day_counts_what_stands(
    session: Session, store: Store, make_member: MakeMember
) -> None:
    """Today's figures: count, net sum, average basket, points, refunds; not another store's."""
    member = make_member()
    buy(session, member, 300)
    part = buy(session, member, 500)
    take_back(session, member, part, 100)
    take_back(session, member, buy(session, member, 900))
    buy(session, member, 4_000, store="TC01")
    day = store_day(session, store, TODAY)
    assert (day.count, day.net_twd, day.average_twd) == (2, 700, 350)
    assert day.points_given == 3 + 5
    assert (day.refunds, day.refunded_twd) == (2, 1_000)


def test_coupons_count_unless_their_use_was_taken_back(
    session: Session, store: Store, make_member: MakeMember, make_staff: MakeStaff
) -> None:
    """Today's figures: coupons redeemed."""
    member, clerk = make_member(), make_staff()
    for number in range(2):
        coupon = give(session, member, make_template(session, kind="item", value=0))
        used = redeem_alone(
            session,
            coupon.code,
            store=store,
            staff=clerk,
            idempotency_key=f"u{number}",
            now=NOON,
        )
    cancel_redemption(session, used.id, staff_id=clerk.id, now=NOON)
    assert store_day(session, store, TODAY).coupons_used == 1


def test_new_members_are_those_who_joined_here_today(
    session: Session, store: Store, make_member: MakeMember
) -> None:
    """Today's figures: new members of this store, by Taipei's day."""
    midnight = datetime(2026, 11, 22, tzinfo=NOON.tzinfo) - timedelta(hours=8)
    for joined_at, source in (
        (midnight, "store:TP01"),
        (midnight + timedelta(hours=23, minutes=59), "store:TP01"),
        (midnight - timedelta(seconds=1), "store:TP01"),
        (midnight + timedelta(days=1), "store:TP01"),
        (midnight, "store:TC01"),
        (midnight, "line"),
    ):
        make_member(joined_at=joined_at).join_source = source
    session.flush()
    assert store_day(session, store, TODAY).new_members == 2


def test_hours_stand_beside_the_same_weekdays_mean(
    session: Session, store: Store, make_member: MakeMember
) -> None:
    """Today's figures: sales by hour against the last four of the same weekday that had any."""
    member = make_member(joined_at=LONG_AGO)
    week = timedelta(days=7)
    buy(session, member, 400, now=NOON - 5 * week)
    buy(session, member, 300, now=NOON - 2 * week - timedelta(hours=1))
    buy(session, member, 100, now=NOON - week)
    buy(session, member, 999, now=NOON - timedelta(days=1))
    buy(session, member, 250, now=NOON + timedelta(hours=1))
    day = store_day(session, store, TODAY)
    assert day.usual_days == 2
    assert day.hours == (Hour(11, 0, 150), Hour(12, 0, 50), Hour(13, 250, 0))


def test_it_asks_twice_whatever_the_day_brought(
    session: Session, store: Store, make_member: MakeMember
) -> None:
    """Today's figures: flat cost."""
    for number in range(12):
        buy(session, make_member(), 100 + number)
    with count_statements(session) as asked:
        assert store_day(session, store, TODAY).count == 12
    assert len(asked) == 2

"""The clerk fraud lens: seeded fraud is found, and chance alone raises few alarms."""

import random
from collections.abc import Callable
from datetime import datetime, time, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert
from sqlalchemy.orm import Session

from models.demo.fraud import TIMES, add_fraud
from models.demo.identity import DOUBLE_NAME, add_identity
from models.fraud import list_open_alerts
from models.fraud.figures import (
    USUAL_HOURS,
    ClerkFigures,
    clerk_figures,
    list_buy_returns,
    opening_hours,
    score,
)
from models.identity import likely_duplicates
from models.local_day import day_start, local_day
from models.member import Member, get_member
from models.points import post_points
from models.purchase import Purchase, Refund
from models.staff import Staff
from tests.conftest import NOON

MakeMember = Callable[..., Member]
MakeStaff = Callable[..., Staff]

TODAY = local_day(NOON)
FIRST, AFTER = TODAY - timedelta(days=30), TODAY + timedelta(days=1)


def sell(session: Session, clerk: Staff, members: list[Member], *, hour: int = 12) -> list[int]:
    """Record one sale a member at a Taipei hour; return the purchases."""
    moment = day_start(TODAY - timedelta(days=3)) + timedelta(hours=hour)
    rows = [
        {
            "member_id": member.id,
            "store_id": clerk.store_id,
            "staff_id": clerk.id,
            "amount_twd": 100,
            "paid_twd": 100,
            "points_earned": 0,
            "purchased_at": moment,
            "purchased_on": local_day(moment),
            "idempotency_key": str(uuid4()),
        }
        for member in members
    ]
    return list(session.scalars(insert(Purchase).returning(Purchase.id), rows))


def give_back(session: Session, purchase_ids: list[int]) -> None:
    for purchase_id in purchase_ids:
        sale = session.get_one(Purchase, purchase_id)
        sale.refunded_twd, sale.undone_at = sale.paid_twd, sale.purchased_at
        session.add(
            Refund(
                purchase_id=sale.id,
                member_id=sale.member_id,
                store_id=sale.store_id,
                staff_id=sale.staff_id,
                amount_twd=sale.paid_twd,
                reason="取消",
                is_full=True,
                refunded_at=sale.purchased_at + timedelta(days=1),
                refunded_on=sale.purchased_on + timedelta(days=1),
                idempotency_key=str(uuid4()),
            )
        )
    session.flush()


@pytest.fixture
def members(make_member: MakeMember) -> list[Member]:
    return [make_member() for _ in range(60)]


@pytest.fixture
def clerks(session: Session, make_staff: MakeStaff, members: list[Member]) -> list[Staff]:
    """Return four clerks who each served everybody once."""
    made = [make_staff() for _ in range(4)]
    for clerk in made:
        sell(session, clerk, members)
    return made


def alarms(session: Session) -> list[tuple[str, str]]:
    return [
        (clerk.username, figure.name)
        for clerk in clerk_figures(session, FIRST, AFTER)
        for figure in clerk.alarms
    ]


def test_like_clerks_raise_no_alarm(session: Session, clerks: list[Staff]) -> None:
    """X13: false alarms bounded."""
    assert alarms(session) == []
    assert {clerk.sales for clerk in clerk_figures(session, FIRST, AFTER)} == {60}


def test_buying_and_giving_back_is_found_with_its_cases(
    session: Session, clerks: list[Staff], make_member: MakeMember
) -> None:
    """X13, U8: per clerk and per member, each with the purchases behind it."""
    friend, culprit = make_member(), clerks[2]
    bought = sell(session, culprit, [friend] * 12)
    give_back(session, bought)
    assert (culprit.username, "buy_returns") in alarms(session)
    worst: ClerkFigures = clerk_figures(session, FIRST, AFTER)[0]
    found = next(figure for figure in worst.figures if figure.name == "buy_returns")
    assert (worst.staff_id, found.cases, set(found.ids)) == (culprit.id, 12, set(bought))
    again = list_buy_returns(session, FIRST, AFTER)
    assert [(one.member_id, one.times, one.staff_ids) for one in again] == [
        (friend.id, 12, (culprit.id,))
    ]
    assert again[0].amount_twd == 1_200


def test_two_returns_are_no_pattern(
    session: Session, clerks: list[Staff], make_member: MakeMember
) -> None:
    """U8: people do change their minds."""
    give_back(session, sell(session, clerks[0], [make_member()] * 2))
    assert list_buy_returns(session, FIRST, AFTER) == []


@pytest.mark.parametrize("what", ["after_hours", "same_member", "manual_adds", "staff_cards"])
def test_each_figure_finds_its_own(
    session: Session, clerks: list[Staff], make_member: MakeMember, what: str
) -> None:
    """X13: manual adds, one card again and again, after hours, staff's cards."""
    culprit, friend = clerks[1], make_member()
    if what == "after_hours":
        sell(session, culprit, [make_member() for _ in range(15)], hour=3)
    elif what == "same_member":
        sell(session, culprit, [friend] * 20)
    elif what == "staff_cards":
        clerks[3].member_id = friend.id
        sell(session, culprit, [friend] * 9)
    else:
        for number in range(15):
            post_points(
                session,
                friend,
                5,
                reason="adjustment",
                idempotency_key=f"added:{number}",
                now=NOON,
                staff_id=culprit.id,
            )
    assert (culprit.username, what) in alarms(session)
    assert {username for username, _ in alarms(session)} == {culprit.username}


def test_chance_alone_raises_few_alarms() -> None:
    """X13: 400 shops of honest clerks, five figures each: under one shop in a hundred."""
    dice = random.Random(20261122)
    false = 0
    for _ in range(400):
        rate, sales = dice.uniform(0.005, 0.1), [dice.randint(30, 400) for _ in range(5)]
        cases = [sum(dice.random() < rate for _ in range(sold)) for sold in sales]
        shares = [count / sold for count, sold in zip(cases, sales, strict=True)]
        false += any(
            score(cases[one], sales[one], shares[:one] + shares[one + 1 :]) >= 4 and cases[one] >= 5
            for one in range(5)
        )
    assert false <= 4


def test_a_clerk_without_peers_is_not_judged() -> None:
    assert score(50, 60, [0.1]) == 0


def test_the_first_and_the_last_day_are_taipeis(session: Session, clerks: list[Staff]) -> None:
    assert clerk_figures(session, TODAY - timedelta(days=2), AFTER) == []
    on_the_day = clerk_figures(session, TODAY - timedelta(days=3), TODAY - timedelta(days=2))
    assert len(on_the_day) == 4


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("每日 10:00–22:00", (time(10), time(22))),
        ("週一至週五 9:30-21:30", (time(9, 30), time(21, 30))),
        ("全年無休", USUAL_HOURS),
        ("10:00–29:00", USUAL_HOURS),
    ],
)
def test_opening_hours_are_read_where_they_can_be(text: str, hours: tuple[time, time]) -> None:
    assert opening_hours(text) == hours


def test_the_demos_fraud_is_found(
    session: Session, clerks: list[Staff], members: list[Member]
) -> None:
    """X13, U8, U12, U14: what the demo seeds is what its commands find."""
    now: datetime = NOON
    add_identity(session, now)
    add_fraud(session, now)
    assert [one.times for one in list_buy_returns(session, FIRST, AFTER)] == [TIMES]
    assert (clerks[-1].username, "buy_returns") in alarms(session)
    assert [alert.kind for alert in list_open_alerts(session)] == ["not_me"]
    pairs = [
        pair
        for pair in likely_duplicates(session, 2_000)
        if get_member(session, pair.first_id).name == DOUBLE_NAME
    ]
    assert [pair.reasons for pair in pairs] == [("birthday_and_name", "name_and_joining", "phone")]

"""Whom to write to first: the expected margin of a message, and what choosing is worth (X1, U4)."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import exp
from statistics import mean

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.checkout import Line, Sale, record_purchase
from models.local_day import local_day
from models.member import Member
from models.prediction import MemberForecast, ModelFit
from models.quota import (
    change_plan,
    expected_margin,
    margin_percent_of,
    month_of,
    rank_worth,
    remaining,
    reserve,
    settle_use,
)
from models.shop import Store
from tests.conftest import NOON
from tests.models.prediction_shop import add_members

MakeMember = Callable[..., Member]
TODAY, DAY = local_day(NOON), timedelta(days=1)
RUNS = 200
SHOP = 400
MARGIN, BLOCK = 0.6, 0.005
LEAST_TIMES = 2.0
"""Measured: 3.0 times as much as random; eight other shops lay between 2.6 and 3.2 times."""
LEAST_BETTER = 0.8
"""Measured: 182 of 200 months, in other shops 172 to 189: now and then a good customer blocks."""


def be_fitted(session: Session) -> int:
    """Let last night have fitted; return the fit's id."""
    fit = ModelFit(as_of=TODAY, fitted_at=NOON, seconds=1.0, buyers=1, repeaters=1, parameters={})
    session.add(fit)
    session.flush()
    return fit.id


def forecast(
    member_id: int, fit_id: int, likely: float, orders: float, value: int
) -> MemberForecast:
    """Return what was foretold of a member: so many orders and so much net spend in a year."""
    return MemberForecast(
        member_id=member_id,
        fit_id=fit_id,
        likely=likely,
        likely_top=50,
        alive=0.9,
        risk=0.1,
        orders_90=orders / 4,
        orders_365=orders,
        value_90_twd=value // 4,
        value_365_twd=value,
    )


def worth_of(session: Session, member: Member) -> float:
    session.flush()
    found = session.scalar(select(expected_margin(session, NOON)).where(Member.id == member.id))
    assert found is not None
    return found


def bought(session: Session, member: Member, times: int, spent_twd: int, *, silent: int) -> None:
    """Give a member the figures of so many visits in a year, the last so many days ago."""
    member.purchase_days, member.lifetime_twd = times, spent_twd
    member.first_purchase_on, member.last_purchase_on = TODAY - 365 * DAY, TODAY - silent * DAY
    session.flush()


# --- one member ---


def test_a_forecast_goes_before_the_rough_rule(session: Session, make_member: MakeMember) -> None:
    """X1, U4: p of two weeks × a visit's margin, less a block's share of the year's."""
    member = make_member()
    bought(session, member, 10, 50_000, silent=2)
    session.add(forecast(member.id, be_fitted(session), 0.5, 12, 2_400))
    expected = MARGIN * (0.5 * 200 - BLOCK * 2_400)
    assert worth_of(session, member) == pytest.approx(expected)


def test_without_a_forecast_the_days_of_purchases_tell(
    session: Session, make_member: MakeMember
) -> None:
    """X1: from recency, frequency and money, where no fit knows them."""
    member = make_member()
    bought(session, member, 36, 3_600, silent=10)
    gap = 365 / 36
    alive = exp(-10 / (3 * gap))
    expected = MARGIN * 100 * alive * ((1 - exp(-14 / gap)) - BLOCK * 365 / gap)
    assert worth_of(session, member) == pytest.approx(expected)


def test_who_comes_often_lately_and_spends_more_is_worth_more(
    session: Session, make_member: MakeMember
) -> None:
    told = {
        "weekly": (52, 10_400, 5),
        "monthly": (12, 2_400, 5),
        "monthly, small": (12, 1_200, 5),
        "monthly, silent": (12, 1_200, 120),
    }
    worth = []
    for times, spent_twd, silent in told.values():
        member = make_member()
        bought(session, member, times, spent_twd, silent=silent)
        worth.append(worth_of(session, member))
    assert worth == sorted(worth, reverse=True)


def test_a_newcomer_is_worth_a_little_and_less_with_time(
    session: Session, make_member: MakeMember
) -> None:
    buyer = make_member()
    bought(session, buyer, 10, 2_000, silent=5)
    fresh, stale = (make_member(joined_at=NOON - days * DAY) for days in (1, 200))
    assert 0 < worth_of(session, stale) < worth_of(session, fresh) < worth_of(session, buyer)


def test_a_block_may_cost_more_than_a_message_brings(
    session: Session, make_member: MakeMember
) -> None:
    """U5: the expected cost of losing a reader is in the value."""
    member = make_member()
    session.add(forecast(member.id, be_fitted(session), 0.05, 26, 20_000))
    before = worth_of(session, member)
    changes = {"block_percent": Decimal(5)}
    change_plan(session, None, changes, from_month=month_of(NOON), note="n", by="b", now=NOON)
    assert worth_of(session, member) < 0 < before + MARGIN * 100


def test_an_empty_shop_has_a_worth_for_everybody(session: Session, make_member: MakeMember) -> None:
    assert worth_of(session, make_member()) == 0
    assert margin_percent_of(session, NOON) == 60


def test_the_margin_is_that_of_the_goods_where_costs_are_known(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """X1: from the order lines' costs, else the shop's own share."""
    lines = (Line(name="鮮奶茶", quantity=2, amount_twd=120, cost_twd=30),)
    sale = Sale(make_member().id, store, None, 120, "sale:1", lines=lines)
    record_purchase(session, sale, NOON - DAY)
    assert margin_percent_of(session, NOON) == 75
    assert margin_percent_of(session, NOON + 60 * DAY) == 60


# --- 200 runs ---


@dataclass(frozen=True)
class Life:
    """A customer as they are, which no model sees: a rhythm, a basket, and whether they left."""

    days: tuple[date, ...]
    basket_twd: float
    likely: float
    """The probability that they buy within the next two weeks."""
    yearly_twd: float


def live(chance: random.Random) -> Life:
    """Return a customer who began within the last 400 days and may have left since."""
    rate, leaves = chance.gammavariate(1.2, 1 / 25), chance.betavariate(1, 6)
    began = TODAY - chance.randint(15, 400) * DAY
    days, at = [began], 0.0
    has_left = False
    while not has_left:
        at += chance.expovariate(rate)
        if at > (TODAY - began).days:
            break
        days.append(began + int(at) * DAY)
        has_left = chance.random() < leaves
    basket_twd = chance.gammavariate(4, 40)
    alive = 0.0 if has_left else 1.0
    return Life(
        tuple(days), basket_twd, alive * (1 - exp(-14 * rate)), alive * 365 * rate * basket_twd
    )


def open_shop(session: Session, lives: Sequence[Life], chance: random.Random) -> list[int]:
    """Add the members with their figures; half of them were foretold, never exactly."""
    ids = add_members(session, [life.days[0] for life in lives])
    fit_id = be_fitted(session)
    kept = []
    for place, (member_id, life) in enumerate(zip(ids, lives, strict=True)):
        days = sorted(set(life.days))
        figures = {
            "id": member_id,
            "purchase_days": len(days),
            "first_purchase_on": days[0],
            "last_purchase_on": days[-1],
            "lifetime_twd": int(sum(chance.gammavariate(6, life.basket_twd / 6) for _ in days)),
        }
        kept.append(figures)
        if place % 2:
            likely = min(max(life.likely + chance.gauss(0, 0.15), 0.01), 0.99)
            orders = max(26 * likely, 1)
            value_twd = int(life.basket_twd * chance.uniform(0.6, 1.5) * orders)
            session.add(forecast(member_id, fit_id, likely, orders, value_twd))
    session.execute(update(Member), kept)
    session.flush()
    return ids


def play(lives: Sequence[Life], chance: random.Random) -> list[float]:
    """Play two weeks: what a message to each of them would have left, in NT$."""
    return [
        MARGIN * life.basket_twd * (chance.random() < life.likely)
        - MARGIN * life.yearly_twd * (chance.random() < BLOCK)
        for life in lives
    ]


def test_short_quota_brings_more_from_the_top_than_at_random(
    session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    """X1, U4: 200 months of a shop with too little quota, ours against LINE's random part.

    The outcome is of the customers as they are; the ranking knows only their figures. Each month
    the ledger grants, never above the cap.
    """
    chance = random.Random(2026)
    lives = [live(chance) for _ in range(SHOP)]
    ids = open_shop(session, lives, chance)
    cap = SHOP // 5
    changes = {"hard_cap": cap, "service_reserve": 0}
    change_plan(session, None, changes, from_month=month_of(NOON), note="n", by="b", now=NOON)
    ranked = session.scalars(
        select(Member.id)
        .where(Member.id.in_(ids))
        .order_by(expected_margin(session, NOON).desc(), Member.id)
    ).all()
    places = {member_id: place for place, member_id in enumerate(ids)}
    ours, at_random, better = [], [], 0
    for run in range(RUNS):
        sent = send(session, run, NOON + 31 * run * DAY)
        assert sent == cap
        month = play(lives, chance)
        ours.append(sum(month[places[member_id]] for member_id in ranked[:sent]))
        at_random.append(sum(chance.sample(month, sent)))
        better += ours[-1] > at_random[-1]
    times = mean(ours) / mean(at_random)
    with capsys.disabled():
        print(  # noqa: T201 - the figure that X1 asks for
            f"\nX1: {RUNS} runs, {cap} of {SHOP} members: ours NT${mean(ours):,.0f}, random"
            f" NT${mean(at_random):,.0f}: {times:.2f} times; better in {better} of {RUNS}"
        )
    assert times >= LEAST_TIMES
    assert better >= RUNS * LEAST_BETTER


def send(session: Session, run: int, now: datetime) -> int:
    """Send what a month allows, to all who could be written to; return how many that were."""
    granted = reserve(
        session, source=f"campaign:{run}", key=f"run-{run}", wanted=SHOP, is_service=False, now=now
    )
    settle_use(session, {f"run-{run}": granted}, now)
    left = remaining(session, now)
    assert left.limit is not None
    assert left.used + left.reserved <= left.limit
    return granted


def test_what_choosing_is_worth_is_told_of_the_shops_own_members(
    session: Session, make_member: MakeMember
) -> None:
    """U4: of those who may be written to; who blocked or declined is not counted."""
    for spent_twd in (1_000, 2_000, 4_000):
        bought(session, make_member(), 10, spent_twd, silent=5)
    bought(session, make_member(friend=False), 10, 90_000, silent=5)
    bought(session, make_member(marketing=False), 10, 90_000, silent=5)
    found = rank_worth(session, 1, NOON)
    assert (found.members, found.messages) == (3, 1)
    assert found.times == pytest.approx(4_000 * 3 / 7_000, rel=0.05)
    assert rank_worth(session, 99, NOON).times == pytest.approx(1)
    assert rank_worth(session, 0, NOON).times is None

"""Earn rules: which of them hold for a sale, and how several join (rows T12, A-11, A-15, U10)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.checkout import Line, Sale, record_purchase
from models.earn_rule import Basket, EarnRule, Policy, earn, join_percents
from models.local_day import day_start
from models.member import Member
from models.shop import Shop, Store
from tests.conftest import NOON

MakeMember = Callable[..., Member]
BASKET = Basket(
    amount_twd=1_000,
    paid_twd=1_000,
    at=NOON,
    day=date(2026, 11, 22),
    store_code="TP01",
    channel="till",
    tier_code="gold",
)
PLAIN = Policy(earn_twd=100)


def rule(code: str = "double", **columns: Any) -> EarnRule:
    """Make a rule that doubles every sale, but for what is told."""
    row: dict[str, Any] = {
        "percent": 200,
        "points": 0,
        "min_spend_twd": 0,
        "store_codes": [],
        "channels": [],
        "tier_codes": [],
        "categories": [],
        "weekdays": [],
        "month_days": [],
    }
    return EarnRule(code=code, name={"zh-TW": code}, is_active=True, **row | columns)


def points(
    *rules: EarnRule, basket: Basket = BASKET, policy: Policy = PLAIN, own: int = 100
) -> int:
    return earn(policy, rules, basket, own_percents=(own,)).points


@pytest.mark.parametrize(("stacking", "percent"), [("max", 200), ("add", 250), ("multiply", 300)])
def test_the_policy_says_how_multipliers_join(stacking: str, percent: int) -> None:
    """T12: the tier's one and a half and the member day's double, joined as the shop stated."""
    policy = Policy(earn_twd=100, stacking=stacking)
    assert join_percents(policy, [150, 200]) == percent
    assert points(rule(), policy=policy, own=150) == percent // 10


def test_the_highest_multiplier_counts_where_the_shop_said_nothing(session: Session) -> None:
    """T12: the default is max."""
    assert session.scalars(select(Shop.earn_stacking)).one() == "max"


def test_no_joined_multiplier_goes_above_the_ceiling() -> None:
    """T12: a cap stands above whatever joins."""
    policy = Policy(earn_twd=100, stacking="multiply", cap_percent=250)
    assert points(rule("one"), rule("two"), policy=policy, own=150) == 25


@given(
    percents=st.lists(st.integers(100, 1_000), max_size=6),
    cap=st.none() | st.integers(100, 500),
    stacking=st.sampled_from(["max", "add", "multiply"]),
)
def test_joining_never_takes_and_never_passes_the_ceiling(
    percents: list[int], cap: int | None, stacking: str
) -> None:
    """T12: whatever joins, a member earns at least the plain rate and at most the cap's."""
    joined = join_percents(Policy(100, stacking, cap), percents)
    assert joined >= 100
    assert cap is None or joined <= cap
    if cap is None:
        assert joined >= max(percents, default=100)


@pytest.mark.parametrize(
    ("columns", "change"),
    [
        ({"weekdays": [7]}, {"day": date(2026, 11, 23)}),
        ({"month_days": [22]}, {"day": date(2026, 11, 23)}),
        ({"store_codes": ["TP01"]}, {"store_code": "TP02"}),
        ({"channels": ["till"]}, {"channel": "web"}),
        ({"tier_codes": ["gold", "black"]}, {"tier_code": "silver"}),
        ({"min_spend_twd": 1_000}, {"paid_twd": 999}),
        ({"starts_at": NOON}, {"at": NOON - timedelta(microseconds=1)}),
        ({"ends_at": NOON + timedelta(microseconds=1)}, {"at": NOON + timedelta(microseconds=1)}),
    ],
)
def test_a_rule_holds_only_under_its_conditions(
    columns: dict[str, Any], change: dict[str, Any]
) -> None:
    """A-11: a multiplier on a date rule; also by store, channel, tier, amount and window."""
    conditional = rule(**columns)
    assert points(conditional) == 20
    assert points(conditional, basket=replace(BASKET, **change)) < 20


def test_a_visit_brings_fixed_points_on_top() -> None:
    """A-15: spend and get."""
    assert points(rule(percent=100, points=5), own=150) == 20


def test_a_category_multiplies_its_own_lines_only() -> None:
    """Double for drinks: 300 of 1,000 count double, so thirteen points of ten steps."""
    basket = replace(BASKET, lines=(("drink", 300), ("food", 700)))
    assert points(rule(categories=["drink"]), basket=basket) == 13
    assert points(rule(categories=["drink"]), basket=BASKET) == 10


def test_the_days_cap_cuts_what_is_above_it_and_says_so() -> None:
    """U10: what a member earns on one day is capped on the server."""
    policy = Policy(earn_twd=100, daily_cap=12)
    earned = earn(policy, [rule()], BASKET, own_percents=(100,), earned_today=5)
    assert (earned.points, earned.capped_from) == (7, 20)
    assert earn(policy, [], BASKET, own_percents=(100,), earned_today=50).points == 0


def test_the_cap_holds_over_a_whole_day_and_ends_at_midnight_in_taipei(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """U10: counted by Taipei day, whatever the number of sales."""
    _change_shop(session, earn_daily_cap=10)
    member = make_member()
    late = day_start(date(2026, 11, 23)) - timedelta(seconds=1)
    earned = [
        record_purchase(session, _sale(member, store, 600, str(number)), late).purchase
        for number in range(3)
    ]
    assert [purchase.points_earned for purchase in earned] == [6, 4, 0]
    after_midnight = late + timedelta(seconds=1)
    again = record_purchase(session, _sale(member, store, 600, "after"), after_midnight)
    assert again.purchase.points_earned == 6


def test_a_purchase_keeps_how_its_points_came_about(
    session: Session, make_member: MakeMember, store: Store
) -> None:
    """X6: a rule that had a part is named on the purchase it multiplied."""
    session.add(rule("drinks", categories=["drink"]))
    _change_shop(session)
    member = make_member()
    sale = Sale(
        member.id,
        store,
        None,
        400,
        "lines",
        lines=(Line("珍珠奶茶", 200, quantity=2, category="drink"), Line("蛋糕", 200)),
    )
    purchase = record_purchase(session, sale, NOON).purchase
    assert purchase.points_earned == 6
    assert purchase.earned == {
        "steps": 4,
        "percent": 100,
        "bonus": 0,
        "capped_from": None,
        "rules": ["drinks"],
    }


def _change_shop(session: Session, **columns: Any) -> None:
    shop = session.scalars(select(Shop)).one()
    for name, value in columns.items():
        setattr(shop, name, value)
    shop.programme_version += 1
    session.flush()


def _sale(member: Member, store: Store, amount_twd: int, key: str) -> Sale:
    return Sale(member.id, store, None, amount_twd, key)

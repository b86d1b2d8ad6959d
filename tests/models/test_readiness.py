"""Whether a shop is ready for tiers: worked by hand, and by chance."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from models.local_day import local_day
from models.prepared import FIGURES
from models.readiness import NOT_ENOUGH, NOT_YET, READY, judge_readiness, read_readiness
from tests.conftest import NOON, Maker


def test_a_group_that_comes_clearly_oftener_is_the_signal() -> None:
    """A-25: 160 come twice a year and 40 twelve times; by hand: mean 4, variance 16.08."""
    found = judge_readiness([(2, 160), (12, 40)], 300)

    assert found.verdict == READY
    assert (found.buyers, found.orders, found.mean) == (200, 800, 4.0)
    assert found.dispersion == pytest.approx((160 * 4 + 40 * 64) / 199 / 4)
    assert (found.top_buyers, found.top_from, found.top_mean, found.rest_mean) == (40, 12, 12, 2)
    assert found.top_share == pytest.approx(480 / 800)


def test_where_all_come_alike_tiers_only_give_away() -> None:
    """A-25: the other signals do not count: so many members, and no group among them."""
    assert judge_readiness([(3, 5_000)], 300).verdict == NOT_YET
    assert judge_readiness([(1, 245), (2, 180), (3, 90), (4, 35), (5, 12)], 300).verdict == NOT_YET


@pytest.mark.parametrize(
    ("counts", "days"), [([], 0), ([(2, 79), (12, 20)], 300), ([(2, 160), (12, 40)], 89)]
)
def test_a_small_shop_is_told_that_nothing_is_known(
    counts: list[tuple[int, int]], days: int
) -> None:
    assert judge_readiness(counts, days).verdict == NOT_ENOUGH


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.integers(1, 60), st.integers(1, 400), max_size=8))
def test_the_parts_make_up_the_whole(counts: dict[int, int]) -> None:
    found = judge_readiness(list(counts.items()), 365)

    rest = found.buyers - found.top_buyers
    both = found.top_mean * found.top_buyers + found.rest_mean * rest
    assert both == pytest.approx(found.orders)
    assert found.top_mean >= found.rest_mean or not found.top_buyers
    assert 0 <= found.top_share <= 1


def test_it_is_prepared_from_the_purchases_of_the_last_year(session: Session) -> None:
    maker, today = Maker(), local_day(NOON)
    member = maker.member(session, spend_twd=100, spent_on=today - timedelta(days=100))
    maker.spend(session, member, 100, today)
    maker.spend(session, member, 100, today - timedelta(days=500))
    session.flush()

    told = read_readiness(session, NOON, {}, lambda _done, _total: None)

    assert (told["buyers"], told["orders"], told["days"]) == (1, 2, 100)
    assert FIGURES["tier_readiness"].is_nightly

"""Intervals of shares."""

import pytest

from models.interval import newcombe, wilson


def test_an_interval_is_honest_for_none_and_for_all() -> None:
    """Wilson (1927): 0 of 10 is 0 to 27.8 %, 5 of 10 is 23.7 % to 76.3 %."""
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 10) == pytest.approx((0, 0.2775), abs=0.001)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=0.001)
    low, high = wilson(10, 10)
    assert (low, high) == pytest.approx((0.722, 1.0), abs=0.001)


def test_a_difference_of_shares_has_newcombes_interval() -> None:
    """X2: Newcombe (1998), table II, method 10: 56/70 less 48/80 is 5.24 % to 33.39 %."""
    assert newcombe(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=0.0001)
    assert newcombe(9, 10, 3, 10) == pytest.approx((0.1705, 0.8090), abs=0.0001)
    assert newcombe(10, 10, 0, 20) == pytest.approx((0.6791, 1.0), abs=0.0001)


def test_a_difference_to_nobody_may_be_anything() -> None:
    """X2: without a holdout, or without anybody told, nothing is known."""
    assert newcombe(3, 10, 0, 0) == pytest.approx((-0.8922, 0.6032), abs=0.0001)
    assert newcombe(0, 0, 0, 0) == (-1.0, 1.0)

"""Intervals of shares."""

import pytest

from models.interval import wilson


def test_an_interval_is_honest_for_none_and_for_all() -> None:
    """Wilson (1927): 0 of 10 is 0 to 27.8 %, 5 of 10 is 23.7 % to 76.3 %."""
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 10) == pytest.approx((0, 0.2775), abs=0.001)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=0.001)
    low, high = wilson(10, 10)
    assert (low, high) == pytest.approx((0.722, 1.0), abs=0.001)

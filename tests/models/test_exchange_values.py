"""A-08: what people write into cells is read, and what cannot be read is never guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.base import BusinessError
from models.exchange.values import (
    Cell,
    Unreadable,
    read_amount,
    read_day,
    read_email,
    read_moment,
    read_phone,
    read_yes,
)
from models.local_day import TAIPEI
from models.phone import normal_phone

HALF_PAST_TEN = datetime(2026, 5, 20, 10, 30, tzinfo=TAIPEI)


@pytest.mark.parametrize(
    "cell",
    [
        "2026/5/20 上午 10:30",
        "2026/05/20 10:30:00",
        "2026-05-20 10:30:00",
        "2026-05-20T10:30:00+08:00",
        "2026-05-20 10:30:00 +0800",
        "2026-05-20T02:30:00Z",
        "2026.5.20 10:30 AM",
        "２０２６／５／２０　１０：３０",
        "2026年5月20日 10時30分",
        "115/5/20 10:30",
        "民國115年5月20日 上午10:30",
        "05/20/2026 10:30",
        "20/05/2026 10:30",
        46162.4375,
        "46162.4375",
        datetime(2026, 5, 20, 10, 30),  # noqa: DTZ001 - as a workbook gives it
    ],
    ids=repr,
)
def test_a_moment_is_read_in_every_common_dress(cell: Cell) -> None:
    """A-08: dates in several forms, years of the Republic and Excel's day counts among them."""
    assert read_moment(cell) == HALF_PAST_TEN


def test_half_days_are_told_apart() -> None:
    assert read_moment("2026/5/20 下午 12:05").astimezone(TAIPEI).hour == 12
    assert read_moment("2026/5/20 上午 12:05").astimezone(TAIPEI).hour == 0
    assert read_moment("2026/5/20 下午 3:05").astimezone(TAIPEI).hour == 15


@pytest.mark.parametrize(
    "cell",
    ["1990/5/20", "79/05/20", "民國79年5月20日", "0790520", 33013, date(1990, 5, 20)],
    ids=repr,
)
def test_a_birthday_is_read(cell: Cell) -> None:
    assert read_day(cell) == date(1990, 5, 20)


def test_a_day_without_a_time_stands_at_noon() -> None:
    assert read_moment("2026-05-20") == datetime(2026, 5, 20, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    "cell",
    [
        "5/6/2026",
        "2026-02-30",
        "1990",
        "昨天",
        "",
        "2026/13/1",
        "25:00",
        None,
        True,
        3,
        "2026-05-20 25:00:00",
    ],
    ids=repr,
)
def test_a_date_that_is_none_or_two_is_refused(cell: Cell) -> None:
    with pytest.raises(Unreadable):
        read_moment(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "0912345678",
        "912345678",
        912345678,
        912345678.0,
        "912345678.0",
        "0912-345-678",
        "+886 912 345 678",
        "886912345678",
        "'0912345678",
        "０９１２３４５６７８",
        "(0912) 345678",
    ],
    ids=repr,
)
def test_a_mobile_number_is_read_even_without_its_zero(cell: Cell) -> None:
    assert read_phone(cell) == "+886912345678"


@given(st.text(alphabet="+0123456789-() 小", max_size=16))
def test_the_short_way_to_a_number_agrees_with_the_long_one(typed: str) -> None:
    """What both can read, they read alike; the short way never takes what is no mobile number."""
    try:
        number = read_phone(typed)
    except Unreadable:
        with pytest.raises(BusinessError):
            normal_phone(typed)
        return
    assert normal_phone(number) == number


@pytest.mark.parametrize(
    ("cell", "amount_twd"),
    [
        ("NT$1,234.00", 1234),
        ("1,234", 1234),
        ("$300", 300),
        ("１２３元", 123),
        ("TWD 12", 12),
        (1234.0, 1234),
        (7, 7),
        ("(300)", -300),
        ("-300", -300),
        ("－300", -300),
        ("300-", -300),
    ],
    ids=repr,
)
def test_an_amount_is_whole_dollars(cell: Cell, amount_twd: int) -> None:
    assert read_amount(cell) == amount_twd


@pytest.mark.parametrize("cell", ["99.50", 99.5, "", "abc", "1e3", True, "--3"], ids=repr)
def test_an_amount_is_never_rounded(cell: Cell) -> None:
    with pytest.raises(Unreadable):
        read_amount(cell)


def test_yes_and_no_are_words() -> None:
    assert [read_yes(cell) for cell in ("是", "TRUE", True, 1, "Y")] == [True] * 5
    assert [read_yes(cell) for cell in ("否", "false", False, 0, None, "")] == [False] * 6
    with pytest.raises(Unreadable):
        read_yes("也許")


def test_an_address_is_lower_case_and_whole() -> None:
    assert read_email(" Amy@Shop.Example ") == "amy@shop.example"
    with pytest.raises(Unreadable):
        read_email("amy at shop")

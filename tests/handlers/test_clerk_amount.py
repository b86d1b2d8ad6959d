"""What a clerk may type as an amount."""

import pytest

from handlers.clerk.amount import AmountMissing, AmountUnreadable, read_amount
from models.purchase import AmountRefused


@pytest.mark.parametrize(
    ("typed", "amount_twd"),
    [
        ("450", 450),
        (" 1,200 ", 1200),
        ("４５０", 450),
        ("NT$80", 80),
        ("NT＄80", 80),
        ("120元", 120),
        ("65+80", 145),
        ("65×2+30", 160),
        ("30+65x2", 160),
        ("６５＊２", 130),
        ("65+", 65),
        ("200000", 200_000),
    ],
)
def test_a_typed_amount_is_read_as_a_clerk_means_it(typed: str, amount_twd: int) -> None:
    assert read_amount(typed) == amount_twd


@pytest.mark.parametrize("typed", ["", "  ", "NT$", "+"])
def test_nothing_typed_is_told_apart_from_nonsense(typed: str) -> None:
    with pytest.raises(AmountMissing):
        read_amount(typed)


@pytest.mark.parametrize(
    "typed", ["abc", "12.5", "-5", "1e3", "65++80", "四百", "٤٥", "65-5", "1" * 41, "12345678"]
)
def test_what_is_no_whole_number_is_refused(typed: str) -> None:
    with pytest.raises(AmountUnreadable):
        read_amount(typed)


@pytest.mark.parametrize("typed", ["0", "000", "0×5", "200001", "9999999×9999999"])
def test_nothing_and_too_much_are_refused(typed: str) -> None:
    with pytest.raises(AmountRefused):
        read_amount(typed)

"""Mobile numbers: what a person types becomes one form; what is none is refused."""

import pytest

from models.phone import NotAMobileNumber, masked_phone, normal_phone


@pytest.mark.parametrize(
    "typed",
    [
        "0912345678",
        "0912-345-678",
        "0912 345 678",
        " 0912345678 ",
        "+886912345678",
        "+886 912 345 678",
        "886-912345678",
        "+886-0912-345-678",
        "０９１２３４５６７８",
        "(09)12345678",
    ],
)
def test_every_usual_way_to_type_it_is_one_number(typed: str) -> None:
    """U23: one person, one number."""
    assert normal_phone(typed) == "+886912345678"


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "茶",
        "0912",
        "091234567",
        "09123456789",
        "02-2345-6789",
        "0800-000-123",
        "+81 90-1234-5678",
        "+1 202 555 0123",
        "9" * 500,
        "\x00",
        "12345678",
    ],
)
def test_anything_else_is_refused(typed: str) -> None:
    with pytest.raises(NotAMobileNumber):
        normal_phone(typed)


def test_the_owner_sees_the_ends_of_their_number_only() -> None:
    assert masked_phone("+886912345678") == "0912-***-678"

"""Postback data: what we write we read again, and what we did not write does no harm."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.limits import utf16_length
from bot.postback import (
    MAX_DATA_LENGTH,
    Action,
    PostbackTooLong,
    parse_postback,
    postback_data,
)


@given(
    action=st.sampled_from(list(Action)),
    fields=st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True).filter(lambda name: name != "action"),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
        max_size=2,
    ),
)
def test_what_is_written_is_read_again(action: Action, fields: dict[str, str]) -> None:
    data = postback_data(action, **fields)
    read = parse_postback(data)

    assert read.action == action
    assert dict(read.fields) == fields
    assert utf16_length(data) <= MAX_DATA_LENGTH


def test_fields_of_other_types_become_text() -> None:
    read = parse_postback(postback_data(Action.SHOW_COUPON, coupon=12))

    assert read.fields["coupon"] == "12"


def test_data_beyond_lines_limit_is_refused() -> None:
    with pytest.raises(PostbackTooLong):
        postback_data(Action.CONFIRM_DELETE, token="x" * MAX_DATA_LENGTH)


def test_an_action_nobody_listens_to_is_refused() -> None:
    with pytest.raises(ValueError, match="fly"):
        postback_data("fly")


@pytest.mark.parametrize(
    "data", ["", "hello", "action=", "action=fly", "a=1", "&&&", "%ff%fe", "x&" * 50, "a=1&" * 50]
)
def test_data_we_did_not_write_has_no_action(data: str) -> None:
    assert parse_postback(data).action == ""


@given(st.text())
def test_no_data_breaks_the_reader(data: str) -> None:
    assert isinstance(parse_postback(data).action, str)


def test_the_first_of_two_equal_names_counts() -> None:
    read = parse_postback("action=join&action=delete_me&coupon=1&coupon=2")

    assert read.action == "join"
    assert read.fields["coupon"] == "1"

"""The code in the QR: ours, fresh, used by the right card, or refused with the reason."""

import base64
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.base import BusinessError
from models.member_code import (
    CODE_LENGTH,
    MemberCodeExpired,
    MemberCodeForged,
    NotAMemberCode,
    derive_signing_key,
    has_valid_signature,
    issue_code,
    new_card_ref,
    read_code,
)
from tests.conftest import NOON

KEY = derive_signing_key("a secret of the tests")
PUBLIC = KEY.public_key()
CARD = "0123456789abcdef"
ON_THE_MINUTE = NOON.replace(second=0)


def test_a_fresh_code_names_its_card() -> None:
    assert read_code(PUBLIC, issue_code(KEY, CARD, NOON).text, NOON).card_ref == CARD


def test_each_code_is_a_code_of_its_own() -> None:
    """U7: single use needs a name for each."""
    codes = [issue_code(KEY, CARD, NOON).text for _ in range(20)]
    assert len({read_code(PUBLIC, code, NOON).code_id for code in codes}) == 20


def test_reading_twice_gives_the_same_name() -> None:
    code = issue_code(KEY, CARD, NOON).text
    assert read_code(PUBLIC, code, NOON) == read_code(PUBLIC, code, NOON + timedelta(seconds=20))


@pytest.mark.parametrize("seconds_into_minute", [0, 30, 59])
def test_a_code_is_good_for_a_minute_at_least_and_two_at_most(seconds_into_minute: int) -> None:
    """U7: a screenshot fails."""
    issued_at = ON_THE_MINUTE + timedelta(seconds=seconds_into_minute)
    code = issue_code(KEY, CARD, issued_at)
    assert timedelta(seconds=60) < code.good_until - issued_at <= timedelta(seconds=120)
    read_code(PUBLIC, code.text, code.good_until - timedelta(microseconds=1))
    with pytest.raises(MemberCodeExpired) as refusal:
        read_code(PUBLIC, code.text, code.good_until)
    assert refusal.value.facts == {"issued_at": ON_THE_MINUTE}


def test_a_clock_a_minute_behind_still_reads_a_code() -> None:
    code = issue_code(KEY, CARD, ON_THE_MINUTE).text
    read_code(PUBLIC, code, ON_THE_MINUTE - timedelta(seconds=60))
    with pytest.raises(MemberCodeExpired):
        read_code(PUBLIC, code, ON_THE_MINUTE - timedelta(seconds=61))


def test_a_code_typed_by_a_scanner_in_small_letters_and_lines_is_read() -> None:
    code = issue_code(KEY, CARD, NOON).text
    typed = f"  {code[:40].lower()}\r\n{code[40:]} "
    assert read_code(PUBLIC, typed, NOON).card_ref == CARD


@pytest.mark.parametrize(
    "text",
    ["", "茶", "https://example.com", "A" * CODE_LENGTH, "1" * CODE_LENGTH, "ABC", "Ａ" * 130],
)
def test_another_text_is_no_member_code(text: str) -> None:
    with pytest.raises(NotAMemberCode):
        read_code(PUBLIC, text, NOON)


@given(st.text(max_size=300))
def test_no_text_whatever_is_taken_for_a_code(text: str) -> None:
    with pytest.raises(BusinessError):
        read_code(PUBLIC, text, NOON)


@given(st.integers(0, 8 * 81 - 1))
def test_one_changed_bit_anywhere_is_refused(bit: int) -> None:
    """U6: a forged code is told from an old one."""
    code = issue_code(KEY, CARD, NOON).text
    raw = bytearray(base64.b32decode(code + "=" * (-len(code) % 8)))
    raw[bit // 8] ^= 1 << bit % 8
    changed = base64.b32encode(bytes(raw)).decode().rstrip("=")
    with pytest.raises((MemberCodeForged, NotAMemberCode)):
        read_code(PUBLIC, changed, NOON)
    assert not has_valid_signature(PUBLIC, changed)


def test_another_shops_code_is_forged() -> None:
    other = derive_signing_key("another secret")
    code = issue_code(other, CARD, NOON).text
    with pytest.raises(MemberCodeForged):
        read_code(PUBLIC, code, NOON)


def test_an_old_code_is_still_known_as_ours() -> None:
    code = issue_code(KEY, CARD, NOON - timedelta(days=3)).text
    assert has_valid_signature(PUBLIC, code)
    assert not has_valid_signature(PUBLIC, "茶")


def test_a_code_holds_nothing_personal_and_fits_a_small_qr() -> None:
    """The QR's alphanumeric mode, with only the reference inside."""
    code = issue_code(KEY, CARD, NOON).text
    assert len(code) == CODE_LENGTH == 130
    assert set(code) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def test_a_card_reference_is_random() -> None:
    drawn = {new_card_ref() for _ in range(50)}
    assert len(drawn) == 50
    assert all(len(ref) == 16 for ref in drawn)


def test_the_same_secret_gives_the_same_key() -> None:
    again = derive_signing_key("a secret of the tests")
    assert read_code(again.public_key(), issue_code(KEY, CARD, NOON).text, NOON).card_ref == CARD


def test_a_code_of_the_far_future_is_refused() -> None:
    later = datetime.fromisoformat("2030-01-01T00:00:00+08:00")
    with pytest.raises(MemberCodeExpired):
        read_code(PUBLIC, issue_code(KEY, CARD, later).text, NOON)

"""The page for who receives webhooks: its function is run, its table is complete."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from models.webhook import EVENT_TYPES, TEST_TYPE, sign
from tests.receiver import PAGE, documented_verify

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = '{"id":"evt_1"}'


def test_the_function_shown_takes_what_we_sign() -> None:
    """U7: a stranger checks the signature with what the page shows."""
    headers = sign([SECRET], "evt_1", BODY, datetime.now(UTC))
    assert documented_verify()(SECRET, headers, BODY.encode()) == {"id": "evt_1"}


@pytest.mark.parametrize(
    ("secret", "body", "age"),
    [
        ("whsec_" + "A" * 32, BODY, timedelta(0)),
        (SECRET, BODY + " ", timedelta(0)),
        (SECRET, BODY, timedelta(minutes=6)),
        (SECRET, BODY, timedelta(minutes=-6)),
    ],
)
def test_the_function_shown_refuses_what_is_not_ours(
    secret: str, body: str, age: timedelta
) -> None:
    headers = sign([SECRET], "evt_1", BODY, datetime.now(UTC) - age)
    with pytest.raises(ValueError, match=r"too old|not signed"):
        documented_verify()(secret, headers, body.encode())


def test_every_event_is_in_the_table() -> None:
    words = PAGE.read_text("utf-8")
    assert [name for name in (*EVENT_TYPES, TEST_TYPE) if f"| `{name}` |" not in words] == []

"""Identifiers in the forms LINE gives them."""

from __future__ import annotations

import itertools
import secrets
import time
import uuid

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_CHARACTERS = 26
_MESSAGE_ID_SHIFT = 18  # Leaves room for 262,144 messages a millisecond, and 18 digits.

_message_ids = itertools.count(int(time.time() * 1000) << _MESSAGE_ID_SHIFT)


def new_user_id() -> str:
    """Return a user id: U and 32 hexadecimal digits."""
    return f"U{secrets.token_hex(16)}"


def new_message_id() -> str:
    """Return a message id: digits, growing, also over a restart."""
    return str(next(_message_ids))


def new_request_id() -> str:
    """Return what a response carries as x-line-request-id."""
    return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))


def new_rich_menu_id() -> str:
    """Return a rich menu id."""
    return f"richmenu-{secrets.token_hex(16)}"


def new_token() -> str:
    """Return an opaque token of 32 characters (reply, quote, link)."""
    return secrets.token_hex(16)


def new_event_id(timestamp: int) -> str:
    """Return a ULID whose first ten characters are `timestamp` (milliseconds)."""
    value = (timestamp << 80) | secrets.randbits(80)
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))[
        -_ULID_CHARACTERS:
    ]

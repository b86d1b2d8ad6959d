"""LINE's documented limits, checked here and nowhere else.

Our own sending code asks before it sends, and the simulator asks before it accepts, so a message
that passes our tests is a message LINE takes. Objects come as plain dicts, exactly as they would
be written to JSON; a check returns every violation as `{"property", "message"}`, the shape of
LINE's own error details, and an empty list where all is well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .actions import alias_id
from .checking import Node, Violation, file_url, list_of
from .counting import grapheme_length, utf16_length
from .flex import MAX_BUBBLE_BYTES, MAX_BUBBLES, MAX_CAROUSEL_BYTES, json_bytes
from .messages import message_node
from .recipients import MAX_RECIPIENTS, aggregation_unit, is_user_id, recipients_node
from .rich_menu import MAX_IMAGE_BYTES, rich_menu_node

MAX_MESSAGES = 5
MAX_REQUEST_BYTES = 2 * 1024 * 1024

_messages_node = list_of(message_node, 1, MAX_MESSAGES)

__all__ = [
    "MAX_BUBBLES",
    "MAX_BUBBLE_BYTES",
    "MAX_CAROUSEL_BYTES",
    "MAX_IMAGE_BYTES",
    "MAX_MESSAGES",
    "MAX_RECIPIENTS",
    "MAX_REQUEST_BYTES",
    "LineLimitExceeded",
    "Violation",
    "check_aggregation_units",
    "check_message",
    "check_messages",
    "check_recipients",
    "check_rich_menu",
    "grapheme_length",
    "is_alias_id",
    "is_file_url",
    "is_user_id",
    "json_bytes",
    "refuse_if_invalid",
    "utf16_length",
]


class LineLimitExceeded(ValueError):
    """What we were about to send would be refused by LINE: a mistake of ours, never to be retried.

    `violations` lists all of it. The text names properties and rules only, never a message's words.
    """

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__("; ".join(f"{v['property']}: {v['message']}" for v in violations))
        self.violations = list(violations)


def check_message(message: Any, path: str = "message") -> list[Violation]:
    """Return what LINE would refuse in one message object, which stands at `path`."""
    return _check(message_node, message, path)


def check_messages(messages: Any) -> list[Violation]:
    """Return what LINE would refuse in the `messages` of one request: 1 to 5 objects."""
    return _check(_messages_node, messages, "messages")


def check_rich_menu(menu: Any) -> list[Violation]:
    """Return what LINE would refuse in a rich menu object (without its id)."""
    return _check(rich_menu_node, menu, "")


def check_recipients(user_ids: Any, path: str = "to") -> list[Violation]:
    """Return what LINE would refuse in a batch of recipients: 1 to 500 distinct user ids."""
    return _check(recipients_node, user_ids, path)


def check_aggregation_units(units: Any) -> list[Violation]:
    """Return what LINE would refuse in `customAggregationUnits`: one name, `[A-Za-z0-9_]{1,30}`."""
    path = "customAggregationUnits"
    if not isinstance(units, list) or len(units) > 1:
        return [{"property": path, "message": "Size must be between 0 and 1"}]
    complaint = aggregation_unit(units[0]) if units else None
    return [{"property": f"{path}[0]", "message": complaint}] if complaint else []


def is_alias_id(value: object) -> bool:
    """Tell whether `value` has the form of a rich menu alias id."""
    return alias_id(value) is None


def _check(node: Node, value: Any, path: str) -> list[Violation]:
    found: list[Violation] = []
    try:
        node(value, path, found)
    except RecursionError:
        return [{"property": path, "message": "nested too deeply"}]
    return found


def is_file_url(value: object) -> bool:
    """Tell whether LINE fetches from this address: https, percent-encoded, up to 2,000 units.

    Plain http passes for this machine only, so that a demo's pictures can be shown.
    """
    return file_url(value) is None


def refuse_if_invalid(violations: Sequence[Violation]) -> None:
    """Raise LineLimitExceeded where a check found anything: `refuse_if_invalid(check_...(x))`."""
    if violations:
        raise LineLimitExceeded(violations)

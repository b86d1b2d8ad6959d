"""Validation: every message passes LINE's documented limits and the SDK's own models.

The SDK's models cost milliseconds for a card, and they look at each object of a message alone. So
a message made of kinds of objects they accepted before (the same properties, other values) is not
shown to them again; the values were checked against the limits, which are stricter.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic.v1 import ValidationError

from bot.limits import MAX_MESSAGES, Violation, check_messages

from .answers import LineError, invalid_body

MAX_PASSED = 20_000
MAX_OUTLINES = 5_000
_GROUP_CHAT_ONLY = "mentions are for group chats and multi-person chats only"


@dataclass(frozen=True, slots=True)
class CheckedMessage:
    """A message LINE would take: the object, and its JSON."""

    object: dict[str, Any]
    written: str


class MessageCheck:
    """Refuses what LINE would refuse; a message seen before, byte for byte, passes at once."""

    def __init__(self) -> None:
        self._passed: OrderedDict[int, None] = OrderedDict()
        self._outlines: OrderedDict[frozenset[Any], None] = OrderedDict()

    def check(self, messages: Any) -> list[CheckedMessage]:
        """Return the messages; raise LineError 400, in LINE's words, where any is invalid."""
        written = _written(messages)
        seen = [hash(one) for one in written]
        known = 0 < len(seen) <= MAX_MESSAGES and all(one in self._passed for one in seen)
        if not known:
            violations = check_messages(messages) or self._check_by_sdk(messages)
            if violations:
                raise _refusal(violations)
            for one in seen:
                _remember(self._passed, one, MAX_PASSED)
        return [CheckedMessage(*pair) for pair in zip(messages, written, strict=True)]

    def _check_by_sdk(self, messages: list[dict[str, Any]]) -> list[Violation]:
        found: list[Violation] = []
        for index, message in enumerate(messages):
            outline = _outline(message)
            if outline in self._outlines:
                continue
            complaint = _sdk_complaint(message)
            if complaint is None:
                _remember(self._outlines, outline, MAX_OUTLINES)
            else:
                found.append({"property": f"messages[{index}]", "message": complaint})
        return found


@cache
def _sdk_message() -> Any:
    """Load the SDK's models: a second's work, which a server must not wait for to answer."""
    from linebot.v3.messaging import Message

    return Message


def load_models() -> None:
    """Load the SDK's models beside the serving, so that the first message need not wait."""
    threading.Thread(target=_sdk_message, name="models", daemon=True).start()


def _written(messages: Any) -> list[str]:
    try:
        return list(map(json.dumps, messages)) if isinstance(messages, list) else []
    except RecursionError:
        raise LineError(400, "The request body is nested too deeply") from None


def _remember(kept: OrderedDict[Any, None], key: Any, most: int) -> None:
    if len(kept) >= most:
        kept.popitem(last=False)
    kept[key] = None


def refuse_mentions(messages: list[CheckedMessage]) -> None:
    """Refuse mentions: our people chat with the account alone, never in a group."""
    for index, message in enumerate(messages):
        for key, part in message.object.get("substitution", {}).items():
            if part["type"] == "mention":
                path = f"messages[{index}].substitution.{key}"
                raise _refusal([{"property": path, "message": _GROUP_CHAT_ONLY}])


def _refusal(violations: list[Violation]) -> LineError:
    """Return LINE's refusal: it names the message where only one is wrong."""
    places = {violation["property"].partition(".")[0] for violation in violations}
    place = places.pop()
    if not places and place.endswith("]"):
        return LineError(
            400, f"A message ({place}) in the request body is invalid", details=violations
        )
    return invalid_body(violations)


def _outline(message: dict[str, Any]) -> frozenset[Any]:
    """Return the kinds of objects a message is made of: each a type and its properties' names."""
    kinds: set[Any] = set()
    waiting: list[Any] = [message]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
            continue
        kinds.add((value.get("type"), *value))
        waiting.extend([part for part in value.values() if isinstance(part, (dict, list))])
    return frozenset(kinds)


def _sdk_complaint(message: dict[str, Any]) -> str | None:
    try:
        _sdk_message().from_dict(message)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (KeyError, TypeError, ValueError) as error:
        return f"not a message for the SDK: {type(error).__name__}"
    return None

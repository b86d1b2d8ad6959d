"""One answer made of two: what a person asked for, and what was waiting to be told them."""

from collections.abc import Sequence

from bot import Message
from bot.limits.messages import MAX_QUICK_REPLIES

MOST_MESSAGES = 5
"""The most messages of one call (LINE, Messaging API reference, read 2026-08)."""


def join_messages(answer: Sequence[Message], more: Sequence[Message]) -> list[Message] | None:
    """Return an answer with more messages after it, or None where one call cannot hold both.

    LINE shows the quick replies of the last message alone, so all of them go there.
    """
    joined = [*answer, *more]
    items = [item for message in joined for item in _quick_replies(message)]
    kept = [item for place, item in enumerate(items) if item not in items[:place]]
    if len(joined) > MOST_MESSAGES or len(kept) > MAX_QUICK_REPLIES:
        return None
    bare = [
        {name: part for name, part in message.items() if name != "quickReply"} for message in joined
    ]
    if kept:
        bare[-1]["quickReply"] = {"items": kept}
    return bare


def _quick_replies(message: Message) -> list[Message]:
    shown: list[Message] = message.get("quickReply", {}).get("items", [])
    return shown

"""Signed webhook requests, built as bytes before the clock starts."""

import base64
import hashlib
import hmac
import json
from typing import Any

CHANNEL_SECRET = "0123456789abcdef0123456789abcdef"  # noqa: S105 - opens only the benchmark's apps
DESTINATION = "U" + "0" * 32
SENT_AT_MILLISECONDS = 1_790_000_000_000
CARD_TAP = "action=show_card"


def user_id(number: int) -> str:
    """Return the LINE user id of made-up person `number`."""
    return f"U{number:032x}"


def text_requests(run: str, count: int, *, people: int) -> list[bytes]:
    """Return `count` requests of one text message each, by `people` different persons.

    `run` is 16 characters that no other run has: it makes the events' ids unique.
    """
    said = {"id": "1", "type": "text", "quoteToken": "q" * 43, "text": "會員卡"}
    return [
        _signed(_event(run, number, number % people, "message", said)) for number in range(count)
    ]


def tap_requests(run: str, count: int) -> list[bytes]:
    """Return one tap on the member card by each of `count` persons."""
    return [
        _signed(_event(run, number, number, "postback", {"data": CARD_TAP}))
        for number in range(count)
    ]


def _event(run: str, number: int, person: int, kind: str, said: dict[str, Any]) -> dict[str, Any]:
    """Return an event as LINE shapes it (LINE, Webhook event objects, read 2026-08)."""
    return {
        "type": kind,
        kind: said,
        "timestamp": SENT_AT_MILLISECONDS,
        "source": {"type": "user", "userId": user_id(person)},
        "replyToken": f"{run}{number:016x}",
        "mode": "active",
        "webhookEventId": f"{run}{number:010d}",
        "deliveryContext": {"isRedelivery": False},
    }


def _signed(event: dict[str, Any]) -> bytes:
    whole = {"destination": DESTINATION, "events": [event]}
    body = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
    digest = hmac.digest(CHANNEL_SECRET.encode(), body, hashlib.sha256)
    head = (
        "POST /callback HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\n"
        "User-Agent: LineBotWebhook/2.0\r\n"
        "Content-Type: application/json; charset=utf-8\r\n"
        f"X-Line-Signature: {base64.b64encode(digest).decode()}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body

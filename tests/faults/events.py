"""Webhook events made by hand, and what became of them."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import select

from models.line_event import LineEvent
from models.member_code import derive_signing_key, issue_code
from models.outbox import Owed
from tests.faults.conftest import Regular
from tests.journeys.people import Json, Shopper
from tests.processes import SECRET_KEY, Installation


def text_event(shopper: Shopper, words: str) -> Json:
    """Return an event of somebody who types, as LINE would send it, its token unused."""
    message = {"type": "text", "id": str(uuid4().int)[:18], "text": words, "quoteToken": "q"}
    return _event(shopper, "message", {"message": message})


def pick_event(shopper: Shopper, day: str) -> Json:
    """Return an event of somebody who picks a birthday."""
    picked = {"data": "action=pick_birthday", "params": {"date": day}}
    return _event(shopper, "postback", {"postback": picked})


def _event(shopper: Shopper, kind: str, content: Json) -> Json:
    return {
        "type": kind,
        **content,
        "webhookEventId": f"01TEST{uuid4().hex[:20].upper()}",
        "deliveryContext": {"isRedelivery": False},
        "timestamp": int(datetime.now(UTC).timestamp() * 1000),
        "source": {"type": "user", "userId": shopper.id},
        "mode": "active",
        "replyToken": uuid4().hex,
    }


def states(shop: Installation, event_ids: list[str]) -> Counter[str]:
    """Return how many of these events are in which state."""
    with shop.sessions() as session:
        found = select(LineEvent.state).where(LineEvent.webhook_event_id.in_(event_ids))
        return Counter(session.scalars(found))


def replies_to(shop: Installation, event_ids: list[str]) -> list[Owed]:
    """Return the replies owed for these events, in their order."""
    keys = [f"reply:{event_id}" for event_id in event_ids]
    with shop.sessions() as session:
        owed = session.scalars(select(Owed).where(Owed.idempotency_key.in_(keys)))
        found = {row.idempotency_key: row for row in owed}
    return [found[key] for key in keys if key in found]


def code_of(regular: Regular) -> str:
    """Return a fresh member code, as the member's card shows it now."""
    key = derive_signing_key(SECRET_KEY)
    return issue_code(key, regular.card_ref, datetime.now(UTC)).text

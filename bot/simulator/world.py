"""The world of the simulator: one account, its people, and everything between them.

All of it is used from the event loop's thread only.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from .chat import MAX_ENTRIES_A_CHAT, Chats, Phones, make_entry
from .faults import Faults
from .ids import new_event_id, new_token, new_user_id
from .people import LANGUAGES, People, Person
from .quota import Quota, statistics_day
from .rate_limit import RateLimits
from .rich_menu import RichMenus
from .storage import Storage
from .tokens import AccessTokens, ReplyTokens, RetryKeys
from .validation import CheckedMessage, MessageCheck
from .webhooks import (
    MAX_REDELIVERIES,
    REDELIVERY_SECONDS,
    TAKEN,
    Event,
    Outcome,
    WebhookSender,
    write_body,
)

MAX_LOGGED_REQUESTS = 100_000
MAX_CONTENTS = 1_000
QUOTABLE = frozenset({"text", "textV2", "sticker", "image", "video", "template", "flex"})
DEFAULT_CHANNEL_ID = "2000000000"
DEFAULT_ACCOUNT = {"name": "茶日子 Tea Days", "basicId": "@teadays", "verified": True}


@dataclass(frozen=True, slots=True)
class Channel:
    """What the simulator has to know to be this channel's LINE."""

    secret: str
    access_token: str
    id: str = DEFAULT_CHANNEL_ID
    webhook_url: str | None = None


def _now_ms() -> int:
    return int(time.time() * 1000)


class World:
    """Everything the simulator knows, and the verbs LINE's two sides share."""

    def __init__(
        self,
        channel: Channel,
        *,
        state_path: Path | None = None,
        rate_limits: bool = True,
        clock: Callable[[], int] = _now_ms,
    ) -> None:
        self.channel = channel
        self.now = clock
        self.storage = Storage(state_path, entries_a_chat=MAX_ENTRIES_A_CHAT)
        self.account: dict[str, Any] = {}
        self.people = People()
        self.phones = Phones()
        self.chats = Chats(self.storage, self.phones)
        self.menus = RichMenus(self.storage)
        self.quota = Quota()
        self.faults = Faults(rate_limits=rate_limits)
        self.rate_limits = RateLimits()
        self.reply_tokens = ReplyTokens()
        self.retry_keys = RetryKeys()
        self.access_tokens = AccessTokens(channel.access_token)
        self.message_check = MessageCheck()
        self.webhooks = WebhookSender(channel.secret, channel.webhook_url)
        self.requests: deque[dict[str, Any]] = deque(maxlen=MAX_LOGGED_REQUESTS)
        self.deliveries: dict[str, int] = {}
        self.narrowcasts: dict[str, dict[str, Any]] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.units: set[str] = set()
        self.contents: OrderedDict[str, bytes] = OrderedDict()

    def open(self, seed: dict[str, Any] | None) -> None:
        """Read what was kept; where that was nothing, begin with `seed`."""
        self.storage.open(self._restore_fact, self.chats.restore)
        if not self.account:
            self.keep_account({**DEFAULT_ACCOUNT, "userId": new_user_id()})
            self.plant(seed or {})

    def _restore_fact(self, kind: str, key: str, value: Any) -> None:
        if kind == "account":
            self.account = value
        elif kind == "person":
            self.people.add(Person(**value))
        elif kind == "quota":
            self.quota.change(value)
        elif kind == "delivery":
            self.deliveries[key] = value
        elif kind == "content":
            self.contents[key] = value
        else:
            self.menus.restore(kind, key, value)

    def plant(self, seed: dict[str, Any]) -> int:
        """Add what a seed names: account, quota, people; return how many people are new.

        A person who is known already stays as they are.
        """
        if isinstance(seed.get("account"), dict):
            self.keep_account({**self.account, **seed["account"]})
        if isinstance(seed.get("quota"), dict):
            self.change_quota(seed["quota"])
        planted = 0
        for given in seed.get("people", ()):
            if self.people.find(given["id"]) is None:
                self.people.add(_planted(given))
                self.keep_person(given["id"])
                planted += 1
        return planted

    def keep_account(self, account: dict[str, Any]) -> None:
        """Change what is known of the account."""
        self.account = account
        self.storage.keep("account", "self", account)

    def keep_person(self, user_id: str) -> None:
        """Note that somebody changed."""
        person = self.people.find(user_id)
        if person is not None:
            self.storage.keep("person", user_id, person.kept())

    def change_quota(self, given: dict[str, Any]) -> None:
        """Change the quota's figures."""
        self.quota.change(given)
        self._quota_changed()

    def spend_quota(self, people: int) -> bool:
        """Count people reached; False where the month's limit forbids it."""
        if not self.quota.spend(people, now=self.now()):
            return False
        if people:
            self._quota_changed()
        return True

    def _quota_changed(self) -> None:
        self.storage.keep("quota", "self", self.quota.kept())
        self.phones.show_quota_soon(self.quota.shown)

    def deliver(
        self, people: Iterable[Person], messages: list[CheckedMessage], *, via: str
    ) -> list[dict[str, Any]]:
        """Put the account's messages into these chats; return LINE's `sentMessages`."""
        reached = list(people)
        at = self.now()
        entries = [make_entry(one.written, at=at, sender="account", via=via) for one in messages]
        self.chats.append(reached, entries)
        self._count_delivery(via, len(reached), at)
        return [
            _sent_message(entry.id, one.object)
            for entry, one in zip(entries, messages, strict=True)
        ]

    def _count_delivery(self, via: str, people: int, at: int) -> None:
        key = f"{via}:{statistics_day(at)}"
        self.deliveries[key] = self.deliveries.get(key, 0) + people
        self.storage.keep("delivery", key, self.deliveries[key])

    def note(self, person: Person, text: str) -> None:
        """Put a grey line into a chat that tells what happened."""
        self.write(person, {"type": "note", "text": text}, sender="system")

    def write(self, person: Person, message: dict[str, Any], *, sender: str = "person") -> str:
        """Put one line that the account did not send into a chat; return its id."""
        entry = make_entry(json.dumps(message), at=self.now(), sender=sender)
        self.chats.append([person], [entry])
        return entry.id

    def keep_content(self, message_id: str, content: bytes) -> None:
        """Keep a picture a person sent; the oldest are forgotten, as LINE forgets them."""
        self.contents[message_id] = content
        self.storage.keep("content", message_id, content)
        while len(self.contents) > MAX_CONTENTS:
            oldest, _ = self.contents.popitem(last=False)
            self.storage.keep("content", oldest, None)

    def show_person(self, person: Person) -> None:
        """Tell the person's pages who they are now, and which menu they see."""
        self.phones.show(person.id, {"type": "person", "person": person.shown()})
        self.show_menu(person.id)

    def show_menu(self, user_id: str) -> None:
        """Tell the person's pages which menu they see."""
        person = self.people.find(user_id)
        if person is not None and self.phones.is_watched(user_id):
            self.phones.show(user_id, {"type": "menu", "menu": self.menus.shown_to(person)})

    def show_menus(self) -> None:
        """Tell every open page which menu it shows."""
        for user_id in self.phones.watched():
            self.show_menu(user_id)

    def new_event(
        self, person: Person, kind: str, content: dict[str, Any], *, reply: bool
    ) -> Event:
        """Return a webhook event of this person; `reply` gives it a reply token."""
        now = self.now()
        event: Event = {"type": kind, **content}
        event |= {
            "timestamp": now,
            "source": {"type": "user", "userId": person.id},
            "mode": "active",
            "webhookEventId": new_event_id(now),
            "deliveryContext": {"isRedelivery": False},
        }
        if reply:
            event["replyToken"] = self.reply_tokens.issue(person.id, now=now)
        return event

    def send_event(self, person: Person, event: Event) -> str:
        """Send an event to the bot's server, after the person's earlier ones; return its id."""
        destination = self.account["userId"]
        self.webhooks.remember(destination, event)
        if self.faults.webhook and self.webhooks.url is not None:
            self._deliver(destination, event, MAX_REDELIVERIES)
        else:
            self._show_outcome(person.id, event["type"], Outcome(None, 0))
        return str(event["webhookEventId"])

    def _deliver(self, destination: str, event: Event, redeliveries: int) -> None:
        if "replyToken" in event:
            self.reply_tokens.restart(event["replyToken"], now=self.now())
        lane = event["source"]["userId"]
        future = self.webhooks.enqueue(lane, write_body(destination, [event]))
        future.add_done_callback(
            lambda done: self._end_delivery(destination, event, redeliveries, done.result())
        )

    def _end_delivery(
        self, destination: str, event: Event, redeliveries: int, outcome: Outcome
    ) -> None:
        self._show_outcome(event["source"]["userId"], event["type"], outcome)
        if outcome.status != TAKEN and self.webhooks.redelivers and redeliveries:
            again = {**event, "deliveryContext": {"isRedelivery": True}}
            asyncio.get_running_loop().call_later(
                REDELIVERY_SECONDS, self._deliver, destination, again, redeliveries - 1
            )

    def _show_outcome(self, user_id: str, kind: str, outcome: Outcome) -> None:
        self.phones.show(user_id, {"type": "webhook", "eventType": kind, **outcome.shown()})


WORLD = web.AppKey("world", World)


def world_of(request: web.Request) -> World:
    """Return the world a request is about."""
    return request.app[WORLD]


def _planted(given: dict[str, Any]) -> Person:
    language = given.get("language")
    return Person(
        id=given["id"],
        name=str(given.get("name") or given["id"]),
        language=language if language in LANGUAGES else LANGUAGES[0],
        friend=bool(given.get("friend", True)),
        blocked=bool(given.get("blocked", False)),
    )


def _sent_message(entry_id: str, message: dict[str, Any]) -> dict[str, Any]:
    sent = {"id": entry_id}
    if message["type"] in QUOTABLE:
        sent["quoteToken"] = new_token()
    return sent

"""A person in the chat: their events go through the handlers as the worker would bring them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

import pytest
from linebot.v3.messaging import Message as SdkMessage
from sqlalchemy import select

from bot import Message
from bot.client import Profile
from bot.limits import check_messages
from bot.postback import Action, Postback, parse_postback, postback_data
from handlers.line import Room, work_event
from models.base import Sessions
from models.consent import Consent, get_notice
from models.coupon import Coupon
from models.friend import Conversation, Friend
from models.line_event import LineEvent
from models.member import Member
from models.member_code import derive_signing_key
from models.outbox import Owed
from tests.conftest import Clock

ROOM = Room(derive_signing_key("a secret of the tests"), "https://shop.example")
LINE_NAME = "小晴 🌱"
_numbers = count(1)


@dataclass
class Answer:
    """What the account answered to one event: every message passed LINE's limits and models."""

    messages: list[Message]
    owed: Owed | None = None

    @property
    def words(self) -> str:
        """All that can be read in the messages, one text a line."""
        return "\n".join(_strings(self.messages, ("text", "altText", "label")))

    @property
    def quick_replies(self) -> list[str]:
        """The labels of the quick replies, which LINE shows under the last message only."""
        items = self.messages[-1].get("quickReply", {"items": []})["items"]
        return [item["action"]["label"] for item in items]

    @property
    def taps(self) -> list[Postback]:
        """What every button, area and quick reply would bring back."""
        return [parse_postback(data) for data in _strings(self.messages, ("data",))]

    def tap_of(self, action: Action) -> Postback:
        """Return the one tap of this action."""
        found = {tuple(sorted(t.fields.items())): t for t in self.taps if t.action == action}
        assert len(found) == 1, f"{len(found)} taps of {action}"
        return next(iter(found.values()))

    def has(self, action: Action) -> bool:
        """Tell whether some tap brings this action."""
        return any(tap.action == action for tap in self.taps)


def _strings(node: Any, keys: tuple[str, ...]) -> Iterator[str]:
    if isinstance(node, list):
        for part in node:
            yield from _strings(part, keys)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in keys and isinstance(value, str):
                yield value
            else:
                yield from _strings(value, keys)


@dataclass
class Chat:
    """One person's chat with the account; each event is worked in a session of its own."""

    sessions: Sessions
    clock: Clock
    user_id: str = field(default_factory=lambda: f"U{next(_numbers) + 0xC0FFEE:032x}")
    profile: Profile = field(default_factory=lambda: Profile("zh-Hant", LINE_NAME))
    last_event: LineEvent | None = None

    def send(self, event: dict[str, Any], *, event_id: str | None = None) -> Answer:
        """Bring one event, completed with what LINE puts into every event; return the answer."""
        number = next(_numbers)
        raw: dict[str, Any] = {
            "mode": "active",
            "timestamp": int(self.clock.now.timestamp() * 1000),
            "source": {"type": "user", "userId": self.user_id},
            "webhookEventId": event_id or f"01TEST{number:020d}",
            "deliveryContext": {"isRedelivery": False},
            "replyToken": f"{number:032x}",
        } | event
        with self.sessions.begin() as session:
            kept = LineEvent(
                webhook_event_id=raw["webhookEventId"],
                person=self.user_id,
                event_type=raw["type"],
                raw={key: value for key, value in raw.items() if value is not None},
                received_at=self.clock.now,
            )
            session.add(kept)
            session.flush()
            owed = work_event(session, kept, self.profile, self.clock.now, room=ROOM)
        self.last_event = kept
        return Answer([] if owed is None else _checked(owed.words["messages"]), owed)

    def follow(self, *, is_unblocked: bool = False, **also: Any) -> Answer:
        """Add the account, or unblock it."""
        return self.send({"type": "follow", "follow": {"isUnblocked": is_unblocked}, **also})

    def unfollow(self, **also: Any) -> Answer:
        """Block the account."""
        return self.send({"type": "unfollow", "replyToken": None, **also})

    def say(self, text: str, **also: Any) -> Answer:
        """Type a text."""
        message = {"id": "1", "type": "text", "quoteToken": "q", "text": text}
        return self.send({"type": "message", "message": message, **also})

    def tap(self, action: Action | str, **fields: object) -> Answer:
        """Tap a button of ours, however old it is."""
        return self.post(postback_data(action, **fields))

    def tap_again(self, tap: Postback) -> Answer:
        """Tap what an answer offered."""
        return self.tap(tap.action, **tap.fields)

    def post(self, data: str, **params: Any) -> Answer:
        """Send a postback with any data."""
        return self.send({"type": "postback", "postback": {"data": data} | params})

    def pick(self, date: str) -> Answer:
        """Pick a day in the date picker."""
        return self.post(postback_data(Action.PICK_BIRTHDAY), params={"date": date})

    def attach(self, kind: str, **fields: Any) -> Answer:
        """Send a message that is no text."""
        return self.send({"type": "message", "message": {"id": "1", "type": kind, **fields}})

    def agree(self) -> Answer:
        """Agree to the notice in force."""
        with self.sessions() as session:
            version = get_notice(session).version
        return self.tap(Action.AGREE_NOTICE, version=version)

    def join(
        self, *, name: str = "林小晴", phone: str | None = None, birthday: str = "1995-05-20"
    ) -> Answer:
        """Become a member from the first tap to the card; return the last answer."""
        self.tap(Action.JOIN)
        self.agree()
        self.say(name)
        self.say(phone or f"09{next(_numbers) + 30_000_000:08d}")
        return self.pick(birthday)

    def member(self) -> Member | None:
        """Return the person's member as the database has it now."""
        with self.sessions() as session:
            found = select(Member).where(Member.line_user_id == self.user_id)
            return session.scalars(found).one_or_none()

    def a_member(self) -> Member:
        """Return the person's member, who must be there."""
        member = self.member()
        assert member is not None
        return member

    def friend(self) -> Friend | None:
        """Return what is known of the friendship."""
        with self.sessions() as session:
            return session.get(Friend, self.user_id)

    def talk(self) -> Conversation | None:
        """Return what the person is in the middle of."""
        with self.sessions() as session:
            return session.get(Conversation, self.user_id)

    def coupons(self, member_id: int) -> list[Coupon]:
        """Return all coupons a member was ever given."""
        with self.sessions() as session:
            found = select(Coupon).where(Coupon.member_id == member_id).order_by(Coupon.id)
            return list(session.scalars(found))

    def consents(self, member_id: int) -> list[tuple[str, bool, str, datetime]]:
        """Return each yes and no a member said: purpose, answer, proof, moment."""
        with self.sessions() as session:
            found = select(Consent).where(Consent.member_id == member_id).order_by(Consent.id)
            return [(c.purpose, c.is_given, c.evidence, c.said_at) for c in session.scalars(found)]

    def owed(self, kind: str) -> list[Owed]:
        """Return what of one kind waits for the person in the outbox."""
        with self.sessions() as session:
            found = select(Owed).where(Owed.line_user_id == self.user_id, Owed.kind == kind)
            return list(session.scalars(found.order_by(Owed.seq)))


def _checked(messages: list[Message]) -> list[Message]:
    """Return the messages, which LINE and its SDK must both take."""
    assert check_messages(messages) == []
    for message in messages:
        SdkMessage.from_dict(message)
    return messages


MakeChat = Callable[..., Chat]


@pytest.fixture
def make_chat(sessions: Sessions, clock: Clock) -> MakeChat:
    """Return a maker of people who have not written yet."""

    def make(**told: Any) -> Chat:
        return Chat(sessions, clock, **told)

    return make


@pytest.fixture
def chat(make_chat: MakeChat) -> Chat:
    """Return a person who has just added the account."""
    made = make_chat()
    made.follow()
    return made


@pytest.fixture
def member_chat(chat: Chat) -> Chat:
    """Return a person who has joined."""
    chat.join()
    return chat

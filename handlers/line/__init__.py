"""What a person does in LINE: each event finds its handler, and the handler returns messages.

A handler reads what was asked, calls one verb and shows the answer; it never sends. The worker
gives it one transaction, keeps the reply as a row in it, and sends after the commit.
"""

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session

from bot import Message
from bot.cards import not_a_member
from bot.client import Profile
from bot.postback import Postback, parse_postback
from bot.texts import Texts, language_from_line, texts_for
from models.friend import Friend, note_friendship
from models.line_event import LineEvent
from models.link import Named, note_click
from models.local_day import local_day
from models.member import Member
from models.membership import meet_person
from models.outbox import Owed, owe_reply
from models.programme import Programme, get_programme

USER_ID = re.compile(r"U[0-9a-f]{32}")
VERIFY_USER = "Udeadbeefdeadbeefdeadbeefdeadbeef"
"""The console's old verify button sent events of this user with tokens nobody can reply to."""
TOPICS = (
    "friendship",
    "joining",
    "wallet",
    "benefits",
    "points",
    "plans",
    "rewards",
    "referral",
    "missions",
    "lottery",
    "reviews",
    "profile",
    "email",
    "help",
    "talk",
    "identity",
    "security",
    "receipt_code",
    "surveys",
)
"""The modules that hold handlers; each registers its own when imported."""
MOST_MESSAGES = 5
VIA = "via"
"""The field of a tap that names the link it was sent under."""
HIGHEST_ID = 2**63 - 1
"""The highest number that an id's column can be compared with."""
SAID_BY_FRIENDS = ("message", "postback")
"""Only a friend can write or tap; this mends a friendship whose follow event never reached us."""


@dataclass(frozen=True)
class Room:
    """What the LINE handlers may know of the installation."""

    signing_key: Ed25519PrivateKey
    public_base_url: str
    otp: Literal["none", "text", "demo"] = "none"
    """How one-time codes reach a phone; the demo shows them in the chat as well."""
    link_key: bytes = b""
    """What clicks and taps of one minute are told apart by."""
    has_mail: bool = False
    """Whether the shop sends mails, so that members can give an address."""


@dataclass
class Turn:
    """One event of one person, with all a handler needs to answer it."""

    session: Session
    room: Room
    now: datetime
    event: dict[str, Any]
    event_id: str
    user_id: str
    friend: Friend
    member: Member | None
    profile: Profile
    programme_version: int | None = None
    """The version of the rules as the turn began, so that no handler has to ask for it."""
    postback: Postback = field(default_factory=lambda: Postback(""))
    push_if_late: bool = False
    """Whether the answer may become a push where its reply token has died: it costs money."""

    @property
    def texts(self) -> Texts:
        """The person's texts; a member's choice goes before what LINE says."""
        return texts_for(self.member.language if self.member else self.friend.language)

    @property
    def programme(self) -> Programme:
        """The shop's rules in force."""
        return get_programme(self.session, self.programme_version)

    @property
    def today(self) -> date:
        """The Taipei day of this turn."""
        return local_day(self.now)

    @property
    def event_at(self) -> datetime:
        """When the event happened by LINE's clock, or when it came to us."""
        stamp = self.event.get("timestamp")
        if isinstance(stamp, int) and 0 < stamp < 10**14:
            return datetime.fromtimestamp(stamp / 1000, UTC)
        return self.now

    def number(self, name: str) -> int:
        """Return the id or count that a tap brings; 0, which no id is, where it brings none."""
        told = self.postback.fields.get(name, "")
        return min(int(told), HIGHEST_ID) if told.isascii() and told.isdigit() else 0


Handler = Callable[[Turn], list[Message]]
MemberHandler = Callable[[Turn, Member], list[Message]]

_handlers: dict[tuple[str, str], Handler] = {}


def on(event_type: str, what: str = "") -> Callable[[Handler], Handler]:
    """Register a handler for an event type and, for messages and postbacks, its kind or action."""

    def register(handler: Handler) -> Handler:
        assert (event_type, what) not in _handlers, f"two handlers for {event_type} {what}"
        _handlers[event_type, what] = handler
        return handler

    return register


def on_member(event_type: str, what: str = "") -> Callable[[MemberHandler], MemberHandler]:
    """Register a handler that only members may use; a guest is asked to join instead."""

    def register(handler: MemberHandler) -> MemberHandler:
        @on(event_type, what)
        def guarded(turn: Turn) -> list[Message]:
            if turn.member is None:
                return not_a_member(turn.texts)
            return handler(turn, turn.member)

        return handler

    return register


def handler_for(event_type: str, what: str = "") -> Handler | None:
    """Return the handler of an event, falling back to that of its whole type; None if ignored."""
    for topic in TOPICS:
        importlib.import_module(f"handlers.line.{topic}")
    return _handlers.get((event_type, what)) or _handlers.get((event_type, ""))


def wants_profile(event: LineEvent) -> bool:
    """Tell whether a handler will ask who this is: when greeting, and when asking for a name."""
    if event.event_type == "follow":
        return True
    return event.event_type == "postback" and "agree_notice" in str(event.raw)


def work_event(
    session: Session, event: LineEvent, profile: Profile, now: datetime, *, room: Room
) -> Owed | None:
    """Do what an event asks; keep and return the reply owed for it, if there is one.

    What was handled is emptied: we keep that something was said, not what. Events nobody here
    knows stay as they came, but for people's words. In standby another channel answers: of that
    time only friendship is noted.
    """
    raw = event.raw if isinstance(event.raw, dict) else {}
    turn = _turn(session, event, raw, profile, now, room)
    handler = handler_for(event.event_type, _what(turn)) if turn is not None else None
    if turn is None or handler is None:
        if "message" in raw:
            event.raw = {key: value for key, value in raw.items() if key != "message"}
        return None
    _note_tap(turn)
    is_ours = raw.get("mode", "active") == "active" or event.event_type not in SAID_BY_FRIENDS
    messages = handler(turn) if is_ours else []
    event.raw = {}
    return _owe(turn, event, messages)


def apologise(session: Session, event: LineEvent, now: datetime) -> Owed | None:
    """Owe a kind word for an event we failed to work: a person is never met with silence."""
    raw = event.raw if isinstance(event.raw, dict) else {}
    user_id, token = _user_of(raw), raw.get("replyToken")
    if user_id is None or not isinstance(token, str):
        return None
    friend = session.get(Friend, user_id)
    t = texts_for(friend.language if friend else "zh-TW")
    words = t("不好意思，系統剛剛出了點狀況，請稍後再試一次。")
    return owe_reply(
        session,
        user_id,
        [{"type": "text", "text": words}],
        reply_token=token,
        received_at=event.received_at,
        language=t.language,
        push_if_late=False,
        idempotency_key=f"sorry:{event.webhook_event_id}",
        now=now,
    )


def _turn(
    session: Session,
    event: LineEvent,
    raw: dict[str, Any],
    profile: Profile,
    now: datetime,
    room: Room,
) -> Turn | None:
    """Make the turn of a person's event; groups, rooms and events without a person have none."""
    user_id = _user_of(raw)
    if user_id is None:
        return None
    known_language = language_from_line(profile.language) if profile.language else None
    met = meet_person(session, user_id, language=known_language)
    data = raw.get("postback")
    said = data.get("data") if isinstance(data, dict) else None
    turn = Turn(
        session=session,
        room=room,
        now=now,
        event=raw,
        event_id=event.webhook_event_id,
        user_id=user_id,
        friend=met.friend,
        member=met.member,
        programme_version=met.programme_version,
        profile=profile,
        postback=parse_postback(said) if isinstance(said, str) else Postback(""),
    )
    if event.event_type in SAID_BY_FRIENDS:
        note_friendship(met.friend, is_following=True, event_at=turn.event_at)
    return turn


def _user_of(raw: dict[str, Any]) -> str | None:
    """Return the person of a one-to-one chat: in a group nobody's card is shown."""
    source = raw.get("source")
    if not isinstance(source, dict) or source.get("type") != "user":
        return None
    user_id = source.get("userId")
    if not isinstance(user_id, str) or not USER_ID.fullmatch(user_id) or user_id == VERIFY_USER:
        return None
    return user_id


def _what(turn: Turn) -> str:
    if turn.postback.action:
        return turn.postback.action
    message = turn.event.get("message")
    kind = message.get("type") if isinstance(message, dict) else ""
    return kind if isinstance(kind, str) else ""


def _note_tap(turn: Turn) -> None:
    """Count a tap on a button of a sending, which names its link: `via=12`."""
    link_id = turn.number(VIA)
    if link_id and turn.member is not None:
        told = Named(link_id, turn.member.id)
        note_click(turn.session, turn.room.link_key, told, turn.user_id, turn.now)


def _owe(turn: Turn, event: LineEvent, messages: list[Message]) -> Owed | None:
    """Keep the reply, where LINE lets us give one: in standby another channel is in charge."""
    token = turn.event.get("replyToken")
    is_active = turn.event.get("mode", "active") == "active"
    if not messages or not is_active or not isinstance(token, str):
        return None
    assert len(messages) <= MOST_MESSAGES
    return owe_reply(
        turn.session,
        turn.user_id,
        messages,
        reply_token=token,
        received_at=event.received_at,
        language=turn.texts.language,
        push_if_late=turn.push_if_late,
        idempotency_key=f"reply:{event.webhook_event_id}",
        now=turn.now,
    )

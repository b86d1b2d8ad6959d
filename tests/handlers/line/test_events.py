"""LINE's events as they come: every type, out of order, odd, from groups, and of tomorrow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.client import Profile
from bot.postback import Action
from handlers.line import VERIFY_USER, apologise, wants_profile
from models.friend import Friend
from models.line_event import LineEvent
from models.member import Member
from models.outbox import Owed
from tests.conftest import NOON, Clock
from tests.handlers.line.conftest import Chat, MakeChat

GROUP = {"type": "group", "groupId": "C" + "1" * 32, "userId": "U" + "2" * 32}
ROOM = {"type": "room", "roomId": "R" + "1" * 32}
MESSAGES: dict[str, dict[str, Any]] = {
    "text": {"text": "珍奶好喝", "emojis": [{"index": 0, "length": 6}], "quotedMessageId": "7"},
    "image": {"contentProvider": {"type": "line"}, "imageSet": {"id": "A", "index": 1, "total": 2}},
    "video": {
        "duration": 60000,
        "contentProvider": {"type": "external", "originalContentUrl": "u"},
    },
    "audio": {"duration": 60000, "contentProvider": {"type": "line"}},
    "file": {"fileName": "菜單.pdf", "fileSize": 2138},
    "location": {"title": "店", "address": "臺北市", "latitude": 25.03, "longitude": 121.5},
    "sticker": {"packageId": "446", "stickerId": "1988", "stickerResourceType": "ANIMATION_SOUND"},
    "hologram": {"depth": 3},
}
EVENTS: dict[str, dict[str, Any]] = {
    "messageEdited": {"message": {"id": "1", "type": "text", "text": "改好了"}},
    "unsend": {"unsend": {"messageId": "325708"}},
    "join": {},
    "leave": {},
    "memberJoined": {"joined": {"members": [{"type": "user", "userId": "U" + "3" * 32}]}},
    "memberLeft": {"left": {"members": [{"type": "user", "userId": "U" + "3" * 32}]}},
    "videoPlayComplete": {"videoPlayComplete": {"trackingId": "track-1"}},
    "beacon": {"beacon": {"hwid": "d41d8cd98f", "type": "enter"}},
    "accountLink": {"link": {"result": "ok", "nonce": "n"}},
    "membership": {"membership": {"type": "joined", "membershipId": 3189}},
    "delivery": {"delivery": {"data": "15034552"}, "source": None},
    "module": {"module": {"type": "attached", "botId": "U" + "4" * 32, "scopes": ["x"]}},
    "activated": {"chatControl": {"expireAt": 1462629479859}},
    "deactivated": {},
    "botSuspended": {"source": None},
    "botResumed": {"source": None},
    "hologramOpened": {"hologram": [1, {"a": None}]},
}


def kept(chat: Chat) -> LineEvent:
    """Return the last event as it stands in the database."""
    assert chat.last_event is not None
    with chat.sessions() as session:
        return session.get_one(LineEvent, chat.last_event.id)


@pytest.mark.parametrize("kind", MESSAGES)
def test_every_kind_of_message_is_answered_and_emptied(chat: Chat, kind: str) -> None:
    answer = chat.attach(kind, **MESSAGES[kind])

    assert "看不懂" in answer.words
    assert kept(chat).raw == {}


@pytest.mark.parametrize("kind", EVENTS)
@pytest.mark.parametrize("source", [None, GROUP, ROOM], ids=["person", "group", "room"])
def test_an_event_nobody_here_knows_is_kept_without_an_answer_or_words(
    chat: Chat, kind: str, source: dict[str, Any] | None
) -> None:
    event = {"type": kind} | EVENTS[kind] | ({"source": source} if source else {})

    answer = chat.send(event)

    raw = kept(chat).raw
    assert answer.messages == []
    assert raw["type"] == kind
    assert "message" not in raw
    own = EVENTS[kind].keys() - {"message", "source"}
    assert {key: raw[key] for key in own} == {key: EVENTS[kind][key] for key in own}


@pytest.mark.parametrize("source", [GROUP, ROOM, {"type": "group", "groupId": "C1"}])
@pytest.mark.parametrize("kind", ["message", "postback", "follow"])
def test_in_a_group_nobodys_card_is_shown(
    member_chat: Chat, session: Session, kind: str, source: dict[str, Any]
) -> None:
    friends = session.scalar(select(func.count()).select_from(Friend))
    said = {"message": {"id": "1", "type": "text", "text": "會員卡"}}

    answer = member_chat.send(
        {"type": kind, "source": source, "postback": {"data": "action=show_card"}} | said
    )

    assert answer.messages == []
    assert "會員卡" not in str(kept(member_chat).raw)
    assert session.scalar(select(func.count()).select_from(Friend)) == friends


@pytest.mark.parametrize(
    "source",
    [
        {"type": "user"},
        {"type": "user", "userId": None},
        {"type": "user", "userId": "someone"},
        {"type": "user", "userId": "U" + "G" * 32},
        {"type": "user", "userId": VERIFY_USER},
        {"type": "thread", "threadId": "T1", "userId": "U" + "2" * 32},
        {},
        "user",
        None,
        ["user"],
    ],
)
@pytest.mark.parametrize("kind", ["message", "follow", "unfollow", "postback"])
def test_an_event_without_a_person_is_not_worked(
    make_chat: MakeChat, session: Session, kind: str, source: Any
) -> None:
    chat = make_chat()

    answer = chat.send({"type": kind, "source": source, "replyToken": "0" * 32})

    assert answer.messages == []
    assert session.scalar(select(func.count()).select_from(Friend)) == 0


@pytest.mark.parametrize(
    "event",
    [
        {"type": "message"},
        {"type": "message", "message": None},
        {"type": "message", "message": "text"},
        {"type": "message", "message": {"type": None}},
        {"type": "message", "message": {"type": 7, "text": 7}},
        {"type": "message", "message": {"type": "text"}},
        {"type": "message", "message": {"type": "text", "text": ["點數"]}},
        {"type": "postback"},
        {"type": "postback", "postback": None},
        {"type": "postback", "postback": {"data": 7}},
        {"type": "postback", "postback": []},
        {"type": "follow", "follow": None},
        {"type": "follow", "follow": {"isUnblocked": "yes"}},
        {"type": "message", "message": {"type": "text", "text": "嗨"}, "timestamp": None},
        {"type": "message", "message": {"type": "text", "text": "嗨"}, "timestamp": 10**30},
        {"type": "message", "message": {"type": "text", "text": "嗨"}, "timestamp": "now"},
        {"type": "message", "message": {"type": "text", "text": "嗨"}, "timestamp": -1},
    ],
)
def test_a_misshapen_event_of_a_person_is_answered_all_the_same(
    chat: Chat, event: dict[str, Any]
) -> None:
    assert chat.send(event).messages
    assert kept(chat).raw == {}


def test_an_event_that_is_no_object_is_left_alone(chat: Chat, session: Session) -> None:
    chat.follow()
    event = kept(chat)
    for raw in (None, 7, "follow", ["follow"]):
        event.raw = raw
        assert apologise(session, event, NOON) is None


@pytest.mark.parametrize("token", [None, 7, ["a"]])
def test_without_a_reply_token_nothing_is_owed(chat: Chat, token: Any) -> None:
    answer = chat.say("點數", replyToken=token)

    assert answer.messages == []
    assert kept(chat).raw == {}


def test_what_was_handled_is_emptied(chat: Chat) -> None:
    for answer in (chat.say("珍奶"), chat.tap(Action.SHOW_HELP), chat.follow()):
        assert answer.messages
        assert kept(chat).raw == {}
    chat.unfollow()
    assert kept(chat).raw == {}


def test_a_reply_is_owed_under_the_events_id_for_a_minute(chat: Chat) -> None:
    answer = chat.say("說明")

    assert chat.last_event is not None
    assert answer.owed is not None
    assert answer.owed.idempotency_key == f"reply:{chat.last_event.webhook_event_id}"
    assert answer.owed.reply_until == NOON + timedelta(seconds=55)
    assert answer.owed.line_user_id == chat.user_id


# --- standby: another channel is in charge


def test_in_standby_friendship_is_noted_and_nothing_said(make_chat: MakeChat) -> None:
    chat = make_chat()

    answer = chat.follow(mode="standby", replyToken=None)
    friend = chat.friend()

    assert answer.messages == []
    assert friend is not None
    assert friend.is_following
    chat.unfollow(mode="standby")
    gone = chat.friend()
    assert gone is not None
    assert not gone.is_following


def test_in_standby_what_a_person_says_to_the_other_channel_is_not_worked(
    member_chat: Chat,
) -> None:
    member_chat.tap(Action.CHANGE_NAME)

    answer = member_chat.say("我要退貨", mode="standby")
    posted = member_chat.send(
        {"type": "postback", "mode": "standby", "postback": {"data": "action=allow_marketing"}}
    )

    assert answer.messages == posted.messages == []
    assert member_chat.a_member().name == "林小晴"
    assert not member_chat.a_member().marketing_allowed
    assert kept(member_chat).raw == {}


# --- friendship


def test_a_new_friend_is_greeted_with_the_way_to_join(make_chat: MakeChat) -> None:
    chat = make_chat()

    greeted = chat.follow()

    assert "歡迎來到" in greeted.words
    assert "茶日子" in greeted.words
    assert greeted.has(Action.JOIN)


def test_who_unblocks_is_greeted_as_one_who_came_back(chat: Chat) -> None:
    chat.unfollow()

    assert "好久不見" in chat.follow(is_unblocked=True).words


def test_a_member_who_unblocks_is_greeted_and_owed_the_menu_again(
    member_chat: Chat, clock: Clock
) -> None:
    member_chat.unfollow()
    clock.advance(minutes=1)

    greeted = member_chat.follow(is_unblocked=True)

    assert "都還在" in greeted.words
    assert not greeted.has(Action.JOIN)
    assert [menu.words for menu in member_chat.owed("rich_menu")] == [{"menu": "member"}] * 2


def test_a_block_is_noted(chat: Chat) -> None:
    answer = chat.unfollow()
    friend = chat.friend()

    assert answer.messages == []
    assert friend is not None
    assert not friend.is_following


def test_an_older_block_after_a_newer_follow_changes_nothing(chat: Chat) -> None:
    before = int((NOON - timedelta(seconds=1)).timestamp() * 1000)

    chat.unfollow(timestamp=before)
    friend = chat.friend()

    assert friend is not None
    assert friend.is_following
    assert friend.changed_at == NOON


def test_an_older_follow_after_a_newer_block_changes_nothing_and_greets_nobody(chat: Chat) -> None:
    chat.unfollow()
    before = int((NOON - timedelta(seconds=1)).timestamp() * 1000)

    greeted = chat.follow(timestamp=before)
    friend = chat.friend()

    assert greeted.messages == []
    assert friend is not None
    assert not friend.is_following


def test_who_writes_is_a_friend_though_their_follow_never_came(make_chat: MakeChat) -> None:
    chat = make_chat()

    assert chat.say("你好").messages
    friend = chat.friend()
    assert friend is not None
    assert friend.is_following


def test_what_was_written_before_a_block_makes_nobody_a_friend_again(
    chat: Chat, clock: Clock
) -> None:
    clock.advance(minutes=1)
    chat.unfollow()

    chat.say("慢到的話", timestamp=int(NOON.timestamp() * 1000))
    friend = chat.friend()

    assert friend is not None
    assert not friend.is_following


def test_a_member_who_blocked_stays_a_member(member_chat: Chat, session: Session) -> None:
    member_chat.unfollow()

    found = select(Member.id).where(Member.line_user_id == member_chat.user_id)
    assert session.scalar(found) is not None


# --- who is asked for their profile, and apologies


@pytest.mark.parametrize(
    ("kind", "raw", "asked"),
    [
        ("follow", {}, True),
        ("postback", {"postback": {"data": "action=agree_notice&version=1"}}, True),
        ("postback", {"postback": {"data": "action=show_card"}}, False),
        ("message", {"message": {"type": "text", "text": "action=agree_notice"}}, False),
        ("unfollow", None, False),
    ],
)
def test_line_is_asked_for_a_profile_only_where_it_is_wanted(
    kind: str, raw: Any, asked: bool
) -> None:
    assert wants_profile(LineEvent(event_type=kind, raw=raw)) is asked


@pytest.mark.parametrize(
    ("language", "words"), [("zh-TW", "不好意思"), ("en", "Sorry"), ("ja", "申し訳")]
)
def test_an_apology_is_said_once_in_the_persons_language(
    make_chat: MakeChat, session: Session, language: str, words: str
) -> None:
    chat = make_chat(profile=Profile({"zh-TW": "zh-Hant"}.get(language, language), "Kim"))
    chat.follow()
    event = LineEvent(
        webhook_event_id="01BROKEN",
        event_type="message",
        raw={"source": {"type": "user", "userId": chat.user_id}, "replyToken": "t"},
        received_at=datetime(2026, 11, 22, 4, tzinfo=UTC),
    )

    owed = apologise(session, event, NOON)

    assert isinstance(owed, Owed)
    assert words.lower() in str(owed.words).lower()
    assert owed.idempotency_key == "sorry:01BROKEN"
    assert not owed.push_if_late

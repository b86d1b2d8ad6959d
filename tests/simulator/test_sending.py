"""Sending through the simulator: who gets it, what counts, what is refused and how."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.simulator.conftest import TOKEN, BotServer, Clock, Line, MakePerson, text

STRANGER = "U" + "f" * 32
CAKE = "🎂"


def reply_token(bot_server: BotServer, number: int = 1) -> str:
    return str(bot_server.wait_for(number)[number - 1].event["replyToken"])


@pytest.mark.parametrize("sent", ["Bearer wrong", "Basic abc", ""])
def test_a_call_without_the_channels_token_is_refused(line: Line, sent: str) -> None:
    refused = line.call("GET", "/v2/bot/info", headers={"Authorization": sent})
    assert refused.status == 401
    assert refused.json["message"].startswith("Authentication failed")


def test_every_answer_has_a_request_id_of_its_own(line: Line) -> None:
    answers = [line.call("GET", path) for path in ("/v2/bot/info", "/v2/nothing", "/v2/bot/info")]
    assert [answer.status for answer in answers] == [200, 404, 200]
    assert len({answer.headers["x-line-request-id"] for answer in answers}) == 3


def test_a_push_arrives_and_counts_one_however_many_messages_it_has(
    line: Line, make_person: MakePerson
) -> None:
    user = make_person()
    sent = line.push(user, text("one"), text("two"))
    assert sent.status == 200
    assert len(sent.json["sentMessages"]) == 2
    assert [message["text"] for message in line.said(user)] == ["one", "two"]
    assert line.call("GET", "/v2/bot/message/quota/consumption").json == {"totalUsage": 1}


def test_a_push_to_a_stranger_fails_and_to_a_misspelled_id_is_invalid(line: Line) -> None:
    assert line.push(STRANGER).json == {"message": "Failed to send messages"}
    refused = line.push("U123")
    assert refused.status == 400
    assert refused.json["message"].startswith("The property, 'to', in the request body is invalid")


def test_a_push_to_somebody_who_blocked_is_accepted_delivered_to_nobody_and_not_counted(
    line: Line, make_person: MakePerson
) -> None:
    user = make_person()
    line.act(user, "unfollow")
    assert line.push(user).status == 200
    assert line.said(user) == []
    assert line.chat(user)["quota"]["used"] == 0


def test_a_push_reaches_somebody_who_is_no_friend_for_seven_days_after_they_wrote(
    line: Line, make_person: MakePerson, clock: Clock
) -> None:
    user = make_person(friend=False)
    line.push(user)
    assert line.said(user) == []
    line.act(user, "text", text="hello")
    line.push(user)
    assert len(line.said(user)) == 1
    clock.forward(seconds=7 * 24 * 3600 + 1)
    line.push(user)
    assert len(line.said(user)) == 1


def test_a_reply_is_free_and_its_token_works_once(
    line: Line, make_person: MakePerson, bot_server: BotServer
) -> None:
    user = make_person()
    line.act(user, "text", text="points?")
    token = reply_token(bot_server)
    assert line.reply(token, text("120")).status == 200
    again = line.reply(token, text("120"))
    assert (again.status, again.json) == (400, {"message": "Invalid reply token"})
    assert [message["text"] for message in line.said(user)] == ["120"]
    assert line.chat(user)["quota"]["used"] == 0


def test_a_reply_token_lapses_after_a_minute(
    line: Line, make_person: MakePerson, bot_server: BotServer, clock: Clock
) -> None:
    line.act(make_person(), "text", text="points?")
    token = reply_token(bot_server)
    clock.forward(seconds=61)
    assert line.reply(token).json == {"message": "Invalid reply token"}


def test_an_invalid_reply_leaves_its_token_usable(
    line: Line, make_person: MakePerson, bot_server: BotServer
) -> None:
    line.act(make_person(), "text", text="points?")
    token = reply_token(bot_server)
    assert line.reply(token, text("")).status == 400
    assert line.reply(token).status == 200


def test_a_reply_takes_no_retry_key(
    line: Line, make_person: MakePerson, bot_server: BotServer
) -> None:
    line.act(make_person(), "text", text="points?")
    key = {"X-Line-Retry-Key": str(uuid.uuid4())}
    assert line.reply(reply_token(bot_server), headers=key).status == 400


def test_a_retry_key_is_accepted_once_and_the_repeat_names_the_first_request(
    line: Line, make_person: MakePerson
) -> None:
    user, key = make_person(), str(uuid.uuid4())
    first = line.push(user, key=key)
    again = line.push(user, key=key.upper())
    assert again.status == 409
    assert again.headers["x-line-accepted-request-id"] == first.headers["x-line-request-id"]
    assert again.json["sentMessages"] == first.json["sentMessages"]
    assert len(line.said(user)) == 1


def test_a_retry_key_is_forgotten_after_a_day(
    line: Line, make_person: MakePerson, clock: Clock
) -> None:
    user, key = make_person(), str(uuid.uuid4())
    line.push(user, key=key)
    clock.forward(seconds=24 * 3600 + 1)
    assert line.push(user, key=key).status == 200
    assert len(line.said(user)) == 2


def test_a_refused_request_does_not_use_up_its_retry_key(
    line: Line, make_person: MakePerson
) -> None:
    user, key = make_person(), str(uuid.uuid4())
    assert line.push(user, text(""), key=key).status == 400
    assert line.push(user, key=key).status == 200


@pytest.mark.parametrize("key", ["abc", "{" + str(uuid.UUID(int=1)) + "}", uuid.UUID(int=1).hex])
def test_a_retry_key_is_a_uuid(line: Line, make_person: MakePerson, key: str) -> None:
    assert line.push(make_person(), key=key).status == 400


def test_a_multicast_reaches_friends_only_and_counts_them(
    line: Line, make_person: MakePerson
) -> None:
    friends = [make_person(), make_person()]
    blocker = make_person()
    line.act(blocker, "unfollow")
    body = {"to": [*friends, blocker, STRANGER], "messages": [text("news")]}
    sent = line.call("POST", "/v2/bot/message/multicast", body)
    assert (sent.status, sent.json) == (200, {})
    assert [len(line.said(user)) for user in (*friends, blocker)] == [1, 1, 0]
    assert line.chat(blocker)["quota"]["used"] == 2


@pytest.mark.parametrize(
    "recipients",
    [
        [],
        [f"U{number:032x}" for number in range(501)],
        [STRANGER, STRANGER],
        [STRANGER, "me"],
        "everybody",
    ],
)
def test_a_multicast_names_1_to_500_well_formed_people_once(line: Line, recipients: Any) -> None:
    body = {"to": recipients, "messages": [text()]} if recipients else {"to": [], "messages": []}
    assert line.call("POST", "/v2/bot/message/multicast", body).status == 400


def test_one_malformed_recipient_refuses_the_whole_multicast(
    line: Line, make_person: MakePerson
) -> None:
    user = make_person()
    body = {"to": [user, "me"], "messages": [text()]}
    refused = line.call("POST", "/v2/bot/message/multicast", body)
    assert "to[1]" in refused.json["message"]
    assert line.said(user) == []


def test_a_broadcast_reaches_every_friend(line: Line, make_person: MakePerson) -> None:
    users = [make_person(), make_person(), make_person(friend=False)]
    assert line.call("POST", "/v2/bot/message/broadcast", {"messages": [text()]}).status == 200
    assert [len(line.said(user)) for user in users] == [1, 1, 0]


def test_a_narrowcast_is_answered_202_and_tells_its_progress(
    line: Line, make_person: MakePerson
) -> None:
    for _ in range(3):
        make_person()
    body = {"messages": [text()], "limit": {"max": 2}}
    sent = line.call("POST", "/v2/bot/message/narrowcast", body)
    assert (sent.status, sent.json) == (202, {})
    request_id = sent.headers["x-line-request-id"]
    path = f"/v2/bot/message/progress/narrowcast?requestId={request_id}"
    progress = line.call("GET", path).json
    assert (progress["phase"], progress["successCount"]) == ("succeeded", 2)


def test_the_monthly_limit_lets_nobody_through_beyond_it(
    line: Line, make_person: MakePerson
) -> None:
    users = [make_person(), make_person()]
    line.call("PUT", "/_sim/quota", {"type": "limited", "value": 1, "used": 0})
    body = {"to": users, "messages": [text()]}
    refused = line.call("POST", "/v2/bot/message/multicast", body)
    assert (refused.status, refused.json) == (
        429,
        {"message": "You have reached your monthly limit."},
    )
    assert line.push(users[0]).status == 200
    assert line.push(users[1]).status == 429
    assert line.call("GET", "/v2/bot/message/quota").json == {"type": "limited", "value": 1}


def test_the_count_starts_again_with_the_month(
    line: Line, make_person: MakePerson, clock: Clock
) -> None:
    user = make_person()
    line.call("PUT", "/_sim/quota", {"value": 1})
    line.push(user)
    assert line.push(user).status == 429
    clock.forward(seconds=32 * 24 * 3600)
    assert line.push(user).status == 200


def test_an_account_without_limit_says_none(line: Line) -> None:
    line.call("PUT", "/_sim/quota", {"type": "none"})
    assert line.call("GET", "/v2/bot/message/quota").json == {"type": "none"}


def test_an_invalid_message_is_named_in_lines_words(line: Line, make_person: MakePerson) -> None:
    user = make_person()
    refused = line.push(user, text("ok"), {"type": "text", "text": "a", "mood": "good"})
    assert refused.status == 400
    assert refused.json["message"] == "A message (messages[1]) in the request body is invalid"
    assert refused.json["details"] == [
        {"property": "messages[1].mood", "message": "Unknown property"}
    ]
    assert line.said(user) == []


def test_two_invalid_messages_are_counted(line: Line, make_person: MakePerson) -> None:
    refused = line.push(make_person(), text(""), text(CAKE * 2501))
    assert refused.json["message"] == "The request body has 2 error(s)"


def test_validating_sends_nothing(line: Line) -> None:
    path = "/v2/bot/message/validate/push"
    assert line.call("POST", path, {"messages": [text()]}).json == {}
    assert line.call("POST", path, {"messages": [text("")]}).status == 400


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b'{"messages":[]}', "application/json", 400),
        (b"{}", "text/plain", 415),
        (b'{"to":"' + b"a" * (2 * 1024 * 1024) + b'"}', "application/json", 413),
    ],
)
def test_a_body_that_is_no_request_is_refused(
    line: Line, content: bytes, kind: str, status: int
) -> None:
    headers = {"Content-Type": kind}
    path = "/v2/bot/message/push"
    assert line.call("POST", path, content=content, headers=headers).status == status


def test_an_unknown_property_of_the_body_is_refused(line: Line, make_person: MakePerson) -> None:
    body = {"to": make_person(), "messages": [text()], "urgent": True}
    refused = line.call("POST", "/v2/bot/message/push", body)
    assert "urgent" in refused.json["message"]


@pytest.mark.parametrize("depth", [500, 900, 100_000])
def test_endless_nesting_is_refused(line: Line, depth: int) -> None:
    content = b'{"to":"a","messages":[' + b"[" * depth + b"]" * depth + b"]}"
    headers = {"Content-Type": "application/json"}
    refused = line.call("POST", "/v2/bot/message/push", content=content, headers=headers)
    assert refused.status == 400


def test_the_same_message_again_is_as_good_and_a_changed_one_is_looked_at(
    line: Line, make_person: MakePerson
) -> None:
    user = make_person()
    statuses = [line.push(user, text(words)).status for words in ("a", "a", "", "a", "")]
    assert statuses == [200, 200, 400, 200, 400]


def test_mentions_are_refused_in_a_chat_of_two(line: Line, make_person: MakePerson) -> None:
    user = make_person()
    mention = {"type": "mention", "mentionee": {"type": "all"}}
    message = {"type": "textV2", "text": "hi {you}", "substitution": {"you": mention}}
    assert line.push(user, message).status == 400


def test_loading_is_answered_202_and_takes_steps_of_five_seconds(
    line: Line, make_person: MakePerson
) -> None:
    path, user = "/v2/bot/chat/loading/start", make_person()
    assert line.call("POST", path, {"chatId": user, "loadingSeconds": 5}).status == 202
    assert line.call("POST", path, {"chatId": user, "loadingSeconds": 7}).status == 400
    assert line.call("POST", path, {"chatId": user, "loadingSeconds": 65}).status == 400


def test_a_bucket_empties_and_fills_again(line: Line, clock: Clock) -> None:
    statuses = [
        line.call("POST", "/v2/bot/message/broadcast", {"messages": [text()]}).status
        for _ in range(61)
    ]
    assert statuses == [200] * 60 + [429]
    clock.forward(seconds=61)
    again = line.call("POST", "/v2/bot/message/broadcast", {"messages": [text()]})
    assert again.status == 200


def test_the_rate_limits_can_be_switched_off(line: Line) -> None:
    line.faults(rate_limits="off")
    statuses = {
        line.call("POST", "/v2/bot/message/broadcast", {"messages": [text()]}).status
        for _ in range(61)
    }
    assert statuses == {200}


def test_the_log_names_calls_and_never_the_token(line: Line, make_person: MakePerson) -> None:
    user = make_person()
    line.push(user, text("secret words"), key=str(uuid.UUID(int=7)))
    logged = line.call("GET", "/_sim/requests?path=/v2/bot/message").json
    assert [(call["path"], call["status"]) for call in logged["requests"]] == [
        ("/v2/bot/message/push", 200)
    ]
    assert logged["requests"][0]["user"] == user
    assert logged["requests"][0]["messages"] == 1
    assert logged["requests"][0]["retryKey"] == str(uuid.UUID(int=7))
    assert TOKEN not in str(logged)
    assert "secret words" not in str(logged)
    line.call("DELETE", "/_sim/requests")
    assert line.call("GET", "/_sim/requests").json["requests"] == []

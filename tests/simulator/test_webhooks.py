"""Webhooks: LINE's JSON, signed over the raw bytes, in order, and again when asked."""

from __future__ import annotations

import base64
import json
import threading
from typing import Any

import pytest
from linebot.v3.webhook import SignatureValidator, WebhookParser

from bot.simulator import webhooks
from bot.simulator.webhooks import sign
from tests.simulator.conftest import (
    LINES_PATIENCE_SECONDS,
    PATIENCE_SECONDS,
    SECRET,
    BotServer,
    Clock,
    Line,
    MakePerson,
    StartLine,
    Webhook,
)

ULID_LENGTH = 26
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(16)).decode()


def test_the_signature_is_the_one_of_lines_example() -> None:
    body = b'{"destination":"U8e742f61d673b39c7fff3cecb7536ef0","events":[]}'
    assert sign(body, SECRET) == "GhRKmvmHys4Pi8DxkF4+EayaH0OqtJtaZxgTD9fMDLs="


def test_a_webhook_is_signed_over_its_bytes_and_names_the_account(
    line: Line, make_person: MakePerson, bot_server: BotServer
) -> None:
    user = make_person()
    event_id = line.act(user, "text", text="點數 🎂").json["webhookEventId"]
    webhook = bot_server.wait_for(1)[0]
    signature = webhook.headers["x-line-signature"]
    assert SignatureValidator(SECRET).validate(webhook.body.decode(), signature)
    assert webhook.headers["Content-Type"] == "application/json; charset=utf-8"
    assert webhook.json["destination"] == line.call("GET", "/v2/bot/info").json["userId"]
    event = webhook.event
    assert event["webhookEventId"] == event_id
    assert len(event_id) == ULID_LENGTH
    assert event["source"] == {"type": "user", "userId": user}
    assert event["mode"] == "active"
    assert event["deliveryContext"] == {"isRedelivery": False}
    assert event["message"]["text"] == "點數 🎂"


@pytest.mark.parametrize(
    ("kind", "doing", "name"),
    [
        ("text", {"text": "a"}, "TextMessageContent"),
        ("sticker", {"packageId": "446", "stickerId": "1988"}, "StickerMessageContent"),
        ("location", {"latitude": 25.03, "longitude": 121.5}, "LocationMessageContent"),
        ("image", {"base64": PNG}, "ImageMessageContent"),
        ("image", {"base64": f"data:image/png;base64,{PNG}"}, "ImageMessageContent"),
    ],
)
def test_the_sdk_understands_every_message(
    line: Line,
    make_person: MakePerson,
    bot_server: BotServer,
    kind: str,
    doing: dict[str, Any],
    name: str,
) -> None:
    assert line.act(make_person(), kind, **doing).status == 200
    webhook = bot_server.wait_for(1)[0]
    parser = WebhookParser(SECRET)
    (event,) = parser.parse(webhook.body.decode(), webhook.headers["x-line-signature"])
    assert type(event.message).__name__ == name
    assert event.reply_token


def test_a_pictures_bytes_can_be_fetched_by_its_message_id(
    line: Line, make_person: MakePerson, bot_server: BotServer
) -> None:
    line.act(make_person(), "image", base64=PNG)
    message_id = bot_server.wait_for(1)[0].event["message"]["id"]
    fetched = line.call("GET", f"/v2/bot/message/{message_id}/content")
    assert fetched.body == base64.b64decode(PNG)
    assert fetched.headers["Content-Type"] == "image/png"
    assert line.call("GET", "/v2/bot/message/1/content").status == 404


def test_following_blocking_and_coming_back_are_events(
    line: Line, make_person: MakePerson, bot_server: BotServer
) -> None:
    user = make_person(friend=False)
    line.act(user, "follow")
    line.act(user, "unfollow")
    line.act(user, "follow")
    first, blocked, back = (webhook.event for webhook in bot_server.wait_for(3))
    assert (first["type"], first["follow"]) == ("follow", {"isUnblocked": False})
    assert blocked["type"] == "unfollow"
    assert "replyToken" not in blocked
    assert (back["type"], back["follow"]) == ("follow", {"isUnblocked": True})


def test_following_twice_is_no_event(line: Line, make_person: MakePerson) -> None:
    assert line.act(make_person(), "follow").json == {"webhookEventId": None}


def test_a_tapped_postback_is_an_event_and_shows_its_text(
    line: Line, make_person: MakePerson, bot_server: BotServer
) -> None:
    user = make_person()
    action = {"type": "postback", "label": "Points", "data": "a=1", "displayText": "My points"}
    line.tap(user, action)
    event = bot_server.wait_for(1)[0].event
    assert (event["type"], event["postback"]) == ("postback", {"data": "a=1"})
    (entry,) = line.chat(user)["entries"]
    assert (entry["from"], entry["message"]["text"]) == ("person", "My points")


def test_a_tapped_message_is_written_by_the_person(
    line: Line, make_person: MakePerson, bot_server: BotServer
) -> None:
    line.tap(make_person(), {"type": "message", "label": "Yes", "text": "yes"})
    assert bot_server.wait_for(1)[0].event["message"]["text"] == "yes"


def test_a_picked_date_comes_with_the_postback(
    line: Line, make_person: MakePerson, bot_server: BotServer
) -> None:
    user = make_person()
    action = {"type": "datetimepicker", "label": "Day", "data": "birthday", "mode": "date"}
    line.tap(user, action, params={"date": "2000-02-29"})
    event = bot_server.wait_for(1)[0].event
    assert event["postback"] == {"data": "birthday", "params": {"date": "2000-02-29"}}
    assert line.tap(user, action, params={"time": "10:00"}).status == 400


@pytest.mark.parametrize("kind", ["uri", "clipboard", "camera", "cameraRoll", "location"])
def test_some_taps_stay_on_the_phone(line: Line, make_person: MakePerson, kind: str) -> None:
    assert line.tap(make_person(), {"type": kind, "label": "a"}).json == {"webhookEventId": None}


def test_who_blocked_the_account_can_only_come_back(line: Line, make_person: MakePerson) -> None:
    user = make_person()
    line.act(user, "unfollow")
    assert line.act(user, "text", text="hello").status == 409
    assert line.act(user, "follow").status == 200


def test_one_persons_events_arrive_in_order_while_another_waits_for_nobody(
    line: Line, make_person: MakePerson, bot_server: BotServer
) -> None:
    slow, quick = make_person(), make_person()
    quick_came, in_time = threading.Event(), []

    def hear(webhook: Webhook) -> None:
        if webhook.event["source"]["userId"] == quick:
            quick_came.set()
        else:
            in_time.append(quick_came.wait(PATIENCE_SECONDS / 2))

    bot_server.hears = hear
    for number in range(5):
        line.act(slow, "text", text=str(number))
    line.act(quick, "text", text="now")
    events = [webhook.event for webhook in bot_server.wait_for(6)]
    texts = [e["message"]["text"] for e in events if e["source"]["userId"] == slow]
    assert texts == ["0", "1", "2", "3", "4"]
    assert in_time == [True] * 5


def test_a_redelivered_event_is_the_same_but_for_its_mark(
    line: Line, make_person: MakePerson, bot_server: BotServer
) -> None:
    event_id = line.act(make_person(), "text", text="a").json["webhookEventId"]
    again = line.call("POST", "/_sim/redeliver", {"webhookEventId": event_id, "times": 2})
    assert (again.status, again.json["status"], len(again.json["results"])) == (200, 200, 2)
    first, second, third = (webhook.event for webhook in bot_server.wait_for(3))
    assert second == {**first, "deliveryContext": {"isRedelivery": True}}
    assert third == second


def test_a_redelivered_events_token_lives_a_minute_more(
    line: Line, make_person: MakePerson, bot_server: BotServer, clock: Clock
) -> None:
    event_id = line.act(make_person(), "text", text="a").json["webhookEventId"]
    token = bot_server.wait_for(1)[0].event["replyToken"]
    clock.forward(seconds=300)
    assert line.reply(token).status == 400
    line.call("POST", "/_sim/redeliver", {"webhookEventId": event_id})
    assert line.reply(token).status == 200


def test_a_redelivered_events_token_ends_twenty_minutes_after_the_event(
    line: Line, make_person: MakePerson, bot_server: BotServer, clock: Clock
) -> None:
    event_id = line.act(make_person(), "text", text="a").json["webhookEventId"]
    token = bot_server.wait_for(1)[0].event["replyToken"]
    clock.forward(seconds=20 * 60 + 1)
    line.call("POST", "/_sim/redeliver", {"webhookEventId": event_id})
    assert line.reply(token).status == 400


@pytest.mark.parametrize(("signature", "valid"), [(None, True), ("bad", False)])
def test_a_raw_webhook_is_signed_as_asked(
    line: Line, bot_server: BotServer, signature: str | None, valid: bool
) -> None:
    body = {"events": [{"type": "tomorrow"}], "destination": "U1"}
    sent = line.call("POST", "/_sim/raw", body | ({"signature": signature} if signature else {}))
    assert sent.json["status"] == 200
    webhook = bot_server.wait_for(1)[0]
    assert json.loads(webhook.body) == body
    given = webhook.headers["x-line-signature"]
    assert SignatureValidator(SECRET).validate(webhook.body.decode(), given) is valid


def test_a_raw_webhook_may_lack_its_signature(line: Line, bot_server: BotServer) -> None:
    line.call("POST", "/_sim/raw", {"events": [], "signature": "missing"})
    assert "x-line-signature" not in bot_server.wait_for(1)[0].headers


def test_a_raw_events_reply_token_can_be_used(line: Line, make_person: MakePerson) -> None:
    user = make_person()
    event = {"type": "message", "replyToken": "a" * 32, "source": {"type": "user", "userId": user}}
    line.call("POST", "/_sim/raw", {"events": [event]})
    assert line.reply("a" * 32).status == 200
    assert len(line.said(user)) == 1


def test_a_slow_server_is_given_two_seconds(
    start_line: StartLine, bot_server: BotServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert LINES_PATIENCE_SECONDS == 2
    monkeypatch.setattr(webhooks, "TIMEOUT_SECONDS", LINES_PATIENCE_SECONDS)
    told = threading.Event()
    bot_server.hears = lambda _: told.wait(PATIENCE_SECONDS)
    sent = start_line().call("POST", "/_sim/raw", {"events": []}).json
    assert bot_server.webhooks == []  # It has not answered yet.
    told.set()
    assert sent["status"] is None
    assert sent["ms"] > 1_900


def test_a_missing_server_has_no_status(line: Line) -> None:
    line.server.set_webhook_url("http://127.0.0.1:9/callback")
    assert line.call("POST", "/_sim/raw", {"events": []}).json["status"] is None


def test_no_webhook_leaves_while_they_are_off(
    line: Line, make_person: MakePerson, bot_server: BotServer
) -> None:
    line.faults(webhook="off")
    event_id = line.act(make_person(), "text", text="a").json["webhookEventId"]
    assert bot_server.webhooks == []
    line.faults(webhook="on")
    line.call("POST", "/_sim/redeliver", {"webhookEventId": event_id})
    assert bot_server.wait_for(1)[0].event["webhookEventId"] == event_id

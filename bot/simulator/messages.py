"""Sending: reply, push, multicast, narrowcast, broadcast, and the calls that only validate."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.limits import MAX_RECIPIENTS, check_aggregation_units, check_recipients, is_user_id

from .answers import (
    MONTHLY_LIMIT,
    NOT_FOUND,
    RETRY_KEY_ACCEPTED,
    LineError,
    answer,
    invalid_body,
    invalid_property,
    read_json,
)
from .gate import call_of
from .people import Person
from .tokens import Accepted, is_retry_key
from .validation import CheckedMessage, refuse_mentions
from .world import World, world_of

RETRY_KEY_HEADER = "X-Line-Retry-Key"
MAX_LOADING_SECONDS = 60
LOADING_STEP = 5
DEFAULT_LOADING_SECONDS = 20
TOO_FEW_RECIPIENTS = 2

_COMMON = frozenset({"messages", "notificationDisabled"})
_REPLY = _COMMON | {"replyToken"}
_PUSH = _COMMON | {"to", "customAggregationUnits"}
_NARROWCAST = _COMMON | {"recipient", "filter", "limit"}


async def reply(request: web.Request) -> web.Response:
    """POST /v2/bot/message/reply: answer an event, once, within a minute, free of quota."""
    world = world_of(request)
    body = await read_json(request, allowed=_REPLY, required=("replyToken", "messages"))
    if RETRY_KEY_HEADER in request.headers:
        raise LineError(400, "The retry key can't be used for a reply message")
    messages = _checked_messages(request, body)
    refuse_mentions(messages)
    token = world.reply_tokens.find(body["replyToken"], now=world.now())
    if token is None:
        raise LineError(400, "Invalid reply token")
    call_of(request).user = token.user_id
    token.used = True
    person = world.people.find(token.user_id)
    reached = [person] if person is not None and not person.blocked else []
    return answer({"sentMessages": world.deliver(reached, messages, via="reply")})


async def push(request: web.Request) -> web.Response:
    """POST /v2/bot/message/push: send to one person."""
    world = world_of(request)
    body = await read_json(request, allowed=_PUSH, required=("to", "messages"))
    _refuse_accepted(request)
    messages = _checked_messages(request, body)
    refuse_mentions(messages)
    if not is_user_id(body["to"]):
        raise invalid_property("to")
    call_of(request).user = body["to"]
    _check_units(world, body)
    person = world.people.find(body["to"])
    if person is None:
        raise LineError(400, "Failed to send messages")
    sent = _spend_and_deliver(world, [person], messages, via="push")
    _accept(request, sent)
    return answer({"sentMessages": sent})


async def multicast(request: web.Request) -> web.Response:
    """POST /v2/bot/message/multicast: send the same to up to 500 people."""
    world = world_of(request)
    body = await read_json(request, allowed=_PUSH, required=("to", "messages"))
    _refuse_accepted(request)
    messages = _checked_messages(request, body)
    _refuse_bad_recipients(body["to"], "to")
    _check_units(world, body)
    known = (world.people.find(user_id) for user_id in body["to"])
    people = [person for person in known if person is not None]
    _spend_and_deliver(world, people, messages, via="multicast")
    _accept(request, None)
    return answer({})


async def broadcast(request: web.Request) -> web.Response:
    """POST /v2/bot/message/broadcast: send to all friends."""
    world = world_of(request)
    body = await read_json(request, allowed=_COMMON, required=("messages",))
    _refuse_accepted(request)
    messages = _checked_messages(request, body)
    _spend_and_deliver(world, world.people.friends(), messages, via="broadcast")
    _accept(request, None)
    return answer({})


async def narrowcast(request: web.Request) -> web.Response:
    """POST /v2/bot/message/narrowcast: send to friends, or to a number of them by chance.

    Our people have no demographics and there are no audiences, so a filter finds too few.
    """
    world = world_of(request)
    body = await read_json(request, allowed=_NARROWCAST, required=("messages",))
    _refuse_accepted(request)
    messages = _checked_messages(request, body)
    if body.get("recipient") is not None:
        raise invalid_property("recipient")
    friends = world.people.friends()
    limit = body.get("limit") or {}
    most = limit.get("max", len(friends))
    if not isinstance(most, int) or isinstance(most, bool) or (most < 1 and friends):
        raise invalid_property("limit.max")
    people = friends if most >= len(friends) else random.sample(friends, most)
    filtered = body.get("filter") is not None
    if not filtered:
        _spend_and_deliver(world, people, messages, via="narrowcast")
    world.narrowcasts[call_of(request).request_id] = _narrowcast_progress(
        world, 0 if filtered else len(people)
    )
    _accept(request, None)
    return answer({}, status=202)


def _narrowcast_progress(world: World, people: int) -> dict[str, Any]:
    at = datetime.fromtimestamp(world.now() / 1000, UTC).isoformat(timespec="milliseconds")
    times = {"acceptedTime": at.replace("+00:00", "Z"), "completedTime": at.replace("+00:00", "Z")}
    if not people:
        return {
            "phase": "failed",
            "failedDescription": "There aren't enough recipients",
            "errorCode": TOO_FEW_RECIPIENTS,
            **times,
        }
    counts = {"successCount": people, "failureCount": 0, "targetCount": people}
    return {"phase": "succeeded", **counts, **times}


async def narrowcast_progress(request: web.Request) -> web.Response:
    """GET /v2/bot/message/progress/narrowcast: what became of a narrowcast."""
    progress = world_of(request).narrowcasts.get(request.query.get("requestId", ""))
    if progress is None:
        raise LineError(404, NOT_FOUND)
    return answer(progress)


async def validate(request: web.Request) -> web.Response:
    """POST /v2/bot/message/validate/*: check messages, send nothing."""
    body = await read_json(request, allowed=frozenset({"messages"}), required=("messages",))
    _checked_messages(request, body)
    return answer({})


async def start_loading(request: web.Request) -> web.Response:
    """POST /v2/bot/chat/loading/start: show that an answer is on its way."""
    world = world_of(request)
    allowed = frozenset({"chatId", "loadingSeconds"})
    body = await read_json(request, allowed=allowed, required=("chatId",))
    if not is_user_id(body["chatId"]):
        raise invalid_property("chatId")
    seconds = body.get("loadingSeconds", DEFAULT_LOADING_SECONDS)
    steps = range(LOADING_STEP, MAX_LOADING_SECONDS + 1, LOADING_STEP)
    if isinstance(seconds, bool) or seconds not in steps:
        raise invalid_property("loadingSeconds")
    call_of(request).user = body["chatId"]
    person = world.people.find(body["chatId"])
    if person is not None and not person.blocked:
        world.phones.show(person.id, {"type": "loading", "seconds": seconds})
    return answer({}, status=202)


def _checked_messages(request: web.Request, body: dict[str, Any]) -> list[CheckedMessage]:
    if not isinstance(body.get("notificationDisabled", False), bool):
        raise invalid_property("notificationDisabled")
    messages = world_of(request).message_check.check(body["messages"])
    call_of(request).messages = len(messages)
    return messages


def _refuse_bad_recipients(user_ids: Any, name: str) -> None:
    """Refuse a batch for its first malformed id, or for its size, as LINE does."""
    violations = check_recipients(user_ids, name)
    if not violations:
        return
    first = violations[0]["property"]
    if first != name:
        raise invalid_property(first)
    raise invalid_body(violations)


def refuse_bad_batch(user_ids: Any, name: str) -> None:
    """Refuse a batch of ids that may repeat: 1 to 500, each well-formed."""
    if isinstance(user_ids, list) and 1 <= len(user_ids) <= MAX_RECIPIENTS:
        user_ids = list(dict.fromkeys(map(str, user_ids)))
    _refuse_bad_recipients(user_ids, name)


def _check_units(world: World, body: dict[str, Any]) -> None:
    units = body.get("customAggregationUnits", [])
    violations = check_aggregation_units(units)
    if violations:
        raise invalid_body(violations)
    world.units.update(units)


def _spend_and_deliver(
    world: World, people: list[Person], messages: list[CheckedMessage], *, via: str
) -> list[dict[str, Any]]:
    """Deliver to those who can be reached; only they count, and not one goes over the limit."""
    now = world.now()
    reached = [person for person in people if person.can_be_pushed(now)]
    if not world.spend_quota(len(reached)):
        raise LineError(429, MONTHLY_LIMIT)
    return world.deliver(reached, messages, via=via)


def _refuse_accepted(request: web.Request) -> None:
    """Refuse a retry key that is no UUID (400), or one that was accepted before (409)."""
    key = request.headers.get(RETRY_KEY_HEADER)
    if key is None:
        return
    if not is_retry_key(key):
        raise LineError(400, f"The value for the '{RETRY_KEY_HEADER}' header is invalid")
    world = world_of(request)
    accepted = world.retry_keys.find(key.lower(), now=world.now())
    if accepted is not None:
        sent = accepted.sent_messages
        raise LineError(
            409,
            RETRY_KEY_ACCEPTED,
            headers={"x-line-accepted-request-id": accepted.request_id},
            also=None if sent is None else {"sentMessages": sent},
        )


def _accept(request: web.Request, sent: list[dict[str, Any]] | None) -> None:
    key = request.headers.get(RETRY_KEY_HEADER)
    if key is not None:
        world, call = world_of(request), call_of(request)
        world.retry_keys.keep(key.lower(), Accepted(world.now(), call.request_id, sent))

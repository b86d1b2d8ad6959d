"""The phone: what its page asks for, and what a person does in the chat."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import re
from typing import Any

from aiohttp import WSMsgType, web

from .account_api import image_type
from .answers import answer
from .ids import new_message_id, new_token
from .people import LANGUAGES, Person
from .world import World, world_of

DEFAULT_PEOPLE, MAX_PEOPLE = 50, 1_000
SHOWN_ENTRIES = 100
MAX_TEXT_LENGTH = 5_000
MAX_IMAGE_BYTES = 10 * 1024 * 1024
HEARTBEAT_SECONDS = 20
_NOTES = {
    "followed": {
        "zh-TW": "你已加入好友",
        "en": "You added this account as a friend",
        "ja": "友だちに追加しました",
    },
    "unblocked": {
        "zh-TW": "你已解除封鎖",
        "en": "You unblocked this account",
        "ja": "ブロックを解除しました",
    },
    "blocked": {
        "zh-TW": "你已封鎖這個帳號",
        "en": "You blocked this account",
        "ja": "このアカウントをブロックしました",
    },
}
_NO_EVENT = frozenset({"uri", "clipboard", "camera", "cameraRoll", "location"})
_PICKED = {
    "date": re.compile(r"\d{4}-\d{2}-\d{2}"),
    "time": re.compile(r"\d{2}:\d{2}"),
    "datetime": re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}"),
}


class Misuse(Exception):
    """The page (or a test) asked for something a phone can't do."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@web.middleware
async def misuse_answers(request: web.Request, handler: Any) -> web.StreamResponse:
    """Turn Misuse into a JSON answer."""
    try:
        response: web.StreamResponse = await handler(request)
    except Misuse as misuse:
        return answer({"message": str(misuse)}, status=misuse.status)
    return response


async def read_object(request: web.Request) -> dict[str, Any]:
    """Return the request's JSON object ({} for none)."""
    if not request.can_read_body:
        return {}
    try:
        body = await request.json()
    except ValueError:
        raise Misuse("the body must be JSON") from None
    if not isinstance(body, dict):
        raise Misuse("the body must be a JSON object")
    return body


def get_person(world: World, user_id: object) -> Person:
    """Return the person, or say that there is none."""
    person = world.people.find(user_id) if isinstance(user_id, str) else None
    if person is None:
        raise Misuse("no such person", 404)
    return person


def _object(holder: dict[str, Any], name: str) -> dict[str, Any]:
    value = holder.get(name)
    if not isinstance(value, dict):
        raise Misuse(f"{name} must be an object")
    return value


def _shown_account(world: World) -> dict[str, Any]:
    account = world.account
    return {
        "name": account["name"],
        "basicId": account["basicId"],
        "iconUrl": account.get("iconUrl", "/_sim/icon.svg"),
    }


async def list_people(request: web.Request) -> web.Response:
    """GET /_sim/people?q=&limit=: whom one may be."""
    world = world_of(request)
    given = request.query.get("limit", "")
    limit = min(int(given), MAX_PEOPLE) if given.isdecimal() else DEFAULT_PEOPLE
    people = world.people.search(request.query.get("q", ""), limit)
    return answer(
        {"people": [person.listed() for person in people], "account": _shown_account(world)}
    )


async def create_person(request: web.Request) -> web.Response:
    """POST /_sim/people: somebody new, who is no friend yet."""
    world, body = world_of(request), await read_object(request)
    name, language = body.get("name"), body.get("language")
    if language is not None and language not in LANGUAGES:
        raise Misuse(f"language must be one of {', '.join(LANGUAGES)}")
    if name is not None and not isinstance(name, str):
        raise Misuse("name must be a string")
    person = world.people.create(name, language)
    world.keep_person(person.id)
    return answer(person.listed(), status=201)


async def show_chat(request: web.Request) -> web.Response:
    """GET /_sim/chat?user=: everything the page draws first."""
    world = world_of(request)
    person = get_person(world, request.query.get("user"))
    return answer(
        {
            "person": person.shown(),
            "account": _shown_account(world),
            "entries": world.chats.last(person.id, SHOWN_ENTRIES),
            "menu": world.menus.shown_to(person),
            "quota": world.quota.shown(),
        }
    )


async def watch(request: web.Request) -> web.WebSocketResponse:
    """WS /_sim/live?user=: frames as things happen."""
    world = world_of(request)
    person = get_person(world, request.query.get("user"))
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_SECONDS)
    queue = world.phones.open(person.id)
    try:
        await socket.prepare(request)
        sending = asyncio.create_task(_send_frames(socket, queue))
        try:
            async for message in socket:
                if message.type == WSMsgType.ERROR:
                    break
        finally:
            sending.cancel()
    finally:
        world.phones.close(person.id, queue)
    return socket


async def _send_frames(socket: web.WebSocketResponse, queue: asyncio.Queue[str]) -> None:
    with contextlib.suppress(ConnectionError):
        while not socket.closed:
            await socket.send_str(await queue.get())


async def act(request: web.Request) -> web.Response:
    """POST /_sim/act: the person does something; answers the event's id (null for no event)."""
    world, body = world_of(request), await read_object(request)
    person = get_person(world, body.get("user"))
    doing = _object(body, "act")
    kind = doing.get("kind")
    deed = _DEEDS.get(kind) if isinstance(kind, str) else None
    if deed is None:
        raise Misuse(f"act.kind must be one of {', '.join(_DEEDS)}")
    if person.blocked and kind != "follow":
        raise Misuse("this person has blocked the account", 409)
    return answer({"webhookEventId": deed(world, person, doing)})


def _follow(world: World, person: Person, _: dict[str, Any]) -> str | None:
    if person.friend:
        return None
    unblocked = person.blocked
    person.friend, person.blocked = True, False
    world.keep_person(person.id)
    world.note(person, _NOTES["unblocked" if unblocked else "followed"][person.language])
    world.show_person(person)
    content = {"follow": {"isUnblocked": unblocked}}
    return world.send_event(person, world.new_event(person, "follow", content, reply=True))


def _unfollow(world: World, person: Person, _: dict[str, Any]) -> str:
    person.friend, person.blocked = False, True
    world.keep_person(person.id)
    world.menus.forget(person)
    world.note(person, _NOTES["blocked"][person.language])
    world.show_person(person)
    return world.send_event(person, world.new_event(person, "unfollow", {}, reply=False))


def _say(
    world: World, person: Person, shown: dict[str, Any], message: dict[str, Any] | None = None
) -> str:
    """Show a message of the person, and send its event (`message` where LINE sends another)."""
    person.wrote_at = world.now()
    world.keep_person(person.id)
    entry_id = world.write(person, shown)
    content = {"message": {"id": entry_id, **(message or shown)}}
    return world.send_event(person, world.new_event(person, "message", content, reply=True))


def _send_text(world: World, person: Person, doing: dict[str, Any]) -> str:
    text = doing.get("text")
    if not isinstance(text, str) or not text or len(text) > MAX_TEXT_LENGTH:
        raise Misuse(f"text must have 1 to {MAX_TEXT_LENGTH} characters")
    shown = {"type": "text", "text": text}
    return _say(world, person, shown, {**shown, "quoteToken": new_token()})


def _send_sticker(world: World, person: Person, doing: dict[str, Any]) -> str:
    shown = {"type": "sticker"}
    for name in ("packageId", "stickerId"):
        if not str(doing.get(name, "")).isdecimal():
            raise Misuse(f"{name} must be digits")
        shown[name] = str(doing[name])
    also = {"stickerResourceType": "STATIC", "quoteToken": new_token()}
    return _say(world, person, shown, {**shown, **also})


def _send_image(world: World, person: Person, doing: dict[str, Any]) -> str:
    written = str(doing.get("base64", ""))
    try:
        # A page may send a data URL: what counts stands after its comma.
        content = base64.b64decode(written.rpartition(",")[2], validate=True)
    except binascii.Error:
        raise Misuse("base64 is no base64") from None
    if not 0 < len(content) <= MAX_IMAGE_BYTES or image_type(content) is None:
        raise Misuse("an image must be JPEG or PNG, and at most 10 MB")
    content_id = new_message_id()
    world.keep_content(content_id, content)
    shown = {
        "type": "image",
        "originalContentUrl": f"/_sim/content/{content_id}",
        "previewImageUrl": f"/_sim/content/{content_id}",
    }
    message = {
        "type": "image",
        "id": content_id,
        "quoteToken": new_token(),
        "contentProvider": {"type": "line"},
    }
    return _say(world, person, shown, message)


def _send_location(world: World, person: Person, doing: dict[str, Any]) -> str:
    latitude, longitude = doing.get("latitude"), doing.get("longitude")
    if not _is_within(latitude, 90) or not _is_within(longitude, 180):
        raise Misuse("latitude and longitude must be degrees")
    shown: dict[str, Any] = {"type": "location", "latitude": latitude, "longitude": longitude}
    for name in ("title", "address"):
        if doing.get(name):
            shown[name] = str(doing[name])
    return _say(world, person, shown)


def _is_within(value: Any, most: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= most


def _tap(world: World, person: Person, doing: dict[str, Any]) -> str | None:
    """Do what LINE does when an action is tapped."""
    action = _object(doing, "action")
    kind = action.get("type")
    if kind in _NO_EVENT:
        return None
    if kind == "message":
        return _send_text(world, person, {"text": action.get("text")})
    if kind == "postback":
        return _tap_postback(world, person, action)
    if kind == "datetimepicker":
        return _postback(world, person, action, _picked(action, doing.get("params")))
    if kind == "richmenuswitch":
        return _switch_menu(world, person, action)
    raise Misuse("action.type is unknown")


def _tap_postback(world: World, person: Person, action: dict[str, Any]) -> str:
    if action.get("displayText"):
        world.write(person, {"type": "text", "text": str(action["displayText"])})
    event_id = _postback(world, person, action, None)
    if action.get("text"):  # Deprecated by LINE: shown, and sent as a message of its own as well.
        _send_text(world, person, {"text": action["text"]})
    return event_id


def _postback(
    world: World, person: Person, action: dict[str, Any], params: dict[str, str] | None
) -> str:
    postback: dict[str, Any] = {"data": str(action.get("data", ""))}
    if params is not None:
        postback["params"] = params
    event = world.new_event(person, "postback", {"postback": postback}, reply=True)
    return world.send_event(person, event)


def _picked(action: dict[str, Any], params: Any) -> dict[str, str]:
    mode = action.get("mode")
    value = params.get(mode) if isinstance(params, dict) and mode in _PICKED else None
    if not isinstance(value, str) or not _PICKED[str(mode)].fullmatch(value):
        raise Misuse("params must hold what was picked, in the form of the action's mode")
    return {str(mode): value}


def _switch_menu(world: World, person: Person, action: dict[str, Any]) -> str:
    alias_id = str(action.get("richMenuAliasId", ""))
    menu = world.menus.find(world.menus.aliases.get(alias_id))
    if alias_id not in world.menus.aliases:
        status = "RICHMENU_ALIAS_ID_NOTFOUND"
    elif menu is None:
        status = "RICHMENU_NOTFOUND"
    else:
        status = "SUCCESS"
        world.menus.link([person], menu.id)
        world.show_menu(person.id)
    params = {"newRichMenuAliasId": alias_id, "status": status}
    return _postback(world, person, action, params)


_DEEDS = {
    "follow": _follow,
    "unfollow": _unfollow,
    "text": _send_text,
    "sticker": _send_sticker,
    "image": _send_image,
    "location": _send_location,
    "action": _tap,
}

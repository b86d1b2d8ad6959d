"""Control: what tests and developers ask for and LINE never would, under /_sim."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bot.limits import is_user_id

from .answers import LineError, answer
from .faults import Faults, InvalidFaults
from .phone import Misuse, read_object
from .rich_menu_api import download_image
from .webhooks import MAX_REDELIVERIES, Outcome, write_body
from .world import World, world_of

DEFAULT_LOGGED, MAX_LOGGED = 1_000, 100_000
WRONG_SIGNATURE = "d3Jvbmcgc2lnbmF0dXJlIG9mIHRoaXMgc2ltdWxhdG9yIQ=="
_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">'
    '<circle cx="32" cy="32" r="32" fill="#06c755"/>'
    '<text x="32" y="43" font-size="30" text-anchor="middle" fill="#fff">{letter}</text></svg>'
)


async def send_raw(request: web.Request) -> web.Response:
    """POST /_sim/raw: send any events as one webhook, signed rightly, wrongly or not at all."""
    world, body = world_of(request), await read_object(request)
    if not isinstance(body.get("events"), list):
        raise Misuse("events must be an array")
    signatures = {None: None, "bad": WRONG_SIGNATURE, "missing": ""}
    if body.get("signature") not in signatures:
        raise Misuse('signature must be "bad", "missing" or left out')
    destination = body.get("destination", world.account["userId"])
    for event in body["events"]:
        _remember(world, destination, event)
    outcome = await world.webhooks.post(
        write_body(destination, body["events"]), signatures[body.get("signature")]
    )
    return answer(outcome.shown())


def _remember(world: World, destination: str, event: Any) -> None:
    """Let a hand-made event be redelivered, and its reply token be used, as LINE's own would."""
    if not isinstance(event, dict):
        return
    if isinstance(event.get("webhookEventId"), str):
        world.webhooks.remember(destination, event)
    user_id = _user_id(event)
    if user_id is not None and isinstance(event.get("replyToken"), str):
        world.reply_tokens.register(event["replyToken"], user_id, now=world.now())


def _user_id(event: dict[str, Any]) -> str | None:
    source = event.get("source")
    user_id = source.get("userId") if isinstance(source, dict) else None
    return user_id if isinstance(user_id, str) else None


async def redeliver(request: web.Request) -> web.Response:
    """POST /_sim/redeliver: send an event again, marked as redelivered."""
    world, body = world_of(request), await read_object(request)
    sent = world.webhooks.find_sent(body.get("webhookEventId"))
    if sent is None:
        raise Misuse("no such event", 404)
    times = body.get("times", 1)
    if not isinstance(times, int) or not 1 <= times <= MAX_REDELIVERIES:
        raise Misuse(f"times must be from 1 to {MAX_REDELIVERIES}")
    destination, event = sent
    again = {**event, "deliveryContext": {"isRedelivery": True}}
    outcomes: list[Outcome] = []
    for _ in range(times):
        if "replyToken" in event:
            world.reply_tokens.restart(event["replyToken"], now=world.now())
        # In the person's own lane: what is delivered again was delivered before.
        lane = _user_id(event) or ""
        outcomes.append(await world.webhooks.enqueue(lane, write_body(destination, [again])))
    return answer({**outcomes[-1].shown(), "results": [outcome.shown() for outcome in outcomes]})


async def list_requests(request: web.Request) -> web.Response:
    """GET /_sim/requests?path=&limit=: the last calls of LINE's API, oldest first."""
    world = world_of(request)
    prefix, given = request.query.get("path", ""), request.query.get("limit", "")
    limit = min(int(given), MAX_LOGGED) if given.isdecimal() else DEFAULT_LOGGED
    calls = [call for call in world.requests if call["path"].startswith(prefix)]
    return answer({"requests": calls[-limit:] if limit else [], "total": len(calls)})


async def forget_requests(request: web.Request) -> web.Response:
    """DELETE /_sim/requests."""
    world_of(request).requests.clear()
    return answer({})


async def get_faults(request: web.Request) -> web.Response:
    """GET /_sim/faults."""
    return answer(world_of(request).faults.shown())


async def change_faults(request: web.Request) -> web.Response:
    """PUT /_sim/faults: change what is named; the rest stays."""
    world = world_of(request)
    try:
        world.faults.change(await read_object(request))
    except InvalidFaults as error:
        raise Misuse(str(error)) from None
    world.rate_limits.forget()
    return answer(world.faults.shown())


async def clear_faults(request: web.Request) -> web.Response:
    """DELETE /_sim/faults: everything works again."""
    world = world_of(request)
    world.faults = Faults(rate_limits=world.faults.rate_limits)
    world.rate_limits.forget()
    return answer(world.faults.shown())


async def change_quota(request: web.Request) -> web.Response:
    """PUT /_sim/quota: type, value, used; what is not named stays."""
    world, body = world_of(request), await read_object(request)
    if body.get("type", "limited") not in ("limited", "none"):
        raise Misuse('type must be "limited" or "none"')
    for name in ("value", "used"):
        given = body.get(name, 0)
        if not isinstance(given, int) or isinstance(given, bool) or given < 0:
            raise Misuse(f"{name} must be a whole number from 0")
    world.change_quota({name: body[name] for name in ("type", "value", "used") if name in body})
    return answer(world.quota.shown())


async def plant(request: web.Request) -> web.Response:
    """POST /_sim/seed: add people, and change account and quota, as a seed file does."""
    world, body = world_of(request), await read_object(request)
    people = body.get("people", [])
    if not isinstance(people, list) or not all(
        isinstance(given, dict) and is_user_id(given.get("id")) for given in people
    ):
        raise Misuse("people must be an array of objects with a user id")
    return answer({"planted": world.plant(body), "people": len(world.people)})


async def menu_image(request: web.Request) -> web.Response:
    """GET /_sim/richmenu/{richMenuId}/image: the menu's picture, for the page."""
    try:
        return await download_image(request)
    except LineError as error:
        return error.answer()


async def content(request: web.Request) -> web.Response:
    """GET /_sim/content/{contentId}: a picture a person sent, for the page."""
    kept = world_of(request).contents.get(request.match_info["contentId"])
    if kept is None:
        raise Misuse("no such content", 404)
    return web.Response(body=kept, content_type="image/jpeg")


async def icon(request: web.Request) -> web.Response:
    """GET /_sim/icon.svg: a round icon with the account's first letter."""
    letter = str(world_of(request).account["name"])[:1]
    safe = letter.replace("&", "&amp;").replace("<", "&lt;")
    return web.Response(text=_ICON.format(letter=safe), content_type="image/svg+xml")

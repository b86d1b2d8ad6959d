"""LINE's calls about the account: people's profiles, figures, the webhook, access tokens."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot.limits import is_file_url, is_user_id

from .answers import NOT_FOUND, LineError, answer, invalid_body, invalid_property, read_json
from .gate import call_of
from .ids import new_token
from .quota import statistics_day
from .tokens import ACCESS_TOKEN_SECONDS
from .webhooks import write_body
from .world import world_of

DEFAULT_FOLLOWERS, MAX_FOLLOWERS = 300, 1_000
MAX_WEBHOOK_URL_LENGTH = 500
FIRST_STATISTICS_DAY = "20180331"
LONG_LIVED_SECONDS = 2**31
_DAY = re.compile(r"\d{8}")
_IMAGE_SIGNATURES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}
_JWT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


async def profile(request: web.Request) -> web.Response:
    """GET /v2/bot/profile/{userId}: 404 for strangers and for those who blocked the account."""
    person = world_of(request).people.find(_user_id(request))
    if person is None or not person.has_profile():
        raise LineError(404, NOT_FOUND)
    return answer({"userId": person.id, "displayName": person.name, "language": person.language})


async def followers(request: web.Request) -> web.Response:
    """GET /v2/bot/followers/ids: friends page by page, for verified accounts only."""
    world = world_of(request)
    if not world.account.get("verified", False):
        raise LineError(403, "Access to this API is not available for your account")
    limit = _whole(request, "limit", DEFAULT_FOLLOWERS, 1, MAX_FOLLOWERS)
    start = _whole(request, "start", 0, 0, len(world.people))
    ids = [person.id for person in world.people.friends()]
    page: dict[str, Any] = {"userIds": ids[start : start + limit]}
    if start + limit < len(ids):
        page["next"] = str(start + limit)
    return answer(page)


async def bot_info(request: web.Request) -> web.Response:
    """GET /v2/bot/info."""
    account = world_of(request).account
    return answer(
        {
            "userId": account["userId"],
            "basicId": account["basicId"],
            "displayName": account["name"],
            "chatMode": "bot",
            "markAsReadMode": "auto",
        }
    )


async def issue_link_token(request: web.Request) -> web.Response:
    """POST /v2/bot/user/{userId}/linkToken."""
    person = world_of(request).people.find(_user_id(request))
    if person is None or person.blocked:
        raise LineError(404, NOT_FOUND)
    return answer({"linkToken": new_token()})


async def mark_as_read(request: web.Request) -> web.Response:
    """POST /v2/bot/chat/markAsRead."""
    names = ("markAsReadToken",)
    await read_json(request, allowed=frozenset(names), required=names)
    return answer({})


async def message_content(request: web.Request) -> web.Response:
    """GET /v2/bot/message/{messageId}/content: the picture a person sent."""
    content = world_of(request).contents.get(request.match_info["messageId"])
    if content is None:
        raise LineError(404, NOT_FOUND)
    return web.Response(body=content, content_type=image_type(content) or "image/jpeg")


def image_type(content: bytes) -> str | None:
    """Return the media type these bytes begin like, or None."""
    for signature, media_type in _IMAGE_SIGNATURES.items():
        if content.startswith(signature):
            return media_type
    return None


async def quota(request: web.Request) -> web.Response:
    """GET /v2/bot/message/quota."""
    limits = world_of(request).quota
    if limits.type == "none":
        return answer({"type": "none"})
    return answer({"type": limits.type, "value": limits.value})


async def consumption(request: web.Request) -> web.Response:
    """GET /v2/bot/message/quota/consumption."""
    return answer({"totalUsage": world_of(request).quota.used})


async def delivered(request: web.Request) -> web.Response:
    """GET /v2/bot/message/delivery/{via}: how many were sent on a past day (of UTC+9)."""
    world, day = world_of(request), _day(request)
    if day >= statistics_day(world.now()):
        return answer({"status": "unready"})
    if day < FIRST_STATISTICS_DAY:
        return answer({"status": "out_of_service"})
    key = f"{request.match_info['via']}:{day}"
    return answer({"status": "ready", "success": world.deliveries.get(key, 0)})


async def aggregation_count(request: web.Request) -> web.Response:
    """GET /v2/bot/message/aggregation/info."""
    return answer({"numOfCustomAggregationUnits": len(world_of(request).units)})


async def aggregation_names(request: web.Request) -> web.Response:
    """GET /v2/bot/message/aggregation/list."""
    return answer({"customAggregationUnits": sorted(world_of(request).units)})


async def insight_followers(request: web.Request) -> web.Response:
    """GET /v2/bot/insight/followers: known from yesterday on."""
    world = world_of(request)
    if _day(request) >= statistics_day(world.now()):
        return answer(
            {"status": "unready", "followers": None, "targetedReaches": None, "blocks": None}
        )
    blocks = sum(person.blocked for person in world.people)
    friends = len(world.people.friends())
    return answer(
        {
            "status": "ready",
            "followers": friends + blocks,
            "targetedReaches": friends,
            "blocks": blocks,
        }
    )


async def insight_delivery(request: web.Request) -> web.Response:
    """GET /v2/bot/insight/message/delivery."""
    world, day = world_of(request), _day(request)
    if day >= statistics_day(world.now()):
        return answer({"status": "unready"})
    names = {
        "apiReply": "reply",
        "apiPush": "push",
        "apiMulticast": "multicast",
        "apiBroadcast": "broadcast",
        "apiNarrowcast": "narrowcast",
    }
    sent = {name: world.deliveries.get(f"{via}:{day}", 0) for name, via in names.items()}
    return answer({"status": "ready", **sent})


async def insight_message(request: web.Request) -> web.Response:
    """GET /v2/bot/insight/message/event: nobody opens anything here that LINE would count."""
    return answer(
        {
            "overview": {
                "requestId": request.query.get("requestId", ""),
                "timestamp": world_of(request).now() // 1000,
                "delivered": None,
                "uniqueImpression": None,
                "uniqueClick": None,
                "uniqueMediaPlayed": None,
                "uniqueMediaPlayed100Percent": None,
            },
            "messages": [],
            "clicks": [],
        }
    )


async def insight_unit(request: web.Request) -> web.Response:
    """GET /v2/bot/insight/message/event/aggregation: as above, by unit."""
    return answer({"overview": _NO_UNIT_FIGURES, "messages": [], "clicks": []})


_NO_UNIT_FIGURES = {
    "uniqueImpression": None,
    "uniqueClick": None,
    "uniqueMediaPlayed": None,
    "uniqueMediaPlayed100Percent": None,
}


async def insight_demographic(request: web.Request) -> web.Response:
    """GET /v2/bot/insight/demographic: our people have no demographics."""
    return answer({"available": False})


async def get_webhook(request: web.Request) -> web.Response:
    """GET /v2/bot/channel/webhook/endpoint."""
    world = world_of(request)
    return answer({"endpoint": world.webhooks.url or "", "active": world.faults.webhook})


async def set_webhook(request: web.Request) -> web.Response:
    """PUT /v2/bot/channel/webhook/endpoint: https, or this machine."""
    body = await read_json(request, allowed=frozenset({"endpoint"}), required=("endpoint",))
    world_of(request).webhooks.url = _webhook_url(body["endpoint"])
    return answer({})


async def test_webhook(request: web.Request) -> web.Response:
    """POST /v2/bot/channel/webhook/test: send an empty, signed body and tell how it went."""
    world = world_of(request)
    if request.can_read_body:
        body = await read_json(request, allowed=frozenset({"endpoint"}))
        if "endpoint" in body:
            _webhook_url(body["endpoint"])
    outcome = await world.webhooks.post(write_body(world.account["userId"], []))
    at = datetime.fromtimestamp(world.now() / 1000, UTC).isoformat(timespec="milliseconds")
    return answer(
        {
            "success": outcome.status == web.HTTPOk.status_code,
            "timestamp": at.replace("+00:00", "Z"),
            "statusCode": outcome.status or 0,
            "reason": outcome.reason,
            "detail": str(outcome.status or outcome.reason),
        }
    )


async def issue_stateless_token(request: web.Request) -> web.Response:
    """POST /oauth2/v3/token: a token for 15 minutes, by id and secret or by a JWT assertion."""
    world, form = world_of(request), await _form(request)
    by_secret = (
        form.get("client_id") == world.channel.id
        and form.get("client_secret") == world.channel.secret
    )
    by_assertion = form.get("client_assertion_type") == _JWT_ASSERTION and bool(
        form.get("client_assertion")
    )
    if form.get("grant_type") != "client_credentials" or not (by_secret or by_assertion):
        return answer(
            {"error": "invalid_client", "error_description": "invalid client_id or client_secret"},
            status=400,
        )
    return answer(
        {
            "token_type": "Bearer",
            "access_token": world.access_tokens.issue(now=world.now()),
            "expires_in": ACCESS_TOKEN_SECONDS,
        }
    )


async def verify_token(request: web.Request) -> web.Response:
    """POST /v2/oauth/verify: how long a channel access token is still valid."""
    world, form = world_of(request), await _form(request)
    left = world.access_tokens.seconds_left(form.get("access_token", ""), now=world.now())
    if left is None:
        return answer(
            {"error": "invalid_request", "error_description": "access token expired or invalid"},
            status=400,
        )
    return answer(
        {"client_id": world.channel.id, "expires_in": left or LONG_LIVED_SECONDS, "scope": "P CM"}
    )


async def _form(request: web.Request) -> dict[str, str]:
    if request.content_type != "application/x-www-form-urlencoded":
        raise LineError(415, f"The content type, {request.content_type}, is not supported")
    return {name: str(value) for name, value in (await request.post()).items()}


def _webhook_url(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_WEBHOOK_URL_LENGTH or not is_file_url(value):
        raise invalid_body([{"property": "endpoint", "message": "Invalid webhook endpoint URL"}])
    return value


def _user_id(request: web.Request) -> str:
    user_id = request.match_info["userId"]
    if not is_user_id(user_id):
        raise LineError(400, "The value for the 'userId' parameter is invalid")
    call_of(request).user = user_id
    return user_id


def _day(request: web.Request) -> str:
    day = request.query.get("date", "")
    if not day:
        raise LineError(400, "date is required")
    try:
        datetime.strptime(day, "%Y%m%d")  # noqa: DTZ007 (only a day of LINE's statistics)
    except ValueError:
        raise LineError(400, "Bad Request") from None
    if not _DAY.fullmatch(day):
        raise LineError(400, "Bad Request")
    return day


def _whole(request: web.Request, name: str, default: int, least: int, most: int) -> int:
    given = request.query.get(name)
    if given is None:
        return default
    if not given.isdecimal() or not least <= int(given) <= most:
        raise invalid_property(name)
    return int(given)

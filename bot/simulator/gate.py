"""The gate every call of LINE's API passes: request id, faults, token, rate limit, log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from .answers import (
    INTERNAL_ERROR,
    MONTHLY_LIMIT,
    NOT_FOUND,
    RATE_LIMITED,
    RETRY_KEY_ACCEPTED,
    UNAUTHORIZED,
    LineError,
)
from .faults import DEFAULT_HANG_MS, DEFAULT_SLOW_MS, FaultRule
from .ids import new_request_id
from .world import World, world_of

_OWN_PATHS = ("/_sim/", "/assets/")
_PAGE_PATH = "/"
_OPEN_PATHS = ("/oauth2/", "/v2/oauth/")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Call:
    """One call of LINE's API, as the log will tell it."""

    request_id: str
    at: int
    user: str | None = None
    messages: int = 0


_CALL = web.RequestKey("call", Call)


def call_of(request: web.Request) -> Call:
    """Return the call a request of LINE's API is."""
    return request[_CALL]


@web.middleware
async def line_gate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let a call of LINE's API through the gate; everything else passes untouched."""
    if request.path == _PAGE_PATH or request.path.startswith(_OWN_PATHS):
        return await handler(request)
    world = world_of(request)
    call = Call(new_request_id(), world.now())
    request[_CALL] = call
    response = await _answer(world, request, handler)
    response.headers["x-line-request-id"] = call.request_id
    _log(world, request, call, response.status)
    return response


async def _answer(world: World, request: web.Request, handler: Handler) -> web.StreamResponse:
    fault = world.faults.pick(request.method, request.path)
    if world.faults.latency_ms:
        await asyncio.sleep(world.faults.latency_ms / 1000)
    try:
        if fault is not None:
            await _fail_before(request, fault)
        _authenticate(world, request)
        _limit_rate(world, request)
        response = await handler(request)
        if fault is not None:
            _fail_after(request, fault)
    except LineError as error:
        response = error.answer()
    except web.HTTPNotFound:
        response = LineError(404, NOT_FOUND).answer()
    except web.HTTPMethodNotAllowed as error:
        allow = {"Allow": error.headers["Allow"]}
        response = LineError(405, "Method not allowed", headers=allow).answer()
    return response


async def _fail_before(request: web.Request, fault: FaultRule) -> None:
    """Do what a fault does before the call is accepted."""
    refusals = {
        "500_before": LineError(500, INTERNAL_ERROR),
        "429_rate": LineError(429, RATE_LIMITED),
        "429_monthly": LineError(429, MONTHLY_LIMIT),
        "401": LineError(401, UNAUTHORIZED),
        "409": LineError(
            409, RETRY_KEY_ACCEPTED, headers={"x-line-accepted-request-id": new_request_id()}
        ),
    }
    if fault.fault in refusals:
        raise refusals[fault.fault]
    if fault.fault == "slow":
        await _pause(fault.ms, DEFAULT_SLOW_MS)
    elif fault.fault == "hang":
        await _pause(fault.ms, DEFAULT_HANG_MS)
        _hang_up(request)
    elif fault.fault == "drop_before":
        _hang_up(request)


def _fail_after(request: web.Request, fault: FaultRule) -> None:
    """Do what a fault does after the call was accepted."""
    if fault.fault == "500_after":
        raise LineError(500, INTERNAL_ERROR)
    if fault.fault == "drop_after":
        _hang_up(request)


async def _pause(ms: int | None, default_ms: int) -> None:
    await asyncio.sleep((default_ms if ms is None else ms) / 1000)


def _hang_up(request: web.Request) -> None:
    """Close the connection without an answer; the refusal raised here is never read."""
    if request.transport is not None:
        request.transport.abort()
    raise LineError(500, INTERNAL_ERROR)


def _authenticate(world: World, request: web.Request) -> None:
    if request.path.startswith(_OPEN_PATHS):
        return
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme != "Bearer" or world.access_tokens.seconds_left(token, now=world.now()) is None:
        raise LineError(401, UNAUTHORIZED)


def _limit_rate(world: World, request: web.Request) -> None:
    if not world.faults.rate_limits:
        return
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else request.path
    if not world.rate_limits.allow(request.method, route, now=world.now()):
        raise LineError(429, RATE_LIMITED)


def _log(world: World, request: web.Request, call: Call, status: int) -> None:
    entry: dict[str, Any] = {
        "at": call.at,
        "method": request.method,
        "path": request.path,
        "status": status,
        "retryKey": request.headers.get("X-Line-Retry-Key"),
        "user": call.user,
        "requestId": call.request_id,
        "messages": call.messages,
    }
    world.requests.append(entry)

"""Answers: LINE's JSON for success and refusal, and how a request's body is read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from bot.limits import MAX_REQUEST_BYTES, Violation

RATE_LIMITED = "The API rate limit has been exceeded. Try again later."
MONTHLY_LIMIT = "You have reached your monthly limit."
NOT_FOUND = "Not found"
RETRY_KEY_ACCEPTED = "The retry key is already accepted"
INTERNAL_ERROR = "Internal Server Error"
UNAUTHORIZED = (
    "Authentication failed. Confirm that the access token in the authorization header is valid."
)


class LineError(Exception):
    """A refusal in LINE's form: a status, a message, sometimes details."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        details: Sequence[Violation] | None = None,
        headers: Mapping[str, str] | None = None,
        also: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body: dict[str, Any] = {"message": message, **(also or {})}
        if details is not None:
            self.body["details"] = list(details)
        self.headers = dict(headers or {})

    def answer(self) -> web.Response:
        """Return the response that says so."""
        return answer(self.body, status=self.status, headers=self.headers)


def answer(
    body: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return `body` as a JSON response."""
    return web.Response(
        body=json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "surrogatepass"
        ),
        status=status,
        content_type="application/json",
        charset="utf-8",
        headers=headers,
    )


def invalid_property(name: str) -> LineError:
    """Return LINE's refusal of a property of the request's body."""
    return LineError(
        400, f"The property, '{name}', in the request body is invalid (line: -, column: -)"
    )


def invalid_body(violations: Sequence[Violation]) -> LineError:
    """Return LINE's refusal of a body with these errors."""
    return LineError(400, f"The request body has {len(violations)} error(s)", details=violations)


async def read_body(request: web.Request) -> bytes:
    """Return the request's body, refusing what is over LINE's 2 MB."""
    if (request.content_length or 0) > MAX_REQUEST_BYTES:
        raise LineError(413, "Request exceeds the max size of 2MB")
    body = await request.read()
    if len(body) > MAX_REQUEST_BYTES:
        raise LineError(413, "Request exceeds the max size of 2MB")
    return body


async def read_json(
    request: web.Request, *, allowed: frozenset[str], required: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the request's JSON object; refuse what LINE would: type, syntax, properties."""
    if request.content_type != "application/json":
        raise LineError(415, f"The content type, {request.content_type}, is not supported")
    try:
        body = json.loads(await read_body(request))
    except json.JSONDecodeError as error:
        raise LineError(
            400,
            "The request body could not be parsed as JSON "
            f"(line: {error.lineno}, column: {error.colno})",
        ) from None
    except (UnicodeDecodeError, RecursionError):
        raise LineError(400, "The request body could not be parsed as JSON") from None
    if not isinstance(body, dict):
        raise LineError(400, "The request body must be a JSON object")
    for name in body:
        if name not in allowed:
            raise invalid_property(name)
    missing: list[Violation] = [
        {"property": name, "message": "must be specified"} for name in required if name not in body
    ]
    if missing:
        raise invalid_body(missing)
    return body

"""How the API says no, in one place: `application/problem+json` with a stable code."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog
from flask import Flask, Response, request
from flask_limiter import RateLimitExceeded
from flask_openapi.blueprint import APIBlueprint
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import (
    HTTPException,
    InternalServerError,
    MethodNotAllowed,
    NotFound,
    RequestEntityTooLarge,
    UnsupportedMediaType,
)

from handlers import settings
from handlers.api import calls
from handlers.api.codes import kind_of
from handlers.api.kind import Kind
from handlers.api.schemas.base import tell_moment
from models.base import BusinessError, in_language

MEDIA_TYPE = "application/problem+json"
PROBLEMS_PAGE = "/api/docs/problems"
AWAY_SECONDS = 2
RUNNING_SECONDS = 1
CHINESE, ENGLISH = "zh-TW", "en"
RETRY_AFTER = {"unavailable": AWAY_SECONDS, "idempotency_key_in_use": RUNNING_SECONDS}

log = structlog.get_logger()

_CODES: dict[type[HTTPException], str] = {
    NotFound: "not_found",
    MethodNotAllowed: "method_not_allowed",
    RequestEntityTooLarge: "content_too_large",
    UnsupportedMediaType: "unsupported_media_type",
    InternalServerError: "internal_error",
    RateLimitExceeded: "too_many_requests",
}


class Refused(BusinessError):
    """The call itself is not well made; what exactly says the code it is raised with."""

    def __init__(
        self, code: str, *, errors: Sequence[Mapping[str, str]] = (), **facts: Any
    ) -> None:
        super().__init__(**facts)
        self.code = code  # type: ignore[misc]  # Of this one refusal; a class for each says no more.
        self.errors = errors


def problem(
    code: str,
    *,
    facts: Mapping[str, Any] | None = None,
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Make a problem's answer."""
    kind = kind_of(code)
    is_chinese = request.accept_languages.best_match([ENGLISH, CHINESE], ENGLISH) == CHINESE
    facts = dict(facts or {})
    advice = facts.pop("advice", None)  # Of a refusal that knows best what would help.
    told: dict[str, Any] = {
        "type": f"{settings().public_base_url}{PROBLEMS_PAGE}#{code}",
        "title": kind.title_zh if is_chinese else kind.title,
        "status": kind.status,
        "code": code,
        "detail": _in_language(advice, kind, is_chinese=is_chinese),
        "request_id": calls.request_id(),
    }
    if facts:
        told["facts"] = facts
    if errors:
        told["errors"] = errors
    body = json.dumps(told, default=_plain, ensure_ascii=False)
    answer = Response(body, kind.status, headers, mimetype=MEDIA_TYPE)
    answer.headers["Content-Language"] = CHINESE if is_chinese else ENGLISH
    if code in RETRY_AFTER:
        answer.headers["Retry-After"] = str(RETRY_AFTER[code])
    calls.note_problem(code)
    return answer


def _in_language(advice: Any, kind: Kind, *, is_chinese: bool) -> str:
    """Return what to do: what the refusal itself says, or else what its kind always says."""
    if isinstance(advice, dict):
        return in_language(advice, CHINESE if is_chinese else ENGLISH)
    return kind.advice_zh if is_chinese else kind.advice


def _plain(fact: Any) -> str:
    """Return a fact that JSON has no kind for; a moment as the models tell it."""
    return tell_moment(fact) if isinstance(fact, datetime) else str(fact)


def show_problems(blueprint: APIBlueprint) -> None:
    """Have every refusal within the API shown as a problem."""
    blueprint.register_error_handler(BusinessError, _refused)
    for kind in (HTTPException, NotFound, MethodNotAllowed, InternalServerError):
        # The last ones by name: else the application's own answers to them would come first.
        blueprint.register_error_handler(kind, _not_served)
    blueprint.register_error_handler(OperationalError, _away)
    blueprint.register_error_handler(PoolTimeoutError, _away)


def answer_outside(app: Flask, url: str) -> None:
    """Have addresses and methods below `url` that no route knows answered as problems too."""

    def not_routed(error: HTTPException) -> Response | HTTPException:
        if not request.path.startswith(f"{url}/") and request.path != url:
            return error
        return calls.finish(_not_served(error))

    app.register_error_handler(NotFound, not_routed)
    app.register_error_handler(MethodNotAllowed, not_routed)


def _refused(error: BusinessError) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if error.code == "api_key_refused" else None
    errors = error.errors if isinstance(error, Refused) else ()
    return problem(error.code, facts=error.facts, errors=errors, headers=headers)


def _not_served(error: HTTPException) -> Response:
    if isinstance(error, InternalServerError):
        broken = error.original_exception
        if isinstance(broken, OperationalError | PoolTimeoutError):  # It went at the commit.
            return _away(broken)
    headers = {}
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        headers["Allow"] = ", ".join(error.valid_methods)
    known = next((code for kind, code in _CODES.items() if isinstance(error, kind)), "bad_request")
    return problem(known, headers=headers)


def _away(error: Exception) -> Response:
    log.error("database_away", error=type(error).__name__)
    return problem("unavailable")

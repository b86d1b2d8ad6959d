"""One call: its id, its way through the log, and the headers every answer carries."""

import re
import secrets
import time

import structlog
from flask import Response, g, request
from flask_openapi.blueprint import APIBlueprint

from bot.texts import DEFAULT_LANGUAGE, LANGUAGES
from models.api_call import OpenedCall

REQUEST_ID_HEADER = "X-Request-Id"
_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
NO_ROUTE = "-"

log = structlog.get_logger()


def request_id() -> str:
    """Return the call's id: the asker's own where it is sane, else one of ours."""
    known: str | None = g.get("request_id")
    if known is None:
        told = request.headers.get(REQUEST_ID_HEADER, "")
        known = g.request_id = told if _SANE_ID.fullmatch(told) else secrets.token_hex(8)
    return known


def language() -> str:
    """Return the language in which names of the shop's things are told: the asker's, if ours."""
    return request.accept_languages.best_match(LANGUAGES, DEFAULT_LANGUAGE) or DEFAULT_LANGUAGE


def note_problem(code: str) -> None:
    """Remember for the log why the call was refused."""
    g.problem_code = code


def follow(blueprint: APIBlueprint) -> None:
    """Have every call timed, marked with its id, and logged once."""

    @blueprint.before_request
    def begin() -> None:
        g.began_at = time.perf_counter()

    blueprint.after_request(finish)


def finish(response: Response) -> Response:
    """Give the answer its headers and log the call, without anything that was sent or told."""
    headers = response.headers
    headers[REQUEST_ID_HEADER] = request_id()
    headers["Cache-Control"] = "no-store"
    headers["X-Content-Type-Options"] = "nosniff"
    for name, value in g.get("limit_headers", {}).items():
        headers[name] = value
    opened: OpenedCall | None = g.get("opened_call")
    began_at = g.get("began_at")
    log.info(
        "api_call",
        method=request.method,
        route=request.url_rule.rule if request.url_rule else NO_ROUTE,
        status=response.status_code,
        code=g.get("problem_code"),
        ms=round((time.perf_counter() - began_at) * 1000, 1) if began_at else None,
        key_id=opened.key_id if opened else None,
        request_id=request_id(),
    )
    return response

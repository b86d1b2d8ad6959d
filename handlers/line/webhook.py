"""LINE's door: check the signature over the raw bytes, keep each event once, answer 200.

Nothing is worked here. LINE wants its answer within two seconds; the workers take it from the
inbox (LINE, Receive messages (webhook), read 2026-08).
"""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

import structlog
from flask import Blueprint, Response, request
from prometheus_client import Counter
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import HTTP_STATUS_CODES
from werkzeug.wsgi import get_input_stream

from bot.signature import is_signed
from handlers.line.keeper import CannotKeep
from models.line_event import KeptEvent, shape_event

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Receive = Callable[["WSGIEnvironment"], int]

PATH = "/callback"
LARGEST_BODY_BYTES = 1_048_576
SIGNATURE_HEADER = "HTTP_X_LINE_SIGNATURE"
"""`X-Line-Signature` as WSGI names it."""

log = structlog.get_logger()
received = Counter("regulars_webhook_requests", "Webhook requests by answer", ["status"])


def make_blueprint(receive: Receive) -> Blueprint:
    """Make the webhook's blueprint; `receive` is what `make_receiver` made."""
    blueprint = Blueprint("line", __name__)

    @blueprint.post(PATH)
    def callback() -> Response:
        """Keep the events of one signed request."""
        return Response(status=receive(request.environ), mimetype="text/plain")

    return blueprint


class WebhookDoor:
    """Leads LINE's requests straight to `receive`, in front of all that pages need.

    Sessions, logins, limits and routing cost a request more than keeping its events does, and a
    campaign is answered by thousands of taps a second.
    """

    def __init__(self, inner: "WSGIApplication", receive: Receive) -> None:
        self._inner = inner
        self._receive = receive

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a webhook request; hand any other one on."""
        if environ.get("PATH_INFO") != PATH or environ["REQUEST_METHOD"] != "POST":
            return self._inner(environ, start_response)
        try:
            status = self._receive(environ)
        except Exception:  # The server's edge: LINE is told to come again.
            log.exception("webhook_failed")
            status = 500
        start_response(f"{status} {HTTP_STATUS_CODES[status]}", [("Content-Length", "0")])
        return (b"",)


def make_receiver(secrets: Sequence[str], keep: Callable[[Sequence[KeptEvent]], None]) -> Receive:
    """Make what takes a WSGI request and returns a status; `secrets` are those in force."""

    def receive(environ: "WSGIEnvironment") -> int:
        status = _receive(environ, secrets, keep)
        received.labels(status).inc()
        if status != HTTPStatus.OK:
            log.warning("webhook_refused", status=status)
        return status

    return receive


def _receive(
    environ: "WSGIEnvironment",
    secrets: Sequence[str],
    keep: Callable[[Sequence[KeptEvent]], None],
) -> int:
    body = _body_of(environ)
    if body is None:
        return 413
    if not is_signed(body, environ.get(SIGNATURE_HEADER), secrets):
        return 401
    events = _events_of(body)
    if events is None:
        return 400
    if events:
        try:
            keep(events)
        except CannotKeep:
            return 503
    return 200


def _body_of(environ: "WSGIEnvironment") -> bytes | None:
    """Return the raw body, or None where it is too large; a chunked one has no stated length."""
    stated = environ.get("CONTENT_LENGTH") or ""
    if stated.isascii() and stated.isdigit():
        body: bytes | None = None
        if int(stated) <= LARGEST_BODY_BYTES:
            body = environ["wsgi.input"].read(int(stated))
        return body
    try:
        return get_input_stream(environ, max_content_length=LARGEST_BODY_BYTES).read()
    except RequestEntityTooLarge:
        return None


def _events_of(body: bytes) -> list[KeptEvent] | None:
    """Return the request's events (none for the console's verify button), or None if misshapen."""
    try:
        parsed = json.loads(body, parse_constant=str, parse_float=_finite)
        events = parsed.get("events", []) if isinstance(parsed, dict) else None
        return [shape_event(event) for event in events] if isinstance(events, list) else None
    except (ValueError, RecursionError):
        return None


def _finite(digits: str) -> float | str:
    """Read a number; one too large for a float stays text, for JSON has no word for infinity."""
    number = float(digits)
    return number if math.isfinite(number) else digits

"""LINE's door: check the signature over the raw bytes, keep each event once, answer 200.

Nothing is worked here. LINE wants its answer within two seconds; the workers take it from the
inbox (LINE, Receive messages (webhook), read 2026-08).
"""

import json
import math
from collections.abc import Callable, Sequence

import structlog
from flask import Blueprint, Response, request
from prometheus_client import Counter

from bot.signature import is_signed
from handlers.line.keeper import CannotKeep
from models.line_event import KeptEvent, shape_event

LARGEST_BODY_BYTES = 1_048_576
SIGNATURE_HEADER = "X-Line-Signature"

log = structlog.get_logger()
received = Counter("regulars_webhook_requests", "Webhook requests by answer", ["status"])


def make_blueprint(
    secrets: Sequence[str], keep: Callable[[Sequence[KeptEvent]], None]
) -> Blueprint:
    """Make the webhook's blueprint: `secrets` are the channel secrets in force, newest first."""
    blueprint = Blueprint("line", __name__)

    @blueprint.post("/callback")
    def callback() -> Response:
        """Keep the events of one signed request."""
        return _answered(_receive(secrets, keep))

    return blueprint


def _receive(secrets: Sequence[str], keep: Callable[[Sequence[KeptEvent]], None]) -> int:
    if (request.content_length or 0) > LARGEST_BODY_BYTES:
        return 413
    body = request.get_data(cache=False)
    if not is_signed(body, request.headers.get(SIGNATURE_HEADER), secrets):
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


def _answered(status: int) -> Response:
    received.labels(status).inc()
    if status != 200:
        log.warning("webhook_refused", status=status)
    return Response(status=status, mimetype="text/plain")

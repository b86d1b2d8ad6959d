"""Webhooks: who hears of events, what became of each delivery, and sending it again.

The events themselves are described in `docs/webhooks.md`. A secret is told by a question of its
own: the answers of deeds are kept for a week, and no secret belongs there.
"""

import json
from collections.abc import Mapping, Sequence

from flask import g
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from handlers import settings
from handlers.api.answering import Answer
from handlers.api.cursors import read_cursor, write_cursor
from handlers.api.declaring import Method, View, declare
from handlers.api.schemas.webhooks import (
    DeliveriesPage,
    DeliveriesQuery,
    DeliveryPath,
    DeliveryTold,
    DeliveryWithEvent,
    EndpointAsked,
    EndpointChange,
    EndpointPath,
    EndpointsTold,
    EndpointTold,
    ReplayAsked,
    ReplayedTold,
    SecretTold,
)
from handlers.api.tags import WEBHOOKS
from models import webhook
from models.api_key import WRITE_WEBHOOKS
from models.base import BusinessError
from models.webhook import (
    BOTH_SIGN_FOR,
    DeliveryUnderWay,
    EndpointDisabled,
    EndpointRefused,
    NoSuchDelivery,
    NoSuchEndpoint,
    Search,
    TooManyEndpoints,
    WebhookDelivery,
    WebhookEndpoint,
)

Answers = Mapping[int, type[BaseModel] | None]
Refusals = Sequence[type[BusinessError]]


def list_webhook_endpoints() -> EndpointsTold:
    """List all endpoints of the shop, the oldest first."""
    return EndpointsTold(items=[_tell(endpoint) for endpoint in webhook.list_endpoints(g.session)])


def add_webhook_endpoint(body: EndpointAsked) -> Answer:
    """Let an address hear of events from now on.

    Its secret is told by `GET /webhooks/{endpoint_id}/secret`.
    """
    endpoint = webhook.add_endpoint(
        g.session,
        body.url,
        now=g.now,
        events=body.events,
        description=body.description,
        allow_private=settings().demo,
    )
    return Answer(_tell(endpoint), location=f"/api/v1/webhooks/{endpoint.id}")


def get_webhook_endpoint(path: EndpointPath) -> EndpointTold:
    """Read an endpoint."""
    return _tell(webhook.get_endpoint(g.session, path.endpoint_id))


def change_webhook_endpoint(path: EndpointPath, body: EndpointChange) -> EndpointTold:
    """Disable an endpoint, or let it hear again of what happens from now on."""
    change = webhook.enable_endpoint if body.state == "active" else webhook.disable_endpoint
    return _tell(change(g.session, path.endpoint_id, g.now))


def delete_webhook_endpoint(path: EndpointPath) -> Answer:
    """Forget an endpoint with all its deliveries."""
    webhook.delete_endpoint(g.session, path.endpoint_id, g.now)
    return Answer(None)


def get_webhook_secret(path: EndpointPath) -> SecretTold:
    """Read the secret with which an endpoint's events are signed now."""
    endpoint = webhook.get_endpoint(g.session, path.endpoint_id)
    return SecretTold(secret=webhook.secret_of(settings().secret_key, endpoint))


def rotate_webhook_secret(path: EndpointPath) -> EndpointTold:
    """Give an endpoint a new secret; for 24 hours the one of before signs too."""
    return _tell(webhook.rotate_secret(g.session, path.endpoint_id, g.now))


def send_test_event(path: EndpointPath) -> DeliveryTold:
    """Send an endpoint an event that means nothing, `webhook.test`."""
    return _tell_delivery(webhook.send_test(g.session, path.endpoint_id, g.now))


def replay_failed_deliveries(path: EndpointPath, body: ReplayAsked) -> ReplayedTold:
    """Send again all of an endpoint's deliveries that failed, of a time and later."""
    endpoint = webhook.get_endpoint(g.session, path.endpoint_id)
    return ReplayedTold(replayed=webhook.replay_failed(g.session, endpoint.id, body.since, g.now))


def list_webhook_deliveries(query: DeliveriesQuery) -> DeliveriesPage:
    """List deliveries, the newest first; settled ones are kept for 30 days."""
    cursor = f"deliveries:{query.endpoint_id or ''}:{query.state or ''}"
    last = read_cursor(cursor, query.cursor)
    search = Search(query.endpoint_id, query.state, last[0] if last else None)
    found = webhook.list_deliveries(g.session, search, limit=query.limit + 1)
    shown = found[: query.limit]
    is_more = len(found) > len(shown)
    return DeliveriesPage(
        items=[_tell_delivery(delivery) for delivery in shown],
        next=write_cursor(cursor, shown[-1].id) if is_more else None,
    )


def get_webhook_delivery(path: DeliveryPath) -> DeliveryWithEvent:
    """Read a delivery with the event it brings."""
    delivery = webhook.get_delivery(g.session, path.delivery_id)
    told = _tell_delivery(delivery).model_dump()
    return DeliveryWithEvent(**told, event=json.loads(delivery.event.body))


def replay_webhook_delivery(path: DeliveryPath) -> DeliveryTold:
    """Send a settled delivery again, now and for three days, under the event's same id."""
    return _tell_delivery(webhook.replay(g.session, path.delivery_id, g.now))


_ENDPOINT = "/webhooks/<int:endpoint_id>"
_DELIVERY = "/webhooks/deliveries/<int:delivery_id>"
_ROUTES: Sequence[tuple[Method, str, View, Answers, Refusals]] = (
    ("GET", "/webhooks", list_webhook_endpoints, {200: EndpointsTold}, ()),
    (
        "POST",
        "/webhooks",
        add_webhook_endpoint,
        {201: EndpointTold},
        (EndpointRefused, TooManyEndpoints),
    ),
    ("GET", _ENDPOINT, get_webhook_endpoint, {200: EndpointTold}, (NoSuchEndpoint,)),
    ("PATCH", _ENDPOINT, change_webhook_endpoint, {200: EndpointTold}, (NoSuchEndpoint,)),
    ("DELETE", _ENDPOINT, delete_webhook_endpoint, {204: None}, (NoSuchEndpoint,)),
    ("GET", f"{_ENDPOINT}/secret", get_webhook_secret, {200: SecretTold}, (NoSuchEndpoint,)),
    ("POST", f"{_ENDPOINT}/rotate", rotate_webhook_secret, {200: EndpointTold}, (NoSuchEndpoint,)),
    (
        "POST",
        f"{_ENDPOINT}/test",
        send_test_event,
        {202: DeliveryTold},
        (NoSuchEndpoint, EndpointDisabled),
    ),
    (
        "POST",
        f"{_ENDPOINT}/replay",
        replay_failed_deliveries,
        {202: ReplayedTold},
        (NoSuchEndpoint, EndpointDisabled),
    ),
    ("GET", "/webhooks/deliveries", list_webhook_deliveries, {200: DeliveriesPage}, ()),
    ("GET", _DELIVERY, get_webhook_delivery, {200: DeliveryWithEvent}, (NoSuchDelivery,)),
    (
        "POST",
        f"{_DELIVERY}/replay",
        replay_webhook_delivery,
        {202: DeliveryTold},
        (NoSuchDelivery, DeliveryUnderWay, EndpointDisabled),
    ),
)


def add_routes(blueprint: APIBlueprint) -> None:
    """Add the addresses of endpoints and deliveries."""
    for method, rule, view, answers, refusals in _ROUTES:
        declare(
            blueprint,
            method,
            rule,
            view,
            tag=WEBHOOKS,
            scope=WRITE_WEBHOOKS,
            answers=answers,
            refusals=refusals,
        )


def _tell(endpoint: WebhookEndpoint) -> EndpointTold:
    both_until = endpoint.rotated_at + BOTH_SIGN_FOR if endpoint.rotated_at else None
    return EndpointTold(
        id=endpoint.id,
        url=endpoint.url,
        description=endpoint.description,
        events=endpoint.events,
        state="active" if endpoint.is_active else "disabled",
        disabled_because=endpoint.disabled_because,  # type: ignore[arg-type]  # The CHECK knows.
        failures=endpoint.failures,
        failing_since=endpoint.failing_since,
        delivered_at=endpoint.delivered_at,
        both_secrets_until=both_until if both_until and both_until > g.now else None,
        created_at=endpoint.created_at,
    )


def _tell_delivery(delivery: WebhookDelivery) -> DeliveryTold:
    return DeliveryTold(
        id=delivery.id,
        endpoint_id=delivery.endpoint_id,
        event_id=delivery.event.name,
        type=delivery.event.event_type,
        state=delivery.state,  # type: ignore[arg-type]  # The CHECK knows the states.
        tries=delivery.tries,
        status=delivery.status,
        reason=delivery.reason,
        created_at=delivery.created_at,
        next_try_at=None if delivery.settled_at else delivery.next_try_at,
        settled_at=delivery.settled_at,
    )

"""Connections, for who manages: keys of other systems, and who hears of events from us."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import structlog
from flask import g, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from handlers import settings
from handlers.clerk import door, pending, views
from handlers.listening import DELIVERY_STATES, listener_of
from handlers.notice import Notice
from models import webhook
from models.api_key import ApiKey, list_api_keys
from models.outbox import KEPT_DAYS
from models.staff import Staff
from models.webhook import EVENT_TYPES, Search, WebhookDelivery

SHOWN = 20
LONGEST_TYPED = 2100

log = structlog.get_logger()


def show_connections() -> ResponseReturnValue:
    """Show the API keys and the endpoints."""
    pending.get_manager()
    return _show_all()


def add_connection() -> ResponseReturnValue:
    """Let an address hear of events, and show it with its secret."""
    manager, typed = pending.get_manager(), request.form
    endpoint = webhook.add_endpoint(
        g.session,
        typed.get("url", "")[:LONGEST_TYPED],
        now=g.now,
        events=typed.getlist("event"),
        description=typed.get("description", "")[:LONGEST_TYPED],
        staff_id=manager.id,
        allow_private=settings().demo,
    )
    log.info("webhook_added", endpoint=endpoint.id, by=manager.id)
    return _show_one(endpoint.id, done="added", is_secret_shown=True)


def show_connection(endpoint_id: int) -> ResponseReturnValue:
    """Show an endpoint and its deliveries, the newest first."""
    pending.get_manager()
    return _show_one(endpoint_id)


def change_connection(endpoint_id: int, deed: str) -> ResponseReturnValue:
    """Do one thing to an endpoint, and show what came of it."""
    manager = pending.get_manager()
    context = _DEEDS[deed](g.session, endpoint_id, manager)
    log.info("webhook_changed", endpoint=endpoint_id, deed=deed, by=manager.id)
    if deed == "delete":
        return _show_all(done="deleted")
    return _show_one(endpoint_id, **context)


def replay_delivery(delivery_id: int) -> ResponseReturnValue:
    """Send a settled delivery again."""
    manager = pending.get_manager()
    delivery = webhook.replay(g.session, delivery_id, g.now)
    log.info("webhook_replayed", delivery=delivery_id, by=manager.id)
    return _show_one(delivery.endpoint_id, done="replayed", count=1)


def add_routes(blueprint: door.Door) -> None:
    """Add the addresses of connections."""
    deeds = ", ".join(_DEEDS)
    blueprint.get("/connections")(show_connections)
    blueprint.post("/connections")(add_connection)
    blueprint.get("/connections/<int:endpoint_id>")(show_connection)
    path = f"/connections/<int:endpoint_id>/<any({deeds}):deed>"
    blueprint.post(path)(change_connection)
    blueprint.get(path)(views.back_to_scan)
    blueprint.post("/connections/deliveries/<int:delivery_id>/replay")(replay_delivery)
    blueprint.get("/connections/deliveries/<int:delivery_id>/replay")(views.back_to_scan)


def _send_test(session: Session, endpoint_id: int, _manager: Staff) -> Mapping[str, Any]:
    webhook.send_test(session, endpoint_id, g.now)
    return {"done": "tested"}


def _show_secret(_session: Session, _endpoint_id: int, _manager: Staff) -> Mapping[str, Any]:
    return {"is_secret_shown": True}


def _rotate(session: Session, endpoint_id: int, manager: Staff) -> Mapping[str, Any]:
    webhook.rotate_secret(session, endpoint_id, g.now, staff_id=manager.id)
    return {"done": "rotated", "is_secret_shown": True}


def _disable(session: Session, endpoint_id: int, manager: Staff) -> Mapping[str, Any]:
    webhook.disable_endpoint(session, endpoint_id, g.now, staff_id=manager.id)
    return {"done": "disabled"}


def _enable(session: Session, endpoint_id: int, manager: Staff) -> Mapping[str, Any]:
    webhook.enable_endpoint(session, endpoint_id, g.now, staff_id=manager.id)
    return {"done": "enabled"}


def _delete(session: Session, endpoint_id: int, manager: Staff) -> Mapping[str, Any]:
    webhook.delete_endpoint(session, endpoint_id, g.now, staff_id=manager.id)
    return {}


def _replay_failed(session: Session, endpoint_id: int, _manager: Staff) -> Mapping[str, Any]:
    """Send again all that failed and is still kept."""
    since = g.now - timedelta(days=KEPT_DAYS)
    endpoint = webhook.get_endpoint(session, endpoint_id)
    return {"done": "replayed", "count": webhook.replay_failed(session, endpoint.id, since, g.now)}


_DEEDS: Mapping[str, Callable[[Session, int, Staff], Mapping[str, Any]]] = {
    "test": _send_test,
    "secret": _show_secret,
    "rotate": _rotate,
    "disable": _disable,
    "enable": _enable,
    "delete": _delete,
    "replay": _replay_failed,
}


def _show_all(status: int = 200, **context: Any) -> ResponseReturnValue:
    counts = webhook.count_by_state(g.session)
    fresh = {
        "keys": sorted(list_api_keys(g.session), key=_is_over),
        "now": g.now,
        "listeners": [
            listener_of(endpoint, counts, g.now) for endpoint in webhook.list_endpoints(g.session)
        ],
        "event_types": EVENT_TYPES,
        "picked": EVENT_TYPES,
        "typed": {},
        "done": None,
    }
    return views.show("connections", status, **(fresh | context))


def _show_one(endpoint_id: int, status: int = 200, **context: Any) -> ResponseReturnValue:
    endpoint = webhook.get_endpoint(g.session, endpoint_id)
    state = request.args.get("state")
    search = Search(
        endpoint.id,
        state if state in DELIVERY_STATES else None,
        request.args.get("before", type=int),
    )
    found = webhook.list_deliveries(g.session, search, limit=SHOWN + 1)
    shows_secret = context.pop("is_secret_shown", False)
    fresh = {
        "one": listener_of(endpoint, webhook.count_by_state(g.session), g.now),
        "secret": webhook.secret_of(settings().secret_key, endpoint) if shows_secret else None,
        "deliveries": found[:SHOWN],
        "next_before": _last_id(found[:SHOWN]) if len(found) > SHOWN else None,
        "state": search.state,
        "states": DELIVERY_STATES,
        "done": None,
        "count": 0,
    }
    return views.show("connection", status, **(fresh | context))


def _is_over(key: ApiKey) -> bool:
    """Tell whether a key opens nothing any more; such come last."""
    return key.state(g.now) in ("revoked", "expired")


def _last_id(shown: Any) -> int:
    last: WebhookDelivery = shown[-1]
    return last.id


@views.shows_again("clerk.add_connection")
def _show_form_again(notice: Notice, status: int) -> ResponseReturnValue:
    pending.get_manager()
    typed = request.form
    return _show_all(status, notice=notice, typed=typed, picked=typed.getlist("event"))


@views.shows_again("clerk.change_connection")
def _show_endpoint_again(notice: Notice, status: int) -> ResponseReturnValue:
    pending.get_manager()
    return _show_one((request.view_args or {})["endpoint_id"], status, notice=notice)


@views.shows_again("clerk.replay_delivery")
def _show_deliveries_again(notice: Notice, status: int) -> ResponseReturnValue:
    pending.get_manager()
    delivery = webhook.get_delivery(g.session, (request.view_args or {})["delivery_id"])
    return _show_one(delivery.endpoint_id, status, notice=notice)

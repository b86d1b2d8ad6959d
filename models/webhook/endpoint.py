"""Endpoints: adding, changing and removing who listens; each step is in the audit."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from models.audit import note
from models.base import DELIVERY, find_made, wake
from models.webhook.address import check_url
from models.webhook.ending import BY_HAND, disable
from models.webhook.feeding import delivery_values, listen_from_here, write_event
from models.webhook.table import (
    EVENT_TYPES,
    TEST_TYPE,
    EndpointDisabled,
    EndpointRefused,
    NoSuchEndpoint,
    TooManyEndpoints,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)

MOST_ENDPOINTS = 20
LONGEST_DESCRIPTION = 100


def add_endpoint(
    session: Session,
    url: str,
    *,
    now: datetime,
    events: Sequence[str] = EVENT_TYPES,
    description: str = "",
    staff_id: int | None = None,
    allow_private: bool = False,
    idempotency_key: str | None = None,
) -> WebhookEndpoint:
    """Let an address hear of events from now on; its secret is `secret_of` it.

    A key seen before returns its endpoint and adds none. Raises EndpointRefused where the address,
    the wishes or the words will not do, or TooManyEndpoints.
    """
    known = find_made(session, WebhookEndpoint, idempotency_key)
    if known is not None:
        return known
    wanted = [event_type for event_type in EVENT_TYPES if event_type in events]
    if not wanted or set(events) - set(EVENT_TYPES):
        raise EndpointRefused(why="events")
    if len(description.strip()) > LONGEST_DESCRIPTION:
        raise EndpointRefused(why="description", longest=LONGEST_DESCRIPTION)
    checked = check_url(url, allow_private=allow_private)
    if (session.scalar(select(func.count(WebhookEndpoint.id))) or 0) >= MOST_ENDPOINTS:
        raise TooManyEndpoints(most=MOST_ENDPOINTS)
    listen_from_here(session)
    endpoint = WebhookEndpoint(
        url=checked,
        description=description.strip(),
        events=wanted,
        state="active",
        generation=1,
        failures=0,
        created_at=now,
        created_by=staff_id,
        idempotency_key=idempotency_key,
    )
    session.add(endpoint)
    session.flush()
    _note(session, endpoint, "add", now, staff_id, after={"url": checked, "events": wanted})
    return endpoint


def get_endpoint(session: Session, endpoint_id: int) -> WebhookEndpoint:
    """Return an endpoint, locked for a change. Raises NoSuchEndpoint."""
    endpoint = session.get(WebhookEndpoint, endpoint_id, with_for_update=True)
    if endpoint is None:
        raise NoSuchEndpoint
    return endpoint


def list_endpoints(session: Session) -> Sequence[WebhookEndpoint]:
    """Return all endpoints, the oldest first."""
    return session.scalars(select(WebhookEndpoint).order_by(WebhookEndpoint.id)).all()


def list_broken(session: Session) -> Sequence[WebhookEndpoint]:
    """Return the endpoints that were disabled by no person, until a person sees to them."""
    return session.scalars(
        select(WebhookEndpoint)
        .where(WebhookEndpoint.state == "disabled", WebhookEndpoint.disabled_because != BY_HAND)
        .order_by(WebhookEndpoint.id)
    ).all()


def disable_endpoint(
    session: Session, endpoint_id: int, now: datetime, *, staff_id: int | None = None
) -> WebhookEndpoint:
    """Send an endpoint nothing more, as a person wishes; one that is disabled stays so.

    One that was disabled for its failures is now known to a person.
    """
    endpoint = get_endpoint(session, endpoint_id)
    if endpoint.is_active:
        disable(session, endpoint, BY_HAND, now, staff_id=staff_id)
    endpoint.disabled_because = BY_HAND
    session.flush()
    return endpoint


def enable_endpoint(
    session: Session, endpoint_id: int, now: datetime, *, staff_id: int | None = None
) -> WebhookEndpoint:
    """Let a disabled endpoint hear again of what happens from now on."""
    endpoint = get_endpoint(session, endpoint_id)
    if endpoint.is_active:
        return endpoint
    listen_from_here(session)
    endpoint.state, endpoint.failures = "active", 0
    endpoint.failing_since = endpoint.paused_until = None
    endpoint.disabled_at = endpoint.disabled_because = None
    session.flush()
    _note(session, endpoint, "enable", now, staff_id, after={"state": "active"})
    return endpoint


def rotate_secret(
    session: Session,
    endpoint_id: int,
    now: datetime,
    *,
    staff_id: int | None = None,
    idempotency_key: str | None = None,
) -> WebhookEndpoint:
    """Give an endpoint a new secret; for a day the one of before signs too.

    The key of its newest secret draws none: the one of before would sign no more.
    """
    endpoint = get_endpoint(session, endpoint_id)
    if idempotency_key is not None and idempotency_key == endpoint.rotation_key:
        return endpoint
    endpoint.generation += 1
    endpoint.rotated_at, endpoint.rotation_key = now, idempotency_key
    session.flush()
    _note(session, endpoint, "rotate", now, staff_id, after={"generation": endpoint.generation})
    return endpoint


def delete_endpoint(
    session: Session, endpoint_id: int, now: datetime, *, staff_id: int | None = None
) -> None:
    """Forget an endpoint with all its deliveries. Raises NoSuchEndpoint."""
    endpoint = get_endpoint(session, endpoint_id)
    _note(session, endpoint, "delete", now, staff_id, before={"url": endpoint.url})
    session.delete(endpoint)
    session.flush()


def send_test(
    session: Session, endpoint_id: int, now: datetime, *, idempotency_key: str | None = None
) -> WebhookDelivery:
    """Owe an endpoint an event that means nothing; a key seen before owes no second one.

    Raises NoSuchEndpoint or EndpointDisabled.
    """
    endpoint = get_endpoint(session, endpoint_id)
    fact = f"asked:{idempotency_key or uuid.uuid4()}"
    owed = select(WebhookDelivery).join(WebhookEvent).where(WebhookEvent.fact == fact)
    known = session.scalars(owed).one_or_none()
    if known is not None:
        return known
    if not endpoint.is_active:
        raise EndpointDisabled
    event_id = write_event(session, fact, TEST_TYPE, {"endpoint_id": endpoint.id}, now)
    delivery_id = session.scalars(
        insert(WebhookDelivery).returning(WebhookDelivery.id),
        [delivery_values(endpoint.id, event_id, now)],
    ).one()
    wake(session, DELIVERY)
    return session.get_one(WebhookDelivery, delivery_id)


def _note(
    session: Session,
    endpoint: WebhookEndpoint,
    verb: str,
    now: datetime,
    staff_id: int | None,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    note(
        session,
        f"webhook.{verb}",
        f"webhook:{endpoint.id}",
        now=now,
        staff_id=staff_id,
        before=before,
        after=after,
    )

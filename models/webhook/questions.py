"""What became of deliveries, sending them again, and forgetting them."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, delete, exists, func, select, update
from sqlalchemy.orm import Session

from models.base import DELIVERY, wake
from models.webhook.delivering import TRY_FOR
from models.webhook.table import (
    DeliveryUnderWay,
    EndpointDisabled,
    NoSuchDelivery,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)

MOST_LISTED = 100


@dataclass(frozen=True)
class Search:
    """Which deliveries somebody looks for; None does not narrow it."""

    endpoint_id: int | None = None
    state: str | None = None
    before_id: int | None = None
    """The last delivery seen, for the next page."""


def list_deliveries(
    session: Session, search: Search, *, limit: int = MOST_LISTED
) -> Sequence[WebhookDelivery]:
    """Return deliveries with their events, the newest first."""
    found = select(WebhookDelivery).order_by(WebhookDelivery.id.desc())
    if search.endpoint_id is not None:
        found = found.where(WebhookDelivery.endpoint_id == search.endpoint_id)
    if search.state is not None:
        found = found.where(WebhookDelivery.state == search.state)
    if search.before_id is not None:
        found = found.where(WebhookDelivery.id < search.before_id)
    return session.scalars(found.limit(min(limit, MOST_LISTED + 1))).all()


def get_delivery(session: Session, delivery_id: int) -> WebhookDelivery:
    """Return a delivery. Raises NoSuchDelivery."""
    delivery = session.get(WebhookDelivery, delivery_id)
    if delivery is None:
        raise NoSuchDelivery
    return delivery


def count_by_state(session: Session) -> dict[tuple[int, str], int]:
    """Return how many deliveries each endpoint has in each state, but for those long settled."""
    rows: Sequence[Row[int, str, int]] = session.execute(
        select(WebhookDelivery.endpoint_id, WebhookDelivery.state, func.count()).group_by(
            WebhookDelivery.endpoint_id, WebhookDelivery.state
        )
    ).all()
    return {(endpoint_id, state): count for endpoint_id, state, count in rows}


def replay(session: Session, delivery_id: int, now: datetime) -> WebhookDelivery:
    """Send a settled delivery again, now and for three days, under the event's same id.

    Raises NoSuchDelivery, DeliveryUnderWay, or EndpointDisabled.
    """
    delivery = session.get(WebhookDelivery, delivery_id, with_for_update=True)
    if delivery is None:
        raise NoSuchDelivery
    _check_active(session, delivery.endpoint_id)
    if delivery.state == "waiting":
        raise DeliveryUnderWay
    _replay(session, [delivery.id], now)
    session.refresh(delivery)
    return delivery


def replay_failed(session: Session, endpoint_id: int, since: datetime, now: datetime) -> int:
    """Send again all that failed of what was first owed since a moment; return how many.

    Raises EndpointDisabled.
    """
    _check_active(session, endpoint_id)
    failed = session.scalars(
        select(WebhookDelivery.id)
        .where(
            WebhookDelivery.endpoint_id == endpoint_id,
            WebhookDelivery.state == "failed",
            WebhookDelivery.created_at >= since,
        )
        .with_for_update()
    ).all()
    _replay(session, failed, now)
    return len(failed)


def _replay(session: Session, delivery_ids: Sequence[int], now: datetime) -> None:
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.id.in_(delivery_ids))
        .values(
            state="waiting",
            tries=0,
            next_try_at=now,
            give_up_at=now + TRY_FOR,
            settled_at=None,
        )
    )
    wake(session, DELIVERY)


def _check_active(session: Session, endpoint_id: int) -> None:
    if not session.get_one(WebhookEndpoint, endpoint_id).is_active:
        raise EndpointDisabled


def forget_deliveries(session: Session, before: datetime, *, limit: int) -> int:
    """Delete up to `limit` deliveries settled before a moment; return how many."""
    oldest = (
        select(WebhookDelivery.id)
        .where(WebhookDelivery.settled_at < before)
        .order_by(WebhookDelivery.settled_at)
        .limit(limit)
    )
    gone = delete(WebhookDelivery).where(WebhookDelivery.id.in_(oldest))
    return len(session.scalars(gone.returning(WebhookDelivery.id)).all())


def forget_events(session: Session, before: datetime, *, limit: int) -> int:
    """Delete up to `limit` events made before a moment that nobody waits for any more."""
    oldest = (
        select(WebhookEvent.id)
        .where(
            WebhookEvent.created_at < before,
            ~exists().where(WebhookDelivery.event_id == WebhookEvent.id),
        )
        .order_by(WebhookEvent.created_at)
        .limit(limit)
    )
    gone = delete(WebhookEvent).where(WebhookEvent.id.in_(oldest))
    found: Sequence[uuid.UUID] = session.scalars(gone.returning(WebhookEvent.id)).all()
    return len(found)

"""Delivering: which event goes to which endpoint next, and what its answer means.

A member's events reach an endpoint in order: a later one waits for the first tries of an earlier
one. An endpoint that fails several times in a row is left in peace for growing pauses, after which
one delivery tries it; when that one gets through, all that waits goes on in its order.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from models.webhook.ending import disable
from models.webhook.signing import secrets_of
from models.webhook.table import WebhookDelivery, WebhookEndpoint

LEASE = timedelta(seconds=20)
"""Longer than any call may take, so that a live claim is never taken over."""
TRY_FOR = timedelta(days=3)
"""So long a delivery is tried, and so long an endpoint may fail without one success."""
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=1)
TRUSTED_FAILURES = 5
"""After so many failures in a row the endpoint, not the event, is what is wrong."""
HELD_TRIES = 4
"""So many tries of an event hold up its member's later ones; then those go past it."""
GONE = 410
_MOST_DOUBLINGS = 16


@dataclass(frozen=True)
class Claim:
    """A delivery that is ours for one lease, with all its sender needs."""

    delivery_id: int
    endpoint_id: int
    url: str
    name: str
    """The event's id as receivers see it."""
    body: str
    secrets: tuple[str, ...]
    """The newest first."""


@dataclass(frozen=True)
class Attempt:
    """What a call brought: the receiver's status, or the reason why there is none."""

    status: int | None
    reason: str | None
    milliseconds: int
    retry_after: timedelta | None = None
    """How long the receiver asked us to wait."""

    @property
    def is_success(self) -> bool:
        """Tell whether the receiver has taken the event."""
        return self.status is not None and 200 <= self.status < 300


def list_due_endpoints(session: Session, now: datetime) -> Sequence[int]:
    """Return the endpoints for which something is due."""
    is_due = exists().where(
        WebhookDelivery.endpoint_id == WebhookEndpoint.id,
        WebhookDelivery.state == "waiting",
        WebhookDelivery.next_try_at <= now,
    )
    return session.scalars(
        select(WebhookEndpoint.id)
        .where(
            WebhookEndpoint.state == "active",
            or_(WebhookEndpoint.paused_until.is_(None), WebhookEndpoint.paused_until <= now),
            is_due,
        )
        .order_by(WebhookEndpoint.id)
    ).all()


def claim_delivery(
    session: Session, endpoint_id: int, installation_secret: str, now: datetime
) -> Claim | None:
    """Claim an endpoint's next due delivery for one lease; None where nothing is to be tried."""
    endpoint = session.get(WebhookEndpoint, endpoint_id)
    if endpoint is None or not _may_try(session, endpoint, now):
        return None
    delivery = session.scalars(_next_due(endpoint_id, now)).one_or_none()
    if delivery is None:
        return None
    if endpoint.failures >= TRUSTED_FAILURES:
        endpoint.paused_until = now + LEASE  # One probe at a time, whichever worker sends it.
    delivery.claimed_at, delivery.next_try_at = now, now + LEASE
    delivery.tries += 1
    session.flush()
    return Claim(
        delivery.id,
        endpoint_id,
        endpoint.url,
        delivery.event.name,
        delivery.event.body,
        tuple(secrets_of(installation_secret, endpoint, now)),
    )


def conclude(session: Session, claim: Claim, attempt: Attempt, now: datetime) -> str:
    """Write down what a call brought; return the word for the log.

    An endpoint that is gone or has failed for days is disabled. What was settled meanwhile, with
    its endpoint or by a slower worker's twin, stays as it is.
    """
    endpoint = session.get(WebhookEndpoint, claim.endpoint_id, with_for_update=True)
    delivery = session.get(WebhookDelivery, claim.delivery_id, with_for_update=True)
    if endpoint is None or delivery is None or delivery.state != "waiting":
        return "overtaken"
    delivery.claimed_at = None
    delivery.status, delivery.reason = attempt.status, attempt.reason
    delivery.milliseconds = attempt.milliseconds
    if attempt.is_success:
        delivery.state, delivery.settled_at = "delivered", now
        _note_success(session, endpoint, now)
    else:
        _note_failure(session, endpoint, delivery, attempt, now)
    session.flush()
    return delivery.state


def release_claims(session: Session, now: datetime) -> int:
    """Make what is claimed due `now`: for the only worker alive, since dead ones claimed it."""
    released = session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.state == "waiting", WebhookDelivery.claimed_at.is_not(None))
        .values(next_try_at=now, claimed_at=None)
        .returning(WebhookDelivery.id)
    )
    return len(released.all())


def pause_after(failures: int) -> timedelta:
    """Return how long to wait after so many failures: doubling, with jitter, up to an hour."""
    doublings = min(failures - 1, _MOST_DOUBLINGS)
    pause: timedelta = min(FIRST_PAUSE * 2**doublings, LONGEST_PAUSE)
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, guards nothing


def _may_try(session: Session, endpoint: WebhookEndpoint, now: datetime) -> bool:
    """Tell whether the endpoint is to be called now; of those that fail, one call at a time."""
    if endpoint.failures >= TRUSTED_FAILURES:
        session.refresh(endpoint, with_for_update=True)
    is_paused = endpoint.paused_until is not None and endpoint.paused_until > now
    return endpoint.is_active and not is_paused


def _next_due(endpoint_id: int, now: datetime) -> Select[WebhookDelivery]:
    """Return the question for the next due delivery that no earlier one of its member holds up.

    With its limit the inner one is asked row by row, so of one or two rows. As an EXISTS it would
    be joined, and all that waits be sorted for the sake of one.
    """
    earlier = aliased(WebhookDelivery)
    holder = (
        select(earlier.id)
        .where(
            earlier.endpoint_id == endpoint_id,
            earlier.member_id == WebhookDelivery.member_id,
            earlier.state == "waiting",
            earlier.id < WebhookDelivery.id,
            earlier.tries < HELD_TRIES,
        )
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(WebhookDelivery)
        .where(
            WebhookDelivery.endpoint_id == endpoint_id,
            WebhookDelivery.state == "waiting",
            WebhookDelivery.next_try_at <= now,
            holder.is_(None),
        )
        .order_by(WebhookDelivery.next_try_at, WebhookDelivery.id)
        .limit(1)
        .with_for_update(of=WebhookDelivery, skip_locked=True)
    )


def _note_success(session: Session, endpoint: WebhookEndpoint, now: datetime) -> None:
    endpoint.delivered_at = now
    if not endpoint.failures:
        return
    if endpoint.failures >= TRUSTED_FAILURES:
        _hurry(session, endpoint.id, now)
    endpoint.failures = 0
    endpoint.failing_since = endpoint.paused_until = None


def _hurry(session: Session, endpoint_id: int, now: datetime) -> None:
    """Make due what waited for an endpoint that is back, in its order."""
    session.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.endpoint_id == endpoint_id,
            WebhookDelivery.state == "waiting",
            WebhookDelivery.claimed_at.is_(None),
        )
        .values(next_try_at=func.least(WebhookDelivery.next_try_at, now))
    )


def _note_failure(
    session: Session,
    endpoint: WebhookEndpoint,
    delivery: WebhookDelivery,
    attempt: Attempt,
    now: datetime,
) -> None:
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    asked = min(attempt.retry_after or timedelta(0), LONGEST_PAUSE)
    if endpoint.failures >= TRUSTED_FAILURES:
        endpoint.paused_until = now + max(
            pause_after(endpoint.failures - TRUSTED_FAILURES + 1), asked
        )
    if now >= delivery.give_up_at:
        delivery.state, delivery.settled_at = "failed", now
    else:
        pause = max(pause_after(delivery.tries), asked)
        delivery.next_try_at = min(now + pause, delivery.give_up_at)
    if attempt.status == GONE:
        disable(session, endpoint, "gone", now)
    elif now - endpoint.failing_since >= TRY_FOR:
        disable(session, endpoint, "failing", now)

"""Deliver webhooks: tell other systems what happened, each thing until they have taken it."""

import asyncio
from functools import partial

import structlog

from jobs.context import JobContext
from jobs.posting import Postman
from models.base import take_woken
from models.webhook import (
    Attempt,
    Claim,
    Fed,
    claim_delivery,
    conclude,
    feed,
    list_due_endpoints,
)

MOST_PARTS = 20
"""So many parts of facts become events in one run; a rush goes on in the next."""
TASK = "deliver_webhooks"

log = structlog.get_logger()


async def deliver_webhooks(context: JobContext) -> int:
    """Make events of what happened and send couriers where something is due; return new events.

    Does not wait for the couriers. Safe to stop anywhere: what has no event yet is found again, a
    claim lapses, and a receiver knows an event that comes twice by its id.
    """
    events = await _feed_all(context)
    for endpoint_id in await asyncio.to_thread(_list_due, context):
        context.couriers.send_out(
            endpoint_id,
            partial(_serve, context, endpoint_id),
            allow_private=context.allow_private_webhooks,
        )
    return events


async def _feed_all(context: JobContext) -> int:
    events = 0
    for _ in range(MOST_PARTS):
        fed = await asyncio.to_thread(_feed, context)
        context.couriers.has_listeners = fed.has_listeners
        events += fed.events
        if fed.is_last:
            break
    else:
        context.ring(TASK)
    if events:
        log.info("webhooks_fed", events=events)
    return events


def _feed(context: JobContext) -> Fed:
    with context.sessions.begin() as session:
        return feed(session, context.clock())


def _list_due(context: JobContext) -> list[int]:
    with context.sessions() as session:
        return list(list_due_endpoints(session, context.clock()))


async def _serve(context: JobContext, endpoint_id: int, postman: Postman) -> None:
    """Bring an endpoint one delivery after another, until none is due."""
    claim = await asyncio.to_thread(_claim, context, endpoint_id)
    while claim is not None:
        attempt = await postman.post(claim, context.clock())
        state = await asyncio.to_thread(_conclude, context, claim, attempt)
        log.info(
            "webhook_tried",
            endpoint=endpoint_id,
            delivery=claim.delivery_id,
            state=state,
            status=attempt.status,
            reason=attempt.reason,
            milliseconds=attempt.milliseconds,
        )
        claim = await asyncio.to_thread(_claim, context, endpoint_id)


def _claim(context: JobContext, endpoint_id: int) -> Claim | None:
    if context.couriers.is_closing:
        return None
    with context.sessions.begin() as session:
        return claim_delivery(session, endpoint_id, context.webhook_secret, context.clock())


def _conclude(context: JobContext, claim: Claim, attempt: Attempt) -> str:
    with context.sessions.begin() as session:
        state = conclude(session, claim, attempt, context.clock())
        woken = take_woken(session)
    for task in woken:
        context.ring(task)
    return state

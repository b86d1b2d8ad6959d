"""Feeding: facts become events, each once, and each event a delivery for whoever wants it.

Whatever is visible above the cursor and has no event yet gets one, so a late commit is found when
it comes, and holds up nobody. The cursor only follows, to where no transaction can add anything
below any more (`models/horizon.py`); it spares us reading the whole past again. No lock is taken
that a till would wait for.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_unless
from sqlalchemy.orm import Session

from models.horizon import Horizon, find_horizons
from models.webhook.delivering import TRY_FOR
from models.webhook.fact import TOLD_BY, body_of, facts_of
from models.webhook.table import (
    WebhookCursor,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
    event_name,
)

PART = 500
"""So many facts of each source become events in one transaction."""

Wishes = Mapping[str, Sequence[int]]
"""The endpoints that want each type of event."""


@dataclass(frozen=True)
class Fed:
    """What one part did."""

    events: int = 0
    is_last: bool = True
    has_listeners: bool = False


def feed(session: Session, now: datetime, *, limit: int = PART) -> Fed:
    """Make events and deliveries of the next facts, where an active endpoint wants them.

    Two at once wait for each other. The caller's transaction must be one that sees what others
    commit meanwhile (READ COMMITTED), as all of ours are.
    """
    wishes = _wishes(session)
    if not wishes:
        return Fed()
    cursors = _lock_cursors(session)
    horizons = find_horizons(session, list(cursors))
    facts = _facts(session, cursors, wishes, limit)
    made = _write(session, facts, wishes, now)
    ends = {source: _end_of_part(facts, source, limit) for source in cursors}
    for source, cursor in cursors.items():
        _follow(cursor, horizons[source], ends[source])
    return Fed(made, is_last=not any(ends.values()), has_listeners=True)


def listen_from_here(session: Session) -> None:
    """Let the first endpoint hear of what happens from now on, not of what nobody listened to.

    Does nothing where others listen already.
    """
    if _wishes(session):
        return
    cursors = _lock_cursors(session)
    for source, horizon in find_horizons(session, list(cursors)).items():
        cursors[source].settled_id = horizon.last_id
        cursors[source].awaited_id = cursors[source].awaited = None
    session.flush()


def write_event(
    session: Session, fact: str, event_type: str, data: Mapping[str, Any], now: datetime
) -> uuid.UUID:
    """Write an event that somebody asked for; `fact` is its own alone. Return its id."""
    row = _event(fact, event_type, now, data, now)
    session.execute(insert(WebhookEvent), [row])
    event_id: uuid.UUID = row["id"]
    return event_id


def _wishes(session: Session) -> Wishes:
    wishes: dict[str, list[int]] = {}
    found = session.execute(
        select(WebhookEndpoint.id, WebhookEndpoint.events)
        .where(WebhookEndpoint.state == "active")
        .order_by(WebhookEndpoint.id)
    )
    for endpoint_id, events in found:
        for event_type in events:
            wishes.setdefault(event_type, []).append(endpoint_id)
    return wishes


def _lock_cursors(session: Session) -> dict[str, WebhookCursor]:
    found = session.scalars(
        select(WebhookCursor)
        .order_by(WebhookCursor.source)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {cursor.source: cursor for cursor in found}


def _facts(
    session: Session, cursors: Mapping[str, WebhookCursor], wishes: Wishes, limit: int
) -> list[Row[Any]]:
    """Return the next facts that somebody wants, in the order in which they are to be told."""
    sources = [source for source, types in TOLD_BY.items() if any(map(wishes.get, types))]
    if not sources:
        return []
    asked: dict[str, Any] = {f"after_{source}": cursors[source].settled_id for source in sources}
    if "coupon_event" in sources:
        asked["wanted"] = list(wishes)
    return _in_order(session.execute(facts_of(sources), asked | {"limit": limit}).all(), sources)


def _in_order(facts: Iterable[Row[Any]], sources: Sequence[str]) -> list[Row[Any]]:
    """Sort facts by when they happened; those of one source stay in the order of their ids.

    Ids follow the members' locks. Moments come from the clocks of several machines.
    """
    newest: dict[str, datetime] = {}
    ordered = []
    for fact in sorted(facts, key=lambda fact: fact.id):
        moment = max(newest.get(fact.source, fact.occurred_at), fact.occurred_at)
        newest[fact.source] = moment
        ordered.append(((moment, sources.index(fact.source), fact.id), fact))
    return [fact for _, fact in sorted(ordered, key=lambda pair: pair[0])]


def _write(session: Session, facts: Sequence[Row[Any]], wishes: Wishes, now: datetime) -> int:
    """Write events with their deliveries; return how many events are new."""
    if not facts:
        return 0
    rows = [
        _event(f"{fact.source}:{fact.id}", fact.event_type, fact.occurred_at, fact.data, now)
        for fact in facts
    ]
    told = insert_unless(WebhookEvent).on_conflict_do_nothing(index_elements=[WebhookEvent.fact])
    new = set(session.scalars(told.returning(WebhookEvent.id), rows))
    deliveries = [
        delivery_values(endpoint_id, row["id"], now, member_id=fact.member_id)
        for row, fact in zip(rows, facts, strict=True)
        if row["id"] in new
        for endpoint_id in wishes[fact.event_type]
    ]
    if deliveries:
        session.execute(insert(WebhookDelivery), deliveries)
    return len(new)


def delivery_values(
    endpoint_id: int, event_id: uuid.UUID, now: datetime, *, member_id: int | None = None
) -> dict[str, Any]:
    """Return the columns of a fresh delivery, due `now`."""
    return {
        "endpoint_id": endpoint_id,
        "event_id": event_id,
        "member_id": member_id,
        "state": "waiting",
        "tries": 0,
        "created_at": now,
        "next_try_at": now,
        "give_up_at": now + TRY_FOR,
    }


def _event(
    fact: str, event_type: str, occurred_at: datetime, data: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    event_id = uuid.uuid4()
    return {
        "id": event_id,
        "fact": fact,
        "event_type": event_type,
        "occurred_at": occurred_at,
        "created_at": now,
        "body": body_of(event_name(event_id), event_type, occurred_at, data),
    }


def _end_of_part(facts: Sequence[Row[Any]], source: str, limit: int) -> int | None:
    """Return the last id of a part that is full, so that there may be more; else None."""
    ids = [fact.id for fact in facts if fact.source == source]
    return max(ids) if len(ids) >= limit else None


def _follow(cursor: WebhookCursor, horizon: Horizon, end_of_part: int | None) -> None:
    """Move a cursor on where that is safe, but not past the end of a full part.

    All that was visible up to there has its event, or is none that anybody wants.
    """
    reached = cursor.settled_id
    if cursor.awaited_id is not None and horizon.writers.isdisjoint(cursor.awaited or ()):
        reached = cursor.awaited_id
        cursor.awaited_id = cursor.awaited = None
    if not horizon.writers:
        reached = horizon.last_id
        cursor.awaited_id = cursor.awaited = None
    elif cursor.awaited_id is None and horizon.last_id > cursor.settled_id:
        cursor.awaited_id, cursor.awaited = horizon.last_id, sorted(horizon.writers)
    if end_of_part is not None:
        reached = min(reached, end_of_part)
    cursor.settled_id = max(cursor.settled_id, reached)

"""The inbox: every event LINE sent us, kept once before it is acknowledged, then worked.

An event's life: waiting → done, or failed after several tries (kept with its error's name, so
that later events of the same person go on). One person's events are worked in the order of
arrival, different people's in parallel. Who works an event holds its row lock until the commit,
so a worker that dies gives it back at once.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Index,
    Table,
    bindparam,
    delete,
    func,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from models.base import Base, Identifier, Moment

MOST_TRIES = 3
RETRY_AFTER = timedelta(seconds=2)
LONGEST_EVENT_ID = 64
LONGEST_PERSON = 64

KEEP_EVENTS = """
INSERT INTO line_event (webhook_event_id, person, event_type, raw)
SELECT kept ->> 0, kept ->> 1, kept ->> 2, (kept ->> 3)::json
FROM json_array_elements(%s::json) WITH ORDINALITY AS told(kept, place) ORDER BY place
ON CONFLICT (webhook_event_id) DO NOTHING
"""
"""Keeps any number of events, in their order, in one statement that the server plans once.

They travel as one JSON text: the driver writes lists of texts ten times as slowly (80 us an event).
"""


class LineEvent(Base):
    """One webhook event, whole as it came (JSON text), and how far we are with it."""

    __tablename__ = "line_event"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'done', 'failed')", name="state_known"),
        Index("ix_line_event_waiting", "id", postgresql_where="state = 'waiting'"),
        Index("ix_line_event_person_waiting", "person", "id", postgresql_where="state = 'waiting'"),
    )

    id: Mapped[Identifier]
    webhook_event_id: Mapped[str] = mapped_column(unique=True)
    person: Mapped[str | None]
    """Whose turn it is: the user's id, else the group's or room's, else None."""
    event_type: Mapped[str]
    raw: Mapped[Any] = mapped_column(JSON)
    received_at: Mapped[Moment] = mapped_column(server_default=func.clock_timestamp())
    state: Mapped[str] = mapped_column(server_default="waiting")
    tries: Mapped[int] = mapped_column(server_default=text("0"))
    not_before: Mapped[Moment] = mapped_column(server_default=text("'epoch'"))
    error: Mapped[str | None]


@dataclass(frozen=True)
class KeptEvent:
    """An event as the webhook keeps it: four plain texts."""

    webhook_event_id: str
    person: str | None
    event_type: str
    raw: str


def shape_event(event: Any) -> KeptEvent:
    """Read from any JSON value what keeping it needs; nothing in it is trusted to be there.

    An event without a usable id is known by the digest of its content, so that it too is kept once.
    """
    fields = event if isinstance(event, dict) else {}
    return KeptEvent(
        _event_id(fields) or _digest(fields or event),
        _person(fields.get("source")),
        _fit(fields.get("type")) or "unknown",
        _encode(event),
    )


_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""Made once: `json.dumps` with options makes an encoder for every call."""


def _event_id(fields: dict[str, Any]) -> str:
    value = fields.get("webhookEventId")
    return _fit(value) if isinstance(value, str) and len(value) <= LONGEST_EVENT_ID else ""


def _digest(event: Any) -> str:
    """Know an event by its content, which a redelivery repeats but for its `deliveryContext`."""
    if isinstance(event, dict):
        event = {key: value for key, value in event.items() if key != "deliveryContext"}
    return "sha256:" + hashlib.sha256(json.dumps(event).encode()).hexdigest()[:40]


def _person(source: Any) -> str | None:
    if not isinstance(source, dict):
        return None
    for key in ("userId", "groupId", "roomId"):
        value = source.get(key)
        if isinstance(value, str) and 0 < len(value) <= LONGEST_PERSON:
            return _fit(value) or None
    return None


def _fit(value: Any) -> str:
    """PostgreSQL texts hold neither NUL nor half a surrogate pair."""
    text_value = value[:LONGEST_EVENT_ID] if isinstance(value, str) else ""
    return text_value.replace("\x00", "").encode("utf-8", "replace").decode()


def as_columns(events: Iterable[KeptEvent]) -> tuple[str]:
    """Turn events into the one parameter of KEEP_EVENTS: a JSON array with four columns a row."""
    rows = [(row.webhook_event_id, row.person, row.event_type, row.raw) for row in events]
    return (json.dumps(rows),)


def list_workable(session: Session, *, limit: int, now: datetime) -> Sequence[LineEvent]:
    """Return up to `limit` waiting events, oldest first, each its person's first; lock none."""
    earlier = aliased(LineEvent)
    has_earlier = (
        select(earlier.id)
        .where(
            earlier.person == LineEvent.person,
            earlier.id < LineEvent.id,
            earlier.state == "waiting",
        )
        .exists()
    )
    return session.scalars(
        select(LineEvent)
        .where(LineEvent.state == "waiting", LineEvent.not_before <= now, ~has_earlier)
        .order_by(LineEvent.id)
        .limit(limit)
    ).all()


_TAKE = (
    select(LineEvent)
    .where(LineEvent.id == bindparam("event_id"), LineEvent.state == "waiting")
    .with_for_update(skip_locked=True)
)
"""Built once, as all statements of a tap are: building one takes longer than running it."""


def take_event(session: Session, event_id: int) -> LineEvent | None:
    """Lock a waiting event for this transaction; None where another has it or it is done."""
    return session.scalars(_TAKE, {"event_id": event_id}).one_or_none()


_TABLE = cast(Table, LineEvent.__table__)
_FINISH = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("event_id"))
    .values(state="done", raw=bindparam("kept"))
)


def finish_event(session: Session, event: LineEvent) -> None:
    """Write that a taken event is done, and what of its content is kept."""
    session.execute(_FINISH, {"event_id": event.id, "kept": event.raw})


def note_failure(
    session: Session, event_id: int, error_name: str, now: datetime
) -> LineEvent | None:
    """Count a failed try, in a transaction of its own; after several the event is given up."""
    event = take_event(session, event_id)
    if event is None:
        return None
    event.tries += 1
    event.error = error_name
    event.not_before = now + RETRY_AFTER * event.tries
    if event.tries >= MOST_TRIES:
        event.state = "failed"
    return event


def count_waiting(session: Session) -> int:
    """Return how many events wait to be worked."""
    return session.scalar(select(func.count()).where(LineEvent.state == "waiting")) or 0


def forget_old_events(session: Session, before: datetime, *, limit: int) -> int:
    """Delete up to `limit` of the oldest events, worked and received before a moment."""
    oldest = (
        select(LineEvent.id)
        .where(LineEvent.received_at < before, LineEvent.state != "waiting")
        .order_by(LineEvent.id)
        .limit(limit)
    )
    gone = session.scalars(
        delete(LineEvent).where(LineEvent.id.in_(oldest)).returning(LineEvent.id)
    )
    return len(gone.all())

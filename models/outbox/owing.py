"""Owing: pushes and replies are written with the fact that causes them, or taken back unsaid."""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    insert,
    literal_column,
    text,
    update,
)
from sqlalchemy.orm import Session

from models.base import DELIVERY, wake
from models.outbox.table import (
    LEASE,
    LINE,
    OUTBOX,
    REPLY_KIND,
    REPLY_TOKEN_LIFE,
    Owed,
)


def owe(
    session: Session,
    line_user_id: str,
    kind: str,
    words: dict[str, Any],
    *,
    language: str,
    idempotency_key: str,
    now: datetime,
    member_id: int | None = None,
    is_marketing: bool = False,
    useful_until: datetime | None = None,
    held_back: str | None = None,
    source: str | None = None,
    purpose: str | None = None,
    priority: int | None = None,
    visit_id: int | None = None,
    push_at: datetime | None = None,
    channel: str = LINE,
) -> Owed:
    """Add a message to push. A second one under the same key fails the caller's transaction.

    Where `held_back` says why it is not to be sent, the row is skipped at once, for that reason.
    With a `push_at` it waits until then for a reply of the person that carries it for nothing.
    """
    row = Owed(
        id=uuid.uuid4(),
        line_user_id=line_user_id,
        member_id=member_id,
        kind=kind,
        words=words if held_back is None else {},
        language=language,
        is_marketing=is_marketing,
        useful_until=useful_until,
        idempotency_key=idempotency_key,
        created_at=now,
        next_try_at=push_at or now,
        state="waiting" if held_back is None else "skipped",
        settled_at=None if held_back is None else now,
        reason=held_back,
        source=source,
        purpose=purpose,
        priority=priority,
        visit_id=visit_id,
        push_at=push_at,
        channel=channel,
    )
    session.add(row)
    if held_back is None and push_at is None:
        wake(session, DELIVERY)
    return row


_HAS_NUDGES: ColumnElement[bool] = literal_column(
    "EXISTS (SELECT FROM outbox AS nudge WHERE nudge.line_user_id = outbox.line_user_id"
    " AND nudge.state = 'waiting' AND nudge.push_at IS NOT NULL AND nudge.rides_on IS NULL)",
    Boolean,
)
"""Whether something waits that could ride on the reply that is just written."""
_INSERT_REPLY = insert(OUTBOX).returning(_HAS_NUDGES)
_USUAL_PUSH = {
    "is_marketing": False,
    "push_if_late": True,
    "state": "waiting",
    "tries": 0,
    "in_doubt": False,
    "channel": LINE,
}
_PUSH_COLUMNS = (
    "id, line_user_id, member_id, kind, words, language, is_marketing, push_if_late, useful_until,"
    " idempotency_key, state, tries, in_doubt, created_at, next_try_at, source, purpose, priority,"
    " visit_id, push_at, channel"
)
_INSERT_PUSHES = text(
    f"INSERT INTO outbox ({_PUSH_COLUMNS}) SELECT {_PUSH_COLUMNS}"  # noqa: S608  # Our own words.
    " FROM json_populate_recordset(CAST(NULL AS outbox), CAST(:rows AS json))"
)
"""One statement for any number. JSON as it came, not JSONB: words may hold a NUL escape."""


def owe_many(session: Session, pushes: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Add many messages to push at once, past the mapper: each one's columns, as `owe` fills them.

    Told are `line_user_id`, `kind`, `words`, `language`, `idempotency_key`, and what else there
    is, the same columns for all. One key twice fails the caller's transaction.
    """
    if not pushes:
        return
    rows = [
        {
            **_USUAL_PUSH,
            **push,
            "id": str(uuid.uuid4()),
            "created_at": now,
            "next_try_at": push.get("push_at") or now,
        }
        for push in pushes
    ]
    session.execute(_INSERT_PUSHES, {"rows": json.dumps(rows, default=datetime.isoformat)})
    if any(push.get("push_at") is None for push in pushes):
        wake(session, DELIVERY)


_REPLY_COLUMNS = (
    "id",
    "line_user_id",
    "kind",
    "words",
    "language",
    "is_marketing",
    "reply_token",
    "reply_until",
    "push_if_late",
    "idempotency_key",
    "state",
    "created_at",
    "next_try_at",
    "first_try_at",
    "tries",
    "in_doubt",
)


def owe_reply(
    session: Session,
    line_user_id: str | None,
    messages: Sequence[dict[str, Any]],
    *,
    reply_token: str,
    received_at: datetime,
    language: str,
    push_if_late: bool,
    idempotency_key: str,
    now: datetime,
) -> Owed:
    """Add the answer to an event, claimed by the caller, who sends it right after the commit.

    The row is written at once; what is returned belongs to no session. Where nudges of the person
    wait that could ride on it, `session.info["nudges"]` says so: asked in the same statement.
    """
    row = Owed(
        id=uuid.uuid4(),
        line_user_id=line_user_id or "",
        kind=REPLY_KIND,
        words={"messages": list(messages)},
        language=language,
        reply_token=reply_token,
        reply_until=received_at + REPLY_TOKEN_LIFE,
        push_if_late=push_if_late,
        idempotency_key=idempotency_key,
        created_at=now,
        next_try_at=now + LEASE,
        first_try_at=now,
        tries=1,
        in_doubt=True,
        is_marketing=False,
        state="waiting",
    )
    has_nudges = session.scalar(
        _INSERT_REPLY, {name: getattr(row, name) for name in _REPLY_COLUMNS}
    )
    if has_nudges and line_user_id:
        session.info["nudges"] = True
    return row


def withdraw(session: Session, idempotency_key: str, now: datetime) -> None:
    """Skip what waits under this key: it is said in another way, in the same transaction."""
    session.execute(
        update(Owed)
        .where(Owed.idempotency_key == idempotency_key, Owed.state == "waiting", Owed.tries == 0)
        .values(state="skipped", settled_at=now, reason="said otherwise", words={})
        .execution_options(synchronize_session=False)
    )


def withdraw_visits(session: Session, visit_ids: Sequence[int], reason: str, now: datetime) -> int:
    """Skip what these visits of journeys have waiting and nobody is sending; return how many."""
    if not visit_ids:
        return 0
    gone = session.scalars(
        update(Owed)
        .where(Owed.visit_id.in_(visit_ids), Owed.state == "waiting", Owed.in_doubt.is_(False))
        .values(state="skipped", settled_at=now, reason=reason, words={})
        .returning(Owed.id)
        .execution_options(synchronize_session=False)
    )
    return len(gone.all())

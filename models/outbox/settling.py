"""Settling: how a row ended, or when it is tried again; what ended long ago is forgotten."""

import uuid
from datetime import datetime

from sqlalchemy import (
    bindparam,
    text,
    update,
)
from sqlalchemy.orm import Session

from models.base import squeezed
from models.outbox.table import OUTBOX, Owed

WAYS = ("ride", "nudge", "push", "reply")
WAY = """CASE WHEN via = 'reply' AND push_at IS NOT NULL THEN 'ride' WHEN via = 'reply' THEN 'reply'
    WHEN push_at IS NOT NULL THEN 'nudge' ELSE 'push' END"""
"""How an accepted row went: a nudge for nothing or as a push, another push, an answer."""
DELIVERED = "state = 'accepted' AND via IN ('reply', 'push')"
MONTH = "CAST(date_trunc('month', settled_at AT TIME ZONE 'Asia/Taipei') AS date)"
_FORGET = text(
    squeezed(f"""
        WITH gone AS (
            DELETE FROM outbox WHERE id IN (
                SELECT id FROM outbox WHERE settled_at < :before ORDER BY settled_at LIMIT :limit
            ) RETURNING state, via, push_at, settled_at
        ), counted AS (
            INSERT INTO delivery_month AS kept (month, way, messages)
            SELECT {MONTH}, {WAY}, count(*) FROM gone WHERE {DELIVERED} GROUP BY 1, 2
            ON CONFLICT (month, way) DO UPDATE SET messages = kept.messages + excluded.messages
        )
        SELECT count(*) FROM gone
    """)  # noqa: S608  # Of our own words only.
)
_SETTLE = (
    update(OUTBOX)
    .where(OUTBOX.c.id == bindparam("owed_id"), OUTBOX.c.state == "waiting")
    .values(
        state=bindparam("new_state"),
        settled_at=bindparam("at"),
        via=bindparam("new_via"),
        status=bindparam("new_status"),
        request_id=bindparam("new_request_id"),
        reason=bindparam("new_reason"),
        words={},
        reply_token=None,
        reply_until=None,
    )
)


def settle(
    session: Session,
    owed_id: uuid.UUID,
    state: str,
    now: datetime,
    *,
    via: str | None = None,
    status: int | None = None,
    request_id: str | None = None,
    reason: str | None = None,
) -> None:
    """End a row's life; its words are emptied, for they are personal and no longer needed."""
    session.execute(
        _SETTLE,
        {
            "owed_id": owed_id,
            "new_state": state,
            "at": now,
            "new_via": via,
            "new_status": status,
            "new_request_id": request_id,
            "new_reason": reason,
        },
    )


def try_again_at(
    session: Session,
    owed_id: uuid.UUID,
    moment: datetime,
    *,
    in_doubt: bool,
    status: int | None = None,
    reason: str | None = None,
) -> None:
    """Give a claimed row back, due again at `moment`."""
    session.execute(
        update(Owed)
        .where(Owed.id == owed_id, Owed.state == "waiting")
        .values(next_try_at=moment, in_doubt=in_doubt, status=status, reason=reason)
    )


def put_off(
    session: Session, owed_id: uuid.UUID, moment: datetime, *, in_doubt: bool, reason: str | None
) -> None:
    """Give a claimed row back untried, due again at `moment`, for this reason.

    Its first try is still to come, unless LINE may have it already from an earlier one.
    """
    untried = {} if in_doubt else {"first_try_at": None}
    session.execute(
        update(Owed)
        .where(Owed.id == owed_id, Owed.state == "waiting")
        .values(next_try_at=moment, in_doubt=in_doubt, reason=reason, **untried)
    )


def become_push(session: Session, owed_id: uuid.UUID, now: datetime) -> None:
    """Let a reply whose token is dead go on as a push, due now, under a key not used before."""
    session.execute(
        update(Owed)
        .where(Owed.id == owed_id, Owed.state == "waiting")
        .values(
            reply_token=None, reply_until=None, next_try_at=now, in_doubt=False, first_try_at=None
        )
    )


def forget_settled(session: Session, before: datetime, *, limit: int) -> int:
    """Delete up to `limit` rows settled before a moment; what LINE took of them stays counted."""
    return session.scalar(_FORGET, {"before": before, "limit": limit}) or 0

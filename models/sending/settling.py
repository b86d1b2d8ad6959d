"""Settling: writing down what calls to LINE brought, each batch of identical words as one row.

An outcome is written once: what is settled stays so. A claim that was taken over by another worker
may still tell of an outcome, but no longer when the next try is due.
"""

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from models.base import squeezed
from models.quota import settle_use
from models.sending.table import CampaignBatch, CampaignRecipient

WAITING, ACCEPTED, REFUSED, UNKNOWN = "waiting", "accepted", "refused", "unknown"
USED = (ACCEPTED, UNKNOWN)
"""The states in which LINE has, or may have, taken the message, and so counts it."""
SPLIT = "split"


@dataclass(frozen=True)
class BatchResult:
    """What one request for a whole batch brought; `waiting` is tried again at `next_try_at`."""

    id: uuid.UUID
    tries: int
    state: str
    status: int | None = None
    request_id: str | None = None
    reason: str | None = None
    next_try_at: datetime | None = None
    in_doubt: bool = False


@dataclass(frozen=True)
class PersonResult:
    """What one member's own request brought: `accepted`, `refused` or `unknown`."""

    member_id: int
    state: str
    request_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class PersonalResult:
    """What the requests of a personal batch brought; who is in no list is tried again.

    `doubted` are the facts of those whom LINE may have written to, by member id as text.
    """

    id: uuid.UUID
    tries: int
    next_try_at: datetime
    people: Sequence[PersonResult] = ()
    doubted: Mapping[str, Any] = field(default_factory=dict)


def settle_batches(session: Session, results: Sequence[BatchResult], now: datetime) -> None:
    """Write down what these requests brought, in one statement, and the quota they used."""
    if not results:
        return
    rows = session.execute(
        _SETTLE,
        {
            "now": now,
            "ids": [result.id for result in results],
            "tries": [result.tries for result in results],
            "states": [result.state for result in results],
            "statuses": [result.status for result in results],
            "request_ids": [result.request_id for result in results],
            "reasons": [result.reason for result in results],
            "moments": [result.next_try_at for result in results],
            "doubts": [result.in_doubt for result in results],
        },
    )
    settle_use(
        session, {str(key): members for key, members, state in rows if state != WAITING}, now
    )


def settle_people(session: Session, result: PersonalResult, now: datetime) -> None:
    """Write down what each member's own request brought, and end the batch where all are done."""
    people = result.people
    settled = session.scalars(
        _SETTLE_PEOPLE,
        {
            "batch_id": result.id,
            "now": now,
            "members": [person.member_id for person in people],
            "states": [person.state for person in people],
            "request_ids": [person.request_id for person in people],
            "reasons": [person.reason for person in people],
        },
    ).all()
    left = session.scalar(
        _LESSEN,
        {
            "batch_id": result.id,
            "settled": len(settled),
            "tries": result.tries,
            "moment": result.next_try_at,
            "facts": json.dumps(result.doubted) if result.doubted else None,
        },
    )
    if left == 0:
        _end_batch(session, result.id, now)


def skip_members(
    session: Session,
    batch_id: uuid.UUID,
    reasons: Mapping[int, str],
    now: datetime,
    *,
    state: str = "skipped",
) -> None:
    """Skip members of a waiting batch, each for their reason; end it where nobody is left.

    With another `state`, that is what becomes of them.
    """
    skipped = session.scalars(
        _SETTLE_PEOPLE,
        {
            "batch_id": batch_id,
            "now": now,
            "members": list(reasons),
            "states": [state] * len(reasons),
            "request_ids": [None] * len(reasons),
            "reasons": list(reasons.values()),
        },
    ).all()
    left = session.scalar(
        update(CampaignBatch)
        .where(CampaignBatch.id == batch_id, CampaignBatch.state == WAITING)
        .values(members=CampaignBatch.members - len(skipped))
        .returning(CampaignBatch.members)
        .execution_options(synchronize_session=False)
    )
    if left == 0:
        _end_batch(session, batch_id, now)


def _end_batch(session: Session, batch_id: uuid.UUID, now: datetime) -> None:
    """End a batch whose members all have an outcome of their own."""
    used = session.scalar(_END, {"batch_id": batch_id, "now": now})
    if used is not None:
        settle_use(session, {str(batch_id): used}, now)


def split_batch(session: Session, result: BatchResult, now: datetime) -> None:
    """Part a batch that LINE refused as a whole into two new ones: one id in it is to blame.

    Does nothing where the batch is settled, or another worker's by now.
    """
    row = session.scalars(
        select(CampaignBatch)
        .where(
            CampaignBatch.id == result.id,
            CampaignBatch.state == WAITING,
            CampaignBatch.tries == result.tries,
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        return
    members = session.scalars(
        select(CampaignRecipient.member_id)
        .where(CampaignRecipient.batch_id == result.id, CampaignRecipient.state.is_(None))
        .order_by(CampaignRecipient.member_id)
    ).all()
    half = len(members) // 2
    for part in (members[:half], members[half:]):
        move_members(session, result.id, part, now)
    settle_batches(session, [result], now)


def move_members(
    session: Session, batch_id: uuid.UUID, members: Collection[int], now: datetime
) -> None:
    """Move members who were surely not written to into a new batch like theirs, due now."""
    if members:
        session.execute(
            _MOVE,
            {"batch_id": batch_id, "new_id": uuid.uuid4(), "members": list(members), "now": now},
        )


def hold_run(session: Session, run_id: int, moment: datetime) -> None:
    """Begin nothing of a run until a moment: there is no quota. What is in doubt goes on."""
    session.execute(_HOLD, {"run_id": run_id, "moment": moment})


_SETTLE = text(
    squeezed("""
        UPDATE campaign_batch AS batch SET
            state = told.state,
            settled_at = CASE WHEN told.state <> 'waiting' THEN CAST(:now AS timestamptz) END,
            next_try_at = coalesce(told.moment, batch.next_try_at),
            in_doubt = told.state = 'waiting' AND told.doubt,
            first_try_at = CASE WHEN told.state = 'waiting' AND NOT told.doubt THEN NULL
                ELSE batch.first_try_at END,
            status = told.status, request_id = told.request_id, reason = told.reason
        FROM unnest(CAST(:ids AS uuid[]), CAST(:tries AS int[]), CAST(:states AS text[]),
            CAST(:statuses AS int[]), CAST(:request_ids AS text[]), CAST(:reasons AS text[]),
            CAST(:moments AS timestamptz[]), CAST(:doubts AS boolean[]))
            AS told(id, tries, state, status, request_id, reason, moment, doubt)
        WHERE batch.id = told.id AND batch.state = 'waiting'
            AND (told.state <> 'waiting' OR batch.tries = told.tries)
        RETURNING batch.id, CASE WHEN batch.state IN ('accepted', 'unknown') AND
            batch.channel = 'line' THEN batch.members ELSE 0 END, batch.state
    """)
)
_SETTLE_PEOPLE = text(
    squeezed("""
        UPDATE campaign_recipient AS person SET state = told.state, settled_at = :now,
            request_id = told.request_id, reason = told.reason
        FROM unnest(CAST(:members AS bigint[]), CAST(:states AS text[]),
            CAST(:request_ids AS text[]), CAST(:reasons AS text[]))
            AS told(member_id, state, request_id, reason)
        WHERE person.batch_id = :batch_id AND person.member_id = told.member_id
            AND person.state IS NULL
        RETURNING person.member_id
    """)
)
_LESSEN = text(
    squeezed("""
        UPDATE campaign_batch AS batch SET members = batch.members - :settled,
            facts = CASE WHEN tries = :tries THEN CAST(:facts AS json) ELSE facts END,
            in_doubt = CASE WHEN tries = :tries THEN CAST(:facts AS json) IS NOT NULL
                ELSE in_doubt END,
            first_try_at = CASE WHEN tries = :tries AND CAST(:facts AS json) IS NULL
                AND members > :settled THEN NULL ELSE first_try_at END,
            next_try_at = CASE WHEN tries = :tries THEN :moment ELSE next_try_at END
        WHERE id = :batch_id AND state = 'waiting'
        RETURNING members
    """)
)
_END = text(
    squeezed("""
        WITH told AS (
            SELECT count(*) FILTER (WHERE state IN ('accepted', 'unknown')) AS used,
                count(*) FILTER (WHERE state <> 'skipped') AS tried
            FROM campaign_recipient WHERE batch_id = :batch_id
        )
        UPDATE campaign_batch SET state = CASE WHEN told.tried > 0 THEN 'accepted' ELSE 'skipped'
            END, settled_at = :now, in_doubt = false, facts = NULL
        FROM told WHERE id = :batch_id AND state = 'waiting'
        RETURNING CASE WHEN channel = 'line' THEN told.used ELSE 0 END
    """)
)
"""Its own state says nothing: nobody's outcome is that of the batch any more."""
_MOVE = text(
    squeezed("""
        WITH made AS (
            INSERT INTO campaign_batch (id, run_id, number, variant, language, channel,
                is_personal, members, state, next_try_at)
            SELECT :new_id, run_id, number, variant, language, channel, is_personal,
                cardinality(CAST(:members AS bigint[])), 'waiting', :now
            FROM campaign_batch WHERE id = :batch_id
            RETURNING id
        ), moved AS (
            UPDATE campaign_recipient SET batch_id = made.id FROM made
            WHERE batch_id = :batch_id AND member_id = ANY(CAST(:members AS bigint[]))
        )
        UPDATE campaign_batch SET members = members - cardinality(CAST(:members AS bigint[]))
        WHERE id = :batch_id
    """)
)
_HOLD = text(
    squeezed("""
        UPDATE campaign_run SET held_until = least(until, greatest(held_until, :moment))
        WHERE id = :run_id AND finished_at IS NULL
    """)
)

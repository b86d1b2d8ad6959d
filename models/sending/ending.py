"""Ending: what time does to runs. Every run ends by itself, and everybody in it has an outcome.

Nothing is tried for the first time from a run's `until` on, and nothing at all a day after its
first try, because LINE then no longer knows its key. All of it is set-based and safe to run twice.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select, text, update
from sqlalchemy.orm import Session

from models.base import squeezed
from models.outbox import RETRY_KEY_LIFE
from models.quota import settle_use
from models.sending.table import CampaignRun

MOST_BATCHES = 500
"""So many batches are ended in one transaction."""


def miss_runs(session: Session, now: datetime) -> Sequence[int]:
    """End runs that nobody began before their time was over: nobody is written to; return them."""
    return session.scalars(
        update(CampaignRun)
        .where(
            CampaignRun.finished_at.is_(None),
            CampaignRun.started_at.is_(None),
            CampaignRun.until <= now,
        )
        .values(state="missed", finished_at=now)
        .returning(CampaignRun.id)
        .execution_options(synchronize_session=False)
    ).all()


def list_planned(session: Session, now: datetime) -> list[int]:
    """Return the runs whose moment has come and that are not frozen yet, oldest first."""
    return list(
        session.scalars(
            select(CampaignRun.id)
            .where(
                CampaignRun.finished_at.is_(None),
                CampaignRun.frozen_at.is_(None),
                or_(CampaignRun.state == "planned", CampaignRun.started_at.is_not(None)),
                CampaignRun.send_at <= now,
            )
            .order_by(CampaignRun.send_at, CampaignRun.id)
        )
    )


def end_batches(session: Session, now: datetime) -> int:
    """End up to MOST_BATCHES batches that are not to be tried any more; return how many.

    In doubt for a day, or when its run was cancelled: unknown. Not begun in time: skipped.
    """
    asked = {"now": now, "most": MOST_BATCHES, "forgotten": now - RETRY_KEY_LIFE}
    ids = session.scalars(_DOOMED, asked).all()
    if ids:
        session.execute(_END_PEOPLE, {"ids": ids, "now": now})
        used = session.execute(_END, {"ids": ids, "now": now})
        settle_use(session, {str(key): messages for key, messages in used}, now)
    return len(ids)


def finish_runs(session: Session, now: datetime) -> Sequence[int]:
    """Finish runs of which nothing waits any more; return them."""
    return session.scalars(_FINISH, {"now": now}).all()


_WHY = """CASE WHEN run.state = 'cancelled' THEN 'cancelled'
    WHEN run.state = 'stopped' THEN run.stop_reason
    WHEN run.held_until >= run.until THEN 'quota' ELSE 'too_late' END"""
_DOOMED = text(
    squeezed("""
        SELECT batch.id FROM campaign_batch AS batch
        JOIN campaign_run AS run ON run.id = batch.run_id
        WHERE run.finished_at IS NULL AND batch.state = 'waiting' AND (
            (batch.in_doubt AND batch.first_try_at <= :forgotten)
            OR (batch.next_try_at <= :now AND run.state = 'cancelled')
            OR (NOT batch.in_doubt AND (run.state = 'cancelled' OR run.until <= :now)))
        ORDER BY batch.run_id, batch.number LIMIT :most
        FOR UPDATE OF batch SKIP LOCKED
    """)
)
_END_PEOPLE = text(
    squeezed(f"""
        UPDATE campaign_recipient AS person SET settled_at = :now,
            state = CASE WHEN batch.facts ->> CAST(person.member_id AS text) IS NULL
                THEN 'skipped' ELSE 'unknown' END,
            reason = CASE WHEN batch.facts ->> CAST(person.member_id AS text) IS NULL
                THEN {_WHY} ELSE 'unanswered' END
        FROM campaign_batch AS batch JOIN campaign_run AS run ON run.id = batch.run_id
        WHERE batch.id = ANY(CAST(:ids AS uuid[])) AND person.batch_id = batch.id
            AND person.state IS NULL AND batch.is_personal AND batch.in_doubt
    """)  # noqa: S608  # Of our own words only.
)
"""Of a personal batch some may be in doubt and others not."""
_END = text(
    squeezed(f"""
        UPDATE campaign_batch AS batch SET settled_at = :now, in_doubt = false, facts = NULL,
            state = CASE WHEN batch.in_doubt THEN 'unknown' ELSE 'skipped' END,
            reason = CASE WHEN batch.in_doubt THEN 'unanswered' ELSE {_WHY} END,
            members = CASE WHEN batch.is_personal AND batch.in_doubt THEN 0 ELSE batch.members END
        FROM campaign_run AS run
        WHERE batch.id = ANY(CAST(:ids AS uuid[])) AND run.id = batch.run_id
        RETURNING batch.id, CASE
            WHEN batch.channel <> 'line' THEN 0
            WHEN batch.is_personal THEN (SELECT count(*) FROM campaign_recipient AS person
                WHERE person.batch_id = batch.id AND person.state IN ('accepted', 'unknown'))
            WHEN batch.state = 'unknown' THEN batch.members ELSE 0 END
    """)  # noqa: S608  # Of our own words only.
)
_FINISH = text(
    squeezed("""
        UPDATE campaign_run AS run SET finished_at = :now,
            state = CASE WHEN run.state IN ('cancelled', 'stopped') THEN run.state
                ELSE 'finished' END
        WHERE run.finished_at IS NULL AND run.frozen_at IS NOT NULL AND NOT EXISTS (
            SELECT FROM campaign_batch AS batch
            WHERE batch.run_id = run.id AND batch.state = 'waiting')
        RETURNING run.id
    """)
)

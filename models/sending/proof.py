"""The proof of a run: everybody who was planned is accepted, skipped, refused or unknown."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from models.base import squeezed
from models.sending.steering import get_run


@dataclass(frozen=True)
class Proof:
    """What became of a run's recipients: each is counted exactly once.

    `skipped` and `refused` are by reason. While the run goes on, `waiting` are those without an
    outcome yet, those under way among them; at its end it is 0.
    """

    run_id: int
    state: str
    planned: int
    accepted: int
    skipped: dict[str, int]
    refused: dict[str, int]
    unknown: int
    waiting: int

    @property
    def is_complete(self) -> bool:
        """Tell whether everybody has an outcome, and nobody has two."""
        outcomes = self.accepted + self.unknown
        outcomes += sum(self.skipped.values()) + sum(self.refused.values())
        return self.waiting == 0 and outcomes == self.planned


@dataclass(frozen=True)
class Progress:
    """How far a run is: of so many `planned`, so many have no outcome yet. Cheap to ask often."""

    planned: int
    waiting: int

    @property
    def done(self) -> int:
        """Return how many have an outcome."""
        return self.planned - self.waiting


@dataclass(frozen=True)
class Got:
    """What became of one member in one run; `state` is `waiting` until it is known."""

    run_id: int
    campaign_id: int
    slot: str
    variant: str | None
    channel: str | None
    state: str
    reason: str | None
    request_id: str | None
    at: datetime | None


def proof_of(session: Session, run_id: int) -> Proof:
    """Return what became of a run's recipients, counted from the rows. Raises NoSuchRun."""
    run = get_run(session, run_id)
    session.refresh(run)
    counts: dict[str, dict[str, int]] = {}
    for state, reason, people in session.execute(_COUNTS, {"run_id": run_id}):
        counts.setdefault(state, {})[reason or ""] = people
    total = {state: sum(by_reason.values()) for state, by_reason in counts.items()}
    return Proof(
        run_id=run_id,
        state=run.state,
        planned=run.planned,
        accepted=total.get("accepted", 0),
        skipped=counts.get("skipped", {}),
        refused=counts.get("refused", {}),
        unknown=total.get("unknown", 0),
        waiting=total.get("waiting", 0),
    )


def progress_of(session: Session, run_ids: Sequence[int]) -> dict[int, Progress]:
    """Return how far runs are, by their ids: from the batches that wait, of which there are few."""
    rows = session.execute(_PROGRESS, {"runs": list(run_ids)})
    return {run_id: Progress(planned, waiting) for run_id, planned, waiting in rows}


def find_recipient(session: Session, member_id: int, *, limit: int = 100) -> list[Got]:
    """Return what a member got or did not get by campaigns, and why: the newest runs first."""
    rows = session.execute(_OF_MEMBER, {"member_id": member_id, "limit": limit})
    return [Got(*row) for row in rows]


_COUNTS = text(
    squeezed("""
        SELECT state, reason, CAST(sum(people) AS bigint) FROM (
            SELECT state, reason, members AS people FROM campaign_batch
            WHERE run_id = :run_id AND members > 0
            UNION ALL
            SELECT state, reason, count(*) FROM campaign_recipient
            WHERE run_id = :run_id AND state IS NOT NULL GROUP BY state, reason
        ) AS outcome
        GROUP BY state, reason ORDER BY state, 3 DESC, reason
    """)
)
_PROGRESS = text(
    squeezed("""
        SELECT run.id, run.planned, CAST(coalesce((
            SELECT sum(batch.members) FROM campaign_batch AS batch
            WHERE batch.run_id = run.id AND batch.state = 'waiting'), 0) AS bigint)
        FROM campaign_run AS run WHERE run.id = ANY(CAST(:runs AS bigint[]))
    """)
)
_OF_MEMBER = text(
    squeezed("""
        SELECT run.id, run.campaign_id, run.slot, person.variant, batch.channel,
            coalesce(person.state, batch.state),
            CASE WHEN person.state IS NULL THEN batch.reason ELSE person.reason END,
            CASE WHEN person.state IS NULL THEN batch.request_id ELSE person.request_id END,
            coalesce(person.settled_at, batch.settled_at)
        FROM campaign_recipient AS person JOIN campaign_run AS run ON run.id = person.run_id
        LEFT JOIN campaign_batch AS batch ON batch.id = person.batch_id
        WHERE person.member_id = :member_id
        ORDER BY run.send_at DESC, run.id DESC LIMIT :limit
    """)
)

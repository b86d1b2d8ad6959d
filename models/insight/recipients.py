"""Who was in a run and what became of each: the proof, page by page, and by member."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.member import Member
from models.sending import CampaignBatch, CampaignRecipient

MOST_LISTED = 200
_STATE = func.coalesce(CampaignRecipient.state, CampaignBatch.state)


@dataclass(frozen=True)
class ListedRecipient:
    """One member of a run: `state` is accepted, skipped, refused, unknown, or waiting."""

    member_id: int
    number: str
    variant: str | None
    """None: held out."""
    channel: str | None
    state: str
    reason: str | None
    request_id: str | None
    at: datetime | None


def list_recipients(
    session: Session, run_id: int, *, after_id: int = 0, limit: int, state: str | None = None
) -> Sequence[ListedRecipient]:
    """Return a run's next recipients in the order of their ids, of one state where told."""
    asked = (
        select(
            CampaignRecipient.member_id,
            Member.number,
            CampaignRecipient.variant,
            CampaignBatch.channel,
            _STATE,
            _own(CampaignRecipient.reason, CampaignBatch.reason),
            _own(CampaignRecipient.request_id, CampaignBatch.request_id),
            func.coalesce(CampaignRecipient.settled_at, CampaignBatch.settled_at),
        )
        .join(Member, Member.id == CampaignRecipient.member_id)
        .outerjoin(CampaignBatch, CampaignBatch.id == CampaignRecipient.batch_id)
        .where(CampaignRecipient.run_id == run_id, CampaignRecipient.member_id > after_id)
        .order_by(CampaignRecipient.member_id)
        .limit(limit)
    )
    if state is not None:
        asked = asked.where(_STATE == state)  # noqa: SIM300 - a column, not a constant
    return [ListedRecipient(*row) for row in session.execute(asked)]


def _own(own: InstrumentedAttribute[str | None], of_batch: Any) -> ColumnElement[str | None]:
    """Return what stands by a recipient who has a state of their own, else by their batch."""
    return case((CampaignRecipient.state.is_not(None), own), else_=of_batch)

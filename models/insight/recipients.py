"""Who was in a run and what became of each: the proof, page by page, and by member."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, literal_column, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.member import Member
from models.sending import CampaignBatch, CampaignRecipient

MOST_LISTED = 200
FEW = ("skipped", "refused", "unknown")
"""States of their own that are indexed: all but `accepted`."""
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
    """Return a run's next recipients in the order of their ids, of one state where told.

    Those of a state that few are in are found by an index, not by looking at everybody.
    """
    asked = _asked().where(
        CampaignRecipient.run_id == run_id, CampaignRecipient.member_id > after_id
    )
    if state in FEW:
        asked = _of_either(asked, run_id, state, limit)
    elif state is not None:
        asked = asked.where(_STATE == state)  # noqa: SIM300 - a column, not a constant
    rows = session.execute(asked.order_by(literal_column("member_id")).limit(limit))
    return [ListedRecipient(*row) for row in rows]


def _asked() -> Select[Any]:
    columns: tuple[ColumnElement[Any], ...] = (
        CampaignRecipient.member_id.label("member_id"),
        Member.number.label("number"),
        CampaignRecipient.variant.label("variant"),
        CampaignBatch.channel.label("channel"),
        _STATE.label("state"),
        _own(CampaignRecipient.reason, CampaignBatch.reason).label("reason"),
        _own(CampaignRecipient.request_id, CampaignBatch.request_id).label("request_id"),
        func.coalesce(CampaignRecipient.settled_at, CampaignBatch.settled_at).label("at"),
    )
    return (
        select(*columns)
        .select_from(CampaignRecipient)
        .join(Member, Member.id == CampaignRecipient.member_id)
        .outerjoin(CampaignBatch, CampaignBatch.id == CampaignRecipient.batch_id)
    )


def _of_either(asked: Select[Any], run_id: int, state: str, limit: int) -> Select[Any]:
    """Return the next with this state of their own, and the next whose batch has it, as one."""
    batches = select(CampaignBatch.id).where(
        CampaignBatch.run_id == run_id, CampaignBatch.state == state
    )
    parts = (
        asked.where(CampaignRecipient.state == state),
        asked.where(CampaignRecipient.state.is_(None), CampaignRecipient.batch_id.in_(batches)),
    )
    ordered = (part.order_by(CampaignRecipient.member_id).limit(limit) for part in parts)
    return select(union_all(*(select(part.subquery()) for part in ordered)).subquery())


def _own(own: InstrumentedAttribute[str | None], of_batch: Any) -> ColumnElement[str | None]:
    """Return what stands by a recipient who has a state of their own, else by their batch."""
    return case((CampaignRecipient.state.is_not(None), own), else_=of_batch)

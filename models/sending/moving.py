"""Recipients whose cards become one: what each was sent is what the kept one was sent.

Only what is settled moves. Who still waits stays who they were: they are checked, or asked for,
under the card they were frozen with.
"""

from collections.abc import Sequence

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from models.base import squeezed
from models.sending.table import CampaignRecipient


def merge_recipients(session: Session, keep_id: int, drop_id: int) -> list[int]:
    """Let the kept card have been sent what the other was; return the runs, for an undoing.

    Of a run both were in, each keeps their own.
    """
    return list(session.scalars(_MERGE, {"keep_id": keep_id, "drop_id": drop_id}))


def unmerge_recipients(
    session: Session, keep_id: int, drop_id: int, run_ids: Sequence[int]
) -> None:
    """Give the other card back what it was sent in these runs."""
    session.execute(
        update(CampaignRecipient)
        .where(CampaignRecipient.member_id == keep_id, CampaignRecipient.run_id.in_(run_ids))
        .values(member_id=drop_id)
        .execution_options(synchronize_session=False)
    )


_MERGE = text(
    squeezed("""
        UPDATE campaign_recipient AS person SET member_id = :keep_id
        WHERE person.member_id = :drop_id
            AND (person.state IS NOT NULL OR NOT EXISTS (SELECT FROM campaign_batch AS batch
                WHERE batch.id = person.batch_id AND batch.state = 'waiting'))
            AND NOT EXISTS (SELECT FROM campaign_recipient AS other
                WHERE other.run_id = person.run_id AND other.member_id = :keep_id)
        RETURNING person.run_id
    """)
)

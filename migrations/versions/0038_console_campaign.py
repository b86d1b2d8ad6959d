"""Find the batches of a run, and whom it did not reach: what the campaigns' pages ask for."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0038"
down_revision: str | None = "0037"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Index batches by their run, and recipients who got nothing by run and outcome."""
    op.create_index("ix_campaign_batch_run_id", "campaign_batch", ["run_id"])
    op.create_index(
        "ix_campaign_recipient_not_sent",
        "campaign_recipient",
        ["run_id", "state", "member_id"],
        postgresql_where=sa.text("state IN ('skipped', 'refused', 'unknown')"),
    )


def downgrade() -> None:
    """Drop the indexes."""
    op.drop_index("ix_campaign_recipient_not_sent", "campaign_recipient")
    op.drop_index("ix_campaign_batch_run_id", "campaign_batch")

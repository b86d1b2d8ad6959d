"""Keep proposals of new rules for the tiers."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0040"
down_revision: str | None = "0039"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "tier_proposal",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("edition", sa.Integer(), server_default="1", nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("changed_by", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("version_id", sa.BigInteger()),
        sa.Column("dropped_at", MOMENT),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 60", name=op.f("ck_tier_proposal_named")),
        sa.CheckConstraint(
            "version_id IS NULL OR dropped_at IS NULL", name=op.f("ck_tier_proposal_one_end")
        ),
        sa.ForeignKeyConstraint(
            ["made_by"], ["staff.id"], name=op.f("fk_tier_proposal_made_by_staff")
        ),
        sa.ForeignKeyConstraint(
            ["changed_by"], ["staff.id"], name=op.f("fk_tier_proposal_changed_by_staff")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["tier_version.id"],
            name=op.f("fk_tier_proposal_version_id_tier_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tier_proposal")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_tier_proposal_idempotency_key")),
        sa.UniqueConstraint("version_id", name=op.f("uq_tier_proposal_version_id")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("tier_proposal")

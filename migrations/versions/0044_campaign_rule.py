"""Keep rules of single campaigns apart from segments, and orders to move members on journeys."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0044"
down_revision: str | None = "0043"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Mark segments that were made with one campaign, and add the table of orders."""
    op.add_column(
        "segment",
        sa.Column("is_one_off", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.create_table(
        "journey_crossing",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("journey_code", sa.Text(), nullable=False),
        sa.Column("from_version", sa.Integer(), nullable=False),
        sa.Column("to_version", sa.Integer(), nullable=False),
        sa.Column("steps", postgresql.JSONB(), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("moved", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("problem", sa.Text()),
        sa.CheckConstraint("moved >= 0", name=op.f("ck_journey_crossing_moved_not_negative")),
        sa.CheckConstraint(
            "problem IS NULL OR ended_at IS NOT NULL",
            name=op.f("ck_journey_crossing_problem_ends_it"),
        ),
        sa.ForeignKeyConstraint(
            ["asked_by"], ["staff.id"], name=op.f("fk_journey_crossing_asked_by_staff")
        ),
        sa.ForeignKeyConstraint(
            ["journey_code"],
            ["journey.code"],
            name=op.f("fk_journey_crossing_journey_code_journey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journey_crossing")),
    )
    op.create_index(
        "uq_journey_crossing_open",
        "journey_crossing",
        ["journey_code", "from_version"],
        unique=True,
        postgresql_where="ended_at IS NULL",
    )
    op.create_index("ix_journey_crossing_journey_code", "journey_crossing", ["journey_code", "id"])


def downgrade() -> None:
    """Take both away: those segments are on the list like all others."""
    op.drop_table("journey_crossing")
    op.drop_column("segment", "is_one_off")

"""Keep what LINE counts of a run."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0034"
down_revision: str | None = "0033"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the table, and let those who blocked us be found by the moment."""
    op.create_table(
        "unit_figure",
        sa.Column("unit_name", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("unique_impressions", sa.Integer()),
        sa.Column("unique_clicks", sa.Integer()),
        sa.Column("unique_plays", sa.Integer()),
        sa.Column("urls", sa.JSON(), nullable=False),
        sa.Column("read_at", MOMENT, nullable=False),
        sa.CheckConstraint("from_on <= to_on", name=op.f("ck_unit_figure_days_in_order")),
        sa.CheckConstraint(
            "unit_name ~ '^[A-Za-z0-9_]{1,30}$'", name=op.f("ck_unit_figure_unit_name_of_line")
        ),
        sa.PrimaryKeyConstraint("unit_name", name=op.f("pk_unit_figure")),
    )
    op.create_index(op.f("ix_unit_figure_read_at"), "unit_figure", ["read_at"])
    op.create_index(
        "ix_friend_blocked",
        "friend",
        ["changed_at"],
        postgresql_where=sa.text("NOT is_following"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index("ix_friend_blocked", "friend")
    op.drop_table("unit_figure")

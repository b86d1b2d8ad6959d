"""Know which page brought or asked for a thing, and who worded a survey or set a festival."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0045"
down_revision: str | None = "0044"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ASKED_BY_PAGES = ("api_key", "webhook_endpoint", "transfer", "benefit", "lottery_prize")
WITH_SECRETS = ("api_key", "webhook_endpoint")
WORDED = ("survey", "festival")


def upgrade() -> None:
    """Add the pages' keys, and who set what; what there is was set by nobody we know."""
    for table in ASKED_BY_PAGES:
        op.add_column(table, sa.Column("idempotency_key", sa.Text()))
        op.create_unique_constraint(op.f(f"uq_{table}_idempotency_key"), table, ["idempotency_key"])
    for table in WITH_SECRETS:
        op.add_column(table, sa.Column("rotation_key", sa.Text()))
    for table in WORDED:
        op.add_column(table, sa.Column("set_by", sa.Text()))
        op.add_column(table, sa.Column("set_at", sa.DateTime(timezone=True)))
    op.execute("UPDATE survey SET set_by = 'system:unknown', set_at = created_at")
    op.execute("UPDATE festival SET set_by = 'system:unknown', set_at = now()")
    for table in WORDED:
        op.alter_column(table, "set_by", nullable=False)
        op.alter_column(table, "set_at", nullable=False)


def downgrade() -> None:
    """Forget both."""
    for table in WORDED:
        op.drop_column(table, "set_at")
        op.drop_column(table, "set_by")
    for table in WITH_SECRETS:
        op.drop_column(table, "rotation_key")
    for table in ASKED_BY_PAGES:
        op.drop_constraint(op.f(f"uq_{table}_idempotency_key"), table)
        op.drop_column(table, "idempotency_key")

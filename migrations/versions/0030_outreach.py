"""Keep when members are written to, and let nudges ride on replies."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0030"
down_revision: str | None = "0029"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)
INDEXES = {
    "ix_outbox_nudge": (
        ["line_user_id"],
        "state = 'waiting' AND push_at IS NOT NULL AND rides_on IS NULL",
    ),
    "ix_outbox_rides_on": (["rides_on"], "rides_on IS NOT NULL"),
    "ix_outbox_visit_id": (["visit_id"], "visit_id IS NOT NULL"),
    "ix_outbox_marketing": (["member_id"], "is_marketing"),
}
CHECKS = {
    "priority_in_range": "priority BETWEEN 0 AND 100",
    "channel_known": "channel IN ('line', 'email')",
    "rider_is_nudge": "rides_on IS NULL OR push_at IS NOT NULL",
}


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("source", sa.Text()),
        sa.Column("purpose", sa.Text()),
        sa.Column("priority", sa.Integer()),
        sa.Column("visit_id", sa.BigInteger()),
        sa.Column("push_at", MOMENT),
        sa.Column("rides_on", sa.Uuid()),
        sa.Column("channel", sa.Text(), server_default="line", nullable=False),
    ]


def upgrade() -> None:
    """Make the tables; what waits in the outbox goes on as it was."""
    for column in _columns():
        op.add_column("outbox", column)
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(f"ck_outbox_{name}"), "outbox", condition)
    for name, (columns, condition) in INDEXES.items():
        op.create_index(name, "outbox", columns, postgresql_where=sa.text(condition))
    op.create_table(
        "delivery_month",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("messages >= 0", name=op.f("ck_delivery_month_messages_not_negative")),
        sa.PrimaryKeyConstraint("month", "way", name=op.f("pk_delivery_month")),
    )
    _create_settings()


def _create_settings() -> None:
    op.create_table(
        "outreach_setting",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("day_cap", sa.Integer()),
        sa.Column("window_cap", sa.Integer()),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("quiet_from", sa.Time(), nullable=False),
        sa.Column("quiet_until", sa.Time(), nullable=False),
        sa.Column("win_back_days", sa.Integer(), nullable=False),
        sa.Column("priorities", postgresql.JSONB(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "day_cap BETWEEN 1 AND 50", name=op.f("ck_outreach_setting_day_cap_in_range")
        ),
        sa.CheckConstraint(
            "window_cap BETWEEN 1 AND 50", name=op.f("ck_outreach_setting_window_cap_in_range")
        ),
        sa.CheckConstraint(
            "window_days BETWEEN 1 AND 30", name=op.f("ck_outreach_setting_window_in_range")
        ),
        sa.CheckConstraint(
            "win_back_days BETWEEN 0 AND 30", name=op.f("ck_outreach_setting_lock_in_range")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outreach_setting")),
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON outreach_setting "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    """Drop them, and what was new in the outbox."""
    op.drop_table("outreach_setting")
    op.drop_table("delivery_month")
    for name in INDEXES:
        op.drop_index(name, table_name="outbox")
    for name in CHECKS:
        op.drop_constraint(op.f(f"ck_outbox_{name}"), "outbox", type_="check")
    for column in _columns():
        op.drop_column("outbox", column.name)

"""Keep the plan of messages and the ledger of the quota."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0029"
down_revision: str | None = "0028"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)
JSONB = postgresql.JSONB()


def upgrade() -> None:
    """Make the tables."""
    _make_plans()
    _make_months()
    _make_ledger()
    op.create_table(
        "budget_stop",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("budget_twd", sa.Integer(), nullable=False),
        sa.Column("cost_twd", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_budget_stop_campaign_id_campaign")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_stop")),
    )
    op.create_index(op.f("ix_budget_stop_campaign_id"), "budget_stop", ["campaign_id"])
    for table in ("message_plan", "quota_entry", "budget_stop"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def _make_plans() -> None:
    op.create_table(
        "message_plan",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("from_month", sa.Date(), nullable=False),
        sa.Column("monthly_fee_twd", sa.Integer(), nullable=False),
        sa.Column("free_messages", sa.Integer(), nullable=False),
        sa.Column("steps", JSONB, nullable=False),
        sa.Column("is_price_checked", sa.Boolean(), nullable=False),
        sa.Column("hard_cap", sa.Integer()),
        sa.Column("service_reserve", sa.Integer(), nullable=False),
        sa.Column("margin_percent", sa.Numeric(5, 2), nullable=False),
        sa.Column("block_percent", sa.Numeric(5, 2), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "monthly_fee_twd >= 0 AND free_messages >= 0 AND hard_cap >= 0"
            " AND service_reserve >= 0",
            name=op.f("ck_message_plan_figures_not_negative"),
        ),
        sa.CheckConstraint(
            "margin_percent BETWEEN 0 AND 100 AND block_percent BETWEEN 0 AND 100",
            name=op.f("ck_message_plan_percents_in_range"),
        ),
        sa.CheckConstraint(
            "extract(day FROM from_month) = 1", name=op.f("ck_message_plan_from_a_first")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_plan")),
    )


def _make_months() -> None:
    op.create_table(
        "quota_month",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("plan_code", sa.Text(), nullable=False),
        sa.Column("monthly_fee_twd", sa.Integer(), nullable=False),
        sa.Column("free_messages", sa.Integer(), nullable=False),
        sa.Column("steps", JSONB, nullable=False),
        sa.Column("own_limit", sa.Integer()),
        sa.Column("service_reserve", sa.Integer(), nullable=False),
        sa.Column("ceiling", sa.Integer()),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("used", "reserved", "service_used", "service_reserved", "elsewhere")
        ),
        sa.Column("line_used", sa.Integer()),
        sa.Column("line_limit", sa.Integer()),
        sa.Column("line_ours", sa.Integer()),
        sa.Column("line_at", MOMENT),
        sa.Column("gone_until", MOMENT),
        sa.CheckConstraint(
            "used + reserved <= ceiling", name=op.f("ck_quota_month_never_above_ceiling")
        ),
        sa.CheckConstraint(
            "used >= 0 AND reserved >= 0 AND elsewhere >= 0 AND service_reserve >= 0",
            name=op.f("ck_quota_month_sums_not_negative"),
        ),
        sa.CheckConstraint(
            "service_used BETWEEN 0 AND used AND service_reserved BETWEEN 0 AND reserved",
            name=op.f("ck_quota_month_service_is_a_part"),
        ),
        sa.CheckConstraint(
            "extract(day FROM month) = 1", name=op.f("ck_quota_month_begins_at_a_first")
        ),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_quota_month")),
    )


def _make_ledger() -> None:
    op.create_table(
        "quota_hold",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("is_service", sa.Boolean(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.CheckConstraint("messages > 0", name=op.f("ck_quota_hold_holds_something")),
        sa.ForeignKeyConstraint(
            ["month"], ["quota_month.month"], name=op.f("fk_quota_hold_month_quota_month")
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_quota_hold")),
    )
    op.create_index(op.f("ix_quota_hold_at"), "quota_hold", ["at"])
    op.create_table(
        "quota_entry",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("is_service", sa.Boolean(), nullable=False),
        sa.Column("cost_twd", sa.Numeric(14, 4)),
        sa.Column("at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "kind IN ('reserve', 'use', 'release', 'reconcile')",
            name=op.f("ck_quota_entry_kind_known"),
        ),
        sa.CheckConstraint(
            "messages > 0 OR kind = 'reconcile' AND messages <> 0",
            name=op.f("ck_quota_entry_moves_messages"),
        ),
        sa.CheckConstraint(
            "(kind = 'use') = (cost_twd IS NOT NULL)", name=op.f("ck_quota_entry_use_has_cost")
        ),
        sa.ForeignKeyConstraint(
            ["month"], ["quota_month.month"], name=op.f("fk_quota_entry_month_quota_month")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quota_entry")),
    )
    op.create_index(op.f("ix_quota_entry_month"), "quota_entry", ["month", "id"])
    op.create_index(
        "ix_quota_entry_used_key",
        "quota_entry",
        ["key"],
        unique=True,
        postgresql_where=sa.text("kind = 'use'"),
    )
    op.create_index(
        "ix_quota_entry_used_source",
        "quota_entry",
        ["source"],
        postgresql_where=sa.text("kind = 'use'"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("budget_stop")
    op.drop_table("quota_entry")
    op.drop_table("quota_hold")
    op.drop_table("quota_month")
    op.drop_table("message_plan")

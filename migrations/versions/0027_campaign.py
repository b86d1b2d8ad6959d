"""Keep campaigns and every change of them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0027"
down_revision: str | None = "0026"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)
JSONB = postgresql.JSONB()


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def upgrade() -> None:
    """Make the tables; what happened once refuses changes."""
    _make_campaign()
    _make_campaign_change()
    _make_campaign_decision()
    op.create_table(
        "campaign_setting",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("approve_above", sa.Integer(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", MOMENT, nullable=False),
        _check("campaign_setting", "approve_above_not_negative", "approve_above >= 0"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_setting")),
    )
    for table in ("campaign_change", "campaign_decision", "campaign_setting"):
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def _make_campaign() -> None:
    op.create_table(
        "campaign",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", JSONB, nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'draft'"), nullable=False),
        sa.Column("kind", sa.Text(), server_default=sa.text("'marketing'"), nullable=False),
        sa.Column("priority", sa.Integer(), server_default=sa.text("50"), nullable=False),
        sa.Column("segment_code", sa.Text(), nullable=False),
        sa.Column("segment_version", sa.Integer()),
        sa.Column("variants", JSONB, nullable=False),
        sa.Column("metric", sa.Text(), server_default=sa.text("'click'"), nullable=False),
        sa.Column("stop_rule", JSONB),
        sa.Column("holdout_percent", sa.Integer(), server_default=sa.text("10"), nullable=False),
        sa.Column("schedule", JSONB, nullable=False),
        sa.Column("grace_minutes", sa.Integer(), server_default=sa.text("180"), nullable=False),
        sa.Column("budget_twd", sa.Integer()),
        sa.Column("channel", sa.Text(), server_default=sa.text("'line'"), nullable=False),
        sa.Column("attribution_days", sa.Integer(), server_default=sa.text("7"), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("submitted_by", sa.Text()),
        sa.Column("submitted_at", MOMENT),
        sa.Column("approved_by", sa.Text()),
        sa.Column("approved_at", MOMENT),
        sa.Column("paused_from", sa.Text()),
        sa.Column("next_slot_at", MOMENT),
        *_checks_of_campaign(),
        sa.ForeignKeyConstraint(
            ["segment_code"], ["segment.code"], name=op.f("fk_campaign_segment_code_segment")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("code", name=op.f("uq_campaign_code")),
    )
    op.create_index(op.f("ix_campaign_segment_code"), "campaign", ["segment_code"])
    op.create_index(
        "ix_campaign_due",
        "campaign",
        ["next_slot_at"],
        postgresql_where=sa.text("state IN ('scheduled', 'running')"),
    )


def _checks_of_campaign() -> list[sa.CheckConstraint]:
    checks = {
        "code_slug": "code ~ '^[a-z0-9][a-z0-9_-]{0,59}$'",
        "named_in_chinese": "name ? 'zh-TW'",
        "state_known": "state IN ('draft', 'waiting_approval', 'scheduled', 'running', 'paused',"
        " 'finished', 'cancelled')",
        "kind_known": "kind IN ('marketing', 'service')",
        "channel_known": "channel IN ('line', 'preferred', 'email')",
        "metric_known": "metric IN ('click', 'conversion')",
        "priority_in_range": "priority BETWEEN 0 AND 100",
        "holdout_in_range": "holdout_percent BETWEEN 0 AND 50",
        "grace_in_range": "grace_minutes BETWEEN 1 AND 1440",
        "attribution_in_range": "attribution_days BETWEEN 1 AND 90",
        "budget_positive": "budget_twd > 0",
        "has_variants": "jsonb_array_length(variants) > 0",
        "approved_by_another": "approved_by <> submitted_by",
        "persons_have_moments": "(submitted_by IS NULL) = (submitted_at IS NULL)"
        " AND (approved_by IS NULL) = (approved_at IS NULL)",
        "paused_from_a_state": "(state = 'paused') = (paused_from IS NOT NULL)",
    }
    return [_check("campaign", name, condition) for name, condition in checks.items()]


def _make_campaign_change() -> None:
    op.create_table(
        "campaign_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("before", JSONB),
        sa.Column("after", JSONB),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_campaign_change_campaign_id_campaign")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_change")),
    )
    op.create_index(
        op.f("ix_campaign_change_campaign_id_campaign_change_id"),
        "campaign_change",
        ["campaign_id", "id"],
    )


def _make_campaign_decision() -> None:
    op.create_table(
        "campaign_decision",
        sa.Column("campaign_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("figures", JSONB, nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("chosen", sa.Text(), nullable=False),
        sa.Column("low", sa.Float()),
        sa.Column("high", sa.Float()),
        _check("campaign_decision", "metric_known", "metric IN ('click', 'conversion')"),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaign.id"],
            name=op.f("fk_campaign_decision_campaign_id_campaign"),
        ),
        sa.PrimaryKeyConstraint("campaign_id", name=op.f("pk_campaign_decision")),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("campaign_setting", "campaign_decision", "campaign_change", "campaign"):
        op.drop_table(table)

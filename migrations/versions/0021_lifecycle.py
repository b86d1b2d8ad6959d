"""Keep what lifecycle models are set to, cycles and actions."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

APPEND_ONLY = ("lifecycle_setting", "class_action")


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _column(
    name: str, kind: sa.types.TypeEngine[Any], *, nullable: bool = False
) -> sa.Column[object]:
    return sa.Column(name, kind, nullable=nullable)


def _checks(table: str, **conditions: str) -> list[sa.CheckConstraint]:
    return [
        sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))
        for name, condition in conditions.items()
    ]


def upgrade() -> None:
    """Make the tables; what is only ever added to refuses changes."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "lifecycle_setting",
        _id(),
        _column("window_days", sa.Integer()),
        _column("loyal_orders", sa.Integer()),
        _column("near_cycles", sa.Integer()),
        _column("far_cycles", sa.Integer()),
        _column("cycle_level", sa.Text()),
        _column("cycle_days", sa.Integer(), nullable=True),
        _column("note", sa.Text()),
        _column("set_by", sa.Text()),
        _column("set_at", moment),
        *_checks(
            "lifecycle_setting",
            window_is_open="window_days > 0",
            loyal_comes_back="loyal_orders >= 2",
            cycles_in_order="near_cycles >= 1 AND far_cycles > near_cycles",
            level_known="cycle_level IN ('shop', 'category', 'member')",
            cycle_in_range="cycle_days BETWEEN 1 AND 365",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lifecycle_setting")),
    )
    op.create_table(
        "repurchase_cycle",
        _column("measured_on", sa.Date()),
        _column("category", sa.Text()),
        _column("cycle_days", sa.Integer()),
        _column("is_assumed", sa.Boolean()),
        _column("members", sa.Integer()),
        _column("intervals", sa.BigInteger()),
        _column("measured_at", moment),
        *_checks(
            "repurchase_cycle",
            in_range="cycle_days BETWEEN 1 AND 365",
            counts_not_negative="members >= 0 AND intervals >= 0",
        ),
        sa.PrimaryKeyConstraint("measured_on", "category", name=op.f("pk_repurchase_cycle")),
    )
    op.create_table(
        "class_action",
        _id(),
        _column("model", sa.Text()),
        _column("class", sa.Text()),
        _column("title", postgresql.JSONB()),
        _column("advice", postgresql.JSONB()),
        _column("template_code", sa.Text(), nullable=True),
        _column("paid_push", sa.Boolean()),
        _column("set_by", sa.Text()),
        _column("set_at", moment),
        *_checks("class_action", in_chinese="title ? 'zh-TW' AND advice ? 'zh-TW'"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_action")),
    )
    op.create_index(
        op.f("ix_class_action_model_class_action_class_class_action_id"),
        "class_action",
        ["model", "class", "id"],
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    """Drop them."""
    for table in ("class_action", "repurchase_cycle", "lifecycle_setting"):
        op.drop_table(table)

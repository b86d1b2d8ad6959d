"""Keep each member's classes, their daily counts and what moved."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)
TABLES = (
    "rfm_setting",
    "rfm_cut",
    "member_class",
    "class_night",
    "class_count",
    "class_move",
    "class_alert",
    "class_alert_setting",
)
APPEND_ONLY = ("rfm_setting", "class_alert_setting")


def upgrade() -> None:
    """Make the tables; the first night fills them."""
    _make_rfm()
    _make_member_class()
    _make_counts()
    _make_alerts()
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def _identifier() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _columns(kind: type[sa.types.TypeEngine[Any]], *names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind(), nullable=False) for name in names]


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def _make_rfm() -> None:
    op.create_table(
        "rfm_setting",
        _identifier(),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("window_days", sa.Integer(), nullable=False),
        sa.Column("cuts", postgresql.JSONB(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint("window_days > 0", name=op.f("ck_rfm_setting_window_is_open")),
        _key("rfm_setting", "id"),
    )
    op.create_index(
        op.f("ix_rfm_setting_effective_on_rfm_setting_id"), "rfm_setting", ["effective_on", "id"]
    )
    op.create_table(
        "rfm_cut",
        sa.Column("day", sa.Date(), nullable=False),
        *_columns(sa.Text, "dimension", "method"),
        *_columns(sa.BigInteger, "step_1", "step_2", "step_3", "step_4", "high"),
        sa.Column("buyers", sa.Integer(), nullable=False),
        sa.Column("setting_id", sa.BigInteger()),
        _key("rfm_cut", "day", "dimension"),
    )


def _make_member_class() -> None:
    op.create_table(
        "member_class",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        *_columns(sa.Text, "nasld", "napl_article", "napl_91app"),
        sa.Column("last_on", sa.Date()),
        sa.Column("frequency", sa.Integer()),
        sa.Column("monetary_twd", sa.BigInteger()),
        *(sa.Column(name, sa.SmallInteger()) for name in ("r_score", "f_score", "m_score")),
        sa.Column("rfm_group", sa.Text()),
        sa.CheckConstraint(
            "num_nulls(last_on, frequency, monetary_twd, r_score, f_score, m_score, rfm_group)"
            " IN (0, 7)",
            name=op.f("ck_member_class_buyers_have_all_three"),
        ),
        _key("member_class", "member_id"),
        postgresql_with={"fillfactor": "85"},
    )


def _make_counts() -> None:
    op.create_table(
        "class_night",
        sa.Column("day", sa.Date(), nullable=False),
        *_columns(sa.Integer, "members", "changed"),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("ended_at", MOMENT, nullable=False),
        _key("class_night", "day"),
    )
    op.create_table(
        "class_count",
        sa.Column("day", sa.Date(), nullable=False),
        *_columns(sa.Text, "model", "class"),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("net_twd", sa.BigInteger(), nullable=False),
        _key("class_count", "day", "model", "class"),
    )
    op.create_table(
        "class_move",
        sa.Column("month", sa.Date(), nullable=False),
        *_columns(sa.Text, "model", "from_class", "to_class"),
        sa.Column("members", sa.Integer(), nullable=False),
        _key("class_move", "month", "model", "from_class", "to_class"),
    )


def _make_alerts() -> None:
    op.create_table(
        "class_alert",
        _identifier(),
        sa.Column("day", sa.Date(), nullable=False),
        *_columns(sa.Text, "model", "class", "kind"),
        sa.Column("compare_days", sa.Integer(), nullable=False),
        sa.Column("before_on", sa.Date(), nullable=False),
        *_columns(sa.Integer, "before_members", "before_total", "members", "total"),
        sa.Column("threshold_points", sa.Integer(), nullable=False),
        sa.Column("rules_changed", sa.Boolean(), nullable=False),
        sa.Column("raised_at", MOMENT, nullable=False),
        sa.Column("acknowledged_at", MOMENT),
        sa.Column("acknowledged_by", sa.Text()),
        sa.CheckConstraint(
            "(acknowledged_at IS NULL) = (acknowledged_by IS NULL)",
            name=op.f("ck_class_alert_acknowledged_by_whom"),
        ),
        _key("class_alert", "id"),
        sa.UniqueConstraint(
            "day",
            "model",
            "class",
            "compare_days",
            name=op.f("uq_class_alert_day_model_class_compare_days"),
        ),
    )
    op.create_index(
        "ix_class_alert_open",
        "class_alert",
        ["model", "class"],
        postgresql_where="acknowledged_at IS NULL",
    )
    op.create_table(
        "class_alert_setting",
        _identifier(),
        *_columns(sa.Integer, "shift_points", "growth_points"),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "shift_points BETWEEN 1 AND 100 AND growth_points BETWEEN 1 AND 100",
            name=op.f("ck_class_alert_setting_points_are_percent"),
        ),
        _key("class_alert_setting", "id"),
    )


def downgrade() -> None:
    """Drop them."""
    for name in reversed(TABLES):
        op.drop_table(name)

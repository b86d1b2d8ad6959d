"""Keep forecasts, fitted models and care tasks."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)
OUTCOMES = ("will_come", "thinks", "unhappy", "not_reached")


def upgrade() -> None:
    """Make the tables; whoever leaves takes forecast, open tasks and notes along."""
    _make_model_fit()
    _make_member_forecast()
    _make_care_task()
    op.execute("""
        CREATE FUNCTION forget_forecast() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            DELETE FROM member_forecast WHERE member_id = NEW.id;
            IF NEW.erased_at IS NOT NULL THEN
                DELETE FROM care_task
                WHERE member_id = NEW.id AND done_at IS NULL AND NOT is_holdout;
                UPDATE care_task SET note = NULL WHERE member_id = NEW.id AND note IS NOT NULL;
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER forget_forecast AFTER UPDATE OF erased_at, merged_into_id ON member "
        "FOR EACH ROW WHEN (NEW.erased_at IS NOT NULL OR NEW.merged_into_id IS NOT NULL) "
        "EXECUTE FUNCTION forget_forecast()"
    )


def _make_model_fit() -> None:
    op.create_table(
        "model_fit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("fitted_at", MOMENT, nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("buyers", sa.Integer(), nullable=False),
        sa.Column("repeaters", sa.Integer(), nullable=False),
        sa.Column("parameters", JSONB()),
        sa.Column("log_likelihood", sa.Float()),
        sa.Column("value_log_likelihood", sa.Float()),
        sa.Column("correlation", sa.Float()),
        sa.Column("back_test", JSONB()),
        sa.Column("refused", JSONB()),
        sa.CheckConstraint(
            "(parameters IS NULL) = (refused IS NOT NULL)",
            name=op.f("ck_model_fit_fitted_or_refused"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_fit")),
        sa.UniqueConstraint("as_of", name=op.f("uq_model_fit_as_of")),
    )


def _make_member_forecast() -> None:
    op.create_table(
        "member_forecast",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("fit_id", sa.BigInteger(), nullable=False),
        sa.Column("likely", sa.REAL(), nullable=False),
        sa.Column("likely_top", sa.SmallInteger(), nullable=False),
        sa.Column("alive", sa.REAL(), nullable=False),
        sa.Column("risk", sa.REAL(), nullable=False),
        sa.Column("orders_90", sa.REAL(), nullable=False),
        sa.Column("orders_365", sa.REAL(), nullable=False),
        sa.Column("value_90_twd", sa.Integer(), nullable=False),
        sa.Column("value_365_twd", sa.Integer(), nullable=False),
        sa.Column("next_on", sa.Date()),
        *(
            sa.CheckConstraint(
                f"{name} BETWEEN 0 AND 1", name=op.f(f"ck_member_forecast_{name}_is_a_share")
            )
            for name in ("likely", "alive", "risk")
        ),
        sa.CheckConstraint(
            "likely_top BETWEEN 1 AND 100",
            name=op.f("ck_member_forecast_likely_top_is_a_percent"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_member_forecast_member_id_member")
        ),
        sa.ForeignKeyConstraint(
            ["fit_id"], ["model_fit.id"], name=op.f("fk_member_forecast_fit_id_model_fit")
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_member_forecast")),
        # Every row is written anew each night: the new one finds room beside the old.
        postgresql_with={"fillfactor": "50"},
    )


def _make_care_task() -> None:
    known = "', '".join(OUTCOMES)
    op.create_table(
        "care_task",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("is_holdout", sa.Boolean(), nullable=False),
        sa.Column("risk", sa.REAL(), nullable=False),
        sa.Column("value_twd", sa.BigInteger(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("outcome", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.Column("done_by", sa.BigInteger()),
        sa.Column("done_at", MOMENT),
        sa.CheckConstraint(
            "(done_at IS NULL) = (done_by IS NULL) AND (done_at IS NULL) = (outcome IS NULL)",
            name=op.f("ck_care_task_done_by_somebody"),
        ),
        sa.CheckConstraint(f"outcome IN ('{known}')", name=op.f("ck_care_task_outcome_known")),
        sa.CheckConstraint(
            "NOT is_holdout OR done_at IS NULL", name=op.f("ck_care_task_holdout_gets_none")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_care_task_member_id_member")
        ),
        sa.ForeignKeyConstraint(["done_by"], ["staff.id"], name=op.f("fk_care_task_done_by_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_care_task")),
        sa.UniqueConstraint("member_id", "made_on", name=op.f("uq_care_task_member_id_made_on")),
    )
    op.create_index("ix_care_task_made_on", "care_task", ["made_on"])


def downgrade() -> None:
    """Forget them."""
    op.execute("DROP TRIGGER forget_forecast ON member")
    op.execute("DROP FUNCTION forget_forecast()")
    for table in ("care_task", "member_forecast", "model_fit"):
        op.drop_table(table)

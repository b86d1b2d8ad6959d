"""Keep reports and their letters."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0042"
down_revision: str | None = "0041"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "report_letter",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("asked", postgresql.JSONB(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("every", sa.Text(), nullable=False),
        sa.Column("weekday", sa.Integer()),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.CheckConstraint(
            "every IN ('day', 'week', 'month')", name=op.f("ck_report_letter_every_known")
        ),
        sa.CheckConstraint(
            "(every = 'week') = (weekday IS NOT NULL)", name=op.f("ck_report_letter_week_has_a_day")
        ),
        sa.CheckConstraint(
            "weekday BETWEEN 1 AND 7", name=op.f("ck_report_letter_weekday_of_a_week")
        ),
        sa.CheckConstraint("hour BETWEEN 0 AND 23", name=op.f("ck_report_letter_hour_of_a_day")),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_report_letter_staff_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_letter")),
    )
    op.create_index(op.f("ix_report_letter_staff_id"), "report_letter", ["staff_id"])
    op.create_index(
        "ix_report_letter_open",
        "report_letter",
        ["id"],
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "report_sending",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("letter_id", sa.BigInteger(), nullable=False),
        sa.Column("slot_on", sa.Date(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("begun_at", MOMENT),
        sa.Column("next_try_at", MOMENT, nullable=False),
        sa.Column("settled_at", MOMENT),
        sa.Column("reason", sa.Text()),
        sa.CheckConstraint(
            "state IN ('waiting', 'accepted', 'refused', 'unknown', 'late')",
            name=op.f("ck_report_sending_state_known"),
        ),
        sa.CheckConstraint(
            "(state = 'waiting') = (settled_at IS NULL)",
            name=op.f("ck_report_sending_settled_when"),
        ),
        sa.ForeignKeyConstraint(
            ["letter_id"],
            ["report_letter.id"],
            name=op.f("fk_report_sending_letter_id_report_letter"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_sending")),
        sa.UniqueConstraint(
            "letter_id", "slot_on", name=op.f("uq_report_sending_letter_id_slot_on")
        ),
    )
    op.create_index(
        "ix_report_sending_due",
        "report_sending",
        ["next_try_at"],
        postgresql_where=sa.text("state = 'waiting'"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("report_sending")
    op.drop_table("report_letter")

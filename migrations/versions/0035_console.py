"""Keep the console's second factor, drafts and prepared figures."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0035"
down_revision: str | None = "0034"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make them."""
    _add_second_factor()
    op.create_table(
        "draft",
        sa.Column("staff_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.Column("base", sa.Text(), server_default="", nullable=False),
        sa.Column("saved_at", MOMENT, nullable=False),
        sa.CheckConstraint("length(what) BETWEEN 1 AND 80", name=op.f("ck_draft_what_short")),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_draft_staff_id_staff"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("staff_id", "what", name=op.f("pk_draft")),
    )
    op.create_index("ix_draft_what", "draft", ["what", "saved_at"])
    op.create_index("ix_draft_saved_at", "draft", ["saved_at"])
    _make_prepared_figure()


def _add_second_factor() -> None:
    op.add_column("staff", sa.Column("totp_seed", sa.Text()))
    op.add_column("staff", sa.Column("totp_at", MOMENT))
    op.add_column("staff", sa.Column("totp_step", sa.BigInteger()))
    op.add_column(
        "staff", sa.Column("totp_tries", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("staff", sa.Column("totp_locked_until", MOMENT))
    op.create_check_constraint(op.f("ck_staff_totp_tries_counted"), "staff", "totp_tries >= 0")
    op.create_check_constraint(
        op.f("ck_staff_totp_has_its_seed"), "staff", "totp_at IS NULL OR totp_seed IS NOT NULL"
    )
    op.create_table(
        "recovery_code",
        sa.Column("staff_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("used_at", MOMENT),
        sa.ForeignKeyConstraint(
            ["staff_id"],
            ["staff.id"],
            name=op.f("fk_recovery_code_staff_id_staff"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("staff_id", "digest", name=op.f("pk_recovery_code")),
    )


def _make_prepared_figure() -> None:
    op.create_table(
        "prepared_figure",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("asked", postgresql.JSONB(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("body", sa.JSON()),
        sa.Column("as_of", MOMENT),
        sa.Column("made_at", MOMENT),
        sa.Column("took_ms", sa.Integer()),
        sa.Column("wanted_at", MOMENT),
        sa.Column("begun_at", MOMENT),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Text()),
        sa.CheckConstraint(
            "(body IS NULL) = (made_at IS NULL)", name=op.f("ck_prepared_figure_made_when")
        ),
        sa.CheckConstraint(
            "progress BETWEEN 0 AND 100", name=op.f("ck_prepared_figure_progress_a_percentage")
        ),
        sa.PrimaryKeyConstraint("name", "digest", name=op.f("pk_prepared_figure")),
    )
    op.create_index(
        "ix_prepared_figure_wanted",
        "prepared_figure",
        ["wanted_at"],
        postgresql_where=sa.text("wanted_at IS NOT NULL"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("prepared_figure")
    op.drop_table("draft")
    op.drop_table("recovery_code")
    op.drop_constraint(op.f("ck_staff_totp_has_its_seed"), "staff")
    op.drop_constraint(op.f("ck_staff_totp_tries_counted"), "staff")
    for column in ("totp_locked_until", "totp_tries", "totp_step", "totp_at", "totp_seed"):
        op.drop_column("staff", column)

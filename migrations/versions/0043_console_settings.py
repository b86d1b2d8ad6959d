"""Keep what the settings' pages keep: invitations, files, checks of the channel, the set-up."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0043"
down_revision: str | None = "0042"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)
COUNT: dict[str, Any] = {"server_default": sa.text("0"), "nullable": False}


def upgrade() -> None:
    """Make them."""
    _make_invitation()
    _make_channel_check()
    _make_setup_choice()
    _make_transfer()
    op.create_table(
        "transfer_part",
        sa.Column("transfer_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "role IN ('upload', 'report', 'result')", name=op.f("ck_transfer_part_role_known")
        ),
        sa.ForeignKeyConstraint(
            ["transfer_id"],
            ["transfer.id"],
            name=op.f("fk_transfer_part_transfer_id_transfer"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("transfer_id", "role", "place", name=op.f("pk_transfer_part")),
    )


def _make_invitation() -> None:
    op.create_table(
        "staff_invitation",
        sa.Column("staff_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("made_by", sa.BigInteger()),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"],
            ["staff.id"],
            name=op.f("fk_staff_invitation_staff_id_staff"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["made_by"], ["staff.id"], name=op.f("fk_staff_invitation_made_by_staff")
        ),
        sa.PrimaryKeyConstraint("staff_id", name=op.f("pk_staff_invitation")),
        sa.UniqueConstraint("digest", name=op.f("uq_staff_invitation_digest")),
    )


def _make_channel_check() -> None:
    op.create_table(
        "channel_check",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("done_at", MOMENT),
        sa.Column("findings", sa.JSON()),
        sa.CheckConstraint(
            "(findings IS NULL) = (done_at IS NULL)",
            name=op.f("ck_channel_check_done_with_findings"),
        ),
        sa.ForeignKeyConstraint(
            ["asked_by"], ["staff.id"], name=op.f("fk_channel_check_asked_by_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_check")),
    )


def _make_setup_choice() -> None:
    op.create_table(
        "setup_choice",
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("told", postgresql.JSONB(), nullable=False),
        sa.Column("set_by", sa.BigInteger(), nullable=False),
        sa.Column("set_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "step IN ('goal', 'value', 'tiers', 'platform', 'promote', 'improve')",
            name=op.f("ck_setup_choice_step_known"),
        ),
        sa.ForeignKeyConstraint(
            ["set_by"], ["staff.id"], name=op.f("fk_setup_choice_set_by_staff")
        ),
        sa.PrimaryKeyConstraint("step", name=op.f("pk_setup_choice")),
    )


def _make_transfer() -> None:
    op.create_table(
        "transfer",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("head", sa.JSON()),
        sa.Column("options", postgresql.JSONB(), nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("step", sa.Text()),
        sa.Column("wanted_at", MOMENT),
        sa.Column("begun_at", MOMENT),
        sa.Column("phase", sa.Text(), server_default="", nullable=False),
        sa.Column("rows", sa.Integer(), **COUNT),
        sa.Column("progress", sa.Integer(), **COUNT),
        sa.Column("checked", sa.JSON()),
        sa.Column("written", sa.JSON()),
        sa.Column("undone", sa.JSON()),
        sa.Column("failed", sa.JSON()),
        sa.Column("batch_id", sa.BigInteger()),
        sa.Column("finished_at", MOMENT),
        sa.Column("file_gone_at", MOMENT),
        sa.CheckConstraint(
            "kind IN ('members', 'purchases', 'everything', 'readable')",
            name=op.f("ck_transfer_kind_known"),
        ),
        sa.CheckConstraint(
            "step IN ('check', 'write', 'undo', 'export')", name=op.f("ck_transfer_step_known")
        ),
        sa.CheckConstraint(
            "(step IS NULL) = (wanted_at IS NULL)", name=op.f("ck_transfer_wanted_when")
        ),
        sa.CheckConstraint(
            "progress BETWEEN 0 AND 100", name=op.f("ck_transfer_progress_a_percentage")
        ),
        sa.ForeignKeyConstraint(["made_by"], ["staff.id"], name=op.f("fk_transfer_made_by_staff")),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_transfer_batch_id_import_batch")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer")),
    )
    op.create_index(
        "ix_transfer_wanted",
        "transfer",
        ["wanted_at"],
        postgresql_where=sa.text("wanted_at IS NOT NULL"),
    )


def downgrade() -> None:
    """Drop them."""
    for name in (
        "transfer_part",
        "transfer",
        "setup_choice",
        "channel_check",
        "staff_invitation",
    ):
        op.drop_table(name)

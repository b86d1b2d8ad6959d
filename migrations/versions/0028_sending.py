"""Keep runs, batches and recipients of campaigns, and LINE's pace."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0028"
down_revision: str | None = "0027"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)
RUN_STATES = "planned freezing sending paused finished cancelled missed stopped"
ENDED = "finished cancelled missed stopped"
BATCH_STATES = "waiting accepted refused unknown skipped"
OWN_STATES = "skipped accepted refused unknown"


def upgrade() -> None:
    """Make the tables."""
    _make_run()
    _make_batch()
    _make_recipient()
    op.create_table(
        "line_pace",
        sa.Column("endpoint", sa.Text(), nullable=False),
        sa.Column("free_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("endpoint", name=op.f("pk_line_pace")),
    )


def _among(names: str) -> str:
    return "('" + "', '".join(names.split()) + "')"


def _make_run() -> None:
    op.create_table(
        "campaign_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("slot", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("unit_name", sa.Text(), nullable=False),
        sa.Column("send_at", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.Column("planned", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("frozen_at", MOMENT),
        sa.Column("started_at", MOMENT),
        sa.Column("finished_at", MOMENT),
        sa.Column("held_until", MOMENT),
        sa.Column("stop_reason", sa.Text()),
        sa.CheckConstraint(
            f"state IN {_among(RUN_STATES)}", name=op.f("ck_campaign_run_state_known")
        ),
        sa.CheckConstraint(
            f"finished_at IS NULL OR state IN {_among(ENDED)}",
            name=op.f("ck_campaign_run_ends_in_known_state"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('finished', 'missed') OR finished_at IS NOT NULL",
            name=op.f("ck_campaign_run_finished_when"),
        ),
        sa.CheckConstraint("until >= send_at", name=op.f("ck_campaign_run_until_after_send_at")),
        sa.CheckConstraint(
            "unit_name ~ '^[A-Za-z0-9_]{1,30}$'", name=op.f("ck_campaign_run_unit_fits")
        ),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_campaign_run_campaign_id_campaign")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_run")),
        sa.UniqueConstraint("campaign_id", "slot", name=op.f("uq_campaign_run_campaign_id_slot")),
    )
    op.create_index(
        "ix_campaign_run_open",
        "campaign_run",
        ["send_at"],
        postgresql_where=sa.text("finished_at IS NULL"),
    )


def _make_batch() -> None:
    op.create_table(
        "campaign_batch",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("variant", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("is_personal", sa.Boolean(), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("in_doubt", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("next_try_at", MOMENT, nullable=False),
        sa.Column("first_try_at", MOMENT),
        sa.Column("settled_at", MOMENT),
        sa.Column("status", sa.Integer()),
        sa.Column("request_id", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("facts", sa.JSON()),
        sa.CheckConstraint(
            f"state IN {_among(BATCH_STATES)}", name=op.f("ck_campaign_batch_state_known")
        ),
        sa.CheckConstraint(
            "(state = 'waiting') = (settled_at IS NULL)",
            name=op.f("ck_campaign_batch_settled_when"),
        ),
        sa.CheckConstraint("members >= 0", name=op.f("ck_campaign_batch_members_not_negative")),
        sa.CheckConstraint(
            "NOT in_doubt OR first_try_at IS NOT NULL",
            name=op.f("ck_campaign_batch_doubted_after_try"),
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["campaign_run.id"], name=op.f("fk_campaign_batch_run_id_campaign_run")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign_batch")),
    )
    op.create_index(
        "ix_campaign_batch_due",
        "campaign_batch",
        ["run_id", "next_try_at", "number"],
        postgresql_where=sa.text("state = 'waiting'"),
    )


def _make_recipient() -> None:
    op.create_table(
        "campaign_recipient",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("variant", sa.Text()),
        sa.Column("batch_id", sa.Uuid()),
        sa.Column("state", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("request_id", sa.Text()),
        sa.Column("settled_at", MOMENT),
        sa.CheckConstraint(
            f"state IN {_among(OWN_STATES)}", name=op.f("ck_campaign_recipient_state_known")
        ),
        sa.CheckConstraint(
            "(state IS NULL) = (settled_at IS NULL)",
            name=op.f("ck_campaign_recipient_settled_when"),
        ),
        sa.CheckConstraint(
            "batch_id IS NOT NULL OR state IS NOT NULL",
            name=op.f("ck_campaign_recipient_has_outcome"),
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["campaign_batch.id"],
            name=op.f("fk_campaign_recipient_batch_id_campaign_batch"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_campaign_recipient_member_id_member")
        ),
        sa.PrimaryKeyConstraint("run_id", "member_id", name=op.f("pk_campaign_recipient")),
    )
    for column in ("member_id", "batch_id"):
        op.create_index(f"ix_campaign_recipient_{column}", "campaign_recipient", [column])


def downgrade() -> None:
    """Drop them."""
    for table in ("line_pace", "campaign_recipient", "campaign_batch", "campaign_run"):
        op.drop_table(table)

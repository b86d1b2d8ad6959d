"""Keep what the programme's pages keep: changes to what is offered, coupons handed out."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0041"
down_revision: str | None = "0040"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    _make_changes()
    _make_issues()


def _make_changes() -> None:
    op.create_table(
        "offering_change",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("before", JSONB()),
        sa.Column("after", JSONB(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Date()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("decided_by", sa.BigInteger()),
        sa.Column("decided_at", MOMENT),
        sa.Column("applied_at", MOMENT),
        sa.Column("problem", sa.Text()),
        sa.Column("key", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('asked', 'scheduled', 'applied', 'refused', 'failed')",
            name=op.f("ck_offering_change_state_known"),
        ),
        sa.CheckConstraint(
            "(state = 'asked') = (decided_at IS NULL)",
            name=op.f("ck_offering_change_decided_when"),
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL)",
            name=op.f("ck_offering_change_decided_by_somebody"),
        ),
        sa.CheckConstraint(
            "(state = 'applied') = (applied_at IS NOT NULL)",
            name=op.f("ck_offering_change_applied_when"),
        ),
        sa.CheckConstraint(
            "(state = 'failed') = (problem IS NOT NULL)",
            name=op.f("ck_offering_change_failed_why"),
        ),
        sa.CheckConstraint(
            "state <> 'scheduled' OR effective_on IS NOT NULL",
            name=op.f("ck_offering_change_scheduled_for"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offering_change")),
        sa.ForeignKeyConstraint(
            ["asked_by"], ["staff.id"], name=op.f("fk_offering_change_asked_by_staff")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["staff.id"], name=op.f("fk_offering_change_decided_by_staff")
        ),
        sa.UniqueConstraint("key", name=op.f("uq_offering_change_key")),
    )
    op.create_index("ix_offering_change_kind", "offering_change", ["kind", "code", "id"])
    op.create_index(
        "ix_offering_change_waiting",
        "offering_change",
        ["state", "effective_on"],
        postgresql_where=sa.text("state IN ('asked', 'scheduled')"),
    )


def _make_issues() -> None:
    op.create_table(
        "coupon_handout",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("template_id", sa.BigInteger(), nullable=False),
        sa.Column("rule", JSONB(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("given", sa.Integer(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("problem", sa.Text()),
        sa.Column("key", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('running', 'done', 'stopped', 'failed')",
            name=op.f("ck_coupon_handout_state_known"),
        ),
        sa.CheckConstraint(
            "(state = 'running') = (ended_at IS NULL)", name=op.f("ck_coupon_handout_ended_when")
        ),
        sa.CheckConstraint(
            "seen >= given AND given >= 0", name=op.f("ck_coupon_handout_given_of_those_seen")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupon_handout")),
        sa.ForeignKeyConstraint(
            ["template_id"],
            ["coupon_template.id"],
            name=op.f("fk_coupon_handout_template_id_coupon_template"),
        ),
        sa.ForeignKeyConstraint(
            ["asked_by"], ["staff.id"], name=op.f("fk_coupon_handout_asked_by_staff")
        ),
        sa.UniqueConstraint("key", name=op.f("uq_coupon_handout_key")),
    )
    op.create_index("ix_coupon_handout_template_id", "coupon_handout", ["template_id", "id"])
    op.create_index(
        "ix_coupon_handout_running",
        "coupon_handout",
        ["id"],
        postgresql_where=sa.text("state = 'running'"),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("coupon_handout")
    op.drop_table("offering_change")

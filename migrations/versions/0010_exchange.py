"""Journal what was imported."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the journal of imports, the aliases of members, and the rows that wait."""
    _make_batch()
    _make_effects()
    _make_alias()
    _make_rows()


def _make_batch() -> None:
    op.create_table(
        "import_batch",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("file_digest", sa.Text(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("run_token", sa.Text(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("begun_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT),
        sa.Column("undone_at", MOMENT),
        sa.CheckConstraint(
            "kind IN ('members', 'purchases')", name=op.f("ck_import_batch_kind_known")
        ),
        sa.CheckConstraint(
            "state IN ('running', 'done', 'undoing', 'undone')",
            name=op.f("ck_import_batch_state_known"),
        ),
        sa.CheckConstraint(
            "(state = 'undone') = (undone_at IS NOT NULL)",
            name=op.f("ck_import_batch_undone_when"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_batch")),
    )
    op.create_index(op.f("ix_import_batch_file_digest"), "import_batch", ["file_digest"])


def _make_effects() -> None:
    op.create_table(
        "import_effect",
        sa.Column("batch_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_no", sa.Integer()),
        sa.Column("is_new", sa.Boolean(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("before", sa.JSON()),
        sa.Column("after_tier_id", sa.BigInteger()),
        sa.Column("undone_at", MOMENT),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_import_effect_batch_id_import_batch")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_import_effect_member_id_member")
        ),
        sa.ForeignKeyConstraint(
            ["after_tier_id"], ["tier.id"], name=op.f("fk_import_effect_after_tier_id_tier")
        ),
        sa.PrimaryKeyConstraint("batch_id", "member_id", name=op.f("pk_import_effect")),
    )
    op.create_index(op.f("ix_import_effect_member_id"), "import_effect", ["member_id"])


def _make_alias() -> None:
    """A member's names in other systems go when the member's own name goes."""
    op.create_table(
        "member_alias",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_member_alias_member_id_member")
        ),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["import_batch.id"], name=op.f("fk_member_alias_batch_id_import_batch")
        ),
        sa.PrimaryKeyConstraint("source", "value", name=op.f("pk_member_alias")),
    )
    op.create_index(op.f("ix_member_alias_member_id"), "member_alias", ["member_id"])
    op.create_index(op.f("ix_member_alias_batch_id"), "member_alias", ["batch_id"])
    op.execute("""
        CREATE FUNCTION forget_aliases() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            DELETE FROM member_alias WHERE member_id = NEW.id;
            RETURN NULL;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER forget_aliases AFTER UPDATE OF erased_at ON member "
        "FOR EACH ROW WHEN (NEW.erased_at IS NOT NULL) EXECUTE FUNCTION forget_aliases()"
    )


def _make_rows() -> None:
    op.create_table(
        "import_row",
        sa.Column("batch_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("row_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("order_ref", sa.Text(), nullable=False),
        sa.Column("bought_at", MOMENT, nullable=False),
        sa.Column("bought_on", sa.Date(), nullable=False),
        sa.Column("amount_twd", sa.Integer(), nullable=False),
        sa.Column("refunded_twd", sa.Integer(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "row_no", name=op.f("pk_import_row")),
        prefixes=["UNLOGGED"],
    )
    for column in ("member_id", "order_ref"):
        op.create_index(
            op.f(f"ix_import_row_batch_id_import_row_{column}"), "import_row", ["batch_id", column]
        )


def downgrade() -> None:
    """Forget what was imported and how; what came of it stays."""
    op.execute("DROP TRIGGER forget_aliases ON member")
    op.execute("DROP FUNCTION forget_aliases()")
    for table in ("import_row", "member_alias", "import_effect", "import_batch"):
        op.drop_table(table)

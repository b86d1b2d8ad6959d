"""Keep what finds members, and notes about them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0036"
down_revision: str | None = "0035"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)
FOLDED = """
    CREATE FUNCTION name_folded(name text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN replace(lower(normalize(name, NFKC)), ' ', '')
"""
GRAMS = """
    CREATE FUNCTION name_grams(name text) RETURNS text[]
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $$
    DECLARE
        folded text := replace(lower(normalize(name, NFKC)), ' ', '');
        grams text[] := ARRAY['^' || substr(folded, 1, 1)];
    BEGIN
        FOR place IN 1 .. length(folded) LOOP
            grams := grams || substr(folded, place, 1) || substr(folded, place, 2);
        END LOOP;
        RETURN grams;
    END $$
"""
"""Each character of a name, each with its neighbour, and with which it begins (`^`): what GIN
looks any part of it up by."""


def upgrade() -> None:
    """Let names be found by any part, phones by their end; make the table of notes."""
    op.execute(FOLDED)
    op.execute(GRAMS)
    op.create_index(
        "ix_member_name_grams",
        "member",
        [sa.text("name_grams(name)")],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
        postgresql_where=sa.text("name IS NOT NULL"),
    )
    op.create_index(
        "ix_member_phone_end",
        "member",
        [sa.text("reverse(phone)")],
        postgresql_where=sa.text("phone IS NOT NULL"),
    )
    op.create_table(
        "member_note",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.Column("removed_at", MOMENT),
        sa.Column("removed_by", sa.BigInteger()),
        sa.CheckConstraint(
            "(removed_at IS NULL) = (removed_by IS NULL)",
            name=op.f("ck_member_note_removed_by_whom"),
        ),
        sa.CheckConstraint(
            "(words = '') = (removed_at IS NOT NULL)", name=op.f("ck_member_note_removed_is_empty")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_member_note_member_id_member")
        ),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_member_note_staff_id_staff")
        ),
        sa.ForeignKeyConstraint(
            ["removed_by"], ["staff.id"], name=op.f("fk_member_note_removed_by_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_note")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_member_note_idempotency_key")),
    )
    op.create_index(
        op.f("ix_member_note_member_id_member_note_id"), "member_note", ["member_id", "id"]
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("member_note")
    op.drop_index("ix_member_phone_end", "member")
    op.drop_index("ix_member_name_grams", "member")
    op.execute("DROP FUNCTION name_grams(text)")
    op.execute("DROP FUNCTION name_folded(text)")

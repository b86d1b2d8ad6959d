"""Keep segments with their versions."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _check(table: str, name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def upgrade() -> None:
    """Make the tables; a version refuses changes."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "segment",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", postgresql.JSONB(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("archived_at", moment),
        _check("segment", "code_slug", "code ~ '^[a-z0-9][a-z0-9_-]{0,59}$'"),
        _check("segment", "named_in_chinese", "name ? 'zh-TW'"),
        _check("segment", "version_positive", "version > 0"),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_segment")),
    )
    op.create_table(
        "segment_version",
        sa.Column("segment_code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("rule", postgresql.JSONB(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        _check("segment_version", "version_positive", "version > 0"),
        sa.ForeignKeyConstraint(
            ["segment_code"], ["segment.code"], name=op.f("fk_segment_version_segment_code_segment")
        ),
        sa.PrimaryKeyConstraint("segment_code", "version", name=op.f("pk_segment_version")),
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON segment_version "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.create_table(
        "segment_size",
        sa.Column("segment_code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("reachable", sa.Integer(), nullable=False),
        sa.Column("is_estimate", sa.Boolean(), nullable=False),
        sa.Column("low", sa.Integer(), nullable=False),
        sa.Column("high", sa.Integer(), nullable=False),
        sa.Column("as_of", moment, nullable=False),
        _check("segment_size", "within_interval", "low <= members AND members <= high"),
        _check("segment_size", "reachable_within", "reachable >= 0 AND reachable <= members"),
        sa.ForeignKeyConstraint(
            ["segment_code"], ["segment.code"], name=op.f("fk_segment_size_segment_code_segment")
        ),
        sa.PrimaryKeyConstraint("segment_code", name=op.f("pk_segment_size")),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("segment_size", "segment_version", "segment"):
        op.drop_table(table)

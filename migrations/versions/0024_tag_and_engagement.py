"""Keep tags, engagement, suppression and KPIs; number what is looked at in the order it came."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)
TABLES = (
    "kpi_value",
    "kpi",
    "suppression_setting",
    "engagement_mark",
    "marketing_sent",
    "engagement",
    "tag_event",
    "member_tag",
    "tag_trigger",
    "tag",
)
APPEND_ONLY = ("tag_event", "suppression_setting")


def upgrade() -> None:
    """Make the tables, empty."""
    op.add_column(
        "browse_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
    )
    op.create_unique_constraint(op.f("uq_browse_event_id"), "browse_event", ["id"])
    _create_tags()
    _create_members_tags()
    _create_engagement()
    _create_kpis()
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    """Drop them."""
    for table in TABLES:
        op.drop_table(table)
    op.drop_constraint(op.f("uq_browse_event_id"), "browse_event", type_="unique")
    op.drop_column("browse_event", "id")


def _create_tags() -> None:
    op.create_table(
        "tag",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", postgresql.JSONB(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("description", postgresql.JSONB(), nullable=False),
        sa.Column("segment_code", sa.Text()),
        sa.Column("applied_at", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("archived_at", MOMENT),
        sa.CheckConstraint("code <> ''", name=op.f("ck_tag_has_a_code")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_tag")),
        sa.UniqueConstraint("name_key", name=op.f("uq_tag_name_key")),
    )
    op.create_table(
        "tag_trigger",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("tag_code", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text()),
        sa.Column("category", sa.Text()),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column(
            "ends_with_purchase", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.CheckConstraint(
            "event IN ('view', 'cart', 'checkout', 'search', 'purchase')",
            name=op.f("ck_tag_trigger_event_known"),
        ),
        sa.CheckConstraint("days BETWEEN 1 AND 365", name=op.f("ck_tag_trigger_days_in_range")),
        sa.CheckConstraint(
            "sku IS NULL OR category IS NULL", name=op.f("ck_tag_trigger_of_one_thing")
        ),
        sa.CheckConstraint(
            "event <> 'purchase' OR NOT ends_with_purchase",
            name=op.f("ck_tag_trigger_purchase_ends_nothing"),
        ),
        sa.ForeignKeyConstraint(
            ["tag_code"], ["tag.code"], name=op.f("fk_tag_trigger_tag_code_tag")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag_trigger")),
    )
    op.create_index("ix_tag_trigger_tag_code", "tag_trigger", ["tag_code"])


def _create_members_tags() -> None:
    op.create_table(
        "member_tag",
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("tag_code", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("added_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.Column("staff_id", sa.BigInteger()),
        *_keys("member_tag"),
        sa.PrimaryKeyConstraint("member_id", "tag_code", "source", name=op.f("pk_member_tag")),
    )
    op.create_index(
        op.f("ix_member_tag_tag_code_member_tag_member_id"),
        "member_tag",
        ["tag_code", "member_id"],
    )
    op.create_index(
        "ix_member_tag_expires_at",
        "member_tag",
        ["expires_at"],
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_table(
        "tag_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("tag_code", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.Column("staff_id", sa.BigInteger()),
        sa.Column("at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "what IN ('added', 'extended', 'removed')", name=op.f("ck_tag_event_what_known")
        ),
        sa.CheckConstraint(
            "why IN ('asked', 'event', 'rule', 'left_segment', 'unbound', 'bought', 'expired',"
            " 'archived', 'erased', 'merged', 'unmerged')",
            name=op.f("ck_tag_event_why_known"),
        ),
        *_keys("tag_event"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag_event")),
    )
    op.create_index(op.f("ix_tag_event_member_id_tag_event_id"), "tag_event", ["member_id", "id"])


def _keys(table: str) -> list[sa.ForeignKeyConstraint]:
    """Return the foreign keys of a table that says of a member's tag who gave it."""
    return [
        sa.ForeignKeyConstraint(
            [column], [f"{other}.{key}"], name=op.f(f"fk_{table}_{column}_{other}")
        )
        for column, other, key in (
            ("member_id", "member", "id"),
            ("tag_code", "tag", "code"),
            ("staff_id", "staff", "id"),
        )
    ]


def _create_engagement() -> None:
    op.create_table(
        "engagement",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tapped_at", MOMENT),
        sa.Column("clicked_at", MOMENT),
        sa.Column("bought_at", MOMENT),
        sa.Column("sent_at", MOMENT),
        sa.Column("unanswered", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("unanswered >= 0", name=op.f("ck_engagement_unanswered_not_negative")),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_engagement_member_id_member")
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_engagement")),
    )
    op.create_table(
        "marketing_sent",
        sa.Column("owed_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sent_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_marketing_sent_member_id_member")
        ),
        sa.PrimaryKeyConstraint("owed_id", name=op.f("pk_marketing_sent")),
    )
    op.create_index(
        op.f("ix_marketing_sent_member_id_marketing_sent_sent_at"),
        "marketing_sent",
        ["member_id", "sent_at"],
    )
    op.create_index(op.f("ix_marketing_sent_sent_at"), "marketing_sent", ["sent_at"])
    op.create_table(
        "engagement_mark",
        sa.Column("fact", sa.Text(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_at", MOMENT, server_default=sa.text("'epoch'"), nullable=False),
        sa.PrimaryKeyConstraint("fact", name=op.f("pk_engagement_mark")),
    )
    op.create_table(
        "suppression_setting",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("unanswered", sa.Integer()),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "unanswered BETWEEN 1 AND 100",
            name=op.f("ck_suppression_setting_unanswered_in_range"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression_setting")),
    )


def _create_kpis() -> None:
    op.create_table(
        "kpi",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", postgresql.JSONB(), nullable=False),
        sa.Column("query", postgresql.JSONB(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kpi")),
        sa.UniqueConstraint("code", "version", name=op.f("uq_kpi_code_version")),
    )
    op.create_table(
        "kpi_value",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("measured_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("code", "day", name=op.f("pk_kpi_value")),
    )

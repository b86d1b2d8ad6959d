"""Keep tracked links, clicks and channels."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0033"
down_revision: str | None = "0032"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)
CHANNELS = "('line', 'email')"


def upgrade() -> None:
    """Make the tables; addresses that imports brought move in, to be confirmed by their owners."""
    _make_channel()
    _make_link()
    op.execute(
        """
        INSERT INTO member_channel (member_id, email, email_state, email_source, email_at)
        SELECT DISTINCT ON (alias.member_id) alias.member_id, alias.value, 'unconfirmed', 'import',
            batch.begun_at
        FROM member_alias AS alias
        JOIN import_batch AS batch ON batch.id = alias.batch_id
        JOIN member ON member.id = alias.member_id
        WHERE alias.source = 'email' AND member.erased_at IS NULL AND member.merged_into_id IS NULL
        ORDER BY alias.member_id, alias.batch_id DESC
        """
    )


def _make_channel() -> None:
    op.create_table(
        "member_channel",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("email_state", sa.Text()),
        sa.Column("email_source", sa.Text()),
        sa.Column("email_at", MOMENT),
        sa.Column("line_recent", sa.Text(), server_default="", nullable=False),
        sa.Column("email_recent", sa.Text(), server_default="", nullable=False),
        sa.Column("learned_through", MOMENT),
        sa.Column("learned", sa.Text()),
        sa.Column("learned_at", MOMENT),
        sa.Column("chosen", sa.Text()),
        sa.Column("chosen_by", sa.Text()),
        sa.Column("chosen_at", MOMENT),
        sa.CheckConstraint(
            "email_state IN ('unconfirmed', 'confirmed', 'stopped', 'unusable')",
            name=op.f("ck_member_channel_email_state_known"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(email, email_state, email_source, email_at) IN (0, 4)",
            name=op.f("ck_member_channel_email_whole"),
        ),
        sa.CheckConstraint(
            "email = lower(email)", name=op.f("ck_member_channel_email_in_small_letters")
        ),
        sa.CheckConstraint(
            f"learned IN {CHANNELS} AND chosen IN {CHANNELS}",
            name=op.f("ck_member_channel_channels_known"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(chosen, chosen_by, chosen_at) IN (0, 3)",
            name=op.f("ck_member_channel_chosen_whole"),
        ),
        sa.CheckConstraint(
            "line_recent ~ '^[01]{0,5}$' AND email_recent ~ '^[01]{0,5}$'",
            name=op.f("ck_member_channel_recent_of_five"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_member_channel_member_id_member")
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_member_channel")),
    )
    op.create_index(op.f("ix_member_channel_email"), "member_channel", ["email"])


def _make_link() -> None:
    op.create_table(
        "tracked_link",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "url LIKE 'https://%' OR url LIKE 'tap:%'", name=op.f("ck_tracked_link_leads_safely")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tracked_link")),
        sa.UniqueConstraint("source", "url", name=op.f("uq_tracked_link_source_url")),
    )
    op.create_table(
        "link_click",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("link_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger()),
        sa.Column("visitor", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["link_id"], ["tracked_link.id"], name=op.f("fk_link_click_link_id_tracked_link")
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_link_click_member_id_member")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_click")),
        sa.UniqueConstraint("link_id", "visitor", name=op.f("uq_link_click_link_id_visitor")),
    )
    op.create_index(
        op.f("ix_link_click_member_id_link_click_at"),
        "link_click",
        ["member_id", "at"],
        postgresql_where="member_id IS NOT NULL",
    )
    op.create_index(op.f("ix_link_click_at"), "link_click", ["at"], postgresql_using="brin")


def downgrade() -> None:
    """Drop them."""
    for table in ("link_click", "tracked_link", "member_channel"):
        op.drop_table(table)

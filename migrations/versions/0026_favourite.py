"""Keep what each member usually buys."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables; the first night works everybody's out."""
    op.create_table(
        "member_favourite",
        sa.Column("member_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sku", sa.Text()),
        sa.Column("item_name", sa.Text(), nullable=False),
        sa.Column("orders", sa.Integer(), nullable=False),
        sa.Column("category", sa.Text()),
        sa.Column("category_orders", sa.Integer(), nullable=False),
        sa.Column("stale_on", sa.Date(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_member_favourite_member_id_member")
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_member_favourite")),
    )
    for column in ("category", "stale_on"):
        op.create_index(op.f(f"ix_member_favourite_{column}"), "member_favourite", [column])
    op.create_table(
        "favourite_mark",
        sa.Column("fact", sa.Text(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("fact", name=op.f("pk_favourite_mark")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("favourite_mark")
    op.drop_table("member_favourite")

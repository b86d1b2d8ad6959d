"""Leave room in pages whose rows change with every sale, and drop indexes on what changes."""

from collections.abc import Sequence

from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

FILL = {"member": 75, "stamp_card": 80, "outbox": 80}
"""Percent of a page that inserts may fill: a row changed within its page spares all indexes."""


def upgrade() -> None:
    """Set the fill factors, and drop what would make each day's first sale touch every index.

    The night looks at all members in the order of their ids anyway: one pass, not an index a sale.
    """
    for table, percent in FILL.items():
        op.execute(f"ALTER TABLE {table} SET (fillfactor = {percent})")
    op.drop_index("ix_member_spend_on", table_name="member")
    op.drop_index("ix_member_last_purchase_on", table_name="member")
    op.drop_index("ix_outbox_settled_at", table_name="outbox")
    op.create_index(
        "ix_outbox_settled_at",
        "outbox",
        ["settled_at"],
        postgresql_where="settled_at IS NOT NULL",
    )


def downgrade() -> None:
    """Take all of it back."""
    op.drop_index("ix_outbox_settled_at", table_name="outbox")
    op.create_index("ix_outbox_settled_at", "outbox", ["settled_at"])
    op.create_index("ix_member_last_purchase_on", "member", ["last_purchase_on"])
    op.create_index("ix_member_spend_on", "member", ["spend_on"])
    for table in FILL:
        op.execute(f"ALTER TABLE {table} RESET (fillfactor)")

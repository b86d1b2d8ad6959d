"""Leave room in pages whose rows change with every sale, and drop an index nobody asks."""

from collections.abc import Sequence

from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

FILL = {"member": 75, "stamp_card": 80, "outbox": 80}
"""Percent of a page that inserts may fill: a row changed within its page spares all indexes."""


def upgrade() -> None:
    """Set the fill factors; the night no longer looks members up by the day of their figures."""
    for table, percent in FILL.items():
        op.execute(f"ALTER TABLE {table} SET (fillfactor = {percent})")
    op.drop_index("ix_member_spend_on", table_name="member")


def downgrade() -> None:
    """Take both back."""
    op.create_index("ix_member_spend_on", "member", ["spend_on"])
    for table in FILL:
        op.execute(f"ALTER TABLE {table} RESET (fillfactor)")

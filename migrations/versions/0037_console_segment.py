"""Keep where the four models overlap, and how many buyers have each three scores of RFM."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0037"
down_revision: str | None = "0036"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("class_overlap", "rfm_cell")


def upgrade() -> None:
    """Make the tables; the next night fills them."""
    _make("class_overlap", sa.Text(), ("nasld", "napl_article", "napl_91app", "rfm"))
    _make("rfm_cell", sa.SmallInteger(), ("r_score", "f_score", "m_score"))


def _make(
    table: str, kind: sa.types.TypeEngine[str] | sa.types.TypeEngine[int], key: Sequence[str]
) -> None:
    op.create_table(
        table,
        *(sa.Column(name, kind, autoincrement=False, nullable=False) for name in key),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("net_twd", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
    )


def downgrade() -> None:
    """Drop them."""
    for table in TABLES:
        op.drop_table(table)

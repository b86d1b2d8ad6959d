"""Widen API keys, and keep the answers of calls for their repetition."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Give keys a store, a shown prefix, an end and an older secret; make the kept answers."""
    _widen_keys()
    op.create_table(
        "api_call",
        sa.Column("key_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("idempotency_key", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("location", sa.Text),
        sa.Column("kept_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "length(idempotency_key) BETWEEN 1 AND 255", name=op.f("ck_api_call_key_length")
        ),
        sa.CheckConstraint("status BETWEEN 200 AND 299", name=op.f("ck_api_call_only_done")),
    )
    op.create_index("ix_api_call_kept_at", "api_call", ["kept_at"], postgresql_using="brin")


def downgrade() -> None:
    """Take it back; scopes that the older code does not know are left on the keys."""
    op.drop_table("api_call")
    op.drop_constraint(op.f("ck_api_key_old_secret_ends"), "api_key")
    for column in ("store_id", "prefix", "is_sandbox", "expires_at", "old_digest", "old_until"):
        op.drop_column("api_key", column)


def _widen_keys() -> None:
    op.add_column("api_key", sa.Column("store_id", sa.BigInteger))
    op.add_column("api_key", sa.Column("prefix", sa.Text, server_default="rk_", nullable=False))
    op.add_column(
        "api_key", sa.Column("is_sandbox", sa.Boolean, server_default=sa.false(), nullable=False)
    )
    for column in ("expires_at", "old_until"):
        op.add_column("api_key", sa.Column(column, MOMENT))
    op.add_column("api_key", sa.Column("old_digest", sa.Text))
    # A key of before belonged to the whole shop; it was good for reading only.
    op.execute("UPDATE api_key SET store_id = (SELECT min(id) FROM store)")
    op.execute("DELETE FROM api_key WHERE store_id IS NULL")
    op.alter_column("api_key", "store_id", nullable=False)
    op.alter_column("api_key", "prefix", server_default=None)
    op.create_foreign_key(
        op.f("fk_api_key_store_id_store"), "api_key", "store", ["store_id"], ["id"]
    )
    op.create_unique_constraint(op.f("uq_api_key_old_digest"), "api_key", ["old_digest"])
    op.create_check_constraint(
        op.f("ck_api_key_old_secret_ends"), "api_key", "(old_digest IS NULL) = (old_until IS NULL)"
    )

"""Carry sales, refunds and redemptions into the audit."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

FACTS = (
    "purchase",
    "refund",
    "redemption",
    "coupon_event",
    "stamp_entry",
    "points_entry",
    "plan_payment",
    "shift",
    "subscription_event",
)
NEW_INDEXES = (
    ("ix_audit_entry_at", "audit_entry", ["at", "id"]),
    ("ix_audit_entry_subject", "audit_entry", ["subject", "at", "id"]),
    ("ix_audit_entry_staff_id", "audit_entry", ["staff_id", "at", "id"]),
    ("ix_audit_entry_store_id", "audit_entry", ["store_id", "at", "id"]),
    ("ix_refund_staff_id", "refund", ["staff_id", "refunded_at"]),
    ("ix_refund_store_id", "refund", ["store_id", "refunded_on"]),
    ("ix_redemption_staff_id", "redemption", ["staff_id", "redeemed_at"]),
    ("ix_redemption_store_id", "redemption", ["store_id", "redeemed_at"]),
    ("ix_approval_asked_by", "approval", ["asked_by", "asked_at"]),
    ("ix_member_joined_at", "member", ["joined_at"]),
)
"""By moment, for what a person, a store or a day did; entries carried later stand in between."""
OLD_INDEXES = (
    ("ix_audit_entry_subject", "audit_entry", ["subject", "id"]),
    ("ix_audit_entry_staff_id", "audit_entry", ["staff_id", "id"]),
)


def upgrade() -> None:
    """Note of each entry what it was carried from, and begin with what is done from now on."""
    for name, table, _ in OLD_INDEXES:
        op.drop_index(name, table_name=table)
    for name, table, columns in NEW_INDEXES:
        op.create_index(name, table, columns)
    op.add_column("audit_entry", sa.Column("fact", sa.Text()))
    op.create_unique_constraint(op.f("uq_audit_entry_fact"), "audit_entry", ["fact"])
    op.create_table(
        "audit_mark",
        sa.Column("fact", sa.Text(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("fact", name=op.f("pk_audit_mark")),
    )
    for fact in FACTS:  # What was there before stays where it is; an empty shop needs no mark.
        newest = f"SELECT '{fact}', max(id) FROM {fact} HAVING max(id) > 0"  # noqa: S608  # Our words.
        op.execute(f"INSERT INTO audit_mark (fact, last_id) {newest}")
    op.execute(
        "INSERT INTO audit_entry (at, actor, what, subject, after) "
        "SELECT now(), 'system', 'audit.begin', 'audit:sales', jsonb_object_agg(fact, last_id) "
        "FROM audit_mark HAVING count(*) > 0"
    )
    op.execute(
        "SET CONSTRAINTS ALL IMMEDIATE"
    )  # Sealed now: a table with a seal to come is locked.


def downgrade() -> None:
    """Take it back; what was carried stays in the chain."""
    op.drop_table("audit_mark")
    op.drop_constraint(op.f("uq_audit_entry_fact"), "audit_entry", type_="unique")
    op.drop_column("audit_entry", "fact")
    for name, table, _ in NEW_INDEXES:
        op.drop_index(name, table_name=table)
    for name, table, columns in OLD_INDEXES:
        op.create_index(name, table, columns)

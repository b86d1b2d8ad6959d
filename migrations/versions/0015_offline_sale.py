"""Keep what a device recorded without a network."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_FOREIGN_KEYS = (
    ("device_id", "device"),
    ("staff_id", "staff"),
    ("store_id", "store"),
    ("member_id", "member"),
    ("purchase_id", "purchase"),
    ("settled_by", "staff"),
)


def upgrade() -> None:
    """Make the table of received items, and the shop's limits of redeeming without a network."""
    op.create_table(
        "offline_sale",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("code_digest", sa.Text(), nullable=True),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("skew_ms", sa.Integer(), nullable=True),
        sa.Column("sold_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("amount_twd", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("points_twd", sa.Integer(), nullable=False),
        sa.Column("coupon_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("coupon_twd", sa.Integer(), nullable=False),
        sa.Column("lines", postgresql.JSONB(none_as_null=True), nullable=True),
        sa.Column("purchase_id", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("loss_twd", sa.Integer(), nullable=False),
        sa.Column("settlement", sa.Text(), nullable=True),
        sa.Column("settled_reason", sa.Text(), nullable=True),
        sa.Column("settled_by", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount_twd > 0", name=op.f("ck_offline_sale_amount_positive")),
        sa.CheckConstraint(
            "points >= 0 AND points_twd >= 0 AND coupon_twd >= 0 AND loss_twd >= 0",
            name=op.f("ck_offline_sale_never_below_zero"),
        ),
        sa.CheckConstraint(
            "purchase_id IS NOT NULL OR problem IS NOT NULL",
            name=op.f("ck_offline_sale_recorded_or_why_not"),
        ),
        sa.CheckConstraint(
            "loss_twd = 0 OR problem IS NOT NULL", name=op.f("ck_offline_sale_loss_is_a_problem")
        ),
        sa.CheckConstraint(
            "settlement IN ('recorded', 'accepted', 'dismissed')",
            name=op.f("ck_offline_sale_settlement_known"),
        ),
        sa.CheckConstraint(
            "(settlement IS NULL) = (settled_at IS NULL)"
            " AND (settlement IS NULL) = (settled_by IS NULL)"
            " AND (settlement IS NULL OR problem IS NOT NULL)",
            name=op.f("ck_offline_sale_settled_when"),
        ),
        sa.CheckConstraint("settled_by <> staff_id", name=op.f("ck_offline_sale_second_person")),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=op.f(f"fk_offline_sale_{column}_{table}")
            )
            for column, table in _FOREIGN_KEYS
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offline_sale")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_offline_sale_idempotency_key")),
    )
    op.create_index(
        "ix_offline_sale_open",
        "offline_sale",
        ["id"],
        postgresql_where=sa.text("problem IS NOT NULL AND settled_at IS NULL"),
    )
    op.create_index("ix_offline_sale_member_id", "offline_sale", ["member_id"])
    op.create_index("ix_offline_sale_device_id", "offline_sale", ["device_id"])
    for name, usual in (("offline_redeem_twd", "100"), ("offline_redeem_count", "5")):
        op.add_column(
            "shop", sa.Column(name, sa.Integer(), nullable=False, server_default=sa.text(usual))
        )
    op.create_check_constraint(
        op.f("ck_shop_offline_redeem_not_negative"),
        "shop",
        "offline_redeem_twd >= 0 AND offline_redeem_count >= 0",
    )


def downgrade() -> None:
    """Take it back."""
    op.drop_constraint(op.f("ck_shop_offline_redeem_not_negative"), "shop", type_="check")
    op.drop_column("shop", "offline_redeem_count")
    op.drop_column("shop", "offline_redeem_twd")
    op.drop_table("offline_sale")

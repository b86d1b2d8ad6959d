"""Keep catalogue items, what people looked at, and what a web shop tells of its orders."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the three tables."""
    _make_catalogue()
    _make_browse_event()
    _make_web_order()


def _make_catalogue() -> None:
    op.create_table(
        "catalogue_item",
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("barcode", sa.Text()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("category", sa.Text()),
        sa.Column("price_twd", sa.Integer()),
        sa.Column("cost_twd", sa.Integer()),
        sa.Column("is_available", sa.Boolean(), nullable=False),
        sa.Column("link", sa.Text()),
        sa.Column("image_url", sa.Text()),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("archived_at", MOMENT),
        sa.CheckConstraint(
            "price_twd >= 0 AND cost_twd >= 0", name=op.f("ck_catalogue_item_amounts_not_negative")
        ),
        sa.CheckConstraint("sku <> '' AND name <> ''", name=op.f("ck_catalogue_item_named")),
        sa.PrimaryKeyConstraint("sku", name=op.f("pk_catalogue_item")),
        sa.UniqueConstraint("barcode", name=op.f("uq_catalogue_item_barcode")),
    )


def _make_browse_event() -> None:
    op.create_table(
        "browse_event",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sku", sa.Text()),
        sa.Column("category", sa.Text()),
        sa.Column("path", sa.Text()),
        sa.Column("occurred_at", MOMENT, nullable=False),
        sa.CheckConstraint(
            "kind IN ('view', 'cart', 'checkout', 'search')",
            name=op.f("ck_browse_event_kind_known"),
        ),
        sa.ForeignKeyConstraint(
            ["member_id"], ["member.id"], name=op.f("fk_browse_event_member_id_member")
        ),
        sa.PrimaryKeyConstraint("source", "event_id", name=op.f("pk_browse_event")),
    )
    op.create_index(
        "ix_browse_event_member_id_browse_event_occurred_at",
        "browse_event",
        ["member_id", "occurred_at"],
    )
    op.create_index(
        "ix_browse_event_occurred_at", "browse_event", ["occurred_at"], postgresql_using="brin"
    )


def _make_web_order() -> None:
    op.create_table(
        "web_order",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_ref", sa.Text(), nullable=False),
        sa.Column("purchase_id", sa.BigInteger()),
        sa.Column("shipping_twd", sa.Integer(), nullable=False),
        sa.Column("is_shipped_free", sa.Boolean(), nullable=False),
        sa.Column("cancelled_at", MOMENT),
        sa.CheckConstraint("shipping_twd >= 0", name=op.f("ck_web_order_shipping_not_negative")),
        sa.CheckConstraint(
            "purchase_id IS NOT NULL OR cancelled_at IS NOT NULL",
            name=op.f("ck_web_order_counted_or_cancelled"),
        ),
        sa.ForeignKeyConstraint(
            ["purchase_id"], ["purchase.id"], name=op.f("fk_web_order_purchase_id_purchase")
        ),
        sa.PrimaryKeyConstraint("source", "source_ref", name=op.f("pk_web_order")),
    )
    op.create_index("ix_web_order_purchase_id", "web_order", ["purchase_id"])


def downgrade() -> None:
    """Take them back."""
    for table in ("web_order", "browse_event", "catalogue_item"):
        op.drop_table(table)

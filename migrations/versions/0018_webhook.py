"""Keep webhook endpoints and their deliveries."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

SOURCES = ("member", "points_entry", "tier_change", "coupon_event")


def upgrade() -> None:
    """Make the tables; what happened before is told to nobody."""
    _make_endpoints()
    _make_events()
    _make_deliveries()
    op.create_table(
        "webhook_cursor",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("settled_id", sa.BigInteger(), nullable=False),
        sa.Column("awaited_id", sa.BigInteger()),
        sa.Column("awaited", postgresql.ARRAY(sa.Text())),
        sa.CheckConstraint(
            "(awaited_id IS NULL) = (awaited IS NULL)",
            name=op.f("ck_webhook_cursor_awaits_somebody"),
        ),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_webhook_cursor")),
    )
    for source in SOURCES:
        op.execute(
            "INSERT INTO webhook_cursor (source, settled_id) "  # noqa: S608  # Our own words.
            f"SELECT '{source}', coalesce(max(id), 0) FROM {source}"
        )


def _moment(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _checks(table: str, **conditions: str) -> list[sa.CheckConstraint]:
    return [
        sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))
        for name, condition in conditions.items()
    ]


def _make_endpoints() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("events", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), server_default="active", nullable=False),
        sa.Column("salt", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), server_default=sa.text("1"), nullable=False),
        _moment("rotated_at"),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        _moment("failing_since"),
        _moment("paused_until"),
        _moment("delivered_at"),
        _moment("disabled_at"),
        sa.Column("disabled_because", sa.Text()),
        _moment("created_at", nullable=False),
        sa.Column("created_by", sa.BigInteger()),
        *_checks(
            "webhook_endpoint",
            state_known="state IN ('active', 'disabled')",
            disabled_when="(state = 'disabled') = (disabled_at IS NOT NULL) AND (state = 'disabled') = (disabled_because IS NOT NULL)",
            disabled_because_known="disabled_because IN ('by_hand', 'gone', 'failing')",
            wants_something="cardinality(events) > 0",
            counts_up="generation > 0 AND failures >= 0",
            failing_since_when="(failures > 0) = (failing_since IS NOT NULL)",
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["staff.id"], name=op.f("fk_webhook_endpoint_created_by_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoint")),
    )


def _make_events() -> None:
    op.create_table(
        "webhook_event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("fact", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        _moment("occurred_at", nullable=False),
        _moment("created_at", nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_event")),
        sa.UniqueConstraint("seq", name=op.f("uq_webhook_event_seq")),
        sa.UniqueConstraint("fact", name=op.f("uq_webhook_event_fact")),
    )
    op.create_index(op.f("ix_webhook_event_created_at"), "webhook_event", ["created_at"])


def _make_deliveries() -> None:
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("endpoint_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.BigInteger()),
        sa.Column("state", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        _moment("created_at", nullable=False),
        _moment("next_try_at", nullable=False),
        _moment("give_up_at", nullable=False),
        _moment("claimed_at"),
        _moment("settled_at"),
        sa.Column("status", sa.Integer()),
        sa.Column("reason", sa.Text()),
        sa.Column("milliseconds", sa.Integer()),
        *_checks(
            "webhook_delivery",
            state_known="state IN ('waiting', 'delivered', 'failed')",
            settled_when="(state = 'waiting') = (settled_at IS NULL)",
            only_waiting_is_claimed="claimed_at IS NULL OR state = 'waiting'",
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoint.id"],
            name=op.f("fk_webhook_delivery_endpoint_id_webhook_endpoint"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["event_id"],
            ["webhook_event.id"],
            name=op.f("fk_webhook_delivery_event_id_webhook_event"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
        sa.UniqueConstraint(
            "endpoint_id", "event_id", name=op.f("uq_webhook_delivery_endpoint_id_event_id")
        ),
    )
    for name, columns in (
        ("ix_webhook_delivery_due", ["endpoint_id", "next_try_at", "id"]),
        ("ix_webhook_delivery_in_order", ["endpoint_id", "member_id", "id"]),
    ):
        op.create_index(
            name, "webhook_delivery", columns, postgresql_where=sa.text("state = 'waiting'")
        )
    op.create_index(
        op.f("ix_webhook_delivery_endpoint_id_webhook_delivery_id"),
        "webhook_delivery",
        ["endpoint_id", "id"],
    )
    op.create_index(op.f("ix_webhook_delivery_event_id"), "webhook_delivery", ["event_id"])
    op.create_index(
        "ix_webhook_delivery_settled_at",
        "webhook_delivery",
        ["settled_at"],
        postgresql_where=sa.text("settled_at IS NOT NULL"),
    )


def downgrade() -> None:
    """Take the tables away."""
    for table in ("webhook_cursor", "webhook_delivery", "webhook_event", "webhook_endpoint"):
        op.drop_table(table)

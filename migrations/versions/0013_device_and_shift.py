"""Enrol devices, give staff their PIN and shifts, and limit what a clerk may give."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

MOMENT = sa.DateTime(timezone=True)
OLD_KINDS = ("purchase", "redemption", "points", "adjustment")
NEW_KIND = "coupon_twd"
NEW_RULES = ("staff_points_sale", "staff_points_day", "staff_coupon_sale")


def upgrade() -> None:
    """Make what the counter needs."""
    _make_device()
    _make_device_code()
    _make_shift()
    _give_staff_pins()
    op.add_column(
        "shop",
        sa.Column("lock_minutes", sa.Integer(), server_default=sa.text("5"), nullable=False),
    )
    op.create_check_constraint(
        op.f("ck_shop_lock_minutes_in_range"), "shop", "lock_minutes BETWEEN 1 AND 120"
    )
    _name_devices_on_purchases()
    _limit_clerks()


def _make_device() -> None:
    op.create_table(
        "device",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("enrolled_by", sa.BigInteger()),
        sa.Column("enrolled_at", MOMENT, nullable=False),
        sa.Column("last_seen_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT),
        sa.Column("skew_ms", sa.Integer()),
        sa.Column("skew_at", MOMENT),
        sa.CheckConstraint("name <> ''", name=op.f("ck_device_named")),
        sa.CheckConstraint(
            "(skew_ms IS NULL) = (skew_at IS NULL)", name=op.f("ck_device_skew_when")
        ),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_device_store_id_store")),
        sa.ForeignKeyConstraint(
            ["enrolled_by"], ["staff.id"], name=op.f("fk_device_enrolled_by_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device")),
        sa.UniqueConstraint("digest", name=op.f("uq_device_digest")),
    )


def _make_device_code() -> None:
    op.create_table(
        "device_code",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.BigInteger()),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT),
        sa.Column("device_id", sa.BigInteger()),
        sa.CheckConstraint(
            "(used_at IS NULL) = (device_id IS NULL)", name=op.f("ck_device_code_used_by_a_device")
        ),
        sa.ForeignKeyConstraint(
            ["store_id"], ["store.id"], name=op.f("fk_device_code_store_id_store")
        ),
        sa.ForeignKeyConstraint(
            ["made_by"], ["staff.id"], name=op.f("fk_device_code_made_by_staff")
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_device_code_device_id_device")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_code")),
        sa.UniqueConstraint("digest", name=op.f("uq_device_code_digest")),
    )
    op.create_index("ix_device_code_expires_at", "device_code", ["expires_at"])


def _make_shift() -> None:
    """Make shifts: a row's end is written once, the rest never changes."""
    op.create_table(
        "shift",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("device_id", sa.BigInteger(), nullable=False),
        sa.Column("store_id", sa.BigInteger(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("ended_by", sa.Text()),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_shift_ended_somehow")
        ),
        sa.CheckConstraint("ended_at >= started_at", name=op.f("ck_shift_ends_after_start")),
        sa.CheckConstraint(
            "ended_by IN ('sign_out', 'next', 'revoked', 'forgotten')",
            name=op.f("ck_shift_ended_by_known"),
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_shift_staff_id_staff")),
        sa.ForeignKeyConstraint(
            ["device_id"], ["device.id"], name=op.f("fk_shift_device_id_device")
        ),
        sa.ForeignKeyConstraint(["store_id"], ["store.id"], name=op.f("fk_shift_store_id_store")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift")),
    )
    op.create_index(
        "ix_shift_open", "shift", ["device_id"], unique=True, postgresql_where="ended_at IS NULL"
    )
    op.create_index("ix_shift_staff_id", "shift", ["staff_id", "started_at"])
    op.execute("""
        CREATE FUNCTION keep_shift() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'DELETE' OR OLD.ended_at IS NOT NULL
                OR (NEW.id, NEW.staff_id, NEW.device_id, NEW.store_id, NEW.started_at)
                IS DISTINCT FROM
                (OLD.id, OLD.staff_id, OLD.device_id, OLD.store_id, OLD.started_at)
            THEN
                RAISE EXCEPTION 'a shift only gets its end' USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON shift "
        "FOR EACH ROW EXECUTE FUNCTION keep_shift()"
    )


def _give_staff_pins() -> None:
    for column in (
        sa.Column("pin_hash", sa.Text()),
        sa.Column(
            "pin_is_temporary", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("pin_tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("pin_locked_until", MOMENT),
    ):
        op.add_column("staff", column)
    op.create_check_constraint(op.f("ck_staff_pin_tries_counted"), "staff", "pin_tries >= 0")


def _name_devices_on_purchases() -> None:
    """Name the device on the sale itself, which then counts what a device does."""
    op.add_column("purchase", sa.Column("device_id", sa.BigInteger()))
    op.create_foreign_key(
        op.f("fk_purchase_device_id_device"), "purchase", "device", ["device_id"], ["id"]
    )
    op.create_index(
        "ix_purchase_device_id",
        "purchase",
        ["device_id", "purchased_at"],
        postgresql_where="device_id IS NOT NULL",
    )
    op.drop_table("device_count")


def _limit_clerks() -> None:
    _know((*OLD_KINDS, NEW_KIND), least_minutes=0)
    # A shop already at work gets what set-up gives a new one.
    op.execute("""
        INSERT INTO velocity_rule (code, scope, what, window_minutes, warn_at, block_at, is_active)
        SELECT rule.* FROM (VALUES
            ('staff_points_sale', 'staff', 'points', 0, 100, 200, true),
            ('staff_points_day', 'staff', 'points', NULL::integer, 2000, 5000, true),
            ('staff_coupon_sale', 'staff', 'coupon_twd', 0, 300, 600, true)
        ) AS rule WHERE EXISTS (SELECT FROM shop)
    """)
    op.execute("UPDATE shop SET programme_version = programme_version + 1")


def _know(kinds: Sequence[str], *, least_minutes: int) -> None:
    for name, condition in {
        "what_known": "what IN ('" + "', '".join(kinds) + "')",
        "window_in_range": f"window_minutes BETWEEN {least_minutes} AND 1440",
    }.items():
        op.drop_constraint(op.f(f"ck_velocity_rule_{name}"), "velocity_rule", type_="check")
        op.create_check_constraint(op.f(f"ck_velocity_rule_{name}"), "velocity_rule", condition)


def downgrade() -> None:
    """Take it back."""
    rules = "', '".join(NEW_RULES)
    op.execute(f"DELETE FROM velocity_rule WHERE code IN ('{rules}')")  # noqa: S608 - ours
    _know(OLD_KINDS, least_minutes=1)
    op.execute("UPDATE shop SET programme_version = programme_version + 1")
    op.create_table(
        "device_count",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("bucket", MOMENT, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("device", "bucket", name=op.f("pk_device_count")),
    )
    op.drop_index("ix_purchase_device_id", table_name="purchase")
    op.drop_column("purchase", "device_id")
    op.drop_column("shop", "lock_minutes")
    op.drop_constraint(op.f("ck_staff_pin_tries_counted"), "staff", type_="check")
    for column in ("pin_hash", "pin_is_temporary", "pin_tries", "pin_locked_until"):
        op.drop_column("staff", column)
    op.drop_table("shift")
    op.execute("DROP FUNCTION keep_shift()")
    op.drop_table("device_code")
    op.drop_table("device")

"""Give coupons clocks, stock, packs and redemptions; add rewards."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ZERO = sa.text("0")
EMPTY = sa.text("'{}'")
TEMPLATE_CHECKS = (
    ("kind_known", "kind IN ('amount', 'percent', 'item', 'free_shipping', 'gift')"),
    ("only_discounts_have_a_value", "(kind IN ('amount', 'percent')) = (value <> 0)"),
    ("lives", "valid_days > 0"),
    ("cap_is_of_a_percent", "cap_twd > 0 AND kind = 'percent' OR cap_twd IS NULL"),
    ("clock_known", "clock IN ('window', 'receipt', 'opening')"),
    ("window_has_end", "(clock = 'window') = (ends_at IS NOT NULL)"),
    ("days_are_told", "clock = 'window' OR (valid_days IS NOT NULL AND starts_at IS NULL)"),
    ("window_opens_first", "starts_at < ends_at"),
    ("opening_has_last_day", "(clock = 'opening') = (open_within_days IS NOT NULL)"),
    ("open_within_days_positive", "open_within_days > 0"),
    ("stock_not_negative", "stock_left >= 0"),
    ("limits_positive", "per_member_limit > 0 AND per_day_limit > 0"),
    ("day_within_limit", "day_issued >= 0 AND day_issued <= per_day_limit"),
    ("combines_named", "combines <> ''"),
    ("on_refund_known", "on_refund IN ('restore', 'keep')"),
    ("pack_has_places", "(pack_code IS NULL) = (pack_place IS NULL)"),
    ("pack_place_positive", "pack_place > 0"),
)
NEW_TEMPLATE_CHECKS = tuple(
    check for check in TEMPLATE_CHECKS if check[0] not in ("kind_known", "lives")
)
COUPON_CHECKS = (
    ("state_known", "state IN ('locked', 'issued', 'redeemed', 'void')"),
    ("pack_has_places", "(pack_key IS NULL) = (pack_place IS NULL)"),
    ("only_packs_lock", "state <> 'locked' OR pack_key IS NOT NULL"),
)


def _texts(name: str) -> sa.Column[list[str]]:
    return sa.Column(name, postgresql.ARRAY(sa.Text()), server_default=EMPTY, nullable=False)


def _to(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{other}.id"], name=op.f(f"fk_{table}_{column}_{other}")
    )


def upgrade() -> None:
    """Add columns and tables, keep what was redeemed as redemptions, and note every transition."""
    _widen_template()
    _widen_coupon()
    _make_redemption()
    _make_event()
    _make_rewards()
    op.drop_constraint(op.f("uq_purchase_coupon_id"), "purchase")


def _widen_template() -> None:
    for column in (
        sa.Column("cap_twd", sa.Integer()),
        sa.Column("item_sku", sa.Text()),
        sa.Column("clock", sa.Text(), server_default="receipt", nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True)),
        sa.Column("ends_at", sa.DateTime(timezone=True)),
        sa.Column("open_within_days", sa.Integer()),
        sa.Column("stock_left", sa.Integer()),
        sa.Column("per_member_limit", sa.Integer()),
        sa.Column("per_day_limit", sa.Integer()),
        sa.Column("day_on", sa.Date()),
        sa.Column("day_issued", sa.Integer(), server_default=ZERO, nullable=False),
        _texts("tier_codes"),
        _texts("store_codes"),
        _texts("channels"),
        sa.Column("combines", sa.Text(), server_default="alone", nullable=False),
        sa.Column("on_refund", sa.Text(), server_default="restore", nullable=False),
        sa.Column("priority", sa.Integer(), server_default=sa.text("100"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("pack_code", sa.Text()),
        sa.Column("pack_place", sa.Integer()),
    ):
        op.add_column("coupon_template", column)
    op.alter_column("coupon_template", "valid_days", nullable=True)
    for name in ("kind_known", "item_has_no_value"):
        op.drop_constraint(op.f(f"ck_coupon_template_{name}"), "coupon_template")
    op.create_check_constraint(
        op.f("ck_coupon_template_kind_known"), "coupon_template", TEMPLATE_CHECKS[0][1]
    )
    for name, condition in NEW_TEMPLATE_CHECKS:
        op.create_check_constraint(op.f(f"ck_coupon_template_{name}"), "coupon_template", condition)
    op.create_unique_constraint(
        op.f("uq_coupon_template_pack_code_pack_place"),
        "coupon_template",
        ["pack_code", "pack_place"],
    )


def _widen_coupon() -> None:
    for column in (
        sa.Column("pack_key", sa.Text()),
        sa.Column("pack_place", sa.Integer()),
        sa.Column("opened_at", sa.DateTime(timezone=True)),
        sa.Column("moved_at", sa.DateTime(timezone=True)),
        sa.Column("moved_cause", sa.Text()),
        sa.Column("moved_staff_id", sa.BigInteger()),
        sa.Column("moved_store_id", sa.BigInteger()),
        sa.Column("moved_ref", sa.Text()),
    ):
        op.add_column("coupon", column)
    op.drop_constraint(op.f("ck_coupon_state_known"), "coupon")
    for name, condition in COUPON_CHECKS:
        op.create_check_constraint(op.f(f"ck_coupon_{name}"), "coupon", condition)
    op.create_index(
        "ix_coupon_pack",
        "coupon",
        ["pack_key", "pack_place"],
        unique=True,
        postgresql_where="pack_key IS NOT NULL",
    )
    op.create_index(op.f("ix_coupon_template_id"), "coupon", ["template_id"])


def _make_redemption() -> None:
    op.create_table(
        "redemption",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("coupon_id", sa.BigInteger(), nullable=False),
        sa.Column("purchase_id", sa.BigInteger()),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("store_id", sa.BigInteger()),
        sa.Column("staff_id", sa.BigInteger()),
        sa.Column("discount_twd", sa.Integer(), nullable=False),
        sa.Column("redeemed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("reversed_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("discount_twd >= 0", name=op.f("ck_redemption_discount_not_negative")),
        _to("redemption", "coupon_id", "coupon"),
        _to("redemption", "purchase_id", "purchase"),
        _to("redemption", "member_id", "member"),
        _to("redemption", "store_id", "store"),
        _to("redemption", "staff_id", "staff"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_redemption")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_redemption_idempotency_key")),
    )
    op.create_index(
        "ix_redemption_standing",
        "redemption",
        ["coupon_id"],
        unique=True,
        postgresql_where="reversed_at IS NULL",
    )
    op.create_index(op.f("ix_redemption_purchase_id"), "redemption", ["purchase_id"])
    op.create_index(
        op.f("ix_redemption_member_id_redemption_redeemed_at"),
        "redemption",
        ["member_id", "redeemed_at"],
    )
    op.execute("""
        INSERT INTO redemption (coupon_id, purchase_id, member_id, store_id, staff_id,
                                discount_twd, redeemed_at, idempotency_key)
        SELECT coupon_id, id, member_id, store_id, staff_id, discount_twd, purchased_at,
               'purchase:' || id || ':' || coupon_id
        FROM purchase WHERE coupon_id IS NOT NULL
    """)


def _make_event() -> None:
    op.create_table(
        "coupon_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("coupon_id", sa.BigInteger(), nullable=False),
        sa.Column("from_state", sa.Text()),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("staff_id", sa.BigInteger()),
        sa.Column("store_id", sa.BigInteger()),
        sa.Column("ref", sa.Text()),
        _to("coupon_event", "coupon_id", "coupon"),
        _to("coupon_event", "staff_id", "staff"),
        _to("coupon_event", "store_id", "store"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupon_event")),
    )
    op.create_index(
        op.f("ix_coupon_event_coupon_id_coupon_event_id"), "coupon_event", ["coupon_id", "id"]
    )
    op.execute("""
        CREATE FUNCTION note_coupons_made() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO coupon_event
                (coupon_id, from_state, to_state, cause, at, staff_id, store_id, ref)
            SELECT id, NULL, CASE state WHEN 'locked' THEN 'locked' ELSE 'issued' END,
                   'issue', issued_at, moved_staff_id, moved_store_id, issue_key
            FROM made ORDER BY id;
            INSERT INTO coupon_event
                (coupon_id, from_state, to_state, cause, at, staff_id, store_id, ref)
            SELECT id, 'issued', state, coalesce(moved_cause, 'import'),
                   coalesce(redeemed_at, moved_at, issued_at),
                   moved_staff_id, moved_store_id, moved_ref
            FROM made WHERE state IN ('redeemed', 'void') ORDER BY id;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE FUNCTION note_coupon_moved() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF (NEW.moved_at, NEW.moved_cause, NEW.moved_ref)
                IS DISTINCT FROM (OLD.moved_at, OLD.moved_cause, OLD.moved_ref)
            THEN
                INSERT INTO coupon_event
                    (coupon_id, from_state, to_state, cause, at, staff_id, store_id, ref)
                VALUES (NEW.id, OLD.state, NEW.state, coalesce(NEW.moved_cause, 'untold'),
                        coalesce(NEW.moved_at, clock_timestamp()),
                        NEW.moved_staff_id, NEW.moved_store_id, NEW.moved_ref);
            ELSE
                INSERT INTO coupon_event (coupon_id, from_state, to_state, cause, at)
                VALUES (NEW.id, OLD.state, NEW.state, 'untold', clock_timestamp());
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        INSERT INTO coupon_event (coupon_id, to_state, cause, at, ref)
        SELECT id, 'issued', 'issue', issued_at, issue_key FROM coupon ORDER BY id
    """)
    op.execute("""
        INSERT INTO coupon_event (coupon_id, from_state, to_state, cause, at)
        SELECT id, 'issued', state, 'import', coalesce(redeemed_at, issued_at)
        FROM coupon WHERE state <> 'issued' ORDER BY id
    """)
    op.execute(
        "CREATE TRIGGER note_made AFTER INSERT ON coupon REFERENCING NEW TABLE AS made "
        "FOR EACH STATEMENT EXECUTE FUNCTION note_coupons_made()"
    )
    op.execute(
        "CREATE TRIGGER note_moved AFTER UPDATE OF state ON coupon FOR EACH ROW "
        "WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION note_coupon_moved()"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON coupon_event "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )


def _make_rewards() -> None:
    op.create_table(
        "reward",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", postgresql.JSONB(), nullable=False),
        sa.Column("description", postgresql.JSONB(), nullable=False),
        sa.Column("cost_points", sa.Integer(), nullable=False),
        sa.Column("template_id", sa.BigInteger(), nullable=False),
        sa.Column("stock_left", sa.Integer()),
        sa.Column("per_member_limit", sa.Integer()),
        _texts("tier_codes"),
        sa.Column("starts_at", sa.DateTime(timezone=True)),
        sa.Column("ends_at", sa.DateTime(timezone=True)),
        sa.Column("cancel_days", sa.Integer(), server_default=sa.text("7"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False),
        *(
            sa.CheckConstraint(condition, name=op.f(f"ck_reward_{name}"))
            for name, condition in (
                ("costs_points", "cost_points > 0"),
                ("stock_not_negative", "stock_left >= 0"),
                ("limit_positive", "per_member_limit > 0"),
                ("lives", "starts_at < ends_at"),
                ("cancel_days_not_negative", "cancel_days >= 0"),
            )
        ),
        _to("reward", "template_id", "coupon_template"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward")),
        sa.UniqueConstraint("code", name=op.f("uq_reward_code")),
    )
    op.create_table(
        "reward_exchange",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reward_id", sa.BigInteger(), nullable=False),
        sa.Column("member_id", sa.BigInteger(), nullable=False),
        sa.Column("coupon_id", sa.BigInteger(), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("cost_points", sa.Integer(), nullable=False),
        sa.Column("exchanged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True)),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.CheckConstraint("cost_points > 0", name=op.f("ck_reward_exchange_costs_points")),
        _to("reward_exchange", "reward_id", "reward"),
        _to("reward_exchange", "member_id", "member"),
        _to("reward_exchange", "coupon_id", "coupon"),
        _to("reward_exchange", "entry_id", "points_entry"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reward_exchange")),
        sa.UniqueConstraint("coupon_id", name=op.f("uq_reward_exchange_coupon_id")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_reward_exchange_idempotency_key")),
    )
    op.create_index(
        op.f("ix_reward_exchange_member_id_reward_exchange_reward_id"),
        "reward_exchange",
        ["member_id", "reward_id"],
    )


def downgrade() -> None:
    """Take tables and columns away; what only the new rules allow goes with them."""
    op.drop_table("reward_exchange")
    op.drop_table("reward")
    for trigger in ("note_made", "note_moved"):
        op.execute(f"DROP TRIGGER {trigger} ON coupon")
    op.drop_table("coupon_event")
    op.execute("DROP FUNCTION note_coupons_made()")
    op.execute("DROP FUNCTION note_coupon_moved()")
    op.drop_table("redemption")
    # Of the uses of one coupon only the first may keep its name under the old unique key.
    op.execute("""
        UPDATE purchase SET coupon_id = NULL WHERE id IN (
            SELECT id FROM (
                SELECT id, row_number() OVER (PARTITION BY coupon_id ORDER BY id) AS use
                FROM purchase WHERE coupon_id IS NOT NULL
            ) AS uses WHERE use > 1)
    """)
    op.create_unique_constraint(op.f("uq_purchase_coupon_id"), "purchase", ["coupon_id"])
    op.drop_index(op.f("ix_coupon_template_id"), "coupon")
    op.drop_index("ix_coupon_pack", "coupon")
    for name, _ in COUPON_CHECKS:
        op.drop_constraint(op.f(f"ck_coupon_{name}"), "coupon")
    op.execute("UPDATE coupon SET state = 'void' WHERE state = 'locked'")
    op.create_check_constraint(
        op.f("ck_coupon_state_known"), "coupon", "state IN ('issued', 'redeemed', 'void')"
    )
    for name in (
        "moved_ref",
        "moved_store_id",
        "moved_staff_id",
        "moved_cause",
        "moved_at",
        "opened_at",
        "pack_place",
        "pack_key",
    ):
        op.drop_column("coupon", name)
    _narrow_template()


def _narrow_template() -> None:
    op.drop_constraint(op.f("uq_coupon_template_pack_code_pack_place"), "coupon_template")
    for name, _ in NEW_TEMPLATE_CHECKS:
        op.drop_constraint(op.f(f"ck_coupon_template_{name}"), "coupon_template")
    op.drop_constraint(op.f("ck_coupon_template_kind_known"), "coupon_template")
    op.execute("""
        UPDATE coupon_template SET
            kind = CASE WHEN kind IN ('free_shipping', 'gift') THEN 'item' ELSE kind END,
            valid_days = coalesce(valid_days, 1)
    """)
    op.create_check_constraint(
        op.f("ck_coupon_template_kind_known"),
        "coupon_template",
        "kind IN ('amount', 'percent', 'item')",
    )
    op.create_check_constraint(
        op.f("ck_coupon_template_item_has_no_value"),
        "coupon_template",
        "(kind = 'item') = (value = 0)",
    )
    op.alter_column("coupon_template", "valid_days", nullable=False)
    for name in (
        "pack_place",
        "pack_code",
        "is_active",
        "priority",
        "on_refund",
        "combines",
        "channels",
        "store_codes",
        "tier_codes",
        "day_issued",
        "day_on",
        "per_day_limit",
        "per_member_limit",
        "stock_left",
        "open_within_days",
        "ends_at",
        "starts_at",
        "clock",
        "item_sku",
        "cap_twd",
    ):
        op.drop_column("coupon_template", name)
